"""Requests to subscribers: guarded, without redirects, within one deadline, and with no interest in long answers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from types import TracebackType
from typing import Self

import aiohttp
from yarl import URL

from feeds.ingest.connection import guarded_session, in_plain_words, refusal
from feeds.ingest.guard import Guard
from feeds.settings import Network

# No challenge is longer.
_LONGEST_ANSWER = 1024
# Of connections: who sends knows how many are to be told at once.
_NO_LIMIT = 0


@dataclass(frozen=True, slots=True)
class Message:
    """What a subscriber is sent."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None


class Post:
    """Sends messages; use as an async context manager, as often as needed. To ``at_once`` who answer as they should, and to others beside
    them.
    """

    def __init__(self, user_agent: str, allowed: Sequence[Network] = (), *, timeout: float = 10, at_once: int = 16) -> None:
        self.at_once = at_once
        self._guard = Guard(allowed)
        self._headers = {"User-Agent": user_agent}
        self._timeout = timeout
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = guarded_session(self._guard, self._headers, _NO_LIMIT)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._session:
            await self._session.close()

    async def send(self, message: Message) -> bytes:
        """The beginning of what is answered to a GET; of other answers all that counts is that they say yes.

        Raises:
            RefusedAddress: the address lies in a network that is not allowed.
            SourceGone: the answer is 410, nothing wants to be sent there any more.
            FetchError: there was no answer, or it did not say yes; with its status, if there was one.
        """
        if self._session is None:
            raise RuntimeError("the post is used outside its context")
        try:
            # The address as it was given: what is escaped in it is the subscriber's choice. Of a file aiohttp sends a part at a time.
            url, body = URL(message.url, encoded=True), message.body and BytesIO(message.body)
            asked = self._session.request(message.method, url, headers=message.headers, data=body, allow_redirects=False)
            async with asyncio.timeout(self._timeout), asked as response:
                if not 200 <= response.status < 300:
                    raise refusal(response.status, response.headers)
                return await _beginning(response) if message.method == "GET" else b""
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise in_plain_words(error, f"{self._timeout:g} s") from error


async def _beginning(response: aiohttp.ClientResponse) -> bytes:
    answer = bytearray()
    async for chunk in response.content.iter_chunked(_LONGEST_ANSWER):
        answer += chunk
        if len(answer) > _LONGEST_ANSWER:
            break
    return bytes(answer)
