"""The topics, the model behind them, and its word on any text."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response
from werkzeug.exceptions import BadRequest, ServiceUnavailable

from feeds.drift import Drift
from feeds.model import StoryQuery
from feeds.publish.selection import feed_address, page_address
from feeds.text import scrub
from feeds.times import rfc3339
from feeds.web.api import current, json_response, versioned
from feeds.web.contract import Operation
from feeds.web.openapi import described
from feeds.web.parts import drift_of, parts
from feeds.web.query import json_body

blueprint = Blueprint("model_api", __name__, url_prefix="/api/v1")


@blueprint.get("/topics")
@described(Operation("GET", "The topics, with where to follow each", answer="Topics"))
def topics() -> Response:
    """The topics, with where to follow each."""
    site = parts()
    counts = site.store.stories.counts()
    items = [
        {
            "name": topic.name,
            "title": topic.title,
            "meaning": topic.meaning,
            "stories": counts.get(topic.name, 0),
            "feed": site.base_url + feed_address(StoryQuery(topic.name)),
            "page": site.base_url + page_address(StoryQuery(topic.name)),
        }
        for topic in site.topics
    ]
    return versioned({"items": items})


@blueprint.get("/model")
@described(Operation("GET", "The model in use, its measured quality and the drift of the news", answer="Model"))
def model() -> Response:
    """The model in use with its measured quality, and whether the news has drifted away from it."""
    site = parts()
    about = dict(site.judge.about())
    if not about:
        raise ServiceUnavailable("no model is in use yet; try again shortly")
    about["made"] = rfc3339(about["made"])
    return current(about | {"drift": _drift(drift_of(site))})


@blueprint.post("/classify")
@described(Operation("POST", "What the model makes of a text, and why", body="Text", answer="Judged", errors=(413,)))
def classify() -> Response:
    """What the model in use makes of a text, and everything that led to it."""
    content = json_body()
    title, text = (content.get("title", ""), content.get("text", "")) if isinstance(content, dict) else (None, None)
    if not isinstance(title, str) or not isinstance(text, str):
        raise BadRequest('the body must be JSON such as {"title": "…", "text": "…"}, with content type application/json')
    judged = parts().judge.judge(scrub(title), scrub(text))
    items = [
        {
            "topic": each.topic,
            "confidence": round(each.confidence, 4),
            "chosen": each.chosen,
            "threshold": each.threshold,
            "score": each.score,
            "intercept": each.intercept,
            "evidence": [{"term": term.term, "weight": term.weight} for term in each.evidence],
        }
        for each in sorted(judged.judgements, key=lambda each: -each.confidence)
    ]
    return json_response({"topics": items, "note": judged.note, "model": judged.model}, {"Cache-Control": "no-store"})


def _drift(found: Drift) -> dict[str, Any]:
    week = found.week
    return {
        "week": week and rfc3339(week.start),
        "stories": week.stories if week else 0,
        "topics": {name: {"rate": figures.rate, "confidence": figures.confidence} for name, figures in week.topics.items()} if week else {},
        "untagged": week.untagged if week else None,
        "unknown_words": week.unknown_words if week else None,
        "acronyms": dict(week.acronyms) if week else {},
        "bands": [{"name": band.name, "value": band.value, "low": band.low, "high": band.high, "kept": band.kept} for band in found.bands],
        "warnings": list(found.warnings),
    }
