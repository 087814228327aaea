"""Makes answers anew beside the requests, so that nobody waits for what others ask for all the time."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from threading import Condition, Thread
from typing import Any

from feeds.web.answer import Answer
from feeds.web.version import Version

_log = logging.getLogger(__name__)

Address = tuple[str, str]
"""Path and query, as WSGI has them."""

_Done = Callable[[Address, Answer | None, Any], None]

OURSELVES = "healthwire.renewal"
"""Marks requests that nobody made."""

# Seconds: a change that is older than this must be in every answer, unless there has been too much to do lately.
_YOUNG = 0.05
_LATELY = 1.0
# However much there is to do, nobody is answered with what was longer ago.
_PATIENCE = 10.0
# Answers to be made; what is beyond them is made when somebody asks.
_MOST_WAITING = 2000


class Renewal:
    """A thread that has answers made when something changed. If ``make`` fails, whatever waits is made when somebody asks."""

    def __init__(self, make: Callable[[Address], Answer | None], version: Version, clock: Callable[[], float] = time.monotonic) -> None:
        self._make = make
        self._version = version
        self._clock = clock
        # Until when the answer of before will do.
        self._waiting: dict[Address, float] = {}
        self._present: Callable[[], Any] = version.now
        self._done: _Done = lambda *_: None
        self._worked_at = float("-inf")
        self._is_over = False
        self._something = Condition()
        self._thread: Thread | None = None

    def begin(self, addresses: Iterable[Address], present: Callable[[], Any], done: _Done) -> None:
        """Makes these answers anew, which were good until now, and hands each over, None if there is none any more, with what was
        ``present`` before it was made.

        Nothing is done if the change may be so old that the answers of before will not do until then.
        """
        now = self._clock()
        if self._version.age() > _YOUNG and now - self._worked_at > _LATELY:
            return
        until = now + _PATIENCE
        with self._something:
            self._present, self._done = present, done
            for address in addresses:
                if len(self._waiting) < _MOST_WAITING:
                    # Whoever waits already is not to wait longer for it.
                    self._waiting.setdefault(address, until)
            if self._thread is None:
                thread = Thread(target=self._work, name="renewal", daemon=True)
                thread.start()
                self._thread = thread
            self._something.notify()

    def awaits(self, address: Address) -> bool:
        """Whether the answer will be there in a moment."""
        until = self._waiting.get(address)
        return until is not None and self._clock() < until

    def stop(self) -> None:
        """Nothing more is made from now on."""
        with self._something:
            self._is_over = True
            self._something.notify()

    def _work(self) -> None:
        while (address := self._next()) is not None:
            begun, version = self._clock(), self._present()
            try:
                answer = self._make(address)
            except Exception as error:
                self._give_up(address, error)
                continue
            self._done(address, answer, version)
            has_changed = self._present() != version
            with self._something:
                self._waiting.pop(address, None)
                if has_changed:
                    # Whoever asks from now on can wait for the next one; this one was true when it was begun.
                    self._waiting[address] = begun + _PATIENCE
            self._worked_at = self._clock()

    def _next(self) -> Address | None:
        with self._something:
            self._something.wait_for(lambda: self._waiting or self._is_over)
            return None if self._is_over else next(iter(self._waiting))

    def _give_up(self, address: Address, error: Exception) -> None:
        with self._something:
            self._waiting.clear()
        if not self._is_over:
            unexpected = None if isinstance(error, OSError) else error
            _log.warning(
                "%s could not be made anew: %s; whatever is asked for is made for the request", address[0], error, exc_info=unexpected
            )
