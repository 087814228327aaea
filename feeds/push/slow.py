"""Who took long to answer lately, so that nobody else has to wait for them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

_REMEMBERED = 3600


@dataclass(frozen=True, slots=True)
class _Wait:
    """How long an answer took, and when that was noted."""

    seconds: float
    at: float


class SlowHosts:
    """The hosts of which an answer took more than so many seconds in the last hour, and none was quick since."""

    def __init__(self, seconds: float = 2, now: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._now = now
        self._waits: dict[str, _Wait] = {}

    def __contains__(self, host: str) -> bool:
        return host in self._waits

    def lately(self) -> dict[str, float]:
        """Those that are slow at the moment, with how long they took."""
        begin = self._now() - _REMEMBERED
        # Of a copy, as others go on to take notes.
        waits = list(self._waits.items())
        for host, wait in waits:
            if wait.at <= begin:
                self._waits.pop(host, None)
        return {host: wait.seconds for host, wait in waits if wait.at > begin}

    @contextmanager
    def watched(self, host: str) -> Iterator[None]:
        """While a host is asked something; it is slow as soon as that takes too long, not only when it is over."""
        begun = self._now()
        late = asyncio.get_running_loop().call_later(self._seconds, self._note, host, self._seconds)
        try:
            yield
        finally:
            late.cancel()
            took = self._now() - begun
            if took < self._seconds:
                self._waits.pop(host, None)
            else:
                self._note(host, took)

    def _note(self, host: str, seconds: float) -> None:
        self._waits[host] = _Wait(seconds, self._now())
