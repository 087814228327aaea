"""Which stories a query shows, and in which order."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from builders import add_sources, issue, news
from databases import wipe
from fakes import START
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feeds.errors import NotFound
from feeds.model import FeedState, PublishedStory, StoryQuery
from feeds.store import Store


def titles(store: Store, **query: Any) -> list[str]:
    return [each.title for each in store.stories.page(StoryQuery(**query))]


def test_the_newest_article_is_on_top_and_a_round_up_reads_from_its_first_story_down(store: Store) -> None:
    [source_id] = add_sources(store, ["A"])
    store.polls.write(source_id, [issue("older", *(news(f"old {number}") for number in (1, 2, 3)))], START)
    # Their own dates do not count: what arrives late is news to the reader.
    newer = [issue("late", news("late"), published=START - 86_400), issue("new", *(news(f"new {number}") for number in (1, 2, 3)))]
    store.polls.write(source_id, newer, START + 60)
    expected = ["new 1", "new 2", "new 3", "late", "old 1", "old 2", "old 3"]
    assert titles(store) == expected
    assert titles(store, feed="finance") == expected


@pytest.fixture
def filled(store: Store) -> Store:
    one, two = add_sources(store, ["A", "B"])
    store.polls.write(one, [issue("1", news("A money", topics={"finance": 0.9, "data": 0.2}))], START)
    store.polls.write(one, [issue("2", news("A both", topics={"finance": 0.6, "data": 0.7}))], START + 10)
    store.polls.write(
        two, [issue("3", news("B money", topics={"finance": 0.75})), issue("4", news("B nothing", topics={"data": 0.4}))], START + 20
    )
    store.polls.write(two, [issue("5", news("A money", topics={"data": 0.9}))], START + 30)
    return store


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param({}, ["B nothing", "B money", "A both", "A money"], id="all"),
        pytest.param({"feed": "finance"}, ["B money", "A both", "A money"], id="a topic"),
        pytest.param({"feed": "data"}, ["A both"], id="a topic, chosen tags only"),
        pytest.param({"feed": "untagged"}, ["B nothing"], id="no topic"),
        pytest.param({"feed": "workforce"}, [], id="a topic without stories"),
        pytest.param({"feed": "finance", "min_confidence": 0.75}, ["B money", "A money"], id="sure enough, boundary included"),
        pytest.param({"feed": "finance", "min_confidence": 0.95}, [], id="surer than any"),
        pytest.param({"min_confidence": 0.75}, ["B money", "A money"], id="any topic, sure enough"),
        pytest.param({"feed": "untagged", "min_confidence": 0.75}, ["B nothing"], id="no topic, of which nothing is sure"),
        pytest.param({"since": START + 10}, ["B nothing", "B money", "A both"], id="since, boundary included"),
        pytest.param({"since": START + 21}, [], id="since: when first seen, not when told again"),
        pytest.param({"feed": "finance", "since": START + 11}, ["B money"], id="a topic since"),
        pytest.param({"source": 1}, ["A both", "A money"], id="a source"),
        pytest.param({"source": 2}, ["B nothing", "B money", "A money"], id="a source that told it too"),
        pytest.param({"feed": "finance", "source": 2, "min_confidence": 0.8, "since": START}, ["A money"], id="everything at once"),
        pytest.param({"source": 3}, [], id="a source that is not there"),
        pytest.param({"limit": 2}, ["B nothing", "B money"], id="the first two"),
    ],
)
def test_a_query_shows_what_it_asks_for(filled: Store, query: dict[str, Any], expected: list[str]) -> None:
    assert titles(filled, **query) == expected


_write = st.tuples(st.integers(1, 3), st.sampled_from([0.3, 0.6, 0.9]), st.integers(0, 1))
_queries = st.builds(
    StoryQuery,
    feed=st.sampled_from(["all", "finance", "untagged", "finance+untagged", "finance+data"]),
    words=st.sampled_from(["", "story", "told -1", '"story 2"']),
    source=st.sampled_from([None, 0, 1]),
    min_confidence=st.sampled_from([0.0, 0.8]),
    since=st.sampled_from([None, START + 2]),
    limit=st.integers(1, 4),
)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=st.lists(_write, max_size=6), between=st.lists(_write, max_size=6), query=_queries)
def test_pages_that_follow_the_cursor_equal_one_big_page_though_stories_arrive_between(
    store: Store, first: list[tuple[int, float, int]], between: list[tuple[int, float, int]], query: StoryQuery
) -> None:
    wipe(store)
    sources = add_sources(store, ["A", "B"])
    query = replace(query, source=None if query.source is None else sources[query.source])
    written = 0

    def write(what: tuple[int, float, int]) -> None:
        nonlocal written
        of, confidence, who = what
        written += 1
        told = (news(f"Story {written}.{number}", topics={"finance": confidence}) for number in range(of))
        store.polls.write(sources[who], [issue(str(written), *told)], START + written)

    for each in first:
        write(each)
    everything = store.stories.page(replace(query, limit=1000))
    paged: list[PublishedStory] = []
    arriving = iter(between)
    older: str | None = None
    while True:
        page, older = store.stories.walk(replace(query, before=older))
        assert len(page) <= query.limit
        paged += page
        assert len(paged) <= len(everything)
        if (arrived := next(arriving, None)) is not None:
            write(arrived)
        if older is None:
            break
    assert [each.id for each in paged] == [each.id for each in everything]
    assert [each.id for each in everything] == sorted((each.id for each in everything), reverse=True)


def test_the_counts_are_of_live_stories_by_feed(filled: Store) -> None:
    assert filled.stories.counts() == {"all": 4, "finance": 3, "data": 1, "untagged": 1}
    filled.sources.remove(2, START + 60)
    assert filled.stories.counts() == {"all": 2, "finance": 2, "data": 1, "untagged": 0}


def test_a_story_that_never_was_is_told_apart_from_one_that_was_withdrawn(filled: Store) -> None:
    gone = filled.stories.page(StoryQuery(feed="untagged"))[0].id
    filled.sources.remove(2, START + 60)
    with pytest.raises(NotFound, match="this story was withdrawn"):
        filled.stories.get(gone)
    with pytest.raises(NotFound, match="no such story"):
        filled.stories.get("01J00000000000000000000000")


def test_a_feed_that_never_held_a_story_has_never_changed(filled: Store) -> None:
    assert filled.stories.feed_state("workforce") == FeedState(0, 0)
    # After the fourth story a known one was told again, which is about money.
    assert filled.stories.feed_state("untagged").seq == 4
    assert filled.stories.feed_state("finance") == filled.stories.feed_state("all") == FeedState(5, START + 30)
    assert filled.stories.last_change() == FeedState(5, START + 30)


def test_an_empty_store_shows_nothing_and_has_never_changed(store: Store) -> None:
    assert store.stories.page(StoryQuery()) == []
    assert store.stories.last_change() == FeedState(0, 0)
    assert store.stories.counts() == {"all": 0, "untagged": 0}
