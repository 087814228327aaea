"""People's decisions on topics: kept for ever, stronger than any model, and what the next model learns from."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from feeds.model import Correction
from feeds.store.changes import feeds_of, log
from feeds.store.engine import reading, writing
from feeds.store.schema import correction, report, story, story_topic
from feeds.store.stories import check_live
from feeds.store.tags import note_untagged


class Corrections:
    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def decide(self, story_id: str, decisions: Mapping[str, bool | None], curator: str, now: int) -> None:
        """Writes down whether a story is about each of these topics; None hands a topic back to the model.

        Raises:
            NotFound: there never was such a story.
            Gone: it was withdrawn.
        """
        with writing(self._engine) as connection:
            check_live(connection, story_id)
            words = sa.select(report.c.title, report.c.text).join(story, story.c.lead_report == report.c.id).where(story.c.id == story_id)
            told = connection.execute(words).one()
            before = feeds_of(connection, story_id)
            for topic, about in decisions.items():
                row = {"story_id": story_id, "topic": topic, "about": about, "curator": curator, "at": now}
                connection.execute(correction.insert().values(row | {"title": told.title, "text": told.text}))
                _hold(connection, story_id, topic, about, curator)
            if not decisions:
                return
            note_untagged(connection, story_id)
            if feeds_of(connection, story_id) != before:
                connection.execute(story.update().where(story.c.id == story_id).values(updated=now))
            log(connection, "retagged", story_id, now, before)

    def holding(self) -> list[Correction]:
        """The last decision on each topic of each story, in the order in which they were made; those handed back are left out."""
        last = sa.select(sa.func.max(correction.c.id)).group_by(correction.c.story_id, correction.c.topic)
        query = sa.select(correction).where(correction.c.id.in_(last), correction.c.about.is_not(None)).order_by(correction.c.id)
        with reading(self._engine) as connection:
            return [Correction(*row) for row in connection.execute(query)]

    def of_story(self, story_id: str) -> list[Correction]:
        """All decisions on a story, oldest first."""
        query = sa.select(correction).where(correction.c.story_id == story_id).order_by(correction.c.id)
        with reading(self._engine) as connection:
            return [Correction(*row) for row in connection.execute(query)]

    def last(self) -> int:
        """The number of the last decision; 0 before the first."""
        with reading(self._engine) as connection:
            return connection.scalar(sa.select(sa.func.coalesce(sa.func.max(correction.c.id), 0))) or 0

    def since(self, number: int) -> int:
        """How many decisions were made after that one."""
        with reading(self._engine) as connection:
            return connection.scalar(sa.select(sa.func.count()).where(correction.c.id > number)) or 0


def _hold(connection: sa.Connection, story_id: str, topic: str, about: bool | None, curator: str) -> None:
    """Makes the decision hold: for the story's feeds, whatever the model says."""
    this = story_topic.update().where(story_topic.c.story_id == story_id, story_topic.c.topic == topic)
    if about is None:
        connection.execute(this.values(chosen=story_topic.c.judged, curator=None))
    elif connection.execute(this.values(chosen=about, curator=curator)).rowcount == 0:
        said = {"confidence": 0.0, "judged": False, "model": "", "evidence": [], "chosen": about, "curator": curator}
        connection.execute(story_topic.insert().values(said | {"story_id": story_id, "topic": topic}))
