"""What the database is at, as cheaply as every request may ask."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Hashable
from threading import Lock

from feeds.errors import StoreError

_log = logging.getLogger(__name__)

# Seconds for which nobody asks whether something changed: what is published shows after them.
_PAUSE = 0.01
_PAUSE_AFTER_ERROR = 1.0


class Version:
    """What the database is at, read at most every few milliseconds, whoever asks; the last one known while it cannot be read."""

    def __init__(self, read: Callable[[], Hashable], clock: Callable[[], float] = time.monotonic) -> None:
        self._read = read
        self._clock = clock
        self._value: Hashable = None
        self._good_until = float("-inf")
        self._lock = Lock()
        self._read_at = float("-inf")
        self._changed_after = float("-inf")

    def now(self) -> Hashable:
        """Equal as long as nothing changed; None if it was never read."""
        if self._clock() >= self._good_until and self._lock.acquire(blocking=False):
            try:
                # Somebody may have read it since the clock was looked at.
                if self._clock() >= self._good_until:
                    self._take(self._clock(), self._read())
            except StoreError as error:
                _log.warning("it cannot be told whether something changed: %s", error)
                self._good_until = self._clock() + _PAUSE_AFTER_ERROR
            finally:
                self._lock.release()
        return self._value

    def age(self) -> float:
        """For how many seconds at most the present version has been there: since the one before it was seen last."""
        return self._clock() - self._changed_after

    def _take(self, read_at: float, value: Hashable) -> None:
        if value != self._value:
            self._changed_after = self._read_at
        self._value, self._read_at = value, read_at
        self._good_until = self._clock() + _PAUSE
