"""Polls in flight: claims sources while there is room for them, and holds their leases for as long as it takes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from feeds.errors import HealthwireError
from feeds.ingest.poll import Outcome, Poller
from feeds.model import Lease
from feeds.ports import Clock
from feeds.store import Store

_log = logging.getLogger(__name__)

_MOMENT = 0.2


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between ticks, polls at once in all and on one host, and seconds that a lease holds."""

    tick: int
    concurrency: int
    lease: int
    per_host: int = 1


class Shift:
    """``done`` is called with each outcome."""

    def __init__(self, store: Store, poller: Poller, clock: Clock, pace: Pace, done: Callable[[Outcome], None] = lambda _: None) -> None:
        self._store = store
        self._poller = poller
        self._clock = clock
        self._pace = pace
        self._done = done
        self._polls: dict[asyncio.Task[Outcome], Lease] = {}
        self._claiming = asyncio.Lock()
        self._renewed = clock()
        self._hungry = False
        self._closed = False
        self._refill: asyncio.Task[int] | None = None
        self._enough = 0
        self._news = asyncio.Event()

    async def fill(self, only: Sequence[int] | None = None) -> int:
        """Starts polls of due sources, or of those named, as far as there is room; returns how many.

        Once a good part of them is done, due ones are claimed anew without waiting for the next tick.
        """
        async with self._claiming:
            room = self._pace.concurrency - len(self._polls)
            if room <= 0 or self._closed:
                return 0
            claimed = await asyncio.to_thread(self._claim, room, only)
            self._hungry = bool(claimed) and only is None
            for lease in claimed:
                task = asyncio.create_task(self._poller.poll(lease))
                self._polls[task] = lease
                task.add_done_callback(self._ended)
            return len(claimed)

    async def renew(self) -> None:
        """Lengthens the leases that are half over, so that no source is polled twice because its poll had to wait.

        Raises:
            StoreError: the database cannot be used; the next call tries again.
        """
        if not self._polls:
            return
        now = self._clock()
        if now - self._renewed >= self._pace.lease // 2:
            await asyncio.to_thread(self._store.polls.renew, list(self._polls.values()), now + self._pace.lease)
            self._renewed = now

    async def drain(self, only: Sequence[int] | None = None) -> None:
        """Polls the named, or all due, sources once, and comes back when that is done; interrupted, it gives back what is under way."""
        try:
            await self._drain(only)
        except BaseException:
            await self.close(0)
            raise

    async def _drain(self, only: Sequence[int] | None) -> None:
        left = None if only is None else set(only)
        while await self.fill(None if left is None else sorted(left)) or self._polls:
            if left is not None:
                left -= {lease.source.id for lease in self._polls.values()}
            await self._some_done()
            await self.renew()

    async def close(self, grace: float) -> None:
        """Lets the polls in flight finish for ``grace`` seconds and gives back what is left, which stays due."""
        self._closed = True
        async with self._claiming:
            leases = dict(self._polls)
        if not leases:
            return
        _, late = await asyncio.wait(leases, timeout=grace)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        await asyncio.to_thread(self._store.polls.release, [leases[task] for task in late])

    async def _some_done(self) -> None:
        """Waits until half of the polls in flight are done, or a moment has passed: a claim costs more than most polls."""
        self._enough = len(self._polls) // 2
        self._news.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(_MOMENT):
                await self._news.wait()

    def _ended(self, task: asyncio.Task[Outcome]) -> None:
        self._polls.pop(task)
        if len(self._polls) <= self._enough:
            self._news.set()
        if not task.cancelled():
            self._done(task.result())
        if self._hungry and not self._closed and len(self._polls) <= self._pace.concurrency // 2:
            self._hungry = False
            self._refill = asyncio.create_task(self._fill_again())

    async def _fill_again(self) -> int:
        try:
            return await self.fill()
        except HealthwireError as error:
            _log.error("no sources could be claimed: %s", error)
            return 0

    def _claim(self, room: int, only: Sequence[int] | None) -> list[Lease]:
        pace, now = self._pace, self._clock()
        claimed = self._store.polls.claim(now, pace.lease, room, only, per_host=pace.per_host)
        if self._clock() - now < pace.lease // 4:
            return claimed
        # The claim had to wait for the database, and its leases count from before that: they may be over already.
        self._store.polls.release(claimed)
        return []
