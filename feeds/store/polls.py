"""Leases on due sources, and the one transaction that ends a poll."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import sqlalchemy as sa
from ulid import ULID

from feeds.errors import LeaseLost
from feeds.model import Issue, Lease, PollResult, Tally
from feeds.store.engine import reading, writing
from feeds.store.record import record
from feeds.store.schema import article, source
from feeds.store.sources import SOURCE_COLUMNS, as_source


class Polls:
    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def claim(self, now: int, seconds: int, limit: int, only: Sequence[int] | None = None) -> list[Lease]:
        """Leases of up to ``limit`` sources that are due, longest overdue first.

        With ``only``, of those sources whether due or not, but never of one that is leased already.
        """
        wanted = source.c.next_poll <= now if only is None else source.c.id.in_(only)
        free = (
            sa.select(source.c.id)
            .where(wanted, source.c.lease_until <= now)
            .order_by(source.c.next_poll, source.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        token = str(ULID())
        take = source.update().where(source.c.id.in_(free)).values(lease_until=now + seconds, lease_token=token)
        with writing(self._engine) as connection:
            rows = connection.execute(take.returning(*SOURCE_COLUMNS)).all()
        return [Lease(as_source(row), token) for row in sorted(rows, key=lambda row: (row.next_poll or 0, row.id))]

    def release(self, leases: Iterable[Lease]) -> None:
        """Gives leases back untouched, so that the sources stay due."""
        with writing(self._engine) as connection:
            for lease in leases:
                connection.execute(
                    source.update()
                    .where(source.c.id == lease.source.id, source.c.lease_token == lease.token)
                    .values(lease_until=0, lease_token=None)
                )

    def known(self, source_id: int, guids: Sequence[str]) -> dict[str, str]:
        """The fingerprint of each of these articles that the source has delivered before."""
        found: dict[str, str] = {}
        with reading(self._engine) as connection:
            for start in range(0, len(guids), 500):
                query = sa.select(article.c.guid, article.c.fingerprint).where(
                    article.c.source_id == source_id, article.c.guid.in_(guids[start : start + 500])
                )
                found.update({row.guid: row.fingerprint for row in connection.execute(query)})
        return found

    def finish(self, lease: Lease, result: PollResult) -> Tally:
        """Writes stories, changes and the source's new state together, if the lease still holds.

        Raises:
            LeaseLost: it does not; nothing was written.
        """
        failed = result.error is not None
        values = {
            "lease_until": 0,
            "lease_token": None,
            "last_polled": result.polled_at,
            "next_poll": result.plan.at,
            "error": result.error,
            "failures": lease.source.failures + 1 if failed else 0,
        }
        if not failed:
            values |= {
                "last_success": result.polled_at,
                "etag": result.etag,
                "last_modified": result.last_modified,
                "body_hash": result.body_hash,
                "home_url": result.home_url or lease.source.home_url,
                "title": lease.source.title or result.title,
            }
        mine = (source.c.id == lease.source.id, source.c.lease_token == lease.token)
        with writing(self._engine) as connection:
            if connection.execute(source.update().where(*mine).values(values)).rowcount == 0:
                raise LeaseLost(f"source {lease.source.id} was taken over by another worker or removed; nothing was written")
            return record(connection, lease.source.id, result.issues, result.polled_at)

    def write(self, source_id: int, issues: Sequence[Issue], now: int) -> Tally:
        """Writes articles that came without a poll, e.g. files named on the command line."""
        with writing(self._engine) as connection:
            connection.execute(source.update().where(source.c.id == source_id).values(last_polled=now, last_success=now, error=None))
            return record(connection, source_id, issues, now)
