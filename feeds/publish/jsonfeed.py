"""Stories as JSON Feed 1.1, with the ids of their Atom twins."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from feeds.model import PublishedStory
from feeds.publish.channel import AUTHOR, LANGUAGE, Channel
from feeds.publish.entry import Category, Entry, entries
from feeds.text import plain_line


def render(channel: Channel, stories: Sequence[PublishedStory], titles: Mapping[str, str]) -> bytes:
    """A JSON Feed document of the stories, in their order; ``titles`` are the topics' names for people."""
    document = _head(channel) | {"items": [_item(told, channel) for told in entries(channel, stories, titles)]}
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def _head(channel: Channel) -> dict[str, Any]:
    return _known(
        version="https://jsonfeed.org/version/1.1",
        title=plain_line(channel.title),
        home_page_url=channel.page_url,
        feed_url=channel.self_url,
        description=plain_line(channel.subtitle) or None,
        next_url=channel.prev_archive,
        icon=channel.icon_url,
        favicon=channel.icon_url,
        authors=[{"name": AUTHOR}],
        language=LANGUAGE,
        hubs=[{"type": "WebSub", "url": channel.hub_url}] if channel.hub_url else None,
    )


def _item(told: Entry, channel: Channel) -> dict[str, Any]:
    return {
        "id": told.id,
        "url": told.url,
        "title": told.title,
        "content_html": told.content,
        "summary": told.summary,
        "date_published": told.published.isoformat(),
        "date_modified": told.updated.isoformat(),
        "authors": [{"name": told.author}],
        "tags": [topic.label for topic in told.topics],
        "_healthwire": _extension(told, channel),
    }


def _extension(told: Entry, channel: Channel) -> dict[str, Any]:
    """What JSON Feed has no words for; what is not known is left out."""
    round_up = told.round_up
    return _known(
        about=f"{channel.base_url}/docs",
        topics=[_topic(topic) for topic in told.topics],
        source=_known(title=told.origin.title, url=told.origin.url),
        round_up=_known(title=round_up.title, url=round_up.url, position=round_up.position, of=round_up.of) if round_up else None,
        also_reported=[_known(title=report.title, url=report.url, source=report.source) for report in told.reports],
    )


def _topic(topic: Category) -> dict[str, Any]:
    return _known(topic=topic.term, confidence=topic.confidence)


def _known(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
