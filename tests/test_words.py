"""The words by which stories are searched."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds.errors import InputError
from feeds.words import Search, check_search, search_of, stems


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Nurses nursing NURSED", ["nurs", "nurs", "nurs"]),
        ("The trust\u2019s beds, the trust's bed", ["the", "trust", "bed", "the", "trust", "bed"]),
        ("Caf\u00e9 na\u00efve A\u030angstr\u00f6m", ["cafe", "naiv", "angstrom"]),
        ("waiting-times 2017/18 \u00a35m", ["wait", "time", "2017", "18", "5m"]),
        ("\ufb01nance", ["financ"]),
        ("snake_case", ["snake", "case"]),
        (
            "\u65e5\u672c \u0431\u043e\u043b\u044c\u043d\u0438\u0446\u0430",
            ["\u65e5\u672c", "\u0431\u043e\u043b\u044c\u043d\u0438\u0446\u0430"],
        ),
        ("\u2014 !? \u2026", []),
    ],
)
def test_a_words_forms_are_one(text: str, expected: list[str]) -> None:
    assert stems(text) == expected


@given(st.text(max_size=200))
def test_stems_are_letters_and_figures_whatever_the_text(text: str) -> None:
    assert all(stem.isalnum() and len(stem) <= 60 for stem in stems(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("beds", Search((("bed",),))),
        ("  beds   BED nurses ", Search((("bed",), ("nurs",)))),
        ('"waiting times" beds', Search((("wait", "time"), ("bed",)))),
        ("beds -children", Search((("bed",),), (("children",),))),
        ('beds -"acute trusts"', Search((("bed",),), (("acut", "trust"),))),
        ("well-being", Search((("well", "be"),))),
        ('"never closed', Search((("never", "close"),))),
        ('beds "" - -- !', Search((("bed",),))),
        ('"" !?', Search(())),
        ('-"acute beds"', Search((), (("acut", "bed"),))),
        ("beds AND NOT (x OR y) NEAR/3 *", Search((("bed",), ("and",), ("not",), ("x",), ("or",), ("y",), ("near", "3")))),
    ],
)
def test_what_a_search_asks_for(text: str, expected: Search) -> None:
    assert search_of(text) == expected


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "needs a word"),
        (" ", "needs a word"),
        ("-beds", "needs a word"),
        ("- --", "needs a word"),
        ("a" * 201, "at most 200 characters, this one has 201"),
        (" ".join(f"w{number}" for number in range(13)), "at most 12 words"),
    ],
)
def test_a_search_that_cannot_be_made_says_why(text: str, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        check_search(text)
