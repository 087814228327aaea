"""Where outside documents are taken apart: in child processes with limits, so that one made to hang, to eat memory or to crash costs
its source one failure and nothing else."""

from __future__ import annotations

import asyncio
import os
import pickle
import resource
import signal
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import ceil
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any, ParamSpec, TypeVar, cast

from feeds.errors import HealthwireError, ParseError

WALL_SECONDS = 60
# A child that has read so many documents makes room for a new one, to give memory back.
_MOST_TASKS = 10_000
# Characters and lines of what is told of errors that nobody expected.
_LONGEST_WORDS = 4000
_LAST_CALLS = 10

P = ParamSpec("P")
T = TypeVar("T")

# Children are spawned: forking beside threads and an event loop can hang.
_spawn = get_context("spawn")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a child may take for one document. ``memory``, in bytes, is its address space, of which the program itself takes about a
    third; ``result`` is what it may send back, which for all that can be new in a document comes to less.

    A document that ran out of processor time hangs; one that ran out of time may have been crowded out by others.
    """

    cpu_seconds: int = 20
    wall_seconds: float = WALL_SECONDS
    memory: int = 1024**3
    result: int = 128 * 1024**2


_USUAL = Limits()


class Sandbox:
    """A few child processes that are started when they are needed; close it at the end.

    Each child belongs to a thread that waits for it, so that idle ones cost nothing.
    """

    def __init__(self, workers: int = 2, limits: Limits = _USUAL) -> None:
        self._limits = limits
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="sandbox")
        self._own = threading.local()
        self._children: set[_Child] = set()
        self._is_closed = False

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs a function of this program in a child.

        Raises:
            ParseError: it took too much time or memory, or ended its child.
            HealthwireError: whatever the function raises.
            RuntimeError: an error that nobody expected, with a note where it came from.
        """
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._call, function, args, kwargs)

    def _call(self, function: Callable[..., T], args: tuple[object, ...], kwargs: dict[str, object]) -> T:
        child: _Child | None = getattr(self._own, "child", None)
        # One may have been killed while it was idle, which is no fault of the next document.
        if child is not None and not child.process.is_alive():
            self._end(child)
            child = None
        child = child or self._started()
        try:
            return cast(T, child.call((function, args, kwargs)))
        finally:
            if child.is_spent:
                self._end(child)

    def _started(self) -> _Child:
        child = self._own.child = _Child.start(self._limits)
        self._children.add(child)
        if self._is_closed:
            child.process.kill()
        return child

    def _end(self, child: _Child) -> None:
        self._own.child = None
        self._children.discard(child)
        child.end()

    def close(self) -> None:
        """Ends all children, whatever they are doing."""
        self._is_closed = True
        self._threads.shutdown(wait=False, cancel_futures=True)
        for child in list(self._children):
            child.process.kill()
        # Threads that waited for one see it end, and clear away after it themselves.
        self._threads.shutdown()
        for child in self._children:
            child.end()


@dataclass(eq=False)
class _Child:
    """A process that does one task after the other; ``is_spent`` when it is not to be given another."""

    process: SpawnProcess
    pipe: Connection
    limits: Limits
    tasks: int = 0
    is_spent: bool = False

    @classmethod
    def start(cls, limits: Limits) -> _Child:
        here, there = _spawn.Pipe()
        process = _spawn.Process(target=_serve, args=(there, limits), daemon=True)
        process.start()
        there.close()
        return cls(process, here, limits)

    def call(self, task: object) -> object:
        limits = self.limits
        self.tasks += 1
        self.is_spent = True
        try:
            self.pipe.send(task)
            if not self.pipe.poll(limits.wall_seconds):
                raise ParseError(f"the document could not be read within {limits.wall_seconds} s")
            result, error = pickle.loads(self.pipe.recv_bytes(limits.result))  # noqa: S301 - our own program sent it
        except (EOFError, OSError) as broken:
            raise ParseError(
                f"the document could not be read within {limits.cpu_seconds} s of processor time, or ended its reader"
            ) from broken
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


def _serve(pipe: Connection, limits: Limits) -> None:
    """The child: does what it is sent until nobody is there any more, or it has no memory left to tell what came of it."""
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory, limits.memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Serving comes first, and whoever stops the service at a terminal means its parent.
    os.nice(5)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        try:
            function, args, kwargs = pipe.recv()
            pipe.send(_done(limits.cpu_seconds, function, args, kwargs))
        except (EOFError, ConnectionError, MemoryError):
            return


def _done(
    cpu_seconds: int, function: Callable[..., object], args: tuple[object, ...], kwargs: dict[str, object]
) -> tuple[Any, Exception | None]:
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    # SIGXCPU at the soft limit ends the child; the limit counts from its start, so it moves on with each document.
    resource.setrlimit(resource.RLIMIT_CPU, (ceil(used.ru_utime + used.ru_stime) + cpu_seconds, most))
    try:
        return function(*args, **kwargs), None
    except HealthwireError as error:
        return None, error
    except (MemoryError, RecursionError) as error:
        # Without what was being done, which holds the memory.
        return None, type(error)()
    except Exception as error:
        # Not every error of a library can be sent, nor its traceback.
        told = RuntimeError(f"{type(error).__name__}: {error}"[:_LONGEST_WORDS])
        told.add_note(traceback.format_exc(limit=-_LAST_CALLS)[:_LONGEST_WORDS])
        return None, told
