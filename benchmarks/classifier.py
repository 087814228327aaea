"""How good and how fast the topic classifier is, beside a plain TF-IDF and logistic regression: prints tables.

Run it from the project's folder: ``python -m benchmarks.classifier``.
"""

import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline, make_pipeline

from classifier.evaluate import Flags, Floats, measure, truth_of
from classifier.examples import Example, load_examples
from classifier.lexicon import Lexicon, load_lexicon
from classifier.storage import from_bytes, to_bytes
from classifier.topics import Topic, load_topics
from classifier.train import FOLDS, folds, train

SEEDS = Path(__file__).parents[1] / "seeds"
DRAWS = 1000

Judged = tuple[Floats, Flags]


def plain_model() -> Pipeline:
    """What one would write in an afternoon."""
    return make_pipeline(
        TfidfVectorizer(stop_words="english"), OneVsRestClassifier(LogisticRegression(class_weight="balanced", max_iter=1000))
    )


def texts(examples: Sequence[Example]) -> list[str]:
    """Title and text in one, as the plain model reads them."""
    return [f"{example.title}\n{example.text}" for example in examples]


def judge(learned: Sequence[Example], held_out: Sequence[Example], topics: Sequence[Topic], lexicon: Lexicon) -> Judged:
    """Confidences and choices of a model of ours on stories that played no part in making it."""
    model = train(learned, topics, lexicon)
    judged = [prediction.judgements for prediction in model.predict([(example.title, example.text) for example in held_out])]
    return np.array([[j.confidence for j in row] for row in judged]), np.array([[j.chosen for j in row] for row in judged])


def judge_plainly(learned: Sequence[Example], held_out: Sequence[Example], names: Sequence[str]) -> Judged:
    """The same of the plain model, which chooses from one half on."""
    confidence = plain_model().fit(texts(learned), truth_of(learned, names)).predict_proba(texts(held_out))
    return confidence, confidence >= 0.5


def nested(examples: Sequence[Example], judging: Callable[[list[Example], list[Example]], Judged]) -> Judged:
    """Every story judged by a model that was trained, calibrated and tuned without it."""
    fold = folds(example.topics for example in examples)
    parts = []
    for number in range(FOLDS):
        learned = [example for example, own in zip(examples, fold, strict=True) if own != number]
        held_out = [example for example, own in zip(examples, fold, strict=True) if own == number]
        parts.append(judging(learned, held_out))
    order = np.argsort(np.argsort(fold, kind="stable"))
    return np.vstack([confidence for confidence, _ in parts])[order], np.vstack([chosen for _, chosen in parts])[order]


def interval(truth: Flags, chosen: Flags, columns: Sequence[int]) -> str:
    """The middle 95 % of the macro F1 when the stories are drawn again and again."""
    random = np.random.default_rng(0)
    draws: NDArray[np.int64] = random.integers(len(truth), size=(DRAWS, len(truth)))
    found = [np.mean([f1_score(truth[rows, column], chosen[rows, column], zero_division=0) for column in columns]) for rows in draws]
    low, high = np.percentile(found, [2.5, 97.5])
    return f"[{low:.3f}, {high:.3f}]"


def print_quality(names: Sequence[str], truth: Flags, ours: Judged, plain: Judged) -> None:
    """One row per topic and one for all."""
    measured, beside = measure(names, truth, *ours), measure(names, truth, *plain)
    print(f"Nested {FOLDS}-fold cross-validation, {len(truth)} stories")
    print(f"{'topic':14} {'F1':>6} {'95 %':16} {'avg.prec.':>9} {'Brier':>6} {'ECE':>6} | plain: F1 avg.prec. Brier   ECE")
    for column, name in enumerate(names):
        row, other = measured["per_topic"][name], beside["per_topic"][name]
        print(
            f"{name:14} {row['f1']:6.3f} {interval(truth, ours[1], [column]):16} {row['average_precision']:9.3f} {row['brier']:6.3f}"
            f" {row['ece']:6.3f} | {other['f1']:9.3f} {other['average_precision']:9.3f} {other['brier']:.3f} {other['ece']:5.3f}"
        )
    every = range(len(names))
    for label, figures, judged in (("ours", measured, ours), ("plain", beside, plain)):
        print(
            f"{label:6} macro F1 {figures['macro_f1']:.3f} {interval(truth, judged[1], every)},"
            f" micro {figures['micro_f1']:.3f}, all topics right {figures['exact_match']:.1%}"
        )


def timed(action: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of CPU, and the result."""
    start = time.process_time()
    result = action()
    return time.process_time() - start, result


def print_speed(examples: Sequence[Example], topics: Sequence[Topic], lexicon: Lexicon) -> None:
    """CPU time on one core."""
    names = [topic.name for topic in topics]
    stories, plain_stories = [(example.title, example.text) for example in examples], texts(examples)
    training, model = timed(lambda: train(examples, topics, lexicon))
    plain_training, plain = timed(lambda: plain_model().fit(plain_stories, truth_of(examples, names)))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "0001.model"
        saving, _ = timed(lambda: path.write_bytes(to_bytes(model)))
        loading, loaded = timed(lambda: from_bytes(path.read_bytes(), str(path)))
        size = path.stat().st_size
    first, _ = timed(lambda: loaded.predict(stories))
    batch, _ = timed(lambda: loaded.predict(stories))
    plain_batch, _ = timed(lambda: plain.predict_proba(plain_stories))
    single, _ = timed(lambda: [loaded.predict([story]) for story in stories[:200]])
    plain_single, _ = timed(lambda: [plain.predict_proba([text]) for text in plain_stories[:200]])
    print(f"\n{'CPU, one core':44} {'ours':>10} {'plain':>10} {'ratio':>6}")
    for label, own, other in (
        ("training with calibration (plain: without), s", training, plain_training),
        ("one story with evidence (plain: without), ms", single * 5, plain_single * 5),
        ("stories a second in a batch", len(stories) / batch, len(stories) / plain_batch),
    ):
        print(f"{label:44} {own:10.2f} {other:10.2f} {own / other:6.2f}")
    print(f"stories a second in the first batch {len(stories) / first:.0f}")
    print(f"file {size / 1000:.0f} kB, saving {saving:.2f} s, loading {loading:.3f} s")


def main() -> None:
    """Measure and print."""
    topics = load_topics(SEEDS / "topics.toml")
    names = [topic.name for topic in topics]
    examples, lexicon = load_examples(SEEDS / "stories.jsonl", names), load_lexicon(SEEDS / "lexicon.toml")
    ours = nested(examples, lambda learned, held_out: judge(learned, held_out, topics, lexicon))
    plain = nested(examples, lambda learned, held_out: judge_plainly(learned, held_out, names))
    print_quality(names, truth_of(examples, names), ours, plain)
    print_speed(examples, topics, lexicon)


if __name__ == "__main__":
    main()
