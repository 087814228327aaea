"""The feeds: one for each topic, and one on the sources."""

from __future__ import annotations

from flask import Blueprint, Response, request

from feeds.publish.channel import HEALTH, feed_path, page_path
from feeds.publish.documents import Document
from feeds.web.answer import answer
from feeds.web.parts import parts

blueprint = Blueprint("feeds", __name__)


@blueprint.get("/feeds/<name>.atom")
def atom(name: str) -> Response:
    return _feed(name, parts().documents.get(name))


@blueprint.get(feed_path(HEALTH))
def sources_health() -> Response:
    """For the people who look after sources; it may be read by everybody."""
    return _feed(HEALTH, parts().documents.sources_health())


def _feed(name: str, document: Document) -> Response:
    site = parts()
    links = (
        f'<{site.base_url}{feed_path(name)}>; rel="self"; type="application/atom+xml", '
        f'<{site.base_url}{page_path(name)}>; rel="alternate"; type="text/html"'
    )
    return answer(request, document, {"Link": links})
