"""How much there is to learn from a story."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.lessons import Lesson, lesson

SURE = {"money": (0.02, 0.5), "staff": (0.98, 0.5)}


def test_a_clear_story_teaches_nothing() -> None:
    assert lesson(SURE, SURE, 0.0) == Lesson(0.0, "")


def test_the_nearer_a_topic_is_to_its_threshold_the_more_there_is_to_learn() -> None:
    opinions = [SURE | {"money": (confidence, 0.5)} for confidence in (0.5, 0.4, 0.2)]
    at, near, far = (lesson(opinion, opinion, 0.0) for opinion in opinions)
    assert (at.value, near.value, far.value) == (0.5, 0.3, 0.0)
    assert near.why == "money 40%, chosen from 50%"
    assert far.why == ""


def test_a_second_opinion_that_differs_makes_a_story_worth_a_look() -> None:
    told = lesson(SURE, {"money": (0.52, 0.5), "staff": (0.9, 0.5)}, 0.0)
    assert told == Lesson(0.15, "the words alone say otherwise on money")


def test_new_words_count_up_to_a_limit() -> None:
    assert lesson(SURE, SURE, 0.1) == Lesson(0.05, "")
    assert lesson(SURE, SURE, 0.3) == Lesson(0.15, "30% of its words are new")
    assert lesson(SURE, SURE, 0.9).value == lesson(SURE, SURE, 0.4).value == 0.2


def test_the_nearest_topic_is_told_first() -> None:
    opinion = {"money": (0.4, 0.5), "staff": (0.55, 0.5)}
    assert lesson(opinion, opinion, 0.0).why == "staff 55%, chosen from 50%; money 40%, chosen from 50%"


SHARE = st.floats(0, 1)


@given(first=st.tuples(SHARE, SHARE), second=st.tuples(SHARE, SHARE), unknown=SHARE)
def test_the_value_is_a_share(first: tuple[float, float], second: tuple[float, float], unknown: float) -> None:
    assert 0 <= lesson({"money": first}, {"money": second}, unknown).value <= 1


@pytest.mark.parametrize("unknown", [0.0, 0.5])
def test_agreement_never_teaches_more_than_disagreement(unknown: float) -> None:
    opinion = {"money": (0.6, 0.5)}
    assert lesson(opinion, opinion, unknown).value < lesson(opinion, {"money": (0.3, 0.5)}, unknown).value
