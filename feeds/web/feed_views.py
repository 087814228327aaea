"""The feeds: one for each topic, for any of several and for any choice among their stories, and one on the sources."""

from __future__ import annotations

from flask import Blueprint, Response, request

from feeds.errors import NotFound
from feeds.model import FeedState
from feeds.publish.channel import HEALTH, SOURCES
from feeds.publish.document import Document
from feeds.publish.documents import FORMATS
from feeds.publish.opml import feed_list
from feeds.publish.selection import feed_address, page_address
from feeds.web.answer import answer
from feeds.web.parts import parts
from feeds.web.query import chosen, story_query

blueprint = Blueprint("feeds", __name__)

_WORDS = ("q", "source", "min_confidence", "limit", "before")


@blueprint.get("/feeds/<names>.<suffix>")
def feed(names: str, suffix: str) -> Response:
    site = parts()
    if suffix not in FORMATS:
        raise NotFound(f"feeds come as {', '.join(FORMATS)}; there is no .{suffix[:20]}")
    query = story_query(chosen(request.args, *_WORDS), site, feed=site.documents.canonical(names))
    document = site.documents.get(query, suffix)
    return _answer(document, site.base_url + feed_address(query, suffix), site.base_url + page_address(query))


@blueprint.get(f"/feeds/{HEALTH}.atom")
def sources_health() -> Response:
    """For the people who look after sources; it may be read by everybody."""
    site = parts()
    return _answer(site.documents.sources_health(), f"{site.base_url}/feeds/{HEALTH}.atom", site.base_url + SOURCES)


@blueprint.get("/feeds.opml")
def all_feeds() -> Response:
    """Every topic's feed, for readers that import lists."""
    site = parts()
    return answer(request, feed_list(site.topics, site.base_url, site.documents.modified(FeedState())))


def _answer(document: Document, address: str, page: str) -> Response:
    kind = document.content_type.partition(";")[0]
    return answer(request, document, {"Link": f'<{address}>; rel="self"; type="{kind}", <{page}>; rel="alternate"; type="text/html"'})
