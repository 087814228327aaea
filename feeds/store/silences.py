"""What the watch for silence asks of the store, and what it writes down."""

from __future__ import annotations

import sqlalchemy as sa

from feeds.model import Arrival, Watched
from feeds.store.engine import reading, writing
from feeds.store.events import note
from feeds.store.schema import article, source
from feeds.times import span

# An article's own date is believed when it was seen so soon after it.
_CREDIBLE = 2 * 86_400
_HOUR = 3600


class Silences:
    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def watched(self) -> list[Watched]:
        """The sources that ever brought something and are read without errors, by themselves or through the one that carries them."""
        carrier = source.alias()
        looked = sa.func.coalesce(carrier.c.last_success, source.c.last_success)
        # A step down an index for each, however many articles there are.
        latest = sa.select(sa.func.max(article.c.first_seen)).where(article.c.source_id == source.c.id).scalar_subquery()
        polled = (source.c.next_poll.is_not(None) & (source.c.failures == 0)) | (
            carrier.c.next_poll.is_not(None) & (carrier.c.failures == 0)
        )
        query = (
            sa.select(source.c.id, latest.label("latest"), looked.label("looked"), source.c.silent_since)
            .outerjoin(carrier, carrier.c.id == source.c.carrier)
            .where(sa.not_(source.c.stopped), polled, looked.is_not(None))
            .order_by(source.c.id)
        )
        with reading(self._engine) as connection:
            return [Watched(*row) for row in connection.execute(query) if row.latest is not None]

    def arrivals(self, source_id: int, since: int) -> list[Arrival]:
        """What the source brought that was first seen from ``since`` on, oldest first; the first of each hour stands for all of it."""
        seen, published = article.c.first_seen, article.c.published
        dated = sa.case((published.between(seen - _CREDIBLE, seen), published), else_=seen)
        query = (
            sa.select(sa.func.min(dated), sa.func.min(seen))
            .where(article.c.source_id == source_id, seen >= since)
            .group_by(dated // _HOUR)
            .order_by(sa.func.min(dated))
        )
        with reading(self._engine) as connection:
            return [Arrival(*row) for row in connection.execute(query)]

    def fall_silent(self, watched: Watched, since: int, silence: str, now: int) -> bool:
        """Writes down what has not come; False if something came meanwhile, the source began to fail, or another process was first."""
        later = sa.select(article.c.id).where(article.c.source_id == watched.id, article.c.first_seen > watched.latest).exists()
        this = source.update().where(
            source.c.id == watched.id, source.c.silent_since.is_(None), source.c.failures == 0, sa.not_(source.c.stopped), ~later
        )
        with writing(self._engine) as connection:
            if connection.execute(this.values(silent_since=since, silence=silence)).rowcount == 0:
                return False
            note(connection, watched.id, now, "silent", silence)
            return True

    def speak(self, watched: Watched, now: int) -> bool:
        """Writes down that a silent source brought something; False if another process was first."""
        this = source.update().where(source.c.id == watched.id, source.c.silent_since == watched.silent_since)
        with writing(self._engine) as connection:
            if watched.silent_since is None or connection.execute(this.values(silent_since=None, silence=None)).rowcount == 0:
                return False
            note(
                connection,
                watched.id,
                now,
                "spoke",
                f"something came again, after {span(watched.latest - watched.silent_since)} of silence",
            )
            return True
