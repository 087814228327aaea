"""How rarely a feed document asks to be polled: RSS 2.0 ttl, skipHours and skipDays, and the RSS 1.0 syndication module."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from lxml import etree

from feeds.model import Wishes

_PERIODS = {"hourly": 3600, "daily": 86_400, "weekly": 7 * 86_400, "monthly": 30 * 86_400, "yearly": 365 * 86_400}
_LONGEST = _PERIODS["yearly"]
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SKIPS = re.compile(rb"<skip[HhDd]")


def wishes_of(channel: Mapping[str, object], document: bytes) -> Wishes:
    """The wishes of a document, from what feedparser made of its channel, and from its bytes what feedparser does not know.

    Nonsense is no wish: negative numbers, words, more than a year, every hour of the day, every day of the week.
    """
    minutes = _number(channel.get("ttl"))
    period = _PERIODS.get(str(channel.get("sy_updateperiod", "")).strip().lower(), 0)
    times = _number(channel.get("sy_updatefrequency", "1"))
    spans = [round(minutes * 60), round(period / times) if times else 0]
    hours, days = _skips(document) if _SKIPS.search(document) else (0, 0)
    return Wishes(ttl=max(span if span <= _LONGEST else 0 for span in spans), skip_hours=hours, skip_days=days)


def _number(value: object) -> float:
    figures = re.fullmatch(r"\s*(\d{1,9}(?:\.\d{1,3})?)\s*", value) if isinstance(value, str) else None
    return float(figures[1]) if figures else 0


def _skips(document: bytes) -> tuple[int, int]:
    parser = etree.XMLParser(recover=True, resolve_entities=False, no_network=True, encoding="utf-8")
    try:
        root = etree.fromstring(document, parser)
        if root is None:
            return 0, 0
        hours, days = _bits(map(_hour, _words(root, "skiphours"))), _bits(map(_day, _words(root, "skipdays")))
    except (etree.XMLSyntaxError, ValueError):
        return 0, 0
    return hours if hours < 2**24 - 1 else 0, days if days < 2**7 - 1 else 0


def _words(root: etree._Element, name: str) -> list[str]:
    """What the children of the channel's element of that name say."""
    lists = (element for element in root.iterfind("*/*") if re.split("[}:]", element.tag)[-1].lower() == name)
    return [(child.text or "").strip().lower() for element in lists for child in element.iterfind("*")]


def _hour(word: str) -> int | None:
    """RSS 0.91 counted the hours from 1 to 24."""
    return int(word) % 24 if re.fullmatch(r"\d{1,2}", word) and int(word) <= 24 else None


def _day(word: str) -> int | None:
    return _DAYS.index(word[:3]) if word[:3] in _DAYS else None


def _bits(places: Iterable[int | None]) -> int:
    return sum(1 << place for place in {place for place in places if place is not None})
