"""From readings to numbers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import TfidfTransformer

from classifier.features import Vectoriser, lexicon_numbers, pieces, tfidf
from classifier.lexicon import Lexicon
from classifier.reading import Hit, Reader, Reading


@given(st.lists(st.lists(st.integers(0, 9), min_size=4, max_size=4), min_size=1, max_size=6))
def test_weights_are_those_of_scikit_learn(rows: list[list[int]]) -> None:
    counts = csr_matrix(np.array(rows, dtype=float))
    reference = TfidfTransformer(sublinear_tf=True).fit(counts)
    assert tfidf(counts, reference.idf_, 1.0).toarray() == pytest.approx(reference.transform(counts).toarray())
    assert tfidf(counts, reference.idf_, 0.5).toarray() == pytest.approx(reference.transform(counts).toarray() / 2)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("pay", (" pay ",)),
        ("nurse", (" nurs", "nurse", "urse ")),
        ("it", ()),
        ("<money>", ()),
    ],
)
def test_pieces_of_words(word: str, expected: tuple[str, ...]) -> None:
    assert pieces(word) == expected


def test_phrases_become_three_numbers_a_topic() -> None:
    hits = (Hit(0, "deficit", True), Hit(0, "savings", False), Hit(1, "nurses", False))
    # Of 3 hits and 4 for caution; in 29 words, so divided by the root of 49; one of them in the title; all by a quarter.
    assert lexicon_numbers(Reading({}, {}, hits, 29), 2) == pytest.approx([0.25 * each for each in (2 / 7, 2 / 7, 1, 1 / 7, 1 / 7, 0)])


def test_a_topic_without_phrases_has_numbers_too() -> None:
    reader = Reader(Lexicon({"money": ("deficit",)}), ["money", "sport"])
    readings = [reader.read("Deficit grows", "the deficit grows"), reader.read("Match won", "the deficit of goals grows")]
    matrix = Vectoriser.fit([*readings, *readings], 2).transform(readings).matrix
    assert matrix[:, -3:].toarray().tolist() == [[0, 0, 0], [0, 0, 0]]
    assert matrix[0, -6] > matrix[1, -6] > 0
