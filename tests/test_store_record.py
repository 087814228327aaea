"""What becomes of stories that are new, told again, edited, told by others, and gone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from builders import LONG, add_sources, issue, news, tags
from databases import rows, wipe
from fakes import START
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feeds.errors import NotFound, StoreError
from feeds.model import FeedState, Issue, PublishedStory, Source, StoryQuery, TaggedStory, Tally, Verdict
from feeds.store import Store
from feeds.store.schema import change, feed, report, story

FEEDS = ("all", "finance", "commissioning", "workforce", "data", "untagged")


def shown(store: Store, feed: str = "all") -> list[PublishedStory]:
    return store.stories.page(StoryQuery(feed=feed))


def titles(store: Store, feed: str = "all") -> list[str]:
    return [each.title for each in shown(store, feed)]


def by_title(store: Store) -> dict[str, PublishedStory]:
    return {each.title: each for each in shown(store)}


def kinds(store: Store) -> list[str]:
    return [row["kind"] for row in rows(store, change)]


def feed_states(store: Store) -> dict[str, FeedState]:
    return {name: store.stories.feed_state(name) for name in FEEDS}


def moved(before: dict[str, FeedState], after: dict[str, FeedState]) -> set[str]:
    return {name for name in FEEDS if before[name] != after[name]}


# ---------------------------------------------------------------- one source


def test_a_new_story_is_shown_with_all_that_is_known_of_it(store: Store) -> None:
    [source_id] = add_sources(store, ["A"])
    told = news("Beds shut", "Sixty beds.", url="https://a.example/beds?utm_source=x", topics={"finance": 0.7, "data": 0.2})
    told_first = issue("one", told, published=START - 60, author="Ann", url="https://a.example/one")
    assert store.polls.write(source_id, [replace(told_first, doubt="kept whole")], START) == Tally(new=1)
    [found] = shown(store)
    assert (found.title, found.text, found.html) == ("Beds shut", "Sixty beds.", "<p>Sixty beds.</p>")
    assert (found.url, found.author) == ("https://a.example/beds?utm_source=x", "Ann")
    assert (found.published, found.first_seen, found.updated) == (START - 60, START, START)
    assert (found.source.id, found.source.title) == (source_id, "A")
    assert (found.article.title, found.article.url, found.article.doubt) == ("Issue one", "https://a.example/one", "kept whole")
    assert (found.article.position, found.article.of) == (1, 1)
    assert found.tags == tags({"data": 0.2, "finance": 0.7})
    assert found.also_reported == ()
    assert store.stories.get(found.id) == found


@pytest.mark.parametrize(("claimed", "published"), [(None, START), (START + 86_400, START), (START - 1, START - 1)])
def test_a_date_that_is_missing_or_in_the_future_becomes_the_day_we_read_it(store: Store, claimed: int | None, published: int) -> None:
    [source_id] = add_sources(store, ["A"])
    store.polls.write(source_id, [issue("one", news("Beds shut"), published=claimed)], START)
    assert shown(store)[0].published == published


def test_the_same_again_changes_nothing(store: Store) -> None:
    [source_id] = add_sources(store, ["A"])
    round_up = issue("one", news("Beds shut"), news("Pay offer", topics={"workforce": 0.8}))
    store.polls.write(source_id, [round_up], START)
    before = [rows(store, table) for table in (story, report, change, feed)]
    assert store.polls.write(source_id, [round_up, round_up], START + 60) == Tally()
    assert [rows(store, table) for table in (story, report, change, feed)] == before


@pytest.mark.parametrize(
    "edited",
    [
        pytest.param(news("Beds shut: 60", "They closed."), id="title"),
        pytest.param(news("Beds shut", "They reopened."), id="text"),
        pytest.param(news("Other headline", "All other words.", url="https://a.example/2"), id="everything"),
        pytest.param(news("Beds shut", "They closed.", url="https://a.example/new"), id="link"),
    ],
)
def test_an_edited_story_keeps_its_id_and_is_updated(store: Store, edited: TaggedStory) -> None:
    [source_id] = add_sources(store, ["A"])
    store.polls.write(source_id, [issue("one", news("Beds shut", "They closed."))], START)
    [old] = shown(store)
    retagged = replace(edited, verdict=Verdict(tags({"workforce": 0.8})))
    assert store.polls.write(source_id, [issue("one", retagged)], START + 60) == Tally(edited=1)
    [new] = shown(store)
    assert (new.id, new.first_seen, new.updated) == (old.id, START, START + 60)
    assert (new.title, new.text, new.url) == (edited.story.title, edited.story.text, edited.story.url)
    assert new.tags == tags({"workforce": 0.8})
    assert kinds(store) == ["new", "edited"]


BEDS, PAY, DATA, WARD = news("Beds shut"), news("Pay offer"), news("Records lost"), news("Ward reopens")
PAY_RENAMED = replace(PAY, story=replace(PAY.story, title="Unions undecided"))


@pytest.mark.parametrize(
    ("before", "after", "tally", "continued"),
    [
        pytest.param([BEDS, PAY], [BEDS, DATA, PAY], Tally(new=1), {"Beds shut", "Pay offer"}, id="a story added between"),
        pytest.param([BEDS, PAY, DATA], [BEDS, DATA], Tally(withdrawn=1), {"Beds shut", "Records lost"}, id="one removed"),
        pytest.param([BEDS, PAY, DATA], [BEDS, PAY_RENAMED, DATA], Tally(edited=1), {"Beds shut", "Records lost"}, id="one renamed"),
        pytest.param([BEDS, PAY, DATA], [DATA, BEDS, PAY], Tally(), {"Beds shut", "Pay offer", "Records lost"}, id="reordered"),
        pytest.param([BEDS, PAY], [], Tally(withdrawn=2), set(), id="all removed"),
        pytest.param([], [BEDS], Tally(new=1), set(), id="the first story added"),
        pytest.param([BEDS, PAY], [WARD], Tally(new=1, withdrawn=2), set(), id="all replaced"),
    ],
)
def test_an_edited_round_up_changes_only_the_stories_that_changed(
    store: Store, before: list[TaggedStory], after: list[TaggedStory], tally: Tally, continued: set[str]
) -> None:
    # Words that all of them share would make a replaced story look like a rewritten one.
    old, new = ([replace(each, story=replace(each.story, text=f"{each.story.title}.")) for each in told] for told in (before, after))
    if PAY_RENAMED in after:
        new[1] = replace(new[1], story=replace(new[1].story, text="Pay offer."))
    [source_id] = add_sources(store, ["A"])
    store.polls.write(source_id, [issue("one", *old)], START)
    earlier = by_title(store)
    assert store.polls.write(source_id, [issue("one", *new)], START + 60) == tally
    later = by_title(store)
    assert {(each.title, each.article.position, each.article.of) for each in later.values()} == {
        (each.story.title, position, len(new)) for position, each in enumerate(new, start=1)
    }
    unchanged = {title for title, found in later.items() if title in earlier and found.id == earlier[title].id and found.updated == START}
    assert unchanged == continued
    assert sum(found.id in {each.id for each in earlier.values()} for found in later.values()) == len(continued) + tally.edited
    # The log tells of each story that looks other than before, be it only by its place among the others.
    looks = {title: (found.text, found.article.position, found.article.of) for title, found in later.items()}
    same = {title for title, found in earlier.items() if (found.text, found.article.position, found.article.of) == looks.get(title)}
    logged = rows(store, change)[len(before) :]
    assert {row["story_id"] for row in logged} == {each.id for each in [*earlier.values(), *later.values()] if each.title not in same}
    assert [row["kind"] for row in logged].count("new") == tally.new
    assert [row["kind"] for row in logged].count("withdrawn") == tally.withdrawn


@pytest.mark.parametrize("edit", [{"author": "Ann"}, {"published": START - 60}, {"url": "https://a.example/one"}])
def test_an_edit_around_a_story_is_logged_but_makes_nobody_read_it_again(store: Store, edit: dict[str, str | int]) -> None:
    [source_id] = add_sources(store, ["A"])
    store.polls.write(source_id, [issue("one", news("Beds shut"))], START)
    before, [old] = feed_states(store), shown(store)
    assert store.polls.write(source_id, [issue("one", news("Beds shut"), **edit)], START + 60) == Tally()  # type: ignore[arg-type]
    [new] = shown(store)
    assert (new.id, new.updated, new.seq > old.seq) == (old.id, START, True)
    assert moved(before, feed_states(store)) == {"all", "finance"}
    assert kinds(store) == ["new", "edited"]


# ---------------------------------------------------------------- the same story elsewhere

WORDS = f"Sixty beds stay closed. {LONG}"
OTHER_WORDS = "Quite another way to tell it"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(
            news("Beds shut", WORDS, url="https://www.press.example/beds?utm_source=a"),
            news("Closed", OTHER_WORDS, url="http://press.example/beds/#top"),
            id="by link",
        ),
        pytest.param(news("Beds shut", WORDS), news("BEDS SHUT!", WORDS.upper()), id="by words, without a link"),
        pytest.param(news("Beds", WORDS, url="https://a.example/1"), news("Beds", WORDS, url="https://b.example/1"), id="by words"),
    ],
)
def test_what_two_sources_tell_is_one_story(store: Store, first: TaggedStory, second: TaggedStory) -> None:
    one, two = add_sources(store, ["A", "B"])
    store.polls.write(one, [issue("one", first)], START)
    before, [alone] = feed_states(store), shown(store)
    assert store.polls.write(two, [issue("two", second, published=START - 5)], START + 60) == Tally(merged=1)
    [found] = shown(store)
    assert (found.id, found.title, found.source.id, found.updated) == (alone.id, first.story.title, one, START)
    [other] = found.also_reported
    assert (other.title, other.url, other.source.id, other.published) == (second.story.title, second.story.url, two, START - 5)
    assert kinds(store) == ["new", "merged"]
    assert found.seq > alone.seq
    # Feeds link to all that tell a story.
    assert moved(before, feed_states(store)) == {"all", "finance"}


@pytest.mark.parametrize(("claimed", "published"), [(None, START + 60), (START + 86_400, START + 60), (START + 30, START + 30)])
def test_another_report_without_a_likely_date_is_of_the_day_we_read_it(store: Store, claimed: int | None, published: int) -> None:
    one, two = add_sources(store, ["A", "B"])
    store.polls.write(one, [issue("one", news("Beds", WORDS))], START)
    store.polls.write(two, [issue("two", news("Beds", WORDS), published=claimed)], START + 60)
    assert [other.published for other in shown(store)[0].also_reported] == [published]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(news("In brief", "No link and few words"), news("In brief", "No link and few words"), id="few words"),
        pytest.param(news("A", WORDS, url="https://p.example/"), news("B", OTHER_WORDS, url="https://p.example"), id="a front page"),
        pytest.param(news("A", WORDS, url="https://p.example/1"), news("B", OTHER_WORDS, url="https://p.example/2"), id="nothing alike"),
    ],
)
def test_what_two_sources_tell_stays_two_stories_when_it_is_not_surely_one(store: Store, first: TaggedStory, second: TaggedStory) -> None:
    one, two = add_sources(store, ["A", "B"])
    store.polls.write(one, [issue("one", first)], START)
    assert store.polls.write(two, [issue("two", second)], START + 60) == Tally(new=1)
    assert len(shown(store)) == 2


@pytest.mark.parametrize(
    ("again", "tally"),
    [
        pytest.param(
            news("Closed", OTHER_WORDS, url="https://a.example/beds"), Tally(new=1), id="same link, other words: a page with new news"
        ),
        pytest.param(news("Beds", WORDS, url="https://a.example/2"), Tally(new=1), id="same words, other link: a standing item"),
        pytest.param(news("Beds", WORDS, url="https://a.example/beds"), Tally(merged=1), id="same words and link"),
        pytest.param(news("Beds", WORDS), Tally(merged=1), id="same words, no link to tell them apart"),
    ],
)
def test_what_one_source_tells_again_in_another_article(store: Store, again: TaggedStory, tally: Tally) -> None:
    [source_id] = add_sources(store, ["A"])
    store.polls.write(source_id, [issue("one", news("Beds", WORDS, url="https://a.example/beds"))], START)
    assert store.polls.write(source_id, [issue("two", again)], START + 60) == tally
    assert len(shown(store)) == 1 + tally.new


def test_two_stories_of_one_article_are_never_one(store: Store) -> None:
    [source_id] = add_sources(store, ["A"])
    twice = news("Beds", WORDS)
    assert store.polls.write(source_id, [issue("one", twice, twice)], START) == Tally(new=2)


def test_a_third_source_joins_the_oldest_telling(store: Store) -> None:
    one, two, three = add_sources(store, ["A", "B", "C"])
    store.polls.write(one, [issue("one", news("By link", OTHER_WORDS, url="https://p.example/beds"))], START)
    store.polls.write(two, [issue("two", news("By words", WORDS))], START)
    store.polls.write(three, [issue("three", news("By words", WORDS, url="https://p.example/beds"))], START)
    found = by_title(store)
    assert {title: [other.source.id for other in each.also_reported] for title, each in found.items()} == {
        "By link": [three],
        "By words": [],
    }


# ---------------------------------------------------------------- gone

GONE = news("Gone", "What was taken back")


def test_a_withdrawn_story_is_shown_nowhere_and_moves_the_feeds_that_showed_it(store: Store) -> None:
    [source_id] = add_sources(store, ["A"])
    store.polls.write(source_id, [issue("kept", news("Kept")), issue("gone", replace(GONE, verdict=Verdict(tags({"data": 0.9}))))], START)
    before, gone = feed_states(store), by_title(store)["Gone"]
    assert store.polls.write(source_id, [issue("gone")], START + 60) == Tally(withdrawn=1)
    assert titles(store) == ["Kept"]
    assert titles(store, "data") == []
    with pytest.raises(NotFound, match="withdrawn"):
        store.stories.get(gone.id)
    assert moved(before, feed_states(store)) == {"all", "data"}
    assert store.stories.counts() == {"finance": 1, "all": 1, "untagged": 0}
    assert rows(store, change)[-1] == {"seq": store.stories.last_change().seq, "at": START + 60, "kind": "withdrawn", "story_id": gone.id}


def test_a_withdrawn_untagged_story_leaves_the_untagged_feed(store: Store) -> None:
    [source_id] = add_sources(store, ["A"])
    store.polls.write(source_id, [issue("kept", news("Kept")), issue("gone", replace(GONE, verdict=Verdict(tags({"data": 0.1}))))], START)
    assert titles(store, "untagged") == ["Gone"]
    before = feed_states(store)
    store.polls.write(source_id, [issue("gone")], START + 60)
    assert titles(store, "untagged") == []
    assert moved(before, feed_states(store)) == {"all", "untagged"}


def test_when_the_leading_report_goes_the_next_one_leads(store: Store) -> None:
    one, two = add_sources(store, ["A", "B"])
    store.polls.write(one, [issue("one", news("By A", OTHER_WORDS, url="https://p.example/beds"))], START)
    store.polls.write(two, [issue("two", news("By B", WORDS, url="https://p.example/beds"))], START + 60)
    [old] = shown(store)
    before = feed_states(store)
    assert store.sources.remove(one, START + 120) == Tally(edited=1)
    [new] = shown(store)
    assert (new.id, new.title, new.text, new.source.id) == (old.id, "By B", WORDS, two)
    assert (new.first_seen, new.updated, new.also_reported) == (START, START + 120, ())
    assert moved(before, feed_states(store)) == {"all", "finance"}
    assert store.sources.remove(two, START + 180) == Tally(withdrawn=1)
    assert shown(store) == []
    assert kinds(store) == ["new", "merged", "edited", "withdrawn"]


def test_a_report_that_does_not_lead_comes_and_goes_without_an_update(store: Store) -> None:
    one, two = add_sources(store, ["A", "B"])
    store.polls.write(one, [issue("one", news("By A", WORDS, url="https://p.example/beds"))], START)
    store.polls.write(two, [issue("two", news("By B", OTHER_WORDS, url="https://p.example/beds"))], START + 60)
    before = feed_states(store)
    edited = news("By B, edited", OTHER_WORDS, url="https://p.example/beds", topics={"data": 0.9})
    assert store.polls.write(two, [issue("two", edited)], START + 120) == Tally()
    [found] = shown(store)
    assert (found.title, found.updated, [tag.topic for tag in found.topics]) == ("By A", START, ["finance"])
    assert [other.title for other in found.also_reported] == ["By B, edited"]
    assert kinds(store) == ["new", "merged", "merged"]
    assert store.sources.remove(two, START + 180) == Tally()
    assert replace(shown(store)[0], seq=0) == replace(found, also_reported=(), seq=0)
    assert moved(before, feed_states(store)) == {"all", "finance"}


def test_a_story_told_again_after_it_was_withdrawn_is_a_new_one(store: Store) -> None:
    one, two = add_sources(store, ["A", "B"])
    store.polls.write(one, [issue("one", news("Beds", WORDS))], START)
    [old] = shown(store)
    store.polls.write(one, [issue("one")], START + 60)
    assert store.polls.write(two, [issue("two", news("Beds", WORDS))], START + 120) == Tally(new=1)
    assert [each.id == old.id for each in shown(store)] == [False]


# ---------------------------------------------------------------- feed states and the change log


@pytest.mark.parametrize(
    ("before", "after", "touched"),
    [
        ({"finance": 0.9}, {"finance": 0.9}, {"all", "finance"}),
        ({"finance": 0.9}, {"workforce": 0.9}, {"all", "finance", "workforce"}),
        ({"finance": 0.9}, {"finance": 0.9, "data": 0.8}, {"all", "finance", "data"}),
        ({"finance": 0.9}, {"finance": 0.1}, {"all", "finance", "untagged"}),
        ({}, {"data": 0.9}, {"all", "data", "untagged"}),
        ({"data": 0.2}, {"data": 0.3}, {"all", "untagged"}),
    ],
)
def test_an_edit_moves_the_feeds_that_showed_the_story_or_show_it_now(
    store: Store, before: dict[str, float], after: dict[str, float], touched: set[str]
) -> None:
    [source_id] = add_sources(store, ["A"])
    others = [news(f"About {topic}", f"{topic}.", topics={topic: 0.9}) for topic in FEEDS[1:5]]
    store.polls.write(source_id, [issue("others", *others, news("About nothing", "-", topics={}))], START)
    store.polls.write(source_id, [issue("one", news("Beds", "Shut.", topics=before))], START)
    states = feed_states(store)
    store.polls.write(source_id, [issue("one", news("Beds", "Open.", topics=after))], START + 60)
    now = feed_states(store)
    assert moved(states, now) == touched
    assert {now[name] for name in touched} == {FeedState(store.stories.last_change().seq, START + 60)}


def test_what_cannot_be_stored_leaves_nothing_of_its_batch(store: Store) -> None:
    [source_id] = add_sources(store, ["A"])
    good, bad = issue("good", news("Beds")), issue("bad", news("Pay"))
    broken = replace(bad, article=replace(bad.article, title=None))  # type: ignore[arg-type]
    with pytest.raises(StoreError):
        store.polls.write(source_id, [good, broken], START)
    assert (shown(store), rows(store, change), feed_states(store)["all"]) == ([], [], FeedState())
    assert store.sources.list()[0].last_polled is None
    assert store.polls.write(source_id, [good], START) == Tally(new=1)


_stories = st.builds(
    lambda words, link, topic: news(words, words * 12, url=link and f"https://p.example/{link}", topics={topic: 0.9} if topic else {}),
    st.sampled_from(["beds ", "pay ", "data "]),
    st.sampled_from([None, "1", "2"]),
    st.sampled_from([None, "finance", "data"]),
)
_deliveries = st.lists(
    st.tuples(st.integers(0, 1), st.sampled_from("xyz"), st.lists(_stories, max_size=3), st.sampled_from([None, "Ann"])),
    min_size=1,
    max_size=7,
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deliveries=_deliveries)
def test_whatever_is_told_every_telling_is_shown_once_and_every_change_is_logged(
    store: Store, deliveries: Sequence[tuple[int, str, list[TaggedStory], str | None]]
) -> None:
    wipe(store)
    sources = add_sources(store, ["A", "B"])
    told: dict[tuple[int, str], Issue] = {}
    total = Tally()
    log, states, looks = rows(store, change), rows(store, feed), _looks(store)
    for number, (who, guid, stories, author) in enumerate(deliveries):
        told[who, guid] = issue(guid, *stories, author=author)
        total += store.polls.write(sources[who], [told[who, guid]], START + number)
        log_before, states_before, looks_before = log, states, looks
        log, states, looks = rows(store, change), rows(store, feed), _looks(store)
        assert log[: len(log_before)] == log_before
        logged = {row["story_id"] for row in log[len(log_before) :]}
        assert {each for each in looks_before.keys() | looks.keys() if looks_before.get(each) != looks.get(each)} <= logged
        # A feed that did not move shows what it showed.
        for name in {row["name"] for row in states if row in states_before}:
            assert _in_feed(looks, name) == _in_feed(looks_before, name)
    seqs = [row["seq"] for row in log]
    assert seqs == sorted(set(seqs))
    last = {row["story_id"]: row["seq"] for row in log}
    assert {row["id"]: row["seq"] for row in rows(store, story)} == last
    assert len(looks) == total.new - total.withdrawn
    # Every telling of the articles as they are now is shown once: as a story's lead, or as also reported.
    tellings = [each.title for each in shown(store)] + [other.title for each in shown(store) for other in each.also_reported]
    assert sorted(tellings) == sorted(each.story.title for one in told.values() for each in one.stories)
    assert all({each.id for each in shown(store, name)} == set(_in_feed(looks, name)) for name in FEEDS)


def _looks(store: Store) -> dict[str, PublishedStory]:
    """All that readers can see of each story, its sources' health and its place in the log apart."""
    plain = Source(0, "", "")
    return {
        each.id: replace(each, seq=0, source=plain, also_reported=tuple(replace(other, source=plain) for other in each.also_reported))
        for each in shown(store)
    }


def _in_feed(looks: dict[str, PublishedStory], name: str) -> dict[str, PublishedStory]:
    """The stories of a feed without the other reports, which feeds do not show."""
    return {
        key: replace(each, also_reported=())
        for key, each in looks.items()
        if name == "all" or name in {tag.topic for tag in each.topics} or (name == "untagged" and not each.topics)
    }
