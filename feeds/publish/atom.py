"""Stories, and what happened to sources, as Atom (RFC 4287)."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from feedgen.entry import FeedEntry
from feedgen.ext.base import BaseEntryExtension, BaseExtension
from feedgen.feed import FeedGenerator
from lxml import etree

from feeds.condition import event_story, event_title
from feeds.model import PublishedStory, SourceEvent, Tombstone
from feeds.publish.channel import AUTHOR, EVENT_SCHEME, NAMESPACE, Channel, event_tag, source_path, story_tag
from feeds.publish.entry import Category, Entry, Link, Origin, entries, moment
from feeds.publish.generator import append, begin
from feeds.text import plain_line

_MEDIA_TYPE = "application/atom+xml"
_TOMBSTONES = "http://purl.org/atompub/tombstones/1.0"


def render(channel: Channel, stories: Sequence[PublishedStory], titles: Mapping[str, str], tombstones: Sequence[Tombstone] = ()) -> bytes:
    """An Atom document of the stories, in their order; ``titles`` are the topics' names for people."""
    feed = _begin(channel)
    feed.register_extension("sureness", _OwnNamespace, _Sureness)
    feed.register_extension("deletions", _Deletions)
    feed.sureness.is_used = not channel.is_archive
    feed.deletions.tombstones = tombstones
    for told in entries(channel, stories, titles):
        _add(feed, told)
    return bytes(feed.atom_str(encoding="utf-8"))


def render_events(channel: Channel, events: Sequence[SourceEvent]) -> bytes:
    """An Atom document of what happened to sources, in their order, with no word that is not for everybody."""
    feed = _begin(channel)
    for event in events:
        _add_event(feed.add_entry(order="append"), event, channel)
    return bytes(feed.atom_str(encoding="utf-8"))


def _begin(channel: Channel) -> FeedGenerator:
    feed = begin(channel, _MEDIA_TYPE)
    feed.register_extension("links", BaseExtension, _Links)
    feed.register_extension("origin", BaseExtension, _Origin)
    return feed


def _add(feed: FeedGenerator, told: Entry) -> None:
    entry = append(feed, told)
    entry.links.describe(told.title, told.via, told.related)
    entry.updated(told.updated)
    entry.author({"name": told.author})
    entry.summary(told.summary)
    entry.origin.describe(told.origin, told.updated)
    entry.sureness.categories = told.categories


def _add_event(entry: FeedEntry, event: SourceEvent, channel: Channel) -> None:
    entry.id(event_tag(event.id, channel.instance))
    title = plain_line(event_title(event))
    entry.title(title)
    entry.link(href=channel.base_url + source_path(event.source.id))
    entry.links.describe(title)
    # Later events of one second have later times, all within the second before it was over.
    at = moment(event.at) - timedelta(microseconds=999_999 - event.id % 999_999)
    entry.published(at)
    entry.updated(at)
    entry.author({"name": AUTHOR})
    entry.category(term=event.kind, scheme=EVENT_SCHEME, label=event.kind)
    paragraphs = [plain_line(sentence) for sentence in event_story(event)]
    entry.summary(paragraphs[0])
    entry.content("".join(f"<p>{html.escape(words)}</p>" for words in paragraphs), type="html")
    # Told here first; readers that mix feeds show it as where an entry is from.
    entry.origin.describe(Origin(channel.id, channel.title, channel.self_url, channel.page_url), at)


class _Links(BaseEntryExtension):  # type: ignore[misc]
    """What the link of an entry is, which feedgen keeps to itself, and the further links."""

    def __init__(self) -> None:
        self._title = ""
        self._further: list[tuple[str, Link]] = []

    def describe(self, title: str, via: Link | None = None, related: Sequence[Link] = ()) -> None:
        """``title`` is that of the link which the entry has."""
        self._title = title
        self._further = [("via", via)] if via else []
        self._further += [("related", link) for link in related]

    def extend_atom(self, entry: etree._Element) -> etree._Element:
        entry.find("link").attrib.update({"rel": "alternate", "type": "text/html", "title": self._title})
        for relation, link in self._further:
            etree.SubElement(entry, "link", rel=relation, href=link.url, title=link.title)
        return entry


class _Origin(BaseEntryExtension):  # type: ignore[misc]
    """A complete atom:source (RFC 4287 section 4.2.11); feedgen's own has neither id nor updated."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._links: dict[str, str | None] = {}

    def describe(self, origin: Origin, updated: datetime) -> None:
        self._texts = {"id": origin.id, "title": origin.title, "updated": updated.isoformat()}
        self._links = {"self": origin.url, "alternate": origin.home}

    def extend_atom(self, entry: etree._Element) -> etree._Element:
        element = etree.SubElement(entry, "source")
        for name, text in self._texts.items():
            etree.SubElement(element, name).text = text
        for relation, address in self._links.items():
            if address:
                etree.SubElement(element, "link", rel=relation, href=address)
        return entry


class _OwnNamespace(BaseExtension):  # type: ignore[misc]
    """Declares our namespace once, for all entries."""

    is_used = True

    def extend_ns(self) -> dict[str, str]:
        return {"hw": NAMESPACE} if self.is_used else {}


class _Sureness(BaseEntryExtension):  # type: ignore[misc]
    """How sure each category is."""

    def __init__(self) -> None:
        self.categories: Sequence[Category] = ()

    def extend_atom(self, entry: etree._Element) -> etree._Element:
        for element, category in zip(entry.iterfind("category"), self.categories, strict=True):
            if category.confidence is not None:
                element.set(f"{{{NAMESPACE}}}confidence", str(category.confidence))
        return entry


class _Deletions(BaseExtension):  # type: ignore[misc]
    """Which entries are no more (RFC 6721)."""

    def __init__(self) -> None:
        self.tombstones: Sequence[Tombstone] = ()

    def extend_ns(self) -> dict[str, str]:
        return {"at": _TOMBSTONES} if self.tombstones else {}

    def extend_atom(self, feed: etree._Element) -> etree._Element:
        for tombstone in self.tombstones:
            when = moment(tombstone.at).isoformat()
            etree.SubElement(feed, f"{{{_TOMBSTONES}}}deleted-entry", ref=story_tag(tombstone.story_id), when=when)
        return feed
