"""Who took long to answer lately, so that nobody else has to wait for them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_REMEMBERED = 3600


class SlowHosts:
    """The hosts of which an answer took more than so many seconds in the last hour, and none was quick since."""

    def __init__(self, seconds: float = 2, now: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._now = now
        self._since: dict[str, float] = {}

    def __contains__(self, host: str) -> bool:
        return host in self._since

    def lately(self) -> set[str]:
        """Those that are slow at the moment."""
        begin = self._now() - _REMEMBERED
        # Of a copy, as others go on to take notes.
        for host, since in list(self._since.items()):
            if since <= begin:
                self._since.pop(host, None)
        return set(self._since)

    @contextmanager
    def watched(self, host: str) -> Iterator[None]:
        """While a host is asked something; it is slow as soon as that takes too long, not only when it is over."""
        begun = self._now()
        late = asyncio.get_running_loop().call_later(self._seconds, self._note, host)
        try:
            yield
        finally:
            late.cancel()
            if self._now() - begun < self._seconds:
                self._since.pop(host, None)

    def _note(self, host: str) -> None:
        self._since[host] = self._now()
