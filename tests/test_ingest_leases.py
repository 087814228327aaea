"""Leases hold although the database or other sources keep a worker waiting."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from typing import Any

import pytest
from builders import add_sources
from databases import rename
from fakes import START, FakeClock, KeywordTagger
from ingest_process import NoSandbox
from ingest_support import GatedLook

from feeds.errors import StoreError
from feeds.ingest.haul import Letters
from feeds.ingest.letterbox import Letterbox
from feeds.ingest.poll import Poller
from feeds.ingest.schedule import Rhythm
from feeds.ingest.shift import Pace, Shift
from feeds.model import Lease, Source, Subscription
from feeds.store import Store
from feeds.store.polls import Polls

HOUR, LEASE = 3600, 300


def shift(store: Store, look: GatedLook, clock: FakeClock) -> Shift:
    poller = Poller(store, look, look, look, KeywordTagger(), clock, Rhythm(HOUR, 900, 24 * HOUR), dice=lambda: 0.0)
    return Shift(store, poller, clock, Pace(5, 10, LEASE))


def test_leases_that_could_not_be_renewed_are_renewed_as_soon_as_they_can_be(sqlite_store: Store) -> None:
    add_sources(sqlite_store, ["a"])

    async def scene() -> None:
        look, clock = GatedLook(), FakeClock()
        working = shift(sqlite_store, look, clock)
        await working.fill()
        clock.advance(LEASE // 2)
        rename(sqlite_store, "source", "hidden")
        with pytest.raises(StoreError):
            await working.renew()
        rename(sqlite_store, "hidden", "source")
        clock.advance(5)
        await working.renew()
        assert sqlite_store.polls.claim(START + LEASE, LEASE, 9) == []
        look.gate.set()
        await working.close(20)

    asyncio.run(scene())


def test_polls_of_a_command_that_is_interrupted_are_given_back(sqlite_store: Store) -> None:
    ids = add_sources(sqlite_store, ["a", "b"])

    async def scene() -> None:
        look = GatedLook()
        draining = asyncio.create_task(shift(sqlite_store, look, FakeClock()).drain())
        async with asyncio.timeout(20):
            while len(look.asked) < 2:  # noqa: ASYNC110 - the polls go on meanwhile
                await asyncio.sleep(0.01)
        draining.cancel()
        with pytest.raises(asyncio.CancelledError):
            await draining

    asyncio.run(scene())

    assert [lease.source.id for lease in sqlite_store.polls.claim(START, LEASE, 9)] == ids


class SlowPolls(Polls):
    """Waits for as long as a lease holds, whenever it claims."""

    clock: FakeClock

    def claim(self, *args: Any, **kwargs: Any) -> list[Lease]:
        claimed = super().claim(*args, **kwargs)
        self.clock.advance(LEASE)
        return claimed


def test_sources_whose_leases_are_over_before_the_claim_is_are_not_polled(sqlite_store: Store) -> None:
    (one,) = add_sources(sqlite_store, ["a"])

    async def scene() -> None:
        look, clock = GatedLook(), FakeClock()
        look.gate.set()
        polls = SlowPolls(sqlite_store.engine)
        polls.clock = clock
        working = shift(replace(sqlite_store, polls=polls), look, clock)
        assert await working.fill() == 0
        await working.close(20)
        assert look.asked == []
        assert [lease.source.id for lease in sqlite_store.polls.claim(START, LEASE, 9)] == [one]

    asyncio.run(scene())


def test_mailboxes_whose_servers_keep_silent_hold_up_neither_leases_nor_other_sources(sqlite_store: Store) -> None:
    # Far more than there are threads by default.
    mailboxes = [Subscription(f"imaps://mail{number}.example/INBOX", f"Mail {number}") for number in range(60)]
    sqlite_store.sources.add(mailboxes, next_poll=START)
    (feed,) = add_sources(sqlite_store, ["a"], START + 1)
    spoke = threading.Event()

    def keep_silent(_: Source) -> Letters:
        assert spoke.wait(60)
        return Letters()

    async def scene() -> None:
        look, clock, polls = GatedLook(), FakeClock(START + 1), sqlite_store.polls
        look.gate.set()
        letterbox = Letterbox(NoSandbox(), polls.marks, keep_silent, 1000)
        poller = Poller(sqlite_store, look, letterbox, look, KeywordTagger(), clock, Rhythm(HOUR, 900, 24 * HOUR), dice=lambda: 0.0)
        working = Shift(sqlite_store, poller, clock, Pace(5, 100, LEASE))
        try:
            async with asyncio.timeout(20):
                assert await working.fill() == 61
                while sqlite_store.sources.find(str(feed)).last_polled is None:  # noqa: ASYNC110 - it is the database that changes
                    await asyncio.sleep(0.01)
                clock.advance(LEASE // 2)
                await working.renew()
                assert await asyncio.to_thread(polls.claim, START + LEASE + 1, LEASE, 100) == []
        finally:
            spoke.set()
        await working.close(20)

    asyncio.run(scene())

    assert sqlite_store.polls.waiting(START + LEASE) == []
