"""Connections to hosts outside that cannot lead into the operator's network, and what goes wrong with them in plain words."""

from __future__ import annotations

import http
import socket
from collections.abc import Mapping
from datetime import UTC, datetime

import aiohttp
from werkzeug.http import parse_date

from feeds.errors import FetchError, RefusedAddress, SourceGone
from feeds.ingest.guard import REFUSAL, Guard
from feeds.ingest.names import Names
from feeds.text import plain_line


def guarded_session(guard: Guard, headers: Mapping[str, str], concurrency: int) -> aiohttp.ClientSession:
    """A session without cookies, proxies and deadline that sends these headers with every request.

    The guard looks at the very address that a socket is about to connect to, so it holds for literal addresses, names that
    resolve to private addresses and every hop of a redirect.
    """

    def guarded_socket(address: tuple[int, int, int, str, tuple[object, ...]]) -> socket.socket:
        family, kind, protocol, _, target = address
        if not guard.permits(str(target[0])):
            raise OSError(REFUSAL)
        return socket.socket(family, kind, protocol)

    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=concurrency, resolver=Names(), socket_factory=guarded_socket, happy_eyeballs_delay=None),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers=headers,
        trust_env=False,
        timeout=aiohttp.ClientTimeout(total=None),
    )


def in_plain_words(error: Exception, deadline: str) -> FetchError:
    """What went wrong; ``deadline`` is how long an answer may take."""
    text = plain_line(str(error))
    if isinstance(error, aiohttp.ClientConnectorError) and REFUSAL in str(error.os_error):
        return RefusedAddress(REFUSAL)
    if isinstance(error, TimeoutError):
        return FetchError(f"no complete answer within {deadline}")
    if isinstance(error, aiohttp.InvalidURL | aiohttp.NonHttpUrlClientError):
        return FetchError(f"not an http or https address: {error}")
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return FetchError(f"the host name {error.host} could not be found")
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError):
        return FetchError(f"the secure connection failed: {text}")
    if isinstance(error, aiohttp.ClientConnectorError):
        return FetchError(f"no connection to {error.host}: {error.os_error.strerror or error.os_error}")
    return FetchError(f"the connection failed: {text or type(error).__name__}")


def refusal(status: int, headers: Mapping[str, str]) -> FetchError:
    """What an answer says that is not the one that was asked for, and for how long its server wants to be left alone."""
    text = f"the server answered {status} {_phrase(status)}".strip()
    if status == 410:
        return SourceGone(text, status=status)
    return FetchError(text, retry_after(headers.get("Retry-After")) if status in (429, 503) else 0, status)


def _phrase(status: int) -> str:
    """What a status means, empty if nobody knows."""
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return ""


def retry_after(value: str | None) -> int:
    """The seconds that a Retry-After header asks for, as a number or as a date (RFC 9110 section 10.2.3); 0 for garbage."""
    if value is None:
        return 0
    if value.strip().isascii() and value.strip().isdigit():
        return int(value.strip()[:9])
    date = parse_date(value)
    return max(0, int((date - datetime.now(UTC)).total_seconds())) if date else 0
