"""Writes articles and their stories.

Everything here happens inside the caller's write transaction, so what is looked up cannot change before it is used.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from feeds.identity import StoryKeys, pair_up, story_keys
from feeds.model import Issue, Newsletter, TaggedStory, Tally
from feeds.store.arrivals import Arrivals, article_values, report_values
from feeds.store.changes import feeds_of, log
from feeds.store.schema import article, report, source, story, story_topic
from feeds.store.tags import set_tags
from feeds.store.words import index_again

_LOOKED_UP = 400


def record_for(connection: sa.Connection, source_id: int, issues: Iterable[Issue], now: int, *, anew: bool = False) -> Tally:
    """Stores articles with their source, or with the newsletter that each is an issue of; see ``record``."""
    by_owner: dict[Newsletter | None, list[Issue]] = defaultdict(list)
    for issue in issues:
        by_owner[issue.article.newsletter].append(issue)
    tally = Tally()
    for newsletter, own in by_owner.items():
        owner = source_id if newsletter is None else _newsletter(connection, source_id, newsletter, own, now)
        tally += record(connection, owner, own, now, anew=anew)
    return tally


def _newsletter(connection: sa.Connection, carrier: int, newsletter: Newsletter, issues: Sequence[Issue], now: int) -> int:
    """The id of the newsletter's source, which is made when its first issue comes."""
    newest = max(min(issue.article.published or now, now) for issue in issues)
    values = {"last_polled": now, "last_success": now}
    known = connection.execute(sa.select(source.c.id, source.c.last_new).where(source.c.url == newsletter.url)).first()
    if known:
        connection.execute(source.update().where(source.c.id == known.id).values(values | {"last_new": max(newest, known.last_new or 0)}))
        return int(known.id)
    row = {"url": newsletter.url, "title": newsletter.title, "folder": "", "carrier": carrier, "last_new": newest}
    return int(connection.execute(source.insert().values(row | values).returning(source.c.id)).scalar_one())


def record(connection: sa.Connection, source_id: int, issues: Sequence[Issue], now: int, *, anew: bool = False) -> Tally:
    """Stores new and edited articles with their stories; what is stored already is left as it is, unless it is to be done ``anew``."""
    tally = Tally()
    new: list[Issue] = []
    known = _known(connection, source_id, issues)
    for issue in issues:
        row = known.get(issue.article.guid)
        if row is None:
            # Until it is written nothing else is known of it; a second version in the same document is an edit.
            known[issue.article.guid] = issue
            new.append(issue)
            continue
        # Edits look up what came before them.
        tally += Arrivals(connection, source_id, now).write(new)
        new.clear()
        if isinstance(row, Issue):
            row = known[issue.article.guid] = _known(connection, source_id, [issue])[issue.article.guid]
        if row.fingerprint != issue.fingerprint or anew:
            tally += _edited(connection, row, issue, now, anew=anew)
    return tally + Arrivals(connection, source_id, now).write(new)


def _known(connection: sa.Connection, source_id: int, issues: Sequence[Issue]) -> dict[str, Any]:
    """The rows of the articles among these that the source has delivered before, by guid."""
    found: dict[str, Any] = {}
    for start in range(0, len(issues), _LOOKED_UP):
        guids = [issue.article.guid for issue in issues[start : start + _LOOKED_UP]]
        rows = connection.execute(sa.select(article).where(article.c.source_id == source_id, article.c.guid.in_(guids)))
        found |= {row.guid: row for row in rows}
    return found


def _edited(connection: sa.Connection, known: Any, issue: Issue, now: int, *, anew: bool) -> Tally:
    values = article_values(issue)
    retold = any(value != known._mapping[name] for name, value in values.items() if name != "fingerprint")
    connection.execute(article.update().where(article.c.id == known.id).values(values))
    old = connection.execute(sa.select(report).where(report.c.article_id == known.id).order_by(report.c.position)).all()
    return _Edit(connection, known.source_id, known.id, now, anew=anew).write(issue, old, retold=retold)


def withdraw_source(connection: sa.Connection, source_id: int, now: int) -> Tally:
    """Takes a source's reports out of their stories; stories that have no other report are withdrawn."""
    tally = Tally()
    for row in connection.execute(sa.select(report).where(report.c.source_id == source_id)).all():
        tally += _drop_report(connection, row, now)
    return tally


class _Edit:
    """Writes the stories of an article that is known, in place of the old ones."""

    def __init__(self, connection: sa.Connection, source_id: int, article_id: str, now: int, *, anew: bool) -> None:
        self._connection = connection
        self._anew = anew
        self._source_id = source_id
        self._article_id = article_id
        self._now = now

    def write(self, issue: Issue, old: Sequence[Any], *, retold: bool) -> Tally:
        """``retold``: the article's own title, address, author or date changed, which its stories show."""
        told = [tagged.story for tagged in issue.stories]
        pairs = pair_up([(row.title, row.text) for row in old], [(item.title, item.text) for item in told])
        tally = Tally()
        added: list[tuple[TaggedStory, StoryKeys]] = []
        # Last first: feeds show the newest id on top, and a round-up's lead story belongs above its last.
        for tagged, keys, pair in reversed(list(zip(issue.stories, story_keys(told), pairs, strict=True))):
            if pair is None:
                added.append((tagged, keys))
            else:
                tally += self._edit(old[pair], tagged, keys, retold=retold)
        tally += Arrivals(self._connection, self._source_id, self._now).extend(self._article_id, added)
        for index, row in enumerate(old):
            if index not in pairs:
                tally += _drop_report(self._connection, row, self._now)
        return tally

    def _edit(self, old: Any, tagged: TaggedStory, keys: StoryKeys, *, retold: bool) -> Tally:
        values = report_values(tagged.story, keys)
        changed = {name for name, value in values.items() if value != getattr(old, name)}
        if changed:
            self._connection.execute(report.update().where(report.c.id == old.id).values(values))
        leads = self._connection.scalar(sa.select(story.c.lead_report).where(story.c.id == old.story_id)) == old.id
        if not retold and changed <= {"link_key", "text_key"}:
            return self._retag(old.story_id, tagged) if leads and self._anew else Tally()
        before = feeds_of(self._connection, old.story_id)
        if not leads:
            log(self._connection, "merged", old.story_id, self._now, before)
            return Tally()
        if changed & {"title", "text"}:
            index_again(self._connection, old.story_id)
        if changed.isdisjoint(("title", "text", "html", "url")):
            # Its place in the article, or the article around it: shown, but nothing to read again.
            log(self._connection, "edited", old.story_id, self._now, before)
            return Tally()
        set_tags(self._connection, old.story_id, tagged.verdict)
        self._connection.execute(story.update().where(story.c.id == old.story_id).values(updated=self._now))
        log(self._connection, "edited", old.story_id, self._now, before)
        return Tally(edited=1)

    def _retag(self, story_id: str, tagged: TaggedStory) -> Tally:
        """For a story whose words are the same, but whose article was read again."""
        before = feeds_of(self._connection, story_id)
        set_tags(self._connection, story_id, tagged.verdict)
        if feeds_of(self._connection, story_id) == before:
            return Tally()
        log(self._connection, "retagged", story_id, self._now, before)
        return Tally(retagged=1)


def _drop_report(connection: sa.Connection, row: Any, now: int) -> Tally:
    connection.execute(report.delete().where(report.c.id == row.id))
    others = sa.select(report.c.id).where(report.c.story_id == row.story_id).order_by(report.c.id)
    lead, next_lead = connection.scalar(sa.select(story.c.lead_report).where(story.c.id == row.story_id)), connection.scalar(others)
    before = feeds_of(connection, row.story_id)
    this = story.update().where(story.c.id == row.story_id)
    if next_lead is None:
        connection.execute(this.values(withdrawn=True, untagged=False, updated=now))
        connection.execute(story_topic.delete().where(story_topic.c.story_id == row.story_id))
        index_again(connection, row.story_id)
        log(connection, "withdrawn", row.story_id, now, before)
        return Tally(withdrawn=1)
    if lead == row.id:
        connection.execute(this.values(lead_report=next_lead, updated=now))
        index_again(connection, row.story_id)
        log(connection, "edited", row.story_id, now, before)
        return Tally(edited=1)
    log(connection, "merged", row.story_id, now, before)
    return Tally()
