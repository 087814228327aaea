"""Source bytes as they were parsed: kept for some days, and taken up again by replay."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from feeds.model import Issue, Raw, Tally
from feeds.store.engine import reading, writing
from feeds.store.record import record_for
from feeds.store.schema import change, raw, report, story

_BATCH = 200


@dataclass(frozen=True, slots=True)
class Effect:
    """What writing some articles anew does, or would do, to a story: the change's kind and the story's title."""

    kind: str
    story_id: str
    title: str


def keep_raws(connection: sa.Connection, source_id: int, raws: Iterable[Raw], at: int) -> None:
    """Keeps what a poll at that moment read."""
    for each in raws:
        body = zlib.compress(each.body, 6)
        row = {"source_id": source_id, "at": at, "kind": each.kind, "name": each.name, "content_type": each.content_type}
        connection.execute(raw.insert().values(row | {"body": body, "size": len(body)}))


class Raws:
    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def sources(self, since: int) -> list[int]:
        """The sources of which something is kept from that moment on."""
        with reading(self._engine) as connection:
            return list(connection.scalars(sa.select(raw.c.source_id).where(raw.c.at >= since).distinct().order_by(raw.c.source_id)))

    def of_source(self, source_id: int, since: int) -> Iterator[Raw]:
        """What is kept of a source from that moment on, oldest first, one at a time in memory."""
        wanted = raw.c.source_id == source_id, raw.c.at >= since
        with reading(self._engine) as connection:
            ids = list(connection.scalars(sa.select(raw.c.id).where(*wanted).order_by(raw.c.id)))
        for raw_id in ids:
            with reading(self._engine) as connection:
                row = connection.execute(sa.select(raw).where(raw.c.id == raw_id)).first()
            # It may have been pruned meanwhile.
            if row is not None:
                yield Raw(row.kind, row.name, row.content_type, zlib.decompress(row.body))

    def replay(self, source_id: int, issues: Sequence[Issue], now: int, *, apply: bool) -> tuple[Tally, list[Effect]]:
        """Writes articles anew, whether they changed or not; without ``apply`` all of it is taken back in the end."""
        with writing(self._engine, keep=apply) as connection:
            last = connection.scalar(sa.select(sa.func.max(change.c.seq))) or 0
            tally = record_for(connection, source_id, issues, now, anew=True)
            told = (
                sa.select(change.c.kind, change.c.story_id, report.c.title)
                .join(story, story.c.id == change.c.story_id)
                .outerjoin(report, report.c.id == story.c.lead_report)
                .where(change.c.seq > last)
                .order_by(change.c.seq)
            )
            return tally, [Effect(row.kind, row.story_id, row.title or "") for row in connection.execute(told)]

    def prune(self, before: int, most_bytes: int) -> int:
        """Drops what was kept before that moment, and the oldest beyond so many bytes; returns how many documents went."""
        with reading(self._engine) as connection:
            old = connection.scalar(sa.select(sa.func.max(raw.c.id)).where(raw.c.at < before)) or 0
            size = sa.func.sum(raw.c.size).over(order_by=raw.c.id.desc())
            sized = sa.select(raw.c.id, size.label("total")).subquery()
            beyond = connection.scalar(sa.select(sa.func.max(sized.c.id)).where(sized.c.total > most_bytes)) or 0
        gone = 0
        while True:
            with writing(self._engine) as connection:
                batch = sa.select(raw.c.id).where(raw.c.id <= max(old, beyond)).limit(_BATCH)
                dropped = connection.execute(raw.delete().where(raw.c.id.in_(batch))).rowcount
            gone += dropped
            if dropped < _BATCH:
                return gone
