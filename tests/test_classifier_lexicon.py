"""Phrases and the lexicon's file."""

from pathlib import Path

import pytest

from classifier.errors import ClassifierError
from classifier.lexicon import Lexicon, Phrase, load_lexicon
from classifier.reading import Reader

LEXICON = Lexicon({"money": ("deficit*", "control total*", "deficit target*"), "people": ("job/jobs cut*", "lose ... jobs")})


@pytest.mark.parametrize(
    ("phrase", "text", "matches"),
    [
        ("deficit*", "deficits", True),
        ("deficit", "deficits", False),
        ("data/information governance", "information governance", True),
        ("data/information governance", "information", False),
        ("lose ... jobs", "lose jobs", True),
        ("lose ... jobs", "lose some two hundred jobs", True),
        ("lose ... jobs", "lose one two three four jobs", False),
        ("back-office", "back office", True),
        ("save ... <money>", "save about <money>", True),
    ],
)
def test_phrase_notation(phrase: str, text: str, matches: bool) -> None:
    assert bool(Phrase.parse(phrase).end(text.split(), 0)) is matches


@pytest.mark.parametrize("phrase", ["", "... jobs", "jobs ...", "a//b", "*", "!"])
def test_a_phrase_that_could_match_anything_is_refused(phrase: str) -> None:
    with pytest.raises(ValueError):
        Phrase.parse(phrase)


def test_hits_are_the_longest_phrase_of_a_topic_and_know_where_they_stand() -> None:
    reading = Reader(LEXICON, ["money", "people"]).read("Job cuts", "Deficit targets: a trust will lose 200 jobs.")
    assert [(hit.topic, hit.surface, hit.in_title) for hit in reading.hits] == [
        (1, "Job cuts", True),
        (0, "Deficit targets", False),
        (1, "lose 200 jobs", False),
    ]


def test_a_lexicon_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "lexicon.toml"
    path.write_text('[phrases]\nmoney = ["deficit*"]\n')
    assert load_lexicon(path) == Lexicon({"money": ("deficit*",)})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[phrases", "not valid TOML"),
        ("", "phrases"),
        ('[phrases]\nmoney = ["... x"]\n', "must start and end with a word"),
        ('[phrases]\nmoney = "deficit"\n', "must be a list"),
        ("[phrases]\nmoney = [3]\n", "not a lexicon"),
    ],
)
def test_a_faulty_lexicon_file_is_told(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "lexicon.toml"
    path.write_text(text)
    with pytest.raises(ClassifierError, match=told):
        load_lexicon(path)
