"""Dates as feeds and mails write them, as UTC epoch seconds; None where they cannot be true."""

from __future__ import annotations

import calendar
import re
import time
from datetime import datetime, timedelta

# Dates outside this span are mistakes of the source ("0000-00-00", year 9999).
_EARLIEST = calendar.timegm((1990, 1, 1, 0, 0, 0))
_LATEST = calendar.timegm((2100, 1, 1, 0, 0, 0))
_LONGEST = 100
_FURTHEST = timedelta(hours=14)
_UTC = timedelta()

# Hours from UTC. Where a name has several meanings, that of GNU date is taken (IST is Indian time), but BST is British summer time.
# The letters of RFC 822 section 5.1 are left out: people had their signs confused, so they say nothing (RFC 5322 section 4.3).
_ZONES = {
    name: timedelta(hours=hours)
    for hours, names in {
        -10: "hst",
        -9: "akst",
        -8: "pst pt akdt",
        -7: "mst mt pdt",
        -6: "cst ct mdt",
        -5: "est et cdt",
        -4: "ast at edt clt",
        -3.5: "nst",
        -3: "adt art brt clst",
        -2.5: "ndt",
        -2: "brst",
        0: "gmt utc ut wet",
        1: "bst west cet met mez wat",
        2: "cest mest mesz eet cat sast",
        3: "eest eat msk trt",
        4: "gst",
        5: "pkt",
        5.5: "ist",
        7: "ict wib",
        8: "sgt hkt awst pht",
        9: "jst kst",
        9.5: "acst",
        10: "aest",
        10.5: "acdt",
        11: "aedt",
        12: "nzst",
        13: "nzdt",
    }.items()
    for name in names.split()
}

# By their first letters, as English, German, French, Spanish, Portuguese, Italian and Dutch write them.
_MONTHS = {
    beginning: month
    for month, beginnings in enumerate(
        (
            "jan jän ene gen",
            "feb fév fev",
            "mar mär mrz maa mrt",
            "apr avr abr",
            "may mai mei mag",
            "jun juin giu",
            "jul juil lug",
            "aug aoû aou ago",
            "sep set",
            "oct okt out ott",
            "nov",
            "dec dez déc dic",
        ),
        start=1,
    )
    for beginning in beginnings.split()
}

# The date, once the time and its zone are taken out.
_DAY = r"(?<!\d)(?P<day>\d{1,2})(?:st|nd|rd|th|er|º|\.)?"
_NAME = r"(?P<name>[^\W\d_]{3,})\.?"
_FORMS = [
    re.compile(form, re.I)
    for form in (
        rf"{_DAY}[\s,/-]*(?:de |of )?{_NAME}[\s,/-]*(?:de |del )?'?(?P<year>\d{{4}}|\d\d)(?!\d)",  # Thu, 23 Jun 2016
        r"(?<!\d)(?P<year>\d{4})([-/.])(?P<month>\d{1,2})\2(?P<day>\d{1,2})(?![\d-])",  # 2016-06-23
        rf"{_NAME}\s+{_DAY},?\s+(?P<year>\d{{4}})(?!\d)",  # Jun 23, 2016
        r"^(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)$",  # 20160623
        r"^(?P<year>\d{4})-?W(?P<week>\d\d)(?:-?(?P<weekday>[1-7]))?$",  # 2016-W25-4
        r"^(?P<year>\d{4})-?(?P<ordinal>\d{3})$",  # 2016-175
        r"^(?P<year>\d{4})(?:-(?P<month>\d\d))?$",  # 2016-06
        r"(?<!\d)(?P<first>\d{1,2})/(?P<second>\d{1,2})/(?P<year>\d{4})(?!\d)",  # 6/23/2016
    )
]
_HALF = r"(?P<half>[ap])\.?m\b\.?"
_CLOCK = re.compile(
    rf"(?<!\d)(?<!\d:)(?P<hour>\d{{1,2}}):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,]\d+)?)?(?!:?\d)(?:\s*{_HALF})?(?P<twelve>)", re.I
)  # 09:00:00, 9:00 am
_CLOCK_WITH_DOTS = re.compile(
    rf"(?<!\d)(?<!\d\.)(?P<hour>\d{{1,2}})\.(?P<minute>\d\d)(?:\.(?P<second>\d\d))?(?!\d|\.\s*\d)(?:\s*{_HALF})?(?P<twelve>)", re.I
)  # 9.00 am
_CLOCK_WITHOUT_COLONS = re.compile(
    rf"(?<=T)(?P<hour>\d\d)(?P<minute>\d\d)?(?P<second>\d\d)?(?!\d)|(?<!\d)(?P<twelve>\d{{1,2}})\s?{_HALF}", re.I
)  # T090000, 9 am
_OFFSET = re.compile(r"\s*\(?(?:(?:etc/)?(?:gmt|utc?))?\s*([-+\u2212])(\d{1,2}):?(\d\d)?(?!\d)", re.I)
_ZONE = re.compile(r"\s*\(?(?:etc/)?([a-z]{1,5})\b", re.I)
_EPOCH = re.compile(r"(\d{9,10})(?:\d{3}|\.\d+)?")


def read(value: str, elsewhere: timedelta = _UTC) -> int | None:
    """A date in any of the forms that feeds and mails have: those of RFC 5322, RFC 3339 and ISO 8601, and sloppy ones.

    With a time but no zone it is that of a clock which is ``elsewhere`` ahead of UTC; a zone that nobody knows is taken for UTC.
    """
    value = value.strip()
    if len(value) > _LONGEST:
        return None
    if epoch := _EPOCH.fullmatch(value):
        return _in_span(int(epoch[1]))
    clock = _clock(value)
    try:
        time_of_day, half = _time(clock) if clock else (timedelta(), "")
        offset, end = _zone(value, clock.end(), elsewhere) if clock else (_UTC, len(value))
        date = f"{value[: clock.start()].rstrip('Tt ')} {value[end:]}".strip() if clock else value.removesuffix("Z")
        day = _day(date, half)
        return _in_span(calendar.timegm((day + time_of_day - offset).timetuple())) if day else None
    except (ValueError, OverflowError):
        return None


def zone_of(value: str) -> timedelta:
    """How far ahead of UTC the clock was by which a date was written; nothing where it does not say."""
    clock = _clock(value[:_LONGEST])
    return _zone(value[:_LONGEST], clock.end(), _UTC)[0] if clock else _UTC


def from_utc(parsed: tuple[int, ...] | time.struct_time | None) -> int | None:
    try:
        return _in_span(calendar.timegm(parsed)) if parsed else None
    except (ValueError, OverflowError):
        return None


def utc_tuple(value: str) -> time.struct_time | None:
    """What ``read`` makes of a date, as feedparser wants it of its date handlers."""
    moment = read(value)
    return None if moment is None else time.gmtime(moment)


def _in_span(moment: int) -> int | None:
    return moment if _EARLIEST <= moment <= _LATEST else None


def _day(written: str, half: str) -> datetime | None:
    """The day at midnight. Figures with strokes are read the American way with am or pm, else only if one of them can be no month.

    Raises:
        ValueError: there is no such day.
    """
    for form in _FORMS:
        found = form.search(written)
        if found is None:
            continue
        part = {name: figures for name, figures in found.groupdict().items() if figures}
        year = int(part["year"])
        if "name" in part:
            name = part["name"].lower()
            month = _MONTHS.get(name[:4]) or _MONTHS.get(name[:3])
            return datetime(_century(part["year"]), month, int(part["day"])) if month else None
        if not written.isascii():
            return None
        if "week" in part:
            return datetime.fromisocalendar(year, int(part["week"]), int(part.get("weekday", 1)))
        if "ordinal" in part:
            day = datetime(year, 1, 1) + timedelta(days=int(part["ordinal"]) - 1)
            return day if day.year == year else None
        if "first" in part:
            first, second = int(part["first"]), int(part["second"])
            if not half and first <= 12 and second <= 12:
                return None
            return datetime(year, second, first) if first > 12 else datetime(year, first, second)
        return datetime(year, int(part.get("month", 1)), int(part.get("day", 1)))
    return None


def _century(year: str) -> int:
    return int(year) + (0 if len(year) > 2 else 1900 if int(year) >= 90 else 2000)


def _clock(value: str) -> re.Match[str] | None:
    return _CLOCK.search(value) or _CLOCK_WITH_DOTS.search(value) or _CLOCK_WITHOUT_COLONS.search(value)


def _time(clock: re.Match[str]) -> tuple[timedelta, str]:
    """The time since midnight, which may be that of the end of the day, and whether it says am or pm."""
    part = clock.groupdict("")
    hour, minute, second = int(part["hour"] or part["twelve"]), int(part["minute"] or 0), int(part["second"] or 0)
    half = part["half"].lower()
    if half and 1 <= hour <= 12:
        hour = hour % 12 + (12 if half == "p" else 0)
    if hour > 24 or (hour == 24 and minute + second) or minute > 59 or second > 60:
        raise ValueError(f"there is no such time as {clock[0]}")
    return timedelta(hours=hour, minutes=minute, seconds=second), half


def _zone(value: str, start: int, unnamed: timedelta) -> tuple[timedelta, int]:
    """How far the zone that is named after the time is ahead of UTC, and where its name ends; ``unnamed`` if there is no name."""
    if offset := _OFFSET.match(value, start):
        ahead = timedelta(hours=int(offset[2]), minutes=int(offset[3] or 0))
        return (ahead if offset[1] == "+" else -ahead) if ahead <= _FURTHEST else _UTC, offset.end()
    name = _ZONE.match(value, start)
    if name and (name[1].lower() in _ZONES or len(name[1]) == 1):
        return _ZONES.get(name[1].lower(), _UTC), name.end()
    return unnamed, start
