"""The topic feeds."""

from __future__ import annotations

from flask import Blueprint, Response, request

from feeds.publish.atom import feed_path, page_path
from feeds.web.answer import answer
from feeds.web.parts import parts

blueprint = Blueprint("feeds", __name__)


@blueprint.get("/feeds/<name>.atom")
def atom(name: str) -> Response:
    site = parts()
    document = site.documents.get(name)
    links = (
        f'<{site.base_url}{feed_path(name)}>; rel="self"; type="application/atom+xml", '
        f'<{site.base_url}{page_path(name)}>; rel="alternate"; type="text/html"'
    )
    return answer(request, document, {"Link": links})
