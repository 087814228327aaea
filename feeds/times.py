"""Moments and durations as people say them. Times are UTC epoch seconds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def day(moment: int) -> str:
    """The day, in UTC, e.g. "3 March 2026"."""
    then = datetime.fromtimestamp(moment, UTC)
    return f"{then.day} {then:%B %Y}"


def utc(moment: int) -> str:
    """The day and minute, e.g. "3 March 2026 at 10:15 UTC"."""
    return f"{day(moment)} at {datetime.fromtimestamp(moment, UTC):%H:%M} UTC"


def span(seconds: int) -> str:
    """A duration as people say it, e.g. "40 minutes", "3 hours", "9 days"."""
    length = timedelta(seconds=seconds)
    for unit, size in (("day", timedelta(days=1)), ("hour", timedelta(hours=1)), ("minute", timedelta(minutes=1))):
        # "36 hours" says more than "2 days", and "90 minutes" more than "2 hours".
        if length >= 2 * size or (length >= size and length % size < size / 10):
            number = round(length / size)
            return f"{number} {unit}{'' if number == 1 else 's'}"
    return f"{seconds} second{'' if seconds == 1 else 's'}"


def rfc3339(moment: int) -> str:
    """For programs, e.g. "2026-03-03T10:15:00Z"."""
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%dT%H:%M:%SZ}"
