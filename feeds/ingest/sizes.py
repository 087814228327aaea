"""Articles and stories made no larger than news is, so that whoever keeps, judges or shows them need not ask.

A hostile source could make each of them as long as its document.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import replace

from feeds.identity import short_key
from feeds.ingest.prune import MOST_ENTRIES
from feeds.model import Article, Split, Story
from feeds.text import summary

# Characters of markup; more of one document is not read.
_MOST_CHARACTERS = 5_000_000
# Characters.
_LONGEST_NAME = 500
_LONGEST_TEXT = 100_000
_LONGEST_MARKUP = 300_000
# Once an article is cut into stories, its body only tells whether it is a teaser, which is shorter.
_LONGEST_BODY = 60_000


def first_of(articles: Sequence[Article]) -> tuple[Article, ...]:
    """As many of a document's articles as are read, at least one."""
    left = _MOST_CHARACTERS
    for index, article in enumerate(articles[:MOST_ENTRIES]):
        left -= len(article.body)
        if left < 0 and index:
            return tuple(articles[:index])
    return tuple(articles[:MOST_ENTRIES])


def named_shortly(article: Article) -> Article:
    """The article with a title, author and guid that can be shown and looked up."""
    author = article.author and short_name(article.author)
    return replace(article, guid=short_key(article.guid), title=short_name(article.title), author=author)


def short_name(name: str) -> str:
    return summary(name, _LONGEST_NAME)


def without_long_body(article: Article) -> Article:
    return replace(article, body=article.body[:_LONGEST_BODY])


def bounded(split: Split) -> Split:
    """The stories with as much text as can be shown; of a longer one the markup goes."""
    return replace(split, stories=tuple(map(_story, split.stories)))


def _story(story: Story) -> Story:
    title, text, markup = short_name(story.title), story.text, story.html
    if len(text) > _LONGEST_TEXT or len(markup) > _LONGEST_MARKUP:
        text = text[:_LONGEST_TEXT]
        markup = "".join(f"<p>{html.escape(paragraph, quote=False)}</p>" for paragraph in text.split("\n\n"))
    return replace(story, title=title, text=text, html=markup)
