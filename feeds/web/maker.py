"""A process of its own that makes answers, so that whoever is answered from memory shares the interpreter with nobody at work."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from multiprocessing.connection import Connection

from werkzeug.test import create_environ

from feeds.web.answer import DOCUMENT, Answer
from feeds.web.renewal import OURSELVES, Address
from feeds.web.wsgi import Application, ask

# Who asks and who reads along comes first.
_NICENESS = 5
# Seconds for one answer, and for loading the application before it.
_PATIENCE = 30.0
# Seconds from one start to the next, as one that dies at once would take all of a processor.
_PAUSE = 60.0


class Maker:
    """Makes answers in a process that loads the application anew; ``load`` must be picklable. It starts at once, and again if it died.

    For one thread at a time.
    """

    def __init__(self, load: Callable[[], Application], patience: float = _PATIENCE) -> None:
        self._load = load
        self._patience = patience
        self._start()

    def __call__(self, address: Address) -> Answer | None:
        """The answer that all get who ask for this address; None if it is nothing that may be kept.

        Raises:
            OSError: the process died over it, hangs, or died lately.
        """
        if not self._process.is_alive():
            if time.monotonic() - self._started_at < _PAUSE:
                raise ChildProcessError("the process that makes answers died and is not started again at once")
            self._start()
        try:
            return self._made(address)
        except BaseException:
            # What was not read to its end would be taken for the next answer.
            self._process.kill()
            self._process.join()
            raise

    def _made(self, address: Address) -> Answer | None:
        try:
            self._connection.send(address)
            if not self._connection.poll(self._patience):
                raise TimeoutError(f"the process that makes answers did not answer within {self._patience:g} s")
            made: Answer | None = self._connection.recv()
        except (EOFError, ConnectionError):
            raise ChildProcessError("the process that makes answers died over it, or could not load the application") from None
        return made

    def _start(self) -> None:
        self._started_at = time.monotonic()
        context = multiprocessing.get_context("spawn")
        self._connection, there = context.Pipe()
        self._process = context.Process(target=_work, args=(self._load, there), name="maker", daemon=True)
        # A terminal interrupts everybody at once; this one, which inherits the mask, ends with the one that it works for.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        self._process.start()
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        # Or it would not be noticed here that it is closed there.
        there.close()


def answer_of(application: Application, address: Address) -> Answer | None:
    """What the application answers who says nothing of himself; None if it is nothing that may be kept."""
    path, query = address
    environ = create_environ() | {"PATH_INFO": path, "QUERY_STRING": query, OURSELVES: True}
    ask(application, environ)
    made: Answer | None = environ.get(DOCUMENT)
    return made


def _work(load: Callable[[], Application], connection: Connection) -> None:
    os.nice(_NICENESS)
    application = load()
    while True:
        try:
            connection.send(answer_of(application, connection.recv()))
        except (EOFError, ConnectionError):
            return
