"""Makes articles, stories and polls that are ready to store, with as few words as a test needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from fakes import START

from feeds.identity import fingerprint
from feeds.model import Article, Evidence, Issue, Newsletter, Plan, PollResult, Story, Subscription, Tag, TaggedStory, Verdict
from feeds.store import Store

# Long enough to be known again by its words.
LONG = "The trust told its board on Thursday that the plan agreed in spring no longer holds and must be drawn up anew"


def tags(confidences: Mapping[str, float]) -> tuple[Tag, ...]:
    """A tag for each topic, chosen from 0.5 on."""
    return tuple(
        Tag(topic, confidence, confidence >= 0.5, "model-1", (Evidence(f"{topic} word", 0.25),))
        for topic, confidence in confidences.items()
    )


def news(title: str, text: str | None = None, *, url: str | None = None, topics: Mapping[str, float] | None = None) -> TaggedStory:
    """A story with a tag for finance unless ``topics`` says otherwise; its text is its own unless given."""
    words = f"{title}: {LONG}" if text is None else text
    return TaggedStory(Story(title, words, f"<p>{words}</p>", url, 1, 1), Verdict(tags({"finance": 0.9} if topics is None else topics)))


def issue(guid: str, *told: TaggedStory, published: int | None = None, author: str | None = None, url: str | None = None) -> Issue:
    """An article of these stories, each in its place; its fingerprint follows what it says."""
    body = "\n".join(f"{each.story.title}\n{each.story.text}\n{each.story.url}" for each in told)
    article = Article(guid, f"Issue {guid}", body, is_html=False, origin="entry", url=url, author=author, published=published)
    placed = [replace(each, story=replace(each.story, position=position, of=len(told))) for position, each in enumerate(told, start=1)]
    return Issue(article, fingerprint(article), tuple(placed))


def newsletter_issue(guid: str, key: str, *told: TaggedStory, published: int | None = None) -> Issue:
    """An issue of the newsletter with this key."""
    made = issue(guid, *told, published=published)
    return replace(made, article=replace(made.article, newsletter=Newsletter(key, key.title())))


def poll_of(*issues: Issue, at: int = START, next_poll: int | None = START + 3600, error: str | None = None) -> PollResult:
    return PollResult(polled_at=at, plan=Plan(next_poll, ""), error=error, etag='"e1"', body_hash="0" * 32, issues=issues)


def add_sources(store: Store, names: Sequence[str], next_poll: int | None = START) -> list[int]:
    """The ids of new sources with these titles."""
    subscriptions = [Subscription(f"https://{name}.example/feed", name) for name in names]
    return [source.id for source in store.sources.add(subscriptions, next_poll)]
