"""Reading stories: which a feed shows, in which order, and everything that belongs to each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from feeds.errors import Gone, NotFound
from feeds.model import (
    AlsoReported,
    ArticleRef,
    Candidate,
    Change,
    Evidence,
    FeedState,
    PublishedStory,
    Source,
    StoryQuery,
    Tag,
    Tombstone,
)
from feeds.store.engine import reading
from feeds.store.finding import find, fitting, once_fitting, tombstones
from feeds.store.schema import article, change, feed, report, source, story, story_topic
from feeds.store.sources import SOURCE_COLUMNS


class Stories:
    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def page(self, query: StoryQuery) -> list[PublishedStory]:
        """The stories that the query asks for, newest first seen first, at most ``query.limit``."""
        with reading(self._engine) as connection:
            return _load(connection, find(connection, query).ids)

    def walk(self, query: StoryQuery) -> tuple[list[PublishedStory], str | None]:
        """As ``page``, with the id below which older ones follow, None at the end; fewer than ``limit`` need not be all."""
        with reading(self._engine) as connection:
            found = find(connection, query)
            return _load(connection, found.ids), found.older

    def changes(self, since: int, limit: int) -> list[Change]:
        """The stories that changed after this place in the change log, each once, in the order of their last changes."""
        with reading(self._engine) as connection:
            rows = _changed(connection, since, limit)
            live = {each.id: each for each in _load(connection, [row.id for row in rows if not row.withdrawn])}
            return [Change(row.seq, row.at, row.kind, row.id, live.get(row.id)) for row in rows]

    def changes_for(self, query: StoryQuery, since: int, limit: int) -> tuple[list[Change], int]:
        """What of the next ``limit`` changes whoever follows the query must know, and the place that was reached by it.

        A story that does not fit is told of without itself, unless it is new or can never have fitted.
        """
        with reading(self._engine) as connection:
            rows = _changed(connection, since, limit)
            fits = fitting(connection, query, [row.id for row in rows])
            known = once_fitting(connection, query, [row.id for row in rows if row.id not in fits and row.kind != "new"])
            live = {each.id: each for each in _load(connection, sorted(fits))}
            told = [_told(row, live.get(row.id)) for row in rows if row.id in fits or row.id in known]
            if len(rows) == limit:
                return told, rows[-1].seq
            return told, max(since, connection.scalar(sa.select(sa.func.max(change.c.seq))) or 0)

    def feeds_changed(self, since: int) -> list[str]:
        """The feeds that changed after this place in the change log."""
        with reading(self._engine) as connection:
            return list(connection.scalars(sa.select(feed.c.name).where(feed.c.seq > since).order_by(feed.c.name)))

    def newest(self) -> str | None:
        """The highest id that a story has; None if there never was one."""
        with reading(self._engine) as connection:
            newest: str | None = connection.scalar(sa.select(sa.func.max(story.c.id)))
            return newest

    def tombstones(self, feed: str, low: str, high: str | None, limit: int) -> list[Tombstone]:
        """The newest stories with ids from ``low`` to below ``high`` that left the feed, or all of several joined by ``+``."""
        with reading(self._engine) as connection:
            return tombstones(connection, feed, low, high, limit)

    def get(self, story_id: str) -> PublishedStory:
        """One story.

        Raises:
            NotFound: there never was one.
            Gone: it was withdrawn.
        """
        with reading(self._engine) as connection:
            check_live(connection, story_id)
            return _load(connection, [story_id])[0]

    def candidates(self, since: int, limit: int) -> list[Candidate]:
        """Live stories first seen from ``since`` on that no curator has decided on, those that would teach most first."""
        decided = sa.select(story_topic.c.story_id).where(story_topic.c.story_id == story.c.id, story_topic.c.curator.is_not(None))
        query = (
            sa.select(story.c.id, story.c.lesson, story.c.lesson_why)
            .where(story.c.lesson > 0, story.c.first_seen >= since, ~story.c.withdrawn, ~decided.exists())
            .order_by(story.c.lesson.desc(), story.c.id.desc())
            .limit(limit)
        )
        with reading(self._engine) as connection:
            rows = connection.execute(query).all()
            stories = _load(connection, [row.id for row in rows])
        return [Candidate(told, row.lesson, row.lesson_why) for told, row in zip(stories, rows, strict=True)]

    def feed_state(self, name: str) -> FeedState:
        """When the feed of a topic, ``all`` or ``untagged`` last changed."""
        with reading(self._engine) as connection:
            row = connection.execute(sa.select(feed).where(feed.c.name == name)).first()
            return FeedState(row.seq, row.updated) if row else FeedState()

    def last_change(self) -> FeedState:
        """The end of the change log: the state of everything together."""
        with reading(self._engine) as connection:
            row = connection.execute(sa.select(change.c.seq, change.c.at).order_by(change.c.seq.desc()).limit(1)).first()
            return FeedState(row.seq, row.at) if row else FeedState()

    def counts(self) -> dict[str, int]:
        """How many live stories each feed has."""
        with reading(self._engine) as connection:
            counts = {row.name: row.stories for row in connection.execute(sa.select(feed).where(feed.c.stories > 0))}
        return {"all": 0, "untagged": 0} | counts


def check_live(connection: sa.Connection, story_id: str) -> None:
    """Makes sure that there is such a story now.

    Raises:
        NotFound: there never was one.
        Gone: it was withdrawn.
    """
    row = connection.execute(sa.select(story.c.withdrawn).where(story.c.id == story_id)).first()
    if row is None:
        raise NotFound("no such story")
    if row.withdrawn:
        raise Gone("this story was withdrawn by all who told it")


def _changed(connection: sa.Connection, since: int, limit: int) -> Sequence[Any]:
    query = (
        sa.select(change.c.seq, change.c.at, change.c.kind, story.c.id, story.c.withdrawn)
        .join_from(story, change, change.c.seq == story.c.seq)
        .where(story.c.seq > since)
        .order_by(story.c.seq)
        .limit(limit)
    )
    return connection.execute(query).all()


def _told(row: Any, shown: PublishedStory | None) -> Change:
    return Change(row.seq, row.at, row.kind if shown or row.withdrawn else "left", row.id, shown)


def _load(connection: sa.Connection, ids: Sequence[str]) -> list[PublishedStory]:
    stories = {row.id: row for row in connection.execute(sa.select(story).where(story.c.id.in_(ids)))}
    tags = _tags(connection, ids)
    reports = _reports(connection, ids)
    return [_published(stories[story_id], reports[story_id], tags[story_id]) for story_id in ids]


def _tags(connection: sa.Connection, ids: Sequence[str]) -> dict[str, list[Tag]]:
    tags: dict[str, list[Tag]] = defaultdict(list)
    query = sa.select(story_topic).where(story_topic.c.story_id.in_(ids)).order_by(story_topic.c.topic)
    for row in connection.execute(query):
        evidence = tuple(Evidence(term, weight) for term, weight in row.evidence)
        tags[row.story_id].append(Tag(row.topic, row.confidence, row.chosen, row.model, evidence, row.curator))
    return tags


def _reports(connection: sa.Connection, ids: Sequence[str]) -> dict[str, list[Any]]:
    reports: dict[str, list[Any]] = defaultdict(list)
    columns = [
        *(column for column in report.c if column.name != "source_id"),
        article.c.title.label("article_title"),
        article.c.url.label("article_url"),
        article.c.author,
        article.c.published,
        article.c.first_seen.label("article_first_seen"),
        article.c.doubt,
        *(column.label(f"source_{column.name}") for column in SOURCE_COLUMNS),
    ]
    joined = report.join(article, article.c.id == report.c.article_id).join(source, source.c.id == report.c.source_id)
    query = sa.select(*columns).select_from(joined).where(report.c.story_id.in_(ids)).order_by(report.c.id)
    for row in connection.execute(query):
        reports[row.story_id].append(row)
    return reports


def _published(row: Any, reports: Sequence[Any], tags: Sequence[Tag]) -> PublishedStory:
    lead = next(item for item in reports if item.id == row.lead_report)
    return PublishedStory(
        id=row.id,
        title=lead.title,
        text=lead.text,
        html=lead.html,
        url=lead.url,
        author=lead.author,
        published=_shown_date(lead, row.first_seen),
        first_seen=row.first_seen,
        updated=row.updated,
        seq=row.seq,
        source=_source_of(lead),
        article=ArticleRef(lead.article_id, lead.article_title, lead.article_url, lead.position, lead.of, lead.doubt),
        tags=tuple(tags),
        also_reported=tuple(
            AlsoReported(item.id, _source_of(item), item.title, item.url, _shown_date(item, row.first_seen))
            for item in reports
            if item.id != lead.id
        ),
    )


def _source_of(row: Any) -> Source:
    return Source(*(row._mapping[f"source_{column.name}"] for column in SOURCE_COLUMNS))


def _shown_date(item: Any, story_first_seen: int) -> int:
    """The source's own date, unless it has none or claims a time after we read it."""
    read: int = max(story_first_seen, item.article_first_seen)
    return read if item.published is None else min(int(item.published), read)
