"""Webhooks: programs that want to be told of changes give an address, and which stories they mean; ``feeds.push`` tells them."""

from __future__ import annotations

import secrets
from typing import Any

from flask import Blueprint, Response
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadRequest

from feeds.errors import NotFound
from feeds.model import Subscriber
from feeds.text import plain_line
from feeds.times import rfc3339
from feeds.web.api import json_response
from feeds.web.contract import SEQ, Operation, callback, matching
from feeds.web.curators import curator_of_program
from feeds.web.openapi import described
from feeds.web.parts import parts
from feeds.web.query import chosen, json_body, story_query

blueprint = Blueprint("webhooks", __name__, url_prefix="/api/v1")

URL = callback("url", "Where to deliver to.")
_ID = matching("webhook_id", "[1-9][0-9]{0,17}", "A webhook's id.", "the id of a webhook")
_CHOICE = ("topic", "q", "source", "min_confidence")
_TEXTS = ("url", "topic", "q")
_PRIVATE = {"Cache-Control": "no-store"}


@blueprint.get("/webhooks")
@described(Operation("GET", "Your webhooks and how they do", answer="Webhooks", curators=True, errors=(401,)))
def webhooks() -> Response:
    """Those that were made with the same token."""
    owner = curator_of_program()
    return json_response({"items": [_shown(each) for each in parts().store.subscribers.webhooks(owner)]}, _PRIVATE)


@blueprint.post("/webhooks")
@described(
    Operation("POST", "Be told of changes", body="WebhookWish", answer="NewWebhook", status=201, curators=True, errors=(401, 403, 404, 413))
)
def create() -> Response:
    """The answer alone holds the secret by which deliveries are signed."""
    owner = curator_of_program()
    site = parts()
    words = _body("url", *_CHOICE, "since")
    since = SEQ.value(words)
    wish = Subscriber(
        "webhook",
        URL.value(words),
        site.clock(),
        query=story_query(chosen(words, *_CHOICE), site),
        secret=secrets.token_urlsafe(32),
        owner=owner,
        seq=site.store.stories.last_change().seq if since is None else since,
    )
    made = site.store.subscribers.add_webhook(wish)
    location = f"{site.base_url}/api/v1/webhooks/{made.id}"
    response = json_response(_shown(made) | {"secret": made.secret}, _PRIVATE | {"Location": location})
    response.status_code = 201
    return response


@blueprint.get("/webhooks/<webhook_id>")
@described(Operation("GET", "One of your webhooks", (_ID,), answer="Webhook", curators=True, errors=(401, 404)))
def webhook(webhook_id: str) -> Response:
    owner = curator_of_program()
    return json_response(_shown(parts().store.subscribers.webhook(owner, _number(webhook_id))), _PRIVATE)


@blueprint.delete("/webhooks/<webhook_id>")
@described(Operation("DELETE", "End a webhook", (_ID,), status=204, curators=True, errors=(401, 404)))
def remove(webhook_id: str) -> Response:
    owner = curator_of_program()
    parts().store.subscribers.remove_webhook(owner, _number(webhook_id))
    response = json_response(None, _PRIVATE)
    response.status_code, response.data = 204, b""
    return response


@blueprint.post("/webhooks/<webhook_id>/replay")
@described(
    Operation("POST", "Be told once more", (_ID,), body="Replay", answer="Webhook", curators=True, errors=(401, 404, 413)),
)
def replay(webhook_id: str) -> Response:
    """Deliveries go on from that place in the change log, also if they were stopped."""
    owner = curator_of_program()
    subscribers = parts().store.subscribers
    subscribers.rewind(owner, _number(webhook_id), SEQ.value(_body("since")))
    return json_response(_shown(subscribers.webhook(owner, _number(webhook_id))), _PRIVATE)


def _number(webhook_id: str) -> int:
    try:
        return int(_ID.read(webhook_id))
    except ValueError:
        raise NotFound("no such webhook") from None


def _body(needed: str, *others: str) -> MultiDict[str, str]:
    """The members of the body as the words of an address, so that they mean the same.

    Raises:
        BadRequest: the body is no JSON object, what is needed is missing, or a member is unknown or of another type.
    """
    content = json_body()
    if not isinstance(content, dict) or needed not in content:
        example = '"https://example.org/hook"' if needed == "url" else "4711"
        raise BadRequest(f'the body must be JSON such as {{"{needed}": {example}}}, with content type application/json')
    if unknown := sorted(content.keys() - {needed, *others}):
        there_are = ", ".join((needed, *others))
        raise BadRequest(f"there is no member {plain_line(unknown[0])[:80]!r} here; there are: {there_are}")
    for name, value in content.items():
        kinds = str if name in _TEXTS else (int, float)
        if not isinstance(value, kinds) or isinstance(value, bool):
            raise BadRequest(f"{name} must be a {'text' if name in _TEXTS else 'number'}")
    return MultiDict({name: _text(value) for name, value in content.items()})


def _text(value: str | float) -> str:
    """For JSON 3.0 is a whole number."""
    return str(int(value) if isinstance(value, float) and value.is_integer() else value)


def _shown(told: Subscriber) -> dict[str, Any]:
    query = told.query
    return {
        "id": told.id,
        "url": told.callback,
        "topic": query.feed,
        "q": query.words,
        "source": query.source,
        "min_confidence": query.min_confidence,
        "state": told.state,
        "seq": told.seq,
        "failures": told.failures,
        "failing_since": told.failing_since and rfc3339(told.failing_since),
        "next_try": rfc3339(told.next_try) if told.failures and told.state == "active" else None,
        "error": told.error,
        "created": rfc3339(told.created),
    }
