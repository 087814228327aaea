"""Leases on due sources, and the one transaction that ends a poll."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from ulid import ULID

from feeds.errors import LeaseLost
from feeds.identity import ArticleKey, article_key, host_of
from feeds.model import Article, Issue, Lease, PollResult, Source, Tally
from feeds.store.changes import log_source
from feeds.store.engine import reading, writing
from feeds.store.events import note
from feeds.store.raws import keep_raws
from feeds.store.record import record_for
from feeds.store.schema import article, entry_marks, source
from feeds.store.sources import SOURCE_COLUMNS, as_source


def _claim(wanted: sa.ColumnElement[bool]) -> sa.sql.dml.ReturningUpdate[Any]:
    """Takes leases of the sources that are wanted and free, as far as their hosts have room. Nobody else claims meanwhile: writers
    take turns."""
    now: sa.BindParameter[int] = sa.bindparam("now")
    busy = sa.select(source.c.host, sa.func.count().label("polls")).where(source.c.lease_until > now).group_by(source.c.host).subquery()
    place = sa.func.row_number().over(partition_by=source.c.host, order_by=(source.c.next_poll, source.c.id))
    queue = (
        sa.select(source.c.id, source.c.next_poll, (place + sa.func.coalesce(busy.c.polls, 0)).label("place"), source.c.host)
        .outerjoin(busy, busy.c.host == source.c.host)
        .where(wanted, source.c.lease_until <= now)
        .subquery()
    )
    fair = sa.or_(queue.c.place <= sa.bindparam("per_host"), queue.c.host == "")
    free = sa.select(queue.c.id).where(fair).order_by(queue.c.next_poll, queue.c.id).limit(sa.bindparam("most"))
    take = source.update().where(source.c.id.in_(free)).values(lease_until=sa.bindparam("until"), lease_token=sa.bindparam("token"))
    return take.returning(*SOURCE_COLUMNS)


# Built once, as building them takes longer than carrying them out.
_CLAIM_DUE = _claim(source.c.next_poll <= sa.bindparam("now"))
_CLAIM_NAMED = _claim(source.c.id.in_(sa.bindparam("named", expanding=True)))
# Every poll ends with it. A title that a person gave meanwhile stays.
_END = (
    source.update()
    .where(source.c.id == sa.bindparam("own_id"), source.c.lease_token == sa.bindparam("own_token"))
    .values(title=sa.case((source.c.title == "", sa.bindparam("told_title")), else_=source.c.title))
)
# As many as tell how often a source publishes.
_LATEST = (
    sa.select(article.c.published, article.c.first_seen)
    .where(article.c.source_id == sa.bindparam("own_id"))
    .order_by(article.c.first_seen.desc(), article.c.id.desc())
    .limit(20)
)
_MARKS = sa.select(entry_marks.c.marks).where(entry_marks.c.source_id == sa.bindparam("own_id"))


class Polls:
    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def claim(self, now: int, seconds: int, limit: int, only: Sequence[int] | None = None, *, per_host: int = 1) -> list[Lease]:
        """Leases of up to ``limit`` sources that are due, longest overdue first, and of at most ``per_host`` on one host.

        With ``only``, of those sources whether due or not, but never of one that is leased already.
        """
        token = str(ULID())
        values = {"now": now, "until": now + seconds, "token": token, "most": limit, "per_host": per_host}
        take, chosen = (_CLAIM_DUE, {}) if only is None else (_CLAIM_NAMED, {"named": list(only)})
        with writing(self._engine) as connection:
            rows = connection.execute(take, values | chosen).all()
        return [Lease(as_source(row), token) for row in sorted(rows, key=lambda row: (row.next_poll or 0, row.id))]

    def waiting(self, now: int) -> list[int]:
        """The sources that are due, or new and put off for their hosts' sake, longest overdue first."""
        wanted = sa.or_(source.c.next_poll <= now, source.c.last_polled.is_(None) & source.c.next_poll.is_not(None))
        with reading(self._engine) as connection:
            return list(connection.scalars(sa.select(source.c.id).where(wanted).order_by(source.c.next_poll, source.c.id)))

    def renew(self, leases: Iterable[Lease], until: int) -> None:
        """Lengthens the leases of polls that are still under way; one that was lost stays lost."""
        held: dict[str, list[int]] = defaultdict(list)
        for lease in leases:
            held[lease.token].append(lease.source.id)
        with writing(self._engine) as connection:
            for token, ids in held.items():
                connection.execute(source.update().where(source.c.id.in_(ids), source.c.lease_token == token).values(lease_until=until))

    def release(self, leases: Iterable[Lease]) -> None:
        """Gives leases back untouched, so that the sources stay due."""
        with writing(self._engine) as connection:
            for lease in leases:
                connection.execute(
                    source.update()
                    .where(source.c.id == lease.source.id, source.c.lease_token == lease.token)
                    .values(lease_until=0, lease_token=None)
                )

    def marks(self, source_id: int) -> frozenset[str]:
        """The hashes of the entries in the document that the source gave last."""
        with reading(self._engine) as connection:
            marks = connection.scalar(_MARKS, {"own_id": source_id})
            return frozenset(marks.split()) if marks else frozenset()

    def known(self, source_id: int, articles: Iterable[Article]) -> dict[ArticleKey, str]:
        """The fingerprint of each of these articles that the source, or their newsletter, has delivered before."""
        guids: dict[str, list[str]] = defaultdict(list)
        for each in articles:
            newsletter, guid = article_key(each)
            guids[newsletter].append(guid)
        found: dict[ArticleKey, str] = {}
        with reading(self._engine) as connection:
            for newsletter, wanted in guids.items():
                owner = sa.select(source.c.id).where(source.c.url == newsletter).scalar_subquery() if newsletter else source_id
                for start in range(0, len(wanted), 500):
                    query = sa.select(article.c.guid, article.c.fingerprint).where(
                        article.c.source_id == owner, article.c.guid.in_(wanted[start : start + 500])
                    )
                    found.update({(newsletter, row.guid): row.fingerprint for row in connection.execute(query)})
        return found

    def arrivals(self, source_id: int) -> list[int]:
        """When the latest articles of a source came: by their own dates, unless these lie in what was then the future."""
        with reading(self._engine) as connection:
            rows = connection.execute(_LATEST, {"own_id": source_id})
            return [min(row.published or row.first_seen, row.first_seen) for row in rows]

    def finish(self, lease: Lease, result: PollResult) -> Tally:
        """Writes stories, changes and the source's new state together, if the lease still holds.

        Raises:
            LeaseLost: it does not; nothing was written.
        """
        before = lease.source
        with writing(self._engine) as connection:
            values = _state(before, result) | _address(connection, before, result)
            mine = {"own_id": before.id, "own_token": lease.token}
            if connection.execute(_END, values | mine).rowcount == 0:
                raise LeaseLost(f"source {before.id} was taken over by another worker or removed; nothing was written")
            _note_events(connection, before, result, values)
            if "url" in values or (not before.title and result.title):
                log_source(connection, before.id, result.polled_at)
            if result.marks is not None:
                _keep_marks(connection, before.id, result.marks)
            keep_raws(connection, before.id, result.raws, result.polled_at)
            return record_for(connection, before.id, result.issues, result.polled_at)

    def finish_uneventful(self, results: Sequence[tuple[Lease, PollResult]]) -> list[bool]:
        """Writes the new state of sources that brought nothing, all at once; for each, whether its lease still held."""
        tokens = {lease.source.id: lease.token for lease, _ in results}
        with writing(self._engine) as connection:
            own = connection.execute(sa.select(source.c.id, source.c.lease_token).where(source.c.id.in_(tokens)))
            held = {row.id for row in own if row.lease_token == tokens[row.id]}
            rows = [
                _state(lease.source, result) | {"own_id": lease.source.id, "own_token": lease.token}
                for lease, result in results
                if lease.source.id in held
            ]
            if rows:
                connection.execute(_END, rows)
        return [lease.source.id in held for lease, _ in results]

    def write(self, source_id: int, issues: Sequence[Issue], now: int) -> Tally:
        """Writes articles that came without a poll, e.g. files named on the command line."""
        with writing(self._engine) as connection:
            connection.execute(source.update().where(source.c.id == source_id).values(last_polled=now, last_success=now, error=None))
            return record_for(connection, source_id, issues, now)


def _state(before: Source, result: PollResult) -> dict[str, Any]:
    """The source's row after the poll."""
    values: dict[str, Any] = {
        "lease_until": 0,
        "lease_token": None,
        "last_polled": result.polled_at,
        "next_poll": result.plan.at,
        "reason": result.plan.reason,
        "error": result.error,
        "etag": result.etag,
        "last_modified": result.last_modified,
        "body_hash": result.body_hash,
        "stopped": result.stopped,
        "moved_to": result.moved_to,
        "moved_times": result.moved_times,
        "last_new": result.last_new,
        "usual_gap": result.usual_gap,
        "told_title": result.title,
    }
    wishes = result.wishes or before.wishes
    values |= {"ttl": wishes.ttl, "skip_hours": wishes.skip_hours, "skip_days": wishes.skip_days}
    if result.error is not None:
        failing_since = before.failing_since or result.polled_at
        kept = {"last_success": before.last_success, "home_url": before.home_url}
        return values | kept | {"failures": before.failures + 1, "failing_since": failing_since}
    return values | {
        "failures": 0,
        "failing_since": None,
        "last_success": result.polled_at,
        "home_url": result.home_url or before.home_url,
    }


def _address(connection: sa.Connection, before: Source, result: PollResult) -> dict[str, Any]:
    """The source's new address, if it moved and nobody else is there."""
    if result.url is None or result.url == before.url:
        return {}
    other = connection.scalar(sa.select(source.c.id).where(source.c.url == result.url))
    if other is None:
        return {"url": result.url, "host": host_of(result.url)}
    return {
        "stopped": True,
        "next_poll": None,
        "reason": f"its feed is at {result.url} now, which is source {other} already; remove one of them",
    }


def _note_events(connection: sa.Connection, before: Source, result: PollResult, after: Mapping[str, Any]) -> None:
    """Tells the people who look after sources what changed for the better or the worse."""
    at = result.polled_at
    if "url" in after and before.last_success is not None:
        note(connection, before.id, at, "moved", f"it moved for good from {before.url} to {after['url']}, which is asked from now on")
    if after["stopped"] and not before.stopped:
        note(connection, before.id, at, "stopped", f"{result.error + '; ' if result.error else ''}{after['reason']}")
    elif result.error is not None and not before.failures:
        note(connection, before.id, at, "broke", f"{result.error}; {after['reason'] or 'it is not polled by itself'}")
    elif result.error is None and before.failures:
        times = "once" if before.failures == 1 else f"{before.failures} times in a row"
        note(connection, before.id, at, "recovered", f"it delivers again, after it had failed {times}")


def _keep_marks(connection: sa.Connection, source_id: int, marks: frozenset[str]) -> None:
    values = {"marks": " ".join(sorted(marks))}
    if connection.execute(entry_marks.update().where(entry_marks.c.source_id == source_id).values(values)).rowcount == 0:
        connection.execute(entry_marks.insert().values(values | {"source_id": source_id}))
