"""Cut articles become issues: those that are new or edited, with their stories tagged in one batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from feeds.identity import ArticleKey, article_key
from feeds.ingest.extract import Cut
from feeds.model import Issue, TaggedStory
from feeds.ports import Tagger


def unknown(cuts: Sequence[Cut], known: Mapping[ArticleKey, str]) -> list[Cut]:
    """Those whose fingerprint is not the one ``known`` under their key, in their order."""
    return [cut for cut in cuts if known.get(article_key(cut.article)) != cut.fingerprint]


def issues_of(cuts: Sequence[Cut], tagger: Tagger) -> tuple[Issue, ...]:
    """An issue for each."""
    verdicts = iter(tagger.tag([(story.title, story.text) for cut in cuts for story in cut.split.stories]))
    return tuple(
        Issue(cut.article, cut.fingerprint, tuple(TaggedStory(story, next(verdicts)) for story in cut.split.stories), cut.split.doubt)
        for cut in cuts
    )
