"""The queue for curators: which stories are offered for labels, in which order, and no two of them alike."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import pytest
from builders import add_sources, issue, news, tags
from fakes import START
from hypothesis import given
from hypothesis import strategies as st

from feeds.model import ArticleRef, Candidate, Lesson, PublishedStory, Source, StoryQuery, TaggedStory, Verdict
from feeds.review import most_telling
from feeds.store import Store


def candidate(title: str, text: str = "") -> Candidate:
    story = PublishedStory(
        id="01J00000000000000000000000",
        title=title,
        text=text,
        html="",
        url=None,
        author=None,
        published=START,
        first_seen=START,
        updated=START,
        seq=1,
        source=Source(1, "https://a.example/feed", "A"),
        article=ArticleRef("01J00000000000000000000001", "Issue", None, 1, 1),
    )
    return Candidate(story, 0.5, "hard to tell")


def chosen(number: int, *candidates: Candidate) -> list[str]:
    return [each.story.title for each in most_telling(candidates, number)]


# ---------------------------------------------------------------- no two alike


def test_the_first_are_chosen_in_their_order_as_they_are() -> None:
    offered = [candidate("Beds shut"), candidate("Nurses strike"), candidate("Records lost"), candidate("Roof leaks")]
    assert most_telling(offered, 3) == offered[:3]
    assert most_telling(offered, 9) == offered
    assert most_telling([], 9) == []


def test_a_story_like_one_above_it_is_left_out_and_takes_nobodys_place() -> None:
    above, like_it, other = candidate("Beds shut at Harrow"), candidate("Harrow beds shut"), candidate("Nurses strike")
    assert chosen(2, above, like_it, other) == ["Beds shut at Harrow", "Nurses strike"]
    assert chosen(2, like_it, other, above) == ["Harrow beds shut", "Nurses strike"]


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        pytest.param("beds shut ward roof", "beds shut pays data", True, id="half of the words"),
        pytest.param("beds shut ward roof five", "beds shut pays data lost", False, id="two of five words"),
        pytest.param("beds shut ward roof five", "beds shut pays data", True, id="half of the shorter one's words"),
        pytest.param("Sixty BEDS shut", "sixty beds SHUT", True, id="whatever the case"),
        pytest.param("Beds, shut!", "'Beds' (shut)", True, id="whatever the punctuation"),
        pytest.param("The ICB has 12 or so in it by 2026", "The ICB has 12 or so in it by 2026", False, id="short words and figures"),
        pytest.param("beds beds shut ward", "beds nurses strike today", False, id="a word said often is one word"),
        pytest.param("größe", "GRÖSSE", True, id="letters of all kinds"),
        pytest.param("", "", False, id="no words at all"),
        pytest.param("", "beds shut", False, id="no words in one"),
    ],
)
def test_two_stories_are_alike_when_half_of_the_shorter_ones_words_stand_in_both(one: str, other: str, alike: bool) -> None:
    texts = [candidate("1", one), candidate("2", other)]
    assert chosen(2, *texts) == (["1"] if alike else ["1", "2"])
    assert chosen(2, *reversed(texts)) == (["2"] if alike else ["2", "1"])


def test_a_summary_is_like_its_full_text() -> None:
    full = candidate("Beds", "Sixty beds stay closed because nobody could be found to staff them before winter comes, said the trust.")
    assert chosen(2, full, candidate("Short", "Sixty beds stay closed")) == ["Beds"]
    assert chosen(2, candidate("Short", "Sixty beds stay closed"), full) == ["Short"]


def test_the_words_of_title_and_text_count_together() -> None:
    assert chosen(2, candidate("Harrow beds", "shut today"), candidate("shut today", "Harrow beds")) == ["Harrow beds"]


def test_a_story_is_compared_with_those_chosen_and_not_with_those_left_out() -> None:
    first, second, third = candidate("beds shut ward roof"), candidate("ward roof pays data"), candidate("pays data lost file")
    assert chosen(3, first, second, third) == ["beds shut ward roof", "pays data lost file"]


def test_nothing_is_read_once_there_are_enough() -> None:
    def offered() -> Iterator[Candidate]:
        yield candidate("Beds shut")
        yield candidate("Nurses strike")
        raise AssertionError("read on")

    assert len(most_telling(offered(), 2)) == 2


def test_when_none_are_asked_for_none_are_chosen() -> None:
    assert chosen(0, candidate("Beds shut"), candidate("Nurses strike")) == []


_texts = st.lists(st.lists(st.sampled_from("beds shut ward roof pays data lost a 2026".split()), max_size=5), max_size=10)


@given(_texts, st.integers(1, 6))
def test_whatever_is_offered_each_left_out_is_like_one_chosen_above_it_and_no_two_chosen_are_alike(
    texts: Sequence[Sequence[str]], number: int
) -> None:
    def alike(one: Sequence[str], other: Sequence[str]) -> bool:
        a, b = ({word for word in words if re.fullmatch("[a-z]{4}", word)} for words in (one, other))
        return bool(a and b) and 2 * len(a & b) >= min(len(a), len(b))

    offered = [candidate(str(place), " ".join(text)) for place, text in enumerate(texts)]
    places = [int(title) for title in chosen(number, *offered)]
    assert places == sorted(set(places))
    assert not any(alike(texts[one], texts[other]) for one in places for other in places if one < other)
    if len(places) < number:
        left_out = set(range(len(texts))) - set(places)
    else:
        assert len(places) == number
        left_out = set(range(places[-1])) - set(places)
    assert all(any(alike(texts[place], texts[above]) for above in places if above < place) for place in left_out)


# ---------------------------------------------------------------- what is offered


def teaching(title: str, value: float, why: str = "hard to tell") -> TaggedStory:
    return replace(news(title), verdict=Verdict(tags({"finance": 0.6}), Lesson(value, why, 0.1)))


def write(store: Store, *stories: TaggedStory, guid: str = "one", at: int = START) -> None:
    """Tells these stories as one article of the first source."""
    source_id = store.sources.list()[0].id if store.sources.list() else add_sources(store, ["A"])[0]
    store.polls.write(source_id, [issue(guid, *stories)], at)


def offered(store: Store, since: int = 0, limit: int = 100) -> list[str]:
    return [each.story.title for each in store.stories.candidates(since, limit)]


def id_of(store: Store, title: str) -> str:
    [found] = [each.id for each in store.stories.page(StoryQuery()) if each.title == title]
    return found


def test_what_would_teach_most_is_offered_first_and_of_equals_the_newest(store: Store) -> None:
    for number, (title, value) in enumerate([("Old", 0.5), ("Best", 0.9), ("New", 0.5), ("Least", 0.1)]):
        write(store, teaching(title, value, f"reason {number}"), guid=title, at=START + number)
    assert offered(store) == ["Best", "New", "Old", "Least"]
    assert offered(store, limit=2) == ["Best", "New"]
    found = store.stories.candidates(0, 100)
    assert [(each.value, each.why) for each in found] == [(0.9, "reason 1"), (0.5, "reason 2"), (0.5, "reason 0"), (0.1, "reason 3")]
    assert [each.story for each in found] == [store.stories.get(each.story.id) for each in found]


def test_only_stories_first_seen_since_then_are_offered(store: Store) -> None:
    for at in (START - 1, START, START + 1):
        write(store, teaching(f"Seen {at - START + 1}", 0.5), guid=str(at), at=at)
    assert offered(store, since=START) == ["Seen 2", "Seen 1"]


def test_what_would_teach_nothing_is_not_offered(store: Store) -> None:
    write(store, teaching("Sure", 0.0), teaching("Hardly sure", 0.001))
    assert offered(store) == ["Hardly sure"]


def test_a_withdrawn_story_is_not_offered(store: Store) -> None:
    write(store, teaching("Beds", 0.5), guid="one")
    write(store, teaching("Pay", 0.4), guid="two")
    write(store, guid="one")
    assert offered(store) == ["Pay"]


@pytest.mark.parametrize("about", [pytest.param(True, id="yes, as the model said"), pytest.param(False, id="no")])
def test_a_story_leaves_the_queue_when_it_is_decided_on_and_returns_when_all_is_handed_back(store: Store, about: bool) -> None:
    write(store, teaching("Beds", 0.5), teaching("Pay", 0.4))
    beds = id_of(store, "Beds")
    store.corrections.decide(beds, {"finance": about, "data": False}, "ann", START)
    assert offered(store) == ["Pay"]
    store.corrections.decide(beds, {"finance": None}, "ann", START)
    assert offered(store) == ["Pay"]
    store.corrections.decide(beds, {"data": None}, "ann", START)
    assert offered(store) == ["Beds", "Pay"]


def edited(store: Store, story: TaggedStory) -> None:
    write(store, replace(story, story=replace(story.story, text="Rewritten.")), at=START + 60)


def retagged(store: Store, story: TaggedStory) -> None:
    store.tags.retag([(item, story.verdict) for item in store.tags.untaught("model-2", 0) if item.title == "Beds"], START + 60)


@pytest.mark.parametrize("retell", [edited, retagged])
def test_the_queue_follows_what_was_last_said_of_a_story_but_a_decided_one_stays_out(
    store: Store, retell: Callable[[Store, TaggedStory], None]
) -> None:
    write(store, teaching("Beds", 0.5), guid="one")
    write(store, teaching("Pay", 0.4), guid="two")
    retell(store, teaching("Beds", 0.3, "new words"))
    assert [(each.story.title, each.value, each.why) for each in store.stories.candidates(0, 9)] == [
        ("Pay", 0.4, "hard to tell"),
        ("Beds", 0.3, "new words"),
    ]
    store.corrections.decide(id_of(store, "Beds"), {"finance": False}, "ann", START + 90)
    retell(store, teaching("Beds", 0.9))
    assert offered(store) == ["Pay"]


def test_an_empty_store_offers_nothing(store: Store) -> None:
    assert store.stories.candidates(0, 9) == []
