"""When to poll a source next. Pure: the present moment and the dice are passed in."""

from __future__ import annotations

from dataclasses import dataclass

_JITTER = 0.1


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often to poll, in seconds."""

    interval: int
    floor: int
    ceiling: int


def next_poll(now: int, rhythm: Rhythm, failures: int, dice: float) -> int:
    """The moment of the next poll.

    ``failures`` in a row double the interval each, up to the ceiling; ``dice`` in [0, 1) spreads polls by a tenth
    of the interval, so that sources read together drift apart.
    """
    interval = min(rhythm.interval << min(failures, 30), rhythm.ceiling)
    return now + max(rhythm.floor, round(interval * (1 - _JITTER / 2 + _JITTER * dice)))
