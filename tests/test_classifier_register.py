"""Models that were made are kept, chosen and gone back to; files that were changed are not believed."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

import classifier.storage
from classifier.errors import ClassifierError
from classifier.examples import Example
from classifier.lexicon import Lexicon
from classifier.model import Model
from classifier.register import IN_USE, Entry, InUse, Register
from classifier.report import entry_lines, register_lines
from classifier.topics import Topic
from classifier.train import train

TOPIC = Topic("money", "Money", "What things cost.")
MADE_FROM = {"seeds": "0123456789abcdef", "stories": 40, "corrections": 0, "through": 0}


def learned(word: str) -> Model:
    """A small model that knows money by that word."""
    about = [Example(f"{word} grows", f"The trust {number} has a {word} and must save", frozenset({"money"})) for number in range(20)]
    other = [Example("Garden opens", f"The garden {number} opens with roses and music", frozenset()) for number in range(20)]
    return train(about + other, [TOPIC], Lexicon({"money": ("deficit*",)}))


@pytest.fixture(scope="module")
def models() -> list[Model]:
    return [learned(word) for word in ("deficit", "shortfall", "overspend")]


@pytest.fixture
def register(tmp_path: Path, models: list[Model]) -> Register:
    """Three models, the second of which is in use after the first."""
    made = Register(tmp_path / "models")
    for number, model in enumerate(models, 1):
        made.add(model, 1_772_442_000 + number, MADE_FROM, ("macro F1 0.1 is below the floor",) if number == 3 else ())
    made.use(1)
    made.use(2)
    return made


def test_models_are_numbered_and_all_that_is_known_of_them_is_kept(register: Register, models: list[Model]) -> None:
    entries = register.entries()
    assert [entry.number for entry in entries] == [1, 2, 3]
    assert [entry.version for entry in entries] == [model.version for model in models]
    assert entries[0].metrics == models[0].metrics
    assert entries[0].thresholds == models[0].thresholds
    assert entries[0].topics == ("money",)
    assert entries[0].made == 1_772_442_001
    assert {"code", "scikit-learn", "numpy"} <= entries[0].made_by.keys()
    assert entries[2].refused == ("macro F1 0.1 is below the floor",)
    assert len({entry.sha256 for entry in entries}) == 3


def test_a_kept_model_judges_as_it_did(register: Register, models: list[Model]) -> None:
    story = [("Deficit grows", "The deficit grows and the trust must save")]
    assert register.load(1).predict(story) == models[0].predict(story)


def test_the_one_in_use_can_be_changed_and_gone_back_from(register: Register) -> None:
    assert register.in_use() == InUse(2, (1,))
    assert register.former() == 1
    register.use(1, pinned=True)
    assert register.in_use() == InUse(1, (1, 2), pinned=True)
    assert register.former() == 2
    register.use(2)
    assert register.in_use() == InUse(2, (1, 2, 1))


def test_using_what_is_in_use_does_not_hide_the_one_before(register: Register) -> None:
    register.use(2, pinned=True)
    assert register.in_use() == InUse(2, (1,), pinned=True)


def test_a_change_of_model_can_be_seen_without_reading_it(register: Register) -> None:
    before = register.stamp()
    assert register.stamp() == before
    register.use(1)
    assert register.stamp() != before


def test_an_empty_register_says_so(tmp_path: Path) -> None:
    empty = Register(tmp_path / "models")
    assert (empty.entries(), empty.in_use(), empty.stamp()) == ([], None, None)
    with pytest.raises(ClassifierError, match="there is no model 1; see: healthwire model list"):
        empty.use(1)
    with pytest.raises(ClassifierError, match="no other model was in use"):
        empty.former()
    assert not (tmp_path / "models").exists(), "asking leaves nothing behind"


def swapped(folder: Path) -> None:
    (folder / "0001.model").write_bytes((folder / "0003.model").read_bytes())


def bit_flipped(folder: Path) -> None:
    content = bytearray((folder / "0001.model").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "0001.model").write_bytes(content)


def emptied(folder: Path) -> None:
    (folder / "0001.model").write_bytes(b"")


@pytest.mark.parametrize("tamper", [swapped, bit_flipped, emptied])
def test_a_file_that_was_changed_is_not_used(register: Register, tmp_path: Path, tamper: Callable[[Path], None]) -> None:
    tamper(tmp_path / "models")
    for use in (register.load, register.use):
        with pytest.raises(ClassifierError, match="is not the file that was written when model 1 was made"):
            use(1)
    assert register.in_use() == InUse(2, (1,))
    assert register.load(2)


def test_a_file_that_is_gone_is_told(register: Register, tmp_path: Path) -> None:
    (tmp_path / "models" / "0001.model").unlink()
    with pytest.raises(ClassifierError, match="cannot read"):
        register.load(1)


def test_a_model_of_another_version_is_told(register: Register, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classifier.storage, "maker", lambda: {"code": "other"})
    with pytest.raises(ClassifierError, match="made by another version"):
        register.use(1)


@pytest.mark.parametrize(("name", "told"), [("0001.json", "0001.json"), (IN_USE, "in-use.json")])
@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"number": 1}'])
def test_damaged_notes_are_told_and_can_be_mended(register: Register, tmp_path: Path, name: str, told: str, content: str) -> None:
    (tmp_path / "models" / name).write_text(content)
    with pytest.raises(ClassifierError, match=told):
        register.in_use() if name == IN_USE else register.entry(1)
    register.use(2)
    assert register.in_use() == InUse(2, () if name == IN_USE else (1,))


def test_a_model_whose_entry_was_not_written_does_not_count(register: Register, tmp_path: Path, models: list[Model]) -> None:
    (tmp_path / "models" / "0004.model").write_bytes(b"half of a model, left by a killed training")
    assert [entry.number for entry in register.entries()] == [1, 2, 3]
    assert register.add(models[0], 1_772_442_009, MADE_FROM).number == 4
    assert register.load(4)


def test_a_full_disk_leaves_the_register_as_it_was(register: Register, models: list[Model], monkeypatch: pytest.MonkeyPatch) -> None:
    before = register.entries()

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(ClassifierError, match=r"cannot write .*: No space left on device; check the folder"):
        register.add(models[0], 1_772_442_009, MADE_FROM)
    with pytest.raises(ClassifierError, match="No space left"):
        register.use(1)
    assert (register.entries(), register.in_use()) == (before, InUse(2, (1,)))


# ---------------------------------------------------------------- as people see it


def test_the_list_marks_the_model_in_use_and_says_why_one_was_refused(register: Register) -> None:
    _, first, second, third = register_lines(register.entries(), register.in_use())
    assert first.split()[0] == "1" and first.endswith("may be used")
    assert second.startswith("*    2") and second.endswith("in use")
    assert third.endswith("refused: macro F1 0.1 is below the floor")
    assert "2026-03-02 09:00" in first
    register.use(1, pinned=True)
    assert next(line for line in register_lines(register.entries(), register.in_use()) if line[0] == "*").endswith("chosen by a person")


def test_a_model_is_shown_with_all_that_it_was_made_from(register: Register) -> None:
    entry: Entry = register.entry(3)
    shown = "\n".join(entry_lines(entry))
    for part in (entry.version, entry.sha256, "40 labelled stories and 0 corrected", "0123456789abcdef", entry.made_by["scikit-learn"]):
        assert part in shown
    assert "refused: macro F1 0.1 is below the floor" in shown
    assert json.loads(json.dumps(entry.metrics))["per_topic"].keys() == {"money"}
