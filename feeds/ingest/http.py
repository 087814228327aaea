"""Guarded, polite GETs: conditional, with a total deadline, byte caps and no way into the operator's network."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from types import TracebackType
from typing import Self
from weakref import WeakValueDictionary

import aiohttp
from werkzeug.datastructures import ResponseCacheControl
from werkzeug.http import parse_age, parse_cache_control_header, parse_date
from yarl import URL

from feeds.errors import FetchError, TooLarge
from feeds.ingest.connection import guarded_session, in_plain_words, refusal
from feeds.ingest.guard import Guard
from feeds.model import Fetched, Source
from feeds.settings import Network

_FEEDS = "application/atom+xml, application/rss+xml, application/feed+json, application/rdf+xml, application/xml;q=0.9, */*;q=0.5"
_PAGES = "text/html, application/xhtml+xml;q=0.9, */*;q=0.1"
_MOVES = (301, 302, 303, 307, 308)
_FOR_GOOD = (301, 308)
_REDIRECTS = 5
# Answers beyond this size are held a few at a time, so that memory stays bounded however many sources send long ones.
_LARGE = 1024 * 1024
_LARGE_AT_ONCE = 4
# Pages are asked for by polls that hold such a place, so they must not wait for one.
_LONGEST_PAGE = 2 * _LARGE
# What is said to stay good for longer is not believed.
_LONGEST_FRESH = 365 * 86_400


class HttpFetcher:
    """Fetches over HTTP; use as an async context manager."""

    def __init__(
        self, *, user_agent: str, timeout: int, max_bytes: int, concurrency: int, per_host: int, allowed: Sequence[Network] = ()
    ) -> None:
        self._timeout = timeout
        self._max_bytes = max_bytes
        self._concurrency = concurrency
        self._per_host = per_host
        self._guard = Guard(allowed)
        self._headers = {"User-Agent": user_agent, "Accept-Encoding": "gzip, deflate"}
        self._hosts: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        self._large = asyncio.Semaphore(_LARGE_AT_ONCE)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        # The deadline is kept here, as waits for a busy host do not count.
        self._session = guarded_session(self._guard, self._headers, self._concurrency)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._session:
            await self._session.close()

    @asynccontextmanager
    async def fetch(self, source: Source) -> AsyncIterator[Fetched]:
        """The source's document, or word that it has not changed.

        Only a few long answers are held at once: leave the context as soon as the answer is no longer needed.

        Raises:
            RefusedAddress: it, or a redirect, leads into a network that is not allowed.
            TooLarge: its decoded answer is longer than the cap.
            SourceGone: the server says that it is gone for good.
            FetchError: anything else that kept it from delivering, in plain words.
        """
        validators = {"If-None-Match": source.etag, "If-Modified-Since": source.last_modified}
        headers = {"Accept": _FEEDS} | {name: value for name, value in validators.items() if value}
        async with self._get(source.url, headers, self._max_bytes) as fetched:
            if fetched.body is None:
                # A 304 need not repeat the validators (RFC 9110 section 15.4.5).
                kept = replace(fetched, etag=fetched.etag or source.etag, last_modified=fetched.last_modified or source.last_modified)
                yield kept
            else:
                yield fetched

    @asynccontextmanager
    async def page(self, url: str) -> AsyncIterator[Fetched]:
        """A web page or text file, unconditionally; raises as ``fetch`` does."""
        async with self._get(url, {"Accept": _PAGES}, min(self._max_bytes, _LONGEST_PAGE)) as fetched:
            yield fetched

    @asynccontextmanager
    async def _get(self, address: str, headers: Mapping[str, str], most: int) -> AsyncIterator[Fetched]:
        async with AsyncExitStack() as held:
            try:
                fetched = await self._follow(address, headers, most, held)
            except (aiohttp.ClientError, OSError, ValueError) as error:
                raise in_plain_words(error, f"{self._timeout} s (HEALTHWIRE_FETCH_TIMEOUT)") from error
            yield fetched

    async def _follow(self, address: str, headers: Mapping[str, str], most: int, held: AsyncExitStack) -> Fetched:
        """Goes from hop to hop, one request per host at a time, within one deadline."""
        url, moved = URL(address), None
        left = float(self._timeout)
        for_good = True
        for _ in range(_REDIRECTS + 1):
            if url.scheme not in ("http", "https"):
                raise FetchError(f"not an http or https address: {url}")
            async with self._host(url):
                started = time.monotonic()
                async with asyncio.timeout(left) as deadline, self._open(url, headers) as response:
                    target = response.headers.get("Location")
                    if response.status not in _MOVES or not target:
                        fetched = await self._read(response, most, deadline, held)
                        return replace(fetched, moved_to=moved)
                left -= time.monotonic() - started
            url = url.join(URL(target)).with_fragment(None)
            if url.raw_user is not None or url.raw_password is not None:
                # Whoever redirects cannot make us send a name and password.
                url = url.with_user(None)
            for_good = for_good and response.status in _FOR_GOOD
            moved = str(url) if for_good else moved
        raise FetchError(f"more than {_REDIRECTS} redirects")

    def _host(self, url: URL) -> asyncio.Semaphore:
        return self._hosts.setdefault(url.host or "", asyncio.Semaphore(self._per_host))

    def _open(self, url: URL, headers: Mapping[str, str]) -> aiohttp.client._RequestContextManager:
        if self._session is None:
            raise RuntimeError("the fetcher is used outside its context")
        return self._session.get(url, headers=headers, allow_redirects=False)

    async def _read(self, response: aiohttp.ClientResponse, most: int, deadline: asyncio.Timeout, held: AsyncExitStack) -> Fetched:
        headers = response.headers
        url, etag, modified, fresh = str(response.url), _said(headers, "ETag"), _said(headers, "Last-Modified"), fresh_for(headers)
        if response.status == 304:
            return Fetched(url, None, etag=etag, last_modified=modified, fresh_for=fresh)
        if response.status != 200:
            raise refusal(response.status, headers)
        body = bytearray()
        is_large = False
        async for chunk in response.content.iter_chunked(64 * 1024):
            body += chunk
            if len(body) > most:
                raise TooLarge(f"the answer is longer than {most} bytes{' (HEALTHWIRE_MAX_BYTES)' if most == self._max_bytes else ''}")
            if len(body) > _LARGE and most > _LONGEST_PAGE and not is_large:
                is_large = True
                await self._wait_for_room(deadline, held)
        return Fetched(url, bytes(body), _said(headers, "Content-Type") or "", etag, modified, fresh_for=fresh)

    async def _wait_for_room(self, deadline: asyncio.Timeout, held: AsyncExitStack) -> None:
        """Takes one of the places for long answers; the wait is not the source's fault."""
        left = (deadline.when() or 0) - asyncio.get_running_loop().time()
        deadline.reschedule(None)
        await held.enter_async_context(self._large)
        deadline.reschedule(asyncio.get_running_loop().time() + left)


def _said(headers: Mapping[str, str], name: str) -> str | None:
    """What a header says; None if it holds what cannot be kept or sent back, such as control characters or bytes that are no text."""
    value = headers.get(name, "")
    return value if value and value.isprintable() else None


def fresh_for(headers: Mapping[str, str]) -> int:
    """The seconds for which an answer stays good (RFC 9111 section 4.2), at most a year; 0 when it does not say, or nonsense."""
    return min(max(_lifetime(headers), 0), _LONGEST_FRESH)


def _lifetime(headers: Mapping[str, str]) -> int:
    control = parse_cache_control_header(headers.get("Cache-Control"), cls=ResponseCacheControl)
    if control.no_cache or control.no_store:
        return 0
    if control.max_age is not None:
        age = parse_age(headers.get("Age"))
        return control.max_age - (int(age.total_seconds()) if age else 0)
    expires, date = parse_date(headers.get("Expires")), parse_date(headers.get("Date"))
    return int((expires - (date or datetime.now(UTC))).total_seconds()) if expires else 0
