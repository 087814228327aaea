"""Writes many new articles with their stories at once: a few statements for all, where one by one each story would need a dozen."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from ulid import ULID

from feeds.identity import StoryKeys, same_story, story_keys
from feeds.model import Issue, Story, TaggedStory, Tally
from feeds.store.changes import feeds_of, touch
from feeds.store.schema import article, change, report, story, story_topic
from feeds.store.tags import tag_row
from feeds.store.words import index_words, words_row

_LOOKED_UP = 400

_Telling = tuple[str, TaggedStory, StoryKeys]
"""The article that tells a story, the story, and what it can be known by."""


@dataclass(frozen=True, slots=True)
class _Told:
    """A report, stored or about to be, as far as it takes to know its story again."""

    story_id: str
    article_id: str
    source_id: int
    keys: StoryKeys


@dataclass(slots=True)
class _Rows:
    """What is to be inserted. ``changes`` are (kind, story) in their order."""

    articles: list[dict[str, Any]] = field(default_factory=list)
    stories: dict[str, dict[str, Any]] = field(default_factory=dict)
    reports: list[dict[str, Any]] = field(default_factory=list)
    tags: list[dict[str, Any]] = field(default_factory=list)
    changes: list[tuple[str, str]] = field(default_factory=list)
    feeds: dict[str, set[str]] = field(default_factory=dict)
    words: dict[str, tuple[str, str]] = field(default_factory=dict)


class Arrivals:
    """New articles of one source, in the caller's write transaction."""

    def __init__(self, connection: sa.Connection, source_id: int, now: int) -> None:
        self._connection = connection
        self._source_id = source_id
        self._now = now
        self._last_id: int | None = None

    def write(self, issues: Sequence[Issue]) -> Tally:
        """Stores articles of which none is known, with their stories; each is new or another telling of a known one."""
        rows = _Rows()
        told: list[_Telling] = []
        for issue in issues:
            article_id = str(ULID())
            place = {"id": article_id, "source_id": self._source_id, "guid": issue.article.guid, "first_seen": self._now}
            rows.articles.append(article_values(issue) | place)
            keys = story_keys([tagged.story for tagged in issue.stories])
            # Last first: feeds show the newest id on top, and a round-up's lead story belongs above its last.
            told += [(article_id, tagged, own) for tagged, own in reversed(list(zip(issue.stories, keys, strict=True)))]
        return self._write(rows, told)

    def extend(self, article_id: str, stories: Sequence[tuple[TaggedStory, StoryKeys]]) -> Tally:
        """Stores stories that came into a known article."""
        return self._write(_Rows(), [(article_id, tagged, keys) for tagged, keys in stories])

    def _write(self, rows: _Rows, tellings: Sequence[_Telling]) -> Tally:
        index = _Index(self._stored([keys for _, _, keys in tellings]))
        for article_id, tagged, keys in tellings:
            self._tell(rows, index, article_id, tagged, keys)
        self._insert(rows)
        new = len(rows.stories)
        return Tally(new=new, merged=len(rows.reports) - new)

    def _tell(self, rows: _Rows, told: _Index, article_id: str, tagged: TaggedStory, keys: StoryKeys) -> None:
        report_id = str(ULID())
        known = told.find(keys, article_id, self._source_id)
        story_id = known or self._next_id()
        if known is None:
            rows.stories[story_id] = self._story(story_id, report_id, tagged)
            rows.tags += [tag_row(story_id, tag) for tag in tagged.tags]
            rows.feeds[story_id] = {"all", *([tag.topic for tag in tagged.tags if tag.chosen] or ["untagged"])}
            rows.words[story_id] = (tagged.story.title, tagged.story.text)
        elif known not in rows.stories and known not in rows.feeds:
            rows.feeds[known] = feeds_of(self._connection, known)
        rows.changes.append(("new" if known is None else "merged", story_id))
        place = {"id": report_id, "story_id": story_id, "article_id": article_id, "source_id": self._source_id}
        rows.reports.append(report_values(tagged.story, keys) | place)
        told.add(_Told(story_id, article_id, self._source_id, keys))

    def _next_id(self) -> str:
        """An id above those of all stories, whatever the clocks of the machines say that stored them: none ever arrives below another."""
        if self._last_id is None:
            last = self._connection.scalar(sa.select(sa.func.max(story.c.id)))
            self._last_id = int(ULID.from_str(last)) if last else 0
        self._last_id = max(_id_now(), self._last_id + 1)
        return str(ULID.from_int(self._last_id))

    def _story(self, story_id: str, report_id: str, tagged: TaggedStory) -> dict[str, Any]:
        lesson = tagged.verdict.lesson
        return {
            "id": story_id,
            "lead_report": report_id,
            "first_seen": self._now,
            "updated": self._now,
            "untagged": not any(tag.chosen for tag in tagged.tags),
            "lesson": lesson.value,
            "lesson_why": lesson.why,
            "unknown_words": lesson.unknown_words,
        }

    def _insert(self, rows: _Rows) -> None:
        seqs = self._log(rows.changes)
        last = dict(zip((story_id for _, story_id in rows.changes), seqs, strict=True))
        # A story's first change is that of its arrival.
        first = dict(zip((story_id for _, story_id in reversed(rows.changes)), reversed(seqs), strict=True))
        stories = [row | {"seq": last[story_id], "number": first[story_id]} for story_id, row in rows.stories.items()]
        for table, values in ((article, rows.articles), (story, stories), (report, rows.reports), (story_topic, rows.tags)):
            if values:
                self._connection.execute(table.insert(), values)
        index_words(self._connection, [words_row(first[story_id], *words) for story_id, words in rows.words.items()])
        for story_id, seq in last.items():
            if story_id not in rows.stories:
                self._connection.execute(story.update().where(story.c.id == story_id).values(seq=seq))
        touched: dict[str, tuple[int, int]] = {}
        for (kind, story_id), seq in zip(rows.changes, seqs, strict=True):
            for name in rows.feeds[story_id]:
                touched[name] = (seq, touched.get(name, (0, 0))[1] + (kind == "new"))
        touch(self._connection, touched, self._now)

    def _log(self, changes: Sequence[tuple[str, str]]) -> list[int]:
        """Appends to the change log; the places of the entries, in their order."""
        if not changes:
            return []
        entries = [{"at": self._now, "kind": kind, "story_id": story_id} for kind, story_id in changes]
        insert = change.insert().returning(change.c.seq, sort_by_parameter_order=True)
        return list(self._connection.scalars(insert, entries))

    def _stored(self, wanted: Sequence[StoryKeys]) -> Iterator[_Told]:
        """The reports of live stories that have one of these links or texts."""
        # Within one source a link alone says nothing, and there could be any number with the same.
        elsewhere = report.c.source_id != self._source_id
        for column, values, where in (
            (report.c.link_key, sorted({each.link for each in wanted if each.link}), elsewhere),
            (report.c.text_key, sorted({each.text for each in wanted if each.text}), sa.true()),
        ):
            for start in range(0, len(values), _LOOKED_UP):
                query = (
                    sa.select(report.c.story_id, report.c.article_id, report.c.source_id, report.c.link_key, report.c.text_key)
                    .join(story, story.c.id == report.c.story_id)
                    .where(column.in_(values[start : start + _LOOKED_UP]), where, sa.not_(story.c.withdrawn))
                )
                for row in self._connection.execute(query):
                    yield _Told(row.story_id, row.article_id, row.source_id, StoryKeys(row.link_key, row.text_key))


def _id_now() -> int:
    return int(ULID())


class _Index:
    """Reports by what their stories can be known by."""

    def __init__(self, told: Iterable[_Told]) -> None:
        self._by_key: dict[str, dict[_Told, None]] = defaultdict(dict)
        for each in told:
            self.add(each)

    def add(self, told: _Told) -> None:
        for key in (told.keys.link, told.keys.text):
            if key:
                self._by_key[key][told] = None

    def find(self, keys: StoryKeys, article_id: str, source_id: int) -> str | None:
        """The oldest story that another article has told with this link or text."""
        stories = (
            told.story_id
            for key in (keys.link, keys.text)
            if key
            for told in self._by_key.get(key, ())
            if told.article_id != article_id and same_story(keys, told.keys, same_source=told.source_id == source_id)
        )
        return min(stories, default=None)


def article_values(issue: Issue) -> dict[str, Any]:
    """What an article's row says of an issue, and what changes when it is edited."""
    item = issue.article
    return {
        "fingerprint": issue.fingerprint,
        "title": item.title,
        "url": item.url,
        "author": item.author,
        "published": item.published,
        "doubt": issue.doubt,
    }


def report_values(item: Story, keys: StoryKeys) -> dict[str, Any]:
    """What a report's row says of a story."""
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
