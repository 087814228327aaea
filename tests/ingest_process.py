"""An ingest process that tests start, stop and kill. Its module imports little, as each process imports it anew."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from multiprocessing.connection import Connection
from pathlib import Path
from typing import ParamSpec, TypeVar

from fakes import START, KeywordTagger

from feeds.errors import FetchError
from feeds.ingest import role
from feeds.ingest.chores import Chore, RawPruning, Rescoring
from feeds.ingest.extract import Cut
from feeds.ingest.haul import Letters
from feeds.ingest.http import HttpFetcher
from feeds.ingest.letterbox import Letterbox
from feeds.ingest.poll import Poller
from feeds.ingest.sandbox import Sandbox
from feeds.ingest.schedule import Rhythm
from feeds.ingest.shift import Pace
from feeds.ingest.site import Site
from feeds.model import Source
from feeds.ports import Clock
from feeds.store import open_store

# The clock of these processes, which all of them share, shows so many seconds for each real one.
SPEED = 20
LEASE = 60
PER_HOST = 2
_TICK = 0.1
_RHYTHM = Rhythm(interval=10, floor=5, ceiling=30)

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class Job:
    """``born``: the moment of the monotonic clock at which the tests' clock showed START."""

    url: str
    name: str
    born: float
    log: Path
    sandbox: Callable[[], Sandbox]


def clock_of(born: float) -> Clock:
    return lambda: START + int((time.monotonic() - born) * SPEED)


class NoSandbox(Sandbox):
    """Reads documents in a thread: starting a child takes longer than most of these processes live."""

    def __init__(self) -> None:
        pass

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await asyncio.to_thread(function, *args, **kwargs)

    def close(self) -> None:
        pass


class Teasers:
    """Completes nothing."""

    async def complete(self, cuts: Sequence[Cut]) -> list[Cut]:
        return list(cuts)


def no_mailbox(source: Source) -> Letters:
    raise FetchError(f"{source.url} is not in this test")


def ingest(job: Job, parent: Connection) -> None:
    """The ingest role as the program runs it, but for its clock, tick and grace; warnings go to the log. Says "go" when it begins."""
    logging.basicConfig(filename=job.log, level=logging.WARNING, format=f"{job.name} %(message)s", force=True)
    # A tick that took longer than the time to the next one is no fault.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    role._GRACE = 0
    asyncio.run(_ingest(job, parent))


async def _ingest(job: Job, parent: Connection) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    store, clock, tagger, sandbox = open_store(job.url), clock_of(job.born), KeywordTagger(), job.sandbox()
    allowed = [ip_network("127.0.0.0/8")]
    try:
        async with HttpFetcher(
            user_agent=job.name, timeout=20, max_bytes=10_000_000, concurrency=20, per_host=PER_HOST, allowed=allowed
        ) as fetcher:
            site = Site(fetcher, sandbox, store.polls.marks)
            letterbox = Letterbox(sandbox, store.polls.marks, no_mailbox, 100_000)
            poller = Poller(store, site, letterbox, Teasers(), tagger, clock, _RHYTHM)
            chores = (
                Chore("rescoring", 1, Rescoring(store, tagger, clock)),
                Chore("pruning of raw documents", 1, RawPruning(store, clock, 1, 100_000)),
            )
            pace = Pace(tick=_TICK, concurrency=6, lease=LEASE, per_host=PER_HOST)  # type: ignore[arg-type]  # a second is too long here
            parent.send("go")
            await role.IngestRole(store, poller, clock, lambda: tagger.version, pace, chores).run(stop)
    finally:
        sandbox.close()
        store.engine.dispose()
