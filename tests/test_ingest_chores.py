"""What is done between polls: stories are tagged anew for a new model, and the weekly figures are kept."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import pytest
import sqlalchemy as sa
from builders import LONG, add_sources, issue, news
from databases import rows
from fakes import START, FakeClock, KeywordTagger

from feeds.ingest.chores import Rescoring, Stopping, WeeklyFigures
from feeds.model import PublishedStory, StoryQuery, TaggedStory, TopicWeek, Verdict, Week
from feeds.store import Store
from feeds.store.schema import change, metadata

DAY = 86_400
WEEK = 7 * DAY
# START is a Monday at nine.
THIS = START - 9 * 3600


class Model(KeywordTagger):
    """A model that can be exchanged, and remembers what it was asked; ``meanwhile`` happens while it thinks."""

    def __init__(self, version: str = "model-2", meanwhile: Callable[[], object] = lambda: None) -> None:
        self.version = version
        self.meanwhile = meanwhile
        self.asked: list[list[str]] = []

    def tag(self, stories: Sequence[tuple[str, str]]) -> list[Verdict]:
        self.asked.append([title for title, _ in stories])
        self.meanwhile()
        return super().tag(stories)

    @property
    def titles(self) -> list[str]:
        return [title for batch in self.asked for title in batch]


def go_on() -> bool:
    return False


def stop_at_once() -> bool:
    return True


def write(store: Store, *stories: TaggedStory, guid: str = "one", at: int = START) -> None:
    """Tells these stories as one article of the first source."""
    source_id = store.sources.list()[0].id if store.sources.list() else add_sources(store, ["A"])[0]
    store.polls.write(source_id, [issue(guid, *stories)], at)


def told(title: str, text: str = "", model: str = "model-1", topics: Mapping[str, float] | None = None) -> TaggedStory:
    plain = news(title, text, topics={"finance": 0.9} if topics is None else topics)
    return replace(plain, verdict=Verdict(tuple(replace(tag, model=model) for tag in plain.tags)))


def shown(store: Store) -> dict[str, PublishedStory]:
    return {each.title: each for each in store.stories.page(StoryQuery(limit=1000))}


def topics(store: Store, title: str) -> set[str]:
    return {tag.topic for tag in shown(store)[title].topics}


def models(store: Store) -> dict[str, str]:
    """Which model tagged each story."""
    found = {title: {tag.model for tag in each.tags} for title, each in shown(store).items()}
    assert all(len(names) == 1 for names in found.values())
    return {title: names.pop() for title, names in found.items()}


def everything(store: Store) -> list[list[dict[str, object]]]:
    return [rows(store, table) for table in metadata.sorted_tables]


# ---------------------------------------------------------------- stories are tagged anew


def test_stories_that_another_model_tagged_get_the_topics_that_the_model_in_use_gives_them(
    sqlite_store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    write(sqlite_store, told("Budget cut"), told("Nurses strike"), told("Roof leaks"), told("Mine already", model="model-2"))
    last = sqlite_store.stories.last_change().seq
    model = Model()
    with caplog.at_level(logging.INFO):
        Rescoring(sqlite_store, model, FakeClock(START + DAY))(go_on)
    assert sorted(model.titles) == ["Budget cut", "Nurses strike", "Roof leaks"]
    assert set(models(sqlite_store).values()) == {"model-2"}
    assert [topics(sqlite_store, title) for title in ("Budget cut", "Nurses strike", "Roof leaks")] == [{"finance"}, {"workforce"}, set()]
    logged = [row for row in rows(sqlite_store, change) if row["seq"] > last]
    assert {(row["kind"], row["at"]) for row in logged} == {("retagged", START + DAY)}
    assert {row["story_id"] for row in logged} == {shown(sqlite_store)[title].id for title in ("Budget cut", "Nurses strike", "Roof leaks")}
    assert caplog.messages == ["model model-2 tagged 3 stories anew; the topics of 2 changed"]


def test_the_model_reads_title_and_text(sqlite_store: Store) -> None:
    write(sqlite_store, told("Nurses strike", "Over software."))
    Rescoring(sqlite_store, Model(), FakeClock())(go_on)
    assert topics(sqlite_store, "Nurses strike") == {"workforce", "data"}


def test_stories_of_the_last_90_days_are_tagged_anew_and_older_ones_are_left(sqlite_store: Store) -> None:
    clock = FakeClock(START + 90 * DAY)
    write(sqlite_store, told("Too old"), guid="1", at=START - 1)
    write(sqlite_store, told("Just not too old"), guid="2", at=START)
    write(sqlite_store, told("New"), guid="3", at=clock())
    Rescoring(sqlite_store, Model(), clock)(go_on)
    assert models(sqlite_store) == {"Too old": "model-1", "Just not too old": "model-2", "New": "model-2"}


@pytest.mark.parametrize("number", [50, 51, 120], ids=["just a batch", "one more", "several batches"])
def test_many_stories_are_tagged_each_once_in_batches_that_let_polls_between(sqlite_store: Store, number: int) -> None:
    titles = [f"Story {each}" for each in range(number)]
    write(sqlite_store, *map(told, titles))
    model = Model()
    Rescoring(sqlite_store, model, FakeClock())(go_on)
    assert sorted(model.titles) == sorted(titles)
    assert max(map(len, model.asked)) <= 50
    assert models(sqlite_store) == dict.fromkeys(titles, "model-2")


def test_stories_of_which_no_model_says_anything_do_not_hold_it_up(sqlite_store: Store) -> None:
    class Silent(Model):
        def tag(self, stories: Sequence[tuple[str, str]]) -> list[Verdict]:
            assert len(self.asked) < 5, "it is asked the same again and again"
            return [replace(verdict, tags=()) for verdict in super().tag(stories)]

    write(sqlite_store, *(told(f"Story {each}", topics={}) for each in range(60)))
    model = Silent()
    Rescoring(sqlite_store, model, FakeClock())(go_on)
    assert len(model.titles) == len(set(model.titles)) == 60


def test_it_is_idle_when_nothing_is_left(sqlite_store: Store, caplog: pytest.LogCaptureFixture) -> None:
    write(sqlite_store, told("Budget cut"))
    model = Model()
    chore = Rescoring(sqlite_store, model, FakeClock())
    chore(go_on)
    write(sqlite_store, told("Told since", model="model-2"), guid="two")
    before = everything(sqlite_store)
    with caplog.at_level(logging.INFO):
        chore(go_on)
        chore(go_on)
    assert model.titles == ["Budget cut"]
    assert everything(sqlite_store) == before
    assert caplog.messages == []


def test_it_does_not_look_for_stories_every_few_seconds_when_it_knows_that_none_are_left(sqlite_store: Store) -> None:
    write(sqlite_store, told("Budget cut"))
    chore = Rescoring(sqlite_store, Model(), FakeClock())
    # Its own changes may make it look once more.
    chore(go_on)
    chore(go_on)
    asked: list[str] = []
    sa.event.listen(sqlite_store.engine, "before_cursor_execute", lambda *about: asked.append(about[2]))
    chore(go_on)
    assert [statement for statement in asked if "story" in statement] == []


def test_in_a_store_without_stories_the_model_is_never_asked(sqlite_store: Store) -> None:
    model = Model()
    Rescoring(sqlite_store, model, FakeClock())(go_on)
    assert model.asked == []


def test_another_model_begins_anew_and_so_does_the_one_before_when_it_comes_back(sqlite_store: Store) -> None:
    write(sqlite_store, told("Budget cut"))
    model = Model()
    chore = Rescoring(sqlite_store, model, FakeClock())
    for version in ("model-2", "model-3", "model-2"):
        model.version = version
        chore(go_on)
        assert models(sqlite_store) == {"Budget cut": version}


def test_decisions_go_on_to_hold(sqlite_store: Store) -> None:
    write(sqlite_store, told("Nurses strike"))
    sqlite_store.corrections.decide(shown(sqlite_store)["Nurses strike"].id, {"workforce": False, "data": True}, "ann", START)
    Rescoring(sqlite_store, Model(), FakeClock())(go_on)
    assert topics(sqlite_store, "Nurses strike") == {"data"}


def stopping_after(batches: int, model: Model) -> Stopping:
    return lambda: len(model.asked) >= batches


@pytest.mark.parametrize("killed", [pytest.param(False, id="stopped"), pytest.param(True, id="in another process")])
def test_what_was_left_undone_at_a_stop_is_done_the_next_time(sqlite_store: Store, killed: bool) -> None:
    titles = [f"Story {each}" for each in range(120)]
    write(sqlite_store, *map(told, titles))
    model = Model()
    chore = Rescoring(sqlite_store, model, FakeClock())
    chore(stop_at_once)
    assert model.asked == []
    chore(stopping_after(1, model))
    done = set(model.titles)
    assert 0 < len(done) <= 50
    assert {title for title, version in models(sqlite_store).items() if version == "model-2"} == done
    if killed:
        chore = Rescoring(sqlite_store, model, FakeClock())
    chore(go_on)
    assert sorted(model.titles) == sorted(titles)
    assert models(sqlite_store) == dict.fromkeys(titles, "model-2")


def test_a_model_that_fails_keeps_what_it_has_done_and_the_rest_is_done_the_next_time(sqlite_store: Store) -> None:
    titles = [f"Story {each}" for each in range(60)]
    write(sqlite_store, *map(told, titles))

    def fail_at_the_second() -> None:
        if len(model.asked) == 2:
            raise MemoryError("too much")

    model = Model(meanwhile=fail_at_the_second)
    chore = Rescoring(sqlite_store, model, FakeClock())
    with pytest.raises(MemoryError):
        chore(go_on)
    assert list(models(sqlite_store).values()).count("model-2") == len(model.asked[0])
    chore(go_on)
    assert models(sqlite_store) == dict.fromkeys(titles, "model-2")
    assert not set(model.asked[0]) & set(model.asked[2])


def test_a_story_edited_while_the_model_thinks_is_not_overwritten(sqlite_store: Store) -> None:
    write(sqlite_store, told("Beds", "The budget."))
    model = Model(meanwhile=lambda: write(sqlite_store, told("Beds", "Nurses.", model="model-2", topics={"workforce": 0.9}), at=START + 1))
    Rescoring(sqlite_store, model, FakeClock())(go_on)
    assert (shown(sqlite_store)["Beds"].text, topics(sqlite_store, "Beds")) == ("Nurses.", {"workforce"})


def tell_elsewhere(store: Store) -> None:
    """Another source tells the story too."""
    other = store.sources.find("B").id
    store.polls.write(other, [issue("two", told("Nurses strike", LONG))], START + 1)


def decide(store: Store) -> None:
    store.corrections.decide(shown(store)["Nurses strike"].id, {"data": True}, "ann", START + 1)


def edit_by_the_model_before(store: Store) -> None:
    """A poll had asked the model before this one, and writes only now."""
    write(store, told("Nurses strike", f"{LONG}, it said"), at=START + 1)


@pytest.mark.parametrize("change_it", [tell_elsewhere, decide, edit_by_the_model_before])
def test_a_story_that_changed_while_the_model_thought_is_tagged_the_next_time(
    sqlite_store: Store, change_it: Callable[[Store], None]
) -> None:
    add_sources(sqlite_store, ["A", "B"])
    write(sqlite_store, told("Nurses strike", LONG))

    def once() -> None:
        if len(model.asked) == 1:
            change_it(sqlite_store)

    model = Model(meanwhile=once)
    chore = Rescoring(sqlite_store, model, FakeClock())
    chore(go_on)
    chore(go_on)
    assert sqlite_store.tags.untaught("model-2", 0) == []
    assert "workforce" in topics(sqlite_store, "Nurses strike")


def test_a_story_that_a_poll_wrote_late_with_the_model_before_is_tagged_the_next_time(sqlite_store: Store) -> None:
    chore = Rescoring(sqlite_store, Model(), FakeClock())
    chore(go_on)
    write(sqlite_store, told("Nurses strike"))
    chore(go_on)
    assert models(sqlite_store) == {"Nurses strike": "model-2"}


# ---------------------------------------------------------------- the weekly figures


def starts(store: Store) -> list[int]:
    return [week.start for week in store.weeks.latest(100)]


def numbers(store: Store) -> dict[int, int]:
    """How many stories were counted in each week before this one, by its distance."""
    return {(THIS - week.start) // WEEK: week.stories for week in store.weeks.latest(100) if week.stories}


def mark(start: int) -> Week:
    """Figures that cannot have been counted."""
    return Week(start, 999, {}, 0.0, 0.0, {})


def weekly(store: Store, clock: FakeClock | None = None) -> WeeklyFigures:
    return WeeklyFigures(store, Model(), clock or FakeClock())


def three_weeks(store: Store) -> None:
    """A story of this week, two of the last one and three of that before."""
    for back, number in ((0, 1), (1, 2), (2, 3)):
        write(store, *(told(f"Story {back}.{each}") for each in range(number)), guid=str(back), at=START - back * WEEK)


def test_at_first_the_last_twelve_weeks_are_counted(sqlite_store: Store) -> None:
    for at in (THIS - 11 * WEEK - 1, THIS - 11 * WEEK, THIS - 1, THIS, START):
        write(sqlite_store, told(f"At {at}"), guid=str(at), at=at)
    weekly(sqlite_store)(go_on)
    assert starts(sqlite_store) == [THIS - back * WEEK for back in range(11, -1, -1)]
    assert numbers(sqlite_store) == {11: 1, 1: 1, 0: 2}


def test_a_week_has_the_figures_of_its_tags_and_the_acronyms_that_the_model_does_not_know(sqlite_store: Store) -> None:
    # STAFF is a word that the model knows.
    sure = {"finance": 0.75}
    write(sqlite_store, *(told(f"The PFI ends {each}", "STAFF, says the ICB", topics=sure) for each in range(3)))
    write(sqlite_store, told("Of last week", "The PFI", topics=sure), guid="two", at=START - WEEK)
    weekly(sqlite_store)(go_on)
    last, this = sqlite_store.weeks.latest(2)
    assert this == Week(THIS, 3, {"finance": TopicWeek(1.0, 0.75)}, 0.0, 0.0, {"PFI": 3, "ICB": 3})
    assert last == Week(THIS - WEEK, 1, {"finance": TopicWeek(1.0, 0.75)}, 0.0, 0.0, {})


def test_later_only_the_present_week_and_the_last_one_are_counted_anew(sqlite_store: Store) -> None:
    three_weeks(sqlite_store)
    weekly(sqlite_store)(go_on)
    for back in (0, 1, 2):
        sqlite_store.weeks.put(mark(THIS - back * WEEK))
    weekly(sqlite_store)(go_on)
    assert numbers(sqlite_store) == {0: 1, 1: 2, 2: 999}


def test_it_is_idle_until_a_story_changes(sqlite_store: Store) -> None:
    three_weeks(sqlite_store)
    chore = weekly(sqlite_store)
    chore(go_on)
    sqlite_store.weeks.put(mark(THIS))
    before = everything(sqlite_store)
    chore(go_on)
    assert everything(sqlite_store) == before
    write(sqlite_store, told("Told since"), guid="since", at=START + 60)
    chore(go_on)
    assert numbers(sqlite_store) == {0: 2, 1: 2, 2: 3}


@pytest.mark.parametrize("what", ["withdrawn", "decided"])
def test_a_change_to_a_story_of_the_last_week_is_counted(sqlite_store: Store, what: str) -> None:
    write(sqlite_store, told("Beds"), guid="beds", at=THIS - 1)
    write(sqlite_store, told("Pay"), guid="pay", at=THIS - 1)
    chore = weekly(sqlite_store)
    chore(go_on)
    if what == "withdrawn":
        write(sqlite_store, guid="beds", at=START)
    else:
        sqlite_store.corrections.decide(shown(sqlite_store)["Beds"].id, {"finance": False}, "ann", START)
    chore(go_on)
    last = sqlite_store.weeks.latest(2)[0]
    assert (last.stories, last.topics["finance"].rate, last.untagged) == {"withdrawn": (1, 1.0, 0.0), "decided": (2, 0.5, 0.5)}[what]


def test_a_new_week_begins_though_no_story_changed(sqlite_store: Store) -> None:
    clock = FakeClock(THIS + WEEK - 1)
    write(sqlite_store, told("Sunday night"), at=clock())
    chore = weekly(sqlite_store, clock)
    chore(go_on)
    clock.advance(1)
    chore(go_on)
    assert starts(sqlite_store)[-2:] == [THIS, THIS + WEEK]
    assert [week.stories for week in sqlite_store.weeks.latest(2)] == [1, 0]


def test_a_week_is_counted_for_the_last_time_after_it_is_over(sqlite_store: Store) -> None:
    clock = FakeClock(THIS + WEEK - 120)
    chore = weekly(sqlite_store, clock)
    write(sqlite_store, told("On Sunday"), guid="1", at=clock())
    chore(go_on)
    write(sqlite_store, told("On Sunday night"), guid="2", at=THIS + WEEK - 1)
    clock.advance(3600)
    chore(go_on)
    assert numbers(sqlite_store) == {0: 2}


def test_a_stop_before_it_begins_leaves_all_to_the_next_time(sqlite_store: Store) -> None:
    three_weeks(sqlite_store)
    chore = weekly(sqlite_store)
    chore(stop_at_once)
    assert starts(sqlite_store) == []
    chore(go_on)
    assert numbers(sqlite_store) == {0: 1, 1: 2, 2: 3}


def test_a_stop_between_the_last_week_and_the_present_one_leaves_the_present_one_to_the_next_time(sqlite_store: Store) -> None:
    three_weeks(sqlite_store)
    chore = weekly(sqlite_store)
    chore(go_on)
    write(sqlite_store, told("Told since"), guid="since", at=START + 60)
    for back in (0, 1):
        sqlite_store.weeks.put(mark(THIS - back * WEEK))
    chore(lambda: 999 not in {week.stories for week in sqlite_store.weeks.latest(2)[:1]})
    assert numbers(sqlite_store) == {0: 999, 1: 2, 2: 3}
    chore(go_on)
    assert numbers(sqlite_store) == {0: 2, 1: 2, 2: 3}


@pytest.mark.parametrize("killed", [pytest.param(False, id="stopped"), pytest.param(True, id="in another process")])
def test_a_first_count_that_was_stopped_is_gone_on_with_the_next_time(sqlite_store: Store, killed: bool) -> None:
    three_weeks(sqlite_store)
    chore = weekly(sqlite_store)
    chore(lambda: len(starts(sqlite_store)) == 4)
    assert len(starts(sqlite_store)) == 4
    if killed:
        chore = weekly(sqlite_store)
    chore(go_on)
    assert starts(sqlite_store) == [THIS - back * WEEK for back in range(11, -1, -1)]
    assert numbers(sqlite_store) == {0: 1, 1: 2, 2: 3}
