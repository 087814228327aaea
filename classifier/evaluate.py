"""How good judgements are, measured on labelled stories."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, brier_score_loss, f1_score, precision_recall_fscore_support

from classifier.errors import ClassifierError
from classifier.examples import Example

if TYPE_CHECKING:
    from classifier.model import Model

BINS = 10

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


def evaluate(model: Model, examples: Sequence[Example]) -> dict[str, Any]:
    """Measure ``model`` on ``examples``, which it should not have been trained on.

    Gives macro_f1, micro_f1, exact_match, n, and per_topic the precision, recall, f1, average_precision, brier and ece
    of each topic. Raises ClassifierError if there are no examples.
    """
    if not examples:
        raise ClassifierError("there are no labelled stories to measure on; give at least one")
    names = [topic.name for topic in model.topics]
    predictions = model.predict([(example.title, example.text) for example in examples])
    chosen = np.array([[judgement.chosen for judgement in prediction.judgements] for prediction in predictions])
    confidence = np.array([[judgement.confidence for judgement in prediction.judgements] for prediction in predictions])
    return measure(names, truth_of(examples, names), confidence, chosen)


def truth_of(examples: Sequence[Example], names: Sequence[str]) -> Flags:
    """The given labels: a row per example, a column per topic."""
    return np.array([[name in example.topics for name in names] for example in examples], dtype=bool)


def measure(names: Sequence[str], truth: Flags, confidence: Floats, chosen: Flags) -> dict[str, Any]:
    """The figures of ``evaluate`` for judgements that are already made; all arrays have a row per story."""
    per_topic = {name: _figures(truth[:, column], confidence[:, column], chosen[:, column]) for column, name in enumerate(names)}
    return {
        "macro_f1": float(np.mean([figures["f1"] for figures in per_topic.values()])),
        "micro_f1": float(f1_score(truth.ravel(), chosen.ravel(), zero_division=0)),
        "exact_match": float((truth == chosen).all(axis=1).mean()),
        "per_topic": per_topic,
        "n": len(truth),
    }


def _figures(truth: Flags, confidence: Floats, chosen: Flags) -> dict[str, float]:
    precision, recall, f1, _ = precision_recall_fscore_support(truth, chosen, average="binary", zero_division=0)
    return {
        "precision": float(precision),
        "recall": float(recall),
        "f1": float(f1),
        "average_precision": _average_precision(truth, confidence),
        "brier": float(brier_score_loss(truth, confidence)),
        "ece": calibration_error(truth, confidence),
    }


def _average_precision(truth: Flags, confidence: Floats) -> float:
    return float(average_precision_score(truth, confidence)) if truth.any() else 0.0


def calibration_error(truth: Flags, confidence: Floats) -> float:
    """The mean distance between what was promised and what came true, over ten equal bins of confidence."""
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    gaps = np.bincount(bins, weights=truth, minlength=BINS) - np.bincount(bins, weights=confidence, minlength=BINS)
    return float(np.abs(gaps).sum() / len(truth))
