"""The topics of stories: what the model says, what people decided, and what holds."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from ulid import ULID

from feeds.model import Tag, Untaught, Verdict
from feeds.store.changes import feeds_of, log
from feeds.store.engine import reading, writing
from feeds.store.schema import change, report, story, story_topic

_BATCH = 200


class Tags:
    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def untaught(self, model: str, since: int, after: str = "", limit: int = _BATCH, changed_after: int = 0) -> list[Untaught]:
        """Live stories first seen from ``since`` on that ``model`` has not tagged, oldest first, with ids beyond ``after``.

        ``changed_after`` leaves out those that have not changed since that place in the change log.
        """
        told = sa.select(story_topic.c.story_id).where(story_topic.c.story_id == story.c.id, story_topic.c.model == model)
        query = (
            sa.select(story.c.id, story.c.seq, report.c.title, report.c.text)
            .join(report, report.c.id == story.c.lead_report)
            .where(story.c.id > max(after, _first_id(since)), story.c.first_seen >= since, story.c.seq > changed_after)
            .where(~story.c.withdrawn, ~told.exists())
            .order_by(story.c.id)
            .limit(limit)
        )
        with reading(self._engine) as connection:
            return [Untaught(row.id, row.seq, row.title, row.text) for row in connection.execute(query)]

    def retag(self, verdicts: Sequence[tuple[Untaught, Verdict]], now: int) -> int:
        """Writes what a new model says of stories, unless they changed meanwhile; returns for how many topics changed.

        All of them enter the change log, as their confidence and reasons are shown, too; in it each model's word takes the place of
        that of the model before, else it would grow with every lesson.
        """
        changed = 0
        with writing(self._engine) as connection:
            for item, verdict in verdicts:
                same = sa.select(story.c.id).where(story.c.id == item.id, story.c.seq == item.seq, ~story.c.withdrawn)
                if connection.scalar(same) is None:
                    continue
                before = feeds_of(connection, item.id)
                set_tags(connection, item.id, verdict)
                connection.execute(change.delete().where(change.c.seq == item.seq, change.c.kind == "retagged"))
                log(connection, "retagged", item.id, now, before)
                changed += feeds_of(connection, item.id) != before
        return changed

    def keep_only(self, topics: Collection[str], now: int) -> int:
        """Takes topics that there are no more off all stories; returns how many stories had one."""
        with reading(self._engine) as connection:
            gone = set(_topics(connection)) - set(topics)
        foreign = story_topic.c.topic.in_(gone)
        done = 0
        while gone:
            with writing(self._engine) as connection:
                ids = list(connection.scalars(sa.select(story_topic.c.story_id).where(foreign).distinct().limit(_BATCH)))
                for story_id in ids:
                    before = feeds_of(connection, story_id)
                    connection.execute(story_topic.delete().where(story_topic.c.story_id == story_id, foreign))
                    note_untagged(connection, story_id)
                    # Who shows the story showed how sure the model was of them, chosen or not.
                    log(connection, "retagged", story_id, now, before)
            if not ids:
                break
            done += len(ids)
        return done


def _topics(connection: sa.Connection) -> Iterator[str]:
    """All topics that stories have, chosen or not: a step along the index for each, however many stories there are."""
    name: str | None = ""
    while (name := connection.scalar(sa.select(sa.func.min(story_topic.c.topic)).where(story_topic.c.topic > name))) is not None:
        yield name


def _first_id(since: int) -> str:
    """The lowest id that a story of that time can have."""
    return str(ULID.from_timestamp(float(since)))[:10]


def set_tags(connection: sa.Connection, story_id: str, verdict: Verdict) -> None:
    """Writes what a model says of a story; where a person decided, that goes on to hold."""
    own = story_topic.c.story_id == story_id
    decided = {row.topic: row for row in connection.execute(sa.select(story_topic).where(own, story_topic.c.curator.is_not(None)))}
    connection.execute(story_topic.delete().where(own))
    rows = [tag_row(story_id, tag, decided.pop(tag.topic, None)) for tag in verdict.tags]
    # Decisions on topics of which this model says nothing.
    rows += [dict(row._mapping) for row in decided.values()]
    if rows:
        connection.execute(story_topic.insert(), rows)
    lesson = verdict.lesson
    values = {"lesson": lesson.value, "lesson_why": lesson.why, "unknown_words": lesson.unknown_words}
    connection.execute(story.update().where(story.c.id == story_id).values(values))
    note_untagged(connection, story_id)


def note_untagged(connection: sa.Connection, story_id: str) -> None:
    """Keeps the mark of stories without a topic true."""
    chosen = sa.select(story_topic.c.topic).where(story_topic.c.story_id == story_id, story_topic.c.chosen).limit(1)
    untagged = connection.scalar(chosen) is None
    connection.execute(story.update().where(story.c.id == story_id, ~story.c.withdrawn).values(untagged=untagged))


def tag_row(story_id: str, tag: Tag, decided: Any = None) -> dict[str, Any]:
    """A tag as it is stored; ``decided`` is the row that holds a person's decision, if one was made."""
    return {
        "story_id": story_id,
        "topic": tag.topic,
        "confidence": tag.confidence,
        "judged": tag.chosen,
        "model": tag.model,
        "evidence": [[term.term, term.weight] for term in tag.evidence],
        "chosen": decided.chosen if decided else tag.chosen,
        "curator": decided.curator if decided else None,
    }
