"""Queries as addresses: the same words mean the same in every feed, page and program's request."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from feeds.model import StoryQuery

DEFAULT_LIMIT = 50


def query_words(query: StoryQuery) -> dict[str, str]:
    """What chooses among the stories of the feed, as the words of an address."""
    words: dict[str, str] = {}
    if query.words:
        words["q"] = query.words
    if query.source is not None:
        words["source"] = str(query.source)
    if query.min_confidence:
        words["min_confidence"] = _decimal(query.min_confidence)
    return words


def feed_name(query: StoryQuery) -> str:
    """What a feed shows, in one word; the same for every document of it."""
    return _with(query.feed, query_words(query))


def feed_address(query: StoryQuery, suffix: str = "atom") -> str:
    """The path of a feed's document; with ``query.before`` that of an archive document."""
    words = _all_words(query)
    if query.before:
        words["before"] = query.before
    return _with(f"/feeds/{query.feed}.{suffix}", words)


def page_address(query: StoryQuery) -> str:
    """The path of the page that shows what the feed shows."""
    words = _all_words(query)
    if "q" in words:
        return _with("/search", ({} if query.feed == "all" else {"topic": query.feed}) | words)
    return _with("/" if query.feed == "all" else f"/topics/{query.feed}", words)


def _all_words(query: StoryQuery) -> dict[str, str]:
    return query_words(query) | ({} if query.limit == DEFAULT_LIMIT else {"limit": str(query.limit)})


def _decimal(share: float) -> str:
    """All digits that count, and no exponent."""
    return f"{share:.9f}".rstrip("0").rstrip(".")


def _with(path: str, words: Mapping[str, str]) -> str:
    # Between topics a plus sign means what the space means that it is read as; between words to search for it would not.
    written = (f"{name}={quote(value, safe='+' if name == 'topic' else '')}" for name, value in words.items())
    return f"{path}?{'&'.join(written)}" if words else path
