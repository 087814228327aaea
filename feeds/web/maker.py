"""A process of its own that makes answers, so that whoever is answered from memory shares the interpreter with nobody at work."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection

from werkzeug.test import create_environ

from feeds.web.answer import DOCUMENT, Answer
from feeds.web.renewal import OURSELVES, Address
from feeds.web.wsgi import Application, ask

# Who asks and who reads along comes first.
_NICENESS = 5


class Maker:
    """Makes answers in a process that loads the application anew; ``load`` must be picklable. It starts at once, and again if it died.

    For one thread at a time.
    """

    def __init__(self, load: Callable[[], Application]) -> None:
        self._load = load
        self._start()

    def __call__(self, address: Address) -> Answer | None:
        """The answer that all get who ask for this address; None if it is nothing that may be kept.

        Raises:
            EOFError, OSError: the process died over it, or could not load the application.
        """
        if not self._process.is_alive():
            self._start()
        try:
            self._connection.send(address)
            made: Answer | None = self._connection.recv()
        except (EOFError, OSError):
            self._process.join()
            raise
        return made

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, there = context.Pipe()
        self._process = context.Process(target=_work, args=(self._load, there), name="maker", daemon=True)
        self._process.start()
        # Or it would not be noticed here that it is closed there.
        there.close()


def answer_of(application: Application, address: Address) -> Answer | None:
    """What the application answers who says nothing of himself; None if it is nothing that may be kept."""
    path, query = address
    environ = create_environ(query_string=query) | {"PATH_INFO": path, OURSELVES: True}
    ask(application, environ)
    made: Answer | None = environ.get(DOCUMENT)
    return made


def _work(load: Callable[[], Application], connection: Connection) -> None:
    # A terminal interrupts everybody at once; this one ends with the one that it works for.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(_NICENESS)
    application = load()
    while True:
        try:
            connection.send(answer_of(application, connection.recv()))
        except (EOFError, ConnectionError):
            return
