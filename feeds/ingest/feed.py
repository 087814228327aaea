"""Feed documents of every format as articles. The only place that knows feedparser."""

from __future__ import annotations

import html
import io
import json
import re
from collections import Counter
from dataclasses import replace
from typing import Any

import feedparser

from feeds.errors import ParseError
from feeds.identity import digest
from feeds.ingest import dates
from feeds.ingest.mending_feed import mended, simplified
from feeds.ingest.wishes import wishes_of
from feeds.model import Article, Parsed
from feeds.text import absolute_url, plain_line, scrub, title_line

_UNTITLED = "(no title)"
_SPACE = " \t\r\n\0\ufeff"

_PAGE = re.compile(r"<!doctype html|<(?:\w+:)?html[\s>]", re.I)
_PIECE_OF_PAGE = re.compile(r"<(?:head|body|title|meta|link|script|div|h1|p)[\s>]", re.I)
_ELEMENT = re.compile(r"<[a-z]", re.I)
_FEED = re.compile(r"<(?:\w+:)?(?:rss|feed|rdf|channel)\b", re.I)

# In a title: elements of HTML and entities; other words in angle brackets are words.
_MARKUP = re.compile(
    r"</[a-z]|<(?:a|b|br|div|em|font|h\d|hr|i|img|p|span|strong|su[bp]|u|wbr)\b|<\w+\s+[\w:-]+\s*=|&(?:#\w+|[a-z]\w+);", re.I
)
_TAG = re.compile(r"</?([a-z]\w*)[^<>]*>", re.I)
_PARTS_WORDS = re.compile(r"br|p|div|li|h\d|td|th", re.I)
_UNSEEN = re.compile(r"<(script|style)\b.*?</\1\s*>|<!--.*?-->", re.I | re.S)
_LONGEST_TITLE = 2000
_YEAR_OR_NAME = re.compile(r"\d{4}|[^\W\d_]{3}")
_NO_TEXT = re.compile(r"(?:image|audio|video|font)/|application/(?:pdf|zip)")
_HEADERS = {"content-type": "application/xml; charset=utf-8"}

feedparser.registerDateHandler(dates.utc_tuple)


def looks_like_json(text: str) -> bool:
    return text.lstrip(_SPACE)[:1] == "{"


def looks_like_page(text: str, content_type: str = "") -> bool:
    head = text[:3000]
    first = _ELEMENT.search(head)
    if first and _FEED.match(head, first.start()):
        return False
    return bool(_PAGE.search(head)) or ("html" in content_type.lower() and bool(_PIECE_OF_PAGE.search(head)))


def looks_like_feed(text: str) -> bool:
    head = text[:6000]
    if looks_like_json(text):
        return "jsonfeed.org/version" in head
    return bool(_FEED.search(head))


def parse_json(text: str, url: str) -> Parsed:
    """A JSON Feed 1.0 or 1.1 document.

    Raises:
        ParseError: it is not JSON, or not a JSON Feed.
    """
    try:
        data = json.loads(text.strip(_SPACE))
    except ValueError as error:
        raise ParseError(f"not valid JSON: {error}") from error
    except RecursionError as error:
        raise ParseError("this JSON is nested too deeply to be read") from error
    items = data.get("items") if isinstance(data, dict) else None
    if not isinstance(items, list):
        raise ParseError("this JSON is not a JSON Feed: it has no list called items")
    home = absolute_url(_text(data.get("home_page_url")), url)
    articles = [_json_article(item, home or url) for item in items if isinstance(item, dict) and item]
    return Parsed(_unique(articles), _title(_text(data.get("title"))), home)


def _json_article(item: dict[str, Any], base: str) -> Article:
    markup, text = _text(item.get("content_html")), _text(item.get("content_text"))
    body = markup or text or _text(item.get("summary"))
    link = absolute_url(_text(item.get("url")), base) or absolute_url(_text(item.get("external_url")), base)
    title = _title(_text(item.get("title")))
    authors = item.get("authors") or [item.get("author")]
    names = [_text(author.get("name")) for author in authors if isinstance(author, dict)] if isinstance(authors, list) else []
    author = plain_line(", ".join(filter(None, names))) or None
    published = next(filter(None, (dates.read(_text(item.get(name))) for name in ("date_published", "date_modified"))), None)
    return Article(
        guid=plain_line(str(item.get("id") or "")) or link or _guid(title, body, author, published),
        title=title or _title_from(body, is_html=bool(markup)),
        body=body,
        is_html=bool(markup),
        origin="entry",
        url=link,
        base=link or base,
        author=author,
        published=published,
    )


def parse_xml(text: str, url: str) -> Parsed:
    """An RSS 0.9x-2.0, RDF or Atom document, however badly formed, as long as entries can be made out.

    Raises:
        ParseError: there is no feed in it.
    """
    document = mended(text)
    read = _read(document) or _read(simplified(document))
    if read is None:
        raise ParseError("the document could not be parsed: it is too badly broken")
    if not read.get("version") and not read.entries:
        reason = read.get("bozo_exception")
        raise ParseError(f"no feed could be made out in the answer{f' ({plain_line(str(reason))})' if reason else ''}")
    home = absolute_url(read.feed.get("link") or "", url)
    # Of plain dictionaries, because feedparser's own look every key up several times.
    entries = [dict(entry) for entry in read.entries if entry]
    # Podcasts name their author a second time, in other words.
    several = "itunes" not in read.namespaces
    articles = [_xml_article(entry, home or url, url, several_authors=several) for entry in entries]
    return Parsed(_unique(articles), _title(read.feed.get("title") or ""), home, wishes_of(read.feed, document))


def _read(document: bytes) -> Any:
    """What feedparser makes of it; None if it fails, which it does on odd figures in modules and with errors of any kind."""
    try:
        # Bytes alone would be tried as the name of a local file first. The HTML passes cost half the time and are not safe enough;
        # all HTML is cleaned on our side.
        return feedparser.parse(io.BytesIO(document), response_headers=_HEADERS, sanitize_html=False, resolve_relative_uris=False)
    except MemoryError:
        raise
    except Exception:
        return None


def _xml_article(entry: dict[str, Any], base: str, url: str, *, several_authors: bool) -> Article:
    body, is_html, content_base = _content(entry)
    # A guid may be the link; one that is no address must not become one.
    link = absolute_url(entry.get("link") or "", "" if entry.get("guidislink") else base)
    title = _title(entry.get("title") or "")
    author, published = _author(entry, several=several_authors), _published(entry)
    return Article(
        guid=plain_line(entry.get("id") or "") or link or _guid(title, body, author, published),
        title=title or _title_from(body, is_html=is_html),
        body=body,
        is_html=is_html,
        origin="entry",
        # The link may be a counter's, which says where it leads.
        url=absolute_url(entry.get("feedburner_origlink") or entry.get("pheedo_origlink") or "", base) or link or _alternate(entry, base),
        base=absolute_url(content_base, url) or link or base,
        author=author,
        published=published,
    )


def _content(entry: dict[str, Any]) -> tuple[str, bool, str]:
    """The fullest content that the entry has, whether it is HTML, and its base address."""
    value, kind, base = "", "", ""
    for detail in map(dict, [*entry.get("content", []), entry.get("summary_detail") or {}]):
        if len(detail.get("value") or "") > len(value) and not _NO_TEXT.match(detail.get("type") or ""):
            value, kind, base = detail["value"], detail.get("type") or "", detail.get("base") or ""
    value = scrub(value)
    return value, kind != "text/plain" or bool(re.search(r"</?(?:p|a|br|div|ul|strong|em)\b", value)), base


def _author(entry: dict[str, Any], *, several: bool) -> str | None:
    authors = entry.get("authors", [])
    if several and len(authors) > 1:
        names = dict.fromkeys(filter(None, (title_line(author.get("name") or "") for author in authors)))
        if len(names) > 1:
            return ", ".join(names)
    return title_line((entry.get("author_detail") or {}).get("name") or entry.get("author") or "") or None


def _published(entry: dict[str, Any]) -> int | None:
    """When it was published, else updated or created, whichever can be true."""
    for name in ("published", "updated", "created"):
        # feedparser takes what a date does not say from the present one, so that it would be another every day.
        if _YEAR_OR_NAME.search(entry.get(name) or ""):
            moment = dates.from_utc(entry.get(f"{name}_parsed"))
            if moment is not None:
                return moment
    return None


def _alternate(entry: dict[str, Any], base: str) -> str | None:
    """The address of what the entry stands for where that is no page, e.g. a PDF."""
    links = (absolute_url(link.get("href") or "", base) for link in entry.get("links", []) if link.get("rel") == "alternate")
    return next(filter(None, links), None)


def _guid(title: str, body: str, author: str | None, published: int | None) -> str:
    """What an entry without id and link is known by."""
    return digest(title, body) if title or body else digest(author or "", str(published))


def _title(value: str) -> str:
    """A title as plain text, whether it is text, HTML, or HTML that was escaped twice."""
    if "<" not in value and "&" not in value:
        return plain_line(value)
    if len(value) <= _LONGEST_TITLE:
        value = _UNSEEN.sub("", value)
    if _MARKUP.search(value):
        value = _TAG.sub(lambda tag: " " if _PARTS_WORDS.fullmatch(tag[1]) else "", value)
    text = html.unescape(value)
    return title_line(value) if _MARKUP.search(text) else plain_line(text)


def _unique(articles: list[Article]) -> tuple[Article, ...]:
    """The articles, the first of each guid.

    Different entries with one guid are told apart by link and title, all of them: if the first kept the guid, the next
    new entry would take it over, and with it the identity of another.
    """
    shared = Counter(guid for guid, _, _ in {(article.guid, article.url, article.title) for article in articles})
    seen: dict[str, Article] = {}
    for article in articles:
        guid = article.guid if shared[article.guid] == 1 else digest(article.guid, article.url or "", article.title)
        seen.setdefault(guid, replace(article, guid=guid))
    return tuple(seen.values())


def _title_from(body: str, *, is_html: bool) -> str:
    """A title for an entry that has none: how its text begins."""
    beginning = body[:2000]
    words = _title(re.sub(r"<[^>]*>", " ", beginning) if is_html else beginning).split()
    return " ".join(words[:12]) + ("\u2026" if len(words) > 12 else "") if words else _UNTITLED


def _text(value: Any) -> str:
    return scrub(value) if isinstance(value, str) else ""
