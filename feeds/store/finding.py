"""Which stories a query asks for, and in which order: the one decision, for feeds, pages and programs alike.

One condition leads along an index, newest story first; the others are checked story by story, and of so many only as one request
may cost. However large the archive is, no query reads more of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import sqlalchemy as sa

from feeds.model import Found, StoryQuery, Tombstone
from feeds.store.schema import departure, report, story, story_topic
from feeds.store.words import found_numbers

# So many stories are looked at for one answer, at most; what lies beyond is the next page's.
_MOST_LOOKED_AT = 1000
# So many of the last stories are searched for words, which may be common each and rare together.
_MOST_SEARCHED = 1_000_000

_T = TypeVar("_T")
_Condition = Callable[[sa.ColumnElement[str]], sa.ColumnElement[bool]]


def find(connection: sa.Connection, query: StoryQuery) -> Found:
    """The newest stories that fit the query, at most its limit."""
    conditions = _conditions(query)
    most = _MOST_LOOKED_AT if conditions else query.limit + 1
    searched = _searched(connection, query) if query.words else None
    looked_at = _looked_at(connection, _leading(connection, query, searched, most), conditions)
    ids = tuple(story_id for story_id, fits in looked_at if fits)
    if len(ids) > query.limit:
        return Found(ids[: query.limit], ids[query.limit - 1])
    if len(looked_at) == most:
        return Found(ids, looked_at[-1][0])
    return Found(ids, _id_at(connection, searched.low) if searched and searched.goes_on else None)


@dataclass(frozen=True, slots=True)
class _Searched:
    """The numbers of stories among which one answer searches: from ``low`` to below ``high``; there are more below if it ``goes_on``."""

    low: int
    high: int
    goes_on: bool


def _searched(connection: sa.Connection, query: StoryQuery) -> _Searched:
    high = connection.scalar(_first(story.c.number, story.c.id >= query.before, story.c.id)) if query.before else None
    if high is None:
        high = (connection.scalar(sa.select(sa.func.max(story.c.number))) or 0) + 1
    floor = max(high - _MOST_SEARCHED, 1)
    since = 1
    if query.since is not None:
        # After all stories there is nothing to search.
        first = connection.scalar(_first(story.c.number, story.c.first_seen >= query.since, story.c.first_seen, story.c.id))
        since = high if first is None else first
    return _Searched(max(floor, since), high, floor > since)


def _first(column: sa.Column[_T], condition: sa.ColumnElement[bool], *order: sa.Column[Any]) -> sa.Select[_T]:
    """That of the first story, in this order, that meets the condition."""
    return sa.select(column).where(condition).order_by(*order).limit(1)


def _id_at(connection: sa.Connection, number: int) -> str | None:
    found: str | None = connection.scalar(_first(story.c.id, story.c.number >= number, story.c.number))
    return found


def _looked_at(connection: sa.Connection, leading: sa.Select[tuple[str]], conditions: Sequence[_Condition]) -> list[tuple[str, bool]]:
    """The leading stories, newest first, each with whether it meets the conditions."""
    if not conditions:
        return [(row.id, True) for row in connection.execute(leading)]
    ids = leading.subquery().c.id
    fits = sa.and_(*(condition(ids) for condition in conditions))
    return [(str(row[0]), bool(row[1])) for row in connection.execute(sa.select(ids, fits).order_by(ids.desc()))]


def tombstones(connection: sa.Connection, feed: str, low: str, high: str | None, limit: int) -> list[Tombstone]:
    """The newest stories with ids from ``low`` to below ``high`` that left the feed, or all of several joined by ``+``."""
    feeds = feed.split("+")
    most = limit if len(feeds) == 1 else _MOST_LOOKED_AT
    # Each for itself, so that each goes along its own index and no further than it must.
    left = sa.union_all(*(sa.select(_departed(name, low, high).limit(most).subquery()) for name in feeds)).subquery()
    query = sa.select(left.c.story_id, sa.func.max(left.c.at)).group_by(left.c.story_id).order_by(left.c.story_id.desc()).limit(limit)
    if len(feeds) > 1:
        query = query.where(~_is_in(left.c.story_id, feeds, 0))
    return [Tombstone(row[0], row[1]) for row in connection.execute(query)]


def _departed(name: str, low: str, high: str | None) -> sa.Select[tuple[str, int]]:
    query = sa.select(departure.c.story_id, departure.c.at).where(departure.c.feed == name, departure.c.story_id >= low)
    if high is not None:
        query = query.where(departure.c.story_id < high)
    return query.order_by(departure.c.story_id.desc())


def fitting(connection: sa.Connection, query: StoryQuery, ids: Sequence[str]) -> set[str]:
    """Which of these stories the query asks for, whatever its limit."""
    # A name of its own, as conditions ask for stories themselves.
    each, feeds = story.alias(), query.feed.split("+")
    fits = sa.select(each.c.id).where(each.c.id.in_(ids), ~each.c.withdrawn)
    if query.min_confidence or "all" not in feeds:
        fits = fits.where(_is_in(each.c.id, feeds, query.min_confidence))
    if query.source is not None:
        fits = fits.where(sa.exists().where(report.c.source_id == query.source, report.c.story_id == each.c.id))
    if query.words:
        table, number, condition = found_numbers(connection, query.words)
        # Told beforehand, so that the index is asked for these stories alone.
        numbers = connection.scalars(sa.select(story.c.number).where(story.c.id.in_(ids))).all()
        fits = fits.where(each.c.number.in_(sa.select(number).select_from(table).where(condition, number.in_(numbers))))
    return set(connection.scalars(fits))


def once_fitting(connection: sa.Connection, query: StoryQuery, ids: Sequence[str]) -> set[str]:
    """Which of these stories, that do not fit, the query may have asked for before.

    That is told of a feed's stories, of which those that left are known, and of words, which only an edit changes.
    """
    left = sa.select(departure.c.story_id).where(departure.c.feed.in_(query.feed.split("+")), departure.c.story_id.in_(ids))
    known = set(connection.scalars(left)) | fitting(connection, StoryQuery(query.feed), ids)
    if query.words and known:
        as_it_came = set(connection.scalars(sa.select(story.c.id).where(story.c.id.in_(known), story.c.updated == story.c.first_seen)))
        known -= as_it_came - fitting(connection, StoryQuery(words=query.words), sorted(as_it_came))
    return known


def _leading(connection: sa.Connection, query: StoryQuery, searched: _Searched | None, most: int) -> sa.Select[tuple[str]]:
    if searched:
        table, number, condition = found_numbers(connection, query.words)
        found = sa.select(story.c.id).join_from(table, story, story.c.number == number).where(condition)
        return found.where(number >= searched.low, number < searched.high).order_by(number.desc()).limit(most)
    if query.source is not None:
        told = sa.select(report.c.story_id.label("id")).where(report.c.source_id == query.source).distinct()
        return _bounded(told, query).limit(most)
    feeds = [_bounded(_shown_in(name), query).limit(most) for name in query.feed.split("+")]
    if len(feeds) == 1:
        return feeds[0]
    # Each for itself, so that each goes along its own index and no further than it must.
    either = sa.union(*(sa.select(each.subquery().c.id) for each in feeds)).subquery()
    return sa.select(either.c.id).order_by(either.c.id.desc()).limit(most)


def _shown_in(name: str) -> sa.Select[tuple[str]]:
    """The stories of one feed."""
    if name == "all":
        return sa.select(story.c.id).where(story.c.withdrawn == sa.false())
    if name == "untagged":
        return sa.select(story.c.id).where(story.c.untagged)
    return sa.select(story_topic.c.story_id.label("id")).where(story_topic.c.topic == name, story_topic.c.chosen)


def _bounded(stories: sa.Select[tuple[str]], query: StoryQuery) -> sa.Select[tuple[str]]:
    """Those of the stories that lie between the bounds of the query, newest first."""
    key = stories.selected_columns[0]
    if query.before is not None:
        stories = stories.where(key < query.before)
    if query.since is not None:
        # Nothing compares with it if there is none.
        first = story.alias()
        stories = stories.where(
            key >= _first(first.c.id, first.c.first_seen >= query.since, first.c.first_seen, first.c.id).scalar_subquery()
        )
    return stories.order_by(key.desc())


def _conditions(query: StoryQuery) -> list[_Condition]:
    """What must be checked of the stories that the leading condition gives."""
    conditions: list[_Condition] = []
    feeds = query.feed.split("+")
    leads_by_feed = not query.words and query.source is None
    if query.min_confidence or not (leads_by_feed or "all" in feeds):
        conditions.append(lambda ids: _is_in(ids, feeds, query.min_confidence))
    if query.words and query.source is not None:
        conditions.append(lambda ids: sa.exists().where(report.c.source_id == query.source, report.c.story_id == ids))
    return conditions


def _is_in(ids: sa.ColumnElement[str], feeds: Sequence[str], min_confidence: float) -> sa.ColumnElement[bool]:
    """Whether a story is shown in one of these feeds, for a topic that is sure enough; a curator's choice is certain.

    What has no topic is shown, however sure topics must be, where it is asked for by name.
    """
    tag = story_topic
    chosen = sa.exists().where(tag.c.story_id == ids, tag.c.chosen)
    if "all" not in feeds:
        chosen = chosen.where(tag.c.topic.in_(feeds))
    if min_confidence:
        chosen = chosen.where((tag.c.confidence >= min_confidence) | tag.c.curator.is_not(None))
    if "untagged" not in feeds:
        return chosen
    return chosen | sa.exists().where(story.c.id == ids, story.c.untagged)
