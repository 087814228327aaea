"""The web role: granian in front of the application."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server import Server

_THREADS = 4


def run_server(host: str, port: int, load: Callable[[], Any]) -> None:
    """Serves until SIGTERM or SIGINT; requests in flight are answered. ``load`` makes the application, in the worker."""
    server = Server(
        "healthwire",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=_THREADS,
        workers_kill_timeout=5,
        websockets=False,
        log_level=LogLevels.warning,
        process_name=None,
    )
    server.serve(target_loader=load, wrap_loader=False)
