"""When to poll a source next, and why. Pure: the present moment and the dice are passed in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from feeds.model import Plan, Source, Wishes
from feeds.times import span

DAY = 86_400
# Polls are put off by up to this share, so that sources which were read together drift apart.
_JITTER = 0.1
# So many polls fit between two entries of a source: what is new is seen after a twelfth of its usual gap on average.
_LOOKS = 6
# A server that gives no validators has to send everything every time.
_WITHOUT_VALIDATORS = 2
# Fewer arrivals tell nothing of how often a source publishes.
_ARRIVALS = 4


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often to poll, in seconds: ``interval`` until a source is known, then between ``floor`` and ``ceiling``."""

    interval: int
    floor: int
    ceiling: int


def after_success(now: int, source: Source, rhythm: Rhythm, fresh_for: int, dice: float) -> Plan:
    """The poll after one that went well; ``source`` is as that poll left it.

    ``fresh_for`` and the document's own wishes only lengthen the wait, up to the ceiling. ``dice`` in [0, 1) puts it off by up to a
    tenth.
    """
    own, reason = _own_interval(now, source, rhythm)
    asked = [
        (source.ttl, "its document asks to be left alone for {}"),
        (fresh_for, "its server says that the answer stays good for {}"),
        (rhythm.floor, "no source is polled sooner (HEALTHWIRE_POLL_MIN_INTERVAL is {})"),
    ]
    wait, words = max([(own, reason), *asked], key=lambda each: each[0])
    reason = words.format(span(wait))
    latest = max(rhythm.ceiling, own)
    at = now + round(min(wait * (1 + _JITTER * dice), latest))
    allowed = _outside(at, now + latest, source.wishes)
    return Plan(allowed, reason if allowed == at else "its document names hours or days at which not to ask")


def after_failure(now: int, source: Source, rhythm: Rhythm, retry_after: int, dice: float) -> Plan:
    """The poll after one that failed; ``source.failures`` counts it already.

    Each failure in a row doubles the wait, up to the ceiling. ``retry_after`` seconds are obeyed, up to a day.
    """
    own = source.interval or rhythm.interval
    doubled = min(own << min(source.failures, 30), max(rhythm.ceiling, own))
    wait = min(max(doubled, rhythm.floor) * (1 + _JITTER * dice), max(rhythm.ceiling, own, rhythm.floor))
    asked = min(retry_after, DAY)
    if asked > wait:
        return Plan(
            now + round(asked + min(_JITTER * dice * asked, DAY - asked)), f"its server asks for {span(asked)} of rest (Retry-After)"
        )
    times = "it failed" if source.failures == 1 else f"it failed {source.failures} times in a row"
    return Plan(now + round(wait), f"{times}, so it is left alone for longer")


def _own_interval(now: int, source: Source, rhythm: Rhythm) -> tuple[int, str]:
    """The interval that follows from the source itself, and its reason."""
    if source.interval:
        return source.interval, f"a person set it to {span(source.interval)}"
    interval, reason = rhythm.interval, f"how often it publishes is not known yet (HEALTHWIRE_POLL_INTERVAL is {span(rhythm.interval)})"
    if source.usual_gap and source.last_new:
        silence = now - source.last_new
        interval = max(source.usual_gap, silence) // _LOOKS
        often = f"it brings something new about every {span(source.usual_gap)}"
        reason = often if silence <= 2 * source.usual_gap else f"it has brought nothing new for {span(silence)}"
    if not source.etag and not source.last_modified:
        # "Rarely" is also said of a busy source: its owner pays for every look.
        interval = max(interval, rhythm.interval) * _WITHOUT_VALIDATORS
        reason += ", and its server has to send all of it every time, for want of validators"
    return min(max(interval, rhythm.floor), rhythm.ceiling), reason


def usual_gap(arrivals: Sequence[int]) -> int | None:
    """The mean seconds between arrivals, those within a quarter of an hour being one; None when there are too few."""
    moments: list[int] = []
    for moment in sorted(arrivals):
        if not moments or moment - moments[-1] > 900:
            moments.append(moment)
    return (moments[-1] - moments[0]) // (len(moments) - 1) if len(moments) >= _ARRIVALS else None


def _outside(at: int, latest: int, wishes: Wishes) -> int:
    """The first moment from ``at`` on that lies outside the hours and days to skip; ``at`` when there is none up to ``latest``."""
    if not wishes.skip_hours and not wishes.skip_days:
        return at
    for moment in _hours(at, latest):
        when = datetime.fromtimestamp(moment, UTC)
        if not (wishes.skip_hours >> when.hour & 1 or wishes.skip_days >> when.weekday() & 1):
            return moment
    return at


def _hours(at: int, latest: int) -> Iterator[int]:
    yield at
    yield from range(at - at % 3600 + 3600, latest + 1, 3600)
