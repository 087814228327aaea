"""The chore that notices silence: told once, ended by whatever comes, and not before somebody has looked."""

from __future__ import annotations

import logging
from datetime import UTC
from zoneinfo import ZoneInfo

import pytest
from builders import issue, news
from fakes import START, FakeClock
from source_rows import add_source, change_source

from feeds.ingest import chores
from feeds.ingest.chores import SilenceWatch
from feeds.model import Arrival
from feeds.store import Store
from feeds.store.silences import Silences

HOUR, DAY = 3600, 86_400
# START is a Monday at nine. This source came on every day of eight weeks at nine, the last time on that Monday.
DAILY = range(-56, 1)
# So it is missed at ten on Tuesday.
DEADLINE = START + DAY + HOUR


def bring(store: Store, source_id: int, *days: int, hour: int = 0) -> None:
    for day in days:
        seen = START + day * DAY + hour * HOUR
        store.polls.write(source_id, [issue(str(seen), news("Ward closes", "", topics={}))], seen)


def looked(store: Store, source_id: int, at: int) -> None:
    """A poll that went well and brought nothing."""
    change_source(store, source_id, last_success=at)


def daily(store: Store, name: str = "a") -> int:
    source_id = add_source(store, f"https://{name}.example/feed", name, next_poll=START)
    bring(store, source_id, *DAILY)
    return source_id


def told(store: Store) -> list[tuple[str, int, str]]:
    return [(each.kind, each.at - START, each.text) for each in reversed(store.events.latest(50))]


def run(watch: SilenceWatch) -> None:
    watch(lambda: False)


def watch_of(store: Store, clock: FakeClock) -> SilenceWatch:
    return SilenceWatch(store, clock, UTC)


def test_silence_is_told_after_the_first_look_that_finds_nothing_and_ends_when_something_comes(
    sqlite_store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    source_id, clock = daily(sqlite_store), FakeClock()
    watch = watch_of(sqlite_store, clock)
    run(watch)
    clock.now = DEADLINE - 1
    looked(sqlite_store, source_id, clock.now)
    run(watch)
    assert told(sqlite_store) == []

    clock.now = DEADLINE + 2 * HOUR
    run(watch)
    assert told(sqlite_store) == [], "nobody has looked since"
    looked(sqlite_store, source_id, DEADLINE)
    with caplog.at_level(logging.INFO):
        run(watch)
        run(watch)
    words = "the daily issue has not come by 10:00 UTC"
    assert told(sqlite_store) == [("silent", DEADLINE + 2 * HOUR - START, words)]
    silent = sqlite_store.sources.get(source_id)
    assert (silent.silent_since, silent.silence) == (DEADLINE, words)
    assert caplog.messages == [f"source {source_id} is silent: {words}"]

    clock.now = START + 3 * DAY
    looked(sqlite_store, source_id, clock.now)
    run(watch)
    assert len(told(sqlite_store)) == 1, "it is told once, however long it lasts"

    bring(sqlite_store, source_id, 3, hour=1)
    clock.now += 2 * HOUR
    run(watch)
    assert told(sqlite_store)[1:] == [("spoke", 3 * DAY + 2 * HOUR, "something came again, after 2 days of silence")]
    assert sqlite_store.sources.get(source_id).silent_since is None
    run(watch)
    assert len(told(sqlite_store)) == 2
    clock.now = START + 4 * DAY + 3 * HOUR
    looked(sqlite_store, source_id, clock.now)
    run(watch)
    assert [kind for kind, _, _ in told(sqlite_store)] == ["silent", "spoke", "silent"]
    assert sqlite_store.sources.get(source_id).silent_since == DEADLINE + 3 * DAY, "one late issue puts off nothing"


def test_what_comes_in_time_is_no_silence(sqlite_store: Store) -> None:
    source_id, clock = daily(sqlite_store), FakeClock()
    watch = watch_of(sqlite_store, clock)
    for day in range(1, 8):
        clock.now = START + day * DAY - HOUR
        run(watch)
        bring(sqlite_store, source_id, day)
        clock.now += 3 * HOUR
        looked(sqlite_store, source_id, clock.now)
        run(watch)
    assert told(sqlite_store) == []


def test_a_watch_that_starts_late_tells_it_as_well_and_a_restart_does_not_tell_it_again(sqlite_store: Store) -> None:
    source_id, clock = daily(sqlite_store), FakeClock(START + 5 * DAY)
    looked(sqlite_store, source_id, clock.now)
    for _ in range(3):
        run(watch_of(sqlite_store, clock))
    assert [kind for kind, _, _ in told(sqlite_store)] == ["silent"]
    assert sqlite_store.sources.get(source_id).silent_since == DEADLINE


def test_an_issue_of_before_that_came_late_does_not_end_the_silence_that_it_left(sqlite_store: Store) -> None:
    """Sunday's issue is seen on Monday at noon, after a day without polls: Monday's is missing still."""
    source_id = add_source(sqlite_store, "https://a.example/feed", "a", next_poll=START)
    bring(sqlite_store, source_id, *range(-56, -1))
    noon = START + 3 * HOUR
    sqlite_store.polls.write(source_id, [issue("late", news("Ward closes", ""), published=START - DAY)], noon)
    watch = watch_of(sqlite_store, FakeClock(noon + 60))
    for _ in range(3):
        run(watch)
    assert [kind for kind, _, _ in told(sqlite_store)] == ["silent"]
    assert sqlite_store.sources.get(source_id).silent_since == noon


def test_a_source_that_fails_is_not_silent_as_well(sqlite_store: Store) -> None:
    source_id, clock = daily(sqlite_store), FakeClock(START + 5 * DAY)
    change_source(sqlite_store, source_id, last_success=clock.now, failures=1)
    run(watch_of(sqlite_store, clock))
    assert told(sqlite_store) == []


def test_habits_are_looked_into_once_a_day_at_most_and_of_some_sources_at_a_time(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chores, "_HABITS", 2)
    ids, clock = [daily(sqlite_store, name) for name in ("a", "b", "c")], FakeClock()
    asked: list[int] = []
    arrivals = Silences.arrivals

    def counted(self: Silences, source_id: int, since: int) -> list[Arrival]:
        asked.append(source_id)
        return arrivals(self, source_id, since)

    monkeypatch.setattr(Silences, "arrivals", counted)
    watch = watch_of(sqlite_store, clock)
    run(watch)
    assert asked == ids[:2]
    for hour in range(1, 20):
        clock.now = START + hour * HOUR
        for source_id in ids:
            bring(sqlite_store, source_id, 0, hour=hour)
        run(watch)
    assert asked == [*ids[:2], ids[2]], "busy as they are, nothing can be missing yet"
    clock.now = START + 26 * HOUR
    for _ in range(3):
        run(watch)
    assert sorted(asked[3:]) == ids


def test_a_watch_that_is_stopped_leaves_the_rest_for_later(sqlite_store: Store) -> None:
    source_id, clock = daily(sqlite_store), FakeClock(START + 5 * DAY)
    looked(sqlite_store, source_id, clock.now)
    watch_of(sqlite_store, clock)(lambda: True)
    assert told(sqlite_store) == []


def test_the_words_are_those_of_the_zone(sqlite_store: Store) -> None:
    source_id, clock = daily(sqlite_store), FakeClock(START + 5 * DAY)
    looked(sqlite_store, source_id, clock.now)
    run(SilenceWatch(sqlite_store, clock, ZoneInfo("Europe/London")))
    assert sqlite_store.sources.get(source_id).silence == "the daily issue has not come by 10:00 GMT"
