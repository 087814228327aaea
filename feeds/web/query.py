"""The words of a request that choose stories, the same for every room."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from flask import request
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadRequest

from feeds.errors import NotFound
from feeds.model import StoryQuery
from feeds.publish.selection import DEFAULT_LIMIT
from feeds.web.contract import BEFORE, CURSOR, LIMIT, MIN_CONFIDENCE, SINCE, SOURCE, ULID, Parameter, Q, otherwise, said
from feeds.web.parts import WebParts

CHOICE = (Q, SOURCE, MIN_CONFIDENCE)
"""What chooses stories in feeds, pages and the API alike, besides their topics."""

FEW = otherwise(LIMIT, DEFAULT_LIMIT)
"""How many are shown where nothing else is usual."""

# As in an address; there are not so many topics.
_LONGEST_TOPICS = 500
_FEED_WORDS = ("q", "source", "min_confidence", "limit", "before")


def story_id(value: str) -> str:
    """The id, if it is one.

    Raises:
        NotFound: no story could have it.
    """
    if not re.fullmatch(ULID, value):
        raise NotFound("no such story")
    return value


def chosen(args: MultiDict[str, str], *names: str) -> MultiDict[str, str]:
    """Of the parameters only those of these names."""
    return MultiDict((name, text) for name in names for text in args.getlist(name))


def topic_parameter(names: Sequence[str]) -> Parameter:
    """The topics whose stories are meant, by the names of the feeds that there are."""
    either = "|".join(map(re.escape, names))
    return Parameter(
        "topic",
        "One topic, or any of several joined by `+` or a comma.",
        {
            "type": "string",
            "pattern": f"^(?:{either})(?:[+ ,]+(?:{either}))*$",
            "maxLength": _LONGEST_TOPICS,
            "examples": ["+".join(names[:2])],
        },
        f"one of {', '.join(names)}, or several joined by +",
        str,
    )


def story_query(args: MultiDict[str, str], site: WebParts, *, feed: str = "all", limit: Parameter = FEW) -> StoryQuery:
    """The query that the parameters spell. ``feed`` counts where they name no topic; it is ``canonical``.

    Raises:
        BadRequest: a parameter cannot be used; the message tells which and how it should be.
    """
    topics = said(args, "topic")
    return StoryQuery(
        feed=feed if topics is None else _feed(topics, site),
        words=Q.value(args) or "",
        source=SOURCE.value(args),
        min_confidence=MIN_CONFIDENCE.value(args) or 0.0,
        since=SINCE.value(args),
        before=CURSOR.value(args) or BEFORE.value(args),
        limit=limit.value(args),
    )


def feed_query(names: str, args: MultiDict[str, str], site: WebParts) -> StoryQuery:
    """The query of a feed's address: the names of topics in its path, and its words.

    Raises:
        BadRequest: a word cannot be used; the message tells which and how it should be.
        NotFound: there is no such feed.
    """
    return story_query(chosen(args, *_FEED_WORDS), site, feed=site.documents.canonical(names))


def _feed(names: str, site: WebParts) -> str:
    if len(names) > _LONGEST_TOPICS:
        raise BadRequest(f"topic has more than {_LONGEST_TOPICS} characters; name each topic once")
    try:
        return site.documents.canonical(names)
    except NotFound as error:
        raise BadRequest(f"topic must be {topic_parameter(site.documents.names).must}") from error


def json_body() -> Any:
    """What the request's body says as JSON; None if it is not JSON, or nested too deeply to be read."""
    try:
        return request.get_json(silent=True)
    except RecursionError:
        return None
