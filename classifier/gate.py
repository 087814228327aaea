"""Whether a new model may replace the one in use."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from classifier.errors import ClassifierError
from classifier.files import read_json


@dataclass(frozen=True)
class Floor:
    """The quality below which no model goes live, and the ``margin`` by which a new one may be worse than the old.

    ``f1`` is each topic's lowest F1; ``macro_f1`` the lowest mean over the topics in ``f1``. A topic that is not named has no floor.
    """

    margin: float
    macro_f1: float
    f1: Mapping[str, float]


def load_floor(path: Path) -> Floor:
    """Read ``{"margin": …, "macro_f1": …, "f1": {TOPIC: …}}``. Raises ClassifierError if it is not so."""
    content = read_json(path)
    try:
        return Floor(float(content["margin"]), float(content["macro_f1"]), {name: float(low) for name, low in content["f1"].items()})
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ClassifierError(f"{path} must hold the numbers margin, macro_f1 and f1 of each topic: {error!r}") from error


def objections(metrics: Mapping[str, Any], floor: Floor, current: Mapping[str, Any] | None) -> list[str]:
    """Why a model with these figures must not go live; empty if it may.

    ``metrics`` and ``current`` (those of the model in use) are as ``evaluate`` gives them, measured on stories held out
    in turn. Topics that only one of the two models knows are not compared.
    """
    new = _f1(metrics)
    told = [f"{name}: F1 {new[name]:.3f} is below the floor of {low:.3f}" for name, low in floor.f1.items() if new.get(name, 1) < low]
    named = [new[name] for name in floor.f1 if name in new]
    if named and _mean(named) < floor.macro_f1:
        told.append(f"macro F1 {_mean(named):.3f} is below the floor of {floor.macro_f1:.3f}")
    old = _f1(current) if current else {}
    common = sorted(new.keys() & old.keys())
    if common:
        before, after = _mean([old[name] for name in common]), _mean([new[name] for name in common])
        if after < before - floor.margin:
            told.append(f"macro F1 {after:.3f} is worse than the {before:.3f} of the model in use by more than {floor.margin:.3f}")
    return told


def _f1(metrics: Mapping[str, Any]) -> dict[str, float]:
    return {name: float(figures["f1"]) for name, figures in metrics["per_topic"].items()}


def _mean(numbers: list[float]) -> float:
    return sum(numbers) / len(numbers)
