"""Our own hub takes subscriptions to our feeds (W3C WebSub section 5); ``feeds.push`` verifies them and delivers what is new."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from flask import Blueprint, Response, request
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadRequest, NotFound, UnsupportedMediaType

from feeds import errors
from feeds.model import StoryQuery, Subscriber
from feeds.publish.documents import FORMATS
from feeds.settings import own_hub
from feeds.web.contract import Parameter, callback, matching, whole
from feeds.web.parts import WebParts, parts
from feeds.web.query import feed_query

blueprint = Blueprint("hub", __name__)

_DAY = 86_400
_LEASE, _SHORTEST, _LONGEST = 10 * _DAY, _DAY, 30 * _DAY
_FORM = "application/x-www-form-urlencoded"
_FEED = re.compile(rf"/feeds/([^/]+)\.({'|'.join(FORMATS)})")


def _secret(value: str) -> str:
    if len(value.encode()) >= 200 or "\0" in value:
        raise ValueError
    return value


_MODE = matching("hub.mode", "subscribe|unsubscribe", "What is wanted.", "subscribe or unsubscribe")
_CALLBACK = callback("hub.callback", "Where to deliver to.")
_TOPIC = matching("hub.topic", "[!-~]{1,2000}", "The feed that is meant.", "the address of one of our feeds, as its rel=self link gives it")
_LEASE_SECONDS = whole("hub.lease_seconds", 0, 10**18, "For how long.")
_SECRET = Parameter("hub.secret", "What to sign deliveries with.", {"type": "string"}, "shorter than 200 bytes", _secret)


@blueprint.post("/hub")
def hub() -> Response:
    """Notes what is asked; it counts once the callback has said that it was meant."""
    site = parts()
    if site.documents.hub_url != own_hub(site.base_url):
        raise NotFound("there is no hub here; the feeds name theirs, if they have one, in their rel=hub link")
    if request.mimetype != _FORM:
        raise UnsupportedMediaType(f"send the hub.… parameters as {_FORM}")
    site.store.subscribers.ask(_asked(request.form, site))
    return Response("accepted; the callback is asked next whether it meant it\n", 202, content_type="text/plain; charset=utf-8")


def _asked(form: MultiDict[str, str], site: WebParts) -> Subscriber:
    mode, address, topic = (_required(each, form) for each in (_MODE, _CALLBACK, _TOPIC))
    query, suffix = _feed(topic, site)
    asked = Subscriber("websub", address, site.clock(), "leaving", query, topic, suffix)
    if mode == "unsubscribe":
        return asked
    lease = _LEASE_SECONDS.value(form) or _LEASE
    # Whoever subscribes has read the feed; the place in the change log first, so that nothing falls between the two.
    seq = site.store.stories.last_change().seq
    etag = site.documents.get(query, suffix).etag
    secret = _SECRET.value(form) or ""
    return replace(asked, state="asked", secret=secret, lease=min(max(lease, _SHORTEST), _LONGEST), etag=etag, seq=seq)


def _required(parameter: Parameter, form: MultiDict[str, str]) -> Any:
    value = parameter.value(form)
    if value is None:
        raise BadRequest(f"{parameter.name} is missing; it must be {parameter.must}")
    return value


def _feed(topic: str, site: WebParts) -> tuple[StoryQuery, str]:
    """What the feed at this address shows, and in which format.

    Raises:
        BadRequest: it is none of our feeds, is written in another way, or is an archive document, which never changes.
    """
    path = topic.removeprefix(site.base_url)
    parts_of = urlsplit(path)
    found = _FEED.fullmatch(parts_of.path)
    if found is None or path == topic or parts_of.fragment:
        raise BadRequest(f"hub.topic must be {_TOPIC.must}")
    try:
        words = MultiDict(parse_qsl(parts_of.query, keep_blank_values=True))
        query = feed_query(unquote(found[1]), words, site)
    except (errors.NotFound, BadRequest, ValueError) as error:
        raise BadRequest(f"hub.topic must be {_TOPIC.must}: {getattr(error, 'description', None) or error}") from error
    if query.before:
        raise BadRequest("hub.topic must be a feed, not one of its archive documents: these do not change")
    address = site.documents.links(query, found[2])["self"]
    if topic != address:
        raise BadRequest(f"hub.topic must be {_TOPIC.must}; this one's is {address}")
    return query, found[2]
