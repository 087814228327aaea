"""What is seen in a story, and how much each part of it counts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.lexicon import Lexicon
from classifier.reading import LEAD_LENGTH, Reader, lead_and_rest

READER = Reader(Lexicon({"money": ("deficit",)}), ["money"])
LEAD = "Inspectors who came on a wet Tuesday found trolleys unchecked and a birthing pool out of use"


def test_title_and_lead_count_twice() -> None:
    reading = READER.read("Trolleys unchecked", f"{LEAD}. The trolleys were mended.")
    assert reading.counts["trolleys"] == 2 + 2 + 1
    assert reading.counts["mended"] == 1
    assert reading.counts["inspectors"] == 2
    assert reading.length == 2 + len(LEAD.split()) + 4


def test_only_the_title_s_phrases_are_in_the_title() -> None:
    hits = READER.read("A deficit", f"The deficit. {LEAD}. A deficit.").hits
    assert [hit.in_title for hit in hits] == [True, False, False]


@pytest.mark.parametrize(
    ("text", "lead"),
    [
        pytest.param(f"{LEAD}. Then more.", f"{LEAD}. ", id="a sentence"),
        pytest.param(f"{LEAD}.” Then more.", f"{LEAD}.” ", id="a quotation"),
        pytest.param(f"{LEAD}\n\nThen more.", f"{LEAD}\n", id="a paragraph"),
        pytest.param(f"Dear all. {LEAD}. Then more.", f"Dear all. {LEAD}. ", id="a greeting is no sentence"),
        pytest.param(f"{LEAD}, costing £1.5m to mend. Then more.", f"{LEAD}, costing £1.5m to mend. ", id="a point in a figure"),
        pytest.param("Short. As a headline.", "Short. As a headline.", id="a short text"),
        pytest.param("", "", id="no text"),
    ],
)
def test_the_lead_is_the_first_sentence(text: str, lead: str) -> None:
    assert lead_and_rest(text) == (lead, text.removeprefix(lead))


@given(st.text(alphabet="ab .!?\n”"))
def test_no_text_is_lost(text: str) -> None:
    lead, rest = lead_and_rest(text)
    assert lead + rest == text
    assert not rest or len(lead) > LEAD_LENGTH
