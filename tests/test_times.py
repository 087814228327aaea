"""Moments and durations as people say them."""

from __future__ import annotations

import pytest
from fakes import START

from feeds.times import day, span, utc


def test_a_moment_is_told_in_utc_and_says_so() -> None:
    assert day(START) == "2 March 2026"
    assert utc(START) == "2 March 2026 at 09:00 UTC"
    assert utc(0) == "1 January 1970 at 00:00 UTC"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 seconds"),
        (1, "1 second"),
        (59, "59 seconds"),
        (60, "1 minute"),
        (90, "90 seconds"),
        (900, "15 minutes"),
        (3600, "1 hour"),
        (5400, "90 minutes"),
        (10_800, "3 hours"),
        (86_400, "1 day"),
        (129_600, "36 hours"),
        (518_400, "6 days"),
    ],
)
def test_a_duration_is_told_in_the_unit_that_says_most(seconds: int, said: str) -> None:
    assert span(seconds) == said
