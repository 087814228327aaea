"""Stories as Atom (RFC 4287). The only place that knows feedgen."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from feedgen.entry import FeedEntry
from feedgen.ext.base import BaseEntryExtension, BaseExtension
from feedgen.feed import FeedGenerator
from lxml import etree
from ulid import ULID

from feeds.condition import event_story, event_title
from feeds.model import PublishedStory, Source, SourceEvent
from feeds.text import plain_line, summary, web_url

# Ids must never change, so they hold no host name that an operator could change (RFC 4151; "invalid" by RFC 2606).
_TAG = "tag:healthwire.invalid,2026:"
_SCHEME = f"{_TAG}topics"
_EVENTS = f"{_TAG}events"
_AUTHOR = "Healthwire"

HEALTH = "sources-health"
SOURCES = "/sources"


@dataclass(frozen=True, slots=True)
class FeedHead:
    """What a feed says of itself. ``name`` and ``instance`` make its id; ``updated`` is UTC epoch seconds."""

    name: str
    title: str
    subtitle: str
    instance: str
    updated: int
    base_url: str


def feed_path(name: str) -> str:
    return f"/feeds/{name}.atom"


def page_path(name: str) -> str:
    """The page that shows what the feed shows."""
    return {"all": "/", HEALTH: SOURCES}.get(name, f"/topics/{name}")


def story_path(story_id: str) -> str:
    return f"/stories/{story_id}"


def source_path(source_id: int) -> str:
    """Where a source stands on the page of all sources."""
    return f"{SOURCES}#source-{source_id}"


def render(head: FeedHead, stories: Sequence[PublishedStory], titles: dict[str, str]) -> bytes:
    """An Atom document of the stories, in their order; ``titles`` are the topics' names for people."""
    feed = _feed(head)
    for story in stories:
        _add(feed.add_entry(order="append"), story, head, titles)
    return bytes(feed.atom_str(encoding="utf-8"))


def render_events(head: FeedHead, events: Sequence[SourceEvent]) -> bytes:
    """An Atom document of what happened to sources, in their order, with no word that is not for everybody."""
    feed = _feed(head)
    for event in events:
        _add_event(feed.add_entry(order="append"), event, head)
    return bytes(feed.atom_str(encoding="utf-8"))


def _feed(head: FeedHead) -> FeedGenerator:
    feed = FeedGenerator()
    feed.id(_feed_id(head))
    feed.title(head.title)
    feed.subtitle(head.subtitle)
    feed.link(href=head.base_url + feed_path(head.name), rel="self", type="application/atom+xml")
    feed.link(href=head.base_url + page_path(head.name), rel="alternate", type="text/html")
    feed.author({"name": _AUTHOR})
    feed.generator(_AUTHOR)
    feed.icon(f"{head.base_url}/static/icon.svg")
    feed.language("en-GB")
    feed.updated(_moment(head.updated))
    feed.register_extension("source", _NoFeedExtension, _SourceExtension, atom=True, rss=False)
    return feed


def _add(entry: FeedEntry, story: PublishedStory, head: FeedHead, titles: dict[str, str]) -> None:
    entry.id(f"{_TAG}stories/{story.id}")
    entry.title(story.title)
    entry.link(href=story.url or head.base_url + story_path(story.id), rel="alternate", type="text/html")
    entry.published(min(_moment(story.published), _version(story)))
    entry.updated(_version(story))
    entry.author({"name": story.author or story.source.title})
    for tag in story.topics:
        entry.category(term=tag.topic, scheme=_SCHEME, label=titles.get(tag.topic, tag.topic))
    if not story.topics:
        entry.category(term="untagged", scheme=_SCHEME, label="No topic")
    entry.summary(summary(story.text) or story.title)
    entry.content(f"{story.html}\n<p><em>{html.escape(provenance(story))}</em></p>", type="html")
    source = story.source
    home = web_url(source.home_url)
    entry.source.describe(_source_id(source, head.instance), source.title, _version(story), web_url(source.url), home)


def _add_event(entry: FeedEntry, event: SourceEvent, head: FeedHead) -> None:
    entry.id(f"{_TAG}{head.instance}/events/{event.id}")
    entry.title(plain_line(event_title(event)))
    entry.link(href=head.base_url + source_path(event.source.id), rel="alternate", type="text/html")
    # Later events of one second have later times, all within the second before it was over.
    moment = _moment(event.at) - timedelta(microseconds=999_999 - event.id % 999_999)
    entry.published(moment)
    entry.updated(moment)
    entry.author({"name": _AUTHOR})
    entry.category(term=event.kind, scheme=_EVENTS, label=event.kind)
    paragraphs = [plain_line(sentence) for sentence in event_story(event)]
    entry.summary(paragraphs[0])
    entry.content("".join(f"<p>{html.escape(words)}</p>" for words in paragraphs), type="html")
    # Told here first; readers that mix feeds show it as where an entry is from.
    entry.source.describe(_feed_id(head), head.title, moment, head.base_url + feed_path(head.name), head.base_url + page_path(head.name))


def provenance(story: PublishedStory) -> str:
    """Who said it, for readers whose programs do not show a story's source."""
    if story.article.of > 1:
        return f"{story.source.title}: {story.article.title}, story {story.article.position} of {story.article.of}"
    return story.source.title


def _version(story: PublishedStory) -> datetime:
    """When the story last changed, within the second before it was stored.

    A round-up's stories are stored in one second, but two entries with one ``updated`` look like one to readers
    (RFC 4287 section 4.2.15), so the random part of the id tells them apart.
    """
    apart = int(ULID.from_str(story.id)) % 999_999 + 1
    return _moment(story.updated) - timedelta(microseconds=apart)


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


class _NoFeedExtension(BaseExtension):  # type: ignore[misc]
    """feedgen wants a class for the feed as well; there is nothing to add to it."""


class _SourceExtension(BaseEntryExtension):  # type: ignore[misc]
    """A complete atom:source (RFC 4287 section 4.2.11); feedgen's own has neither id nor updated."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._links: dict[str, str | None] = {}

    def describe(self, source_id: str, title: str, updated: datetime, own: str | None, home: str | None) -> None:
        """``own`` is the source's own address, ``home`` that of the page it belongs to."""
        self._texts = {"id": source_id, "title": title, "updated": updated.isoformat()}
        self._links = {"self": own, "alternate": home}

    def extend_atom(self, entry: etree._Element) -> etree._Element:
        element = etree.SubElement(entry, "source")
        for name, text in self._texts.items():
            etree.SubElement(element, name).text = text
        for relation, address in self._links.items():
            if address:
                etree.SubElement(element, "link", rel=relation, href=address)
        return entry


def _feed_id(head: FeedHead) -> str:
    return f"{_TAG}{head.instance}/feeds/{head.name}"


def _source_id(source: Source, instance: str) -> str:
    return web_url(source.url) or f"{_TAG}{instance}/sources/{source.id}"
