"""Archives (RFC 5005): whoever follows them has every story, and a document that was met once stays as it was."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import pytest
from builders import issue, news, poll_of, tags
from crawling import Page, crawl, fetched, read, rebuilt
from fakes import KeywordJudge
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from ulid import ULID
from website import BASE, HOME_URL, TOPICS, Site, atom, open_site, topics

from feeds.model import Source, Subscription, Tag, Verdict
from feeds.publish.archive import cut
from feeds.store import finding
from feeds.web.app import create_app
from feeds.web.parts import WebParts

FORMATS = ("atom", "rss", "json")
TOMBSTONES = "{http://purl.org/atompub/tombstones/1.0}deleted-entry"

# ---------------------------------------------------------------- where a page ends


def _descending(numbers: set[int]) -> list[str]:
    return [str(ULID.from_int(number)) for number in sorted(numbers, reverse=True)]


# Far apart and one right after another, as ids of stories that came alone and at once.
_IDS = st.builds(
    lambda starts, run: _descending({start + step for start in starts for step in range(run)}),
    st.sets(st.integers(0, 2**100), max_size=60),
    st.integers(1, 7),
)
_MOST = st.integers(1, 20)


def pages_of(ids: Sequence[str], most: int, before: str = "Z") -> dict[str, tuple[str, ...]]:
    """The pages that one meets who walks down from a place, by the places where they end."""
    pages: dict[str, tuple[str, ...]] = {}
    place: str | None = before
    while place:
        below = [each for each in ids if each < place]
        begin = cut(below[: most + 1], most)
        pages[place] = tuple(each for each in below if begin is None or each >= begin)
        place = begin
    return pages


@given(_IDS, _MOST)
def test_a_page_ends_between_half_full_and_full(ids: list[str], most: int) -> None:
    begin = cut(ids[: most + 1], most)
    if begin is None:
        assert len(ids) <= most
        return
    half = -(-most // 2)
    assert begin <= ids[half - 1]
    assert begin > ids[min(most, len(ids) - 1)]
    assert half <= len([each for each in ids if each >= begin]) <= most


@given(_IDS, _MOST)
def test_the_pages_hold_every_story_once_and_all_but_the_oldest_are_half_full(ids: list[str], most: int) -> None:
    *others, oldest = pages_of(ids, most).values()
    assert [each for page in [*others, oldest] for each in page] == ids
    assert all(most <= 2 * len(page) <= 2 * most for page in others)
    assert len(oldest) <= most
    assert oldest or not ids


@given(_IDS, _MOST, st.sets(st.integers(2**100 + 10, 2**120), max_size=30))
def test_what_is_newer_changes_no_page(ids: list[str], most: int, newer: set[int]) -> None:
    before = pages_of(ids, most)
    more = [*_descending(newer), *ids]
    for place, page in before.items():
        if place != "Z":
            assert pages_of(more, most, place)[place] == page


@given(_IDS, _MOST, st.data())
def test_what_is_taken_back_changes_only_the_page_that_held_it(ids: list[str], most: int, data: st.DataObject) -> None:
    gone = set(data.draw(st.lists(st.sampled_from(ids), max_size=5))) if ids else set()
    left = [each for each in ids if each not in gone]
    *others, (oldest, _) = pages_of(ids, most).items()
    for place, page in others:
        # Unless nothing older is left, which the page before it tells.
        if not gone.intersection(page) and min(left, default="Z") < page[-1]:
            assert pages_of(left, most, place)[place] == page
    assert oldest in pages_of(left, most, oldest)


@given(_IDS, _MOST)
def test_walks_from_neighbouring_places_meet(ids: list[str], most: int) -> None:
    """Each crawler that comes back after a new story soon meets pages that it has."""
    for place in ids[:3]:
        walk = pages_of(ids, most, place)
        for one, other in pairwise(walk):
            assert list(pages_of(ids, most, other)) == list(walk)[list(walk).index(other) :]
            assert other < one


def test_a_story_above_changes_few_of_many_pages() -> None:
    ids = [str(ULID.from_int(7_919**9 + 104_729 * number)) for number in range(2000, 0, -1)]
    walks = [set(pages_of(ids, 100, place)) for place in ids[:20]]
    assert len(set.union(*walks)) < 20 + 2 * min(len(walk) for walk in walks)


# ---------------------------------------------------------------- everything is rebuilt


@dataclass(frozen=True)
class Told:
    """A story as the test tells it; which feeds it belongs to follows from this alone."""

    title: str
    finance: float
    workforce: float
    by_letter: bool

    @property
    def topics(self) -> Mapping[str, float]:
        return topics(finance=self.finance, workforce=self.workforce)


def _told(number: int) -> Told:
    """One of many stories: most are of finance, every other one of a ward, and of three two come by letter."""
    title = f"{'Ward' if number % 2 else 'Clinic'} number {number}"
    return Told(title, 0.1 if number % 5 == 0 else 0.9 if number % 3 else 0.6, 0.8 if number % 7 < 3 else 0.2, number % 9 < 6)


TOLD = [_told(number) for number in range(330)]


def tell(site: Site, told: Sequence[Told], name: str, at_once: int = 9) -> None:
    """Stores stories, some at once."""
    for start in range(0, len(told), at_once):
        for source in (site.press, site.letters):
            by_letter = source is site.letters
            stories = [news(each.title, topics=each.topics) for each in told[start : start + at_once] if each.by_letter == by_letter]
            # The lead story of an article is the newest.
            if stories:
                site.tell(source, issue(f"{name}-{start}-{by_letter}", *reversed(stories)))


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site of several hundred stories, for reading only."""
    with open_site(tmp_path_factory.mktemp("large"), filled=False) as site:
        tell(site, TOLD, "many")
        yield site


CHOICES = {
    "finance": [each.title for each in TOLD if each.finance > 0.5],
    "all": [each.title for each in TOLD],
    "untagged": [each.title for each in TOLD if each.finance < 0.5 and each.workforce < 0.5],
    "workforce+finance": [each.title for each in TOLD if each.finance > 0.5 or each.workforce > 0.5],
    "all?q=ward": [each.title for each in TOLD if "Ward" in each.title],
    "finance?q=ward": [each.title for each in TOLD if "Ward" in each.title and each.finance > 0.5],
    "all?source=2": [each.title for each in TOLD if each.by_letter],
    "finance?min_confidence=0.7": [each.title for each in TOLD if each.finance > 0.7],
    "finance?limit=10": [each.title for each in TOLD if each.finance > 0.5],
    "finance+workforce?source=2&min_confidence=.75&q=clinic&limit=20": [
        each.title for each in TOLD if each.by_letter and "Clinic" in each.title and (each.finance > 0.75 or each.workforce > 0.75)
    ],
}


def address_of(choice: str, suffix: str) -> str:
    names, question, words = choice.partition("?")
    return f"{BASE}/feeds/{names}.{suffix}{question}{words}"


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("choice", CHOICES)
def test_a_crawler_rebuilds_every_story_of_a_choice(large: Site, choice: str, suffix: str) -> None:
    pages = crawl(large.client, address_of(choice, suffix))
    subscription, *archives = pages
    # Those that came at once came by letter last.
    assert sorted(rebuilt(pages)) == sorted(CHOICES[choice])
    ids = [story_id for page in pages for story_id in page.ids]
    assert list(dict.fromkeys(ids)) == sorted(set(ids), reverse=True)
    archived = [story_id for page in archives for story_id in page.ids]
    assert len(set(archived)) == len(archived), "no story is in two archive documents"
    assert all(50 <= len(page.ids) <= 100 for page in archives[:-1])
    assert len(archives[-1:]) == (len(CHOICES[choice]) > len(subscription.ids))
    assert all(0 < len(page.ids) <= 100 for page in archives[-1:])


@pytest.mark.parametrize("suffix", ["atom", "rss"])
@pytest.mark.parametrize("choice", ["finance", "workforce+finance", "all?q=ward", "finance?limit=10"])
def test_an_archive_document_says_so_and_leads_back(large: Site, choice: str, suffix: str) -> None:
    subscription, *archives = crawl(large.client, address_of(choice, suffix))
    assert (subscription.is_archive, subscription.current) == (False, None)
    assert [page.is_archive for page in archives] == [True] * len(archives)
    [back] = {page.current for page in archives}
    assert back is not None
    assert fetched(large.client, back) == subscription.body


def test_the_oldest_document_leads_nowhere(large: Site) -> None:
    *_, oldest = crawl(large.client, address_of("finance", "atom"))
    assert b"prev-archive" not in oldest.body
    *_, oldest = crawl(large.client, address_of("finance", "json"))
    assert b"next_url" not in oldest.body


def test_atom_and_rss_have_the_same_archives(large: Site) -> None:
    atom_pages, rss_pages = ([page.ids for page in crawl(large.client, address_of("all", suffix))] for suffix in ("atom", "rss"))
    assert atom_pages == rss_pages


@pytest.mark.parametrize("choice", CHOICES)
def test_the_pages_of_a_json_feed_repeat_nothing(large: Site, choice: str) -> None:
    ids = [story_id for page in crawl(large.client, address_of(choice, "json")) for story_id in page.ids]
    assert len(set(ids)) == len(ids) == len(CHOICES[choice])


@pytest.mark.parametrize("limit", [1, 50, 100])
def test_a_feed_that_fits_has_no_archive(tmp_path: Path, limit: int) -> None:
    with open_site(tmp_path, filled=False) as site:
        tell(site, TOLD[:limit], "some")
        fits = f"{BASE}/feeds/all.atom?limit={limit}"
        [page] = crawl(site.client, fits)
        assert len(page.ids) == limit
        tell(site, TOLD[limit : limit + 1], "one more")
        pages = crawl(site.client, fits)
    assert len(pages) > 1
    assert sorted(rebuilt(pages)) == sorted(each.title for each in TOLD[: limit + 1])


def test_the_archive_of_a_choice_that_fits_few_stories_is_walked_in_bounded_steps(large: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding, "_MOST_LOOKED_AT", 120)
    pages = crawl(large.client, f"{BASE}/feeds/workforce+finance.json?min_confidence=0.85&q=clinic")
    assert sorted(rebuilt(pages)) == sorted(each.title for each in TOLD if "Clinic" in each.title and each.finance > 0.85)
    assert len(pages) <= 1 + -(-len(TOLD) // 50)


# ---------------------------------------------------------------- what was met once stays


@pytest.fixture
def met(tmp_path: Path) -> Iterator[Site]:
    """A site of stories in several archive documents, one of them the only one of its source."""
    with open_site(tmp_path, filled=False) as site:
        [lone] = site.store.sources.add([Subscription("https://lone.example/feed", "Lone")], None)
        tell(site, TOLD[:120], "first")
        site.tell(lone, issue("lone", news("A lone story", topics=topics(finance=0.9))))
        tell(site, TOLD[120:240], "then")
        yield site


WALKED = (
    *(f"{BASE}/feeds/finance.{suffix}" for suffix in FORMATS),
    f"{BASE}/feeds/finance+workforce.atom",
    f"{BASE}/feeds/all.rss?q=trust",
    f"{BASE}/feeds/finance.json?min_confidence=0.5",
    f"{BASE}/feeds/all.json?source=2",
    f"{BASE}/feeds/finance.json?limit=10",
)


def archives_of(site: Site, *addresses: str) -> dict[str, bytes]:
    """The archive documents of feeds, by their addresses."""
    pages = [page for address in addresses or WALKED for page in crawl(site.client, address)[1:]]
    return {page.address: page.body for page in pages}


def changed(site: Site, before: Mapping[str, bytes]) -> set[str]:
    """Which documents have other bytes now at the same addresses; another process gives the same."""
    now = {address: fetched(site.client, address) for address in before}
    restarted, some = another_process(site), list(now)[::6]
    assert [fetched(restarted, address) for address in some] == [now[address] for address in some]
    return {address for address in before if now[address] != before[address]}


def another_process(site: Site) -> FlaskClient:
    parts = WebParts(site.store, site.restarted(), TOPICS, BASE, site.clock, KeywordJudge())
    return create_app(parts, "another key").test_client()


def holding(documents: Mapping[str, bytes], words: str) -> set[str]:
    return {address for address, body in documents.items() if words.encode() in body}


def test_new_stories_change_no_archive_document(met: Site) -> None:
    before = archives_of(met)
    tell(met, TOLD[240:330], "new", at_once=4)
    assert changed(met, before) == set()
    met.tell(met.press, issue("other", news("Of other topics", topics=topics())))
    assert changed(met, before) == set()


def test_a_restart_and_the_time_change_no_archive_document(met: Site) -> None:
    before = archives_of(met, *WALKED[:4])
    met.clock.advance(10**7)
    restarted = another_process(met)
    assert {address: fetched(restarted, address) for address in before} == before


def _judged(met: Site, finance: float) -> None:
    """Another model speaks, which chooses the same topics."""
    verdicts = []
    for each in met.store.tags.untaught(f"model at {finance}", 0, limit=1000):
        story = met.store.stories.get(each.id)
        said = [Tag(tag.topic, finance if tag.chosen else 0.01, tag.chosen, f"model at {finance}") for tag in story.tags]
        verdicts.append((each, Verdict(tuple(said))))
    assert met.store.tags.retag(verdicts, met.clock()) == 0


def test_another_models_confidences_change_no_archive_document(met: Site) -> None:
    before = archives_of(met)
    met.clock.advance(60)
    _judged(met, 0.71)
    assert changed(met, before) == set()


def test_another_home_page_of_a_source_changes_no_archive_document(met: Site) -> None:
    before = archives_of(met, *WALKED[:4])
    [lease] = met.store.polls.claim(met.clock(), 60, 1, [met.press.id])
    met.store.polls.finish(lease, replace(poll_of(), home_url=f"{HOME_URL}elsewhere"))
    restarted = another_process(met)
    assert {address: fetched(restarted, address) for address in before} == before
    assert met.store.sources.find(str(met.press.id)).home_url == f"{HOME_URL}elsewhere"


def test_an_edit_changes_the_archive_documents_that_hold_the_story_and_no_other(met: Site) -> None:
    before = archives_of(met)
    met.tell(_source(met, "Lone"), issue("lone", news("An edited story", topics=topics(finance=0.9))))
    held = holding(before, "A lone story")
    assert changed(met, before) == held
    assert len(held) == 7, "in all but the feed of another source"
    for address in held:
        assert "An edited story" in read(met.client, address).titles


def test_a_withdrawal_changes_the_archive_documents_that_held_the_story_and_no_other(met: Site) -> None:
    before = archives_of(met)
    held = holding(before, "A lone story")
    [story_id] = {story_id for address in held for story_id in _ids(read(met.client, address), "A lone story")}
    met.clock.advance(60)
    met.store.sources.remove(_source(met, "Lone").id, met.clock())
    assert changed(met, before) == held
    for address in held:
        page = read(met.client, address)
        assert "A lone story" not in page.titles
        if ".atom" in address:
            assert _taken_back(page) == [story_id]


def test_a_withdrawn_story_is_taken_back_by_the_one_archive_document_that_covers_its_id(met: Site) -> None:
    [story_id] = [item["id"] for item in met.json("/api/v1/stories?source=3")["items"]]
    met.store.sources.remove(_source(met, "Lone").id, met.clock())
    subscription, *archives = crawl(met.client, address_of("all", "atom"))
    assert _taken_back(subscription) == []
    taken = [page for page in archives if _taken_back(page)]
    assert [_taken_back(page) for page in taken] == [[f"tag:healthwire.invalid,2026:stories/{story_id}"]]
    assert taken[0].address.rpartition("=")[2] > story_id
    assert str(taken[0].older).rpartition("=")[2] <= story_id


@pytest.mark.parametrize("names", ["finance", "finance+workforce"])
def test_whatever_is_withdrawn_the_documents_without_it_stay(tmp_path: Path, names: str) -> None:
    """Each of many sources goes in turn, those of the oldest stories first."""
    with open_site(tmp_path, filled=False) as site:
        titles = [f"s{number}" for number in range(25)]
        sources = site.store.sources.add([Subscription(f"https://{title}.example/feed", title) for title in titles], None)
        for source in sources:
            told = [news(f"Told by {source.title}, {number}", topics=topics(finance=0.9)) for number in range(9)]
            site.tell(source, issue(source.title, *told))
        for source in sources[:12]:
            before = archives_of(site, f"{BASE}/feeds/{names}.json")
            site.store.sources.remove(source.id, site.clock())
            assert changed(site, before) == holding(before, f"Told by {source.title},")


def test_a_story_that_a_new_model_takes_off_the_topic_is_taken_back_where_it_was(met: Site) -> None:
    before = archives_of(met)
    [lone] = [each for each in met.store.tags.untaught("model-2", 0, limit=1000) if each.title == "A lone story"]
    met.store.tags.retag([(lone, Verdict(tags(topics(finance=0.2))))], met.clock())
    in_finance = {address: body for address, body in before.items() if "/finance" in address}
    held = holding(in_finance, "A lone story")
    assert changed(met, in_finance) == held
    assert len(held) == 6
    for address in held:
        assert "A lone story" not in read(met.client, address).titles


@pytest.mark.parametrize("names", ["finance", "finance+workforce"])
def test_whatever_left_is_taken_back_by_some_document(tmp_path: Path, names: str) -> None:
    """However many leave at once, and however few are left."""
    address = f"{BASE}/feeds/{names}.atom"
    with open_site(tmp_path, filled=False) as site:
        sources = site.store.sources.add([Subscription(f"https://{number}.example/feed", str(number)) for number in range(3)], None)
        for number in range(330):
            told = news(f"Story {number}", topics=topics(finance=0.9))
            site.tell(sources[number % 3], issue(str(number), told))
        known = set(_all_ids(crawl(site.client, address)))
        for source in sources:
            site.store.sources.remove(source.id, site.clock())
            pages = crawl(site.client, address)
            taken = [ref for page in pages for ref in _taken_back(page)]
            assert known == {*taken, *_all_ids(pages)}
            assert known.difference(_all_ids(pages)) == set(taken)
            assert all(len(page.ids) + len(_taken_back(page)) <= 150 for page in pages)
    assert len(taken) >= 330


def test_a_document_that_loses_all_its_stories_is_still_where_it_was(tmp_path: Path) -> None:
    with open_site(tmp_path, filled=False) as site:
        tell(site, [replace(each, finance=0.9) for each in TOLD[:200]], "some")
        *others, oldest = crawl(site.client, f"{BASE}/feeds/finance.atom")
        leave = [each for each in site.store.tags.untaught("model-2", 0, limit=1000) if each.title in oldest.titles]
        site.store.tags.retag([(each, Verdict(tags(topics(finance=0.2)))) for each in leave], site.clock())
        assert [read(site.client, page.address).body for page in others[1:]] == [page.body for page in others[1:]]
        emptied = read(site.client, oldest.address)
    assert emptied.titles == ()
    assert _taken_back(emptied) == list(oldest.ids)
    assert others[-1].older == oldest.address


@pytest.mark.parametrize("suffix", ["json", "rss"])
def test_a_page_that_was_linked_once_stays_while_stories_come_one_by_one(tmp_path: Path, suffix: str) -> None:
    known: dict[str, bytes] = {}
    walked: list[int] = []
    with open_site(tmp_path, filled=False) as site:
        for number in range(300):
            site.tell(site.press, issue(str(number), news(f"Story {number}", topics=topics(finance=0.9))))
            if number % 10 == 0:
                subscription, *archives = crawl(site.client, f"{BASE}/feeds/finance.{suffix}", known)
                known |= {page.address: page.body for page in archives}
                walked.append(len(archives))
                assert subscription.titles[0] == f"Story {number}"
        assert {address: fetched(site.client, address) for address in known} == known
    assert len(known) > 5
    # A walk over everything would have met more than twice as many.
    assert sum(walked) < 3 * len(walked)


def _source(site: Site, title: str) -> Source:
    return site.store.sources.find(title)


def _ids(page: Page, title: str) -> list[str]:
    return [story_id for story_id, told in zip(page.ids, page.titles, strict=True) if told == title]


def _all_ids(pages: Sequence[Page]) -> list[str]:
    return [story_id for page in pages for story_id in page.ids]


def _taken_back(page: Page) -> list[str]:
    feed: etree._Element = atom(page.body)
    return [str(tombstone.get("ref")) for tombstone in feed.iterfind(TOMBSTONES)]
