"""What makes two articles or two stories the same one. Pure: values in, values out."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from feeds.model import Article, Story
from feeds.text import canonical_url

# What PostgreSQL's indexes take (a third of a page) is known by itself, what is longer by its hash.
_LONGEST_KEY = 2000
# Shorter items ("Weekly figures out today") recur with the same words and other news behind them.
_WORDS_THAT_IDENTIFY = 12


ArticleKey = tuple[str, str]
"""What an article is known by within the source that polled it: its newsletter's address (empty without one) and its guid."""


@dataclass(frozen=True, slots=True)
class StoryKeys:
    """What a story can be recognised by; None where it has nothing that identifies it."""

    link: str | None
    text: str | None


def digest(*parts: str | bytes) -> str:
    """A short stable hash of some strings or bytes."""
    encoded = (part if isinstance(part, bytes) else part.encode("utf-8", "surrogatepass") for part in parts)
    return hashlib.sha256(b"\x1f".join(encoded)).hexdigest()[:32]


def article_key(article: Article) -> ArticleKey:
    return (article.newsletter.url if article.newsletter else "", article.guid)


def host_of(url: str) -> str:
    """The host that polls of a source ask, in small letters; empty for what is not asked over a network."""
    try:
        parts = urlsplit(url)
        return (parts.hostname or "").rstrip(".") if parts.scheme in ("http", "https", "imap", "imaps") else ""
    except ValueError:
        return ""


def fingerprint(article: Article) -> str:
    """Changes whenever anything a reader sees of the article changes."""
    return digest(article.title, article.body, article.url or "", article.author or "", str(article.published or ""))


def story_keys(stories: Sequence[Story]) -> list[StoryKeys]:
    """The keys of one article's stories.

    A link identifies a story only if no other story of the article has it and it leads to more than a front page.
    """
    links = [canonical_url(story.url) for story in stories]
    times = Counter(links)
    return [
        StoryKeys(short_key(link) if link and times[link] == 1 and _is_page(link) else None, _text_key(story))
        for link, story in zip(links, stories, strict=True)
    ]


def short_key(text: str) -> str:
    """The text itself, or its hash if it is too long to be looked up."""
    return text if len(text.encode("utf-8", "surrogatepass")) <= _LONGEST_KEY else digest(text)


def _is_page(link: str) -> bool:
    parts = urlsplit(link)
    return bool(parts.path or parts.query)


def _text_key(story: Story) -> str | None:
    words = re.findall(r"\w+", f"{story.title} {story.text}".casefold())
    return digest(" ".join(words)) if len(words) >= _WORDS_THAT_IDENTIFY else None


def pair_up(old: Sequence[tuple[str, str]], new: Sequence[tuple[str, str]]) -> list[int | None]:
    """For each new (title, text) of an edited article, the index of the old story it continues, or None.

    First the same title and text, then either of them, then, in order, the one left over between matched neighbours.
    An article that held one story and still does has the same one, whatever its words.
    """
    if len(old) == len(new) == 1:
        return [0]
    pairs: list[int | None] = [None] * len(new)
    free = set(range(len(old)))

    def take(match: Sequence[object], candidates: Sequence[object]) -> None:
        for n, key in enumerate(match):
            if pairs[n] is None and key:
                hit = next((o for o in sorted(free) if candidates[o] == key), None)
                if hit is not None:
                    pairs[n] = hit
                    free.discard(hit)

    take(new, old)
    take([title.casefold() for title, _ in new], [title.casefold() for title, _ in old])
    take([text for _, text in new], [text for _, text in old])
    for n in range(len(new)):
        if pairs[n] is None:
            low = max((p for p in pairs[:n] if p is not None), default=-1)
            high = min((p for p in pairs[n + 1 :] if p is not None), default=len(old))
            between = [o for o in sorted(free) if low < o < high]
            if between and _alike(new[n], old[between[0]]):
                pairs[n] = between[0]
                free.discard(between[0])
    return pairs


def _alike(one: tuple[str, str], other: tuple[str, str]) -> bool:
    """A rewritten story keeps a good part of its words; a story in a removed one's place does not."""
    a, b = (set(re.findall(r"\w{4,}", " ".join(story).casefold())) for story in (one, other))
    return bool(a and b) and len(a & b) * 3 >= min(len(a), len(b))


def same_story(one: StoryKeys, other: StoryKeys, *, same_source: bool) -> bool:
    """Whether two articles told the same story.

    Between sources the same link or the same words are enough. Within one source the same words with another link
    are a standing item that came round again, and the same link with other words is a page that got new news.
    """
    same_text = one.text is not None and one.text == other.text
    same_link = one.link is not None and one.link == other.link
    if same_source:
        return same_text and (same_link or one.link is None or other.link is None)
    return same_text or same_link
