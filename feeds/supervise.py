"""Runs what a command needs as processes of its own: first what has to be done once, then the roles, which start and end together."""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import threading
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection, wait
from typing import NoReturn

from feeds.errors import HealthwireError, SettingsError

# With what a supervisor allows (10 s by default in Docker) there is time to tell of a process that had to be killed.
_PATIENCE = 8
_BRIEFLY = 3


def check_free(host: str, port: int) -> None:
    """Fails early and clearly when the port is taken.

    Raises:
        SettingsError: another program listens there, or the address cannot be used.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise SettingsError(
                f"cannot listen on {host}:{port}: {(error.strerror or str(error)).lower()}; set HEALTHWIRE_BIND to another address"
            ) from error


def run_first(task: Callable[[], None]) -> None:
    """Runs a task in a process that then ends, so that nothing stays of what it loaded. For a program without threads.

    Raises:
        HealthwireError: the task raised it, or did not come to its end.
    """
    # It has what is imported already, which takes most of a second.
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_first, args=(task, there), name="first")
    process.start()
    there.close()
    try:
        error: HealthwireError | None = here.recv()
    except EOFError:
        process.join()
        raise HealthwireError(f"could not start (status {process.exitcode}); the log above says why") from None
    except BaseException:
        # Whoever is told to stop meanwhile waits only until what was begun is given back.
        process.terminate()
        process.join(_BRIEFLY)
        process.kill()
        raise
    process.join()
    if error:
        raise error


def _first(task: Callable[[], None], told: Connection) -> None:
    # A terminal interrupts everybody at once; this one is interrupted by the one that waits for it, once.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _interrupt)
    end_with_parent()
    error = None
    try:
        task()
    except KeyboardInterrupt:
        return
    except HealthwireError as expected:
        error = expected
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    told.send(error)


def _interrupt(*_: object) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


def run_together(roles: Mapping[str, Callable[[], None]]) -> None:
    """Runs each role in a process of its own until SIGTERM or SIGINT; the callables must be picklable.

    Raises:
        HealthwireError: a role ended by itself; the others have been stopped.
    """
    context = multiprocessing.get_context("spawn")
    processes = {name: context.Process(target=_role, args=(role,), name=name) for name, role in roles.items()}
    stop_read, stop_write = os.pipe()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os.write(stop_write, b"."))
    for process in processes.values():
        process.start()
    ready = wait([stop_read, *(process.sentinel for process in processes.values())])
    ended = [name for name, process in processes.items() if process.sentinel in ready]
    killed = _stop(processes)
    if killed:
        raise HealthwireError(f"had to be killed, for it did not end within {_PATIENCE} s: {', '.join(killed)}; what it held is given back")
    if ended:
        codes = ", ".join(f"{name} (status {processes[name].exitcode})" for name in ended)
        raise HealthwireError(f"ended unexpectedly: {codes}; the log above says why")


def _stop(processes: Mapping[str, multiprocessing.process.BaseProcess]) -> list[str]:
    """Asks all to end, waits, and kills what is left; returns the names of those."""
    for process in processes.values():
        if process.is_alive():
            process.terminate()
    threads = [threading.Thread(target=process.join, args=(_PATIENCE,)) for process in processes.values()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    late = [name for name, process in processes.items() if process.is_alive()]
    for name in late:
        processes[name].kill()
        processes[name].join()
    return late


def _role(role: Callable[[], None]) -> None:
    end_with_parent()
    role()


def end_with_parent() -> None:
    """Ends this process when the one that started it dies, even by SIGKILL, so that none is left behind."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()
