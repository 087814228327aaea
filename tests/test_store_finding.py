"""Which stories a query finds: the same on both databases as looking at every story, one by one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from builders import add_sources, issue, news
from databases import wipe
from fakes import START
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feeds.model import PublishedStory, StoryQuery
from feeds.store import Store, finding


def titles(store: Store, **query: Any) -> list[str]:
    return [each.title for each in store.stories.page(StoryQuery(**query))]


@pytest.fixture
def told(store: Store) -> Store:
    [source_id] = add_sources(store, ["A"])
    stories = [
        ("Nurses leave", "The trust's nurses leave for caf\u00e9s. Waiting times grow."),
        ("Beds close", "Times are hard; waiting is not the word. It's the NHS' 2017/18 plan."),
        ("Deficit doubles", "Well-being of nursing staff suffers, says \u201cThe Board\u201d."),
    ]
    for number, (title, text) in enumerate(stories):
        store.polls.write(source_id, [issue(str(number), news(title, text))], START + number)
    return store


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("nurse", ["Deficit doubles", "Nurses leave"]),
        ("nurses leaving", ["Nurses leave"]),
        ("waiting times", ["Beds close", "Nurses leave"]),
        ('"waiting times"', ["Nurses leave"]),
        ("times -nurse", ["Beds close"]),
        ('waiting -"waiting times"', ["Beds close"]),
        ("CAFE", ["Nurses leave"]),
        ("wellbeing", []),
        ("well-being", ["Deficit doubles"]),
        ("2017", ["Beds close"]),
        ("deficit", ["Deficit doubles"]),
        ('"doubles well"', ["Deficit doubles"]),
        ("the", ["Deficit doubles", "Beds close", "Nurses leave"]),
        ("* OR NEAR(", []),
        ("stems:nurse", []),
        ("'); DROP TABLE story; --", []),
    ],
)
def test_words_find_the_stories_that_hold_them_all(told: Store, words: str, found: list[str]) -> None:
    assert titles(told, words=words) == found


@pytest.mark.parametrize("words", ["!", '-"a nurse"', '""'])
def test_a_search_for_nothing_finds_nothing(told: Store, words: str) -> None:
    assert told.stories.walk(StoryQuery(words=words)) == ([], None)


def test_a_search_goes_back_so_far_and_the_next_goes_on_there(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding, "_MOST_SEARCHED", 10)
    [source_id] = add_sources(store, ["A"])
    for number in range(30):
        store.polls.write(source_id, [issue(str(number), news(f"{'Ward' if number in (3, 27) else 'Bed'} {number}"))], START)
    walked: list[list[str]] = []
    query = StoryQuery(words="ward")
    while True:
        page, older = store.stories.walk(query)
        walked.append([each.title for each in page])
        if older is None:
            break
        query = replace(query, before=older)
    assert walked == [["Ward 27"], [], ["Ward 3"]]


def test_an_edited_story_is_found_by_its_new_words_only_and_a_withdrawn_one_not_at_all(told: Store) -> None:
    told.polls.write(1, [issue("1", news("Wards close", "Doors are shut."))], START + 10)
    assert (titles(told, words="ward"), titles(told, words="plan")) == (["Wards close"], [])
    told.polls.write(1, [issue("1", news("Something else", "And nothing of the kind."))], START + 20)
    assert (titles(told, words="ward"), titles(told, words="kind")) == ([], ["Something else"])
    told.sources.remove(1, START + 30)
    assert titles(told, words="nurse") == []


def test_a_story_whose_first_teller_is_gone_is_found_by_the_words_of_the_next(store: Store) -> None:
    one, two = add_sources(store, ["A", "B"])
    store.polls.write(one, [issue("1", news("Beds", "Wards are shut.", url="https://p.example/x"))], START)
    store.polls.write(two, [issue("1", news("Places", "Nothing is open.", url="https://p.example/x"))], START)
    assert (titles(store, words="ward"), titles(store, words="open")) == (["Beds"], [])
    store.sources.remove(one, START)
    assert (titles(store, words="ward"), titles(store, words="open")) == ([], ["Places"])


def test_a_combined_feed_shows_what_any_of_its_feeds_shows_once(store: Store) -> None:
    [source_id] = add_sources(store, ["A"])
    for name, topics in {"money": {"finance": 0.9}, "both": {"finance": 0.9, "data": 0.9}, "data": {"data": 0.6}, "owls": {}}.items():
        store.polls.write(source_id, [issue(name, news(name, topics=topics))], START)
    assert titles(store, feed="finance+data") == ["data", "both", "money"]
    assert titles(store, feed="data+untagged") == ["owls", "data", "both"]
    assert titles(store, feed="finance+all") == ["owls", "data", "both", "money"]
    assert titles(store, feed="finance+data", min_confidence=0.7) == ["both", "money"]
    assert titles(store, feed="finance+data", limit=2) == ["data", "both"]


def test_the_end_of_the_stories_is_told(told: Store) -> None:
    newest, _, oldest = told.stories.page(StoryQuery())
    assert [told.stories.walk(StoryQuery(limit=limit))[1] for limit in (2, 3, 4)] == [told.stories.page(StoryQuery())[1].id, None, None]
    assert told.stories.walk(StoryQuery(before=oldest.id)) == ([], None)
    assert told.stories.walk(StoryQuery(before=newest.id, limit=1))[0][0].title == "Beds close"


def test_no_answer_looks_at_more_stories_than_it_may_and_the_next_goes_on_there(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding, "_MOST_LOOKED_AT", 10)
    [source_id] = add_sources(store, ["A"])
    sure = {3, 27, 28}
    for number in range(30):
        told = news(f"Story {number}", topics={"finance": 0.9 if number in sure else 0.6})
        store.polls.write(source_id, [issue(str(number), told)], START)
    walked: list[list[str]] = []
    query = StoryQuery(feed="finance", min_confidence=0.8)
    while True:
        page, older = store.stories.walk(query)
        walked.append([each.title for each in page])
        if older is None:
            break
        query = replace(query, before=older)
    assert walked == [["Story 28", "Story 27"], [], ["Story 3"], []]


# ---------------------------------------------------------------- against looking at every story


@dataclass(frozen=True)
class Told:
    words: tuple[str, ...]
    confidences: tuple[float, float]
    source: int
    at: int


_WORDS = ("ward", "bed", "nurse", "plan")
_told = st.builds(
    Told,
    words=st.lists(st.sampled_from(_WORDS), min_size=1, max_size=4).map(tuple),
    confidences=st.tuples(*[st.sampled_from([0.2, 0.6, 0.9])] * 2),
    source=st.integers(0, 1),
    at=st.integers(0, 3),
)
_queries = st.builds(
    StoryQuery,
    feed=st.sampled_from(["all", "finance", "data", "untagged", "finance+data", "finance+untagged", "workforce"]),
    words=st.sampled_from(["", "", "ward", "beds nurses", "plan -ward", '"bed bed"', "owl"]),
    source=st.sampled_from([None, 0, 1]),
    min_confidence=st.sampled_from([0.0, 0.0, 0.8]),
    since=st.sampled_from([None, START, START + 2, START + 9]),
    limit=st.integers(1, 5),
)


def fits(story: PublishedStory, query: StoryQuery) -> bool:
    feeds = query.feed.split("+")
    sure = {tag.topic for tag in story.topics if tag.confidence >= query.min_confidence}
    shown = (sure if query.min_confidence else True) if "all" in feeds else sure.intersection(feeds)
    held = re.findall(r"\w+", f"{story.title} {story.text}".lower())
    said = " ".join(held)
    wanted = {
        "": True,
        "ward": "ward" in held,
        "beds nurses": {"bed", "nurse"} <= set(held),
        "plan -ward": "plan" in held and "ward" not in held,
    }
    by_words = wanted | {'"bed bed"': "bed bed" in said, "owl": False}
    return (
        bool(shown or ("untagged" in feeds and not story.topics))
        and by_words[query.words]
        and query.source in (None, story.source.id)
        and (query.since is None or story.first_seen >= query.since)
    )


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(stories=st.lists(_told, max_size=8), queries=st.lists(_queries, min_size=1, max_size=4))
def test_a_query_finds_what_looking_at_every_story_finds(store: Store, stories: list[Told], queries: Sequence[StoryQuery]) -> None:
    wipe(store)
    sources = add_sources(store, ["A", "B"])
    for number, told in enumerate(sorted(stories, key=lambda each: each.at)):
        topics = dict(zip(("finance", "data"), told.confidences, strict=True))
        text = " ".join(told.words)
        store.polls.write(sources[told.source], [issue(str(number), news(f"N{number}", text, topics=topics))], START + told.at)
    everything = store.stories.page(StoryQuery(limit=100))
    for query in queries:
        asked = replace(query, source=None if query.source is None else sources[query.source])
        expected = [each.id for each in everything if fits(each, asked)]
        assert [each.id for each in store.stories.page(replace(asked, limit=100))] == expected
        found, older = store.stories.walk(asked)
        assert [each.id for each in found] == expected[: query.limit]
        assert (older is None) == (len(expected) <= query.limit)
