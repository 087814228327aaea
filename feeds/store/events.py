"""What happened to sources: an append-only log for the people who look after them."""

from __future__ import annotations

from typing import Literal

import sqlalchemy as sa

from feeds.store.schema import source_event

Kind = Literal["broke", "recovered", "moved", "stopped", "silent", "spoke"]


def note(connection: sa.Connection, source_id: int, at: int, kind: Kind, text: str) -> None:
    """Appends to the log; ``text`` tells in plain words what happened and what happens next."""
    connection.execute(source_event.insert().values(source_id=source_id, at=at, kind=kind, text=text))
