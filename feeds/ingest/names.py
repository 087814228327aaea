"""Looks up the addresses of hosts in threads of its own.

Name servers may keep silent for minutes. Nobody else who needs a thread, such as those who renew leases, must wait for them.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import suppress
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult


class Names(AbstractResolver):
    """A thread for each question; questions are as few as the polls in flight. At the end nobody waits for answers."""

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
        """All addresses of a host.

        Raises:
            OSError: it has none.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[Any]] = loop.create_future()

        def tell(found: list[Any], error: Exception | None) -> None:
            # Whoever asked may have given up.
            if not answer.done():
                answer.set_exception(error) if error else answer.set_result(found)

        def ask() -> None:
            found, failed = [], None
            try:
                found = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM, 0, socket.AI_ADDRCONFIG)
            except (OSError, ValueError) as error:
                failed = error
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(tell, found, failed)

        threading.Thread(target=ask, name="names", daemon=True).start()
        flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
        return [
            ResolveResult(hostname=host, host=address[0], port=address[1], family=kind, proto=proto, flags=flags)
            for kind, _, proto, _, address in await answer
        ]

    async def close(self) -> None:
        """There is nothing to close."""
