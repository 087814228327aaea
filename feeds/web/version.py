"""What the database is at, as cheaply as every request may ask."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Hashable
from threading import Event, Lock, Thread

from feeds.errors import StoreError

_log = logging.getLogger(__name__)

# Seconds for which nobody asks whether something changed: what is published shows after them.
_PAUSE = 0.01
_PAUSE_AFTER_ERROR = 1.0
# As long as a watcher is at work, nobody else reads, unless it is late by so much.
_LATE = 0.04


class Version:
    """What the database is at, read at most every few milliseconds, whoever asks; the last one known while it cannot be read."""

    def __init__(self, read: Callable[[], Hashable], clock: Callable[[], float] = time.monotonic) -> None:
        self._read = read
        self._clock = clock
        self._value: Hashable = None
        self._good_until = self._read_at = self._changed_after = float("-inf")
        self._lock = Lock()
        self._asked = Event()
        self._margin = 0.0

    def now(self) -> Hashable:
        """Equal as long as nothing changed; None if it was never read."""
        if not self._asked.is_set():
            self._asked.set()
        if self._clock() >= self._good_until:
            self._look()
        return self._value

    def known(self) -> Hashable:
        """The same without reading it; None if that is due."""
        if not self._asked.is_set():
            self._asked.set()
        return self._value if self._clock() < self._good_until else None

    def refresh(self) -> None:
        """Reads it now: what was changed before is in it afterwards."""
        self._look(due=True, waiting=True)

    def age(self) -> float:
        """For how many seconds at most the present version has been there: since the one before it was seen last."""
        return self._clock() - self._changed_after

    def watch(self) -> None:
        """From now on a thread reads, as long as there are requests, so that none of them has to: amid work, that can take long."""
        self._margin = _LATE
        Thread(target=self._watch, name="version", daemon=True).start()

    def _watch(self) -> None:
        while True:
            # Until somebody asks; who asks first after a while reads for himself.
            self._asked.wait()
            self._asked.clear()
            end = self._clock() + 1.0
            while self._clock() < end:
                time.sleep(_PAUSE)
                self._look(due=True)

    def _look(self, *, due: bool = False, waiting: bool = False) -> None:
        if not self._lock.acquire(blocking=waiting):
            return
        try:
            # Somebody may have read it since the clock was looked at.
            if due or self._clock() >= self._good_until:
                self._take(self._clock(), self._read())
        except StoreError as error:
            _log.warning("it cannot be told whether something changed: %s", error)
            self._good_until = self._clock() + _PAUSE_AFTER_ERROR
        finally:
            self._lock.release()

    def _take(self, read_at: float, value: Hashable) -> None:
        if value != self._value:
            self._changed_after = self._read_at
        self._value, self._read_at = value, read_at
        self._good_until = self._clock() + _PAUSE + self._margin
