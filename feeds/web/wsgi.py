"""The application, called the way servers call it (PEP 3333)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from feeds.web.answer import Sent

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def ask(application: Application, environ: dict[str, Any]) -> Sent:
    """What it answers. It may leave things in ``environ``, which is therefore handed to it as it is."""
    started: list[Any] = []

    def start(status: str, headers: list[tuple[str, str]], error: Any = None) -> Callable[[bytes], object]:
        started[:] = [status, headers]
        return _no_write

    answer = application(environ, start)
    try:
        body = b"".join(answer)
    finally:
        getattr(answer, "close", bool)()
    status, headers = started
    return status, headers, body


def _no_write(data: bytes) -> None:
    raise NotImplementedError("answers are returned (PEP 3333 on write)")
