"""The words of a request that choose stories, the same for every room."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from math import ceil
from typing import Any

from flask import request
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadRequest

from feeds.errors import InputError, NotFound
from feeds.model import StoryQuery
from feeds.publish.selection import DEFAULT_LIMIT
from feeds.text import plain_line
from feeds.web.parts import WebParts
from feeds.words import search_of

MAX_LIMIT = 100
_ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")


def story_id(value: str) -> str:
    """The id, if it is one.

    Raises:
        NotFound: no story could have it.
    """
    if not _ULID.fullmatch(value):
        raise NotFound("no such story")
    return value


def chosen(args: MultiDict[str, str], *names: str) -> MultiDict[str, str]:
    """Of the parameters only those of these names."""
    return MultiDict({name: args[name] for name in names if name in args})


def story_query(args: MultiDict[str, str], site: WebParts, *, feed: str = "all", limit: int = DEFAULT_LIMIT) -> StoryQuery:
    """The query that the parameters spell. ``feed`` counts where they name no topic; it is ``canonical``.

    Raises:
        BadRequest: a parameter cannot be used; the message tells which and how it should be.
    """
    return StoryQuery(
        feed=_feed(args["topic"], site) if "topic" in args else feed,
        words=_words(args.get("q", "")),
        source=whole(args, "source", 1, 2**62),
        min_confidence=_share(args),
        since=_since(args.get("since")),
        before=_id(args, "cursor") or _id(args, "before"),
        limit=whole(args, "limit", 1, MAX_LIMIT) or limit,
    )


def _feed(names: str, site: WebParts) -> str:
    try:
        return site.documents.canonical(names)
    except NotFound as error:
        raise BadRequest(f"topic must be one of {', '.join(site.documents.names)}, or several joined by +") from error


def _words(value: str) -> str:
    words = plain_line(value)
    if words:
        try:
            search_of(words)
        except InputError as error:
            raise BadRequest(f"q must be something to search for: {error}") from error
    return words


def json_body() -> Any:
    """What the request's body says as JSON; None if it is not JSON, or nested too deeply to be read."""
    try:
        return request.get_json(silent=True)
    except RecursionError:
        return None


def whole(args: MultiDict[str, str], name: str, low: int, high: int) -> int | None:
    """A whole number among the parameters, None if it is not given.

    Raises:
        BadRequest: it is not a number from ``low`` to ``high``.
    """
    value = args.get(name)
    if value is None:
        return None
    if not re.fullmatch(r"[0-9]{1,19}", value) or not low <= int(value) <= high:
        raise BadRequest(f"{name} must be a whole number {f'from {low} to {high}' if high < 10**6 else f'of at least {low}'}")
    return int(value)


def _share(args: MultiDict[str, str]) -> float:
    value = args.get("min_confidence", "0")
    if not re.fullmatch(r"0|1|0?\.[0-9]{1,9}|[01]\.0*", value):
        raise BadRequest("min_confidence must be a number from 0 to 1, e.g. 0.8")
    return float(value)


def _since(value: str | None) -> int | None:
    if value is None:
        return None
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", value):
            moment = datetime.combine(date.fromisoformat(value), time(), UTC)
        else:
            # A plus sign that was not escaped arrives as a space.
            moment = datetime.fromisoformat(value.replace(" ", "+") if "T" in value else value)
        # Stories are seen at whole seconds: what was seen in this one was before any part of it.
        return ceil((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        raise BadRequest("since must be a date or time such as 2026-03-01 or 2026-03-01T09:30:00Z") from None


def _id(args: MultiDict[str, str], name: str) -> str | None:
    value = args.get(name)
    if value is not None and not _ULID.fullmatch(value):
        raise BadRequest(f"{name} must be taken from the next address of an earlier answer")
    return value
