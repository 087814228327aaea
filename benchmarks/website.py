"""Fifty publishers on loopback addresses, in a process of their own: as lean as can be, so that clients are measured and not this.

``python -m benchmarks.website FIRST END STEP`` serves the corpus's feeds of these numbers. It says their addresses as a JSON list,
then obeys ``EDITION`` and ``EDITION renewed``, each answered by ``ok``: which edition to serve, and whether every answer is whole and
carries new validators, as from servers that make their pages anew for each request.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import sys
from collections.abc import Mapping, Sequence
from email.utils import formatdate
from typing import NamedTuple

from benchmarks.corpus import document, is_atom

_HOSTS = 50
# Any fixed moment; editions lie a day apart.
_EPOCH = 1_770_000_000


class _Page(NamedTuple):
    plain: bytes
    gzipped: bytes


class Website:
    """Serves ``feeds``, at first their edition 0."""

    def __init__(self, feeds: Sequence[int]) -> None:
        self._feeds = feeds
        self._answers = 0
        self._edition = -1
        self.show(0, renewed=False)

    def show(self, edition: int, *, renewed: bool) -> None:
        """Serves this edition from now on."""
        if edition != self._edition:
            bodies = {feed: document(feed, edition) for feed in self._feeds}
            self._pages = {feed: _Page(body, gzip.compress(body, 6)) for feed, body in bodies.items()}
        self._edition = edition
        self._renewed = renewed

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers one connection's requests for as long as it is kept."""
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                request, *lines = head.decode("latin-1").split("\r\n")
                headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
                writer.write(self._answer(int(request.split(" ")[1].rpartition("/")[2]), headers))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _answer(self, feed: int, headers: Mapping[str, str]) -> bytes:
        self._answers += 1
        stamp = self._answers if self._renewed else 0
        etag = f'"{feed}-{self._edition}-{stamp}"'
        said = f"ETag: {etag}\r\nLast-Modified: {formatdate(_EPOCH + 86_400 * self._edition + stamp, usegmt=True)}\r\n"
        if headers.get("if-none-match") == etag:
            return f"HTTP/1.1 304 Not Modified\r\n{said}\r\n".encode()
        page = self._pages[feed]
        zipped = "gzip" in headers.get("accept-encoding", "")
        body = page.gzipped if zipped else page.plain
        coding = "Content-Encoding: gzip\r\n" if zipped else ""
        kind = "atom" if is_atom(feed) else "rss"
        return (
            f"HTTP/1.1 200 OK\r\nContent-Type: application/{kind}+xml; charset=utf-8\r\nVary: Accept-Encoding\r\n{coding}"
            f"Content-Length: {len(body)}\r\n{said}\r\n"
        ).encode() + body


async def main(feeds: Sequence[int]) -> None:
    """Serves until standard input ends."""
    website = Website(feeds)
    first = await asyncio.start_server(website.serve, "127.0.1.1", 0)
    port = first.sockets[0].getsockname()[1]
    hosts = [f"127.0.1.{number}" for number in range(1, _HOSTS + 1)]
    others = await asyncio.start_server(website.serve, hosts[1:], port)
    print(json.dumps([f"http://{hosts[index % _HOSTS]}:{port}/feed/{feed}" for index, feed in enumerate(feeds)]), flush=True)
    async with first, others:
        while line := await asyncio.to_thread(sys.stdin.readline):
            edition, *renewed = line.split()
            website.show(int(edition), renewed=bool(renewed))
            print("ok", flush=True)


if __name__ == "__main__":
    asyncio.run(main(range(*map(int, sys.argv[1:]))))
