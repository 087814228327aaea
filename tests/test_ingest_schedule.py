"""When to poll next, and why: as often as a source publishes, never too soon, never too late, and more rarely the longer it fails."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fakes import START
from hypothesis import given
from hypothesis import strategies as st

from feeds.ingest.schedule import Rhythm, after_failure, after_success, usual_gap
from feeds.model import Source

MINUTE, HOUR, DAY, YEAR = 60, 3600, 86_400, 31_536_000
rhythms = (
    st.lists(st.integers(1, YEAR), min_size=3, max_size=3).map(sorted).map(lambda it: Rhythm(interval=it[1], floor=it[0], ceiling=it[2]))
)
dice = st.floats(0, 1, exclude_max=True)
HOURLY = Rhythm(interval=HOUR, floor=15 * MINUTE, ceiling=DAY)
# A source of which nothing is known but that its server gives validators.
SOURCE = Source(1, "https://a.example/feed", "A", etag='"e"', next_poll=START)

sources = st.builds(
    Source,
    id=st.just(1),
    url=st.just("https://a.example/feed"),
    title=st.just("A"),
    interval=st.none() | st.integers(1, YEAR),
    etag=st.sampled_from([None, '"e"']),
    usual_gap=st.none() | st.integers(0, YEAR),
    last_new=st.none() | st.integers(START - YEAR, START),
    ttl=st.integers(0, YEAR),
    skip_hours=st.integers(0, 2**24 - 1),
    skip_days=st.integers(0, 2**7 - 1),
    failures=st.integers(1, 100_000),
)


def wait(source: Source, *, fresh_for: int = 0, roll: float = 0.0, rhythm: Rhythm = HOURLY) -> int:
    at = after_success(START, source, rhythm, fresh_for, roll).at
    assert at is not None
    return at - START


def known(gap: int, silence: int = 0) -> Source:
    """A source that brings something every ``gap`` seconds, and did so ``silence`` seconds ago."""
    return replace(SOURCE, usual_gap=gap, last_new=START - silence)


@pytest.mark.parametrize(
    ("source", "seconds"),
    [
        pytest.param(SOURCE, HOUR, id="not known yet"),
        pytest.param(known(12 * HOUR), 2 * HOUR, id="twice a day"),
        pytest.param(known(6 * HOUR), HOUR, id="four times a day"),
        pytest.param(known(10 * MINUTE), 15 * MINUTE, id="all the time"),
        pytest.param(known(30 * DAY), DAY, id="monthly"),
        pytest.param(known(HOUR, silence=3 * DAY), 12 * HOUR, id="was busy, has fallen silent"),
        pytest.param(known(HOUR, silence=YEAR), DAY, id="dead"),
        pytest.param(replace(known(HOUR), interval=2 * HOUR), 2 * HOUR, id="set by a person"),
        pytest.param(replace(SOURCE, interval=MINUTE), 15 * MINUTE, id="set below the floor"),
        pytest.param(replace(SOURCE, interval=7 * DAY), 7 * DAY, id="set beyond the ceiling"),
        pytest.param(replace(SOURCE, etag=None), 2 * HOUR, id="no validators"),
        pytest.param(replace(SOURCE, etag=None, last_modified="yesterday"), HOUR, id="a date is a validator"),
        pytest.param(replace(known(MINUTE), etag=None), 2 * HOUR, id="busy, but no validators"),
    ],
)
def test_the_interval_follows_what_is_known_of_the_source(source: Source, seconds: int) -> None:
    assert wait(source) == seconds


@pytest.mark.parametrize(
    ("source", "fresh_for", "seconds"),
    [
        pytest.param(SOURCE, 3 * HOUR, 3 * HOUR, id="Cache-Control lengthens"),
        pytest.param(SOURCE, 60, HOUR, id="Cache-Control does not shorten"),
        pytest.param(SOURCE, YEAR, DAY, id="Cache-Control is capped"),
        pytest.param(replace(SOURCE, ttl=4 * HOUR), 0, 4 * HOUR, id="ttl lengthens"),
        pytest.param(replace(SOURCE, ttl=60), 0, HOUR, id="ttl does not shorten"),
        pytest.param(replace(SOURCE, ttl=YEAR), 0, DAY, id="ttl is capped"),
        pytest.param(replace(SOURCE, ttl=4 * HOUR), 5 * HOUR, 5 * HOUR, id="the longest holds"),
        pytest.param(replace(SOURCE, interval=7 * DAY), 3 * HOUR, 7 * DAY, id="a person's longer word stays"),
        pytest.param(replace(SOURCE, interval=HOUR), 3 * HOUR, 3 * HOUR, id="a person's shorter word gives way"),
    ],
)
def test_hints_only_lengthen_the_wait_and_only_up_to_the_ceiling(source: Source, fresh_for: int, seconds: int) -> None:
    assert wait(source, fresh_for=fresh_for) == seconds


def hours(*which: int) -> int:
    return sum(1 << hour for hour in which)


# START is Monday, 2 March 2026, 09:00 UTC; an hour later it is ten.
@pytest.mark.parametrize(
    ("skip_hours", "skip_days", "seconds"),
    [
        (hours(9), 0, HOUR),
        (hours(10), 0, 2 * HOUR),
        (hours(10, 11, 12), 0, 4 * HOUR),
        (hours(*range(24)), 0, HOUR),
        (hours(*range(10, 24)), 0, 15 * HOUR),
        (0, 0b0000001, 15 * HOUR),
        (0, 0b0000011, HOUR),
        (0, 0b1100000, HOUR),
        (0, 0b1111111, HOUR),
    ],
)
def test_hours_and_days_to_skip_are_left_out_unless_that_would_take_more_than_the_ceiling(
    skip_hours: int, skip_days: int, seconds: int
) -> None:
    assert wait(replace(SOURCE, skip_hours=skip_hours, skip_days=skip_days)) == seconds


@pytest.mark.parametrize(("failures", "seconds"), [(1, 2 * HOUR), (2, 4 * HOUR), (4, 16 * HOUR), (5, DAY), (500, DAY)])
def test_the_wait_doubles_with_each_failure_up_to_the_ceiling(failures: int, seconds: int) -> None:
    assert after_failure(START, replace(SOURCE, failures=failures), HOURLY, 0, 0.0).at == START + seconds


@pytest.mark.parametrize(("asked", "seconds"), [(60, 2 * HOUR), (3 * HOUR, 3 * HOUR), (DAY, DAY), (YEAR, DAY), (10**9, DAY)])
def test_retry_after_is_obeyed_up_to_a_day_and_never_shortens(asked: int, seconds: int) -> None:
    plan = after_failure(START, replace(SOURCE, failures=1), HOURLY, asked, 0.0)
    assert plan.at == START + seconds
    assert ("Retry-After" in plan.reason) is (asked > 2 * HOUR)


def test_retry_after_is_obeyed_beyond_a_low_ceiling() -> None:
    low = Rhythm(interval=HOUR, floor=HOUR, ceiling=2 * HOUR)
    assert after_failure(START, replace(SOURCE, failures=9), low, 5 * HOUR, 0.0).at == START + 5 * HOUR


@given(sources, rhythms, st.integers(0, 2 * YEAR), dice)
def test_a_wait_lies_between_the_floor_and_the_longer_of_ceiling_and_set_interval(
    source: Source, rhythm: Rhythm, fresh_for: int, roll: float
) -> None:
    assert rhythm.floor <= wait(source, fresh_for=fresh_for, roll=roll, rhythm=rhythm) <= max(rhythm.ceiling, source.interval or 0)


@given(sources, rhythms, st.integers(0, 2 * YEAR), st.integers(0, 2 * YEAR), dice)
def test_a_longer_wish_never_shortens_the_wait(source: Source, rhythm: Rhythm, one: int, other: int, roll: float) -> None:
    free = replace(source, skip_hours=0, skip_days=0)
    short, long = sorted((one, other))
    assert wait(free, fresh_for=short, roll=roll, rhythm=rhythm) <= wait(free, fresh_for=long, roll=roll, rhythm=rhythm)


@given(sources, rhythms, st.integers(0, 2 * YEAR), dice)
def test_one_more_failure_never_shortens_the_wait_nor_leads_below_the_floor(
    source: Source, rhythm: Rhythm, retry_after: int, roll: float
) -> None:
    once = after_failure(START, source, rhythm, retry_after, roll).at or 0
    again = after_failure(START, replace(source, failures=source.failures + 1), rhythm, retry_after, roll).at or 0
    assert START + max(rhythm.floor, min(retry_after, DAY)) <= once <= again
    assert again <= START + max(rhythm.ceiling, rhythm.floor, source.interval or 0, min(retry_after, DAY) * 1.1 + 1)


def test_sources_that_were_read_together_drift_apart() -> None:
    waits = [wait(SOURCE, roll=roll / 100) for roll in range(100)]
    assert len(set(waits)) == 100
    assert (min(waits), max(waits) > HOUR + 350) == (HOUR, True)


@pytest.mark.parametrize(
    ("source", "fresh_for", "reason"),
    [
        (SOURCE, 0, "how often it publishes is not known yet (HEALTHWIRE_POLL_INTERVAL is 1 hour)"),
        (known(6 * HOUR), 0, "it brings something new about every 6 hours"),
        (known(6 * HOUR, silence=9 * DAY), 0, "it has brought nothing new for 9 days"),
        (replace(SOURCE, interval=2 * HOUR), 0, "a person set it to 2 hours"),
        (SOURCE, 3 * HOUR, "its server says that the answer stays good for 3 hours"),
        (replace(SOURCE, ttl=2 * DAY), 0, "its document asks to be left alone for 2 days"),
        (replace(SOURCE, skip_hours=hours(10)), 0, "its document names hours or days at which not to ask"),
    ],
)
def test_the_reason_is_told_in_plain_words(source: Source, fresh_for: int, reason: str) -> None:
    assert after_success(START, source, HOURLY, fresh_for, 0.0).reason == reason


@pytest.mark.parametrize(
    ("arrivals", "gap"),
    [
        ([], None),
        ([0, HOUR, 2 * HOUR], None),
        ([0, HOUR, 2 * HOUR, 3 * HOUR], HOUR),
        ([3 * HOUR, 0, 2 * HOUR, HOUR], HOUR),
        # Five at once are one arrival.
        ([0, 60, 120, 180, 240, DAY, DAY + 60, 2 * DAY, 3 * DAY], DAY),
        ([0, HOUR, 2 * HOUR, 12 * HOUR], 4 * HOUR),
    ],
)
def test_the_usual_gap_is_the_mean_time_between_arrivals(arrivals: list[int], gap: int | None) -> None:
    assert usual_gap(arrivals) == gap
