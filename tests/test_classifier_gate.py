"""Which models may go live."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from classifier.errors import ClassifierError
from classifier.gate import Floor, load_floor, objections

FLOOR = Floor(margin=0.01, macro_f1=0.9, f1={"money": 0.85, "staff": 0.85})


def measured(**f1: float) -> Mapping[str, Any]:
    return {"per_topic": {name: {"f1": value} for name, value in f1.items()}}


@pytest.mark.parametrize(
    ("new", "old", "told"),
    [
        pytest.param(measured(money=0.92, staff=0.9), None, [], id="good enough and the first"),
        pytest.param(measured(money=0.9, staff=0.9), None, [], id="just on the floor"),
        pytest.param(measured(money=0.9, staff=0.9), measured(money=0.91, staff=0.905), [], id="worse within the margin"),
        pytest.param(measured(money=0.99, staff=0.99), measured(money=0.9, staff=0.9), [], id="better"),
        pytest.param(measured(money=0.84, staff=0.99), None, ["money: F1 0.840 is below the floor of 0.850"], id="one topic too weak"),
        pytest.param(measured(money=0.86, staff=0.92), None, ["macro F1 0.890 is below the floor of 0.900"], id="too weak on the whole"),
        pytest.param(
            measured(money=0.92, staff=0.92),
            measured(money=0.94, staff=0.924),
            ["macro F1 0.920 is worse than the 0.932 of the model in use by more than 0.010"],
            id="worse beyond the margin",
        ),
        pytest.param(measured(money=0.92, staff=0.92, sport=0.3), measured(money=0.92, staff=0.92), [], id="a new topic has no floor"),
        pytest.param(measured(money=0.95), measured(money=0.95, staff=0.99), [], id="a topic was given up"),
    ],
)
def test_a_model_is_held_against_the_floor_and_the_one_in_use(
    new: Mapping[str, Any], old: Mapping[str, Any] | None, told: list[str]
) -> None:
    assert objections(new, FLOOR, old) == told


def test_all_objections_are_told_at_once() -> None:
    told = objections(measured(money=0.1, staff=0.2), FLOOR, measured(money=0.9, staff=0.9))
    assert [line.split(":")[0].split(" 0.")[0] for line in told] == ["money", "staff", "macro F1", "macro F1"]


def test_the_floor_is_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "floor.json"
    path.write_text(json.dumps({"margin": 0.01, "macro_f1": 0.9, "f1": {"money": 0.85, "staff": 0.85}}))
    assert load_floor(path) == FLOOR


@pytest.mark.parametrize(
    "content", ["{", "[]", "{}", '{"margin": 0.01, "macro_f1": "high", "f1": {}}', '{"margin": 0, "macro_f1": 0, "f1": 3}']
)
def test_a_floor_that_cannot_be_used_is_told(tmp_path: Path, content: str) -> None:
    path = tmp_path / "floor.json"
    path.write_text(content)
    with pytest.raises(ClassifierError, match=r"floor\.json"):
        load_floor(path)
