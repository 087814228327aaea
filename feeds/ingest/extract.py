"""Outside bytes become articles that are cut into stories. All of it runs in the sandbox."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from feeds.identity import fingerprint
from feeds.ingest.parse import parse_feed, parse_file
from feeds.ingest.prune import prune
from feeds.ingest.sizes import first_of, named_shortly, short_name, without_long_body
from feeds.ingest.split import split_safely
from feeds.model import Article, Raw, Split, Wishes


@dataclass(frozen=True, slots=True)
class Cut:
    """An article with its stories; ``fingerprint`` is that of the article as its source gave it, ``page`` what completed it.

    Of a long body only the beginning is left.
    """

    article: Article
    fingerprint: str
    split: Split
    page: Raw | None = None


@dataclass(frozen=True, slots=True)
class Extract:
    """What is new in a document, and the ``raw`` bytes that it came from, None when nothing is.

    ``marks`` are the hashes of all entries, known ones included. ``dropped`` entries were too many.
    """

    cuts: tuple[Cut, ...] = ()
    title: str = ""
    home_url: str | None = None
    wishes: Wishes | None = None
    marks: frozenset[str] = frozenset()
    raw: Raw | None = None
    dropped: int = 0


def extract_feed(body: bytes, content_type: str, url: str, known: frozenset[str] = frozenset()) -> Extract:
    """What is new in a feed document, given the marks of the one before.

    Raises:
        ParseError: it is no feed.
    """
    pruned = prune(body, known)
    if pruned.body is None:
        return Extract(marks=pruned.marks)
    parsed = parse_feed(pruned.body, content_type, url)
    articles = first_of(parsed.articles)
    raw = Raw("feed", url, content_type, pruned.body)
    dropped = pruned.dropped + len(parsed.articles) - len(articles)
    return Extract(cut(articles), short_name(parsed.title), parsed.home_url, parsed.wishes, pruned.marks, raw, dropped)


def extract_file(name: str, body: bytes) -> Extract:
    """The articles of a newsletter, article, mail or feed file.

    Raises:
        InputError: it is empty, binary or not readable as text.
        ParseError: it is called a feed but is none.
    """
    return Extract(cut(parse_file(name, body).articles), raw=Raw("file", name, "", body))


def cut(articles: Iterable[Article]) -> tuple[Cut, ...]:
    """Each article with its stories."""
    return tuple(_cut(article) for article in articles)


def _cut(article: Article) -> Cut:
    named = named_shortly(article)
    return Cut(without_long_body(named), fingerprint(article), split_safely(named))
