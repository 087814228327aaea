"""Cut articles become issues: those that are new or edited, with their stories' tags."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from feeds.identity import ArticleKey, article_key
from feeds.ingest.extract import Cut
from feeds.model import Issue, TaggedStory, Verdict

Words = tuple[str, str]
"""A story's title and text."""


def unknown(cuts: Iterable[Cut], known: Mapping[ArticleKey, str]) -> list[Cut]:
    """Those whose fingerprint is not the one ``known`` under their key, in their order."""
    return [cut for cut in cuts if known.get(article_key(cut.article)) != cut.fingerprint]


def words_of(cuts: Iterable[Cut]) -> list[Words]:
    """The stories of all articles, as a model reads them."""
    return [(story.title, story.text) for cut in cuts for story in cut.split.stories]


def issues_of(cuts: Iterable[Cut], verdicts: Sequence[Verdict]) -> tuple[Issue, ...]:
    """An issue for each article; ``verdicts`` are those on ``words_of`` the same articles."""
    following = iter(verdicts)
    return tuple(
        Issue(cut.article, cut.fingerprint, tuple(TaggedStory(story, next(following)) for story in cut.split.stories), cut.split.doubt)
        for cut in cuts
    )
