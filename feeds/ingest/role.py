"""The ingest role: a tick claims the sources that are due and polls them, and chores are done in between, until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from feeds.errors import HealthwireError
from feeds.ingest.chores import Chore
from feeds.ingest.poll import Outcome, Poller
from feeds.ingest.shift import Pace, Shift
from feeds.model import Tally
from feeds.ports import Clock
from feeds.store import Store

_log = logging.getLogger(__name__)

# How long polls in flight may finish after a stop; what is left is given back and stays due.
_GRACE = 5
# Seconds after which chores follow news: what many polls bring at the same time is told at once.
_SOON = 1


class IngestRole:
    """Polls what is due. The durable schedule is in the sources' rows; APScheduler only ticks."""

    def __init__(
        self, store: Store, poller: Poller, clock: Clock, model: Callable[[], str], pace: Pace, chores: Sequence[Chore] = ()
    ) -> None:
        self._store = store
        self._clock = clock
        self._model = model
        self._tick = pace.tick
        self._shift = Shift(store, poller, clock, pace, self._polled)
        self._chores = chores
        self._stop = asyncio.Event()
        self._busy: set[asyncio.Task[None]] = set()
        self._ticking = asyncio.Lock()
        self._told_soon: asyncio.TimerHandle | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Ticks until ``stop`` is set, then finishes or gives back the polls in flight and lets chores come to an end."""
        self._stop = stop
        scheduler = AsyncIOScheduler(timezone="UTC")
        # A late tick is still worth running, and one that was missed needs no second one.
        scheduler.add_job(self.tick, "interval", seconds=self._tick, misfire_grace_time=None, coalesce=True, max_instances=1)
        for chore in self._chores:
            now = datetime.now(UTC)
            scheduler.add_job(
                self._on_time, "interval", (chore,), seconds=chore.every, next_run_time=now, misfire_grace_time=None, coalesce=True
            )
        scheduler.start()
        await self.tick()
        await stop.wait()
        # A tick under way may still claim sources; none follows.
        async with self._ticking:
            scheduler.shutdown(wait=False)
        await self._wind_down()

    async def tick(self) -> None:
        """Says that ingest is alive, holds on to the polls in flight, and starts polls of due sources up to the limit, until the stop."""
        if self._stop.is_set():
            return
        async with self._ticking:
            try:
                await asyncio.to_thread(self._beat)
                await self._shift.renew()
                await self._shift.fill()
            except HealthwireError as error:
                _log.error("tick failed: %s", error)

    def _beat(self) -> None:
        self._store.status.beat(self._clock(), self._model())

    def _polled(self, outcome: Outcome) -> None:
        if outcome.tally != Tally() and self._told_soon is None:
            self._told_soon = asyncio.get_running_loop().call_later(_SOON, self._tell)

    def _tell(self) -> None:
        self._told_soon = None
        for chore in self._chores:
            if chore.at_news:
                self._begin(chore)

    async def _on_time(self, chore: Chore) -> None:
        self._begin(chore)

    def _begin(self, chore: Chore) -> None:
        if self._stop.is_set() or any(task.get_name() == chore.name for task in self._busy):
            return
        task = asyncio.create_task(self._do(chore), name=chore.name)
        self._busy.add(task)
        task.add_done_callback(self._busy.discard)

    async def _do(self, chore: Chore) -> None:
        """One chore; whatever goes wrong, the polls go on."""
        try:
            await asyncio.to_thread(chore.do, self._stop.is_set)
        except HealthwireError as error:
            _log.error("%s failed: %s", chore.name, error)
        except Exception:
            _log.exception("%s failed", chore.name)

    async def _wind_down(self) -> None:
        await asyncio.gather(self._shift.close(_GRACE), *self._busy)
