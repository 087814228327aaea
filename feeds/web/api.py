"""The JSON endpoints."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, request
from werkzeug.exceptions import Conflict

from feeds.model import AlsoReported, Change, PublishedStory, Source, Tag
from feeds.publish.channel import story_path
from feeds.publish.document import document
from feeds.text import plain_url, summary
from feeds.times import rfc3339
from feeds.web import schemas
from feeds.web.answer import CORS, answer, answer_once
from feeds.web.contract import CURSOR, LIMIT, MAX_LIMIT, SEQ, SINCE, STORY_ID, Operation, matching, otherwise
from feeds.web.curators import PASS
from feeds.web.openapi import described
from feeds.web.parts import parts
from feeds.web.query import CHOICE, FEW, story_query, topic_parameter
from feeds.web.query import story_id as checked_id
from feeds.web.table import story_table

blueprint = Blueprint("api", __name__, url_prefix="/api/v1")

JSON = "application/json; charset=utf-8"
_MEMBER = "|".join(schemas.FIELDS)
TOPIC = topic_parameter([])
FIELDS = matching(
    "fields",
    f"[ ,]*(?:(?:{_MEMBER})(?:[ ,]+(?:{_MEMBER}))*[ ,]*)?",
    "Only these members of each story, beside its id, with commas between them.",
    f"some of {', '.join(schemas.FIELDS)}",
    "title,url,topics",
)
_MANY = otherwise(LIMIT, MAX_LIMIT)
_PLACE = otherwise(SEQ, 0)


@blueprint.get("/stories")
@described(Operation("GET", "Stories, newest first, page by page", (TOPIC, *CHOICE, SINCE, CURSOR, FEW, FIELDS), answer="Stories"))
def stories() -> Response:
    """The newest stories of a choice, page by page."""
    site = parts()
    shown = _fields(FIELDS.value(request.args))
    found, older = site.store.stories.walk(story_query(request.args, site))
    following = _following("/api/v1/stories", {"cursor": older}) if older else None
    items = [shown(as_json(story, site.base_url)) for story in found]
    return versioned({"items": items, "next": following}, _linked(following))


@blueprint.get("/stories.csv")
@described(Operation("GET", "The same stories as a table", (TOPIC, *CHOICE, SINCE, CURSOR, _MANY), media="text/csv"))
def stories_table() -> Response:
    """The same stories as a table, for people with a spreadsheet."""
    site = parts()
    found, older = site.store.stories.walk(story_query(request.args, site, limit=_MANY))
    following = _following("/api/v1/stories.csv", {"cursor": older}) if older else None
    return _versioned(story_table(found, site.base_url), "text/csv; charset=utf-8; header=present", _linked(following))


@blueprint.get("/changes")
@described(Operation("GET", "What changed since, each story once", (_PLACE, _MANY), answer="Changes", errors=(409,)))
def changes() -> Response:
    """Every story that changed after a place in the change log, in the order of the last changes; withdrawn ones without a story.

    ``next`` is where more of them are; once there are none, ``seq`` is the place after which to ask the next time.
    """
    site = parts()
    since, limit = _PLACE.value(request.args), _MANY.value(request.args)
    if since > (end := site.store.stories.last_change().seq):
        raise Conflict(f"the change log ends at {end}, so the database is not the one that you know; begin again with since=0")
    found = site.store.stories.changes(since, limit + 1)
    shown = found[:limit]
    reached = shown[-1].seq if shown else since
    following = _following("/api/v1/changes", {"since": str(reached)}) if len(found) > limit else None
    items = [change_json(each, site.base_url) for each in shown]
    return versioned({"items": items, "next": following, "seq": reached}, _linked(following))


@blueprint.get("/stories/<story_id>")
@described(Operation("GET", "One story", (STORY_ID, FIELDS), answer="StoryPart", errors=(404, 410)))
def story(story_id: str) -> Response:
    site = parts()
    shown = _fields(FIELDS.value(request.args))
    return versioned(shown(as_json(site.store.stories.get(checked_id(story_id)), site.base_url)))


def versioned(content: Any, headers: dict[str, str] | None = None) -> Response:
    """An answer that caches may keep, with validators."""
    return _versioned(encoded(content), JSON, headers or {})


def _versioned(body: bytes, content_type: str, headers: dict[str, str]) -> Response:
    site = parts()
    modified = site.documents.modified(site.store.stories.last_change())
    return answer(request, document(body, content_type, modified), CORS | headers)


def _following(path: str, changed: dict[str, str]) -> str:
    """The address of the next part of an answer: what was asked for, but from another place on."""
    # Addresses are handed on, and what is in them with them.
    said = {name: text for name, text in request.args.items() if name != PASS}
    return f"{parts().base_url}{path}?{urlencode(said | changed)}"


def _linked(following: str | None) -> dict[str, str]:
    return {"Link": f'<{following}>; rel="next"'} if following else {}


def _fields(names: str | None) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Leaves only the members that were asked for, and the id, which all else hangs on."""
    if names is None:
        return lambda story: story
    asked = {"id", *re.split(r"[ ,]", names)}
    return lambda story: {name: value for name, value in story.items() if name in asked}


def change_json(change: Change, base_url: str) -> dict[str, Any]:
    """A change as the API shows it, and as webhooks are told of it."""
    told = {"seq": change.seq, "at": rfc3339(change.at), "kind": change.kind, "id": change.story_id}
    return told | {"story": as_json(change.story, base_url) if change.story else None}


def current(content: Any) -> Response:
    """An answer with an ETag that is made for each request, as it can change without a story's change."""
    return answer_once(request, document(encoded(content), JSON, None), CORS)


def json_response(content: Any, headers: dict[str, str]) -> Response:
    """An answer made for this request alone."""
    return Response(encoded(content), content_type=JSON, headers=CORS | headers)


def encoded(content: Any) -> bytes:
    """The content as JSON."""
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def as_json(item: PublishedStory, base_url: str) -> dict[str, Any]:
    """A story as the API shows it everywhere."""
    return {
        "id": item.id,
        "url": plain_url(item.url) or base_url + story_path(item.id),
        "title": item.title,
        "summary": summary(item.text),
        "html": item.html,
        "text": item.text,
        "published": rfc3339(item.published),
        "first_seen": rfc3339(item.first_seen),
        "updated": rfc3339(item.updated),
        "seq": item.seq,
        "source": _source(item.source),
        "article": {
            "id": item.article.id,
            "title": item.article.title,
            "url": plain_url(item.article.url),
            "position": item.article.position,
            "of": item.article.of,
            "note": item.article.doubt,
        },
        "topics": [_topic(tag) for tag in item.topics],
        "confidence": {tag.topic: round(tag.confidence, 4) for tag in item.tags},
        "also_reported": [_report(other) for other in item.also_reported],
    }


def _topic(tag: Tag) -> dict[str, Any]:
    evidence = [{"term": term.term, "weight": round(term.weight, 4)} for term in tag.evidence]
    said = {"topic": tag.topic, "confidence": round(tag.certainty, 4), "origin": "model" if tag.curator is None else "curator"}
    return said | {"model": tag.model, "evidence": evidence}


def _source(source: Source) -> dict[str, Any]:
    """A source without the paths of local folders, which are nobody's business."""
    return {"id": source.id, "title": source.title, "url": plain_url(source.url) if source.is_public else None}


def _report(other: AlsoReported) -> dict[str, Any]:
    return {
        "id": other.id,
        "source": _source(other.source),
        "title": other.title,
        "url": plain_url(other.url),
        "published": rfc3339(other.published),
    }
