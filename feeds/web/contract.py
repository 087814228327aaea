"""What programs may ask and what they are answered: declared once, for checking requests and for telling (OpenAPI 3.1)."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from typing import Any

from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadRequest

from feeds.errors import InputError
from feeds.text import plain_line
from feeds.words import LONGEST_SEARCH, SEARCH, check_search

Schema = Mapping[str, Any]

ULID = "[0-7][0-9A-HJKMNP-TV-Z]{25}"
MAX_LIMIT = 100
_MOST_ID = 2**62
_LONGEST_CALLBACK = 2000
# Figures and dots alone are an address, and one that everybody reads the same way only if they are four.
_HOST_NAME = "[0-9.]{0,126}[A-Za-z_-][A-Za-z0-9._-]{0,126}"
_BYTE = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = rf"{_BYTE}(?:\.{_BYTE}){{3}}"
_PORT = "(?:6553[0-5]|655[0-2][0-9]|65[0-4][0-9][0-9]|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3})"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A word of a request. ``read`` makes of its text what it means, or raises ValueError with what it ``must`` be."""

    name: str
    description: str
    schema: Schema
    must: str
    read: Callable[[str], Any]

    def value(self, args: MultiDict[str, str]) -> Any:
        """What the parameters of a request say; the default, or None without one, if they do not name it.

        Raises:
            BadRequest: it cannot be used; the message tells how it should be.
        """
        text = said(args, self.name)
        if text is None:
            return self.schema.get("default")
        try:
            return self.read(text)
        except ValueError as error:
            raise BadRequest(f"{self.name} must be {str(error) or self.must}") from error


def said(args: MultiDict[str, str], name: str) -> str | None:
    """What a request says of this name, None if nothing.

    Raises:
        BadRequest: it says it more than once, and what counts would be a guess.
    """
    texts = args.getlist(name)
    if len(texts) > 1:
        raise BadRequest(f"{name} is there {len(texts)} times; say it once")
    return texts[0] if texts else None


def otherwise(parameter: Parameter, default: int) -> Parameter:
    """The parameter with what counts if a request does not name it."""
    return replace(parameter, schema={**parameter.schema, "default": default})


def whole(name: str, low: int, high: int, description: str) -> Parameter:
    """A parameter that is a whole number."""

    def read(value: str) -> int:
        if not re.fullmatch(r"[0-9]{1,19}", value) or not low <= int(value) <= high:
            raise ValueError
        return int(value)

    must = f"a whole number {f'from {low} to {high}' if high < 10**6 else f'of at least {low}'}"
    return Parameter(name, description, {"type": "integer", "minimum": low, "maximum": high}, must, read)


def matching(name: str, pattern: str, description: str, must: str, example: str | None = None) -> Parameter:
    """A parameter that is a text of one form."""

    def read(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError
        return value

    schema = {"type": "string", "pattern": f"^(?:{pattern})$"} | ({} if example is None else {"examples": [example]})
    return Parameter(name, description, schema, must, read)


def callback(name: str, description: str) -> Parameter:
    """A parameter that is an address to deliver to."""
    # Plain enough that everybody who takes it apart finds the same host in it.
    pattern = rf"https?://(?:{_HOST_NAME}|{_IPV4})(?::{_PORT})?(?:[/?][!\"$-~]*)?"
    must = (
        f"an http or https address of at most {_LONGEST_CALLBACK} characters, at a host's name or IPv4 address,"
        " without name, password and fragment"
    )

    def read(value: str) -> str:
        if len(value) > _LONGEST_CALLBACK or not re.fullmatch(pattern, value):
            raise ValueError
        return value

    return Parameter(name, description, {"type": "string", "pattern": f"^(?:{pattern})$", "maxLength": _LONGEST_CALLBACK}, must, read)


def _share(value: str) -> float:
    try:
        share = float(value) if re.fullmatch(r"[0-9.eE+-]{1,30}", value) else math.nan
    except ValueError:
        raise ValueError from None
    if not 0 <= share <= 1:
        raise ValueError
    # As many digits as addresses hold, so that what they lead to is the same.
    return round(share, 9)


def _since(value: str) -> int:
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", value):
            moment = datetime.combine(date.fromisoformat(value), time(), UTC)
        else:
            # A plus sign that was not escaped arrives as a space.
            moment = datetime.fromisoformat(value.replace(" ", "+") if re.match(r"\d{4}-\d\d-\d\d[Tt]", value) else value)
        # Stories are seen at whole seconds: what was seen in this one was before any part of it.
        return math.ceil((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        raise ValueError from None


def _words(value: str) -> str:
    if not value.strip():
        return ""
    try:
        check_search(value)
    except InputError as error:
        raise ValueError(f"something to search for: {error}") from error
    # What cannot be seen is looked for, too, and not found, where nothing at all would choose everything.
    return plain_line(value) or "\N{REPLACEMENT CHARACTER}"


LIMIT = whole("limit", 1, MAX_LIMIT, "How many to answer with at most.")
SOURCE = whole("source", 1, _MOST_ID, "Only what this source tells, by its id.")
SEQ = whole("since", 0, _MOST_ID, "The place in the change log after which to begin.")
CURSOR = matching(
    "cursor", ULID, "Where the page before ended: take it from its `next`.", "taken from the next address of an earlier answer"
)
BEFORE = matching("before", ULID, "Where an archive document ends.", "taken from the next address of an earlier answer")
STORY_ID = matching("story_id", ULID, "A story's id; it stays, also when others turn out to tell the same.", "the id of a story")
SOURCE_ID = matching("source_id", "[1-9][0-9]{0,17}", "A source's id.", "the id of a source")
Q = Parameter(
    "q",
    'Words to look for in title and text, in any form; `"two words"` as they stand; `-word` for none with it.',
    {"type": "string", "maxLength": LONGEST_SEARCH, "pattern": rf"^(?:\s*|{SEARCH})$", "examples": ['"waiting list" -dental']},
    "words to look for",
    _words,
)
MIN_CONFIDENCE = Parameter(
    "min_confidence",
    "How sure a topic must be at least; what a curator chose is certain.",
    {"type": "number", "minimum": 0, "maximum": 1, "examples": [0.8]},
    "a number from 0 to 1, e.g. 0.8",
    _share,
)
SINCE = Parameter(
    "since",
    "Only what was first seen on this day or at this time or later.",
    {"anyOf": [{"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}], "examples": ["2026-03-01"]},
    "a date or time such as 2026-03-01 or 2026-03-01T09:30:00Z",
    _since,
)


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing to ask for. ``body`` and ``answer`` are names of schemas; without one the answer is text of the ``media`` type, and
    nothing with the ``status`` 204.
    """

    method: str
    summary: str
    parameters: tuple[Parameter, ...] = ()
    body: str | None = None
    answer: str = ""
    media: str = "application/json"
    status: int = 200
    curators: bool = False
    errors: tuple[int, ...] = ()
