"""The change log, and the feeds' states that sum it up."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from feeds.model import ChangeKind
from feeds.store.schema import change, departure, feed, report, story, story_topic


def feeds_of(connection: sa.Connection, story_id: str) -> set[str]:
    """The names of the feeds that show a story now; empty when it is withdrawn."""
    row = connection.execute(sa.select(story.c.untagged, story.c.withdrawn).where(story.c.id == story_id)).one()
    if row.withdrawn:
        return set()
    chosen = sa.select(story_topic.c.topic).where(story_topic.c.story_id == story_id, story_topic.c.chosen)
    return {"all", *connection.scalars(chosen), *(["untagged"] if row.untagged else [])}


def log(
    connection: sa.Connection,
    kind: ChangeKind,
    story_id: str,
    now: int,
    before: set[str],
) -> None:
    """Appends to the change log. ``before``: the feeds that showed the story."""
    entry = change.insert().values(at=now, kind=kind, story_id=story_id).returning(change.c.seq)
    seq = connection.execute(entry).scalar_one()
    connection.execute(story.update().where(story.c.id == story_id).values(seq=seq))
    after = feeds_of(connection, story_id)
    _note_departures(connection, story_id, before, after, now)
    touch(connection, {name: (seq, (name in after) - (name in before)) for name in before | after}, now)


def log_source(connection: sa.Connection, source_id: int, now: int) -> None:
    """Appends an edit of every story that a source tells: what is shown of the source itself is not what it was.

    A source may have told very many, so that all are written at once.
    """
    last = connection.scalar(sa.select(sa.func.max(change.c.seq))) or 0
    told = sa.select(report.c.story_id).where(report.c.source_id == source_id)
    edits = sa.select(sa.literal(now), sa.literal("edited"), story.c.id).where(story.c.id.in_(told)).order_by(story.c.seq)
    connection.execute(change.insert().from_select(["at", "kind", "story_id"], edits))
    seq = connection.scalar(sa.select(sa.func.max(change.c.seq)).where(change.c.seq > last))
    if seq is None:
        return
    connection.execute(story.update().where(change.c.seq > last, change.c.story_id == story.c.id).values(seq=change.c.seq))
    topics = connection.scalars(sa.select(story_topic.c.topic).where(story_topic.c.story_id.in_(told), story_topic.c.chosen).distinct())
    untagged = connection.scalar(sa.select(sa.exists().where(story.c.id.in_(told), story.c.untagged)))
    touch(connection, dict.fromkeys(["all", *topics, *(["untagged"] if untagged else [])], (seq, 0)), now)


def _note_departures(connection: sa.Connection, story_id: str, before: set[str], after: set[str], now: int) -> None:
    if back := after - before:
        connection.execute(departure.delete().where(departure.c.story_id == story_id, departure.c.feed.in_(back)))
    if gone := before - after:
        connection.execute(departure.insert(), [{"feed": name, "story_id": story_id, "at": now} for name in sorted(gone)])


def touch(connection: sa.Connection, feeds: Mapping[str, tuple[int, int]], now: int) -> None:
    """Says that feeds changed at these places of the change log, and show so many stories more than before."""
    for name, (seq, more) in sorted(feeds.items()):
        touched = feed.update().where(feed.c.name == name).values(seq=seq, updated=now, stories=feed.c.stories + more)
        if connection.execute(touched).rowcount == 0:
            connection.execute(feed.insert().values(name=name, seq=seq, updated=now, stories=more))
