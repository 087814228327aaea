"""Looks at feeds on the web: asks, finds what is new, follows a feed that moved and finds the feed of a page."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace

from feeds.errors import PageInstead
from feeds.identity import digest, short_key
from feeds.ingest.addresses import network_address
from feeds.ingest.extract import extract_feed
from feeds.ingest.haul import Haul
from feeds.ingest.sandbox import Sandbox
from feeds.model import Fetched, Source
from feeds.ports import Fetcher

_log = logging.getLogger(__name__)

# A redirect for good is believed when it led to a good feed so many times, as site owners make mistakes.
_TIMES = 2


@dataclass(frozen=True, slots=True)
class Site:
    """``marks`` gives the hashes of the entries that a source's last document held."""

    fetcher: Fetcher
    sandbox: Sandbox
    marks: Callable[[int], frozenset[str]]

    @asynccontextmanager
    async def look(self, source: Source) -> AsyncIterator[Haul]:
        """What the source has that is new. As with what is fetched, only a few large ones are held at once.

        Raises:
            FetchError: it did not deliver.
            PageInstead: it is a page that offers no feed, or several.
            ParseError: it delivered no feed.
            InputError: it is a page whose feed has an address that cannot be a source's.
        """
        async with AsyncExitStack() as held:
            try:
                haul = await self._read(source, held)
            except PageInstead as page:
                # Whoever names a page means its feed. One that was a feed before has a fault of which people should know.
                if source.last_success is not None or len(page.feeds) != 1:
                    raise
                await held.aclose()
                url = network_address(page.feeds[0].url) or ""
                haul = replace(await self._read(replace(source, url=url), held), url=url)
            yield haul

    async def _read(self, source: Source, held: AsyncExitStack) -> Haul:
        fetched = await held.enter_async_context(self.fetcher.fetch(source))
        haul = _haul(source, fetched)
        if fetched.body is None or haul.body_hash == source.body_hash:
            return haul
        known = await asyncio.to_thread(self.marks, source.id) if source.last_success else frozenset()
        extract = await self.sandbox.run(extract_feed, fetched.body, fetched.content_type, fetched.url, known)
        if extract.dropped:
            _log.warning("%s: %d entries are too many for one document and were left out", source.url, extract.dropped)
        return replace(haul, extracts=(extract,), marks=extract.marks)


def _haul(source: Source, fetched: Fetched) -> Haul:
    moved, times = fetched.moved_to, 0
    if moved and short_key(moved) != moved:
        # Too long to be a source's address.
        moved = None
    if moved:
        times = source.moved_times + 1 if moved == source.moved_to else 1
    return Haul(
        etag=fetched.etag,
        last_modified=fetched.last_modified,
        body_hash=source.body_hash if fetched.body is None else digest(fetched.body),
        fresh_for=fetched.fresh_for,
        url=moved if times >= _TIMES else None,
        moved_to=moved if times < _TIMES else None,
        moved_times=times if times < _TIMES else 0,
    )
