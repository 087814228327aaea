"""The feeds: one for each topic, for any of several and for any choice among their stories, and one on the sources."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Blueprint, Response, request

from feeds.errors import NotFound
from feeds.model import FeedState
from feeds.publish.channel import HEALTH, SOURCES
from feeds.publish.document import Document
from feeds.publish.documents import FORMATS, link_header
from feeds.publish.opml import feed_list
from feeds.web.answer import CORS, RESTING, answer
from feeds.web.parts import parts
from feeds.web.query import feed_query

blueprint = Blueprint("feeds", __name__)


@blueprint.get("/feeds/<names>.<suffix>")
def feed(names: str, suffix: str) -> Response:
    site = parts()
    if suffix not in FORMATS:
        raise NotFound(f"feeds come as {', '.join(FORMATS)}; there is no .{suffix[:20]}")
    query = feed_query(names, request.args, site)
    document = site.documents.get(query, suffix)
    return _answer(document, site.documents.links(query, suffix))


@blueprint.get(f"/feeds/{HEALTH}.atom")
def sources_health() -> Response:
    """For the people who look after sources; it may be read by everybody."""
    site = parts()
    links = {"self": f"{site.base_url}/feeds/{HEALTH}.atom", "alternate": site.base_url + SOURCES}
    return _answer(site.documents.sources_health(), links)


@blueprint.get("/feeds.opml")
def all_feeds() -> Response:
    """Every topic's feed, for readers that import lists."""
    site = parts()
    return answer(request, feed_list(site.topics, site.base_url, site.documents.modified(FeedState())), CORS, RESTING)


def _answer(document: Document, links: Mapping[str, str]) -> Response:
    types = {"self": document.content_type.partition(";")[0], "alternate": "text/html"}
    return answer(request, document, CORS | {"Link": link_header(links, types)}, RESTING)
