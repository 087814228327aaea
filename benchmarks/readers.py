"""Two thousand feed readers while two hundred sources are being read: ``python -m benchmarks.readers [SECONDS]``, usually 120.

Each reader has a feed of its own choice and asks for it again and again with the validators that it was given. At first nobody ingests;
then the sources become due, little by little over the time. In the end every reader must hold what its feed shows.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import aiohttp

from benchmarks.helpers import ROOT, free_port, helper
from benchmarks.scale import Ingest
from feeds.settings import Settings
from feeds.store import prepared_store

READERS, SOURCES = 2000, 200
# Seconds from one look of a reader to the next.
_PAUSE = 10.0
_IDLE_SECONDS = 20.0
_CHOICES = "finance commissioning workforce data all untagged finance+workforce all?q=trust data?min_confidence=0.9".split()
_SUFFIXES = ("atom", "rss", "json")


@dataclass
class Reader:
    address: str
    validators: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass
class Seen:
    statuses: Counter[int] = field(default_factory=Counter)
    times: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)

    def told(self) -> str:
        ordered = sorted(self.times)
        middle, late, last = (1000 * ordered[min(int(share * len(ordered)), len(ordered) - 1)] for share in (0.5, 0.99, 1.0))
        counts = ", ".join(f"{status}: {count:,}" for status, count in sorted(self.statuses.items()))
        times = f"median {middle:.1f} ms, p99 {late:.1f} ms, last {last:.0f} ms"
        return f"{len(ordered):,} answers ({counts}); {times}; errors: {dict(self.errors)}"

    @property
    def p99(self) -> float:
        ordered = sorted(self.times)
        return ordered[int(0.99 * len(ordered))]


async def look(session: aiohttp.ClientSession, reader: Reader, seen: Seen) -> None:
    """One conditional request."""
    begin = time.monotonic()
    try:
        async with session.get(reader.address, headers=reader.validators) as response:
            body = await response.read()
    except (TimeoutError, aiohttp.ClientError) as error:
        seen.errors[type(error).__name__] += 1
        return
    seen.times.append(time.monotonic() - begin)
    seen.statuses[response.status] += 1
    if response.status == 200:
        reader.body = body
        reader.validators = {"If-None-Match": response.headers["ETag"]}


async def read_for(readers: Sequence[Reader], seconds: float) -> Seen:
    """Lets all readers look again and again, each at its own moments."""
    seen, dice = Seen(), Random(1)  # noqa: S311 - figures must be the same each time
    end = time.monotonic() + seconds
    connector = aiohttp.TCPConnector(limit=0)

    async def live(reader: Reader) -> None:
        await asyncio.sleep(dice.uniform(0, _PAUSE))
        while time.monotonic() < end:
            await look(session, reader, seen)
            await asyncio.sleep(_PAUSE)

    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=30)) as session:
        await asyncio.gather(*map(live, readers))
    return seen


def probed(port: int, readers: Sequence[Reader], seconds: float) -> tuple[Seen, float]:
    """What the readers met, and the p99 in seconds of one beside them who does nothing but ask."""
    with helper([sys.executable, "-m", "benchmarks.probe", str(port), str(seconds)]) as probe:
        return asyncio.run(read_for(readers, seconds)), float(json.loads(probe.hear())["0.99"])


async def disagreeing(readers: Sequence[Reader]) -> int:
    """How many readers do not hold what their feed shows now, after one more look."""
    seen = Seen()
    async with aiohttp.ClientSession() as session:
        await asyncio.gather(*(look(session, reader, seen) for reader in readers))
        wrong = 0
        for address in {reader.address for reader in readers}:
            fresh = Reader(address)
            await look(session, fresh, seen)
            wrong += sum(reader.body != fresh.body for reader in readers if reader.address == address)
    return wrong


def main(seconds: float = 120.0) -> None:
    print(f"{READERS:,} feed readers, each looking every {_PAUSE:.0f} s")
    with TemporaryDirectory() as name, helper([sys.executable, "-m", "benchmarks.website", "0", str(SOURCES), "1"]) as website:
        addresses = json.loads(website.hear())
        folder, port = Path(name), free_port()
        store = prepared_store(Settings(data_dir=folder))
        store.status.mark_done("sources")
        environ = os.environ | {
            "HEALTHWIRE_DATA_DIR": name,
            "HEALTHWIRE_BIND": f"127.0.0.1:{port}",
            "HEALTHWIRE_ALLOW_ADDRESSES": "127.0.0.0/8",
        }
        program = subprocess.Popen([sys.executable, "service.py", "serve"], env=environ, cwd=ROOT, stderr=subprocess.DEVNULL)
        try:
            while store.status.health().heartbeat is None:
                time.sleep(0.2)
            sources = Ingest(store, program.pid)
            sources.add(addresses[:20], lambda _: 0)
            sources.wait_for(20)
            choices = [f"http://127.0.0.1:{port}/feeds/{_address(index)}" for index in range(READERS)]
            readers = [Reader(address) for address in choices]
            asyncio.run(read_for(readers, _PAUSE))
            idle, quick = probed(port, readers, _IDLE_SECONDS)
            print(f"nothing new:    {idle.told()}")
            start = int(time.time())
            sources.add(addresses[20:], lambda index: start + int(index * seconds / SOURCES))
            busy, slow = probed(port, readers, seconds)
            print(f"while ingesting: {busy.told()}")
            sources.wait_for(SOURCES)
            time.sleep(1)
            print(f"p99 {busy.p99 / idle.p99:.1f} times that of before (target: 3); {sources.polled()} of {SOURCES} sources were read")
            print(f"for one who does nothing but ask: p99 {1000 * quick:.1f} ms before, {1000 * slow:.1f} ms then")
            print(f"readers that do not hold what their feed shows: {asyncio.run(disagreeing(readers))} (target: 0)")
        finally:
            program.terminate()
            program.wait(30)
            store.engine.dispose()


def _address(index: int) -> str:
    feed, question, words = _CHOICES[index % len(_CHOICES)].partition("?")
    return f"{feed}.{_SUFFIXES[index // len(_CHOICES) % len(_SUFFIXES)]}{question}{words}"


if __name__ == "__main__":
    main(*map(float, sys.argv[1:2]))
