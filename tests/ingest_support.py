"""What tests of ingest share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from ipaddress import ip_network

from hypothesis import strategies as st

from feeds.ingest.extract import Cut
from feeds.ingest.haul import Haul
from feeds.ingest.http import HttpFetcher
from feeds.model import Source

USER_AGENT = "Healthwire/1.0 (+https://news.example.org/about)"
LOOPBACK = ("127.0.0.0/8", "::1/128")

# Any text, with much of what cannot be stored, shown or told apart.
HOSTILE_TEXT = st.text(st.characters() | st.sampled_from("\0\x1b\x85\xa0\xad\u200b\u202e\ud800\udfff\ufffe <&;é"))

# Declares the entity i, which is a thousand million laughs.
_AFTER = zip("abcdefgh", "bcdefghi", strict=True)
ENTITY_BOMB = '<!ENTITY a "laugh laugh">' + "".join(f'<!ENTITY {name} "{f"&{before};" * 10}">' for before, name in _AFTER)


def http_fetcher(allowed: Sequence[str] = LOOPBACK, *, timeout: int = 20, max_bytes: int = 1_000_000, per_host: int = 1) -> HttpFetcher:
    networks = [ip_network(network) for network in allowed]
    return HttpFetcher(user_agent=USER_AGENT, timeout=timeout, max_bytes=max_bytes, concurrency=20, per_host=per_host, allowed=networks)


def web_source(url: str, etag: str | None = None, last_modified: str | None = None) -> Source:
    return Source(1, url, "A source", etag=etag, last_modified=last_modified)


def rss(*items: str, title: str = "Harbour Health News") -> bytes:
    """An RSS document of these items."""
    return f"<rss version='2.0'><channel><title>{title}</title>{''.join(items)}</channel></rss>".encode()


def item(guid: str, title: str, text: str) -> str:
    return f"<item><guid isPermaLink='false'>{guid}</guid><title>{title}</title><description>{text}</description></item>"


class GatedLook:
    """Answers that nothing has changed, but only once its gate is open."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.asked: list[int] = []

    @asynccontextmanager
    async def look(self, source: Source) -> AsyncIterator[Haul]:
        self.asked.append(source.id)
        await self.gate.wait()
        yield Haul(etag='"e1"')

    async def complete(self, cuts: Sequence[Cut]) -> list[Cut]:
        return list(cuts)
