"""The list of all topic feeds as OPML 2.0, which readers import in one step."""

from __future__ import annotations

from collections.abc import Sequence

from lxml import etree
from lxml.builder import E

from feeds.model import StoryQuery, Topic
from feeds.publish.document import Document, document
from feeds.publish.selection import feed_address, page_address
from feeds.text import plain_line

OPML = "text/x-opml; charset=utf-8"


def feed_list(topics: Sequence[Topic], base_url: str, modified: int) -> Document:
    """The feeds of all topics and that of all stories."""
    named = [*((topic.name, topic.title) for topic in topics), ("all", "All stories"), ("untagged", "No topic")]
    title = "Healthwire: health-policy news by topic"
    feeds = E.outline(
        *(_outline(StoryQuery(name), plain_line(f"Healthwire: {words}"), base_url) for name, words in named), text="Healthwire"
    )
    root = E.opml(E.head(E.title(title)), E.body(feeds), version="2.0")
    return document(etree.tostring(root, xml_declaration=True, encoding="utf-8"), OPML, modified)


def _outline(query: StoryQuery, title: str, base_url: str) -> etree._Element:
    addresses = {"xmlUrl": base_url + feed_address(query), "htmlUrl": base_url + page_address(query)}
    return E.outline(type="rss", text=title, title=title, **addresses)
