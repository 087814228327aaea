"""What happened to sources: an append-only log for the people who look after them."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import sqlalchemy as sa

from feeds.model import EventKind, SourceEvent
from feeds.store.engine import reading
from feeds.store.schema import source, source_event
from feeds.store.sources import SOURCE_COLUMNS, as_source


def note(connection: sa.Connection, source_id: int, at: int, kind: EventKind, text: str) -> None:
    """Appends to the log; ``text`` tells in plain words what happened, most important first and parted by semicolons."""
    connection.execute(source_event.insert().values(source_id=source_id, at=at, kind=kind, text=text))


class Events:
    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def latest(self, limit: int, source_id: int | None = None) -> list[SourceEvent]:
        """The last events, of all sources or of one, newest first."""
        own = [column.label(f"event_{column.name}") for column in source_event.c if column.name != "source_id"]
        query = sa.select(*own, *SOURCE_COLUMNS).join(source, source.c.id == source_event.c.source_id)
        if source_id is not None:
            query = query.where(source_event.c.source_id == source_id)
        with reading(self._engine) as connection:
            return [_event(row) for row in connection.execute(query.order_by(source_event.c.id.desc()).limit(limit))]

    def state(self, limit: int) -> Hashable:
        """Differs when the last events do: another came, or a source went away or got another name or address."""
        query = (
            sa.select(source_event.c.id, source.c.title, source.c.url)
            .join(source, source.c.id == source_event.c.source_id)
            .order_by(source_event.c.id.desc())
            .limit(limit)
        )
        with reading(self._engine) as connection:
            return tuple(tuple(row) for row in connection.execute(query))


def _event(row: Any) -> SourceEvent:
    return SourceEvent(row.event_id, as_source(row), row.event_at, row.event_kind, row.event_text)
