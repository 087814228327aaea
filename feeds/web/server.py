"""The web role: granian in front of everything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server import Server

# Feed readers keep their connections; all of them may be open at once.
_CONNECTIONS = 20_000


def run_server(host: str, port: int, load: Callable[[], Any]) -> None:
    """Serves until SIGTERM or SIGINT; requests in flight are answered. ``load`` makes the application (RSGI), in the worker."""
    server = Server(
        "healthwire",
        address=host,
        port=port,
        interface=Interfaces.RSGI,
        workers=1,
        backpressure=_CONNECTIONS,
        workers_kill_timeout=5,
        websockets=False,
        log_level=LogLevels.warning,
        process_name=None,
    )
    server.serve(target_loader=load, wrap_loader=False)
