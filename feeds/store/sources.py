"""The sources: who is read, and how each of them does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import repeat
from typing import Any, TypedDict, Unpack

import sqlalchemy as sa

from feeds.errors import InputError, NotFound
from feeds.identity import host_of
from feeds.model import Source, Subscription, Tally
from feeds.store.changes import log_source
from feeds.store.engine import reading, writing
from feeds.store.record import withdraw_source
from feeds.store.schema import entry_marks, source
from feeds.store.status import note_edited

SOURCE_COLUMNS = [source.c[name] for name in Source.__dataclass_fields__]


def as_source(row: Any) -> Source:
    """A row that holds all columns named like the fields of Source."""
    return Source(*(row._mapping[column] for column in SOURCE_COLUMNS))


_BATCH = 500
# Seconds between the first polls of two new sources of one host.
_FIRST_POLLS_GAP = 1


class SourceSettings(TypedDict, total=False):
    """What a person can set of a source; ``interval`` None leaves it to how often the source publishes."""

    title: str
    folder: str
    interval: int | None
    full_text: bool


def first_polls(hosts: Iterable[str], now: int, last: Mapping[str, int]) -> Iterator[int]:
    """When new sources of these hosts, in their order, are polled first: not before ``now``, and those of one host well apart.

    ``last`` has the last first poll of a host that has not been made; an empty host is nobody's server.
    """
    taken = dict(last)
    for host in hosts:
        moment = max(now, taken[host] + _FIRST_POLLS_GAP) if host and host in taken else now
        taken[host] = moment
        yield moment


class Sources:
    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def add(self, subscriptions: Iterable[Subscription], next_poll: int | None) -> list[Source]:
        """Adds those not yet known by address, all or none, and returns the added.

        They are polled from ``next_poll`` on, those of one host one after the other, also after those that were added before and
        still wait for their first poll; None means never by themselves.
        """
        by_url: dict[str, Subscription] = {}
        for each in subscriptions:
            by_url.setdefault(each.url, each)
        new = list(by_url.values())
        with writing(self._engine) as connection:
            return [added for start in range(0, len(new), _BATCH) for added in _insert(connection, new[start : start + _BATCH], next_poll)]

    def restore(self, subscriptions: Iterable[Subscription], now: int) -> int:
        """Gives known sources the settings of a list, and returns how many had others; one without a title keeps its own."""
        wanted = {each.url: each for each in subscriptions}
        urls = list(wanted)
        updated = 0
        with writing(self._engine) as connection:
            for start in range(0, len(urls), _BATCH):
                query = sa.select(*SOURCE_COLUMNS).where(source.c.url.in_(urls[start : start + _BATCH]))
                for known in map(as_source, connection.execute(query).all()):
                    each = wanted[known.url]
                    values = SourceSettings(
                        title=each.title or known.title, folder=each.folder, interval=each.interval, full_text=each.full_text
                    )
                    if any(value != getattr(known, name) for name, value in values.items()):
                        _set(connection, known, values, now)
                        updated += 1
            note_edited(connection)
        return updated

    def list(self) -> list[Source]:
        with reading(self._engine) as connection:
            return [as_source(row) for row in connection.execute(sa.select(*SOURCE_COLUMNS).order_by(source.c.id))]

    def get(self, source_id: int) -> Source:
        """By id.

        Raises:
            NotFound: there is none.
        """
        with reading(self._engine) as connection:
            return _only(connection, source_id)

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
        """Removes a source, with the newsletters that it brought, and withdraws the stories that nobody else reported.

        Raises:
            NotFound: no such source.
        """
        with writing(self._engine) as connection:
            _only(connection, source_id)
            letters = list(connection.scalars(sa.select(source.c.id).where(source.c.carrier == source_id)))
            tally = Tally()
            for gone in (source_id, *letters):
                tally += withdraw_source(connection, gone, now)
                connection.execute(source.delete().where(source.c.id == gone))
            if letters:
                _read_anew(connection)
            note_edited(connection)
            return tally

    def set(self, source_id: int, now: int, **settings: Unpack[SourceSettings]) -> Source:
        """Changes the settings that are given, at least one.

        A new interval counts from the next poll on, as the source's server may have asked to be left alone until then.

        Raises:
            NotFound: no such source.
        """
        with writing(self._engine) as connection:
            _set(connection, _only(connection, source_id), settings, now)
            note_edited(connection)
            return _only(connection, source_id)

    def stop(self, source_id: int) -> bool:
        """Ends the polls of a source until it is resumed; False if it was stopped already.

        Raises:
            NotFound: no such source.
            InputError: it is not polled by itself anyway.
        """
        with writing(self._engine) as connection:
            known = _only(connection, source_id)
            if known.stopped:
                return False
            if known.next_poll is None:
                raise InputError(f"source {source_id} is not polled by itself, so there is nothing to stop")
            # A poll that is under way loses its lease, else its end would set the next one.
            values = {"stopped": True, "next_poll": None, "reason": "stopped by a person", "lease_until": 0, "lease_token": None}
            connection.execute(source.update().where(source.c.id == source_id).values(values))
            return True

    def resume(self, source_id: int, now: int) -> bool:
        """Makes a stopped source due, with its failures forgotten; False if it was not stopped.

        Raises:
            NotFound: no such source.
        """
        values = {"stopped": False, "next_poll": now, "reason": "resumed by a person", "error": None, "failures": 0, "failing_since": None}
        with writing(self._engine) as connection:
            known = _only(connection, source_id)
            if known.stopped:
                connection.execute(source.update().where(source.c.id == source_id).values(values))
            return known.stopped


def _set(connection: sa.Connection, known: Source, settings: SourceSettings, now: int) -> None:
    connection.execute(source.update().where(source.c.id == known.id).values(settings))
    if settings.get("title", known.title) != known.title:
        log_source(connection, known.id, now)


def _read_anew(connection: sa.Connection) -> None:
    """Lets mailboxes and folders be read from their beginning: they may hold what another brought first, and is now removed."""
    carriers = sa.not_(source.c.url.like("http%"))
    connection.execute(entry_marks.delete().where(entry_marks.c.source_id.in_(sa.select(source.c.id).where(carriers))))
    connection.execute(source.update().where(carriers).values(etag=None))


def _only(connection: sa.Connection, source_id: int) -> Source:
    row = connection.execute(sa.select(*SOURCE_COLUMNS).where(source.c.id == source_id)).first()
    if row is None:
        raise NotFound("no such source")
    return as_source(row)


def _insert(connection: sa.Connection, subscriptions: Sequence[Subscription], next_poll: int | None) -> Iterator[Source]:
    """Adds those that are not known. There is one writer at a time, so what is not known now is not when it is added."""
    known = set(connection.scalars(sa.select(source.c.url).where(source.c.url.in_([each.url for each in subscriptions]))))
    new = [each for each in subscriptions if each.url not in known]
    hosts = [host_of(each.url) for each in new]
    moments: Iterable[int | None] = repeat(None) if next_poll is None else first_polls(hosts, next_poll, _waiting(connection, next_poll))
    rows = [
        {
            "url": each.url,
            "host": host,
            "title": each.title,
            "folder": each.folder,
            "interval": each.interval,
            "full_text": each.full_text,
            "next_poll": moment,
        }
        for each, host, moment in zip(new, hosts, moments, strict=False)
    ]
    if rows:
        added = connection.execute(source.insert().returning(*SOURCE_COLUMNS, sort_by_parameter_order=True), rows)
        yield from map(as_source, added)


def _waiting(connection: sa.Connection, now: int) -> dict[str, int]:
    """The last first poll that is still to come, or has just become due, for each host that new sources wait for."""
    query = (
        sa.select(source.c.host, sa.func.max(source.c.next_poll).label("last"))
        .where(source.c.host != "", source.c.last_polled.is_(None), source.c.next_poll > now - _FIRST_POLLS_GAP)
        .group_by(source.c.host)
    )
    return {row.host: row.last for row in connection.execute(query)}
