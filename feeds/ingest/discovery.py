"""The feeds that a web page offers."""

from __future__ import annotations

import re
from urllib.parse import urldefrag

from lxml import etree

from feeds.ingest.charset import to_text
from feeds.model import FeedLink
from feeds.text import absolute_url, plain_line

# A page names its feeds at its top; what comes after this is not read.
_LONGEST = 1024 * 1024
_MOST_FEEDS = 50
_LONGEST_TITLE = 200

_FEED_TYPES = {"application/rss+xml", "application/atom+xml", "application/feed+json", "application/rdf+xml", "application/x.atom+xml"}
# Types of many things; of a feed only if its address or title says so.
_GENERAL_TYPES = {"application/json", "application/xml", "text/xml"}
_SAYS_FEED = re.compile(r"\b(?:feeds?|rss|atom|rdf)\b|/feed|json ?feed", re.I)
_COMMENTS = re.compile(r"\bcomments\b", re.I)


def feeds_of(body: bytes, content_type: str, url: str) -> tuple[FeedLink, ...]:
    """The feeds that a page at this address links to as its alternates, in its order, each once, feeds of comments last.

    By HTML section 4.6.7.1 these are the link, a and area elements, wherever they stand, with the keyword alternate and the type of a
    feed. Never raises.
    """
    root = _tree(to_text(body[:_LONGEST], content_type))
    if root is None:
        return ()
    base = _base(root, url)
    found: dict[str, FeedLink] = {}
    for element in root.iter("link", "a", "area"):
        address = absolute_url(element.get("href", ""), base) if _is_feed(element) else None
        # What a template holds is not in the page (HTML section 4.12.3).
        if address and next(element.iterancestors("template"), None) is None:
            found.setdefault(urldefrag(address).url, FeedLink(address, plain_line(element.get("title", ""))[:_LONGEST_TITLE].rstrip()))
            if len(found) == _MOST_FEEDS:
                break
    return tuple(sorted(found.values(), key=lambda feed: bool(_COMMENTS.search(f"{feed.title} {feed.url}"))))


def _tree(text: str) -> etree._Element | None:
    parser = etree.HTMLParser(encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True)
    try:
        return etree.fromstring(text.replace("\0", "").encode("utf-8", "replace"), parser)
    except (etree.XMLSyntaxError, ValueError):
        return None


def _base(root: etree._Element, url: str) -> str:
    """What relative addresses refer to: the first base element with an address decides (HTML section 4.2.3)."""
    element = next(root.iterfind(".//base[@href]"), None)
    return absolute_url(element.get("href", ""), url) or url if element is not None else url


def _is_feed(element: etree._Element) -> bool:
    keywords = element.get("rel", "").lower().split()
    if "alternate" not in keywords or "stylesheet" in keywords:
        return False
    kind = element.get("type", "").partition(";")[0].strip().lower()
    return kind in _FEED_TYPES or (
        kind in _GENERAL_TYPES and bool(_SAYS_FEED.search(f"{element.get('title', '')} {element.get('href', '')}"))
    )
