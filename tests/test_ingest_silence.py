"""When a source's silence is worth telling: by its days, else by its gaps, and never without habits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds.ingest.silence import Expectation, expectation
from feeds.model import Arrival

LONDON = ZoneInfo("Europe/London")
HOUR, DAY = 3600, 86_400
WEEKDAYS, EVERY_DAY = range(5), range(7)
# Eight weeks before March 2026, from a Monday to a Sunday.
FIRST, LAST = date(2026, 1, 5), date(2026, 3, 1)


def at(on: date, clock: str = "00:00") -> int:
    """UTC epoch seconds of a time in UTC."""
    return int(datetime.combine(on, time.fromisoformat(clock), UTC).timestamp())


def days(weekdays: Iterable[int], first: date = FIRST, last: date = LAST) -> Iterator[date]:
    wanted = set(weekdays)
    return (each for number in range((last - first).days + 1) if (each := first + timedelta(days=number)).weekday() in wanted)


def came(on: date, clock: str, dated: str | None = None) -> Arrival:
    return Arrival(at(on, dated or clock), at(on, clock))


def regular(weekdays: Iterable[int], *clocks: str, first: date = FIRST, last: date = LAST) -> list[Arrival]:
    return [came(each, clock) for each in days(weekdays, first, last) for clock in clocks]


def expected(arrivals: Iterable[Arrival]) -> tuple[str, str] | None:
    """When in UTC, and the words."""
    found = expectation(list(arrivals), LONDON)
    return None if found is None else (datetime.fromtimestamp(found.at, UTC).strftime("%Y-%m-%d %H:%M"), found.words)


# ---------------------------------------------------------------- by days


@pytest.mark.parametrize(
    ("weekdays", "clock", "when", "words"),
    [
        (WEEKDAYS, "08:50", "2026-03-02 10:00", "the weekday round-up has not come by 10:00 GMT"),
        ([3], "14:07", "2026-03-05 15:15", "the Thursday issue has not come by 15:15 GMT"),
        ([3], "14:00", "2026-03-05 15:00", "the Thursday issue has not come by 15:00 GMT"),
        ([1, 4], "14:07", "2026-03-03 15:15", "the Tuesday issue has not come by 15:15 GMT"),
        ([0, 1, 2, 3], "06:00", "2026-03-02 07:00", "the weekday round-up has not come by 07:00 GMT"),
        ([5, 6], "06:00", "2026-03-07 07:00", "the Saturday issue has not come by 07:00 GMT"),
        (EVERY_DAY, "06:00", "2026-03-02 07:00", "the daily issue has not come by 07:00 GMT"),
    ],
    ids=["weekdays", "weekly", "on the quarter", "twice a week", "four weekdays", "weekends", "daily"],
)
def test_a_source_is_silent_an_hour_after_its_usual_time_on_its_next_day(
    weekdays: Iterable[int], clock: str, when: str, words: str
) -> None:
    assert expected(regular(weekdays, clock)) == (when, words)


def test_when_it_came_today_the_next_day_is_waited_for() -> None:
    arrivals = [*regular(WEEKDAYS, "08:50"), came(date(2026, 3, 2), "09:40")]
    assert expected(arrivals) == ("2026-03-03 10:00", "the weekday round-up has not come by 10:00 GMT")


def test_a_clock_on_the_wall_is_meant_when_it_is_set_forward() -> None:
    """14:07 London time all the year; it is summer time from 29 March 2026 on."""
    arrivals = regular([3], "14:07", first=date(2026, 1, 29), last=date(2026, 3, 26))
    assert expected(arrivals) == ("2026-04-02 14:15", "the Thursday issue has not come by 15:15 BST")


def test_habits_are_the_same_on_both_sides_of_a_change_of_clocks() -> None:
    winter = regular([3], "14:07", first=date(2026, 3, 5), last=date(2026, 3, 26))
    summer = regular([3], "13:07", first=date(2026, 4, 2), last=date(2026, 4, 23))
    assert expected(winter + summer) == ("2026-04-30 14:15", "the Thursday issue has not come by 15:15 BST")


def test_a_day_is_that_of_the_zone() -> None:
    """Half past midnight on a summer's Friday in London is still Thursday in UTC."""
    arrivals = [came(each, "23:30") for each in days([3], date(2026, 5, 7), date(2026, 6, 25))]
    assert expected(arrivals) == ("2026-07-03 00:30", "the Friday issue has not come by 01:30 BST")


def test_one_late_issue_puts_off_nothing() -> None:
    arrivals = [came(each, "22:00" if each == date(2026, 2, 12) else "14:07") for each in days([3])]
    assert expected(arrivals) == ("2026-03-05 15:15", "the Thursday issue has not come by 15:15 GMT")


def test_a_source_that_is_not_punctual_is_given_twice_what_its_times_differ_by() -> None:
    """From 14:00 to 15:30 usually, once at 22:00: until 15:30 and three hours more."""
    clocks = ["14:00", "15:30", "14:20", "22:00", "15:00", "14:00", "14:40", "15:10"]
    arrivals = [came(each, clock) for each, clock in zip(days([3]), clocks, strict=True)]
    assert expected(arrivals) == ("2026-03-05 18:30", "the Thursday issue has not come by 18:30 GMT")


def test_a_deadline_on_the_day_after_says_which_day() -> None:
    clocks = ["14:00", "22:00", "14:00", "22:00", "14:00", "14:00", "14:00", "14:00"]
    arrivals = [came(each, clock) for each, clock in zip(days([3]), clocks, strict=True)]
    assert expected(arrivals) == ("2026-03-06 14:00", "the Thursday issue has not come by Friday 14:00 GMT")


def test_it_counts_when_an_issue_was_seen_and_for_the_day_that_it_bears() -> None:
    """Entries that bear a date alone seem to be hours old when they come; a slow poll sees them on the next day."""
    arrivals = [came(each, "14:07", dated="00:00") for each in days([3])]
    assert expected(arrivals) == ("2026-03-05 15:15", "the Thursday issue has not come by 15:15 GMT")
    slow = [Arrival(at(each, "14:00"), at(each + timedelta(days=1), "09:00")) for each in days([3])]
    assert expected(slow) == ("2026-03-06 10:00", "the Thursday issue has not come by Friday 10:00 GMT")


def test_of_several_in_a_day_the_first_counts_and_it_is_not_called_an_issue() -> None:
    arrivals = regular(WEEKDAYS, "08:50", "13:00", "17:30")
    assert expected(arrivals) == ("2026-03-02 10:00", "nothing has come by 10:00 GMT; on weekdays something usually has")


@pytest.mark.parametrize(("missing", "told"), [(1, True), (2, False)])
def test_a_weekly_source_may_have_missed_one_of_eight(missing: int, told: bool) -> None:
    gone = list(days([3]))[3 : 3 + missing]
    found = expected(arrival for arrival in regular([3], "14:07") if datetime.fromtimestamp(arrival.dated, UTC).date() not in gone)
    assert (found is not None) == told


@pytest.mark.parametrize(
    ("missed", "when"),
    [
        ([date(2026, 2, 3)], "2026-03-02 10:00"),
        ([date(2026, 2, 3), date(2026, 2, 13)], "2026-03-02 10:00"),
        ([date(2026, 2, 3), date(2026, 2, 13), date(2026, 2, 19)], "2026-03-03 10:00"),
        ([date(2026, 2, 3), date(2026, 2, 4), date(2026, 2, 19)], "2026-03-04 10:00"),
    ],
    ids=["a holiday", "two", "now and then", "two in a row now and then"],
)
def test_a_source_that_skips_days_now_and_then_must_miss_more_in_a_row_than_ever(missed: list[date], when: str) -> None:
    arrivals = [came(each, "08:50") for each in days(WEEKDAYS) if each not in missed]
    assert expected(arrivals) == (when, "the weekday round-up has not come by 10:00 GMT")


@pytest.mark.parametrize(("weeks", "told"), [(3, False), (4, True)], ids=["three", "four"])
def test_a_day_is_regular_after_four_weeks_beside_the_one_in_which_the_source_was_new(weeks: int, told: bool) -> None:
    arrivals = regular([3], "14:07", first=LAST - timedelta(weeks=weeks + 1) + timedelta(days=1))
    assert len(arrivals) == weeks + 1
    assert (expected(arrivals) is not None) == told


def test_days_that_are_regular_by_chance_are_no_habit() -> None:
    """Two days of three: each weekday is hit about as often as the others, and some of them in seven weeks of eight."""
    arrivals = [came(FIRST + timedelta(days=number), "12:00") for number in range(56) if number % 7 == 3 or number % 3]
    found = expected(arrivals)
    assert found is not None
    assert found[1].startswith("nothing has come since 1 March 2026; the longest gap")


# ---------------------------------------------------------------- by gaps


def spaced(hours: int, number: int, start: int = at(FIRST)) -> list[Arrival]:
    return [Arrival(start + each * hours * HOUR, start + each * hours * HOUR) for each in range(number)]


def test_a_source_without_regular_days_is_silent_after_three_times_its_longest_gap() -> None:
    """Every 40 hours, 33 times: from midnight on 5 January to 08:00 on 27 February; 120 hours later it is 4 March."""
    assert expected(spaced(40, 33)) == ("2026-03-04 08:00", "nothing has come since 27 February 2026; the longest gap before was 40 hours")


def test_the_longest_gap_counts_wherever_it_lies() -> None:
    arrivals = spaced(40, 33)
    del arrivals[10]
    assert expected(arrivals) == ("2026-03-09 08:00", "nothing has come since 27 February 2026; the longest gap before was 3 days")


def test_nobody_is_silent_after_less_than_two_days() -> None:
    """Every 10 hours, 65 times: until 26 days and 16 hours after the first, too short for regular days."""
    start = at(FIRST)
    found = expectation(spaced(10, 65, start), LONDON)
    assert found == Expectation(start + 640 * HOUR + 2 * DAY, "nothing has come since 31 January 2026; the longest gap before was 10 hours")


def test_a_source_younger_than_four_weeks_is_not_silent() -> None:
    start = at(FIRST)
    found = expectation(spaced(30, 13, start), LONDON)
    assert found is not None
    assert found.at == start + 28 * DAY, "and not after 15 days and 90 hours"


@pytest.mark.parametrize(
    "arrivals",
    [[], spaced(40, 1), spaced(40, 9), spaced(30, 11), [Arrival(at(FIRST), at(FIRST))] * 50, regular([3], "14:07", last=date(2026, 1, 29))],
    ids=["never published", "once", "too few", "too short a time", "all at once", "a weekly source of four weeks"],
)
def test_without_habits_nothing_is_expected(arrivals: list[Arrival]) -> None:
    assert expected(arrivals) is None


# ---------------------------------------------------------------- whatever comes

_MINUTES = st.integers(0, 56 * 24 * 60)
_ARRIVALS = st.lists(st.tuples(_MINUTES, st.integers(0, 2 * 24 * 60)), max_size=120).map(
    lambda pairs: [Arrival(at(FIRST) + dated * 60, at(FIRST) + (dated + late) * 60) for dated, late in pairs]
)


@given(_ARRIVALS, st.sampled_from([LONDON, UTC]))
def test_what_is_expected_lies_after_what_came(arrivals: list[Arrival], zone: tzinfo) -> None:
    found = expectation(arrivals, zone)
    if found:
        assert max(arrival.dated for arrival in arrivals) < found.at < at(LAST) + 365 * DAY
        assert found.words
        assert found == expectation(arrivals[::-1], zone), "their order says nothing"


@given(st.sets(st.integers(0, 6), min_size=1), st.integers(0, 22 * 60), st.integers(1, 30))
def test_a_punctual_source_is_given_at_least_an_hour_and_at_most_a_quarter_more(weekdays: set[int], minute: int, weeks: int) -> None:
    """Whatever its days are: the same in any other week of the winter or the summer."""
    clock = f"{minute // 60:02}:{minute % 60:02}"
    moved = [Arrival(each.dated + weeks * 7 * DAY, each.seen + weeks * 7 * DAY) for each in regular(weekdays, clock)]
    found = expectation(moved, UTC)
    assert found is not None
    usual = next(each for each in days(weekdays, LAST + timedelta(days=1), LAST + timedelta(days=7)))
    assert HOUR <= found.at - weeks * 7 * DAY - at(usual, clock) < HOUR + 900
    assert found.at % 900 == 0
