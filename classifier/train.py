"""Making a model from labelled stories."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score

from classifier.errors import ClassifierError
from classifier.evaluate import Flags, Floats, measure, truth_of
from classifier.examples import Example
from classifier.features import Vectoriser
from classifier.lexicon import Lexicon, lexicon_tables
from classifier.model import Linear, Model, version_of
from classifier.reading import Reader, Reading
from classifier.topics import Topic

FOLDS = 5
FEWEST_EXAMPLES = 10
LOWEST_THRESHOLD, HIGHEST_THRESHOLD, STEP = 0.25, 0.60, 0.01
SMOOTHED_STEPS = 6
AS_GOOD = 0.005


def train(examples: Sequence[Example], topics: Sequence[Topic], lexicon: Lexicon) -> Model:
    """Make a model; the same input always makes the same one.

    Its confidences, thresholds and metrics come from stories that were held out in turn. Raises ClassifierError if a
    topic has too few examples, or too few stories are not about it.
    """
    names = [topic.name for topic in topics]
    truth = truth_of(examples, names).reshape(len(examples), len(names))
    _check_enough(names, truth)
    reader = Reader(lexicon, names)
    readings = [reader.read(example.title, example.text) for example in examples]
    slopes, offsets, confidences = _calibrate(_held_out_scores(examples, readings, truth), truth)
    thresholds = [best_threshold(truth[:, column], confidences[:, column]) for column in range(len(names))]
    vectoriser, coefficients, intercepts = _fit(readings, truth)
    return Model(
        version_of(
            [[example.title, example.text, sorted(example.topics)] for example in examples],
            [asdict(topic) for topic in topics],
            lexicon_tables(lexicon),
        ),
        tuple(topics),
        dict(zip(names, thresholds, strict=True)),
        measure(names, truth, confidences, confidences >= np.array(thresholds)),
        lexicon,
        vectoriser,
        Linear(coefficients, intercepts, slopes, offsets),
        reader,
    )


def _check_enough(names: Sequence[str], truth: Flags) -> None:
    for name, about in zip(names, truth.sum(axis=0).tolist(), strict=True):
        if min(about, len(truth) - about) < FEWEST_EXAMPLES:
            raise ClassifierError(
                f"{name}: {about} of {len(truth)} labelled stories are about it; at least {FEWEST_EXAMPLES} must be and"
                f" {FEWEST_EXAMPLES} must not: label more stories"
            )


def _fit(readings: Sequence[Reading], truth: Flags) -> tuple[Vectoriser, Floats, Floats]:
    vectoriser = Vectoriser.fit(readings, truth.shape[1])
    matrix = vectoriser.transform(readings).matrix
    fitted = [_regression().fit(matrix, about) for about in truth.T]
    # Single precision is plenty for weights, and halves the model's file.
    coefficients = np.vstack([regression.coef_ for regression in fitted]).astype(np.float32).T
    return vectoriser, np.ascontiguousarray(coefficients), np.concatenate([regression.intercept_ for regression in fitted])


def _regression() -> LogisticRegression:
    return LogisticRegression(C=10, class_weight="balanced", solver="liblinear", random_state=0)


def folds(label_sets: Iterable[frozenset[str]]) -> NDArray[np.int64]:
    """The fold of each story, such that stories with the same labels are spread evenly over all folds."""
    alike: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for row, labels in enumerate(label_sets):
        alike[tuple(sorted(labels))].append(row)
    dealt = [row for labels in sorted(alike) for row in alike[labels]]
    fold = np.empty(len(dealt), dtype=np.int64)
    fold[dealt] = np.arange(len(dealt)) % FOLDS
    return fold


def _held_out_scores(examples: Sequence[Example], readings: Sequence[Reading], truth: Flags) -> Floats:
    scores = np.empty(truth.shape)
    fold = folds(example.topics for example in examples)

    def score(number: int) -> None:
        rest, held_out = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        vectoriser, coefficients, intercepts = _fit([readings[row] for row in rest.tolist()], truth[rest])
        matrix = vectoriser.transform([readings[row] for row in held_out.tolist()]).matrix
        scores[held_out] = matrix @ coefficients + intercepts

    # liblinear lets go of the interpreter while it fits, so a second thread makes use of a second core.
    with ThreadPoolExecutor(max_workers=2) as pool:
        list(pool.map(score, range(FOLDS)))
    return scores


def _calibrate(scores: Floats, truth: Flags) -> tuple[Floats, Floats, Floats]:
    """Slopes and offsets that turn scores into probabilities (Platt), and the probabilities."""
    fitted = [LogisticRegression(C=1e6).fit(scores[:, [column]], truth[:, column]) for column in range(truth.shape[1])]
    slopes = np.array([regression.coef_[0, 0] for regression in fitted])
    offsets = np.array([regression.intercept_[0] for regression in fitted])
    return slopes, offsets, expit(scores * slopes + offsets)


def best_threshold(truth: Flags, confidence: Floats) -> float:
    """The confidence from which a topic is chosen: the middle of the thresholds that are as good as the best.

    F1 is smoothed over near-by thresholds so that a few stories do not decide it. Where it hardly changes, the middle is
    the safest place: stories in the field are less clear-cut than those that the model was made from. The limits keep a
    new model from swinging a feed.
    """
    margin = SMOOTHED_STEPS * STEP
    grid = np.arange(LOWEST_THRESHOLD - margin, HIGHEST_THRESHOLD + margin + STEP / 2, STEP)
    f1 = [f1_score(truth, confidence >= threshold, zero_division=0) for threshold in grid]
    width = 2 * SMOOTHED_STEPS + 1
    smooth = np.convolve(f1, np.full(width, 1 / width), mode="valid")
    good = np.flatnonzero(smooth >= smooth.max() - AS_GOOD)
    return round(float(LOWEST_THRESHOLD + STEP * np.median(good)), 2)
