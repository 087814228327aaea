"""What models say of stories: which are left to tag, what another model's word changes, and what people's decisions withstand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import count

import pytest
from builders import LONG, add_sources, issue, news, tags
from databases import rows
from fakes import START

from feeds.model import FeedState, Lesson, PublishedStory, StoryQuery, Tag, TaggedStory, Untaught, Verdict
from feeds.store import Store
from feeds.store.schema import change, feed, story_topic

NEW = "model-2"


def said(topics: Mapping[str, float], model: str = NEW, lesson: Lesson | None = None) -> Verdict:
    """What that model says of a story; it chooses from 0.5 on."""
    return Verdict(tuple(replace(tag, model=model) for tag in tags(topics)), lesson or Lesson())


def told(title: str, topics: Mapping[str, float] | None = None, text: str | None = None, model: str = "model-1") -> TaggedStory:
    return replace(news(title, text), verdict=said({"finance": 0.9} if topics is None else topics, model))


def write(store: Store, *stories: TaggedStory, guid: str = "one", at: int = START) -> None:
    """Tells these stories as one article of the first source."""
    source_id = store.sources.list()[0].id if store.sources.list() else add_sources(store, ["A"])[0]
    store.polls.write(source_id, [issue(guid, *stories)], at)


def shown(store: Store, feed: str = "all") -> dict[str, PublishedStory]:
    return {each.title: each for each in store.stories.page(StoryQuery(feed=feed))}


def only(store: Store) -> PublishedStory:
    [found] = store.stories.page(StoryQuery())
    return found


def chosen(story: PublishedStory) -> set[str]:
    return {tag.topic for tag in story.topics}


def tag_of(story: PublishedStory, topic: str) -> Tag:
    return next(tag for tag in story.tags if tag.topic == topic)


def left(store: Store, model: str = NEW, since: int = 0) -> list[str]:
    return [item.title for item in store.tags.untaught(model, since)]


def end(store: Store) -> int:
    return store.stories.last_change().seq


def logged(store: Store, after: int) -> list[tuple[str, str]]:
    return [(row["kind"], row["story_id"]) for row in rows(store, change) if row["seq"] > after]


def moved(store: Store, after: int) -> set[str]:
    return {row["name"] for row in rows(store, feed) if row["seq"] > after}


# ---------------------------------------------------------------- what is left to tag


def test_the_stories_that_another_model_tagged_are_left_oldest_first(store: Store) -> None:
    for number, title in enumerate(["Beds", "Pay", "Data"]):
        write(store, told(title, text=f"On {title}."), guid=title, at=START + number)
    write(store, told("Ward", model=NEW), guid="Ward", at=START + 3)
    found = store.tags.untaught(NEW, 0)
    assert [(item.title, item.text) for item in found] == [("Beds", "On Beds."), ("Pay", "On Pay."), ("Data", "On Data.")]
    assert {item.title: (item.id, item.seq) for item in found} == {
        title: (each.id, each.seq) for title, each in shown(store).items() if title != "Ward"
    }
    assert left(store, "model-1") == ["Ward"]


def test_a_story_that_no_model_said_anything_of_is_left(store: Store) -> None:
    write(store, told("Beds", {}))
    assert left(store) == ["Beds"]


def test_a_withdrawn_story_is_not_left(store: Store) -> None:
    write(store, told("Beds"), told("Pay"))
    write(store, told("Pay"))
    assert left(store) == ["Pay"]


def test_only_stories_first_seen_since_then_are_left_though_they_were_told_again_later(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, numbers = START, count()
    # Ids of the time at which stories are first seen, the lowest there can be.
    monkeypatch.setattr("feeds.store.arrivals._id_now", lambda: (now * 1000 << 80) + next(numbers))
    for now, title in ((START - 1, "Before"), (START, "Then"), (START + 1, "After")):
        write(store, told(title), guid=title, at=now)
    now = START + 2
    write(store, told("Before", text="Told again."), guid="Before", at=now)
    assert left(store, since=START) == ["Then", "After"]
    assert left(store, since=START - 1) == ["Before", "Then", "After"]
    assert left(store, since=START + 2) == []


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_what_is_left_can_be_read_in_batches_that_follow_each_other(store: Store, limit: int) -> None:
    write(store, *(told(f"Story {number}") for number in range(6)))
    after, batches = "", list[list[Untaught]]()
    while batch := store.tags.untaught(NEW, 0, after, limit):
        batches.append(batch)
        after = batch[-1].id
    assert [item for batch in batches for item in batch] == store.tags.untaught(NEW, 0)
    assert [len(batch) for batch in batches] == {1: [1] * 6, 2: [2] * 3, 3: [3] * 2, 7: [6]}[limit]


def test_the_words_left_are_those_that_readers_see(store: Store) -> None:
    one, two = add_sources(store, ["A", "B"])
    link = "https://press.example/beds"
    store.polls.write(one, [issue("one", news("By A", "As A tells it.", url=link))], START)
    store.polls.write(two, [issue("two", news("By B", "As B tells it.", url=link))], START)
    assert [(item.title, item.text) for item in store.tags.untaught(NEW, 0)] == [("By A", "As A tells it.")]
    store.sources.remove(one, START + 60)
    assert [(item.title, item.text) for item in store.tags.untaught(NEW, 0)] == [("By B", "As B tells it.")]


# ---------------------------------------------------------------- another model's word


def retag(store: Store, topics: Mapping[str, float], model: str = NEW) -> int:
    """Lets that model say the same of all stories that are left to it."""
    verdict = said(topics, model)
    return store.tags.retag([(item, verdict) for item in store.tags.untaught(model, 0)], START + 60)


def test_another_models_word_replaces_all_of_the_last_ones(store: Store) -> None:
    write(store, told("Beds", {"finance": 0.9, "data": 0.2}))
    lesson = Lesson(0.4, "hard to tell", 0.25)
    [item] = store.tags.untaught(NEW, 0)
    assert store.tags.retag([(item, said({"finance": 0.6, "workforce": 0.3}, lesson=lesson))], START + 60) == 0
    assert only(store).tags == said({"finance": 0.6, "workforce": 0.3}).tags
    assert {tag.model for tag in only(store).tags} == {NEW}
    [candidate] = store.stories.candidates(0, 10)
    assert (candidate.value, candidate.why) == (0.4, "hard to tell")
    assert left(store) == []


@pytest.mark.parametrize(
    ("before", "after", "touched"),
    [
        pytest.param({"finance": 0.9}, {"finance": 0.5}, {"all", "finance"}, id="less sure of the same"),
        pytest.param({"finance": 0.9}, {"finance": 0.9, "data": 0.4}, {"all", "finance"}, id="another topic thought of but not chosen"),
        pytest.param({"data": 0.4}, {"data": 0.1, "finance": 0.2}, {"all", "untagged"}, id="still no topic"),
        pytest.param({"finance": 0.9}, {"finance": 0.9, "data": 0.5}, {"all", "finance", "data"}, id="one more"),
        pytest.param({"finance": 0.9, "data": 0.9}, {"finance": 0.9, "data": 0.4}, {"all", "finance", "data"}, id="one less"),
        pytest.param({"finance": 0.9}, {"workforce": 0.9}, {"all", "finance", "workforce"}, id="another"),
        pytest.param({"finance": 0.9}, {"finance": 0.49}, {"all", "finance", "untagged"}, id="none any more"),
        pytest.param({}, {"data": 0.5}, {"all", "data", "untagged"}, id="the first"),
    ],
)
def test_a_story_that_is_tagged_anew_moves_the_feeds_that_showed_it_or_show_it_now(
    store: Store, before: Mapping[str, float], after: Mapping[str, float], touched: set[str]
) -> None:
    others = [told(f"About {topic}", {topic: 0.9}, model=NEW) for topic in ("finance", "commissioning", "workforce", "data")]
    write(store, *others, told("About nothing", {}, model=NEW), guid="others")
    write(store, told("Beds", before))
    old, last = shown(store)["Beds"], end(store)
    [item] = [item for item in store.tags.untaught(NEW, 0) if item.title == "Beds"]
    assert store.tags.retag([(item, said(after))], START + 60) == (chosen(old) != {tag.topic for tag in said(after).tags if tag.chosen})
    new = shown(store)["Beds"]
    assert new.tags == tuple(sorted(said(after).tags, key=lambda tag: tag.topic))
    assert logged(store, last) == [("retagged", old.id)]
    assert moved(store, last) == touched
    assert {store.stories.feed_state(name) for name in touched} <= {FeedState(last + 1, START + 60)}
    assert new.seq == last + 1
    # A model's second thoughts are no news: nobody is made to read the story again.
    assert new.updated == START
    now = {topic for topic, confidence in after.items() if confidence >= 0.5}
    for name in ("finance", "commissioning", "workforce", "data"):
        assert ("Beds" in shown(store, name)) == (name in now)
    assert ("Beds" in shown(store, "untagged")) == (not now)


def test_of_a_batch_only_the_stories_whose_topics_changed_are_counted_but_all_are_logged(store: Store) -> None:
    write(store, told("Beds"), told("Pay", {"workforce": 0.9}), told("Data", {"data": 0.9}))
    stories, last = shown(store), end(store)
    assert retag(store, {"workforce": 0.9}) == 2
    assert sorted(logged(store, last)) == sorted(("retagged", stories[title].id) for title in ("Beds", "Data", "Pay"))
    assert moved(store, last) == {"all", "finance", "data", "workforce"}
    assert left(store) == []


def test_the_change_log_does_not_grow_with_every_model(store: Store) -> None:
    write(store, told("Beds"), told("Pay"))
    for model in ("model-2", "model-3", "model-4"):
        retag(store, {"workforce": 0.9}, model)
    ids = {title: story.id for title, story in shown(store).items()}
    assert sorted(logged(store, 0)) == sorted((kind, story_id) for story_id in ids.values() for kind in ("new", "retagged"))


def test_an_empty_batch_changes_nothing(store: Store) -> None:
    assert store.tags.retag([], START) == 0
    assert end(store) == 0


def edit(store: Store, _: str) -> None:
    write(store, told("Beds", {"data": 0.9}, text="Opened again.", model="model-3"), at=START + 30)


def withdraw(store: Store, _: str) -> None:
    write(store, at=START + 30)


def decide(store: Store, story_id: str) -> None:
    store.corrections.decide(story_id, {"finance": False, "data": True}, "ann", START + 30)


@pytest.mark.parametrize(
    ("meanwhile", "topics"),
    [
        pytest.param(edit, {"data"}, id="edited"),
        pytest.param(withdraw, None, id="withdrawn"),
        pytest.param(decide, {"data"}, id="decided on"),
    ],
)
def test_a_story_that_changed_while_the_model_thought_is_not_overwritten_but_the_rest_of_its_batch_is_written(
    store: Store, meanwhile: Callable[[Store, str], None], topics: set[str] | None
) -> None:
    write(store, told("Beds", text="Sixty beds shut."))
    write(store, told("Pay"), guid="two")
    batch = [(item, said({"workforce": 0.9})) for item in store.tags.untaught(NEW, 0)]
    meanwhile(store, shown(store)["Beds"].id)
    last, before, pay = end(store), shown(store).get("Beds"), shown(store)["Pay"].id
    assert store.tags.retag(batch, START + 60) == 1
    assert shown(store).get("Beds") == before
    assert (None if before is None else chosen(before)) == topics
    assert chosen(shown(store)["Pay"]) == {"workforce"}
    assert logged(store, last) == [("retagged", pay)]


def test_a_story_withdrawn_meanwhile_gets_no_tags_again(store: Store) -> None:
    write(store, told("Beds"))
    batch = [(item, said({"workforce": 0.9})) for item in store.tags.untaught(NEW, 0)]
    write(store)
    store.tags.retag(batch, START + 60)
    assert rows(store, story_topic) == []
    assert store.stories.counts() == {"all": 0, "untagged": 0}


# ---------------------------------------------------------------- what decisions withstand

AGAINST_THE_MODEL = {"finance": False, "data": True}


def by_another_model(store: Store, topics: Mapping[str, float]) -> None:
    retag(store, topics)


def by_an_edit(store: Store, topics: Mapping[str, float]) -> None:
    write(store, told("Beds", topics, text="Rewritten.", model=NEW), at=START + 60)


retold = pytest.mark.parametrize("retell", [pytest.param(by_another_model, id="another model"), pytest.param(by_an_edit, id="an edit")])


@retold
@pytest.mark.parametrize(
    "topics",
    [
        pytest.param({"finance": 0.9, "data": 0.1}, id="the same again"),
        pytest.param({"finance": 0.1, "data": 0.9}, id="what the curator said"),
        pytest.param({"workforce": 0.3}, id="nothing of these topics"),
        pytest.param({}, id="nothing at all"),
    ],
)
def test_a_decision_holds_whatever_is_said_afterwards(
    store: Store, retell: Callable[[Store, Mapping[str, float]], None], topics: Mapping[str, float]
) -> None:
    write(store, told("Beds", {"finance": 0.9, "data": 0.1}))
    store.corrections.decide(only(store).id, AGAINST_THE_MODEL, "ann", START + 10)
    last = end(store)
    retell(store, topics)
    found = only(store)
    assert chosen(found) == {"data"}
    assert {topic: (tag_of(found, topic).chosen, tag_of(found, topic).curator) for topic in AGAINST_THE_MODEL} == {
        "finance": (False, "ann"),
        "data": (True, "ann"),
    }
    for topic, confidence in topics.items():
        assert (tag_of(found, topic).confidence, tag_of(found, topic).model) == (confidence, NEW)
    assert (set(shown(store, "finance")), set(shown(store, "data"))) == (set(), {"Beds"})
    # The feed that the story was decided out of has nothing to tell.
    assert "finance" not in moved(store, last)
    assert store.stories.counts() == {"all": 1, "data": 1, "untagged": 0}


@retold
def test_a_decision_that_a_story_has_no_topic_keeps_it_among_those_without(
    store: Store, retell: Callable[[Store, Mapping[str, float]], None]
) -> None:
    write(store, told("Beds"))
    store.corrections.decide(only(store).id, {"finance": False}, "ann", START + 10)
    retell(store, {"finance": 0.95})
    assert (set(shown(store, "untagged")), set(shown(store, "finance"))) == ({"Beds"}, set())


@retold
def test_topics_that_nobody_decided_on_follow_the_model(store: Store, retell: Callable[[Store, Mapping[str, float]], None]) -> None:
    write(store, told("Beds", {"finance": 0.9, "data": 0.1, "workforce": 0.9}))
    store.corrections.decide(only(store).id, {"finance": False}, "ann", START + 10)
    retell(store, {"finance": 0.9, "data": 0.8, "workforce": 0.2})
    assert chosen(only(store)) == {"data"}
    assert [tag.curator for tag in only(store).tags if tag.topic != "finance"] == [None, None]


@retold
def test_a_decision_handed_back_gives_way_to_the_last_word_of_the_model(
    store: Store, retell: Callable[[Store, Mapping[str, float]], None]
) -> None:
    write(store, told("Beds", {"finance": 0.9, "data": 0.1}))
    store.corrections.decide(only(store).id, {"finance": True, "data": False}, "ann", START + 10)
    retell(store, {"finance": 0.2, "data": 0.8})
    assert chosen(only(store)) == {"finance"}
    store.corrections.decide(only(store).id, {"finance": None, "data": None}, "ann", START + 90)
    assert only(store).tags == said({"data": 0.8, "finance": 0.2}).tags


def test_a_decision_holds_when_another_source_comes_to_lead_the_story(store: Store) -> None:
    one, two = add_sources(store, ["A", "B"])
    store.polls.write(one, [issue("one", news("Beds", LONG))], START)
    store.polls.write(two, [issue("two", news("Beds", LONG))], START)
    store.corrections.decide(only(store).id, AGAINST_THE_MODEL, "ann", START + 10)
    store.sources.remove(one, START + 60)
    assert (only(store).source.id, chosen(only(store))) == (two, {"data"})


def test_an_edit_by_a_source_that_does_not_lead_leaves_decisions_and_tags_alone(store: Store) -> None:
    one, two = add_sources(store, ["A", "B"])
    link = "https://press.example/beds"
    store.polls.write(one, [issue("one", news("By A", url=link))], START)
    store.polls.write(two, [issue("two", news("By B", url=link))], START)
    store.corrections.decide(only(store).id, AGAINST_THE_MODEL, "ann", START + 10)
    before = only(store).tags
    store.polls.write(two, [issue("two", news("By B, rewritten", url=link, topics={"finance": 0.99}))], START + 60)
    assert only(store).tags == before


# ---------------------------------------------------------------- topics given up


def test_a_topic_given_up_leaves_all_stories_and_all_that_a_model_judged_by_it_are_logged(store: Store) -> None:
    write(
        store,
        told("Both", {"finance": 0.9, "data": 0.9}),
        told("Gone only", {"finance": 0.1, "data": 0.9}),
        told("Not chosen", {"finance": 0.9, "data": 0.1}),
        told("Never said", {"finance": 0.9}),
        told("Another", {"workforce": 0.9}),
    )
    stories, last = shown(store), end(store)
    assert store.tags.keep_only(["finance", "workforce"], START + 60) == 3
    after = shown(store)
    assert {title: chosen(each) for title, each in after.items()} == {
        "Both": {"finance"},
        "Gone only": set(),
        "Not chosen": {"finance"},
        "Never said": {"finance"},
        "Another": {"workforce"},
    }
    assert {tag.topic for each in after.values() for tag in each.tags} == {"finance", "workforce"}
    assert set(shown(store, "untagged")) == {"Gone only"}
    assert sorted(logged(store, last)) == sorted(("retagged", stories[title].id) for title in ("Both", "Gone only", "Not chosen"))
    assert moved(store, last) == {"all", "data", "finance", "untagged"}
    assert store.stories.counts() == {"all": 5, "finance": 3, "workforce": 1, "untagged": 1}


def test_topics_that_are_all_kept_and_a_second_round_change_nothing(store: Store) -> None:
    write(store, told("Beds", {"finance": 0.9, "data": 0.9}), told("Pay", {}))
    last = end(store)
    assert store.tags.keep_only(["data", "finance", "workforce"], START + 60) == 0
    assert end(store) == last
    assert store.tags.keep_only(["finance"], START + 60) == 1
    last = end(store)
    assert store.tags.keep_only(["finance"], START + 120) == 0
    assert end(store) == last


def test_a_topic_given_up_that_was_never_chosen_leaves_all_stories_too(store: Store) -> None:
    write(store, told("Beds", {"finance": 0.9, "data": 0.1}))
    assert store.tags.keep_only(["finance"], START + 60) == 1
    assert [tag.topic for tag in only(store).tags] == ["finance"]


def test_a_topic_given_up_leaves_more_stories_than_one_batch_holds(sqlite_store: Store) -> None:
    write(sqlite_store, *(told(f"Story {number}", {"data": 0.9}) for number in range(401)))
    last = end(sqlite_store)
    assert sqlite_store.tags.keep_only(["finance"], START + 60) == 401
    assert sqlite_store.stories.counts() == {"all": 401, "untagged": 401}
    assert len({story_id for _, story_id in logged(sqlite_store, last)}) == end(sqlite_store) - last == 401


def test_a_decision_on_a_topic_given_up_no_longer_holds_but_is_remembered(store: Store) -> None:
    write(store, told("Beds", {"finance": 0.9, "data": 0.1}))
    store.corrections.decide(only(store).id, {"data": True}, "ann", START + 10)
    assert store.tags.keep_only(["finance"], START + 60) == 1
    assert chosen(only(store)) == {"finance"}
    assert [(made.topic, made.about) for made in store.corrections.of_story(only(store).id)] == [("data", True)]


def test_in_a_store_without_stories_there_is_nothing_to_give_up(store: Store) -> None:
    assert store.tags.keep_only([], START) == 0
