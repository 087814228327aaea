"""The sources: who is read, and how each of them does."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from feeds.errors import NotFound
from feeds.model import Source, Subscription, Tally
from feeds.store.engine import reading, writing
from feeds.store.record import withdraw_source
from feeds.store.schema import source

SOURCE_COLUMNS = [source.c[name] for name in Source.__dataclass_fields__]


def as_source(row: Any) -> Source:
    """A row that holds all columns named like the fields of Source."""
    return Source(*(row._mapping[column] for column in SOURCE_COLUMNS))


class Sources:
    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def add(self, subscriptions: Iterable[Subscription], next_poll: int | None) -> list[Source]:
        """Adds those not yet known by address and returns the added; ``next_poll`` None means never by itself."""
        added = []
        with writing(self._engine) as connection:
            for new in subscriptions:
                if connection.scalar(sa.select(source.c.id).where(source.c.url == new.url)) is None:
                    values = {"url": new.url, "title": new.title, "folder": new.folder, "next_poll": next_poll}
                    row = connection.execute(source.insert().values(values).returning(*SOURCE_COLUMNS)).one()
                    added.append(as_source(row))
        return added

    def list(self) -> list[Source]:
        with reading(self._engine) as connection:
            return [as_source(row) for row in connection.execute(sa.select(*SOURCE_COLUMNS).order_by(source.c.id))]

    def get(self, source_id: int) -> Source:
        """By id.

        Raises:
            NotFound: there is none.
        """
        with reading(self._engine) as connection:
            row = connection.execute(sa.select(*SOURCE_COLUMNS).where(source.c.id == source_id)).first()
        if row is None:
            raise NotFound("no such source")
        return as_source(row)

    def find(self, name: str) -> Source:
        """By id, address, or title (whole, any case).

        Raises:
            NotFound: there is none, or several have that title.
        """
        with reading(self._engine) as connection:
            match = source.c.id == int(name) if name.isdecimal() and len(name) < 18 else source.c.url == name
            rows = connection.execute(sa.select(*SOURCE_COLUMNS).where(match)).all() or [
                row for row in connection.execute(sa.select(*SOURCE_COLUMNS)) if row.title.casefold() == name.casefold()
            ]
        if len(rows) != 1:
            raise NotFound(f"{'no source' if not rows else 'several sources'} called {name!r}; see: healthwire sources list")
        return as_source(rows[0])

    def remove(self, source_id: int, now: int) -> Tally:
        """Removes a source and withdraws the stories that nobody else reported.

        Raises:
            NotFound: no such source.
        """
        with writing(self._engine) as connection:
            tally = withdraw_source(connection, source_id, now)
            if connection.execute(source.delete().where(source.c.id == source_id)).rowcount == 0:
                raise NotFound(f"no source {source_id}")
            return tally
