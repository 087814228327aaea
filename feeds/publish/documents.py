"""The documents of all feeds, built once and served until their stories change."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from threading import Lock

from ulid import ULID

from feeds.errors import Gone, NotFound
from feeds.model import FeedState, PublishedStory, StoryQuery, Tombstone, Topic
from feeds.publish import archive, atom, jsonfeed
from feeds.publish.channel import HEALTH, SOURCES, Channel
from feeds.publish.document import Document, document
from feeds.publish.rss import render_rss
from feeds.publish.selection import feed_address, feed_name, page_address, query_words
from feeds.settings import own_hub
from feeds.store import Store

_Render = Callable[[Channel, Sequence[PublishedStory], Mapping[str, str], Sequence[Tombstone]], bytes]

FORMATS = {
    "atom": "application/atom+xml; charset=utf-8",
    "rss": "application/rss+xml; charset=utf-8",
    "json": "application/feed+json; charset=utf-8",
}
"""The types of a feed's documents by the suffix of its address."""

_RENDERERS: dict[str, _Render] = {
    "atom": atom.render,
    "rss": lambda channel, stories, titles, _: render_rss(channel, stories, titles),
    "json": lambda channel, stories, titles, _: jsonfeed.render(channel, stories, titles),
}
_EVENTS = 50
_MOST_TOMBSTONES = 100
_MOST_BYTES = 64 * 1024 * 1024
_HEALTH = ("Healthwire: how the sources do", "Sources that broke, recovered, moved, stopped, fell silent or spoke again")
_NAMES = {"all": "all stories", "untagged": "no topic"}
_MEANINGS = {"all": "Every health-policy story, whatever its topic", "untagged": "Stories that belong to none of the topics"}
# What a topic may be called; nothing else is worth a question to the database, which some characters would upset.
_NAME = re.compile(r"[a-z][a-z0-9-]{0,63}")


@dataclass(frozen=True, slots=True)
class _Page:
    """The stories of one document, those that left where it shows stories, and the id below which older documents go on."""

    stories: Sequence[PublishedStory]
    tombstones: Sequence[Tombstone]
    older: str | None


class FeedDocuments:
    """The documents of all feeds; one is rebuilt only when the change log says that a story in its topics changed.

    Those that were built last are kept, up to 64 MiB.
    """

    def __init__(self, store: Store, topics: Sequence[Topic], base_url: str, hub_url: str | None = None) -> None:
        self._store = store
        self._base_url = base_url
        self._hub_url = hub_url
        self._titles = {topic.name: topic.title for topic in topics}
        self._meanings = {topic.name: topic.meaning for topic in topics}
        self._built: OrderedDict[Hashable, tuple[FeedState, Document]] = OrderedDict()
        self._bytes = 0
        self._health: tuple[Hashable, Document] | None = None
        self._lock = Lock()
        self._instance = store.status.instance()

    @property
    def names(self) -> list[str]:
        """All feeds: every topic, then ``all`` and ``untagged``."""
        return [*self._titles, "all", "untagged"]

    @property
    def hub_url(self) -> str | None:
        """The hub that the feeds name."""
        return self._hub_url

    def links(self, query: StoryQuery, suffix: str) -> dict[str, str]:
        """Where a feed's document, and what belongs to it, is to be found: addresses by their relations (RFC 8288) to the document."""
        page = self._base_url + page_address(query)
        told = {"self": self._base_url + feed_address(query, suffix), "alternate": page}
        return told | ({"hub": self._hub_url} if self._hub_url and self._is_told_of(query) else {})

    def _is_told_of(self, query: StoryQuery) -> bool:
        """Whether the hub learns of it when this document changes; what is in an archive document stays as it is."""
        return query.is_plain or (self._hub_url == own_hub(self._base_url) and not query.before)

    def canonical(self, feed: str) -> str:
        """A feed's name, or those of several joined by ``+`` (a space or a comma will do), each once and in one order.

        Raises:
            Gone: one is a topic that there is no more.
            NotFound: one is no feed.
        """
        asked = set(re.split(r"[+ ,]+", feed))
        for name in sorted(asked - set(self.names)):
            there_are = f"there are: {', '.join(self.names)}"
            if _NAME.fullmatch(name) and self._store.stories.feed_state(name).seq:
                raise Gone(f"the topic {name!r} was given up; {there_are}")
            raise NotFound(f"there is no feed called {name[:80]!r}; {there_are}")
        return "all" if "all" in asked else "+".join(name for name in self.names if name in asked)

    def state(self, feed: str) -> FeedState:
        """When a feed, or the last of several joined by ``+``, changed."""
        return max((self._store.stories.feed_state(name) for name in feed.split("+")), key=lambda state: state.seq)

    def get(self, query: StoryQuery, suffix: str = "atom", state: FeedState | None = None) -> Document:
        """A feed's document as of now; with ``query.before`` the archive document that ends before that id. The feed is ``canonical``.

        Who needs it as of some ``state`` of the feed says so, and the database need not be asked.

        Raises:
            NotFound: there is no such archive document yet.
        """
        key = (suffix, query)
        state = state or self.state(query.feed)
        known = self._built.get(key)
        if known is None or known[0] != state:
            with self._lock:
                known = self._built.get(key)
                if known is None or known[0].seq < state.seq:
                    made = self._build(query, suffix, state)
                    # What changed may not show in this document.
                    known = (state, known[1] if known and known[1].body == made.body else made)
                    self._keep(key, known)
        return known[1]

    def sources_health(self) -> Document:
        """The document of what happened to sources lately; no other feed shows any of it."""
        state = self._store.events.state(_EVENTS)
        known = self._health
        if known is None or known[0] != state:
            with self._lock:
                known = self._health = (state, self._build_health())
        return known[1]

    def modified(self, state: FeedState) -> int:
        """When the state came about; an empty feed is as old as its database."""
        return state.updated or int(ULID.from_str(self._instance).timestamp)

    def titled(self, query: StoryQuery) -> tuple[str, str]:
        """What a query shows, in a few words for people, and more of it."""
        names = query.feed.split("+")
        title = " or ".join(_NAMES.get(name) or self._titles[name] for name in names)
        words = query_words(query)
        if "q" in words:
            title += f", about {words['q']}"
        if "source" in words:
            title += f", from source {words['source']}"
        if "min_confidence" in words:
            title += f", at least {100 * query.min_confidence:g}% sure"
        return title, "; ".join(_MEANINGS.get(name) or self._meanings[name] for name in names)

    def _keep(self, key: Hashable, built: tuple[FeedState, Document]) -> None:
        if before := self._built.pop(key, None):
            self._bytes -= before[1].size
        self._built[key] = built
        self._bytes += built[1].size
        while self._bytes > _MOST_BYTES:
            _, (_, gone) = self._built.popitem(last=False)
            self._bytes -= gone.size

    def _build(self, query: StoryQuery, suffix: str, state: FeedState) -> Document:
        page = self._page(query, suffix)
        times = [story.updated for story in page.stories] + [stone.at for stone in page.tombstones]
        updated = max(times, default=self.modified(FeedState()))
        body = _RENDERERS[suffix](self._channel(query, suffix, page.older, updated), page.stories, self._titles, page.tombstones)
        return document(body, FORMATS[suffix], self.modified(state))

    def _page(self, query: StoryQuery, suffix: str) -> _Page:
        """What a document shows.

        Raises:
            NotFound: it is an archive document that newer stories would still come into.
        """
        if query.before:
            return self._archived(query)
        most = query.limit
        found, older = self._store.stories.walk(replace(query, limit=most + 1))
        shown = found[:most]
        low = shown[-1].id if found[most:] else archive.LOWEST
        if suffix == "json":
            # Its next page repeats nothing, and it takes nothing back.
            return _Page(shown, (), low if found[most:] else older)
        places = _places(found, [] if query_words(query) else self._left(query, most + 1))
        begin = archive.cut(places, most) if len(places) > most else older
        return _Page(shown, self._left(query, _MOST_TOMBSTONES, low), begin)

    def _archived(self, query: StoryQuery) -> _Page:
        if (query.before or "") > (self._store.stories.newest() or ""):
            raise NotFound("no archive document ends there yet; begin with the feed itself, which leads to all that there are")
        most = archive.MOST
        found, older = self._store.stories.walk(replace(query, limit=most + 1))
        # Of what left a search, nobody knows what was in it.
        left = [] if query_words(query) else self._left(query, most + 1)
        # Where looking for them took too long there may be more stories, though the page is not full.
        begin = archive.cut(_places(found, left), most) or older
        low = begin or archive.LOWEST
        return _Page([each for each in found if each.id >= low], [each for each in left if each.story_id >= low], begin)

    def _left(self, query: StoryQuery, most: int, low: str = archive.LOWEST) -> Sequence[Tombstone]:
        return self._store.stories.tombstones(query.feed, low, query.before, most)

    def _channel(self, query: StoryQuery, suffix: str, older: str | None, updated: int) -> Channel:
        base = self._base_url
        links = self.links(query, suffix)
        title, subtitle = self.titled(query)
        return Channel(
            name=feed_name(query),
            title=f"Healthwire: {title}",
            subtitle=subtitle,
            instance=self._instance,
            updated=updated,
            base_url=base,
            self_url=links["self"],
            page_url=links["alternate"],
            current_url=base + feed_address(replace(query, before=None), suffix) if query.before else None,
            prev_archive=base + feed_address(replace(query, before=older), suffix) if older else None,
            hub_url=links.get("hub"),
        )

    def _build_health(self) -> Document:
        events = self._store.events.latest(_EVENTS)
        updated = events[0].at if events else self.modified(FeedState())
        addresses = (f"{self._base_url}/feeds/{HEALTH}.atom", self._base_url + SOURCES)
        channel = Channel(HEALTH, *_HEALTH, self._instance, updated, self._base_url, *addresses)
        return document(atom.render_events(channel, events), FORMATS["atom"], updated)


def link_header(links: Mapping[str, str], types: Mapping[str, str] | None = None) -> str:
    """Addresses by their relations, and the types of what is there, as a header (RFC 8288)."""
    typed = types or {}
    told = (f'<{url}>; rel="{name}"' + (f'; type="{typed[name]}"' if name in typed else "") for name, url in links.items())
    return ", ".join(told)


def _places(shown: Sequence[PublishedStory], left: Sequence[Tombstone]) -> list[str]:
    """The ids among which pages end, newest first: a story that left keeps its place, so that no other page moves."""
    return sorted({story.id for story in shown} | {stone.story_id for stone in left}, reverse=True)
