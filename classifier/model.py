"""A trained model: judges stories, explains itself, is stored in one file."""

import hashlib
import json
import os
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import sklearn
import skops.io
from scipy.special import expit

from classifier.errors import ClassifierError
from classifier.explain import Weights, weights
from classifier.features import Features, Floats, Vectoriser
from classifier.lexicon import Lexicon, lexicon_from, lexicon_tables
from classifier.reading import Reader, Reading
from classifier.topics import Topic

BATCH = 256
MAX_EVIDENCE = 8
FEWEST_KNOWN_WORDS = 5
CODE = ("text.py", "lexicon.py", "reading.py", "features.py", "train.py", "model.py")


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
    """A judgement for each topic, in the order of the model's topics."""

    judgements: tuple[Judgement, ...]

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


@dataclass(frozen=True)
class Model:
    """What ``train`` made. ``metrics`` are those of ``evaluate``, measured on stories that were held out in turn."""

    version: str
    topics: tuple[Topic, ...]
    thresholds: dict[str, float]
    metrics: dict[str, Any]
    lexicon: Lexicon
    vectoriser: Vectoriser
    linear: Linear
    reader: Reader

    def predict(self, stories: Sequence[tuple[str, str]]) -> list[Prediction]:
        """Judge stories, given as (title, text). Any text gets an answer; one with hardly a known word gets no topic."""
        return [prediction for start in range(0, len(stories), BATCH) for prediction in self._predict_batch(stories[start : start + BATCH])]

    def explain(self, title: str, text: str) -> list[Explanation]:
        """For each topic everything that made its raw score; the weights and the intercept add up to it."""
        readings, features, scores = self._score([(title, text)])
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

    def _predict_batch(self, stories: Sequence[tuple[str, str]]) -> Iterator[Prediction]:
        readings, features, scores = self._score(stories)
        confidences = expit(scores * self.linear.slopes + self.linear.offsets)
        told = weights(self.vectoriser, self.linear.coefficients, readings, features)
        for reading, story, confidence in zip(readings, told, confidences, strict=True):
            yield self._prediction(confidence.tolist(), self._says_enough(reading), story)

    def _score(self, stories: Sequence[tuple[str, str]]) -> tuple[list[Reading], Features, Floats]:
        readings = [self.reader.read(title, text) for title, text in stories]
        features = self.vectoriser.transform(readings)
        return readings, features, features.matrix @ self.linear.coefficients + self.linear.intercepts

    def _says_enough(self, reading: Reading) -> bool:
        known = sum(word in self.vectoriser.words for word in reading.counts)
        return bool(reading.hits) or known >= FEWEST_KNOWN_WORDS

    def _prediction(self, confidences: Sequence[float], enough: bool, story: Weights) -> Prediction:
        order = np.argsort(-story.values, axis=0, kind="stable")[:MAX_EVIDENCE]
        return Prediction(
            tuple(
                Judgement(
                    topic.name,
                    confidence,
                    enough and confidence >= self.thresholds[topic.name],
                    tuple(entry for entry in _strongest(story, column, order[:, column].tolist()) if entry[1] > 0),
                )
                for column, (topic, confidence) in enumerate(zip(self.topics, confidences, strict=True))
            )
        )

    def save(self, path: Path) -> None:
        """Write the model to ``path``: whole or, if that fails, not at all. Raises ClassifierError if it cannot."""
        try:
            descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
            os.close(descriptor)
            try:
                skops.io.dump(_stored(self), name, compression=zipfile.ZIP_DEFLATED)
                Path(name).replace(path)
            except BaseException:
                Path(name).unlink()
                raise
        except OSError as error:
            raise ClassifierError(f"cannot write {path}: {error.strerror}; check the folder and its permissions") from error

    @classmethod
    def load(cls, path: Path) -> "Model":
        """Read a model that ``save`` wrote.

        Raises ClassifierError if the file is missing, damaged, or of another version of this code or scikit-learn.
        """
        if not path.is_file():
            raise ClassifierError(f"there is no model at {path}; train one")
        try:
            stored = skops.io.load(path)
            about = json.loads(stored["about"])
            made_by = about["made_by"]
        except Exception as error:  # a damaged file may fail in any way inside zip, JSON or skops
            raise ClassifierError(f"{path} is damaged or no model; train it again") from error
        if made_by != _maker():
            raise ClassifierError(f"{path} was made by another version of the classifier or scikit-learn; train it again")
        return _restored(about, stored)


def _strongest(story: Weights, column: int, order: Sequence[int]) -> Iterator[tuple[str, float]]:
    return ((story.labels[row], float(story.values[row, column])) for row in order)


@cache
def _maker() -> dict[str, str]:
    here = Path(__file__).parent
    code = hashlib.sha256(b"".join((here / name).read_bytes() for name in CODE)).hexdigest()
    return {"code": code, "scikit-learn": sklearn.__version__, "numpy": np.__version__}


def version_of(*parts: Any) -> str:
    """A short name for a model made from ``parts`` (plain data) by this code and these libraries."""
    made_from = json.dumps([_maker(), *parts], sort_keys=True)
    return hashlib.sha256(made_from.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def _stored(model: Model) -> Mapping[str, Any]:
    about = {
        "made_by": _maker(),
        "version": model.version,
        "topics": [asdict(topic) for topic in model.topics],
        "thresholds": model.thresholds,
        "metrics": model.metrics,
        "lexicon": lexicon_tables(model.lexicon),
        "words": list(model.vectoriser.words),
        "pieces": list(model.vectoriser.pieces),
    }
    return {
        "about": json.dumps(about),
        "word_tfidf": model.vectoriser.word_tfidf,
        "piece_tfidf": model.vectoriser.piece_tfidf,
        **asdict(model.linear),
    }


def _restored(about: Mapping[str, Any], stored: Mapping[str, Any]) -> Model:
    topics = tuple(Topic(**topic) for topic in about["topics"])
    lexicon = lexicon_from(about["lexicon"])
    return Model(
        about["version"],
        topics,
        about["thresholds"],
        about["metrics"],
        lexicon,
        Vectoriser(
            {word: column for column, word in enumerate(about["words"])},
            {piece: column for column, piece in enumerate(about["pieces"])},
            stored["word_tfidf"],
            stored["piece_tfidf"],
            len(topics),
        ),
        Linear(*(stored[name] for name in ("coefficients", "intercepts", "slopes", "offsets"))),
        Reader(lexicon, [topic.name for topic in topics]),
    )
