"""Finished documents: rebuilt when their stories change, and otherwise the same bytes for ever."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from builders import issue, news, tags
from hypothesis import given
from hypothesis import strategies as st
from website import BASE, TOPICS, Site, atom, open_site, texts, topics

from feeds.errors import Gone, NotFound
from feeds.model import StoryQuery, Subscription, Verdict
from feeds.publish import documents as documents_module
from feeds.publish.document import Document, document
from feeds.publish.documents import FORMATS, FeedDocuments
from feeds.store import Store

FEEDS = ("all", "untagged", "finance", "workforce")


def everything(documents: FeedDocuments) -> dict[str, Document]:
    return {name: documents.get(StoryQuery(name)) for name in FEEDS}


def moved(before: dict[str, Document], after: dict[str, Document]) -> set[str]:
    """Which feeds have new bytes; then, and only then, they have a new ETag and a later time as well."""
    for name in FEEDS:
        old, new = before[name], after[name]
        assert (old.body != new.body) == (old.etag != new.etag)
        assert old.modified is not None
        assert new.modified is not None
        assert new.modified > old.modified if old.body != new.body else new.modified == old.modified
    return {name for name in FEEDS if before[name].body != after[name].body}


def test_an_unchanged_feed_is_served_from_the_same_bytes(site: Site) -> None:
    documents = site.restarted()
    assert documents.get(StoryQuery("finance")) is documents.get(StoryQuery("finance"))


def test_a_restart_changes_no_byte(site: Site) -> None:
    before = everything(site.restarted())
    site.clock.advance(86_400)
    assert everything(site.restarted()) == before


@pytest.mark.parametrize(
    ("chosen", "touched"),
    [
        (["workforce"], {"all", "workforce"}),
        (["finance", "workforce"], {"all", "finance", "workforce"}),
        ([], {"all", "untagged"}),
    ],
)
def test_a_new_story_moves_the_feeds_of_its_topics_and_no_other(site: Site, chosen: Sequence[str], touched: set[str]) -> None:
    documents = site.restarted()
    before = everything(documents)
    site.tell(site.press, issue("new", news("Ward staff walk out", topics=topics(**dict.fromkeys(chosen, 0.9)))))
    after = everything(documents)
    assert moved(before, after) == touched
    assert {after[name].modified for name in touched} == {site.clock()}
    assert {texts(atom(after[name].body), "a:updated")[0] for name in touched} == {"2026-03-02T09:04:00+00:00"}


def test_counts_follow_the_stories(site: Site) -> None:
    before = site.store.stories.counts()
    site.tell(site.press, issue("new", news("Ward staff walk out", topics=topics(workforce=0.9))))
    after = site.store.stories.counts()
    assert after["all"] == before["all"] + 1
    assert after["workforce"] == before["workforce"] + 1
    assert after["finance"] == before["finance"]


def test_what_is_told_again_unchanged_moves_nothing(site: Site) -> None:
    documents = site.restarted()
    before = everything(documents)
    owls = news("Owls nest at the infirmary", url="https://press.example.org/owls", topics=topics())
    site.tell(site.press, issue("owls", owls))
    site.tell(site.letters, issue("third.txt", owls))
    assert moved(before, everything(documents)) == set()


def test_an_edit_moves_the_feeds_that_a_story_leaves_and_those_that_it_enters(site: Site) -> None:
    documents = site.restarted()
    before = everything(documents)
    site.tell(site.press, issue("owls", news("Owls cost the infirmary a fortune", topics=topics(finance=0.8))))
    after = everything(documents)
    assert moved(before, after) == {"all", "untagged", "finance"}
    assert texts(atom(after["untagged"].body), "a:entry/a:title") == []


def test_whatever_an_edit_changes_in_a_feed_survives_a_restart(site: Site) -> None:
    """What is shown of a story's place in its round-up changes with the others; the cached bytes must not lag behind."""
    documents = site.restarted()
    everything(documents)
    deficit, nurses = (site.store.stories.get(site.ids()[title]) for title in ("Deficit grows at Harrow", "Nurses leave for Leeds"))
    told = [
        news(deficit.title, deficit.text, url=deficit.url, topics=topics(finance=0.93)),
        news(nurses.title, nurses.text, topics=topics(workforce=0.8)),
        news("Bats follow the owls", topics=topics()),
    ]
    site.tell(site.press, issue("catch-up", *told, published=deficit.published, author="Ada Wren", url=deficit.article.url))
    assert everything(site.restarted()) == everything(documents)


def test_a_withdrawn_story_leaves_its_feeds(site: Site) -> None:
    documents = site.restarted()
    before = everything(documents)
    site.clock.advance(60)
    site.store.sources.remove(site.letters.id, site.clock())
    after = everything(documents)
    assert moved(before, after) == {"all", "finance", "workforce"}
    assert texts(atom(after["workforce"].body), "a:entry/a:title") == ["Nurses leave for Leeds"]


def test_a_feed_holds_the_newest_fifty(site: Site) -> None:
    for number in range(60):
        site.tell(site.press, issue(f"n{number}", news(f"Story number {number}")))
    titles = texts(atom(site.restarted().get(StoryQuery("finance")).body), "a:entry/a:title")
    assert titles == [f"Story number {number}" for number in range(59, 9, -1)]


def test_a_feed_without_stories_has_a_time_that_stands_still(tmp_path: Path) -> None:
    with open_site(tmp_path, filled=False) as site:
        before = everything(site.restarted())
        site.tell(site.press, issue("new", news("Ward staff walk out", topics=topics(workforce=0.9))), after=10**6)
        after = everything(site.restarted())
    assert before["all"].modified
    assert {one.modified for one in before.values()} == {before["all"].modified}
    assert after["finance"] == before["finance"]


def test_readers_that_come_at_once_get_the_same_document(site: Site) -> None:
    documents = site.restarted()
    with ThreadPoolExecutor(8) as pool:
        first = list(pool.map(documents.get, [StoryQuery()] * 16))
        site.tell(site.press, issue("new", news("Ward staff walk out")))
        second = list(pool.map(documents.get, [StoryQuery()] * 16))
    assert {one.etag for one in first} != {one.etag for one in second}
    assert len({id(one) for one in first}) == len({id(one) for one in second}) == 1


@pytest.mark.parametrize("name", ["nosuch", "", "Finance", "finance.atom", "../all"])
def test_an_unknown_feed_is_refused_with_the_names_of_those_there_are(site: Site, name: str) -> None:
    with pytest.raises(NotFound, match="finance, workforce, all, untagged"):
        site.restarted().canonical(name)


@pytest.mark.parametrize("name", ["x" * 5000, "'; drop table feed; --", "\0"], ids=["long", "quoted", "nul"])
def test_no_name_is_refused_by_the_database(store: Store, name: str) -> None:
    with pytest.raises(NotFound, match="there is no feed called"):
        FeedDocuments(store, TOPICS, BASE).canonical(name)


def test_a_feed_of_a_topic_given_up_is_gone_and_counts_no_more(site: Site) -> None:
    site.tell(site.press, issue("new", news("Archive opened", topics={**topics(finance=0.9), "archive": 0.9})))
    documents = site.restarted()
    site.clock.advance(60)
    assert site.store.tags.keep_only(documents.names[:-2], site.clock()) == 1
    with pytest.raises(Gone, match="'archive' was given up; there are: finance, workforce, all, untagged"):
        documents.canonical("archive")
    assert site.store.stories.counts() == {"all": 5, "untagged": 1, "finance": 3, "workforce": 2}
    with pytest.raises(NotFound) as never:
        documents.canonical("archives")
    assert not isinstance(never.value, Gone)


@given(st.binary(max_size=2000))
def test_the_compressed_body_is_the_body(body: bytes) -> None:
    made = document(body, "text/plain", 0)
    assert made == document(body, "text/plain", 0)
    assert made.gzip_body is None or gzip.decompress(made.gzip_body) == body
    assert made.gzip_etag != made.etag


def test_only_what_gains_by_it_is_compressed() -> None:
    assert document(b"short", "text/plain", 0).gzip_body is None
    packed = document(b"long " * 1000, "text/plain", 0).gzip_body
    assert packed is not None
    assert len(packed) < 500
    assert packed[4:8] == b"\0\0\0\0", "without the time of packing, the same bytes after a restart (RFC 1952)"


def test_the_etag_follows_the_bytes_and_nothing_else() -> None:
    made = document(b"body", "text/plain", 1)
    assert made.etag == document(b"body", "text/plain", 2).etag
    assert made.etag != document(b"bodz", "text/plain", 1).etag
    assert replace(made, modified=2) == document(b"body", "text/plain", 2)


def test_the_address_of_the_service_is_part_of_its_documents(site: Site) -> None:
    assert site.restarted(BASE).get(StoryQuery("all")).etag != site.restarted("https://elsewhere.example").get(StoryQuery("all")).etag


# ---------------------------------------------------------------- several topics in one feed


def test_a_combined_feed_moves_with_each_of_its_topics_and_with_no_other(site: Site) -> None:
    documents = site.restarted()
    both = StoryQuery("finance+workforce")
    before = documents.get(both)
    site.tell(site.press, issue("owls again", news("More owls", topics=topics())))
    assert documents.get(both) is before
    for topic in ("finance", "workforce"):
        site.tell(site.press, issue(topic, news(f"More {topic}", topics=topics(**{topic: 0.9}))))
        after = documents.get(both)
        assert (after.etag != before.etag, after.modified) == (True, site.clock())
        before = after
    assert texts(atom(before.body), "a:entry/a:title")[:2] == ["More workforce", "More finance"]


@pytest.mark.parametrize("names", ["finance+nosuch", "nosuch+all", "finance+", "+", "finance++-"])
def test_one_unknown_name_among_several_is_refused(site: Site, names: str) -> None:
    with pytest.raises(NotFound, match="there is no feed called") as refused:
        site.restarted().canonical(names)
    assert not isinstance(refused.value, Gone)


def test_a_topic_given_up_is_gone_from_combinations_too(site: Site) -> None:
    site.tell(site.press, issue("new", news("Archive opened", topics={**topics(finance=0.9), "archive": 0.9})))
    documents = site.restarted()
    for names in ("finance+archive", "archive,workforce", "all archive"):
        with pytest.raises(Gone, match="'archive' was given up"):
            documents.canonical(names)


@pytest.mark.parametrize(
    ("query", "title"),
    [
        (StoryQuery("finance+workforce+untagged"), "Finance or Workforce or no topic"),
        (StoryQuery(words="beds & wards", source=3), "all stories, about beds & wards, from source 3"),
        (StoryQuery("finance", min_confidence=0.07), "Finance, at least 7% sure"),
        (StoryQuery("finance", min_confidence=0.999), "Finance, at least 99.9% sure"),
        (StoryQuery("finance", min_confidence=1.0), "Finance, at least 100% sure"),
        (StoryQuery("finance", min_confidence=0.00001), "Finance, at least 0.001% sure"),
    ],
)
def test_a_feed_says_in_words_what_it_shows(site: Site, query: StoryQuery, title: str) -> None:
    feed = atom(site.restarted().get(query).body)
    assert texts(feed, "a:title") == [f"Healthwire: {title}"]


# ---------------------------------------------------------------- what was taken back


def taken_back(site: Site, query: StoryQuery) -> dict[str, str]:
    """The ids of stories that a feed takes back, with the times."""
    feed = atom(site.restarted().get(query).body)
    found = feed.iterfind("{http://purl.org/atompub/tombstones/1.0}deleted-entry")
    return {str(stone.get("ref")).rpartition("/")[2]: str(stone.get("when")) for stone in found}


def judge(site: Site, title: str, **confidences: float) -> None:
    """A model says something else of one story."""
    site.clock.advance(60)
    (item,) = [each for each in site.store.tags.untaught(f"model at {site.clock()}", 0) if each.title == title]
    site.store.tags.retag([(item, Verdict(tags(topics(**confidences))))], site.clock())


def test_a_withdrawn_story_is_taken_back_in_every_feed_that_showed_it(site: Site) -> None:
    bank = site.ids()["Bank staff cost twice as much"]
    site.clock.advance(60)
    site.store.sources.remove(site.letters.id, site.clock())
    # Four minutes after nine, when the letters went.
    gone = {bank: "2026-03-02T09:04:00+00:00"}
    for name in ("all", "finance", "workforce", "finance+workforce", "workforce+untagged"):
        assert taken_back(site, StoryQuery(name)) == gone
    assert taken_back(site, StoryQuery("untagged")) == {}


def test_a_story_that_leaves_a_topic_is_taken_back_there_and_comes_back(site: Site) -> None:
    deficit = site.ids()["Deficit grows at Harrow"]
    judge(site, "Deficit grows at Harrow", workforce=0.9)
    assert taken_back(site, StoryQuery("finance")) == {deficit: "2026-03-02T09:04:00+00:00"}
    assert taken_back(site, StoryQuery("finance+untagged")) == {deficit: "2026-03-02T09:04:00+00:00"}
    for name in ("all", "workforce", "finance+workforce", "untagged"):
        assert taken_back(site, StoryQuery(name)) == {}, "it shows the story"
    judge(site, "Deficit grows at Harrow", finance=0.9)
    assert taken_back(site, StoryQuery("finance")) == {}
    assert taken_back(site, StoryQuery("workforce")) == {deficit: "2026-03-02T09:05:00+00:00"}
    assert "Deficit grows at Harrow" in texts(atom(site.restarted().get(StoryQuery("finance")).body), "a:entry/a:title")


@pytest.mark.parametrize("words", [{"words": "staff"}, {"source": 2}, {"min_confidence": 0.1}])
def test_a_search_takes_back_what_left_its_topic(site: Site, words: dict[str, Any]) -> None:
    """Also what never fitted it, which nobody knows: readers pass over what they do not have."""
    bank, deficit = "Bank staff cost twice as much", "Deficit grows at Harrow"
    ids, query = site.ids(), StoryQuery("workforce", **words)
    assert bank in texts(atom(site.restarted().get(query).body), "a:entry/a:title")
    judge(site, deficit, workforce=0.9)
    judge(site, deficit, finance=0.9)
    judge(site, bank, finance=0.9)
    assert bank not in texts(atom(site.restarted().get(query).body), "a:entry/a:title")
    assert taken_back(site, query).keys() == {ids[bank], ids[deficit]}
    assert taken_back(site, replace(query, before=max(ids.values()))) == {}


@pytest.mark.parametrize("names", ["all", "finance", "finance+workforce"])
def test_what_a_feed_showed_is_taken_back_at_once_wherever_it_stood(tmp_path: Path, names: str) -> None:
    with open_site(tmp_path, filled=False) as site:
        sources = site.store.sources.add([Subscription(f"https://{number}.example/feed", str(number)) for number in range(60)], None)
        for source in sources:
            site.tell(source, issue("only", news(f"Told by {source.title}", topics=topics(finance=0.9))))
        ids = site.ids()
        for number in (59, 30, 14, 11):
            shown = texts(atom(site.restarted().get(StoryQuery(names)).body), "a:entry/a:title")
            assert f"Told by {number}" in shown
            site.store.sources.remove(sources[number].id, site.clock())
            assert ids[f"Told by {number}"] in taken_back(site, StoryQuery(names))


def test_a_feed_is_as_new_as_what_it_took_back(site: Site) -> None:
    judge(site, "Owls nest at the infirmary", finance=0.9)
    assert texts(atom(site.restarted().get(StoryQuery("untagged")).body), "a:updated") == ["2026-03-02T09:04:00+00:00"]


# ---------------------------------------------------------------- what is kept


def test_a_change_that_does_not_show_leaves_the_document_as_it_was(site: Site) -> None:
    documents = site.restarted()
    queries = [StoryQuery("finance", words="harrow"), StoryQuery(source=2), StoryQuery(before=site.ids()["Owls nest at the infirmary"])]
    before = [documents.get(query, suffix) for query in queries for suffix in FORMATS]
    site.tell(site.press, issue("new", news("Ward staff walk out", topics=topics(finance=0.9))))
    after = [documents.get(query, suffix) for query in queries for suffix in FORMATS]
    assert all(new is old for new, old in zip(after, before, strict=True))


def test_each_choice_and_format_has_a_document_of_its_own(site: Site) -> None:
    documents = site.restarted()
    queries = [StoryQuery(), StoryQuery(limit=2), StoryQuery(words="staff"), StoryQuery(before=site.ids()["Owls nest at the infirmary"])]
    made = [documents.get(query, suffix) for query in queries for suffix in FORMATS]
    assert len({each.etag for each in made}) == len(made)
    assert all(documents.get(query, suffix) is made[place] for place, (query, suffix) in enumerate(product(queries, FORMATS)))


def test_the_memory_of_documents_is_bounded_and_forgets_the_oldest(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    built = site.restarted()
    room = sum(built.get(StoryQuery(words=f"staff or{number}")).size for number in range(3))
    monkeypatch.setattr(documents_module, "_MOST_BYTES", room)
    documents = site.restarted()
    first, *_, last = [documents.get(StoryQuery(words=f"staff or{number}")) for number in range(9)]
    assert documents.get(StoryQuery(words="staff or8")) is last
    assert documents.get(StoryQuery(words="staff or7")) is documents.get(StoryQuery(words="staff or7"))
    again = documents.get(StoryQuery(words="staff or0"))
    assert again is not first
    assert again == first


def test_a_document_larger_than_the_memory_is_served_all_the_same(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents_module, "_MOST_BYTES", 10)
    documents = site.restarted()
    assert documents.get(StoryQuery()) == documents.get(StoryQuery()) == site.restarted().get(StoryQuery())


def test_a_feed_that_changes_often_takes_the_room_of_one_document(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    documents = site.restarted()
    other = documents.get(StoryQuery("workforce"))
    monkeypatch.setattr(documents_module, "_MOST_BYTES", other.size + 3 * documents.get(StoryQuery("finance")).size)
    for number in range(8):
        site.tell(site.press, issue(f"n{number}", news("Deficit grows", f"The {number} time.", topics=topics(finance=0.9))))
        documents.get(StoryQuery("finance", limit=1))
    assert documents.get(StoryQuery("workforce")) is other
