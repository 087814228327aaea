"""The ingest role: what is due is polled, what is begun is finished or given back."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from builders import add_sources
from databases import rename
from fakes import START, FakeClock, KeywordTagger
from ingest_support import GatedLook, item, rss

from feeds.errors import StoreError
from feeds.ingest.chores import Chore, Stopping
from feeds.ingest.extract import extract_feed
from feeds.ingest.haul import Haul
from feeds.ingest.poll import Poller
from feeds.ingest.role import IngestRole
from feeds.ingest.schedule import Rhythm
from feeds.ingest.shift import Pace
from feeds.model import Health, Source
from feeds.ports import Clock
from feeds.store import Store

HOUR = 3600


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


def role(
    store: Store, look: GatedLook, clock: Clock, *, tick: int = HOUR, concurrency: int = 10, chores: Sequence[Chore] = ()
) -> IngestRole:
    poller = Poller(store, look, look, look, KeywordTagger(), clock, Rhythm(HOUR, 900, 24 * HOUR), dice=lambda: 0.0)
    return IngestRole(store, poller, clock, lambda: "model-7", Pace(tick, concurrency, lease=300), chores)


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
        look = GatedLook()
        look.gate.set()
        async with running(role(sqlite_store, look, FakeClock())):
            await until(lambda: polled(sqlite_store)[now] is not None)
        assert look.asked == [now]

    asyncio.run(scene())

    assert sqlite_store.status.health() == Health(heartbeat=START, model="model-7")
    assert polled(sqlite_store) == {now: START, later: None, never: None}


def test_ticks_go_on_and_poll_what_has_become_due(sqlite_store: Store) -> None:
    (source,) = add_sources(sqlite_store, ["a"], START + 60)

    async def scene() -> None:
        look, clock = GatedLook(), FakeClock()
        look.gate.set()
        async with running(role(sqlite_store, look, clock, tick=1)):
            await until(lambda: sqlite_store.status.health().heartbeat == START)
            clock.advance(60)
            await until(lambda: polled(sqlite_store)[source] == START + 60)
            await until(lambda: sqlite_store.status.health().heartbeat == START + 60)

    asyncio.run(scene())


def test_no_more_is_polled_at_once_than_is_allowed(sqlite_store: Store) -> None:
    sources = add_sources(sqlite_store, ["a", "b", "c"])

    async def scene() -> None:
        look = GatedLook()
        ingest = role(sqlite_store, look, FakeClock(), concurrency=2)
        async with running(ingest):
            await until(lambda: len(look.asked) == 2)
            await ingest.tick()
            await ingest.tick()
            assert look.asked == sources[:2]
            look.gate.set()
            async with asyncio.timeout(20):
                while look.asked != sources:
                    await ingest.tick()

    asyncio.run(scene())

    assert polled(sqlite_store) == dict.fromkeys(sources, START)


def test_a_stop_lets_polls_in_flight_finish(sqlite_store: Store) -> None:
    (source,) = add_sources(sqlite_store, ["a"])

    async def scene() -> None:
        look = GatedLook()
        async with running(role(sqlite_store, look, FakeClock())) as stop:
            await until(lambda: look.asked == [source])
            stop.set()
            look.gate.set()

    asyncio.run(scene())

    assert polled(sqlite_store) == {source: START}
    assert due(sqlite_store, START + HOUR) == {source}


def test_what_does_not_finish_after_a_stop_is_given_back_and_due_at_once(sqlite_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("feeds.ingest.role._GRACE", 0.1)
    sources = add_sources(sqlite_store, ["a", "b"])

    async def scene() -> None:
        look = GatedLook()
        async with running(role(sqlite_store, look, FakeClock())):
            await until(lambda: len(look.asked) == 2)
            assert due(sqlite_store, START) == set()

    asyncio.run(scene())

    assert polled(sqlite_store) == dict.fromkeys(sources, None)
    assert due(sqlite_store, START) == set(sources)


def test_a_stop_during_a_tick_leaves_no_source_claimed_by_nobody(sqlite_store: Store) -> None:
    async def scene() -> None:
        look, clock = GatedLook(), HeldClock()
        look.gate.set()
        async with running(role(sqlite_store, look, clock, tick=1)) as stop:
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


def test_a_tick_whose_time_comes_just_with_the_stop_claims_nothing_and_is_no_error(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (first,) = add_sources(sqlite_store, ["a"])
    stop = asyncio.Event()
    find_due = AsyncIOScheduler._process_jobs

    def find_due_after_the_stop(scheduler: Any) -> Any:
        if polled(sqlite_store)[first] is not None:
            add_sources(sqlite_store, ["b"])
            stop.set()
        return find_due(scheduler)

    monkeypatch.setattr(AsyncIOScheduler, "_process_jobs", find_due_after_the_stop)
    look = GatedLook()
    look.gate.set()

    async def scene() -> None:
        async with asyncio.timeout(20):
            await role(sqlite_store, look, FakeClock(), tick=1).run(stop)

    asyncio.run(scene())

    assert look.asked == [first]
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []


def test_a_tick_after_the_stop_is_over_at_once(sqlite_store: Store) -> None:
    async def scene() -> None:
        ingest = role(sqlite_store, GatedLook(), FakeClock())
        async with running(ingest):
            pass
        add_sources(sqlite_store, ["a"])
        async with asyncio.timeout(20):
            await ingest.tick()

    asyncio.run(scene())

    assert due(sqlite_store, START) == {1}


def test_a_tick_that_finds_the_database_broken_tells_and_the_next_one_goes_on(
    sqlite_store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    (source,) = add_sources(sqlite_store, ["a"])

    async def scene() -> None:
        look = GatedLook()
        look.gate.set()
        ingest = role(sqlite_store, look, FakeClock())
        rename(sqlite_store, "meta", "hidden")
        async with running(ingest):
            await until(lambda: "tick failed" in caplog.text)
            assert look.asked == []
            rename(sqlite_store, "hidden", "meta")
            await ingest.tick()
            await until(lambda: polled(sqlite_store) == {source: START})

    with caplog.at_level(logging.ERROR):
        asyncio.run(scene())

    assert "the database refused" in caplog.text


# ---------------------------------------------------------------- chores


class Work:
    """A chore's work, held up until its gate is open; remembers how it went."""

    def __init__(self, *, held: bool = False, error: Exception | None = None) -> None:
        self.gate = threading.Event()
        if not held:
            self.gate.set()
        self.error = error
        self.begun = 0
        self.ended = 0
        self.most_at_once = 0
        self.told_to_stop: list[bool] = []
        self._lock = threading.Lock()

    def __call__(self, stopping: Stopping) -> None:
        with self._lock:
            self.begun += 1
            self.most_at_once = max(self.most_at_once, self.begun - self.ended)
        before = stopping()
        assert self.gate.wait(20)
        with self._lock:
            self.told_to_stop += [before, stopping()]
            self.ended += 1
        if self.error:
            raise self.error


def open_look() -> GatedLook:
    look = GatedLook()
    look.gate.set()
    return look


def test_a_chore_is_done_at_once_and_again_whenever_its_time_has_come(sqlite_store: Store) -> None:
    often, seldom = Work(), Work()

    async def scene() -> None:
        chores = Chore("often", 1, often), Chore("seldom", HOUR, seldom)
        async with running(role(sqlite_store, open_look(), FakeClock(), chores=chores)):
            await until(lambda: seldom.ended == 1)
            await until(lambda: often.ended >= 2)

    asyncio.run(scene())

    assert seldom.begun == 1
    assert seldom.told_to_stop == [False, False]


class Fresh(GatedLook):
    """Whatever it looks at has something new once its gate is open, and only then."""

    @asynccontextmanager
    async def look(self, source: Source) -> AsyncIterator[Haul]:
        self.asked.append(source.id)
        told = rss(item("1", "Deficit doubles", "The deficit doubled.")) if self.gate.is_set() else rss()
        yield Haul((extract_feed(told, "application/rss+xml", source.url),))


def test_a_chore_that_follows_news_is_done_soon_after_a_poll_that_brought_some(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("feeds.ingest.role._SOON", 0.01)
    quiet, loud = (add_sources(sqlite_store, [name], at)[0] for name, at in [("quiet", START), ("loud", START + 60)])
    telling, other = Work(), Work()

    async def scene() -> None:
        clock, look = FakeClock(), Fresh()
        chores = Chore("telling", HOUR, telling, at_news=True), Chore("other", HOUR, other)
        async with running(role(sqlite_store, look, clock, tick=1, chores=chores)):
            await until(lambda: polled(sqlite_store)[quiet] is not None and telling.ended == 1)
            look.gate.set()
            clock.advance(60)
            await until(lambda: telling.ended == 2)
            assert look.asked == [quiet, loud]

    asyncio.run(scene())

    assert (telling.begun, other.begun) == (2, 1)


def test_a_chore_that_takes_longer_than_its_time_is_never_done_twice_at_once_and_holds_up_nobody(sqlite_store: Store) -> None:
    (source,) = add_sources(sqlite_store, ["a"], START + 60)
    slow, other = Work(held=True), Work()

    async def scene() -> None:
        clock = FakeClock()
        chores = Chore("slow", 1, slow), Chore("other", 1, other)
        async with running(role(sqlite_store, open_look(), clock, tick=1, chores=chores)):
            await until(lambda: slow.begun == 1)
            done = other.ended
            clock.advance(60)
            # Each time that the other one is done, the slow one was due, too.
            await until(lambda: other.ended >= done + 2 and polled(sqlite_store)[source] == START + 60)
            assert (slow.begun, slow.ended) == (1, 0)
            slow.gate.set()
            await until(lambda: slow.ended >= 2)

    asyncio.run(scene())

    assert slow.most_at_once == 1


@pytest.mark.parametrize(
    ("error", "traced"),
    [
        pytest.param(StoreError("the database refused: it is busy"), False, id="an expected error"),
        pytest.param(ZeroDivisionError("the database refused: it is busy"), True, id="an unexpected error"),
    ],
)
def test_a_chore_that_fails_is_told_and_tried_again_and_stops_neither_polls_nor_other_chores(
    sqlite_store: Store, caplog: pytest.LogCaptureFixture, error: Exception, traced: bool
) -> None:
    (source,) = add_sources(sqlite_store, ["a"], START + 60)
    failing, other = Work(error=error), Work()

    async def scene() -> None:
        clock = FakeClock()
        chores = Chore("failing", 1, failing), Chore("other", 1, other)
        async with running(role(sqlite_store, open_look(), clock, tick=1, chores=chores)):
            await until(lambda: failing.ended >= 1)
            done = other.ended
            clock.advance(60)
            await until(lambda: failing.ended >= 2 and other.ended > done and polled(sqlite_store)[source] == START + 60)

    with caplog.at_level(logging.ERROR):
        asyncio.run(scene())

    told = [record for record in caplog.records if record.name == "feeds.ingest.role"]
    assert len(told) == failing.ended
    for record in told:
        assert record.getMessage().startswith("failing failed")
        assert (record.exc_info is not None) is traced
    assert "the database refused: it is busy" in caplog.text


def test_a_stop_tells_a_chore_under_way_and_waits_until_it_has_come_to_its_end(sqlite_store: Store) -> None:
    (source,) = add_sources(sqlite_store, ["a"])
    slow = Work(held=True)

    async def scene() -> None:
        stop = asyncio.Event()
        ended = asyncio.create_task(role(sqlite_store, open_look(), FakeClock(), chores=[Chore("slow", HOUR, slow)]).run(stop))
        # Then the first tick is over, too, and nothing but the chore can hold up the end.
        await until(lambda: slow.begun == 1 and polled(sqlite_store)[source] == START)
        stop.set()
        for _ in range(100):  # turns of the loop in which a hasty stop would have come to its end
            await asyncio.sleep(0)
        assert not ended.done()
        slow.gate.set()
        await ended
        assert slow.ended == 1

    asyncio.run(scene())

    assert slow.told_to_stop == [False, True]


def test_a_stop_waits_for_a_chore_that_fails_at_its_end(sqlite_store: Store, caplog: pytest.LogCaptureFixture) -> None:
    slow = Work(held=True, error=ZeroDivisionError("at the end"))

    async def scene() -> None:
        async with running(role(sqlite_store, open_look(), FakeClock(), chores=[Chore("slow", HOUR, slow)])) as stop:
            await until(lambda: slow.begun == 1)
            stop.set()
            slow.gate.set()
        assert slow.ended == 1

    with caplog.at_level(logging.ERROR):
        asyncio.run(scene())

    assert "slow failed" in caplog.text


def test_a_chore_whose_time_comes_just_with_the_stop_is_either_not_begun_or_waited_for(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = Work()
    stop = asyncio.Event()
    find_due = AsyncIOScheduler._process_jobs

    def find_due_after_the_stop(scheduler: Any) -> Any:
        if work.ended == 1:
            work.gate.clear()
            stop.set()
        return find_due(scheduler)

    monkeypatch.setattr(AsyncIOScheduler, "_process_jobs", find_due_after_the_stop)

    async def scene() -> None:
        run = asyncio.create_task(role(sqlite_store, open_look(), FakeClock(), chores=[Chore("often", 1, work)]).run(stop))
        await until(lambda: run.done() or work.begun == 2)
        for _ in range(100):  # turns of the loop in which a hasty stop would have come to its end
            await asyncio.sleep(0)
        ended_by_itself = run.done()
        work.gate.set()
        await run
        await asyncio.get_running_loop().shutdown_default_executor()
        assert not ended_by_itself or work.begun == 1

    asyncio.run(scene())
