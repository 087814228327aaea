"""Dates as feeds and mails write them, as UTC epoch seconds; None where they cannot be true."""

from __future__ import annotations

import calendar
import re
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

# Dates outside this span are mistakes of the source ("0000-00-00", year 9999).
_EARLIEST = calendar.timegm((1990, 1, 1, 0, 0, 0))
_LATEST = calendar.timegm((2100, 1, 1, 0, 0, 0))

# Zones of Europe; libraries know the names of American ones only and would take these for UTC.
_ZONES = {"BST": "+0100", "WEST": "+0100", "CET": "+0100", "CEST": "+0200", "EET": "+0200", "EEST": "+0300"}
_NAMED = re.compile(rf"(?<=\d )({'|'.join(_ZONES)})\s*$")


def from_utc(parsed: tuple[int, ...] | time.struct_time | None) -> int | None:
    try:
        moment = calendar.timegm(parsed) if parsed else None
    except (ValueError, OverflowError):
        return None
    return moment if moment is not None and _EARLIEST <= moment <= _LATEST else None


def from_rfc3339(value: str) -> int | None:
    try:
        return _from_datetime(datetime.fromisoformat(value))
    except ValueError:
        return None


def from_mail(value: str) -> int | None:
    """The date of a mail's header."""
    try:
        return _from_datetime(parsedate_to_datetime(_with_offset(value)))
    except (TypeError, ValueError):
        return None


def named_zone(value: str) -> time.struct_time | None:
    """The UTC time of a mail-like date in a European zone; None for every other date."""
    dated = _with_offset(value)
    return parsedate_to_datetime(dated).utctimetuple() if dated != value else None


def _with_offset(value: str) -> str:
    return _NAMED.sub(lambda zone: _ZONES[zone[1]], value)


def _from_datetime(moment: datetime) -> int | None:
    try:
        return from_utc((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).utctimetuple())
    except OverflowError:
        return None
