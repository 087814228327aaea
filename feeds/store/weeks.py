"""Weekly figures of the tags, kept so that a change over months can be seen without reading months of stories."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

import sqlalchemy as sa

from feeds.model import TopicWeek, Week
from feeds.store.engine import reading, writing
from feeds.store.schema import report, story, story_topic, week

WEEK = 7 * 86_400
# 1970 began on a Thursday.
_MONDAY = 4 * 86_400
_BATCH = 500


def monday(moment: int) -> int:
    """The start of the week (UTC) that ``moment`` lies in."""
    return moment - (moment - _MONDAY) % WEEK


class Weeks:
    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def texts(self, start: int) -> Iterator[tuple[str, str]]:
        """Title and text of the live stories that were first seen in the week."""
        query = (
            sa.select(story.c.id, report.c.title, report.c.text)
            .join(report, report.c.id == story.c.lead_report)
            .where(*_inside(start))
            .order_by(story.c.id)
            .limit(_BATCH)
        )
        after = ""
        while True:
            with reading(self._engine) as connection:
                rows = connection.execute(query.where(story.c.id > after)).all()
            yield from ((row.title, row.text) for row in rows)
            if len(rows) < _BATCH:
                return
            after = rows[-1].id

    def count(self, start: int, acronyms: dict[str, int]) -> Week:
        """The week's figures as they are now; nothing is written."""
        here = sa.select(story.c.id).where(*_inside(start))
        chosen = sa.func.sum(sa.case((story_topic.c.chosen, 1), else_=0))
        judged = sa.case((story_topic.c.judged, story_topic.c.confidence), else_=None)
        per_topic = (
            sa.select(story_topic.c.topic, chosen, sa.func.avg(judged))
            .where(story_topic.c.story_id.in_(here))
            .group_by(story_topic.c.topic)
        )
        untagged = sa.func.sum(sa.case((story.c.untagged, 1), else_=0))
        all_stories = sa.select(sa.func.count(), untagged, sa.func.avg(story.c.unknown_words)).where(*_inside(start))
        with reading(self._engine) as connection:
            stories, without, unknown = connection.execute(all_stories).one()
            topics = {row[0]: TopicWeek(row[1] / stories, row[2]) for row in connection.execute(per_topic)} if stories else {}
        return Week(start, stories, topics, (without or 0) / stories if stories else 0.0, float(unknown or 0), acronyms)

    def put(self, figures: Week) -> None:
        """Keeps a week's figures in place of those that were kept of it."""
        values = {"start": figures.start, "stories": figures.stories, "figures": asdict(figures)}
        with writing(self._engine) as connection:
            connection.execute(week.delete().where(week.c.start == figures.start))
            connection.execute(week.insert().values(values))

    def latest(self, number: int) -> list[Week]:
        """The last weeks that are kept, oldest first."""
        with reading(self._engine) as connection:
            rows = connection.execute(sa.select(week.c.figures).order_by(week.c.start.desc()).limit(number)).all()
        return [_week(row.figures) for row in reversed(rows)]


def _inside(start: int) -> tuple[sa.ColumnElement[bool], ...]:
    return story.c.first_seen >= start, story.c.first_seen < start + WEEK, ~story.c.withdrawn


def _week(figures: dict[str, object]) -> Week:
    topics = figures["topics"]
    assert isinstance(topics, dict)  # noqa: S101 - for the type checker; it was written above
    return Week(**(figures | {"topics": {name: TopicWeek(**values) for name, values in topics.items()}}))  # type: ignore[arg-type]
