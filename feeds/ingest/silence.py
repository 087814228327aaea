"""When a source's silence is worth telling, by its own habits of the last eight weeks. Pure.

A source whose days are regular (every Thursday, every weekday) is silent when on such a day nothing has come some time after its
usual time. Any other is silent when nothing has come for much longer than ever in that time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from itertools import pairwise
from statistics import median

from feeds.model import Arrival
from feeds.times import day, span

DAY = 86_400
WINDOW = 56 * DAY

# A weekday is one of a source's days if something came on so many of them, of at least so many.
_REGULAR, _FEWEST_WEEKS = 0.8, 4
# A source that misses more of its days than this is used to miss some, so one more tells nothing.
_FORGIVEN = 2
_QUARTER = timedelta(minutes=15)
_MARGIN = timedelta(hours=1)
# How much later than ever its first news may be, in parts of what its usual times differ by.
_SPREADS = 2

_FEWEST_ARRIVALS, _SHORTEST_HISTORY, _YOUNGEST = 10, 14 * DAY, 28 * DAY
_GAPS, _SHORTEST_SILENCE = 3, 2 * DAY

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True, slots=True)
class Expectation:
    """If nothing comes, the source is silent from ``at`` on (UTC epoch seconds), and ``words`` tell what has not come."""

    at: int
    words: str


def expectation(arrivals: Sequence[Arrival], zone: tzinfo) -> Expectation | None:
    """What is to be expected after these arrivals, which are those of the eight weeks up to the latest.

    ``zone`` is that of the source's days and times. None when its habits are not known well enough.
    """
    if not arrivals:
        return None
    habits = _habits(arrivals, zone)
    return _by_days(habits, zone) if habits.days else _by_gaps(sorted({arrival.dated for arrival in arrivals}))


@dataclass(frozen=True, slots=True)
class _Habits:
    """``seen``: for each day on which something came, how long after its midnight (wall clock) the first of it was seen.

    ``days`` are the regular weekdays, 0 being Monday. ``number``: how much usually comes on a day.
    """

    first: date
    last: date
    seen: dict[date, timedelta]
    number: float
    days: frozenset[int]

    def between(self) -> Iterator[date]:
        """The days from the second to the last; on the first the source was new, and what it brought then may be older."""
        return _dates(self.first + timedelta(days=1), self.last)


def _dates(start: date, end: date) -> Iterator[date]:
    return (start + timedelta(days=number) for number in range((end - start).days + 1))


def _habits(arrivals: Sequence[Arrival], zone: tzinfo) -> _Habits:
    seen: dict[date, timedelta] = {}
    number: Counter[date] = Counter()
    for arrival in arrivals:
        on = datetime.fromtimestamp(arrival.dated, zone).date()
        offset = datetime.fromtimestamp(arrival.seen, zone).replace(tzinfo=None) - datetime.combine(on, time())
        seen[on] = min(offset, seen.get(on, offset))
        number[on] += 1
    habits = _Habits(min(seen), max(seen), seen, median(number.values()), frozenset())
    return _Habits(habits.first, habits.last, seen, habits.number, _regular_days(habits))


def _regular_days(habits: _Habits) -> frozenset[int]:
    """The weekdays on which something came in most weeks, if these account for most of what came.

    If they do not, they are regular by chance: a source that publishes on two days of three has some such days in any eight weeks.
    """
    all_days = Counter(each.weekday() for each in habits.between())
    with_news = Counter(each.weekday() for each in habits.between() if each in habits.seen)
    days = frozenset(weekday for weekday, weeks in all_days.items() if weeks >= _FEWEST_WEEKS and with_news[weekday] >= _REGULAR * weeks)
    return days if sum(with_news[weekday] for weekday in days) >= _REGULAR * with_news.total() else frozenset()


def _by_days(habits: _Habits, zone: tzinfo) -> Expectation:
    missing = _misses(habits)
    coming = (each for each in _dates(habits.last + timedelta(days=1), habits.last + timedelta(days=400)) if each.weekday() in habits.days)
    due = next(each for number, each in enumerate(coming, start=1) if number == missing)
    deadline = datetime.combine(due, time()) + _deadline(habits, due.weekday())
    at = deadline.replace(tzinfo=zone)
    clock = f"{at:%H:%M} {at.tzname()}"
    when = clock if deadline.date() == due else f"{_DAYS[deadline.weekday()]} {clock}"
    return Expectation(int(at.timestamp()), _words(habits, due, when))


def _misses(habits: _Habits) -> int:
    """How many of its days in a row must pass without news before that is worth telling."""
    came = [each in habits.seen for each in habits.between() if each.weekday() in habits.days]
    if came.count(False) <= _FORGIVEN:
        return 1
    runs = "".join("." if each else "x" for each in came).split(".")
    return max(map(len, runs)) + 1


def _deadline(habits: _Habits, weekday: int) -> timedelta:
    """When on that weekday its first news should have been seen, one late day forgiven: since midnight, a whole quarter of an hour."""
    usual = sorted(habits.seen[each] for each in habits.between() if each in habits.seen and each.weekday() == weekday)[:-1]
    late = usual[-1] + max(_MARGIN, _SPREADS * (usual[-1] - usual[0]))
    return -(-late // _QUARTER) * _QUARTER


def _words(habits: _Habits, due: date, when: str) -> str:
    name, usually = _name_of_days(habits.days, due)
    if habits.number > 1:
        return f"nothing has come by {when}; {usually} something usually has"
    return f"the {name} has not come by {when}"


def _name_of_days(days: Collection[int], due: date) -> tuple[str, str]:
    """What an issue of such a day is called, and the days themselves."""
    if len(days) == 7:
        return "daily issue", "every day"
    if len(days) >= 4 and max(days) < 5:
        return "weekday round-up", "on weekdays"
    return f"{_DAYS[due.weekday()]} issue", f"on {_DAYS[due.weekday()]}s"


def _by_gaps(moments: Sequence[int]) -> Expectation | None:
    """``moments``: when something came, oldest first."""
    if len(moments) < _FEWEST_ARRIVALS or moments[-1] - moments[0] < _SHORTEST_HISTORY:
        return None
    longest = max(after - before for before, after in pairwise(moments))
    at = max(moments[-1] + max(_GAPS * longest, _SHORTEST_SILENCE), moments[0] + _YOUNGEST)
    return Expectation(at, f"nothing has come since {day(moments[-1])}; the longest gap before was {span(longest)}")
