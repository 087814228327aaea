"""Where outside documents are taken apart: in child processes with limits, so that one made to hang, to eat memory or to crash costs
its source one failure and nothing else."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any, ParamSpec, TypeVar, cast

from feeds.errors import ParseError

# A document that ran out of processor time hangs; one that ran out of time may have been crowded out by others.
CPU_SECONDS = 20
WALL_SECONDS = 60
# Address space of a child, of which the program itself takes about a third.
_MEMORY = 1024**3
# A child that has read so many documents makes room for a new one, to give memory back.
_MOST_TASKS = 10_000

P = ParamSpec("P")
T = TypeVar("T")

# Children are spawned: forking beside threads and an event loop can hang.
_spawn = get_context("spawn")


class Sandbox:
    """A few child processes that are started when they are needed; close it at the end.

    Each child belongs to a thread that waits for it, so that idle ones cost nothing.
    """

    def __init__(self, workers: int = 2) -> None:
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="sandbox")
        self._own = threading.local()
        self._children: set[_Child] = set()

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs a function of this program in a child.

        Raises:
            ParseError: it took too much time or memory, or ended its child.
            HealthwireError: whatever the function raises.
        """
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._call, function, args, kwargs)

    def _call(self, function: Callable[..., T], args: tuple[object, ...], kwargs: dict[str, object]) -> T:
        child: _Child = getattr(self._own, "child", None) or self._started()
        try:
            return cast(T, child.call((function, args, kwargs)))
        finally:
            if child.is_spent:
                self._own.child = None
                self._children.discard(child)
                child.end()

    def _started(self) -> _Child:
        child = self._own.child = _Child.start()
        self._children.add(child)
        return child

    def close(self) -> None:
        """Ends all children, whatever they are doing."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        for child in list(self._children):
            child.end()
        self._threads.shutdown()


@dataclass(eq=False)
class _Child:
    """A process that does one task after the other; ``is_spent`` when it is not to be given another."""

    process: SpawnProcess
    pipe: Connection
    tasks: int = 0
    is_spent: bool = False

    @classmethod
    def start(cls) -> _Child:
        here, there = _spawn.Pipe()
        process = _spawn.Process(target=_serve, args=(there,), daemon=True)
        process.start()
        there.close()
        return cls(process, here)

    def call(self, task: object) -> object:
        self.tasks += 1
        self.is_spent = True
        try:
            self.pipe.send(task)
            if not self.pipe.poll(WALL_SECONDS):
                raise ParseError(f"the document could not be read within {WALL_SECONDS} s")
            result, error = self.pipe.recv()
        except (EOFError, OSError) as broken:
            raise ParseError(f"the document could not be read within {CPU_SECONDS} s of processor time, or ended its reader") from broken
        self.is_spent = self.tasks >= _MOST_TASKS or isinstance(error, MemoryError | RecursionError)
        if isinstance(error, MemoryError | RecursionError):
            raise ParseError("the document could not be read: it needs too much memory") from error
        if error is not None:
            raise error
        return result

    def end(self) -> None:
        self.process.kill()
        self.process.join()
        self.pipe.close()


def _serve(pipe: Connection) -> None:
    """The child: does what it is sent until nobody is there any more."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Serving comes first, and whoever stops the service at a terminal means its parent.
    os.nice(5)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        try:
            function, args, kwargs = pipe.recv()
            pipe.send(_done(function, args, kwargs))
        except (EOFError, BrokenPipeError):
            return


def _done(function: Callable[..., object], args: tuple[object, ...], kwargs: dict[str, object]) -> tuple[Any, Exception | None]:
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    # SIGXCPU at the soft limit ends the child; the limit counts from its start, so it moves on with each document.
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + CPU_SECONDS, most))
    try:
        return function(*args, **kwargs), None
    except Exception as error:
        return None, error
