"""Articles become issues: those that are new or edited, cut into stories and tagged in one batch."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from feeds.identity import fingerprint
from feeds.ingest.split import split
from feeds.model import Article, Issue, Split, Story, TaggedStory
from feeds.ports import Tagger
from feeds.text import clean_html, plain_line, title_line

_log = logging.getLogger(__name__)


def issues_of(articles: Sequence[Article], known: Mapping[str, str], tagger: Tagger) -> tuple[Issue, ...]:
    """Issues for the articles whose fingerprint is not the one ``known`` under their guid.

    An article that cannot be cut is kept whole, so that one bad document costs its source nothing else.
    """
    news = [(article, mark) for article in articles if known.get(article.guid) != (mark := fingerprint(article))]
    splits = [_split(article) for article, _ in news]
    stories = [story for each in splits for story in each.stories]
    verdicts = iter(tagger.tag([(story.title, story.text) for story in stories]))
    return tuple(
        Issue(article, mark, tuple(TaggedStory(story, next(verdicts)) for story in each.stories), each.doubt)
        for (article, mark), each in zip(news, splits, strict=True)
    )


def _split(article: Article) -> Split:
    try:
        return split(article)
    except Exception:
        _log.exception("could not cut the article %r; it is kept whole", article.title)
        markup = clean_html(article.body) if article.is_html else ""
        text = title_line(markup) if article.is_html else plain_line(article.body)
        return Split((Story(article.title, text, markup, article.url, 1, 1),), "kept whole: it could not be cut")
