"""The JSON endpoints."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, request

from feeds.model import AlsoReported, PublishedStory, Source, Tag
from feeds.publish.channel import story_path
from feeds.publish.documents import document
from feeds.text import summary
from feeds.web.answer import answer
from feeds.web.parts import parts
from feeds.web.query import story_id as checked_id
from feeds.web.query import story_query

blueprint = Blueprint("api", __name__, url_prefix="/api/v1")

_JSON = "application/json; charset=utf-8"
CORS = {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "ETag, Last-Modified, Link"}


@blueprint.get("/stories", provide_automatic_options=False)
def stories() -> Response:
    site = parts()
    query = story_query(request.args, site)
    found = site.store.stories.page(query)
    following = None
    if len(found) == query.limit:
        words = request.args.to_dict() | {"cursor": found[-1].id}
        following = f"{site.base_url}/api/v1/stories?{urlencode(words)}"
    content = {"items": [as_json(story, site.base_url) for story in found], "next": following}
    headers = {"Link": f'<{following}>; rel="next"'} if following else {}
    return versioned(content, headers)


@blueprint.get("/stories/<story_id>", provide_automatic_options=False)
def story(story_id: str) -> Response:
    site = parts()
    return versioned(as_json(site.store.stories.get(checked_id(story_id)), site.base_url))


@blueprint.route("/stories", methods=["OPTIONS"])
@blueprint.route("/stories/<story_id>", methods=["OPTIONS"])
def options(story_id: str = "") -> Response:
    return preflight("GET, HEAD, OPTIONS")


def preflight(methods: str) -> Response:
    """Lets scripts of other sites ask (WHATWG Fetch section 3.3)."""
    asked = "Authorization, Content-Type, If-None-Match, If-Modified-Since"
    allow = {"Allow": methods, "Access-Control-Allow-Methods": methods, "Access-Control-Allow-Headers": asked}
    return Response(status=204, headers=CORS | allow | {"Access-Control-Max-Age": "86400"})


def versioned(content: Any, headers: dict[str, str] | None = None) -> Response:
    """An answer that caches may keep, with validators."""
    site = parts()
    modified = site.documents.modified(site.store.stories.last_change())
    return answer(request, document(_encoded(content), _JSON, modified), CORS | (headers or {}))


def json_response(content: Any, headers: dict[str, str]) -> Response:
    """An answer made for this request alone."""
    return Response(_encoded(content), content_type=_JSON, headers=CORS | headers)


def _encoded(content: Any) -> bytes:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def as_json(item: PublishedStory, base_url: str) -> dict[str, Any]:
    """A story as the API shows it everywhere."""
    return {
        "id": item.id,
        "url": item.url or base_url + story_path(item.id),
        "title": item.title,
        "summary": summary(item.text),
        "html": item.html,
        "text": item.text,
        "published": moment(item.published),
        "first_seen": moment(item.first_seen),
        "updated": moment(item.updated),
        "seq": item.seq,
        "source": _source(item.source),
        "article": {
            "id": item.article.id,
            "title": item.article.title,
            "url": item.article.url,
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
    return {"id": source.id, "title": source.title, "url": source.url if source.is_public else None}


def _report(other: AlsoReported) -> dict[str, Any]:
    return {
        "id": other.id,
        "source": _source(other.source),
        "title": other.title,
        "url": other.url,
        "published": moment(other.published),
    }


def moment(seconds: int) -> str:
    """UTC epoch seconds as RFC 3339 writes them."""
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
