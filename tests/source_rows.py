"""Sources in any condition, for tests of what is told of them."""

from __future__ import annotations

from typing import Any

from feeds.model import EventKind, Subscription
from feeds.store import Store
from feeds.store.engine import writing
from feeds.store.events import note
from feeds.store.schema import source


def add_source(store: Store, url: str, title: str = "", **values: Any) -> int:
    """The id of a new source with these values in its row."""
    (added,) = store.sources.add([Subscription(url, title)], next_poll=0)
    change_source(store, added.id, **values)
    return added.id


def change_source(store: Store, source_id: int, **values: Any) -> None:
    with writing(store.engine) as connection:
        connection.execute(source.update().where(source.c.id == source_id).values({"id": source_id} | values))


def happened(store: Store, source_id: int, at: int, kind: EventKind, text: str) -> None:
    with writing(store.engine) as connection:
        note(connection, source_id, at, kind, text)
