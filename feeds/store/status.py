"""Small facts about this installation: its identity, what was set up once, and whether ingest is alive."""

from __future__ import annotations

import sqlalchemy as sa
from ulid import ULID

from feeds.model import Health
from feeds.store.engine import reading, writing
from feeds.store.schema import change, meta, source_event

# How often people changed something of sources.
_EDITED = "edited"
# Asked for a hundred times a second, so that it is built once.
_VERSION = sa.select(
    *(sa.select(sa.func.max(column)).scalar_subquery() for column in (change.c.seq, source_event.c.id)),
    sa.select(meta.c.value).where(meta.c.key == _EDITED).scalar_subquery(),
)


class Status:
    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def instance(self) -> str:
        """A name made once per database, so that feed ids outlive host names and settings."""
        with reading(self._engine) as connection:
            known = _get(connection, "instance")
        if known:
            return known
        with writing(self._engine) as connection:
            if not _get(connection, "instance"):
                _set(connection, "instance", str(ULID()))
            return str(_get(connection, "instance"))

    def is_done(self, task: str) -> bool:
        """Whether a task that is done once per database has been."""
        with reading(self._engine) as connection:
            return _get(connection, f"done:{task}") is not None

    def mark_done(self, task: str) -> None:
        with writing(self._engine) as connection:
            _set(connection, f"done:{task}", "yes")

    def version(self) -> tuple[int, int, int]:
        """What everybody can see is at: it changes with every change of a story, and with whatever is done to a source."""
        with reading(self._engine) as connection:
            row = connection.execute(_VERSION).one()
            return row[0] or 0, row[1] or 0, int(row[2] or 0)

    def beat(self, now: int, model: str) -> None:
        """Ingest says that it is alive and which model it tags with."""
        with writing(self._engine) as connection:
            _set(connection, "heartbeat", str(now))
            _set(connection, "model", model)

    def health(self) -> Health:
        with reading(self._engine) as connection:
            beat = _get(connection, "heartbeat")
            return Health(heartbeat=int(beat) if beat else None, model=_get(connection, "model"))


def _get(connection: sa.Connection, key: str) -> str | None:
    return connection.scalar(sa.select(meta.c.value).where(meta.c.key == key))


def _set(connection: sa.Connection, key: str, value: str) -> None:
    if connection.execute(meta.update().where(meta.c.key == key).values(value=value)).rowcount == 0:
        connection.execute(meta.insert().values(key=key, value=value))


def note_edited(connection: sa.Connection) -> None:
    """Says that a person changed something of a source that everybody can see."""
    _set(connection, _EDITED, str(int(_get(connection, _EDITED) or 0) + 1))
