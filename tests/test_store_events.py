"""The log of what happened to sources."""

from __future__ import annotations

from builders import add_sources
from fakes import START
from source_rows import change_source, happened

from feeds.store import Store


def told(store: Store, limit: int = 50, source_id: int | None = None) -> list[tuple[str, int, str, str]]:
    return [(each.source.title, each.at, each.kind, each.text) for each in store.events.latest(limit, source_id)]


def test_events_are_told_newest_first_with_their_sources(store: Store) -> None:
    one, two = add_sources(store, ["one", "two"])
    assert told(store) == []
    happened(store, one, START, "broke", "no answer")
    happened(store, two, START, "silent", "nothing has come")
    happened(store, one, START - 60, "recovered", "it delivers again")
    assert told(store) == [
        ("one", START - 60, "recovered", "it delivers again"),
        ("two", START, "silent", "nothing has come"),
        ("one", START, "broke", "no answer"),
    ]
    assert told(store, 2) == told(store)[:2]
    assert told(store, 50, one) == [told(store)[0], told(store)[2]]
    assert [each.id for each in store.events.latest(50)] == [3, 2, 1]
    assert store.events.latest(1)[0].source == store.sources.get(one)


def test_the_state_differs_when_what_is_shown_does_and_only_then(store: Store) -> None:
    one, two = add_sources(store, ["one", "two"])
    states = [store.events.state(3)]
    happened(store, one, START, "broke", "no answer")
    states.append(store.events.state(3))
    happened(store, two, START, "broke", "no answer")
    states.append(store.events.state(3))
    change_source(store, two, title="Two")
    states.append(store.events.state(3))
    store.sources.remove(one, START)
    states.append(store.events.state(3))
    assert len(set(states)) == 5
    change_source(store, two, failures=7, next_poll=START, last_polled=START)
    assert store.events.state(3) == states[-1]
