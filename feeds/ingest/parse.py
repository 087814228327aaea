"""Source bytes become articles: the one door for feeds, mails and files, whatever their format."""

from __future__ import annotations

from pathlib import PurePath

from feeds.errors import InputError, PageInstead, ParseError
from feeds.ingest import feed, letter
from feeds.ingest.charset import to_text
from feeds.ingest.discovery import feeds_of
from feeds.model import Parsed

# White space, and byte order marks with nothing behind them.
_BLANK = b" \t\r\n\0\xef\xbb\xbf\xfe\xff"
_MOST_OFFERS = 5
_HEAD = 8000


def parse_feed(body: bytes, content_type: str, url: str) -> Parsed:
    """The articles of an RSS, RDF, Atom or JSON Feed document, in its order, and its wishes.

    Raises:
        PageInstead: it is a web page.
        ParseError: it is something else.
    """
    if not body.strip(_BLANK):
        raise ParseError("the answer was empty where a feed was expected")
    text = to_text(body, content_type)
    if feed.looks_like_json(text):
        return feed.parse_json(text, url)
    if not feed.looks_like_page(text, content_type):
        return feed.parse_xml(text, url)
    # A program's warnings may stand before a feed, and talk of feeds in a page.
    parsed = _in_page(text, url) if feed.looks_like_feed(text) else None
    if parsed is None:
        raise _page_instead(body, content_type, url)
    return parsed


def _in_page(text: str, url: str) -> Parsed | None:
    try:
        parsed = feed.parse_xml(text, url)
    except ParseError:
        return None
    return parsed if parsed.articles else None


def _page_instead(body: bytes, content_type: str, url: str) -> PageInstead:
    feeds = feeds_of(body, content_type, url)
    if not feeds:
        offer = "and offers no feed; look for the feed's own address on that page"
    else:
        named = [f"{offered.url} ({offered.title})" if offered.title else offered.url for offered in feeds[:_MOST_OFFERS]]
        more = len(feeds) - len(named)
        offer = f"not a feed; it offers: {', '.join(named)}{f' and {more} more' if more else ''}"
    return PageInstead(f"the address answers with a web page{', ' if feeds else ' '}{offer}", feeds)


def parse_file(name: str, body: bytes) -> Parsed:
    """The articles of a newsletter, article, mail or feed file, told apart by content where the name does not say.

    Raises:
        InputError: it is empty, binary or not readable as text.
        ParseError: it is called a feed but is none.
    """
    if not body.strip(_BLANK):
        raise InputError(f"{name}: the file is empty")
    kind = PurePath(name).suffix.lower()
    if kind not in (".txt", ".eml", ".html", ".htm"):
        if feed.looks_like_feed(to_text(body[:_HEAD])) or kind in (".xml", ".json", ".rss", ".atom"):
            try:
                return parse_feed(body, "", "")
            except ParseError as error:
                raise ParseError(f"{name}: {error}") from error
        kind = letter.sniff(body)
    if kind == ".eml":
        return Parsed((letter.from_mail(name, body),))
    return Parsed((letter.from_text(name, body, is_html=kind in (".html", ".htm")),))
