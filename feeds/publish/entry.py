"""A story made ready for publication: what all formats say of it, with nothing in it that one of them could not carry."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ulid import ULID

from feeds.model import PublishedStory, Source, Tag
from feeds.publish.channel import Channel, source_tag, story_path, story_tag
from feeds.text import canonical_url, plain_line, plain_url, scrub, summary


@dataclass(frozen=True, slots=True)
class Link:
    """An address with a plain title."""

    url: str
    title: str


@dataclass(frozen=True, slots=True)
class Category:
    """A topic of a story as ``label`` calls it; archive documents have no ``confidence``, since every new model has its own."""

    term: str
    label: str
    confidence: float | None


@dataclass(frozen=True, slots=True)
class Origin:
    """The source of a story. ``url`` is its own address if everybody may know it, ``home`` that of the page it belongs to if told."""

    id: str
    title: str
    url: str | None
    home: str | None


@dataclass(frozen=True, slots=True)
class RoundUp:
    """The article that told several stories, this one in the place ``position`` from 1."""

    title: str
    url: str | None
    position: int
    of: int


@dataclass(frozen=True, slots=True)
class Report:
    """What another source told of the story."""

    title: str
    url: str | None
    source: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A story as every format tells it.

    ``url`` leads to the original, or to our page if there is none; ``via`` to the article that it came in and ``related`` to
    other reports, each only if it leads elsewhere than those before it.
    """

    id: str
    title: str
    url: str
    via: Link | None
    related: tuple[Link, ...]
    published: datetime
    updated: datetime
    author: str
    topics: tuple[Category, ...]
    summary: str
    content: str
    origin: Origin
    round_up: RoundUp | None
    reports: tuple[Report, ...]

    @property
    def categories(self) -> tuple[Category, ...]:
        """The topics, or one that says that there are none."""
        return self.topics or (Category("untagged", "No topic", None),)


def entries(channel: Channel, stories: Sequence[PublishedStory], titles: Mapping[str, str]) -> Iterator[Entry]:
    """The stories in their order; ``titles`` are the topics' names for people."""
    return (_entry(story, channel, titles) for story in stories)


def moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def provenance(story: PublishedStory) -> str:
    """Who said it, for readers whose programs do not show a story's source."""
    if story.article.of > 1:
        return f"{story.source.title}: {story.article.title}{_place(story)}"
    return story.source.title


def _entry(story: PublishedStory, channel: Channel, titles: Mapping[str, str]) -> Entry:
    title = _line(story.title, "Untitled")
    url = plain_url(story.url) or channel.base_url + story_path(story.id)
    updated = _version(story)
    origin = _origin(story.source, channel)
    round_up = _round_up(story)
    reports = tuple(_report(other.title, other.url, other.source) for other in story.also_reported)
    article_url = plain_url(story.article.url)
    article = Link(article_url, _line(story.article.title, "Untitled")) if article_url else None
    via, related = _further(url, article, reports)
    return Entry(
        id=story_tag(story.id),
        title=title,
        url=url,
        via=via,
        related=related,
        published=min(moment(story.published), updated),
        updated=updated,
        author=_line(story.author or "", origin.title),
        topics=tuple(_categories(story.topics, channel, titles)),
        summary=summary(story.text) or title,
        content=f"{scrub(story.html)}\n<p><em>{_provenance_html(story)}</em></p>",
        origin=origin,
        round_up=round_up,
        reports=reports,
    )


def _line(text: str, otherwise: str) -> str:
    """The text on one line; every format wants a name to be one that can be seen."""
    return plain_line(text) or otherwise


def _version(story: PublishedStory) -> datetime:
    """When the story last changed, within the second before it was stored.

    A round-up's stories are stored in one second, but two entries with one ``updated`` look like one to readers
    (RFC 4287 section 4.2.15), so the random part of the id tells them apart.
    """
    apart = int(ULID.from_str(story.id)) % 999_999 + 1
    return moment(story.updated) - timedelta(microseconds=apart)


def _origin(source: Source, channel: Channel) -> Origin:
    url = plain_url(source.url) if source.is_public else None
    # A feed may name another home page each time that it is read, and archive documents have to stay as they are.
    home = None if channel.is_archive else plain_url(source.home_url)
    return Origin(url or source_tag(source.id, channel.instance), _line(source.title, "Unnamed source"), url, home)


def _round_up(story: PublishedStory) -> RoundUp | None:
    article = story.article
    return RoundUp(_line(article.title, "Untitled"), plain_url(article.url), article.position, article.of) if article.of > 1 else None


def _report(title: str, url: str | None, source: Source) -> Report:
    return Report(_line(title, "Untitled"), plain_url(url), _line(source.title, "Unnamed source"))


def _further(url: str, article: Link | None, reports: Sequence[Report]) -> tuple[Link | None, tuple[Link, ...]]:
    """The links to the article and to the reports that lead to pages of their own."""
    pages: dict[str | None, Link | None] = {canonical_url(url): None}
    told = [Link(report.url, f"{report.source}: {report.title}") for report in reports if report.url]
    for link in [article, *told] if article else told:
        pages.setdefault(canonical_url(link.url), link)
    kept = [link for link in pages.values() if link]
    return (article if article in kept else None), tuple(link for link in kept if link is not article)


def _categories(tags: Sequence[Tag], channel: Channel, titles: Mapping[str, str]) -> Iterator[Category]:
    """Surest first, but in an archive document in an order that no new model can change."""
    for tag in sorted(tags, key=lambda tag: tag.topic) if channel.is_archive else tags:
        confidence = None if channel.is_archive else round(tag.certainty, 4)
        yield Category(tag.topic, titles.get(tag.topic, tag.topic), confidence)


def _provenance_html(story: PublishedStory) -> str:
    url = plain_url(story.article.url)
    if story.article.of == 1 or not url:
        return html.escape(scrub(provenance(story)))
    source, article = (html.escape(scrub(title)) for title in (story.source.title, story.article.title))
    return f'{source}: <a href="{html.escape(url)}">{article}</a>{_place(story)}'


def _place(story: PublishedStory) -> str:
    return f", story {story.article.position} of {story.article.of}"
