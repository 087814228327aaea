"""Feeds on loopback that grow with every answer, and a record of who asked for them when."""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from threading import Thread

from aiohttp import web
from builders import LONG
from ingest_support import item, rss


@dataclass(slots=True)
class Visit:
    """One request, by the name that its sender goes by; times are those of the monotonic clock."""

    feed: str
    host: str
    sender: str
    start: float
    end: float = math.inf


@dataclass(slots=True)
class GrowingFeed:
    """``entries`` are (title, text) by guid, oldest first; ``version`` counts the answers that changed them."""

    name: str
    host: str
    version: int = 0
    entries: dict[str, tuple[str, str]] = field(default_factory=dict)
    told_by_all: int = 0
    acknowledged: int = 0
    """The latest version whose validators came back."""

    @property
    def etag(self) -> str:
        return f'"{self.name}-{self.version}"'

    def grow(self, dice: Random) -> None:
        """One more entry, now and then one that all feeds tell, and one of its own edited."""
        self.version += 1
        own = [guid for guid in self.entries if guid.startswith(self.name)]
        if own:
            guid = dice.choice(own)
            title, _ = self.entries[guid]
            self.entries[guid] = (title, f"Version {self.version} of what {guid} says. {LONG}")
        guid = f"{self.name}-{self.version}"
        self.entries[guid] = (f"News {guid}", f"The nurses of {guid} are tired. {LONG}")
        if not dice.randrange(3):
            self.told_by_all += 1
            self.entries[f"all-{self.told_by_all}"] = (f"Bulletin {self.told_by_all}", f"All tell bulletin {self.told_by_all}. {LONG}")

    def document(self) -> bytes:
        return rss(*(item(guid, title, text) for guid, (title, text) in reversed(self.entries.items())), title=self.name)


class Press:
    """Serves feeds, each at the path of its name on its host. Every answer takes a while, and some take ``long`` seconds."""

    def __init__(self, hosts: Mapping[str, str], seed: int, long: float) -> None:
        self.feeds = {name: GrowingFeed(name, host) for name, host in hosts.items()}
        self.visits: list[Visit] = []
        self.complaints: list[str] = []
        self.grows = True
        self.port = 0
        self._dice = Random(seed)  # noqa: S311
        self._long = long
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever)
        self._thread.start()
        self._runner = asyncio.run_coroutine_threadsafe(self._open(), self._loop).result()

    def url(self, name: str) -> str:
        return f"http://{self.feeds[name].host}:{self.port}/{name}"

    def unread(self) -> list[str]:
        """The feeds whose latest version has not been acknowledged by a request that followed it."""
        return [feed.name for feed in self.feeds.values() if not feed.acknowledged == feed.version > 0]

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _open(self) -> web.AppRunner:
        app = web.Application()
        app.router.add_get("/{name}", self._answer)
        # A request is over when its sender has left.
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True)
        await runner.setup()
        for host in sorted({feed.host for feed in self.feeds.values()}):
            site = web.TCPSite(runner, host, self.port)
            await site.start()
            self.port = int(runner.addresses[0][1])
        return runner

    async def _answer(self, request: web.Request) -> web.Response:
        feed = self.feeds[request.match_info["name"]]
        visit = Visit(feed.name, feed.host, request.headers["User-Agent"], time.monotonic())
        self.visits.append(visit)
        try:
            self._acknowledge(feed, request.headers.get("If-None-Match"))
            long = self.grows and not self._dice.randrange(50)
            await asyncio.sleep(self._long if long else self._dice.uniform(0, 0.1))
            if feed.acknowledged == feed.version > 0 and (not self.grows or not self._dice.randrange(3)):
                return web.Response(status=304, headers={"ETag": feed.etag})
            if self.grows or not feed.version:
                feed.grow(self._dice)
            return web.Response(body=feed.document(), headers={"ETag": feed.etag, "Content-Type": "application/rss+xml"})
        finally:
            visit.end = time.monotonic()

    def _acknowledge(self, feed: GrowingFeed, etag: str | None) -> None:
        """Takes note of which version the sender has; it must never have less than was acknowledged before."""
        version = int(etag.strip('"').removeprefix(f"{feed.name}-")) if etag else 0
        if not feed.acknowledged <= version <= feed.version:
            self.complaints.append(f"{feed.name}: {etag} came after version {feed.acknowledged} of {feed.version} had been acknowledged")
        feed.acknowledged = version


@contextmanager
def press(hosts: Mapping[str, str], seed: int, long: float) -> Iterator[Press]:
    """``hosts``: the loopback address of each feed, by its name."""
    running = Press(hosts, seed, long)
    try:
        yield running
    finally:
        running.close()


def most_at_once(visits: Iterable[Visit], ends: Mapping[str, float], by: str) -> dict[str, int]:
    """How many requests for each feed, or to each host (``by``), were open together when there were most.

    ``ends`` tells when senders ended, and all of their requests with them.
    """
    steps: list[tuple[float, int, str]] = []
    for visit in visits:
        key: str = getattr(visit, by)
        steps += [(visit.start, 1, key), (max(visit.start, min(visit.end, ends.get(visit.sender, math.inf))), -1, key)]
    opened: Counter[str] = Counter()
    most: dict[str, int] = {}
    for _, step, key in sorted(steps):
        opened[key] += step
        most[key] = max(most.get(key, 0), opened[key])
    return most
