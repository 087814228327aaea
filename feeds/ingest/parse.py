"""Source bytes become articles: the one door for feeds, mails and files, whatever their format."""

from __future__ import annotations

from pathlib import PurePath

from feeds.errors import InputError, ParseError
from feeds.ingest import feed, letter
from feeds.model import Parsed

# White space, and byte order marks with nothing behind them.
_BLANK = b" \t\r\n\0\xef\xbb\xbf\xfe\xff"


def parse_feed(body: bytes, content_type: str, url: str) -> Parsed:
    """The articles of an RSS, RDF, Atom or JSON Feed document, in its order.

    Raises:
        ParseError: it is something else, e.g. a web page.
    """
    if not body.strip(_BLANK):
        raise ParseError("the answer was empty where a feed was expected")
    if feed.looks_like_json(body):
        return feed.parse_json(body, url)
    if feed.looks_like_page(body):
        raise ParseError("the address answers with an HTML page, not a feed; look for the feed's own address on that page")
    return feed.parse_xml(body, content_type, url)


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
        if feed.looks_like_feed(body) or kind in (".xml", ".json", ".rss", ".atom"):
            try:
                return parse_feed(body, "", "")
            except ParseError as error:
                raise ParseError(f"{name}: {error}") from error
        kind = letter.sniff(body)
    if kind == ".eml":
        return Parsed((letter.from_mail(name, body),))
    return Parsed((letter.from_text(name, body, is_html=kind in (".html", ".htm")),))
