"""A shift claims sources while there is room, goes on as soon as there is again, and holds its leases."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import pytest
from builders import add_sources
from fakes import START, FakeClock, KeywordTagger

from feeds.errors import ParseError
from feeds.ingest.extract import Cut
from feeds.ingest.haul import Haul
from feeds.ingest.poll import Outcome, Poller
from feeds.ingest.schedule import Rhythm
from feeds.ingest.shift import Pace, Shift
from feeds.model import Source
from feeds.store import Store

HOUR, LEASE = 3600, 300


class Looks:
    """Finds nothing new, in its own time; remembers who was looked at, and how many at once."""

    def __init__(self, meanwhile: Callable[[Source], Awaitable[None]] | None = None, more: int = 0, bad: Sequence[int] = ()) -> None:
        self.seen: list[int] = []
        self.most_at_once = 0
        self._meanwhile = meanwhile
        self._more = more
        self._bad = bad
        self._at_once = 0

    @asynccontextmanager
    async def look(self, source: Source) -> AsyncIterator[Haul]:
        self.seen.append(source.id)
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        await (self._meanwhile(source) if self._meanwhile else asyncio.sleep(0))
        self._at_once -= 1
        if source.id in self._bad:
            raise ParseError("it is no feed")
        yield Haul(etag='"e1"', more=self.seen.count(source.id) <= self._more)

    async def complete(self, cuts: Sequence[Cut]) -> list[Cut]:
        return list(cuts)


def shift(store: Store, looks: Looks, clock: FakeClock, outcomes: list[Outcome], concurrency: int = 4) -> Shift:
    poller = Poller(store, looks, looks, looks, KeywordTagger(), clock, Rhythm(HOUR, 900, 24 * HOUR), dice=lambda: 0.0)
    return Shift(store, poller, clock, Pace(5, concurrency, LEASE), outcomes.append)


def drained(store: Store, looks: Looks, only: Sequence[int] | None = None, clock: FakeClock | None = None) -> list[Outcome]:
    outcomes: list[Outcome] = []
    asyncio.run(shift(store, looks, clock or FakeClock(), outcomes).drain(only))
    return outcomes


def test_all_that_is_due_is_polled_once_however_little_room_there_is(sqlite_store: Store) -> None:
    due = add_sources(sqlite_store, [f"s{number}" for number in range(30)])
    add_sources(sqlite_store, ["later"], START + 1)
    looks = Looks()

    outcomes = drained(sqlite_store, looks)

    assert sorted(looks.seen) == due
    assert looks.most_at_once == 4
    assert sorted(outcome.source.id for outcome in outcomes) == due
    assert {source.next_poll for source in sqlite_store.sources.list()} == {START + HOUR, START + 1}


def test_the_named_ones_are_polled_once_each_due_or_not(sqlite_store: Store) -> None:
    one, _, three = add_sources(sqlite_store, ["a", "b", "c"], START + 50)
    looks = Looks()
    assert len(drained(sqlite_store, looks, [three, one])) == 2
    assert sorted(looks.seen) == [one, three]


def test_one_that_somebody_else_polls_is_left_to_them(sqlite_store: Store) -> None:
    one, two = add_sources(sqlite_store, ["a", "b"])
    sqlite_store.polls.claim(START, LEASE, 1, [one])
    looks = Looks()
    assert [outcome.source.id for outcome in drained(sqlite_store, looks, [one, two])] == [two]


def test_a_source_that_has_more_is_read_to_its_end(sqlite_store: Store) -> None:
    (one,) = add_sources(sqlite_store, ["a"])
    looks = Looks(more=3)
    drained(sqlite_store, looks)
    assert looks.seen == [one] * 4


def test_bad_sources_do_not_hold_up_the_others(sqlite_store: Store) -> None:
    ids = add_sources(sqlite_store, [f"s{number}" for number in range(9)])
    outcomes = drained(sqlite_store, Looks(bad=ids[::2]))
    assert sorted((outcome.source.id, outcome.error, outcome.is_feed) for outcome in outcomes) == [
        (each, *(("it is no feed", False) if each in ids[::2] else (None, True))) for each in ids
    ]


def test_due_sources_are_claimed_without_waiting_for_a_tick_once_half_of_the_polls_are_done(sqlite_store: Store) -> None:
    ids = add_sources(sqlite_store, [f"s{number}" for number in range(11)])
    looks = Looks()
    outcomes: list[Outcome] = []

    async def scene() -> None:
        working = shift(sqlite_store, looks, FakeClock(), outcomes)
        assert await working.fill() == 4
        async with asyncio.timeout(20):
            while len(outcomes) < len(ids):  # noqa: ASYNC110 - it is the database that changes
                await asyncio.sleep(0.01)

    asyncio.run(scene())

    assert sorted(looks.seen) == ids


def test_a_poll_that_takes_long_keeps_its_source(sqlite_store: Store) -> None:
    (one,) = add_sources(sqlite_store, ["a"])
    clock = FakeClock()
    outcomes: list[Outcome] = []

    async def scene() -> None:
        gate = asyncio.Event()

        async def wait(_: Source) -> None:
            await gate.wait()

        working = shift(sqlite_store, Looks(wait), clock, outcomes)
        await working.fill()
        stolen = []
        for _ in range(10):
            clock.advance(LEASE // 2)
            await working.renew()
            stolen += sqlite_store.polls.claim(clock(), LEASE, 9)
        assert stolen == []
        gate.set()
        await working.close(20)

    asyncio.run(scene())

    assert [(outcome.source.id, outcome.error) for outcome in outcomes] == [(one, None)]
    assert sqlite_store.sources.find(str(one)).last_polled == clock()


def test_what_does_not_end_in_time_is_given_back_and_nothing_more_is_claimed(sqlite_store: Store) -> None:
    ids = add_sources(sqlite_store, ["a", "b", "c"])

    async def scene() -> None:
        async def hang(source: Source) -> None:
            if source.id == ids[1]:
                await asyncio.Event().wait()

        working = shift(sqlite_store, Looks(hang), FakeClock(), [], concurrency=2)
        await working.fill()
        await working.close(1)
        assert await working.fill() == 0

    asyncio.run(scene())

    assert [source.last_polled for source in sqlite_store.sources.list()] == [START, None, None]
    assert {lease.source.id for lease in sqlite_store.polls.claim(START, LEASE, 9)} == set(ids[1:])


@pytest.mark.parametrize("concurrency", [1, 2, 50])
def test_no_more_polls_run_at_once_than_allowed(sqlite_store: Store, concurrency: int) -> None:
    add_sources(sqlite_store, [f"s{number}" for number in range(60)])
    looks = Looks()
    asyncio.run(shift(sqlite_store, looks, FakeClock(), [], concurrency).drain())
    assert looks.most_at_once == concurrency
    assert len(looks.seen) == 60
