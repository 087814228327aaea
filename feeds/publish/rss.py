"""Stories as RSS 2.0, with the ids of their Atom twins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from feeds.model import PublishedStory
from feeds.publish.channel import Channel
from feeds.publish.entry import entries
from feeds.publish.generator import append, begin


def render_rss(channel: Channel, stories: Sequence[PublishedStory], titles: Mapping[str, str]) -> bytes:
    """An RSS document of the stories, in their order; ``titles`` are the topics' names for people."""
    feed = begin(channel, "application/rss+xml")
    # The author of an RSS item is an e-mail address, which nobody has told us.
    feed.load_extension("dc", atom=False)
    for told in entries(channel, stories, titles):
        item = append(feed, told)
        item.dc.dc_creator(told.author)
        if told.origin.url:
            item.source(url=told.origin.url, title=told.origin.title)
    return bytes(feed.rss_str(encoding="utf-8"))
