"""Feed documents of every format as articles. The only place that knows feedparser."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace
from typing import Any
from urllib.parse import urljoin

import feedparser

from feeds.errors import ParseError
from feeds.identity import digest
from feeds.ingest import dates
from feeds.model import Article, Parsed
from feeds.text import plain_line, scrub, title_line, web_url

_UNTITLED = "(no title)"

feedparser.registerDateHandler(dates.named_zone)


def looks_like_json(body: bytes) -> bool:
    return body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{"


def looks_like_page(body: bytes) -> bool:
    head = body[:3000].lower()
    return bool(re.search(rb"<!doctype html|<html\b", head)) and not looks_like_feed(body)


def looks_like_feed(body: bytes) -> bool:
    head = body[:6000].replace(b"\0", b"").lower()
    if looks_like_json(body):
        return b"jsonfeed.org/version" in head
    return bool(re.search(rb"<(?:\w+:)?(?:rss|feed|rdf|channel)\b", head))


def parse_json(body: bytes, url: str) -> Parsed:
    """A JSON Feed 1.0 or 1.1 document.

    Raises:
        ParseError: it is not JSON, or not a JSON Feed.
    """
    try:
        data = json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ParseError(f"not valid JSON: {error}") from error
    items = data.get("items") if isinstance(data, dict) else None
    if not isinstance(items, list):
        raise ParseError("this JSON is not a JSON Feed: it has no list called items")
    home = _text(data.get("home_page_url"))
    articles = [_json_article(item, home or url) for item in items if isinstance(item, dict)]
    return Parsed(_unique(articles), title_line(_text(data.get("title"))), web_url(home))


def _json_article(item: dict[str, Any], base: str) -> Article:
    markup, text = _text(item.get("content_html")), _text(item.get("content_text"))
    body = markup or text or _text(item.get("summary"))
    link = _link(_text(item.get("url")), base) or _link(_text(item.get("external_url")), base)
    title = title_line(_text(item.get("title")))
    authors = item.get("authors") or [item.get("author")]
    names = [_text(author.get("name")) for author in authors if isinstance(author, dict)] if isinstance(authors, list) else []
    return Article(
        guid=plain_line(str(item.get("id") or "")) or link or digest(title, body),
        title=title or _title_from(body),
        body=body,
        is_html=bool(markup),
        origin="entry",
        url=link,
        base=link or base,
        author=plain_line(", ".join(filter(None, names))) or None,
        published=dates.from_rfc3339(_text(item.get("date_published"))),
    )


def parse_xml(body: bytes, content_type: str, url: str) -> Parsed:
    """An RSS 0.9x-2.0, RDF or Atom document, however badly formed, as long as entries can be made out.

    Raises:
        ParseError: there is no feed in it.
    """
    headers = {"content-type": content_type} if content_type else {}
    # Its HTML passes cost half its time and are not safe enough; all HTML is cleaned on our side.
    document = feedparser.parse(body, response_headers=headers, sanitize_html=False, resolve_relative_uris=False)
    if not document.get("version") and not document.entries:
        reason = document.get("bozo_exception")
        raise ParseError(f"no feed could be made out in the answer{f' ({plain_line(str(reason))})' if reason else ''}")
    home = _link(document.feed.get("link", ""), url)
    articles = [_xml_article(entry, home or url) for entry in document.entries]
    return Parsed(_unique(articles), title_line(document.feed.get("title", "")), home)


def _xml_article(entry: Any, base: str) -> Article:
    body, is_html, content_base = _content(entry)
    # A guid may be the link; one that is no address must not become one.
    link = _link(entry.get("link", ""), "" if entry.get("guidislink") else base)
    title = title_line(entry.get("title", ""))
    return Article(
        guid=plain_line(entry.get("id", "")) or link or digest(title, body),
        title=title or _title_from(body),
        body=body,
        is_html=is_html,
        origin="entry",
        url=link,
        base=web_url(content_base) or link or base,
        author=title_line(entry.get("author_detail", {}).get("name") or entry.get("author", "")) or None,
        published=dates.from_utc(entry.get("published_parsed") or ("updated_parsed" in entry and entry["updated_parsed"]) or None),
    )


def _content(entry: Any) -> tuple[str, bool, str | None]:
    """The fullest content that the entry has, whether it is HTML, and its base address."""
    candidates = [*entry.get("content", []), entry.get("summary_detail") or {}]
    best: dict[str, Any] = max(candidates, key=lambda detail: len(detail.get("value") or ""), default={})
    value = scrub(best.get("value") or "")
    is_html = best.get("type") != "text/plain" or bool(re.search(r"</?(?:p|a|br|div|ul|strong|em)\b", value))
    return value, is_html, best.get("base")


def _unique(articles: list[Article]) -> tuple[Article, ...]:
    """The articles that hold anything, the first of each guid.

    Different entries with one guid are told apart by link and title, all of them: if the first kept the guid, the next
    new entry would take it over, and with it the identity of another.
    """
    shared = Counter(guid for guid, _, _ in {(article.guid, article.url, article.title) for article in articles})
    seen: dict[str, Article] = {}
    for article in articles:
        if not article.url and not article.body.strip() and article.title == _UNTITLED:
            continue
        guid = article.guid if shared[article.guid] == 1 else digest(article.guid, article.url or "", article.title)
        seen.setdefault(guid, replace(article, guid=guid))
    return tuple(seen.values())


def _link(address: str, base: str) -> str | None:
    """A link as an absolute address; sloppy feeds give it relative to their own."""
    try:
        return web_url(urljoin(base, address.strip())) if address else None
    except ValueError:
        return None


def _title_from(body: str) -> str:
    """A title for an entry that has none: how its text begins."""
    words = title_line(re.sub(r"<[^>]*>", " ", body[:2000])).split()
    return " ".join(words[:12]) + ("\u2026" if len(words) > 12 else "") if words else _UNTITLED


def _text(value: Any) -> str:
    return scrub(value) if isinstance(value, str) else ""
