"""What children of a sandbox are asked to do in tests. In a module of its own, as each child imports it."""

from __future__ import annotations

import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from feeds.errors import FetchError


def double(number: int) -> int:
    return 2 * number


def spin() -> None:
    while True:
        pass


def rest(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


def eat() -> int:
    return len(b"x" * 1024**3)


def dive(depth: int = 0) -> int:
    return dive(depth + 1) + 1


def answer_long() -> bytes:
    return bytes(2_000_000)


def answer_what_cannot_be_sent() -> Callable[[], None]:
    return lambda: None


class Awkward(ValueError):
    """Comes apart when it is sent: it is made again of its message alone."""

    def __init__(self, words: str, line: int) -> None:
        super().__init__(f"{words} in line {line}")


def fail_awkwardly() -> None:
    raise Awkward("there is a fault", 7)


def fail_on_purpose() -> None:
    raise FetchError("the server asks for rest", 60, 503)


def leave() -> None:
    sys.exit(3)


def crash() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def process() -> int:
    return os.getpid()


def mark(file: str) -> None:
    Path(file).touch()
    spin()


def work(seconds: float) -> bool:
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass
    return True


def time_left() -> float:
    """Seconds of processor time."""
    return resource.getrlimit(resource.RLIMIT_CPU)[0] - time.process_time()
