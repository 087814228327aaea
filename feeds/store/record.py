"""Writes articles and their stories.

Everything here happens inside the caller's write transaction, so what is looked up cannot change before it is used.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from ulid import ULID

from feeds.identity import StoryKeys, pair_up, same_story, story_keys
from feeds.model import Issue, Story, TaggedStory, Tally
from feeds.store.changes import feeds_of, log
from feeds.store.schema import article, report, story, story_topic
from feeds.store.tags import set_tags


def record(connection: sa.Connection, source_id: int, issues: Iterable[Issue], now: int) -> Tally:
    """Stores new and edited articles with their stories; what is stored already is left as it is."""
    tally = Tally()
    for issue in issues:
        known = connection.execute(sa.select(article).where(article.c.source_id == source_id, article.c.guid == issue.article.guid)).first()
        if known is None:
            tally += _Writer(connection, source_id, _insert_article(connection, source_id, issue, now), now).write(issue, [])
        elif known.fingerprint != issue.fingerprint:
            values = _article_values(issue)
            retold = any(value != known._mapping[name] for name, value in values.items() if name != "fingerprint")
            connection.execute(article.update().where(article.c.id == known.id).values(values))
            old = connection.execute(sa.select(report).where(report.c.article_id == known.id).order_by(report.c.position)).all()
            tally += _Writer(connection, source_id, known.id, now).write(issue, old, retold=retold)
    return tally


def withdraw_source(connection: sa.Connection, source_id: int, now: int) -> Tally:
    """Takes a source's reports out of their stories; stories that have no other report are withdrawn."""
    tally = Tally()
    for row in connection.execute(sa.select(report).where(report.c.source_id == source_id)).all():
        tally += _drop_report(connection, row, now)
    return tally


def _insert_article(connection: sa.Connection, source_id: int, issue: Issue, now: int) -> str:
    article_id = str(ULID())
    values = _article_values(issue) | {"id": article_id, "source_id": source_id, "guid": issue.article.guid, "first_seen": now}
    connection.execute(article.insert().values(values))
    return article_id


def _article_values(issue: Issue) -> dict[str, Any]:
    item = issue.article
    return {
        "fingerprint": issue.fingerprint,
        "title": item.title,
        "url": item.url,
        "author": item.author,
        "published": item.published,
        "doubt": issue.doubt,
    }


class _Writer:
    """Writes the stories of one article."""

    def __init__(self, connection: sa.Connection, source_id: int, article_id: str, now: int) -> None:
        self._connection = connection
        self._source_id = source_id
        self._article_id = article_id
        self._now = now

    def write(self, issue: Issue, old: Sequence[Any], *, retold: bool = False) -> Tally:
        """``retold``: the article's own title, address, author or date changed, which its stories show."""
        told = [tagged.story for tagged in issue.stories]
        pairs = pair_up([(row.title, row.text) for row in old], [(item.title, item.text) for item in told])
        tally = Tally()
        # Last first: feeds show the newest id on top, and a round-up's lead story belongs above its last.
        for tagged, keys, pair in reversed(list(zip(issue.stories, story_keys(told), pairs, strict=True))):
            tally += self._add(tagged, keys) if pair is None else self._edit(old[pair], tagged, keys, retold=retold)
        for index, row in enumerate(old):
            if index not in pairs:
                tally += _drop_report(self._connection, row, self._now)
        return tally

    def _add(self, tagged: TaggedStory, keys: StoryKeys) -> Tally:
        report_id = str(ULID())
        story_id = self._find_same(keys)
        if story_id is None:
            story_id = str(ULID())
            values = {"id": story_id, "lead_report": report_id, "first_seen": self._now, "updated": self._now, "seq": 0, "untagged": True}
            self._connection.execute(story.insert().values(values))
            self._insert_report(report_id, story_id, tagged.story, keys)
            set_tags(self._connection, story_id, tagged.verdict)
            log(self._connection, "new", story_id, self._now, set())
            return Tally(new=1)
        self._insert_report(report_id, story_id, tagged.story, keys)
        log(self._connection, "merged", story_id, self._now)
        return Tally(merged=1)

    def _edit(self, old: Any, tagged: TaggedStory, keys: StoryKeys, *, retold: bool) -> Tally:
        values = _report_values(tagged.story, keys)
        changed = {name for name, value in values.items() if value != getattr(old, name)}
        if changed:
            self._connection.execute(report.update().where(report.c.id == old.id).values(values))
        if not retold and changed <= {"link_key", "text_key"}:
            return Tally()
        if self._connection.scalar(sa.select(story.c.lead_report).where(story.c.id == old.story_id)) != old.id:
            log(self._connection, "merged", old.story_id, self._now)
            return Tally()
        before = feeds_of(self._connection, old.story_id)
        if changed.isdisjoint(("title", "text", "html", "url")):
            # Its place in the article, or the article around it: shown, but nothing to read again.
            log(self._connection, "edited", old.story_id, self._now, before)
            return Tally()
        set_tags(self._connection, old.story_id, tagged.verdict)
        self._connection.execute(story.update().where(story.c.id == old.story_id).values(updated=self._now))
        log(self._connection, "edited", old.story_id, self._now, before)
        return Tally(edited=1)

    def _find_same(self, keys: StoryKeys) -> str | None:
        """The oldest live story that another article has told with this link or text."""
        alike = [column == key for column, key in ((report.c.link_key, keys.link), (report.c.text_key, keys.text)) if key]
        if not alike:
            return None
        query = (
            sa.select(report)
            .join(story, story.c.id == report.c.story_id)
            .where(sa.or_(*alike), report.c.article_id != self._article_id, sa.not_(story.c.withdrawn))
            .order_by(report.c.story_id)
            .limit(50)
        )
        for row in self._connection.execute(query):
            if same_story(keys, StoryKeys(row.link_key, row.text_key), same_source=row.source_id == self._source_id):
                return str(row.story_id)
        return None

    def _insert_report(self, report_id: str, story_id: str, item: Story, keys: StoryKeys) -> None:
        place = {"id": report_id, "story_id": story_id, "article_id": self._article_id, "source_id": self._source_id}
        self._connection.execute(report.insert().values(place | _report_values(item, keys)))


def _report_values(item: Story, keys: StoryKeys) -> dict[str, Any]:
    return {
        "position": item.position,
        "of": item.of,
        "title": item.title,
        "text": item.text,
        "html": item.html,
        "url": item.url,
        "link_key": keys.link,
        "text_key": keys.text,
    }


def _drop_report(connection: sa.Connection, row: Any, now: int) -> Tally:
    connection.execute(report.delete().where(report.c.id == row.id))
    others = sa.select(report.c.id).where(report.c.story_id == row.story_id).order_by(report.c.id)
    lead, next_lead = connection.scalar(sa.select(story.c.lead_report).where(story.c.id == row.story_id)), connection.scalar(others)
    before = feeds_of(connection, row.story_id)
    this = story.update().where(story.c.id == row.story_id)
    if next_lead is None:
        connection.execute(this.values(withdrawn=True, untagged=False, updated=now))
        connection.execute(story_topic.delete().where(story_topic.c.story_id == row.story_id))
        log(connection, "withdrawn", row.story_id, now, before)
        return Tally(withdrawn=1)
    if lead == row.id:
        connection.execute(this.values(lead_report=next_lead, updated=now))
        log(connection, "edited", row.story_id, now, before)
        return Tally(edited=1)
    log(connection, "merged", row.story_id, now)
    return Tally()
