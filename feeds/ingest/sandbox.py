"""Where outside documents are taken apart: in child processes with limits, so that one made to hang, to eat memory or to crash costs
its source one failure and nothing else."""

from __future__ import annotations

import asyncio
import os
import resource
from collections.abc import Callable
from concurrent.futures import TimeoutError as PoolTimeout
from multiprocessing import get_context
from typing import ParamSpec, TypeVar

from pebble import ProcessExpired, ProcessPool

from feeds.errors import ParseError

# A document that ran out of processor time hangs; one that ran out of time may have been crowded out by others.
CPU_SECONDS = 20
WALL_SECONDS = 60
# Address space of a child, of which the program itself takes about a third.
_MEMORY = 1024**3

P = ParamSpec("P")
T = TypeVar("T")


class Sandbox:
    """A pool of child processes; close it at the end."""

    def __init__(self, workers: int = 2) -> None:
        # Children are spawned: forking beside threads and an event loop can hang. They end after a while, to give memory back.
        self._pool = ProcessPool(max_workers=workers, max_tasks=10_000, initializer=_confine, context=get_context("spawn"))

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs a function of this program in a child.

        Raises:
            ParseError: it took too much time or memory.
            HealthwireError: whatever the function raises.
        """
        future = self._pool.schedule(_limited, args=(function, args, kwargs), timeout=WALL_SECONDS)
        try:
            return await asyncio.wrap_future(future)
        except PoolTimeout as error:
            raise ParseError(f"the document could not be read within {WALL_SECONDS} s") from error
        except ProcessExpired as error:
            raise ParseError(f"the document could not be read within {CPU_SECONDS} s of processor time, or crashed its reader") from error
        except (MemoryError, RecursionError) as error:
            raise ParseError("the document could not be read: it needs too much memory") from error

    def close(self) -> None:
        self._pool.stop()  # type: ignore[no-untyped-call]
        self._pool.join()


def _confine() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Serving comes first.
    os.nice(5)


def _limited(function: Callable[..., T], args: tuple[object, ...], kwargs: dict[str, object]) -> T:
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    # SIGXCPU at the soft limit ends the child; the limit counts from its start, so it moves on with each document.
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + CPU_SECONDS, most))
    return function(*args, **kwargs)
