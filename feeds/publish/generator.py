"""What the Atom and RSS documents share: feedgen, and through its extensions what it cannot say by itself."""

from __future__ import annotations

from feedgen.entry import FeedEntry
from feedgen.ext.base import BaseExtension
from feedgen.feed import FeedGenerator
from lxml import etree

from feeds.publish.channel import AUTHOR, LANGUAGE, TOPIC_SCHEME, Channel
from feeds.publish.entry import Entry, moment
from feeds.text import plain_line

_ATOM = "http://www.w3.org/2005/Atom"
_HISTORY = "http://purl.org/syndication/history/1.0"


def begin(channel: Channel, media_type: str) -> FeedGenerator:
    """A document of this media type that has all that the channel says, and no entries yet."""
    feed = FeedGenerator()
    title = plain_line(channel.title)
    feed.id(channel.id)
    feed.title(title)
    feed.subtitle(plain_line(channel.subtitle) or title)
    feed.link(href=channel.self_url, rel="self", type=media_type)
    # The last link is the one that RSS shows.
    feed.link(href=channel.page_url, rel="alternate", type="text/html")
    feed.author({"name": AUTHOR})
    feed.generator(AUTHOR)
    feed.icon(channel.icon_url)
    feed.language(LANGUAGE)
    feed.updated(moment(channel.updated))
    feed.register_extension("history", _History)
    feed.history.describe(channel, media_type)
    return feed


def append(feed: FeedGenerator, told: Entry) -> FeedEntry:
    """A new last entry with what both formats say of a story."""
    entry = feed.add_entry(order="append")
    entry.id(told.id)
    entry.title(told.title)
    entry.link(href=told.url)
    entry.published(told.published)
    entry.content(told.content, type="html")
    for category in told.categories:
        entry.category(term=category.term, scheme=TOPIC_SCHEME, label=category.label)
    return entry


class _History(BaseExtension):  # type: ignore[misc]
    """Where the other documents of the feed are (RFC 5005), and the hub; feedgen has no such links in RSS."""

    def __init__(self) -> None:
        self._links: list[dict[str, str]] = []
        self._is_archive = False

    def describe(self, channel: Channel, media_type: str) -> None:
        documents = {"current": channel.current_url, "prev-archive": channel.prev_archive}
        self._links = [{"rel": relation, "href": url, "type": media_type} for relation, url in documents.items() if url]
        if channel.hub_url:
            self._links.append({"rel": "hub", "href": channel.hub_url})
        self._is_archive = channel.is_archive

    def extend_ns(self) -> dict[str, str]:
        return {"fh": _HISTORY} if self._is_archive else {}

    def extend_atom(self, feed: etree._Element) -> etree._Element:
        self._extend(feed, "link")
        return feed

    def extend_rss(self, rss: etree._Element) -> etree._Element:
        self._extend(rss.find("channel"), f"{{{_ATOM}}}link")
        return rss

    def _extend(self, parent: etree._Element, link: str) -> None:
        for attributes in self._links:
            etree.SubElement(parent, link, attributes)
        if self._is_archive:
            etree.SubElement(parent, f"{{{_HISTORY}}}archive")
