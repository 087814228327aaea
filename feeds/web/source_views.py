"""How the sources do, for people and programs."""

from __future__ import annotations

import re
from typing import Any

from flask import Blueprint, Response, request

from feeds.condition import NOT_WELL, STATES, kind, public_error, public_name, since, state, state_words, what_next
from feeds.errors import NotFound
from feeds.model import Source
from feeds.publish.channel import SOURCES
from feeds.publish.document import document
from feeds.text import web_url
from feeds.times import rfc3339
from feeds.web.answer import answer_once
from feeds.web.api import current
from feeds.web.contract import SOURCE_ID, Operation, whole
from feeds.web.openapi import described
from feeds.web.pages import HTML, rendered
from feeds.web.parts import parts

blueprint = Blueprint("sources", __name__)

_PAGE = 100
_PAGE_NUMBER = whole("page", 1, 10**6 - 1, "Which hundred of the sources.")


@blueprint.get(SOURCES)
def page() -> Response:
    """All sources, those that somebody should look at first."""
    sources = sorted(parts().store.sources.list(), key=lambda each: (STATES.index(state(each)), public_name(each).casefold(), each.id))
    number = _PAGE_NUMBER.value(request.args) or 1
    shown = sources[(number - 1) * _PAGE : number * _PAGE]
    html = rendered(
        "sources.html",
        feed=None,
        sources=[_row(each) for each in shown],
        total=len(sources),
        not_well=sum(state(each) in NOT_WELL for each in sources),
        number=number,
        pages=max(1, -(-len(sources) // _PAGE)),
    )
    return answer_once(request, document(html.encode(), HTML, None))


@blueprint.get("/api/v1/sources")
@described(Operation("GET", "The sources and how they do", answer="Sources"))
def sources() -> Response:
    return current({"items": [source_json(each) for each in parts().store.sources.list()]})


@blueprint.get("/api/v1/sources/<source_id>")
@described(Operation("GET", "One source", (SOURCE_ID,), answer="Source", errors=(404,)))
def source(source_id: str) -> Response:
    if not re.fullmatch(r"[1-9][0-9]{0,17}", source_id):
        raise NotFound("no such source")
    return current(source_json(parts().store.sources.get(int(source_id))))


def source_json(source: Source) -> dict[str, Any]:
    """A source as the API shows it: when it is polled next and why, and how it does. Durations are in seconds."""
    return {
        "id": source.id,
        "title": public_name(source),
        "url": source.url if source.is_public else None,
        "home_url": web_url(source.home_url),
        "folder": source.folder,
        "kind": kind(source),
        "carrier": source.carrier,
        "state": state(source),
        "what_next": what_next(source),
        "next_poll": _moment(source.next_poll),
        "why": source.reason or None,
        "last_polled": _moment(source.last_polled),
        "last_success": _moment(source.last_success),
        "last_new": _moment(source.last_new),
        "failures": source.failures,
        "failing_since": _moment(source.failing_since),
        "error": public_error(source),
        "silence": source.silence,
        "silent_since": _moment(source.silent_since),
        "moved_to": source.moved_to if source.is_public else None,
        "interval": source.interval,
        "usual_gap": source.usual_gap,
        "full_text": source.full_text,
    }


def _moment(seconds: int | None) -> str | None:
    return None if seconds is None else rfc3339(seconds)


def _row(source: Source) -> dict[str, Any]:
    """A source as the page shows it."""
    now = state(source)
    return {
        "source": source,
        "name": public_name(source),
        "link": web_url(source.home_url) or (web_url(source.url) if source.is_public else None),
        "kind": kind(source),
        "state": now,
        "words": state_words(source),
        "since": since(source),
        "trouble": source.silence if now == "silent" else public_error(source),
        "next": what_next(source),
    }
