"""One guarded, polite GET: conditional, with a total deadline, a byte cap and no way into the operator's network."""

from __future__ import annotations

import asyncio
import http
import socket
from collections import defaultdict
from collections.abc import Sequence
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import aiohttp

from feeds.errors import FetchError, RefusedAddress, TooLarge
from feeds.ingest.guard import REFUSAL, Guard
from feeds.model import Fetched, Source
from feeds.settings import Network

_ACCEPT = "application/atom+xml, application/rss+xml, application/feed+json, application/rdf+xml, application/xml;q=0.9, */*;q=0.5"
_REDIRECTS = 5


class HttpFetcher:
    """Fetches sources over HTTP; use as an async context manager.

    The guard looks at the very address that a socket is about to connect to, so it holds for literal addresses,
    names that resolve to private addresses and every hop of a redirect.
    """

    def __init__(
        self, *, user_agent: str, timeout: int, max_bytes: int, concurrency: int, per_host: int, allowed: Sequence[Network] = ()
    ) -> None:
        self._timeout = timeout
        self._max_bytes = max_bytes
        self._concurrency = concurrency
        self._guard = Guard(allowed)
        self._headers = {"User-Agent": user_agent, "Accept": _ACCEPT, "Accept-Encoding": "gzip, deflate"}
        self._hosts: dict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(per_host))
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(limit=self._concurrency, socket_factory=self._guarded_socket, happy_eyeballs_delay=None)
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=self._headers,
            trust_env=False,
            timeout=aiohttp.ClientTimeout(total=self._timeout),
        )
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._session:
            await self._session.close()

    async def fetch(self, source: Source) -> Fetched:
        """The source's document, or word that it has not changed.

        Raises:
            RefusedAddress: it, or a redirect, leads into a network that is not allowed.
            TooLarge: its decoded answer is longer than the cap.
            FetchError: anything else that kept it from delivering, in plain words.
        """
        if self._session is None:
            raise RuntimeError("the fetcher is used outside its context")
        validators = {"If-None-Match": source.etag, "If-Modified-Since": source.last_modified}
        headers = {name: value for name, value in validators.items() if value}
        # The wait for a busy host is not the source's fault, so it stands outside the deadline.
        async with self._hosts[urlsplit(source.url).hostname or ""]:
            try:
                async with self._session.get(source.url, headers=headers, max_redirects=_REDIRECTS) as response:
                    return await self._read(source, response)
            except (aiohttp.ClientError, OSError, ValueError) as error:
                raise self._in_plain_words(error) from error

    async def _read(self, source: Source, response: aiohttp.ClientResponse) -> Fetched:
        etag, modified = response.headers.get("ETag"), response.headers.get("Last-Modified")
        if response.status == 304:
            return Fetched(source.url, None, etag=etag or source.etag, last_modified=modified or source.last_modified)
        if response.status != 200:
            raise FetchError(f"the server answered {response.status} {_phrase(response.status)}")
        body = bytearray()
        async for chunk in response.content.iter_chunked(64 * 1024):
            body += chunk
            if len(body) > self._max_bytes:
                raise TooLarge(f"the answer is longer than {self._max_bytes} bytes (HEALTHWIRE_MAX_BYTES)")
        return Fetched(str(response.url), bytes(body), response.headers.get("Content-Type", ""), etag, modified)

    def _guarded_socket(self, address: tuple[int, int, int, str, tuple[object, ...]]) -> socket.socket:
        family, kind, protocol, _, target = address
        if not self._guard.permits(str(target[0])):
            raise OSError(REFUSAL)
        return socket.socket(family, kind, protocol)

    def _in_plain_words(self, error: Exception) -> FetchError:
        text = str(error)
        if isinstance(error, aiohttp.ClientConnectorError) and REFUSAL in str(error.os_error):
            return RefusedAddress(REFUSAL)
        if isinstance(error, TimeoutError):
            return FetchError(f"no complete answer within {self._timeout} s (HEALTHWIRE_FETCH_TIMEOUT)")
        if isinstance(error, aiohttp.TooManyRedirects):
            return FetchError(f"more than {_REDIRECTS} redirects")
        if isinstance(error, aiohttp.InvalidURL | aiohttp.NonHttpUrlClientError):
            return FetchError(f"not an http or https address: {error}")
        if isinstance(error, aiohttp.ClientConnectorDNSError):
            return FetchError(f"the host name {error.host} could not be found")
        if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError):
            return FetchError(f"the secure connection failed: {text}")
        if isinstance(error, aiohttp.ClientConnectorError):
            return FetchError(f"no connection to {error.host}: {error.os_error.strerror or error.os_error}")
        return FetchError(f"the connection failed: {text or type(error).__name__}")


def _phrase(status: int) -> str:
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return ""
