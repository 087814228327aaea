"""Weekly figures: where a week begins, what is counted in it, and what is kept of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from builders import add_sources, issue, news
from databases import rows, wipe
from fakes import START
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feeds.model import Lesson, StoryQuery, TaggedStory, TopicWeek, Week
from feeds.store import Store
from feeds.store.schema import week
from feeds.store.weeks import monday

DAY = 86_400
WEEK = 7 * DAY
# START is a Monday at nine.
THIS = START - 9 * 3600


def told(title: str, topics: Mapping[str, float], unknown_words: float = 0.0) -> TaggedStory:
    plain = news(title, f"{title}.", topics=topics)
    return replace(plain, verdict=replace(plain.verdict, lesson=Lesson(unknown_words=unknown_words)))


def write(store: Store, at: int, *stories: TaggedStory, guid: str | None = None) -> None:
    """Tells these stories as one article of the first source."""
    source_id = store.sources.list()[0].id if store.sources.list() else add_sources(store, ["A"])[0]
    store.polls.write(source_id, [issue(guid or f"at {at}", *stories)], at)


def ids(store: Store) -> dict[str, str]:
    return {each.title: each.id for each in store.stories.page(StoryQuery())}


# ---------------------------------------------------------------- where a week begins


@pytest.mark.parametrize(
    ("moment", "start"),
    [
        pytest.param("2026-03-02 09:00:00", "2026-03-02", id="a Monday morning"),
        pytest.param("2026-03-02 00:00:00", "2026-03-02", id="its first second"),
        pytest.param("2026-03-01 23:59:59", "2026-02-23", id="the second before"),
        pytest.param("2026-03-08 23:59:59", "2026-03-02", id="the last second of Sunday"),
        pytest.param("2026-03-29 02:30:00", "2026-03-23", id="the day on which clocks change"),
        pytest.param("2024-02-29 12:00:00", "2024-02-26", id="a leap day"),
        pytest.param("2026-01-01 00:00:00", "2025-12-29", id="New Year's Day"),
        pytest.param("1970-01-01 00:00:00", "1969-12-29", id="the first moment"),
    ],
)
def test_a_week_begins_on_its_monday_at_midnight(moment: str, start: str) -> None:
    assert datetime.fromtimestamp(monday(_seconds(moment)), UTC) == datetime.fromtimestamp(_seconds(start), UTC)


def _seconds(written: str) -> int:
    return int(datetime.fromisoformat(f"{written}+00:00" if " " in written else f"{written}T00:00:00+00:00").timestamp())


@given(st.integers(0, 2**33))
def test_every_moment_lies_within_the_seven_days_from_its_monday(moment: int) -> None:
    start = monday(moment)
    assert start <= moment < start + WEEK
    begun = datetime.fromtimestamp(start, UTC)
    assert (begun.weekday(), begun.hour, begun.minute, begun.second) == (0, 0, 0, 0)
    assert monday(start) == start


# ---------------------------------------------------------------- what is counted


def test_a_weeks_figures_are_shares_of_its_stories_and_means_of_the_models_choices(store: Store) -> None:
    write(
        store, THIS + 1, told("Beds", {"finance": 0.75, "data": 0.3}, unknown_words=0.25), told("Pay", {"finance": 0.5, "data": 0.8}, 0.5)
    )
    write(store, THIS + 2, told("Ward", {"finance": 0.2, "data": 0.1}), told("Roof", {"finance": 0.1}, unknown_words=0.125))
    assert store.weeks.count(THIS, {"ICB": 3}) == Week(
        start=THIS,
        stories=4,
        # Half of the stories, of which the model was sure by 0.75 and 0.5; and a quarter.
        topics={"finance": TopicWeek(0.5, 0.625), "data": TopicWeek(0.25, 0.8)},
        untagged=0.5,
        # (0.25 + 0.5 + 0 + 0.125) / 4
        unknown_words=0.21875,
        acronyms={"ICB": 3},
    )


def test_a_topic_that_was_never_chosen_has_no_mean_confidence(store: Store) -> None:
    write(store, START, told("Beds", {"finance": 0.4}), told("Pay", {"finance": 0.2}))
    assert store.weeks.count(THIS, {}).topics == {"finance": TopicWeek(0.0, None)}


def test_decisions_count_for_the_share_and_the_models_choices_for_the_confidence(store: Store) -> None:
    stories = (told("Beds", {"finance": 0.75}), told("Pay", {"finance": 0.5}), told("Ward", {"finance": 0.2}), told("Roof", {"data": 0.8}))
    write(store, START, *stories)
    found = ids(store)
    for title, about in (("Beds", False), ("Pay", False), ("Ward", True), ("Roof", False)):
        store.corrections.decide(found[title], {"finance": about}, "ann", START)
    store.corrections.decide(found["Beds"], {"data": True}, "ann", START)
    figures = store.weeks.count(THIS, {})
    assert figures.topics == {
        "finance": TopicWeek(0.25, 0.625),  # only Ward has it; the model chose Beds and Pay
        "data": TopicWeek(0.5, 0.8),  # Beds and Roof have it; the model chose Roof
    }
    assert figures.untagged == 0.25


def test_only_live_stories_first_seen_in_the_week_are_counted(store: Store) -> None:
    for at, title in ((THIS - 1, "Sunday"), (THIS, "First second"), (THIS + WEEK - 1, "Last second"), (THIS + WEEK, "Next Monday")):
        write(store, at, told(title, {title.split()[0]: 0.9}))
    write(store, START, told("Gone", {"Gone": 0.9}, unknown_words=1.0), guid="gone")
    write(store, START + 1, guid="gone")
    # Told again in the week, but first seen before it.
    write(store, START, replace(told("Sunday", {"Sunday": 0.9}), story=news("Sunday", "Rewritten.").story), guid=f"at {THIS - 1}")
    figures = store.weeks.count(THIS, {})
    assert (figures.stories, set(figures.topics), figures.unknown_words) == (2, {"First", "Last"}, 0.0)
    assert [title for title, _ in store.weeks.texts(THIS)] == ["First second", "Last second"]
    assert [title for title, _ in store.weeks.texts(THIS - WEEK)] == ["Sunday"]
    assert [title for title, _ in store.weeks.texts(THIS + WEEK)] == ["Next Monday"]


def test_a_week_without_stories_has_figures_of_nothing(store: Store) -> None:
    write(store, THIS - 1, told("Sunday", {"finance": 0.9}, unknown_words=0.5))
    assert store.weeks.count(THIS, {}) == Week(THIS, 0, {}, 0.0, 0.0, {})
    assert list(store.weeks.texts(THIS)) == []


def test_counting_keeps_nothing(store: Store) -> None:
    write(store, START, told("Beds", {"finance": 0.9}))
    store.weeks.count(THIS, {})
    assert rows(store, week) == []


# ---------------------------------------------------------------- the words of a week


def test_the_words_of_a_week_are_those_that_readers_see(store: Store) -> None:
    one, two = add_sources(store, ["A", "B"])
    link = "https://press.example/beds"
    store.polls.write(one, [issue("one", news("By A", "As A tells it.", url=link))], START)
    store.polls.write(two, [issue("two", news("By B", "As B tells it.", url=link), news("Pay", "An offer."))], START)
    assert list(store.weeks.texts(THIS)) == [("By A", "As A tells it."), ("Pay", "An offer.")]


@pytest.mark.parametrize("number", [500, 501, 1001], ids=["just a batch", "one more", "two batches and one"])
def test_the_words_of_a_week_of_many_stories_are_told_each_once(sqlite_store: Store, number: int) -> None:
    titles = {f"Story {each}" for each in range(number)}
    write(sqlite_store, START, *(told(title, {}) for title in titles))
    found = list(sqlite_store.weeks.texts(THIS))
    assert len(found) == number
    assert set(found) == {(title, f"{title}.") for title in titles}


# ---------------------------------------------------------------- what is kept


def figures(start: int, stories: int = 20) -> Week:
    return Week(start, stories, {"finance": TopicWeek(0.1, 0.75), "data": TopicWeek(0.0, None)}, 0.3, 0.05, {"A&E": 4, "ICB": 3})


def test_the_latest_weeks_are_told_oldest_first_whatever_order_they_were_kept_in(store: Store) -> None:
    kept = [figures(THIS + number * WEEK, stories=number) for number in range(5)]
    for number in (3, 0, 4, 2, 1):
        store.weeks.put(kept[number])
    assert store.weeks.latest(3) == kept[2:]
    assert store.weeks.latest(1) == kept[4:]
    assert store.weeks.latest(9) == kept


def test_a_weeks_figures_replace_those_that_were_kept_of_it_and_no_others(store: Store) -> None:
    before, old, new = figures(THIS - WEEK), figures(THIS), Week(THIS, 31, {"data": TopicWeek(0.5, 0.9)}, 0.25, 0.0, {})
    for each in (before, old, new):
        store.weeks.put(each)
    assert store.weeks.latest(9) == [before, new]
    assert [(row["start"], row["stories"]) for row in rows(store, week)] == [(THIS - WEEK, 20), (THIS, 31)]


def test_in_a_new_store_no_week_is_kept(store: Store) -> None:
    assert store.weeks.latest(9) == []


_shares = st.floats(0, 1)
_weeks = st.builds(
    Week,
    st.integers(-1000, 1000).map(lambda number: THIS + number * WEEK),
    st.integers(0, 10**6),
    st.dictionaries(st.text("abc-é", min_size=1), st.builds(TopicWeek, _shares, st.none() | _shares), max_size=3),
    _shares,
    _shares,
    st.dictionaries(st.text("ABC&", min_size=2, max_size=7), st.integers(3, 10**6), max_size=3),
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_weeks)
def test_a_week_comes_back_as_it_was_kept(store: Store, kept: Week) -> None:
    wipe(store)
    store.weeks.put(kept)
    assert store.weeks.latest(1) == [kept]
