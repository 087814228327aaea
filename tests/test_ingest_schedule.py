"""When to poll next: never too soon, never too late, and more rarely the longer a source fails."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds.ingest.schedule import Rhythm, next_poll

YEAR = 31_536_000
rhythms = (
    st.lists(st.integers(1, YEAR), min_size=3, max_size=3).map(sorted).map(lambda it: Rhythm(interval=it[1], floor=it[0], ceiling=it[2]))
)
dice = st.floats(0, 1, exclude_max=True)
HOURLY = Rhythm(interval=3600, floor=900, ceiling=86_400)


@pytest.mark.parametrize(
    ("failures", "roll", "wait"),
    [
        (0, 0.5, 3600),
        (1, 0.5, 7200),
        (2, 0.5, 14_400),
        (4, 0.5, 57_600),
        (5, 0.5, 86_400),
        (500, 0.5, 86_400),
        (0, 0.0, 3420),
        (2, 0.0, 13_680),
    ],
)
def test_the_interval_doubles_with_each_failure_up_to_the_ceiling(failures: int, roll: float, wait: int) -> None:
    assert next_poll(1_000_000, HOURLY, failures, roll) == 1_000_000 + wait


@given(st.integers(0, 2**40), rhythms, st.integers(0, 100_000), dice)
def test_a_wait_is_never_below_the_floor_and_a_twentieth_above_the_ceiling_at_most(
    now: int, rhythm: Rhythm, failures: int, roll: float
) -> None:
    wait = next_poll(now, rhythm, failures, roll) - now
    assert rhythm.floor <= wait <= rhythm.ceiling * 1.05 + 1


@given(rhythms, st.integers(0, 60), dice)
def test_one_more_failure_never_shortens_the_wait(rhythm: Rhythm, failures: int, roll: float) -> None:
    assert next_poll(0, rhythm, failures, roll) <= next_poll(0, rhythm, failures + 1, roll)


@given(rhythms, st.integers(0, 60), st.tuples(dice, dice).map(sorted))
def test_the_dice_spread_polls_over_a_tenth_of_the_interval(rhythm: Rhythm, failures: int, rolls: list[float]) -> None:
    early, late = (next_poll(0, rhythm, failures, roll) for roll in rolls)
    assert 0 <= late - early <= rhythm.ceiling / 10 + 1


def test_sources_that_were_read_together_drift_apart() -> None:
    waits = [next_poll(0, HOURLY, 0, roll / 100) for roll in range(100)]
    assert len(set(waits)) == 100
    assert max(waits) - min(waits) > 350
