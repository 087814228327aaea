"""Finished answers: bytes with their validators, built once and served until their stories change."""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from threading import Lock

from ulid import ULID

from feeds.errors import Gone, NotFound
from feeds.model import FeedState, StoryQuery, Topic
from feeds.publish.atom import render, render_events
from feeds.publish.channel import HEALTH, Channel, feed_path, page_path
from feeds.store import Store

ATOM = "application/atom+xml; charset=utf-8"
_ENTRIES = 50
_HEALTH = ("Healthwire: how the sources do", "Sources that broke, recovered, moved, stopped, fell silent or spoke again")
# What a topic may be called; nothing else is worth a question to the database, which some characters would upset.
_NAME = re.compile(r"[a-z][a-z0-9-]{0,63}")
# Below this size the gzip header eats what compression saves.
_WORTH_COMPRESSING = 500


@dataclass(frozen=True, slots=True)
class Document:
    """A representation in plain and gzip coding, each with its own strong ETag; ``modified`` is UTC epoch seconds."""

    body: bytes
    content_type: str
    modified: int
    etag: str
    gzip_body: bytes | None

    @property
    def gzip_etag(self) -> str:
        return f"{self.etag}-gzip"


def document(body: bytes, content_type: str, modified: int) -> Document:
    """The bytes with validators made from nothing but themselves and the time their content changed."""
    etag = hashlib.sha256(body).hexdigest()[:24]
    packed = gzip.compress(body, compresslevel=6, mtime=0) if len(body) >= _WORTH_COMPRESSING else None
    return Document(body, content_type, modified, etag, packed)


class FeedDocuments:
    """The Atom documents of all feeds; one is rebuilt only when the change log says that its stories changed."""

    def __init__(self, store: Store, topics: Sequence[Topic], base_url: str) -> None:
        self._store = store
        self._base_url = base_url
        self._titles = {topic.name: topic.title for topic in topics}
        self._meanings = {topic.name: topic.meaning for topic in topics}
        self._built: dict[str, tuple[FeedState, Document]] = {}
        self._counted: tuple[FeedState, dict[str, int]] | None = None
        self._health: tuple[Hashable, Document] | None = None
        self._lock = Lock()
        self._instance = store.status.instance()

    @property
    def names(self) -> list[str]:
        """All feeds: every topic, then ``all`` and ``untagged``."""
        return [*self._titles, "all", "untagged"]

    def get(self, name: str) -> Document:
        """A feed's document as of now.

        Raises:
            Gone: there is no such topic any more.
            NotFound: there is no such feed.
        """
        if name not in self.names:
            there_are = f"there are: {', '.join(self.names)}"
            if _NAME.fullmatch(name) and self._store.stories.feed_state(name).seq:
                raise Gone(f"the topic {name!r} was given up; {there_are}")
            raise NotFound(f"there is no feed called {name!r}; {there_are}")
        state = self._store.stories.feed_state(name)
        known = self._built.get(name)
        if known is None or known[0] != state:
            with self._lock:
                known = self._built.get(name)
                if known is None or known[0].seq < state.seq:
                    known = (state, self._build(name, state))
                    self._built[name] = known
        return known[1]

    def sources_health(self) -> Document:
        """The document of what happened to sources lately; no other feed shows any of it."""
        state = self._store.events.state(_ENTRIES)
        known = self._health
        if known is None or known[0] != state:
            with self._lock:
                known = self._health = (state, self._build_health())
        return known[1]

    def counts(self) -> dict[str, int]:
        """How many stories each feed has in all; counted anew only after a change."""
        state = self._store.stories.last_change()
        if self._counted is None or self._counted[0] != state:
            self._counted = (state, self._store.stories.counts())
        return self._counted[1]

    def modified(self, state: FeedState) -> int:
        """When the state came about; an empty feed is as old as its database."""
        return state.updated or int(ULID.from_str(self._instance).timestamp)

    def _build(self, name: str, state: FeedState) -> Document:
        stories = self._store.stories.page(StoryQuery(feed=name, limit=_ENTRIES))
        title, subtitle = describe(name, self._titles, self._meanings)
        channel = self._channel(name, title, subtitle, self.modified(state))
        return document(render(channel, stories, self._titles), ATOM, channel.updated)

    def _build_health(self) -> Document:
        events = self._store.events.latest(_ENTRIES)
        updated = events[0].at if events else self.modified(FeedState())
        return document(render_events(self._channel(HEALTH, *_HEALTH, updated), events), ATOM, updated)

    def _channel(self, name: str, title: str, subtitle: str, updated: int) -> Channel:
        base = self._base_url
        return Channel(name, title, subtitle, self._instance, updated, base, base + feed_path(name), base + page_path(name))


def describe(name: str, titles: dict[str, str], meanings: dict[str, str]) -> tuple[str, str]:
    """A feed's title and subtitle for people."""
    if name == "all":
        return "Healthwire: all stories", "Every health-policy story, whatever its topic"
    if name == "untagged":
        return "Healthwire: no topic", "Stories that belong to none of the topics"
    return f"Healthwire: {titles[name]}", meanings[name]
