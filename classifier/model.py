"""A trained model: judges stories and explains itself."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit

from classifier.explain import Weights, weights
from classifier.features import Floats, Vectoriser
from classifier.lessons import Lesson, lesson
from classifier.lexicon import Lexicon
from classifier.reading import Reader, Reading
from classifier.topics import Topic

BATCH = 256
MAX_EVIDENCE = 8
FEWEST_WORDS = 3
# English news has fewer than a third, another language three quarters or more.
MOST_UNKNOWN = 0.5
SECOND_THRESHOLD = 0.5


@dataclass(frozen=True)
class Judgement:
    """Whether a story is about ``topic``: ``confidence`` is the calibrated probability, ``chosen`` the decision.

    ``evidence`` holds the words and phrases of the story that spoke for the topic, with their weights, strongest first.
    """

    topic: str
    confidence: float
    chosen: bool
    evidence: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Prediction:
    """A judgement for each topic, in the order of the model's topics.

    ``note`` says why a text could not be judged, ``unknown`` is the share of its words that the model has never learned
    from, ``lesson`` how much a person's decision on it would teach the next model.
    """

    judgements: tuple[Judgement, ...]
    note: str | None
    unknown: float
    lesson: Lesson

    @property
    def topics(self) -> tuple[str, ...]:
        """The names of the chosen topics."""
        return tuple(judgement.topic for judgement in self.judgements if judgement.chosen)


@dataclass(frozen=True)
class Explanation:
    """All that made the raw ``score`` of a topic: ``intercept`` plus all ``weights``, strongest first of either sign."""

    topic: str
    score: float
    intercept: float
    weights: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Linear:
    """Raw scores are features x ``coefficients`` + ``intercepts``; confidences are the logistic of
    score x ``slopes`` + ``offsets``. There is one column per topic."""

    coefficients: Floats
    intercepts: Floats
    slopes: Floats
    offsets: Floats

    def scores(self, features: Any) -> Floats:
        """Raw scores of a matrix of features."""
        return np.asarray(features @ self.coefficients + self.intercepts)

    def confidences(self, scores: Floats) -> Floats:
        """Calibrated probabilities of raw scores (Platt)."""
        return np.asarray(expit(scores * self.slopes + self.offsets))


@dataclass(frozen=True)
class Model:
    """What ``train`` made. ``metrics`` are those of ``evaluate``, measured on stories that were held out in turn.

    ``linear`` decides; ``second`` is the opinion of a model that looks at the whole words alone, which tells by its
    disagreement which stories are doubtful.
    """

    version: str
    topics: tuple[Topic, ...]
    thresholds: dict[str, float]
    metrics: dict[str, Any]
    lexicon: Lexicon
    vectoriser: Vectoriser
    linear: Linear
    second: Linear
    reader: Reader

    def predict(self, stories: Sequence[tuple[str, str]]) -> list[Prediction]:
        """Judge stories, given as (title, text). Any text gets an answer; one that cannot be judged gets no topic and a note."""
        return [prediction for start in range(0, len(stories), BATCH) for prediction in self._predict_batch(stories[start : start + BATCH])]

    def explain(self, title: str, text: str) -> list[Explanation]:
        """For each topic everything that made its raw score; the weights and the intercept add up to it."""
        readings = [self.reader.read(title, text)]
        features = self.vectoriser.transform(readings)
        scores = self.linear.scores(features.matrix)
        (story,) = weights(self.vectoriser, self.linear.coefficients, readings, features)
        return [
            Explanation(
                topic.name,
                float(scores[0, column]),
                float(self.linear.intercepts[column]),
                tuple(_strongest(story, column, np.argsort(-np.abs(story.values[:, column]), kind="stable").tolist())),
            )
            for column, topic in enumerate(self.topics)
        ]

    def knows(self, word: str) -> bool:
        """Whether the model has learned from ``word``."""
        return all(seen in self.vectoriser.words for seen in self.reader.read("", word).counts)

    def _predict_batch(self, stories: Sequence[tuple[str, str]]) -> Iterator[Prediction]:
        readings = [self.reader.read(title, text) for title, text in stories]
        features = self.vectoriser.transform(readings)
        confidences = self.linear.confidences(self.linear.scores(features.matrix))
        seconds = self.second.confidences(self.second.scores(features.matrix[:, : len(self.vectoriser.words)]))
        told = weights(self.vectoriser, self.linear.coefficients, readings, features)
        for reading, story, confidence, second in zip(readings, told, confidences.tolist(), seconds.tolist(), strict=True):
            yield self._prediction(reading, story, confidence, second)

    def _prediction(self, reading: Reading, story: Weights, confidences: Sequence[float], seconds: Sequence[float]) -> Prediction:
        known = sum(word in self.vectoriser.words for word in reading.counts)
        note = _note(reading, known)
        unknown = 1 - known / len(reading.counts) if reading.counts else 0.0
        order = np.argsort(-story.values, axis=0, kind="stable")[:MAX_EVIDENCE]
        judgements = tuple(
            Judgement(
                topic.name,
                confidence,
                note is None and confidence >= self.thresholds[topic.name],
                tuple(entry for entry in _strongest(story, column, order[:, column].tolist()) if entry[1] > 0),
            )
            for column, (topic, confidence) in enumerate(zip(self.topics, confidences, strict=True))
        )
        taught = lesson(
            {judgement.topic: (judgement.confidence, self.thresholds[judgement.topic]) for judgement in judgements},
            {topic.name: (second, SECOND_THRESHOLD) for topic, second in zip(self.topics, seconds, strict=True)},
            unknown,
        )
        return Prediction(judgements, note, unknown, taught if note is None else Lesson(0.0, note))


def _note(reading: Reading, known: int) -> str | None:
    """Why a story cannot be judged, or None."""
    if not reading.length:
        return "there are no words in it"
    if reading.length < FEWEST_WORDS:
        return "it is too short to be judged"
    if known < MOST_UNKNOWN * len(reading.counts):
        return "it has too few words that the model knows; is it English?"
    return None


def _strongest(story: Weights, column: int, order: Sequence[int]) -> Iterator[tuple[str, float]]:
    return ((story.labels[row], float(story.values[row, column])) for row in order)
