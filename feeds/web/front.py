"""Between the server (RSGI) and the application (WSGI): nobody waits for a thread because others are slow.

What is in memory is answered at once. All else takes one of few threads, but not before all of the request has come.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from io import BytesIO
from typing import Any

# Its names for others are not marked as such.
from granian.rsgi import HTTPProtocol, ProtocolClosed, Scope  # type: ignore[attr-defined]

from feeds.web.answer import Sent
from feeds.web.memory import CONSULTED, Memory
from feeds.web.wsgi import ask

_log = logging.getLogger(__name__)

_THREADS = 4
# Requests that wait for a thread; more of them could not be answered while anybody still waits for it.
_MOST_WAITING = 500
# Seconds in which all of a body must come.
_DEADLINE = 30.0
# Of all bodies that are coming in, or wait for a thread, so many bytes are held at once.
_MOST_BYTES = 64 * 1024 * 1024
_CONSULTED = {key.removeprefix("HTTP_").replace("_", "-").lower(): key for key in CONSULTED}
# With a header of its own each (RFC 3875 section 4.1), unlike all others.
_PLAIN = ("CONTENT_TYPE", "CONTENT_LENGTH")

Environ = dict[str, Any]


class Refused(Exception):
    """A request that is not handed on: its ``status``, and why."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class Front:
    """The application as the server calls it; bodies longer than ``longest`` are left for the application to refuse."""

    def __init__(self, memory: Memory, longest: int, deadline: float = _DEADLINE) -> None:
        self._memory = memory
        self._longest = longest
        self._deadline = deadline
        self._threads = ThreadPoolExecutor(_THREADS, "request")
        self._waiting = 0
        self._bytes = 0

    def __rsgi_del__(self, loop: asyncio.AbstractEventLoop) -> None:
        """The server ends."""
        self._memory.stop()

    async def __rsgi__(self, scope: Scope, protocol: HTTPProtocol) -> None:
        sent = self._memory.remembered(_glance(scope)) if _names_its_host(scope) else _NAMELESS
        if sent is None:
            environ = environ_of(scope)
            try:
                async with self._received(environ, protocol):
                    sent = await self._asked(environ)
            except Refused as error:
                sent = _refusal(error)
            except ProtocolClosed:
                return
        status, headers, body = sent
        if body:
            protocol.response_bytes(int(status[:3]), headers, body)
        else:
            protocol.response_empty(int(status[:3]), headers)

    @asynccontextmanager
    async def _received(self, environ: Environ, protocol: HTTPProtocol) -> AsyncIterator[None]:
        """The request with its whole body in it, which takes room until it was answered.

        Raises, on entering:
            Refused: it does not come in time or to its end, or too much comes from all at once.
        """
        said = environ.get("CONTENT_LENGTH", "")
        has_none = said in ("", "0") and "HTTP_TRANSFER_ENCODING" not in environ
        if has_none or (said.isdecimal() and int(said) > self._longest):
            yield
            return
        body = bytearray()
        try:
            await self._fill(body, protocol)
            if said.isdecimal() and len(body) < int(said):
                raise Refused(400, "the body ended before its length")
            # It is whole now, in however many chunks it came.
            environ.pop("HTTP_TRANSFER_ENCODING", None)
            environ |= {"CONTENT_LENGTH": str(len(body)), "wsgi.input": BytesIO(body)}
            yield
        finally:
            self._bytes -= len(body)

    async def _fill(self, body: bytearray, protocol: HTTPProtocol) -> None:
        """Takes in what comes, to its end or until it is too long.

        Raises:
            Refused: it does not come in time, or too much comes from all at once.
        """
        try:
            async with asyncio.timeout(self._deadline):
                async for chunk in protocol:
                    body += chunk
                    self._bytes += len(chunk)
                    if self._bytes > _MOST_BYTES:
                        raise Refused(503, "too much is being sent by all at once; try again shortly")
                    if len(body) > self._longest:
                        break
        except TimeoutError:
            raise Refused(408, f"the body did not come within {self._deadline:g} s") from None

    async def _asked(self, environ: Environ) -> Sent:
        """What the application answers.

        Raises:
            Refused: too many wait for it already.
        """
        if self._waiting >= _MOST_WAITING:
            raise Refused(503, "too much is being asked for at the moment; try again shortly")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, ask, self._memory, environ)
        finally:
            self._waiting -= 1


def _names_its_host(scope: Scope) -> bool:
    """As each request must, once (RFC 9112 section 3.2); what asks by another version says it otherwise, or need not."""
    # It has more methods than its types tell.
    return scope.http_version != "1.1" or len(scope.headers.get_all("host")) == 1  # type: ignore[attr-defined]


def _glance(scope: Scope) -> Environ:
    """As much of a request as the memory goes by."""
    environ = {"REQUEST_METHOD": scope.method, "PATH_INFO": _bytes_of(scope.path), "QUERY_STRING": _bytes_of(scope.query_string)}
    for name, value in scope.headers.items():
        if key := _CONSULTED.get(name):
            _add(environ, key, value)
    return environ


def environ_of(scope: Scope) -> Environ:
    """The request as WSGI has it (PEP 3333)."""
    server, _, port = scope.server.rpartition(":")
    environ: Environ = {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": _bytes_of(scope.path),
        "QUERY_STRING": _bytes_of(scope.query_string),
        "SERVER_NAME": server,
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "REMOTE_ADDR": scope.client.rpartition(":")[0].strip("[]"),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.scheme,
        "wsgi.input": BytesIO(),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    if scope.authority:
        environ["HTTP_HOST"] = scope.authority
    for name, value in scope.headers.items():
        # With an underscore it would be taken for another one, which proxies may answer for.
        if "_" in name:
            continue
        key = name.upper().replace("-", "_")
        key = key if key in _PLAIN else f"HTTP_{key}"
        _add(environ, key, value)
    return environ


def _bytes_of(text: str) -> str:
    """As WSGI has it: a character for each byte."""
    return text if text.isascii() else text.encode().decode("latin-1")


def _add(environ: Environ, key: str, value: str) -> None:
    environ[key] = f"{environ[key]}{'; ' if key == 'HTTP_COOKIE' else ', '}{value}" if key in environ else value


def _refusal(error: Refused) -> Sent:
    body = f"{error}\n".encode()
    kind = [("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff")]
    return str(error.status), [*kind, ("Connection", "close"), *([("Retry-After", "1")] if error.status == 503 else [])], body


_NAMELESS = _refusal(Refused(400, "a request must name the host that it is for, once: Host"))
