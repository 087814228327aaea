"""The API described: for programs at /openapi.json, for people at /docs."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, current_app, request

from feeds.model import FeedState
from feeds.publish.document import document
from feeds.web.answer import CORS, answer
from feeds.web.api import JSON, encoded
from feeds.web.openapi import openapi
from feeds.web.pages import HTML, rendered
from feeds.web.parts import parts
from feeds.web.query import topic_parameter

blueprint = Blueprint("docs", __name__)


@blueprint.get("/openapi.json")
def description() -> Response:
    return answer(request, document(encoded(_openapi()), JSON, parts().documents.modified(FeedState())), CORS)


@blueprint.get("/docs")
def page() -> Response:
    """The same without any script, to be read from top to bottom."""
    html = rendered("docs.html", feed=None, api=_openapi())
    site = parts()
    return answer(request, document(html.encode(), HTML, site.documents.modified(site.store.stories.last_change())))


def _openapi() -> dict[str, Any]:
    site = parts()
    return openapi(current_app, site.base_url, [topic.name for topic in site.topics], topic_parameter(site.documents.names))
