"""Finished answers in memory, in front of the application: as long as nothing changed, no request costs more than sending them."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Hashable, Iterable
from threading import Lock
from typing import Any

from feeds.errors import StoreError
from feeds.web.answer import DOCUMENT, Answer

_log = logging.getLogger(__name__)

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

# Seconds for which nobody asks whether something changed: what is published shows after them.
_PAUSE = 0.01
_PAUSE_AFTER_ERROR = 1.0
_MOST_BYTES = 64 * 1024 * 1024
_MOST_ANSWERS = 20_000
# A longer address is not worth its place.
_LONGEST_ADDRESS = 2000
# What an answer takes beside its bodies: the address, headers and objects.
_OVERHEAD = 4000


class Version:
    """What the database is at, read at most every few milliseconds, whoever asks; the last one known while it cannot be read."""

    def __init__(self, read: Callable[[], Hashable], clock: Callable[[], float] = time.monotonic) -> None:
        self._read = read
        self._clock = clock
        self._value: Hashable = None
        self._good_until = float("-inf")
        self._lock = Lock()

    def now(self) -> Hashable:
        """Equal as long as nothing changed; None if it was never read."""
        if self._clock() >= self._good_until and self._lock.acquire(blocking=False):
            try:
                # Somebody may have read it since the clock was looked at.
                if self._clock() >= self._good_until:
                    self._value = self._read()
                    self._good_until = self._clock() + _PAUSE
            except StoreError as error:
                _log.warning("it cannot be told whether something changed: %s", error)
                self._good_until = self._clock() + _PAUSE_AFTER_ERROR
            finally:
                self._lock.release()
        return self._value


class Memory:
    """The application with the answers that it made since the last change. Only those to requests that say nothing of who asks."""

    def __init__(self, application: Application, version: Version) -> None:
        self._application = application
        self._version = version
        self._kept: dict[tuple[str, str], tuple[Hashable, Answer]] = {}
        self._bytes = 0
        self._lock = Lock()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD") or "HTTP_COOKIE" in environ or "HTTP_AUTHORIZATION" in environ:
            return self._application(environ, start_response)
        version = self._version.now()
        address = environ["PATH_INFO"], environ["QUERY_STRING"]
        kept = self._kept.get(address)
        if kept is not None and kept[0] == version:
            status, headers, body = kept[1].to(environ)
            start_response(status, headers)
            return [b"" if environ["REQUEST_METHOD"] == "HEAD" else body]
        answered = self._application(environ, start_response)
        made = environ.get(DOCUMENT)
        if made is not None and sum(map(len, address)) <= _LONGEST_ADDRESS:
            # Of the version before it was made: what changed meanwhile may not be in it.
            self._keep(address, version, made)
        return answered

    def _keep(self, address: tuple[str, str], version: Hashable, made: Answer) -> None:
        with self._lock:
            self._forget(address)
            self._kept[address] = (version, made)
            self._bytes += _size(made)
            while self._bytes > _MOST_BYTES or len(self._kept) > _MOST_ANSWERS:
                # What is asked for often is made anew after each change, so that the oldest is asked for least.
                self._forget(next(iter(self._kept)))

    def _forget(self, address: tuple[str, str]) -> None:
        if gone := self._kept.pop(address, None):
            self._bytes -= _size(gone[1])


def _size(made: Answer) -> int:
    return len(made.document.body) + len(made.document.gzip_body or b"") + _OVERHEAD
