"""People's decisions on topics: seen at once wherever stories are shown, and kept for ever with the words they were made on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from builders import add_sources, issue, news, tags
from databases import rows, wipe
from fakes import START
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from website import Site, atom, texts

from feeds.errors import NotFound, StoreError
from feeds.model import Correction, FeedState, PublishedStory, StoryQuery, TaggedStory, Verdict
from feeds.store import Store
from feeds.store.schema import change, correction, feed, story, story_topic

LATER = START + 60


def write(store: Store, *stories: TaggedStory, guid: str = "one", at: int = START) -> None:
    """Tells these stories as one article of the first source."""
    source_id = store.sources.list()[0].id if store.sources.list() else add_sources(store, ["A"])[0]
    store.polls.write(source_id, [issue(guid, *stories)], at)


def beds(store: Store, **topics: float) -> PublishedStory:
    """The one story of a store, of which a model says this."""
    write(store, news("Beds", "Sixty beds shut.", topics=topics))
    return only(store)


def only(store: Store) -> PublishedStory:
    [found] = store.stories.page(StoryQuery())
    return found


def titles(store: Store, **query: Any) -> list[str]:
    return [each.title for each in store.stories.page(StoryQuery(**query))]


def decide(store: Store, title: str, about: Mapping[str, bool | None], *, at: int = LATER, curator: str = "ann") -> None:
    [story_id] = [each.id for each in store.stories.page(StoryQuery()) if each.title == title]
    store.corrections.decide(story_id, about, curator, at)


def end(store: Store) -> int:
    return store.stories.last_change().seq


def moved(store: Store, after: int) -> set[str]:
    return {row["name"] for row in rows(store, feed) if row["seq"] > after}


def as_told(made: Sequence[Correction]) -> list[tuple[str, str, bool | None, str, int]]:
    return [(each.title, each.topic, each.about, each.curator, each.at) for each in made]


# ---------------------------------------------------------------- seen at once


def three_stories(store: Store) -> None:
    write(store, news("Money", topics={"finance": 0.7, "data": 0.2}), guid="1", at=START)
    write(store, news("Both", topics={"finance": 0.95, "data": 0.6}), guid="2", at=START + 1)
    write(store, news("Nothing", topics={"finance": 0.1, "data": 0.4}), guid="3", at=START + 2)


@pytest.mark.parametrize(
    ("title", "about", "query", "before", "after"),
    [
        pytest.param("Nothing", {"data": True}, {"feed": "data"}, ["Both"], ["Nothing", "Both"], id="put into a feed"),
        pytest.param("Both", {"data": False}, {"feed": "data"}, ["Both"], [], id="taken out of a feed"),
        pytest.param("Nothing", {"data": True}, {"feed": "untagged"}, ["Nothing"], [], id="no longer without a topic"),
        pytest.param("Money", {"finance": False}, {"feed": "untagged"}, ["Nothing"], ["Nothing", "Money"], id="without a topic now"),
        pytest.param(
            "Both", {"finance": False}, {"feed": "untagged"}, ["Nothing"], ["Nothing"], id="still with a topic when one of two is taken"
        ),
        pytest.param("Money", {"data": True}, {"feed": "data", "min_confidence": 1.0}, [], ["Money"], id="certain in a feed"),
        pytest.param(
            "Money",
            {"finance": True},
            {"feed": "finance", "min_confidence": 0.8},
            ["Both"],
            ["Both", "Money"],
            id="certain though the model was not",
        ),
        pytest.param(
            "Both", {"finance": False}, {"feed": "finance", "min_confidence": 0.8}, ["Both"], [], id="not there though the model was sure"
        ),
        pytest.param("Nothing", {"data": True}, {"min_confidence": 0.99}, [], ["Nothing"], id="certain among all"),
        pytest.param("Both", {"finance": False}, {"min_confidence": 0.9}, ["Both"], [], id="among all, only what is chosen counts"),
        pytest.param("Money", {"workforce": True}, {"feed": "workforce"}, [], ["Money"], id="a topic that the model said nothing of"),
        pytest.param("Money", {"finance": None}, {"min_confidence": 0.99}, [], [], id="handed back without ever having been decided"),
    ],
)
def test_a_decision_shows_at_once_in_what_is_asked_for(
    store: Store, title: str, about: Mapping[str, bool | None], query: Mapping[str, Any], before: list[str], after: list[str]
) -> None:
    three_stories(store)
    assert titles(store, **query) == before
    decide(store, title, about)
    assert titles(store, **query) == after


@pytest.mark.parametrize(
    ("title", "about", "counts"),
    [
        pytest.param("Nothing", {"data": True}, {"all": 3, "finance": 2, "data": 2, "untagged": 0}, id="a first topic"),
        pytest.param("Money", {"finance": False}, {"all": 3, "finance": 1, "data": 1, "untagged": 2}, id="the only topic taken"),
        pytest.param(
            "Both",
            {"finance": False, "data": False, "workforce": True},
            {"all": 3, "finance": 1, "workforce": 1, "untagged": 1},
            id="other topics",
        ),
        pytest.param("Money", {"finance": True}, {"all": 3, "finance": 2, "data": 1, "untagged": 1}, id="what the model said"),
    ],
)
def test_a_decision_counts_at_once(store: Store, title: str, about: Mapping[str, bool | None], counts: Mapping[str, int]) -> None:
    three_stories(store)
    decide(store, title, about)
    assert store.stories.counts() == counts


@pytest.mark.parametrize(
    ("says", "about", "touched", "updated"),
    [
        pytest.param({"finance": 0.9}, {"finance": False}, {"all", "finance", "untagged"}, LATER, id="its only topic taken"),
        pytest.param({"finance": 0.9}, {"data": True}, {"all", "finance", "data"}, LATER, id="one more topic"),
        pytest.param({"data": 0.2}, {"data": True}, {"all", "data", "untagged"}, LATER, id="a first topic"),
        pytest.param({"finance": 0.9, "data": 0.8}, {"data": False}, {"all", "finance", "data"}, LATER, id="one less topic"),
        pytest.param({"finance": 0.9}, {"finance": True}, {"all", "finance"}, START, id="the same as the model"),
        pytest.param({"finance": 0.9}, {"data": False, "finance": None}, {"all", "finance"}, START, id="nothing but who says so"),
    ],
)
def test_a_decision_moves_the_feeds_that_showed_the_story_or_show_it_now(
    store: Store, says: Mapping[str, float], about: Mapping[str, bool | None], touched: set[str], updated: int
) -> None:
    others = (news(f"About {topic}", topics={topic: 0.9}) for topic in ("finance", "data", "workforce"))
    write(store, *others, news("About nothing", topics={}), guid="others")
    write(store, news("Beds", topics=says))
    last = end(store)
    decide(store, "Beds", about)
    [found] = [each for each in store.stories.page(StoryQuery()) if each.title == "Beds"]
    assert (found.seq, found.updated) == (last + 1, updated)
    assert rows(store, change)[-1] == {"seq": last + 1, "at": LATER, "kind": "retagged", "story_id": found.id}
    assert moved(store, last) == touched
    assert all(store.stories.feed_state(name) == FeedState(last + 1, LATER) for name in touched)


def test_a_decided_topic_names_its_curator_and_keeps_what_the_model_said(store: Store) -> None:
    beds(store, finance=0.9, data=0.2)
    decide(store, "Beds", {"finance": False, "data": True})
    data, finance = tags({"data": 0.2, "finance": 0.9})
    assert only(store).tags == (replace(data, chosen=True, curator="ann"), replace(finance, chosen=False, curator="ann"))
    assert [(tag.topic, tag.certainty) for tag in only(store).topics] == [("data", 1.0)]
    assert [tag.certainty for tag in only(store).tags] == [1.0, 0.0]


def test_a_decision_on_a_topic_that_the_model_does_not_know_stands_alone(store: Store) -> None:
    beds(store, finance=0.9)
    decide(store, "Beds", {"workforce": True})
    assert [(tag.topic, tag.chosen, tag.model, tag.confidence, tag.evidence, tag.curator) for tag in only(store).tags[1:]] == [
        ("workforce", True, "", 0.0, (), "ann")
    ]
    decide(store, "Beds", {"workforce": None})
    assert [(tag.topic, tag.chosen, tag.curator) for tag in only(store).tags] == [("finance", True, None), ("workforce", False, None)]


def test_the_last_decision_holds_and_names_who_made_it(store: Store) -> None:
    beds(store, finance=0.9)
    decide(store, "Beds", {"finance": False})
    decide(store, "Beds", {"finance": True}, curator="bob", at=LATER + 1)
    assert [(tag.chosen, tag.curator) for tag in only(store).tags] == [(True, "bob")]
    decide(store, "Beds", {"finance": False}, curator="ann", at=LATER + 2)
    assert [(tag.chosen, tag.curator) for tag in only(store).tags] == [(False, "ann")]


def test_a_topic_handed_back_is_again_what_the_model_says_as_if_nobody_had_decided(store: Store) -> None:
    before = beds(store, finance=0.9, data=0.2)
    decide(store, "Beds", {"finance": False, "data": True})
    decide(store, "Beds", {"finance": None, "data": None})
    assert only(store).tags == before.tags
    assert (titles(store, feed="finance"), titles(store, feed="data"), titles(store, feed="untagged")) == (["Beds"], [], [])


def test_a_decision_on_one_topic_or_story_leaves_the_others_to_the_model(store: Store) -> None:
    write(store, news("Beds", topics={"finance": 0.9, "data": 0.2}), news("Pay", topics={"finance": 0.9}))
    decide(store, "Beds", {"finance": False})
    assert {(each.title, tag.topic): (tag.chosen, tag.curator) for each in store.stories.page(StoryQuery()) for tag in each.tags} == {
        ("Beds", "finance"): (False, "ann"),
        ("Beds", "data"): (False, None),
        ("Pay", "finance"): (True, None),
    }


def test_feed_documents_and_answers_that_were_served_before_follow_a_decision(site: Site) -> None:
    def answers() -> tuple[list[str], list[str], str | None]:
        response = site.client.get("/feeds/finance.atom")
        items = site.json("/api/v1/stories?topic=finance&min_confidence=0.99")["items"]
        return texts(atom(response.data), "a:entry/a:title"), [item["title"] for item in items], response.headers["ETag"]

    entries, sure, etag = answers()
    assert (entries, sure) == (["Bank staff cost twice as much", "Deficit grows at Harrow"], [])
    site.store.corrections.decide(site.ids()["Owls nest at the infirmary"], {"finance": True}, "ann", site.clock())
    site.store.corrections.decide(site.ids()["Bank staff cost twice as much"], {"finance": False}, "ann", site.clock())
    entries, sure, new_etag = answers()
    assert (entries, sure) == (["Owls nest at the infirmary", "Deficit grows at Harrow"], ["Owls nest at the infirmary"])
    assert new_etag != etag


# ---------------------------------------------------------------- refused


@pytest.mark.parametrize("withdrawn", [pytest.param(True, id="withdrawn"), pytest.param(False, id="never there")])
def test_nobody_decides_on_a_story_that_is_not_there(store: Store, withdrawn: bool) -> None:
    story_id = beds(store, finance=0.9).id
    write(store)
    before = [rows(store, table) for table in (story, story_topic, change, feed)]
    with pytest.raises(NotFound, match=r"no such story|was withdrawn"):
        store.corrections.decide(story_id if withdrawn else "01J00000000000000000000000", {"finance": True}, "ann", LATER)
    assert rows(store, correction) == []
    assert [rows(store, table) for table in (story, story_topic, change, feed)] == before


def test_decisions_made_together_are_written_together_or_not_at_all(store: Store) -> None:
    found = beds(store, finance=0.9)
    broken: dict[Any, bool | None] = {"finance": False, None: True}
    with pytest.raises(StoreError):
        store.corrections.decide(found.id, broken, "ann", LATER)
    assert (store.corrections.last(), only(store), end(store)) == (0, found, found.seq)


# ---------------------------------------------------------------- kept for ever


def test_every_decision_on_a_story_is_told_oldest_first(store: Store) -> None:
    write(store, news("Beds"), news("Pay"))
    decide(store, "Beds", {"finance": False, "data": True})
    decide(store, "Pay", {"finance": True}, at=LATER + 1)
    decide(store, "Beds", {"finance": None}, curator="bob", at=LATER + 2)
    found = {each.title: each.id for each in store.stories.page(StoryQuery())}
    made = store.corrections.of_story(found["Beds"])
    assert as_told(made) == [
        ("Beds", "finance", False, "ann", LATER),
        ("Beds", "data", True, "ann", LATER),
        ("Beds", "finance", None, "bob", LATER + 2),
    ]
    assert {each.story_id for each in made} == {found["Beds"]}
    assert [each.number - made[0].number for each in made] == [0, 1, 3]
    assert as_told(store.corrections.of_story(found["Pay"])) == [("Pay", "finance", True, "ann", LATER + 1)]
    assert store.corrections.of_story("01J00000000000000000000000") == []


def test_what_holds_is_the_last_decision_on_each_topic_of_each_story_but_not_what_was_handed_back(store: Store) -> None:
    write(store, news("Beds"), news("Pay"))
    decide(store, "Beds", {"finance": False, "data": True, "workforce": True})
    decide(store, "Pay", {"finance": True}, at=LATER + 1)
    decide(store, "Beds", {"finance": True}, at=LATER + 2)
    decide(store, "Beds", {"workforce": None}, at=LATER + 3)
    decide(store, "Pay", {"data": None}, at=LATER + 4)
    assert as_told(store.corrections.holding()) == [
        ("Beds", "data", True, "ann", LATER),
        ("Pay", "finance", True, "ann", LATER + 1),
        ("Beds", "finance", True, "ann", LATER + 2),
    ]


def test_decisions_are_numbered_so_that_those_made_after_one_can_be_counted(store: Store) -> None:
    assert (store.corrections.last(), store.corrections.since(0), store.corrections.holding()) == (0, 0, [])
    write(store, news("Beds"))
    decide(store, "Beds", {"finance": False, "data": True})
    first = store.corrections.last()
    assert (store.corrections.since(0), store.corrections.since(first)) == (2, 0)
    # A change of mind and a topic handed back are decisions, too.
    decide(store, "Beds", {"finance": True})
    decide(store, "Beds", {"data": None})
    assert (store.corrections.since(0), store.corrections.since(first)) == (4, 2)
    assert store.corrections.last() == store.corrections.of_story(only(store).id)[-1].number > first


def test_a_decision_keeps_the_words_it_was_made_on_when_the_story_is_rewritten(store: Store) -> None:
    write(store, news("Beds", "Sixty beds shut."))
    decide(store, "Beds", {"finance": False})
    write(store, news("Beds reopen", "All sixty are back."), at=LATER)
    decide(store, "Beds reopen", {"data": True}, at=LATER + 1)
    assert [(each.topic, each.title, each.text) for each in store.corrections.holding()] == [
        ("finance", "Beds", "Sixty beds shut."),
        ("data", "Beds reopen", "All sixty are back."),
    ]


def test_a_decision_is_made_on_the_words_that_readers_see_not_on_another_report(store: Store) -> None:
    one, two = add_sources(store, ["A", "B"])
    link = "https://press.example/beds"
    store.polls.write(one, [issue("one", news("By A", "As A tells it.", url=link))], START)
    store.polls.write(two, [issue("two", news("By B", "As B tells it.", url=link))], START)
    decide(store, "By A", {"finance": False})
    store.sources.remove(one, LATER)
    decide(store, "By B", {"finance": True})
    assert [(each.title, each.text) for each in store.corrections.of_story(only(store).id)] == [
        ("By A", "As A tells it."),
        ("By B", "As B tells it."),
    ]


@pytest.mark.parametrize("gone", [pytest.param(False, id="story withdrawn"), pytest.param(True, id="source removed")])
def test_decisions_outlive_their_story(store: Store, gone: bool) -> None:
    story_id = beds(store, finance=0.9).id
    decide(store, "Beds", {"finance": False, "data": True, "workforce": True})
    decide(store, "Beds", {"workforce": None}, at=LATER + 1)
    made = store.corrections.of_story(story_id)
    if gone:
        store.sources.remove(store.sources.list()[0].id, LATER + 2)
    else:
        write(store, at=LATER + 2)
    assert store.stories.counts() == {"all": 0, "untagged": 0}
    assert store.corrections.of_story(story_id) == made
    first = made[0].number
    assert store.corrections.holding() == [
        Correction(first, story_id, "finance", False, "ann", LATER, "Beds", "Sixty beds shut."),
        Correction(first + 1, story_id, "data", True, "ann", LATER, "Beds", "Sixty beds shut."),
    ]
    assert (store.corrections.last(), store.corrections.since(first)) == (first + 3, 3)


# ---------------------------------------------------------------- whatever happens

TOPICS = ("finance", "data")
_said = st.dictionaries(st.sampled_from(TOPICS), st.sampled_from([0.2, 0.8]))
_decided = st.dictionaries(st.sampled_from(TOPICS), st.sampled_from([True, False, None]), min_size=1)
_events = st.lists(
    st.tuples(st.just("edited"), _said) | st.tuples(st.just("retagged"), _said) | st.tuples(st.just("decided"), _decided), max_size=6
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=_said, events=_events)
def test_a_story_has_the_topics_last_decided_and_else_those_last_said_and_every_feed_agrees(
    store: Store, first: Mapping[str, float], events: Sequence[tuple[str, Mapping[str, Any]]]
) -> None:
    wipe(store)
    beds(store, **first)
    said, decided = dict(first), dict[str, bool]()
    for number, (kind, what) in enumerate(events, start=1):
        last, shown_before = end(store), {name: titles(store, feed=name) for name in (*TOPICS, "untagged")}
        if kind == "decided":
            decide(store, "Beds", what, at=START + number)
            decided = {topic: about for topic, about in {**decided, **what}.items() if about is not None}
        else:
            said = dict(what)
            if kind == "edited":
                write(store, news("Beds", f"Rewritten {number} times.", topics=what), at=START + number)
            else:
                model = f"model {number}"
                verdict = Verdict(tuple(replace(tag, model=model) for tag in tags(what)))
                store.tags.retag([(item, verdict) for item in store.tags.untaught(model, 0)], START + number)
        expected = {topic for topic in TOPICS if decided.get(topic, said.get(topic, 0.0) >= 0.5)}
        assert {tag.topic for tag in only(store).topics} == expected
        assert {tag.topic for tag in only(store).tags if tag.curator} == decided.keys()
        shown = {name: titles(store, feed=name) for name in (*TOPICS, "untagged")}
        assert {name for name in TOPICS if shown[name]} == expected
        assert bool(shown["untagged"]) == (not expected)
        assert {name for name in shown if shown[name] != shown_before[name]} <= moved(store, last)
        assert store.stories.counts() == {"all": 1, "untagged": int(not expected)} | dict.fromkeys(expected, 1)
        assert {made.topic: made.about for made in store.corrections.holding()} == decided
