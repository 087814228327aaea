"""Text to terms."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.text import term, tokens


def terms(text: str) -> list[str]:
    return [term(token) for token in tokens(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The trust’s £2.5m deficit", ["the", "trust", "<money>", "deficit"]),
        ("£280 million, $3bn or €1,000", ["<money>", "<money>", "or", "<money>"]),
        ("up 12.5% and 4 per cent", ["up", "<percent>", "and", "<percent>"]),
        ("In 2016-17, 1,250 beds.", ["in", "<year>", "<number>", "<number>", "beds"]),
        ("A&E and care.data", ["a&e", "and", "care.data"]),
        ("Café O’Neill's", ["cafe", "o'neill"]),
        ("one-off job\x00cuts\u00a0now", ["one", "off", "job", "cuts", "now"]),
        ("", []),
    ],
)
def test_terms_of_a_text(text: str, expected: list[str]) -> None:
    assert terms(text) == expected


@given(st.text())
def test_every_token_stands_in_the_text_and_has_a_term(text: str) -> None:
    for token in tokens(text):
        assert token in text
        assert term(token)


@pytest.mark.parametrize("text", ["x" * 1_000_000, "1,1." * 250_000, "£" * 1_000_000, "a&" * 500_000])
def test_no_text_makes_a_long_token_or_a_slow_search(text: str) -> None:
    start = time.process_time()
    assert max((len(token) for token in tokens(text)), default=0) < 100
    assert time.process_time() - start < 5
