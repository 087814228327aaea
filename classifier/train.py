"""Making a model from labelled stories."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

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
from classifier.model import Linear, Model
from classifier.reading import Reader, Reading
from classifier.storage import version_of
from classifier.topics import Topic

FOLDS = 5
FEWEST_EXAMPLES = 10
# How many stories have no topic, one, two and so on among 1,006 that were drawn from public news of 2008 to 2026. The labelled
# ones have several topics more often, so that those can be learned.
TOPICS_PER_STORY = (0.25, 0.61, 0.13, 0.01)
# Each story is learned from twice, whole and by its title alone, so that a bare headline is judged as one. The title counts
# for little: it does not always tell all that the story is about.
TITLE_ONLY_WEIGHT = 0.03
# A person saw that the model was wrong, or unsure, on just this story: it counts for several of the labelled ones.
CORRECTION_WEIGHT = 3.0
LOWEST_THRESHOLD, HIGHEST_THRESHOLD, STEP = 0.25, 0.60, 0.01
SMOOTHED_STEPS = 6
AS_GOOD = 0.005


def train(examples: Sequence[Example], topics: Sequence[Topic], lexicon: Lexicon) -> Model:
    """Make a model; the same input always makes the same one.

    Its confidences, thresholds and metrics come from fully labelled stories that were held out in turn; corrections, which
    people make where a model is weak and on single topics, teach but do not measure. Raises ClassifierError if a topic
    has too few examples, or too few stories are not about it.
    """
    names = [topic.name for topic in topics]
    examples = sorted(examples, key=lambda example: example.decided is not None)
    lessons = _Lessons.of(examples, names, Reader(lexicon, names))
    labelled = sum(example.decided is None for example in examples)
    truth = lessons.truth[:labelled]
    _check_enough(names, truth)
    scores, second_scores = _held_out_scores(examples[:labelled], lessons)
    mix = as_in_the_news(truth)
    slopes, offsets, confidences = _calibrate(scores, truth, mix)
    second_slopes, second_offsets, _ = _calibrate(second_scores, truth, mix)
    thresholds = [best_threshold(truth[:, column], confidences[:, column], mix) for column in range(len(names))]
    fitted = _fit(lessons)
    return Model(
        version_for(examples, topics, lexicon),
        tuple(topics),
        dict(zip(names, thresholds, strict=True)),
        measure(names, truth, confidences, confidences >= np.array(thresholds)),
        lexicon,
        fitted.vectoriser,
        Linear(*fitted.first, slopes, offsets),
        Linear(*fitted.second, second_slopes, second_offsets),
        Reader(lexicon, names),
    )


def version_for(examples: Sequence[Example], topics: Sequence[Topic], lexicon: Lexicon) -> str:
    """The version of the model that ``train`` would make."""
    rows = [[each.title, each.text, sorted(each.topics), None if each.decided is None else sorted(each.decided)] for each in examples]
    return version_of(rows, [asdict(topic) for topic in topics], lexicon_tables(lexicon))


@dataclass(frozen=True)
class _Lessons:
    """Stories to learn from, read whole and by their ``titles``; ``truth`` and ``weight`` have a row per story, a column per
    topic. A weight of 0 says that nobody decided on the topic."""

    readings: Sequence[Reading]
    titles: Sequence[Reading]
    truth: Flags
    weight: Floats

    @classmethod
    def of(cls, examples: Sequence[Example], names: Sequence[str], reader: Reader) -> "_Lessons":
        readings = [reader.read(example.title, example.text) for example in examples]
        weight = [[_weight(example, name) for name in names] for example in examples]
        shape = (len(examples), len(names))
        titles = [reader.read(example.title, "") for example in examples]
        return cls(readings, titles, truth_of(examples, names).reshape(shape), np.array(weight).reshape(shape))

    def some(self, rows: NDArray[np.int64]) -> "_Lessons":
        readings, titles = ([each[row] for row in rows.tolist()] for each in (self.readings, self.titles))
        return _Lessons(readings, titles, self.truth[rows], self.weight[rows])


def _weight(example: Example, name: str) -> float:
    if example.decided is None:
        return 1.0
    return CORRECTION_WEIGHT if name in example.decided else 0.0


def _check_enough(names: Sequence[str], truth: Flags) -> None:
    for name, about in zip(names, truth.sum(axis=0).tolist(), strict=True):
        if min(about, len(truth) - about) < FEWEST_EXAMPLES:
            raise ClassifierError(
                f"{name}: {about} of {len(truth)} labelled stories are about it; at least {FEWEST_EXAMPLES} must be and"
                f" {FEWEST_EXAMPLES} must not: label more stories"
            )


@dataclass(frozen=True)
class _Fitted:
    """Coefficients and intercepts over all features, and those of the second opinion over the words alone."""

    vectoriser: Vectoriser
    first: tuple[Floats, Floats]
    second: tuple[Floats, Floats]


def _fit(lessons: _Lessons) -> _Fitted:
    readings = [*lessons.readings, *lessons.titles]
    truth, weight = np.vstack([lessons.truth] * 2), np.vstack([lessons.weight, lessons.weight * TITLE_ONLY_WEIGHT])
    vectoriser = Vectoriser.fit(lessons.readings, truth.shape[1])
    matrix = vectoriser.transform(readings).matrix
    words = matrix[:, : len(vectoriser.words)]
    return _Fitted(vectoriser, _weigh(matrix, truth, weight), _weigh(words, truth, weight))


def _weigh(matrix: Any, truth: Flags, weight: Floats) -> tuple[Floats, Floats]:
    fitted = [
        LogisticRegression(C=10, class_weight="balanced", solver="liblinear", random_state=0).fit(matrix, about, sample_weight=counts)
        for about, counts in zip(truth.T, weight.T, strict=True)
    ]
    # Single precision is plenty for weights, and halves the model's file.
    coefficients = np.vstack([regression.coef_ for regression in fitted]).astype(np.float32).T
    return np.ascontiguousarray(coefficients), np.concatenate([regression.intercept_ for regression in fitted])


def folds(label_sets: Iterable[frozenset[str]]) -> NDArray[np.int64]:
    """The fold of each story, such that stories with the same labels are spread evenly over all folds."""
    alike: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for row, labels in enumerate(label_sets):
        alike[tuple(sorted(labels))].append(row)
    dealt = [row for labels in sorted(alike) for row in alike[labels]]
    fold = np.empty(len(dealt), dtype=np.int64)
    fold[dealt] = np.arange(len(dealt)) % FOLDS
    return fold


def _held_out_scores(labelled: Sequence[Example], lessons: _Lessons) -> tuple[Floats, Floats]:
    """Raw scores of both opinions for each labelled story, by models that learned from the other folds and all corrections."""
    first, second = np.empty((len(labelled), lessons.truth.shape[1])), np.empty((len(labelled), lessons.truth.shape[1]))
    # Corrections lie after the labelled stories; in no fold, they are never held out.
    fold = np.full(len(lessons.readings), -1)
    fold[: len(labelled)] = folds(example.topics for example in labelled)

    def score(number: int) -> None:
        held_out = np.flatnonzero(fold == number)
        fitted = _fit(lessons.some(np.flatnonzero(fold != number)))
        matrix = fitted.vectoriser.transform([lessons.readings[row] for row in held_out.tolist()]).matrix
        first[held_out] = matrix @ fitted.first[0] + fitted.first[1]
        second[held_out] = matrix[:, : len(fitted.vectoriser.words)] @ fitted.second[0] + fitted.second[1]

    # liblinear lets go of the interpreter while it fits, so a second thread makes use of a second core.
    with ThreadPoolExecutor(max_workers=2) as pool:
        list(pool.map(score, range(FOLDS)))
    return first, second


def as_in_the_news(truth: Flags) -> Floats:
    """The weight of each story that makes stories with so many topics as frequent as they are in the news."""
    number = np.minimum(truth.sum(axis=1), len(TOPICS_PER_STORY) - 1)
    here = np.bincount(number, minlength=len(TOPICS_PER_STORY)) / len(number)
    return np.asarray(np.array(TOPICS_PER_STORY)[number] / here[number])


def _calibrate(scores: Floats, truth: Flags, mix: Floats) -> tuple[Floats, Floats, Floats]:
    """Slopes and offsets that turn scores into probabilities (Platt), and the probabilities."""
    columns = range(truth.shape[1])
    fitted = [LogisticRegression(C=1e6).fit(scores[:, [column]], truth[:, column], sample_weight=mix) for column in columns]
    slopes = np.array([regression.coef_[0, 0] for regression in fitted])
    offsets = np.array([regression.intercept_[0] for regression in fitted])
    return slopes, offsets, expit(scores * slopes + offsets)


def best_threshold(truth: Flags, confidence: Floats, weight: Floats) -> float:
    """The confidence from which a topic is chosen: the middle of the thresholds that are as good as the best.

    F1 is smoothed over near-by thresholds so that a few stories do not decide it. Where it hardly changes, the middle is
    the safest place: stories in the field are less clear-cut than those that the model was made from. The limits keep a
    new model from swinging a feed.
    """
    margin = SMOOTHED_STEPS * STEP
    grid = np.arange(LOWEST_THRESHOLD - margin, HIGHEST_THRESHOLD + margin + STEP / 2, STEP)
    f1 = [f1_score(truth, confidence >= threshold, sample_weight=weight, zero_division=0) for threshold in grid]
    width = 2 * SMOOTHED_STEPS + 1
    smooth = np.convolve(f1, np.full(width, 1 / width), mode="valid")
    good = np.flatnonzero(smooth >= smooth.max() - AS_GOOD)
    return round(float(LOWEST_THRESHOLD + STEP * np.median(good)), 2)
