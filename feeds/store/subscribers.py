"""Subscribers: who wants to be told what is new, how far each has been told, and when to try again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from ulid import ULID

from feeds.errors import Full, NotFound
from feeds.model import Delivery, StoryQuery, Subscriber
from feeds.store.engine import reading, writing
from feeds.store.schema import change, subscriber, token

MOST = 10_000
MOST_WEBHOOKS = 1_000
MOST_OF_HOST = 200
MOST_WISHES = 500
# Whoever is honest is asked within seconds; what anybody may leave behind must not use up the room of others.
MOST_REQUESTS = 1_000
_IS_REQUEST = subscriber.c.state.in_(("asked", "leaving"))
_QUERY = [subscriber.c[name] for name in ("feed", "words", "source", "min_confidence", "most")]
_WELL = {"failures": 0, "failing_since": None, "error": None}

_DELIVERED = (
    subscriber.update()
    .where(subscriber.c.id == sa.bindparam("own_id"), subscriber.c.claim == sa.bindparam("own_claim"))
    .values(seq=sa.bindparam("reached"), etag=sa.bindparam("has"), next_try=sa.bindparam("again"), claim=sa.bindparam("ended"), **_WELL)
)


class Subscribers:
    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    # ------------------------------------------------------------ what is asked for

    def ask(self, request: Subscriber) -> None:
        """Notes what somebody asks of our hub, in place of the same asked before; it counts once it was confirmed.

        Where too much waits to be confirmed, what was asked first gives way.

        Raises:
            Full: there is no room for another subscription.
        """
        same = _same(request)
        with writing(self._engine) as connection:
            connection.execute(subscriber.delete().where(same, subscriber.c.state == request.state))
            known = connection.scalars(sa.select(subscriber.c.state).where(same)).all()
            if request.state == "leaving" and not known:
                return
            if request.state == "asked" and "active" not in known:
                _check_room(connection, request)
            newest = sa.select(subscriber.c.id).where(_IS_REQUEST).order_by(subscriber.c.id.desc()).limit(MOST_REQUESTS - 1)
            connection.execute(subscriber.delete().where(_IS_REQUEST, subscriber.c.id.not_in(newest)))
            connection.execute(subscriber.insert().values(_row(request)))

    def add_webhook(self, webhook: Subscriber) -> Subscriber:
        """The webhook as it was stored; it begins no later than at the end of the change log.

        Raises:
            Full: there are as many webhooks as there may be, or as many of that host.
            NotFound: its owner's token was revoked.
        """
        with writing(self._engine) as connection:
            valid = sa.select(token.c.id).where(token.c.name == webhook.owner, token.c.revoked.is_(None))
            if connection.scalar(valid) is None:
                raise NotFound(f"no valid token called {webhook.owner!r}")
            _check_room(connection, webhook)
            stored = replace(webhook, seq=min(webhook.seq, _end(connection)))
            made = subscriber.insert().values(_row(stored)).returning(*subscriber.c)
            return _subscriber(connection.execute(made).one())

    def webhooks(self, owner: str) -> list[Subscriber]:
        with reading(self._engine) as connection:
            rows = connection.execute(sa.select(subscriber).where(subscriber.c.owner == owner).order_by(subscriber.c.id))
            return [_subscriber(row) for row in rows]

    def webhook(self, owner: str, webhook_id: int) -> Subscriber:
        """One of the owner's webhooks.

        Raises:
            NotFound: the owner has none of that id.
        """
        with reading(self._engine) as connection:
            row = connection.execute(sa.select(subscriber).where(_owned(owner, webhook_id))).first()
        if row is None:
            raise NotFound("no such webhook")
        return _subscriber(row)

    def remove_webhook(self, owner: str, webhook_id: int) -> None:
        """Forgets one of the owner's webhooks.

        Raises:
            NotFound: the owner has none of that id.
        """
        with writing(self._engine) as connection:
            if connection.execute(subscriber.delete().where(_owned(owner, webhook_id))).rowcount == 0:
                raise NotFound("no such webhook")

    def rewind(self, owner: str, webhook_id: int, seq: int) -> None:
        """Has a webhook told once more what happened after that place of the change log, also one that was stopped.

        Raises:
            NotFound: the owner has none of that id.
        """
        with writing(self._engine) as connection:
            back = {"seq": min(seq, _end(connection)), "next_try": 0, "state": "active", "claim": new_claim(), **_WELL}
            if connection.execute(subscriber.update().where(_owned(owner, webhook_id)).values(back)).rowcount == 0:
                raise NotFound("no such webhook")

    def set_hub(self, address: str | None, now: int) -> None:
        """Which outside hub is told what changes from now on, if any."""
        is_hub = subscriber.c.kind == "hub"
        with reading(self._engine) as connection:
            known = connection.scalars(sa.select(subscriber.c.callback).where(is_hub)).all()
        if known == ([address] if address else []):
            return
        with writing(self._engine) as connection:
            connection.execute(subscriber.delete().where(is_hub))
            if address:
                connection.execute(subscriber.insert().values(_row(Subscriber("hub", address, now, seq=_end(connection)))))

    def end_subscriptions(self) -> None:
        """Forgets who subscribed to feeds at our own hub, and who asked to."""
        with writing(self._engine) as connection:
            connection.execute(subscriber.delete().where(subscriber.c.kind == "websub"))

    def counts(self) -> dict[str, tuple[int, int]]:
        """How many subscribers of each kind there are, and how many of them could not be told the last time; requests do not count."""
        failing = sa.func.sum(sa.case((subscriber.c.failures > 0, 1), else_=0))
        query = sa.select(subscriber.c.kind, sa.func.count(), failing).where(~_IS_REQUEST)
        with reading(self._engine) as connection:
            return {row[0]: (row[1], row[2]) for row in connection.execute(query.group_by(subscriber.c.kind))}

    # ------------------------------------------------------------ deliveries

    def due(self, now: int, seq: int, most: int, per_host: int, busy: Mapping[str, int], *, requests: bool = True) -> list[Subscriber]:
        """To whom there is something to say, as the change log ends at ``seq``: longest waiting first, and only so many on one host.

        ``busy`` tells how many are being asked on each host. Without ``requests`` whoever must confirm one has to wait.
        """
        behind = sa.and_(subscriber.c.state == "active", subscriber.c.seq < seq)
        wanted = sa.or_(behind, subscriber.c.lease_until <= now, *([_IS_REQUEST] if requests else []))
        full = [host for host, number in busy.items() if number >= per_host]
        place = sa.func.row_number().over(partition_by=subscriber.c.host, order_by=(subscriber.c.next_try, subscriber.c.id))
        queue = (
            sa.select(*subscriber.c, place.label("place"))
            .where(wanted, subscriber.c.next_try <= now, subscriber.c.host.not_in(full))
            .subquery()
        )
        first = sa.select(queue).where(queue.c.place <= per_host).order_by(queue.c.next_try, queue.c.id).limit(most)
        with reading(self._engine) as connection:
            rows = connection.execute(first).all()
        return [_subscriber(row) for row in rows if row.place + busy.get(row.host, 0) <= per_host]

    def claim(self, waiting: Sequence[Subscriber], until: int) -> list[Subscriber]:
        """Those of them that are this worker's alone until then: nobody else has claimed or changed them since they were read."""
        if not waiting:
            return []
        take = subscriber.update().where(_each_held(waiting)).values(next_try=until, claim=new_claim()).returning(*subscriber.c)
        with writing(self._engine) as connection:
            claimed = {row.id: _subscriber(row) for row in connection.execute(take)}
        return [claimed[each.id] for each in waiting if each.id in claimed]

    def pass_over(self, reached: Mapping[Subscriber, int]) -> None:
        """Says up to which places of the change log there was nothing to tell these; with each subscriber of our hub, all others who
        have the same document.
        """
        if not reached:
            return
        documents = {(each.topic, each.etag, seq) for each, seq in reached.items() if each.kind == "websub"}
        others: dict[int, list[Subscriber]] = defaultdict(list)
        for each, seq in reached.items():
            if each.kind != "websub":
                others[seq].append(each)
        with writing(self._engine) as connection:
            for topic, etag, seq in documents:
                connection.execute(subscriber.update().where(_has(topic, etag), subscriber.c.seq < seq).values(seq=seq))
            for seq, held in others.items():
                connection.execute(subscriber.update().where(_each_held(held)).values(seq=seq))

    def confirm(self, request: Subscriber, lease_until: int) -> None:
        """Does what was asked of our hub, as the subscriber meant it; a claim that was lost does nothing.

        Raises:
            Full: there is no room any more for another subscription.
        """
        active = sa.and_(_same(request), subscriber.c.state == "active")
        with writing(self._engine) as connection:
            if connection.execute(subscriber.delete().where(_held(request))).rowcount == 0:
                return
            former = connection.execute(sa.select(subscriber.c.etag, subscriber.c.seq).where(active)).first()
            connection.execute(subscriber.delete().where(active))
            if request.state == "asked":
                if former is None:
                    _check_room(connection, request)
                # What a subscriber who renews has been told is not told again.
                known = former._mapping if former else {}
                row = _row(replace(request, state="active", lease_until=lease_until, next_try=0))
                connection.execute(subscriber.insert().values({**row, **_WELL, **known}))

    def delivered(self, deliveries: Sequence[Delivery]) -> None:
        """Notes what subscribers know now."""
        if not deliveries:
            return
        rows = [
            {
                "own_id": each.claimed.id,
                "own_claim": each.claimed.claim,
                "reached": each.seq,
                "has": each.etag,
                "again": each.next_try,
                "ended": new_claim(),
            }
            for each in deliveries
        ]
        with writing(self._engine) as connection:
            connection.execute(_DELIVERED, rows)

    def failed(self, claimed: Subscriber, error: str, failing_since: int, next_try: int) -> None:
        """The subscriber could not be told, and is to be asked again then."""
        failures = subscriber.c.failures + 1
        self._update(claimed, {"failures": failures, "error": error, "failing_since": failing_since, "next_try": next_try})

    def stop(self, claimed: Subscriber, error: str) -> None:
        """Gives up a webhook until its owner has it told once more."""
        self._update(claimed, {"state": "stopped", "error": error})

    def drop(self, claimed: Subscriber) -> None:
        """Forgets a subscriber."""
        with writing(self._engine) as connection:
            connection.execute(subscriber.delete().where(_held(claimed)))

    def give_back(self, claimed: Sequence[Subscriber], next_try: int) -> None:
        """Ends claims untouched."""
        if claimed:
            with writing(self._engine) as connection:
                ended = {"next_try": next_try, "claim": new_claim()}
                connection.execute(subscriber.update().where(_each_held(claimed)).values(ended))

    def _update(self, claimed: Subscriber, values: Mapping[str, Any]) -> None:
        with writing(self._engine) as connection:
            connection.execute(subscriber.update().where(_held(claimed)).values({**values, "claim": new_claim()}))


def new_claim() -> str:
    """Makes void whatever claim a subscriber had before: no two are the same."""
    return str(ULID())


def _check_room(connection: sa.Connection, newcomer: Subscriber) -> None:
    """Makes sure that there is room for another of its kind; what is only asked for takes none.

    Raises:
        Full: there is none.
    """
    kind, most = ("webhooks", MOST_WEBHOOKS) if newcomer.kind == "webhook" else ("subscriptions", MOST)
    alike = sa.select(sa.func.count()).where(subscriber.c.kind == newcomer.kind, ~_IS_REQUEST)
    if (connection.scalar(alike) or 0) >= most:
        raise Full(f"there are {most} {kind}, and no more are taken")
    if (connection.scalar(alike.where(subscriber.c.host == newcomer.host)) or 0) >= MOST_OF_HOST:
        raise Full(f"{newcomer.host} has {MOST_OF_HOST} {kind}, and no more of it are taken")
    if newcomer.kind == "websub" and not newcomer.query.is_plain and len(_wishes(connection) - {newcomer.topic}) >= MOST_WISHES:
        raise Full(f"{MOST_WISHES} different feeds by wish are subscribed to, and no more are taken but those of a topic")


def _wishes(connection: sa.Connection) -> set[str]:
    """The feeds that are subscribed to but those of a topic: there could be any number, and each has documents of its own to be made."""
    query = sa.select(subscriber.c.topic, *_QUERY).where(subscriber.c.kind == "websub", ~_IS_REQUEST).distinct()
    return {row.topic for row in connection.execute(query) if not _query(row).is_plain}


def _end(connection: sa.Connection) -> int:
    return connection.scalar(sa.select(sa.func.max(change.c.seq))) or 0


def _same(request: Subscriber) -> sa.ColumnElement[bool]:
    """What is about the same subscription of our hub."""
    by_host = subscriber.c.host == request.host
    return sa.and_(by_host, subscriber.c.kind == "websub", subscriber.c.callback == request.callback, subscriber.c.topic == request.topic)


def _has(topic: str, etag: str) -> sa.ColumnElement[bool]:
    """Who subscribed to the document at this address and has it as it was with that ETag."""
    is_active = sa.and_(subscriber.c.kind == "websub", subscriber.c.state == "active")
    return sa.and_(is_active, subscriber.c.topic == topic, subscriber.c.etag == etag)


def _owned(owner: str, webhook_id: int) -> sa.ColumnElement[bool]:
    return sa.and_(subscriber.c.id == webhook_id, subscriber.c.kind == "webhook", subscriber.c.owner == owner)


def _held(known: Subscriber) -> sa.ColumnElement[bool]:
    """The row, unless somebody claimed it since it was read, or ended the claim."""
    return sa.and_(subscriber.c.id == known.id, subscriber.c.claim == known.claim)


def _each_held(known: Sequence[Subscriber]) -> sa.ColumnElement[bool]:
    return sa.tuple_(subscriber.c.id, subscriber.c.claim).in_([(each.id, each.claim) for each in known])


def _row(told: Subscriber) -> dict[str, Any]:
    query = told.query
    return {
        "kind": told.kind,
        "state": told.state,
        "callback": told.callback,
        "host": told.host,
        "created": told.created,
        "topic": told.topic,
        "suffix": told.suffix,
        "feed": query.feed,
        "words": query.words,
        "source": query.source,
        "min_confidence": query.min_confidence,
        "most": query.limit,
        "secret": told.secret,
        "owner": told.owner,
        "lease": told.lease,
        "lease_until": told.lease_until,
        "etag": told.etag,
        "seq": told.seq,
        "next_try": told.next_try,
        "failures": told.failures,
        "failing_since": told.failing_since,
        "error": told.error,
        "claim": new_claim(),
    }


def _query(row: Any) -> StoryQuery:
    return StoryQuery(row.feed, row.words, row.source, row.min_confidence, limit=row.most)


def _subscriber(row: Any) -> Subscriber:
    return Subscriber(
        kind=row.kind,
        callback=row.callback,
        created=row.created,
        state=row.state,
        query=_query(row),
        topic=row.topic,
        suffix=row.suffix,
        secret=row.secret,
        owner=row.owner,
        lease=row.lease,
        lease_until=row.lease_until,
        etag=row.etag,
        seq=row.seq,
        next_try=row.next_try,
        failures=row.failures,
        failing_since=row.failing_since,
        error=row.error,
        id=row.id,
        claim=row.claim,
    )
