"""The change log as others follow it: every story once with its last change, and what left which feed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from builders import add_sources, issue, news, poll_of
from databases import wipe
from fakes import START
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feeds.model import Change, PublishedStory, Source, StoryQuery, Subscription, Tag, Tombstone, Verdict
from feeds.store import Store

LOWEST = "0" * 26


def changes(store: Store, since: int = 0, limit: int = 100) -> list[tuple[str, str | None]]:
    return [(each.kind, each.story.title if each.story else None) for each in store.stories.changes(since, limit)]


def left(store: Store, feed: str, **bounds: Any) -> list[Tombstone]:
    return store.stories.tombstones(feed, bounds.get("low", LOWEST), bounds.get("high"), bounds.get("limit", 100))


def ids(store: Store) -> dict[str, str]:
    return {each.title: each.id for each in store.stories.page(StoryQuery(limit=1000))}


def test_every_story_comes_once_with_the_last_that_happened_to_it(store: Store) -> None:
    [source_id] = add_sources(store, ["A"])
    store.polls.write(source_id, [issue("1", news("Beds")), issue("2", news("Pay")), issue("3", news("Owls"))], START)
    store.polls.write(source_id, [issue("1", news("Beds", "Edited."))], START + 1)
    store.polls.write(source_id, [issue("2")], START + 2)
    store.corrections.decide(ids(store)["Owls"], {"finance": False}, "ann", START + 3)
    assert changes(store) == [("edited", "Beds"), ("withdrawn", None), ("retagged", "Owls")]
    gone = store.stories.changes(0, 10)[1]
    assert (gone.at, gone.story_id not in ids(store).values()) == (START + 2, True)
    assert changes(store, limit=1) == [("edited", "Beds")]
    assert changes(store, since=store.stories.changes(0, 1)[0].seq) == [("withdrawn", None), ("retagged", "Owls")]
    assert changes(store, since=store.stories.last_change().seq) == []


def test_an_id_is_above_all_others_whatever_the_clock_says(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    [source_id] = add_sources(store, ["A"])
    for number, clock in enumerate([2**100, 2**100 - 5, 7, 2**100 + 1]):
        monkeypatch.setattr("feeds.store.arrivals._id_now", lambda clock=clock: clock)
        store.polls.write(source_id, [issue(str(number), news(f"{number} a"), news(f"{number} b"))], START)
    assert [each.title for each in store.stories.page(StoryQuery())] == [f"{number} {part}" for number in (3, 2, 1, 0) for part in "ab"]


def test_what_leaves_a_feed_is_told_until_it_comes_back(store: Store) -> None:
    [source_id] = add_sources(store, ["A"])
    store.polls.write(source_id, [issue("1", news("Beds")), issue("2", news("Pay"))], START)
    beds, pay = ids(store)["Beds"], ids(store)["Pay"]
    assert left(store, "finance") == left(store, "all") == []
    store.corrections.decide(beds, {"finance": False, "data": True}, "ann", START + 1)
    assert left(store, "finance") == [Tombstone(beds, START + 1)]
    assert left(store, "all") == left(store, "data") == left(store, "finance+data") == []
    store.corrections.decide(beds, {"finance": None, "data": None}, "ann", START + 2)
    assert (left(store, "finance"), left(store, "data")) == ([], [Tombstone(beds, START + 2)])
    store.sources.remove(source_id, START + 3)
    assert left(store, "finance") == left(store, "all") == [Tombstone(pay, START + 3), Tombstone(beds, START + 3)]
    assert left(store, "finance+data") == left(store, "all")
    assert left(store, "all", limit=1) == [Tombstone(pay, START + 3)]
    assert left(store, "all", low=pay) == [Tombstone(pay, START + 3)]
    assert left(store, "all", high=pay) == [Tombstone(beds, START + 3)]


def test_another_name_or_address_of_a_source_is_a_change_of_all_that_it_tells(store: Store) -> None:
    one, other = add_sources(store, ["A", "B"])
    store.polls.write(one, [issue("1", news("Beds", topics={"finance": 0.9})), issue("2", news("Owls", topics={}))], START)
    store.polls.write(other, [issue("1", news("Pay", topics={"data": 0.9}))], START + 1)
    place = store.stories.last_change().seq
    store.sources.set(one, START + 2, title="New")
    assert changes(store, place) == [("edited", "Beds"), ("edited", "Owls")]
    assert [each.at for each in store.stories.changes(place, 10)] == [START + 2] * 2
    assert store.stories.feeds_changed(place) == ["all", "finance", "untagged"]
    assert [each.updated for each in store.stories.page(StoryQuery())] == [START + 1, START, START], "there is nothing to read again"
    place = store.stories.last_change().seq
    store.sources.set(one, START + 3, title="New")
    store.sources.set(one, START + 3, folder="Press", interval=7200, full_text=True)
    store.sources.restore([Subscription("https://A.example/feed", "", "News"), Subscription("https://B.example/feed", "B")], START + 3)
    assert changes(store, place) == []
    [lease] = store.polls.claim(START + 4, 60, 1, [other])
    store.polls.finish(lease, replace(poll_of(issue("2", news("Tea", topics={})), at=START + 4), url="https://c.example/feed", title="C"))
    assert changes(store, place) == [("edited", "Pay"), ("new", "Tea")]
    assert store.stories.counts() == {"all": 4, "untagged": 2, "finance": 1, "data": 1}


# ---------------------------------------------------------------- a mirror


def shown(story: PublishedStory) -> PublishedStory:
    """The story without what polls leave in the rows of sources, which is not shown with it."""
    source = story.source
    reports = (replace(each, source=Source(each.source.id, each.source.url, each.source.title)) for each in story.also_reported)
    return replace(story, source=Source(source.id, source.url, source.title), also_reported=tuple(reports))


def follow(mirror: dict[str, PublishedStory], since: int, store: Store, limit: int) -> int:
    """What a program does that keeps a copy, by one look at the change log; returns where it goes on."""
    found: list[Change] = store.stories.changes(since, limit)
    for each in found:
        if each.story is None:
            mirror.pop(each.story_id, None)
        else:
            mirror[each.story_id] = shown(each.story)
    return found[-1].seq if found else since


def _tell(store: Store, dice: Random, now: int) -> None:
    topics = {"finance": dice.random()}
    told = [news(f"Story {dice.randrange(4)}", f"Told {dice.randrange(3)}.", topics=topics) for _ in range(dice.randrange(3))]
    source_id = dice.choice([source.id for source in store.sources.list()])
    store.polls.write(source_id, [issue(str(dice.randrange(4)), *told)], now)


def _decide(store: Store, dice: Random, now: int) -> None:
    if known := ids(store):
        store.corrections.decide(dice.choice(sorted(known.values())), {"data": dice.choice([True, False, None])}, "ann", now)


def _tag_anew(store: Store, dice: Random, now: int) -> None:
    model = f"model-{now}"
    said = [Tag(topic, dice.random(), dice.random() > 0.5, model) for topic in ("finance", "data")]
    store.tags.retag([(item, Verdict(tuple(said))) for item in store.tags.untaught(model, 0)][:2], now)


def _give_up_a_topic(store: Store, dice: Random, now: int) -> None:
    store.tags.keep_only([dice.choice(["finance", "data"])], now)


def _rename(store: Store, dice: Random, now: int) -> None:
    store.sources.set(dice.choice([source.id for source in store.sources.list()]), now, title=dice.choice("XY"))


def _restore(store: Store, dice: Random, now: int) -> None:
    store.sources.restore([Subscription(source.url, dice.choice("XY")) for source in store.sources.list()], now)


def _move(store: Store, dice: Random, now: int) -> None:
    """A poll that ends at another address, and may bring something, too."""
    [lease] = store.polls.claim(now, 60, 1, [dice.choice([source.id for source in store.sources.list()])])
    brought = issue(str(dice.randrange(4)), *(news(f"Story {dice.randrange(4)}") for _ in range(dice.randrange(3))))
    address = f"https://{dice.choice('mno')}.example/feed"
    store.polls.finish(lease, replace(poll_of(brought, at=now), url=address, title="Told"))


_happenings: list[Callable[[Store, Random, int], None]] = [_tell, _tell, _decide, _tag_anew, _give_up_a_topic, _rename, _restore, _move]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(seed=st.integers(0, 2**32), steps=st.lists(st.sampled_from(range(len(_happenings))), max_size=12), limit=st.integers(1, 4))
def test_a_mirror_that_follows_the_changes_equals_a_full_download_whenever_it_is_at_the_end(
    store: Store, seed: int, steps: list[int], limit: int
) -> None:
    wipe(store)
    # One is called as its document calls it.
    add_sources(store, ["A", ""])
    dice = Random(seed)  # noqa: S311
    mirror: dict[str, PublishedStory] = {}
    since = 0
    for number, step in enumerate(steps):
        _happenings[step](store, dice, START + number)
        # It may be slower than what happens.
        since = follow(mirror, since, store, limit)
    while (reached := follow(mirror, since, store, limit)) != since:
        since = reached
    assert mirror == {each.id: shown(each) for each in store.stories.page(StoryQuery(limit=1000))}
