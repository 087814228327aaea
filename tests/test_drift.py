"""Whether the news has drifted away: bands by hand, plain sentences, and what is not judged for want of weeks."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import pytest
from fakes import START
from hypothesis import given
from hypothesis import strategies as st

from feeds.drift import Band, Drift, acronyms, drift
from feeds.model import TopicWeek, Week

WEEK = 7 * 86_400
# A week that is long over.
LAST = START - 10 * WEEK
NAMES = ("finance: share of stories", "finance: mean confidence", "stories without a topic", "words that the model does not know")

SHARE = "finance: share of stories"


def week(
    rate: float = 0.2, confidence: float | None = None, *, stories: int = 100, untagged: float = 0.5, unknown_words: float = 0.05
) -> Week:
    return Week(LAST, stories, {"finance": TopicWeek(rate, confidence)}, untagged, unknown_words, {})


def judged(last: Week, before: Sequence[Week]) -> Drift:
    """The last week judged by those before it, each a week after the other."""
    weeks = [*before, last]
    return drift([replace(each, start=LAST + (number - len(before)) * WEEK) for number, each in enumerate(weeks)], START, WEEK)


def bands(last: Week, before: Sequence[Week]) -> dict[str, Band]:
    found = judged(last, before).bands
    assert len({band.name for band in found}) == len(found)
    return {band.name: band for band in found}


# ---------------------------------------------------------------- bands by hand


@pytest.mark.parametrize(
    ("before", "stories", "low", "high"),
    [
        # Chance alone: 3 * sqrt(0.2 * 0.8 / 100) = 3 * 0.04
        pytest.param([0.2] * 4, 100, 0.08, 0.32, id="weeks alike"),
        # A quarter of the stories, twice the chance: 3 * 0.08
        pytest.param([0.2] * 4, 25, 0.0, 0.44, id="a small week"),
        # They differ by sqrt(4 * 0.06² / 3), so 3 * sqrt(0.0016 + 0.0048) = 3 * 0.08
        pytest.param([0.14, 0.26, 0.14, 0.26], 100, 0.0, 0.44, id="weeks that differ"),
        # They differ by sqrt(4 * 0.12² / 4), so 3 * sqrt(0.0025 + 0.0144) = 3 * 0.13
        pytest.param([0.5, 0.38, 0.62, 0.38, 0.62], 100, 0.11, 0.89, id="five weeks that differ"),
        pytest.param([0.9] * 4, 100, 0.81, 0.99, id="a topic of most stories"),
        pytest.param([0.98] * 4, 100, 0.938, 1.0, id="no share is above 1"),
        pytest.param([0.0] * 4, 100, 0.0, 0.0, id="a topic of no story"),
        pytest.param([1.0] * 4, 100, 1.0, 1.0, id="a topic of every story"),
    ],
)
def test_a_topics_share_should_lie_within_three_deviations_of_chance_and_of_what_weeks_differ_by(
    before: Sequence[float], stories: int, low: float, high: float
) -> None:
    band = bands(week(0.3, stories=stories), [week(rate) for rate in before])["finance: share of stories"]
    assert [band.value, band.low, band.high] == pytest.approx([0.3, low, high])


def test_stories_without_a_topic_have_a_band_like_topics() -> None:
    # 3 * sqrt(0.1 * 0.9 / 100) = 3 * 0.03
    band = bands(week(untagged=0.2), [week(untagged=0.1)] * 4)["stories without a topic"]
    assert [band.value, band.low, band.high] == pytest.approx([0.2, 0.01, 0.19])


@pytest.mark.parametrize(
    ("rate", "low", "high"),
    [
        # Of 25 stories: 3 * sqrt(0.8 * 0.2 / 25) = 3 * 0.08
        pytest.param(0.25, 0.56, 1.0, id="of 25 stories"),
        pytest.param(1.0, 0.68, 0.92, id="of 100 stories"),
        # Curators took the topic from all that the model gave it to.
        pytest.param(0.0, 0.0, 1.0, id="of none"),
    ],
)
def test_confidence_is_judged_by_chance_among_the_stories_that_have_the_topic(rate: float, low: float, high: float) -> None:
    band = bands(week(rate, 0.7), [week(rate, 0.8)] * 4)["finance: mean confidence"]
    assert [band.value, band.low, band.high] == pytest.approx([0.7, low, high])


@pytest.mark.parametrize(
    ("before", "high"), [([0.05] * 4, 0.1), ([0.0, 0.02, 0.04, 0.06], 0.06), ([0.0] * 4, 0.0)], ids=["alike", "mean of all", "none"]
)
def test_unknown_words_may_double(before: Sequence[float], high: float) -> None:
    band = bands(week(unknown_words=0.03), [week(unknown_words=share) for share in before])["words that the model does not know"]
    assert [band.value, band.low, band.high] == pytest.approx([0.03, 0.0, high])


@pytest.mark.parametrize(("value", "kept"), [(0.1, True), (0.3, True), (0.2, True), (0.099, False), (0.301, False)])
def test_a_band_is_kept_up_to_its_edges(value: float, kept: bool) -> None:
    assert Band("finance", value, 0.1, 0.3).kept is kept


# ---------------------------------------------------------------- sentences


@pytest.mark.parametrize(
    ("last", "sentence"),
    [
        pytest.param(
            week(0.4, 0.8), "finance: share of stories: 40.0%, more than in the weeks before (8.0% to 32.0%)", id="a topic more often"
        ),
        pytest.param(
            week(0.05, 0.8), "finance: share of stories: 5.0%, less than in the weeks before (8.0% to 32.0%)", id="a topic less often"
        ),
        pytest.param(
            week(0.25, 0.5),
            "finance: mean confidence: 50.0%, less than in the weeks before (56.0% to 100.0%)",
            id="a model less sure",
        ),
        pytest.param(
            week(0.2, 0.8, untagged=0.75),
            "stories without a topic: 75.0%, more than in the weeks before (35.0% to 65.0%)",
            id="more without a topic",
        ),
        pytest.param(
            week(0.2, 0.8, unknown_words=0.11),
            "words that the model does not know: 11.0%, more than in the weeks before (0.0% to 10.0%)",
            id="new words",
        ),
    ],
)
def test_each_band_that_was_left_is_told_in_a_plain_sentence(last: Week, sentence: str) -> None:
    assert judged(last, [week(0.2, 0.8)] * 4).warnings == (sentence,)


def test_a_week_like_those_before_warns_of_nothing() -> None:
    found = judged(week(0.25, 0.75), [week(0.2, 0.8)] * 4)
    assert ([band.name for band in found.bands], found.warnings) == (list(NAMES), ())


def test_new_acronyms_are_told_after_the_bands_the_most_frequent_first() -> None:
    last = replace(week(0.4), acronyms={"ICB": 3, "PFI": 12, "A&E": 3})
    found = judged(last, [week(0.2)] * 4)
    assert found.warnings == (
        "finance: share of stories: 40.0%, more than in the weeks before (8.0% to 32.0%)",
        "PFI stands in 12 stories, and the model has never learned from it: label some of them",
        "A&E stands in 3 stories, and the model has never learned from it: label some of them",
        "ICB stands in 3 stories, and the model has never learned from it: label some of them",
    )


def test_acronyms_of_earlier_weeks_are_not_told_again() -> None:
    assert judged(week(), [replace(week(), acronyms={"PFI": 12})] * 4).warnings == ()


_weeks = st.builds(
    lambda stories, tagged, confidence, untagged, unknown: week(
        min(tagged, stories) / stories, confidence, stories=stories, untagged=min(untagged, stories) / stories, unknown_words=unknown
    ),
    st.integers(20, 400),
    st.integers(0, 400),
    st.none() | st.floats(0, 1),
    st.integers(0, 400),
    st.floats(0, 1),
)


@given(_weeks, st.lists(_weeks, max_size=12))
def test_every_band_lies_within_its_range_and_exactly_those_left_are_told(last: Week, before: Sequence[Week]) -> None:
    found = judged(last, before)
    assert all(0 <= band.low <= band.high for band in found.bands)
    assert all(band.high <= 1 for band in found.bands if band.name != NAMES[3])
    outside = [band.name for band in found.bands if not band.low <= band.value <= band.high]
    # A topic's figure has a colon in its name.
    assert [warning.rpartition(": ")[0] for warning in found.warnings] == outside


@given(_weeks, st.integers(4, 8))
def test_a_week_exactly_like_all_before_it_never_warns(same: Week, number: int) -> None:
    found = judged(same, [same] * number)
    assert len(found.bands) >= 3
    assert found.warnings == ()


# ---------------------------------------------------------------- which weeks are judged, and by which


@pytest.mark.parametrize(("number", "said"), [(0, ()), (1, ()), (3, ()), (4, NAMES), (8, NAMES)])
def test_with_fewer_than_four_weeks_before_it_a_week_has_no_bands(number: int, said: Sequence[str]) -> None:
    found = judged(week(0.9, 0.1), [week(0.1, 0.9)] * number)
    assert tuple(band.name for band in found.bands) == tuple(said)
    assert found.week is not None
    assert (found.week.start, len(found.warnings) > 0) == (LAST, number >= 4)


def test_new_acronyms_are_told_without_any_week_before() -> None:
    found = judged(replace(week(), acronyms={"PFI": 5}), [])
    assert found.warnings == ("PFI stands in 5 stories, and the model has never learned from it: label some of them",)


def test_without_weeks_nothing_is_judged() -> None:
    assert drift([], START, WEEK) == Drift(None, (), ())


@pytest.mark.parametrize(("now", "judged_start"), [(START + WEEK - 1, START - WEEK), (START + WEEK, START)])
def test_a_week_is_judged_as_soon_as_it_is_over(now: int, judged_start: int) -> None:
    weeks = [replace(week(), start=START - WEEK), replace(week(0.9), start=START)]
    found = drift(weeks, now, WEEK).week
    assert found is not None
    assert found.start == judged_start


def test_a_week_that_is_not_over_is_no_week_to_judge_by() -> None:
    weeks = [replace(week(), start=START + number * WEEK) for number in range(5)]
    assert len(drift(weeks, START + 5 * WEEK, WEEK).bands) == 3
    assert drift(weeks, START + 5 * WEEK - 1, WEEK).bands == ()


@pytest.mark.parametrize(("stories", "counts"), [(19, False), (20, True)])
def test_a_week_with_hardly_a_story_is_neither_judged_nor_judged_by(stories: int, counts: bool) -> None:
    small = week(0.9, stories=stories)
    assert (judged(small, []).week is not None) is counts
    assert bool(judged(week(), [small, week(), week(), week()]).bands) is counts
    # Four more weeks lie behind the small ones.
    assert bands(week(), [*[week()] * 4, week(0.9, stories=19), week(0.9, stories=19)])[NAMES[0]].high == pytest.approx(0.32)


def test_only_the_eight_weeks_before_count() -> None:
    assert bands(week(), [*[week(0.9)] * 3, *[week(0.2)] * 8])[NAMES[0]].high == pytest.approx(0.32)
    # With one of 0.9 among the eight the mean is 0.2875.
    eighth = bands(week(), [week(0.9), *[week(0.2)] * 7])[NAMES[0]]
    assert eighth.high > 0.2875 + 0.32


@pytest.mark.parametrize(
    ("last", "before"),
    [
        pytest.param({"finance", "data"}, [{"finance"}, *[{"finance", "data"}] * 4], id="new since"),
        pytest.param({"finance"}, [{"finance", "data"}] * 4, id="given up"),
    ],
)
def test_a_topic_that_some_weeks_did_not_have_is_not_judged(last: Collection[str], before: Sequence[Collection[str]]) -> None:
    def having(topics: Collection[str]) -> Week:
        return replace(week(), topics={topic: TopicWeek(0.2, None) for topic in topics})

    assert bands(having(last), [having(each) for each in before]).keys() == {NAMES[0], NAMES[2], NAMES[3]}


@pytest.mark.parametrize(
    ("here", "before", "is_judged"),
    [
        pytest.param(0.8, [0.8, 0.8, 0.8, 0.8, None], True, id="four weeks had one"),
        pytest.param(0.8, [0.8, 0.8, 0.8, None, None], False, id="three had one"),
        pytest.param(None, [0.8] * 5, False, id="this one has none"),
    ],
)
def test_confidence_is_judged_only_where_there_is_some(here: float | None, before: Sequence[float | None], is_judged: bool) -> None:
    found = bands(week(0.25, here), [week(0.25, each) for each in before])
    assert (NAMES[1] in found) is is_judged
    if is_judged:
        assert found[NAMES[1]].low == pytest.approx(0.56)


# ---------------------------------------------------------------- acronyms


def nothing(_: str) -> bool:
    return False


def told(*texts: str, title: str = "A headline") -> list[tuple[str, str]]:
    return [(title, text) for text in texts]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param("The PFI ends.", {"PFI"}, id="three letters"),
        pytest.param("An MP said", {"MP"}, id="two letters"),
        pytest.param("The ABCDEFG", {"ABCDEFG"}, id="seven letters"),
        pytest.param("ABCDEFGH", set(), id="eight letters are a word that shouts"),
        pytest.param("I said", set(), id="one letter is none"),
        pytest.param("Waits in A&E and at AT&T", {"A&E", "AT&T"}, id="with an ampersand"),
        pytest.param("Marks & Spencer, A& B", set(), id="an ampersand between words"),
        pytest.param("ICBs merge, MPs say", {"ICB", "MP"}, id="several of them"),
        pytest.param("The ICB's board, the MPs’ letter", {"ICB", "MP"}, id="what belongs to them"),
        pytest.param("An ICS and CQCs", {"ICS", "CQC"}, id="a capital s at its end belongs to it"),
        pytest.param("(PFI), PFI-funded, non-PFI; PFI.", {"PFI"}, id="beside punctuation"),
        pytest.param("NHSmail, iPFI, PFI2, G7", set(), id="a part of a word is none"),
        pytest.param("The Trust Said No", set(), id="capitalised words are none"),
        pytest.param("pfi Pfi pFI", set(), id="not in capitals"),
        pytest.param("", set(), id="no text"),
    ],
)
def test_an_acronym_is_a_word_of_two_to_seven_capital_letters(text: str, found: set[str]) -> None:
    assert acronyms(told(*[text] * 3), nothing) == dict.fromkeys(found, 3)


def test_an_acronym_counts_once_a_story_and_tells_from_three_stories_on() -> None:
    stories = told("PFI, PFIs and the PFI again. ICB", "PFI. ICB and A&E, A&E, A&E", "The PFIs", "ICBs", "MPs")
    assert acronyms(stories, nothing) == {"ICB": 3, "PFI": 3}


def test_title_and_text_are_one_story() -> None:
    assert acronyms([("PFI ends", "The PFI."), ("PFI ends", ""), ("It ends", "PFI")], nothing) == {"PFI": 3}


def test_what_the_model_has_learned_from_is_not_new() -> None:
    stories = told(*["PFIs, ICBs and A&E"] * 3)
    assert acronyms(stories, {"PFI", "A&E"}.__contains__) == {"ICB": 3}


def test_a_headline_in_capital_letters_is_no_row_of_acronyms() -> None:
    assert acronyms(told(*["The PFI ends"] * 3, title="BEDS SHUT AT THE ICB"), nothing) == {"PFI": 3}
    assert acronyms(told(*["Nothing"] * 3, title="Beds shut at the ICB"), nothing) == {"ICB": 3}


def test_acronyms_are_told_in_the_order_of_the_alphabet() -> None:
    assert list(acronyms(told(*["PFI A&E ICB"] * 3), nothing)) == ["A&E", "ICB", "PFI"]


_texts = st.lists(st.lists(st.sampled_from(["PFI", "PFIs", "A&E", "MP", "trust", "The"]), max_size=6), max_size=8)


@given(_texts)
def test_counts_are_those_of_the_stories_that_hold_the_word(texts: Sequence[Sequence[str]]) -> None:
    holding = {word: sum(word in text or f"{word}s" in text for text in texts) for word in ("PFI", "A&E", "MP")}
    assert acronyms(told(*(", ".join(text) for text in texts)), nothing) == {word: count for word, count in holding.items() if count >= 3}
