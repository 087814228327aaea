"""Finished answers in memory, in front of the application: as long as nothing changed, no request costs more than sending them."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from threading import Lock
from typing import Any

from feeds.web.answer import CHANGED, DOCUMENT, Answer, Sent
from feeds.web.renewal import Address, Renewal
from feeds.web.version import Version
from feeds.web.wsgi import Application

_MOST_BYTES = 64 * 1024 * 1024
_MOST_ANSWERS = 20_000
# A longer address is not worth its place.
_LONGEST_ADDRESS = 2000
# Seconds: what nobody asked for twice since then is made when somebody asks.
_LATELY = 60.0
_NEVER = float("-inf")
# What an answer takes beside its bodies: the address, headers and objects.
_OVERHEAD = 4000


CONSULTED = (
    *("HTTP_COOKIE", "HTTP_AUTHORIZATION", "HTTP_ACCEPT_ENCODING"),
    *("HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE", "HTTP_IF_MATCH", "HTTP_IF_UNMODIFIED_SINCE"),
)
"""The headers that what is in memory is answered by."""

_Version = tuple[int, Hashable]
"""How often something was changed here, and what the database is at."""


@dataclass(slots=True)
class _Kept:
    """An answer, the version of the database that it shows, and when somebody asked for it last, and the time before that."""

    answer: Answer
    version: _Version
    asked_at: float
    asked_before: float

    @property
    def size(self) -> int:
        return self.answer.document.size + _OVERHEAD


class Memory:
    """The application with the answers that it made since the last change. Only those to requests that say nothing of who asks.

    With a ``renewal``, answers that are asked for all the time are made anew beside the requests, which get the last ones until then.
    """

    def __init__(
        self, application: Application, version: Version, renewal: Renewal | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._application = application
        self._version = version
        self._renewal = renewal
        self._seen: Hashable = None
        # How often somebody changed something here: whoever did must see it in the next answer.
        self._changes = 0
        self._kept: dict[Address, _Kept] = {}
        self._bytes = 0
        self._lock = Lock()

    def remembered(self, environ: dict[str, Any]) -> Sent | None:
        """The answer if it is at hand, for who must wait neither for the database nor for anything else."""
        if not _is_for_all(environ) or (known := self._version.known()) is None:
            return None
        address, version = _address(environ), (self._changes, known)
        kept = self._kept.get(address)
        if kept is None or (kept.version != version and version != self._seen):
            # Who sees first that something changed has answers made anew under a lock; that is not for here.
            return None
        kept = self._good_enough(address, version)
        return None if kept is None else self._sent(kept, environ)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if not _is_for_all(environ):
            return self._unkept(environ, start_response)
        version = self._present()
        address = _address(environ)
        kept = self._good_enough(address, version)
        if kept is not None:
            status, headers, body = self._sent(kept, environ)
            start_response(status, headers)
            return [body]
        answered = self._application(environ, start_response)
        # Of the version before it was made: what changed meanwhile may not be in it.
        self._keep(address, environ.get(DOCUMENT), version)
        return answered

    def stop(self) -> None:
        """Nothing more is made anew."""
        if self._renewal:
            self._renewal.stop()

    def _sent(self, kept: _Kept, environ: dict[str, Any]) -> Sent:
        kept.asked_before, kept.asked_at = kept.asked_at, self._clock()
        status, headers, body = kept.answer.to(environ)
        return status, headers, b"" if environ["REQUEST_METHOD"] == "HEAD" else body

    def _unkept(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        answered = self._application(environ, start_response)
        if environ.get(CHANGED):
            self._version.refresh()
            self._changes += 1
        return answered

    def _present(self) -> _Version:
        version = self._changes, self._version.now()
        if version != self._seen:
            self._notice(version)
        return version

    def _good_enough(self, address: Address, version: _Version) -> _Kept | None:
        """What is kept of this version, or of the one before while it is being made anew."""
        kept = self._kept.get(address)
        if kept is None or kept.version == version:
            return kept
        if self._renewal is None or kept.version[0] != version[0]:
            return None
        if self._renewal.awaits(address):
            return kept
        # It may have been made in this very moment.
        kept = self._kept.get(address)
        return kept if kept is not None and kept.version == version else None

    def _notice(self, version: _Version) -> None:
        """Has those answers made anew that were good until now and are asked for all the time."""
        with self._lock:
            if self._seen == version:
                return
            if self._renewal:
                lately = self._clock() - _LATELY
                asked = {
                    address: kept.asked_before
                    for address, kept in self._kept.items()
                    if kept.version == self._seen and kept.asked_before > lately
                }
                # By when each was asked for the time before last: what is asked for often comes first.
                self._renewal.begin(sorted(asked, key=asked.__getitem__, reverse=True), self._present, self._renewed)
            # Not before: others may go by it as soon as it is written.
            self._seen = version

    def _renewed(self, address: Address, answer: Answer | None, version: _Version) -> None:
        self._keep(address, answer, version, is_asked=False)

    def _keep(self, address: Address, answer: Answer | None, version: _Version, *, is_asked: bool = True) -> None:
        with self._lock:
            before = self._kept.pop(address, None)
            asked = (before.asked_at, before.asked_before) if before else (_NEVER, _NEVER)
            if before:
                self._bytes -= before.size
            if answer is None or sum(map(len, address)) > _LONGEST_ADDRESS:
                return
            if before and before.answer.is_like(answer):
                # What did not change keeps its date, whichever process looked.
                answer = before.answer
            kept = self._kept[address] = _Kept(answer, version, *((self._clock(), asked[0]) if is_asked else asked))
            self._bytes += kept.size
            while self._bytes > _MOST_BYTES or len(self._kept) > _MOST_ANSWERS:
                # What is asked for often is made anew after each change, so that the oldest is asked for least.
                self._bytes -= self._kept.pop(next(iter(self._kept))).size


def _is_for_all(environ: dict[str, Any]) -> bool:
    """Whether whoever asks is answered the same."""
    return environ["REQUEST_METHOD"] in ("GET", "HEAD") and "HTTP_COOKIE" not in environ and "HTTP_AUTHORIZATION" not in environ


def _address(environ: dict[str, Any]) -> Address:
    return environ["PATH_INFO"], environ["QUERY_STRING"]
