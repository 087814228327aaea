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
    """A thread that has answers made when something changed. ``make`` may raise whatever it likes."""

    def __init__(self, make: Callable[[Address], Answer | None], version: Version) -> None:
        self._make = make
        self._version = version
        self._waiting: dict[Address, float] = {}
        self._present: Callable[[], Any] = version.now
        self._done: _Done = lambda *_: None
        self._worked_at = float("-inf")
        self._is_over = False
        self._something = Condition()
        self._thread: Thread | None = None

    def begin(self, addresses: Iterable[Address], present: Callable[[], Any], done: _Done) -> None:
        """Makes these answers anew and hands each over, None if there is none any more, with what was ``present`` before it was made.

        Nothing is done if the change may be so old that the answers of before will not do until then.
        """
        now = time.monotonic()
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
                self._thread = Thread(target=self._work, name="renewal", daemon=True)
                self._thread.start()
            self._something.notify()

    def awaits(self, address: Address) -> bool:
        """Whether the answer will be there in a moment."""
        until = self._waiting.get(address)
        return until is not None and time.monotonic() < until

    def stop(self) -> None:
        """Nothing more is made from now on."""
        with self._something:
            self._is_over = True
            self._something.notify()

    def _work(self) -> None:
        while True:
            with self._something:
                self._something.wait_for(lambda: self._waiting or self._is_over)
                if self._is_over:
                    return
                address = next(iter(self._waiting))
            version = self._present()
            try:
                answer = self._make(address)
            except Exception:
                if self._is_over:
                    return
                _log.exception("the answer to %s could not be made anew", address[0])
                answer = None
            self._done(address, answer, version)
            with self._something:
                del self._waiting[address]
                if self._present() != version:
                    # It changed once more; whoever asks from now on can wait for that one.
                    self._waiting[address] = time.monotonic() + _PATIENCE
            self._worked_at = time.monotonic()
