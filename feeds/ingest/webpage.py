"""A web page as a small tree that is safe to work on, with what the page says of itself."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import lxml.html
from lxml import etree

from feeds.errors import InputError
from feeds.ingest import letter
from feeds.text import plain_line, scrub

# What is done with a page takes time by its bytes, its elements and how deep they lie. Real pages stay well below.
_MOST_BYTES = 2_000_000
_MOST_ELEMENTS = 10_000
_DEEPEST = 120
_LONGEST_NAME = 2000
_TOO_LARGE = "the page is too large to be read"

_HTML = re.compile(r"\s*(?:$|;|text/html\b|application/xhtml\+xml\b)", re.I)
_CHARSET = re.compile(r"charset\s*=\s*[\"']?\s*(utf-?8|(?:windows|cp|iso)[-_]?\d[\d-]*|latin-?\d|us-ascii)\b", re.I)
_ATTRIBUTES = frozenset(
    "id class role style hidden href src alt type name property content rel lang colspan rowspan itemprop itemscope itemtype"
    " aria-hidden aria-modal data-component data-testid data-lp-replacement-content".split()
)
_MOST_NAMES = 3
_HEADINGS = ("h2", "h3", "h4", "h5", "h6")
_FEWEST_CARDS = 3
_MOST_CARD_WORDS = 80
_DATA = "application/ld+json"
_MAKER = lxml.html.HTMLParser()

_UNSEEN = frozenset("head script style template nav header footer select svg iframe".split())
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.I)
_INLINE = frozenset("a abbr b cite code em font i mark q s small span strong sub sup time u".split())
# Where JSON-LD tells of the page itself, not of others that it lists.
_OF_THE_PAGE = ("@graph", "mainEntity", "mainEntityOfPage", "hasPart")


@dataclass(frozen=True, slots=True)
class Webpage:
    """``names`` are what the page calls itself: its title, its headline, its name for social media. ``seen`` is what a visitor
    can read of it on one line, menus and the site's head and foot left out. ``leads`` counts its headings that are links, as
    in a list of articles; those in boxes of their own are no longer in the ``tree``. ``kinds`` are its types in schema.org's
    words; ``is_free`` is False if it says there that it is not (isAccessibleForFree).
    """

    tree: lxml.html.HtmlElement
    names: tuple[str, ...]
    seen: str
    leads: int
    kinds: frozenset[str]
    is_free: bool


def read_page(body: bytes, content_type: str, url: str) -> Webpage:
    """The page with its links made absolute; they are read relative to ``url`` unless it names another base.

    Raises:
        InputError: it is no HTML, or larger than any article's page; the message says so in plain words.
    """
    if not _HTML.match(content_type):
        raise InputError(f"the page is no HTML but {plain_line(content_type.partition(';')[0])[:60]}")
    if len(body) > _MOST_BYTES:
        raise InputError(_TOO_LARGE)
    tree = _tree(_text(body, content_type))
    tree.make_links_absolute(url, handle_failures="discard")
    data = [fact for script in tree.iter("script") for fact in _facts(script.text or "")]
    marked = [element.get("itemtype", "").rpartition("/")[2] for element in tree.iterfind(".//*[@itemscope]")]
    kinds = frozenset(kind for fact in data for kind in _texts(fact.get("@type"))) | frozenset(marked)
    names, seen, is_free = tuple(_names(tree)), _seen(tree), not _is_paid(tree, data)
    return Webpage(tree, names, seen, _without_cards(tree), kinds, is_free)


def _text(body: bytes, content_type: str) -> str:
    charset = _CHARSET.search(content_type)
    if charset and not body.startswith((b"\xff\xfe", b"\xfe\xff")):
        # What HTTP says goes above what the page says of itself (WHATWG HTML section 13.2.3.2).
        body = f'<meta charset="{charset[1]}">'.encode() + body
    try:
        return letter.decode("the page", body, is_html=True)
    except InputError as error:
        raise InputError("the page is no text") from error


class _Builder:
    """Builds a tree of what may matter. A parser's own tree takes time that grows with the square of a tag's attributes."""

    def __init__(self) -> None:
        self._tree = etree.TreeBuilder(element_factory=_MAKER.makeelement)
        self._elements = 0
        self._depth = 0
        self._silent = False
        self._too_large = False

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self._elements += 1
        self._depth += 1
        self._too_large |= self._elements > _MOST_ELEMENTS or self._depth > _DEEPEST
        if self._too_large:
            return
        kept = {name: attributes[name] for name in _ATTRIBUTES & attributes.keys()}
        self._silent = tag == "style" or (tag == "script" and kept.get("type", "").strip().lower() != _DATA)
        self._tree.start(tag, kept)

    def end(self, tag: str) -> None:
        self._depth -= 1
        self._silent = False
        if not self._too_large:
            self._tree.end(tag)

    def data(self, text: str) -> None:
        if not self._too_large and not self._silent:
            self._tree.data(text)

    def close(self) -> Any:
        if self._too_large:
            raise InputError(_TOO_LARGE)
        return self._tree.close()


def _tree(text: str) -> lxml.html.HtmlElement:
    # The parser wants bytes, as it refuses texts that name their own charset.
    markup = f"<html>{scrub(text)}".encode("utf-8", "replace")
    tree: lxml.html.HtmlElement = etree.fromstring(markup, etree.HTMLParser(target=_Builder(), encoding="utf-8"))
    return tree


def _names(tree: lxml.html.HtmlElement) -> Iterator[str]:
    for tag in ("title", "h1"):
        # A page of many headlines has none of its own.
        for element in islice(tree.iter(tag), _MOST_NAMES):
            yield plain_line(element.text_content()[:_LONGEST_NAME])
    for element in tree.iterfind(".//meta[@property='og:title']"):
        yield plain_line(element.get("content", ""))


def _seen(tree: lxml.html.HtmlElement) -> str:
    pieces: list[str] = []
    walk = etree.iterwalk(tree, events=("start", "end"))
    for event, element in walk:
        if element.tag not in _INLINE:
            pieces.append(" ")
        if event == "end":
            pieces.append(element.tail or "")
        elif _is_unseen(element):
            walk.skip_subtree()
        else:
            pieces.append(element.text or "")
    return plain_line("".join(pieces))


def _is_unseen(element: Any) -> bool:
    return (
        element.tag in _UNSEEN
        or element.get("hidden") is not None
        or element.get("aria-hidden") == "true"
        or bool(_HIDDEN.search(element.get("style", "")))
    )


def _without_cards(tree: lxml.html.HtmlElement) -> int:
    """Drops the boxes that lead to other articles, each with a linked heading and a few words; how many such headings there are."""
    linked = [heading for heading in tree.iter(*_HEADINGS) if _is_linked(heading)]
    cards = [card for heading in linked if (card := _box(heading)) is not heading and len(card.text_content().split()) <= _MOST_CARD_WORDS]
    if len(cards) >= _FEWEST_CARDS:
        for card in cards:
            card.drop_tree()
    return len(linked)


def _is_linked(heading: lxml.html.HtmlElement) -> bool:
    return next(heading.iter("a"), None) is not None or next(heading.iterancestors("a"), None) is not None


def _box(heading: lxml.html.HtmlElement) -> lxml.html.HtmlElement:
    """The largest element that holds this heading and no other."""
    box = heading
    while (around := box.getparent()) is not None and len(list(islice(around.iter("h1", *_HEADINGS), 2))) == 1:
        box = around
    return box


def _facts(script: str) -> Iterator[Mapping[str, Any]]:
    """The objects in a JSON-LD script that tell of the page itself."""
    try:
        waiting = [json.loads(script, strict=False)]
    except (ValueError, RecursionError):
        return
    while waiting:
        found = waiting.pop()
        if isinstance(found, list):
            waiting.extend(found)
        elif isinstance(found, dict):
            yield found
            waiting.extend(found[name] for name in _OF_THE_PAGE if name in found)


def _texts(value: Any) -> list[str]:
    return [text for text in (value if isinstance(value, list) else [value]) if isinstance(text, str)]


def _is_paid(tree: lxml.html.HtmlElement, data: list[Mapping[str, Any]]) -> bool:
    said = [str(fact.get("isAccessibleForFree", "")) for fact in data]
    said += [element.get("content") or element.text_content() for element in tree.iterfind(".//*[@itemprop='isAccessibleForFree']")]
    locked = [element.get("content", "") for element in tree.iterfind(".//meta[@property='article:content_tier']")]
    return any(word.strip().lower().rpartition("/")[2] == "false" for word in said) or "locked" in locked
