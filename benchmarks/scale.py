"""What the ingest role costs with 10,000 sources while nothing is due, and whether it misses polls when twice as many are due as it
can do."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from benchmarks.helpers import helper
from benchmarks.usage import usage
from feeds.model import Subscription
from feeds.settings import Settings
from feeds.store import Store, prepared_store
from feeds.store.engine import reading, writing
from feeds.store.schema import source

SOURCES = 10_000
MOST_IDLE_MS = 1.0
IDLE_SECONDS = 20
# Of the corpus these are the shortest, so that there can be many.
FIRST, STEP = 11, 15
MOST_POLLS = 2000
WARM_UP = 100
# The work that is piled up, in seconds that it takes; it becomes due in half of that time.
WORK_SECONDS = 30
PATIENCE = 120
_LATER = 10 * 86_400


class Ingest:
    """The ingest role as the program runs it, on a fresh database."""

    def __init__(self, store: Store, pid: int) -> None:
        self.store = store
        self.pid = pid

    def add(self, addresses: Sequence[str], due: Callable[[int], int | None]) -> None:
        """Adds sources; ``due`` tells when the first, second … is due (epoch seconds)."""
        added = self.store.sources.add([Subscription(address, "") for address in addresses], None)
        with writing(self.store.engine) as connection:
            for index, each in enumerate(added):
                connection.execute(source.update().where(source.c.id == each.id).values(next_poll=due(index)))

    def polled(self) -> int:
        with reading(self.store.engine) as connection:
            return connection.scalar(sa.select(sa.func.count()).where(source.c.last_polled.is_not(None))) or 0

    def wait_for(self, polled: int, seconds: float = PATIENCE) -> bool:
        """Whether so many sources have been polled before the time is over."""
        end = time.monotonic() + seconds
        while self.polled() < polled:
            if time.monotonic() > end:
                return False
            time.sleep(0.05)
        return True


@contextmanager
def ingest(data: Path, models: Path) -> Iterator[Ingest]:
    """Runs ``healthwire ingest`` with this data directory until the context ends."""
    shutil.copytree(models, data / "models")
    store = prepared_store(Settings(data_dir=data))
    store.status.mark_done("sources")
    settings = {"HEALTHWIRE_DATA_DIR": str(data), "HEALTHWIRE_ALLOW_ADDRESSES": "127.0.0.0/8"}
    with (data / "log").open("w") as log, helper([sys.executable, "service.py", "ingest"], settings, log) as process:
        while store.status.health().heartbeat is None:
            time.sleep(0.1)
        yield Ingest(store, process.pid)
        os.kill(process.pid, signal.SIGTERM)
    store.engine.dispose()


def print_idle(this: Ingest, addresses: Sequence[str]) -> None:
    """The cost of looking for due sources in vain, once the first polls have made everything that polls need."""
    later = int(time.time()) + _LATER
    this.add([f"https://source{number}.example.org/feed" for number in range(SOURCES)], lambda _: later)
    this.add(addresses[:WARM_UP], lambda _: 0)
    this.wait_for(WARM_UP)
    time.sleep(2 * Settings().tick)
    before = usage(this.pid)
    time.sleep(IDLE_SECONDS)
    used = usage(this.pid).since(before)
    print(
        f"Idle with {SOURCES} sources: {1000 * used.cpu / used.wall:.2f} ms CPU a second (target: at most {MOST_IDLE_MS});"
        f" peak memory {used.memory / 2**20:.0f} MB"
    )


def print_overload(this: Ingest, addresses: Sequence[str]) -> None:
    """Twice as many polls become due as can be done; in the end all must have been done."""
    rate = _capacity(this, addresses[:WARM_UP])
    piled = addresses[WARM_UP : WARM_UP + min(MOST_POLLS, int(WORK_SECONDS * rate))]
    start = int(time.time()) + 2
    this.add(piled, lambda index: start + int(index / (2 * rate)))
    done = this.wait_for(WARM_UP + len(piled))
    missed = WARM_UP + len(piled) - this.polled()
    print(
        f"Overload: {rate:.0f} polls a second can be done; {len(piled)} more became due in {len(piled) / rate / 2:.0f} s, twice as many"
        f" a second; {'all were done' if done else 'not all were done'} after {time.time() - start:.0f} s; missed: {missed} (target: 0)"
    )


def _capacity(this: Ingest, addresses: Sequence[str]) -> float:
    """First polls that are done in a second, when all are due at once."""
    this.add(addresses, lambda _: 0)
    this.wait_for(1)
    begun, first = time.monotonic(), this.polled()
    this.wait_for(len(addresses))
    return (len(addresses) - first) / (time.monotonic() - begun)


def main(folder: Path, models: Path) -> None:
    end = FIRST + STEP * (WARM_UP + MOST_POLLS)
    with helper([sys.executable, "-m", "benchmarks.website", str(FIRST), str(end), str(STEP)]) as website:
        addresses = json.loads(website.hear())
        with ingest(folder / "idle", models) as this:
            print_idle(this, addresses)
        with ingest(folder / "overload", models) as this:
            print_overload(this, addresses)
