"""The ingest role: what is due is polled, what is begun is finished or given back."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from builders import add_sources
from fakes import START, FakeClock, KeywordTagger

from feeds.ingest.poll import ParserPool, Poller
from feeds.ingest.role import IngestRole, Pace
from feeds.ingest.schedule import Rhythm
from feeds.model import Fetched, Health, Source
from feeds.ports import Clock
from feeds.store import Store

HOUR = 3600


class GatedFetcher:
    """Answers that nothing has changed, but only once its gate is open."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.asked: list[int] = []

    async def fetch(self, source: Source) -> Fetched:
        self.asked.append(source.id)
        await self.gate.wait()
        return Fetched(source.url, None)


class HeldClock(FakeClock):
    """Stops whoever asks for the time, once it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.holds = False
        self.reached = threading.Event()
        self.released = threading.Event()

    def __call__(self) -> int:
        if self.holds:
            self.holds = False
            self.reached.set()
            assert self.released.wait(20)
        return super().__call__()


def role(store: Store, fetcher: GatedFetcher, clock: Clock, *, tick: int = HOUR, concurrency: int = 10) -> IngestRole:
    poller = Poller(store, fetcher, ParserPool(), KeywordTagger(), clock, Rhythm(HOUR, 900, 24 * HOUR), 100_000, dice=lambda: 0.5)
    return IngestRole(store, poller, clock, lambda: "model-7", Pace(tick, concurrency, lease=300))


@asynccontextmanager
async def running(ingest: IngestRole) -> AsyncIterator[asyncio.Event]:
    """Runs the role; leaving stops it and waits until it has ended."""
    stop = asyncio.Event()
    task = asyncio.create_task(ingest.run(stop))
    try:
        yield stop
    finally:
        stop.set()
        await task


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 - it is the database that changes
            await asyncio.sleep(0.01)


def polled(store: Store) -> dict[int, int | None]:
    return {source.id: source.last_polled for source in store.sources.list()}


def due(store: Store, now: int) -> set[int]:
    """The sources that somebody could poll now."""
    return {lease.source.id for lease in store.polls.claim(now, 300, 100)}


def test_a_tick_says_that_ingest_lives_and_polls_what_is_due(sqlite_store: Store) -> None:
    now, later, never = (
        add_sources(sqlite_store, [name], next_poll)[0] for name, next_poll in [("a", START), ("b", START + 1), ("c", None)]
    )

    async def scene() -> None:
        fetcher = GatedFetcher()
        fetcher.gate.set()
        async with running(role(sqlite_store, fetcher, FakeClock())):
            await until(lambda: polled(sqlite_store)[now] is not None)
        assert fetcher.asked == [now]

    asyncio.run(scene())

    assert sqlite_store.status.health() == Health(heartbeat=START, model="model-7")
    assert polled(sqlite_store) == {now: START, later: None, never: None}


def test_ticks_go_on_and_poll_what_has_become_due(sqlite_store: Store) -> None:
    (source,) = add_sources(sqlite_store, ["a"], START + 60)

    async def scene() -> None:
        fetcher, clock = GatedFetcher(), FakeClock()
        fetcher.gate.set()
        async with running(role(sqlite_store, fetcher, clock, tick=1)):
            await until(lambda: sqlite_store.status.health().heartbeat == START)
            clock.advance(60)
            await until(lambda: polled(sqlite_store)[source] == START + 60)

    asyncio.run(scene())

    assert sqlite_store.status.health().heartbeat == START + 60


def test_no_more_is_polled_at_once_than_is_allowed(sqlite_store: Store) -> None:
    sources = add_sources(sqlite_store, ["a", "b", "c"])

    async def scene() -> None:
        fetcher = GatedFetcher()
        ingest = role(sqlite_store, fetcher, FakeClock(), concurrency=2)
        async with running(ingest):
            await until(lambda: len(fetcher.asked) == 2)
            await ingest.tick()
            await ingest.tick()
            assert fetcher.asked == sources[:2]
            fetcher.gate.set()
            async with asyncio.timeout(20):
                while fetcher.asked != sources:
                    await ingest.tick()

    asyncio.run(scene())

    assert polled(sqlite_store) == dict.fromkeys(sources, START)


def test_a_stop_lets_polls_in_flight_finish(sqlite_store: Store) -> None:
    (source,) = add_sources(sqlite_store, ["a"])

    async def scene() -> None:
        fetcher = GatedFetcher()
        async with running(role(sqlite_store, fetcher, FakeClock())) as stop:
            await until(lambda: fetcher.asked == [source])
            stop.set()
            fetcher.gate.set()

    asyncio.run(scene())

    assert polled(sqlite_store) == {source: START}
    assert due(sqlite_store, START + HOUR) == {source}


def test_what_does_not_finish_after_a_stop_is_given_back_and_due_at_once(sqlite_store: Store) -> None:
    sources = add_sources(sqlite_store, ["a", "b"])

    async def scene() -> None:
        fetcher = GatedFetcher()
        async with running(role(sqlite_store, fetcher, FakeClock())):
            await until(lambda: len(fetcher.asked) == 2)
            assert due(sqlite_store, START) == set()

    asyncio.run(scene())

    assert polled(sqlite_store) == dict.fromkeys(sources, None)
    assert due(sqlite_store, START) == set(sources)


def test_a_stop_during_a_tick_leaves_no_source_claimed_by_nobody(sqlite_store: Store) -> None:
    async def scene() -> None:
        fetcher, clock = GatedFetcher(), HeldClock()
        fetcher.gate.set()
        async with running(role(sqlite_store, fetcher, clock, tick=1)) as stop:
            await until(lambda: sqlite_store.status.health().heartbeat is not None)
            clock.holds = True
            await until(clock.reached.is_set)
            add_sources(sqlite_store, ["a"])
            stop.set()
            for _ in range(20):  # turns of the loop in which a hasty stop would have come to its end
                await asyncio.sleep(0)
            clock.released.set()
        await asyncio.get_running_loop().shutdown_default_executor()

    asyncio.run(scene())

    (source,) = sqlite_store.sources.list()
    assert source.last_polled == START or due(sqlite_store, START) == {source.id}


def test_a_tick_that_finds_the_database_broken_tells_and_the_next_one_goes_on(
    sqlite_store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    (source,) = add_sources(sqlite_store, ["a"])

    def rename(old: str, new: str) -> None:
        with sqlite_store.engine.begin() as connection:
            connection.exec_driver_sql(f"ALTER TABLE {old} RENAME TO {new}")

    async def scene() -> None:
        fetcher = GatedFetcher()
        fetcher.gate.set()
        ingest = role(sqlite_store, fetcher, FakeClock())
        rename("meta", "hidden")
        async with running(ingest):
            await until(lambda: "tick failed" in caplog.text)
            assert fetcher.asked == []
            rename("hidden", "meta")
            await ingest.tick()
            await until(lambda: polled(sqlite_store) == {source: START})

    with caplog.at_level(logging.ERROR):
        asyncio.run(scene())

    assert "the database refused" in caplog.text
