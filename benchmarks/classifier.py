"""How good and how fast the topic classifier is, beside a plain TF-IDF and logistic regression: prints tables.

Run it from the project's folder: ``python -m benchmarks.classifier``.
"""

import os
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline, make_pipeline

from classifier.evaluate import Flags, Floats, measure, truth_of
from classifier.examples import Example, load_examples
from classifier.lexicon import Lexicon, load_lexicon
from classifier.storage import from_bytes, to_bytes
from classifier.topics import Topic, load_topics
from classifier.train import FOLDS, TITLE_ONLY_WEIGHT, folds, train

SEEDS = Path(__file__).parents[1] / "seeds"
DRAWS = 1000
PRECISION_DRAWS = 200

LEARNING_SHARES = (0.0625, 0.125, 0.25, 0.5, 1.0)

Judged = tuple[Floats, Flags]
Judging = Callable[[Sequence[Example], Sequence[Example]], Judged]


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


def nested(examples: Sequence[Example], judging: Judging) -> Judged:
    """Every story judged by a model that was trained, calibrated and tuned without it."""
    fold = folds(example.topics for example in examples)
    parts = []
    for number in range(FOLDS):
        learned = [example for example, own in zip(examples, fold, strict=True) if own != number]
        held_out = [example for example, own in zip(examples, fold, strict=True) if own == number]
        parts.append(judging(learned, held_out))
    order = np.argsort(np.argsort(fold, kind="stable"))
    return np.vstack([confidence for confidence, _ in parts])[order], np.vstack([chosen for _, chosen in parts])[order]


def macro_f1(truth: Flags, chosen: Flags) -> float:
    """The mean F1 of the topics; a topic without right or wrong choices counts 0."""
    right = (truth & chosen).sum(axis=0)
    return float(np.mean(2 * right / np.maximum(truth.sum(axis=0) + chosen.sum(axis=0), 1)))


def drawn(truth: Flags) -> NDArray[np.int64]:
    """Many draws of as many stories, with replacement: each as likely a corpus as ours."""
    return np.random.default_rng(0).integers(len(truth), size=(DRAWS, len(truth)))


def interval(found: Sequence[float], places: int = 3) -> str:
    """The middle 95 % of what was found."""
    low, high = np.percentile(found, [2.5, 97.5])
    return f"[{low:.{places}f}, {high:.{places}f}]"


def print_quality(names: Sequence[str], truth: Flags, ours: Judged, plain: Judged) -> None:
    """One row per topic and one for all."""
    measured, beside = measure(names, truth, *ours), measure(names, truth, *plain)
    draws = drawn(truth)
    print(f"Nested {FOLDS}-fold cross-validation, {len(truth)} stories")
    print(f"{'topic':14} {'F1':>6} {'95 %':16} {'avg.prec.':>9} {'Brier':>6} {'ECE':>6} | plain: F1 avg.prec. Brier   ECE")
    for column, name in enumerate(names):
        row, other = measured["per_topic"][name], beside["per_topic"][name]
        only = slice(column, column + 1)
        spread = interval([macro_f1(truth[rows, only], ours[1][rows, only]) for rows in draws])
        print(
            f"{name:14} {row['f1']:6.3f} {spread:16} {row['average_precision']:9.3f} {row['brier']:6.3f}"
            f" {row['ece']:6.3f} | {other['f1']:9.3f} {other['average_precision']:9.3f} {other['brier']:.3f} {other['ece']:5.3f}"
        )
    for label, figures, judged in (("ours", measured, ours), ("plain", beside, plain)):
        print(
            f"{label:6} macro F1 {figures['macro_f1']:.3f} {interval([macro_f1(truth[rows], judged[1][rows]) for rows in draws])},"
            f" micro {figures['micro_f1']:.3f}, all topics right {figures['exact_match']:.1%},"
            f" stories of no topic with a false one {false_tags(truth, judged[1]):.1%}"
        )


def false_tags(truth: Flags, chosen: Flags) -> float:
    """The share of the stories of no topic that were given one."""
    return float(chosen[~truth.any(axis=1)].any(axis=1).mean())


def print_headlines(examples: Sequence[Example], names: Sequence[str], judging: Judging) -> None:
    """How the model does when it sees nothing but titles of stories whose topics were given to the whole."""
    truth = truth_of(examples, names)
    for label, weight in (("titles alone", TITLE_ONLY_WEIGHT), ("and when they were not learned from", 0.0)):
        with patch("classifier.train.TITLE_ONLY_WEIGHT", weight):
            bare = nested(examples, lambda learned, held_out: judging(learned, [replace(example, text="") for example in held_out]))
        spread = interval([macro_f1(truth[rows], bare[1][rows]) for rows in drawn(truth)])
        print(f"{label}: macro F1 {macro_f1(truth, bare[1]):.3f} {spread}")


def print_learning_curve(examples: Sequence[Example], names: Sequence[str], judging: Judging) -> None:
    """What more stories bring: learned from ever more of the same four fifths, measured on the same last fifth of each fold."""
    print(f"\n{'learned from':>12} {'macro F1':>9} {'avg.prec.':>9}")
    for share in LEARNING_SHARES:
        learn = partial(judge_from_some, share=share, judging=judging)
        confidence, chosen = nested(examples, learn)
        figures = measure(names, truth_of(examples, names), confidence, chosen)
        precision = np.mean([row["average_precision"] for row in figures["per_topic"].values()])
        print(f"{round(share * len(examples) * (FOLDS - 1) / FOLDS):12} {figures['macro_f1']:9.3f} {precision:9.3f}")


def judge_from_some(learned: Sequence[Example], held_out: Sequence[Example], share: float, judging: Judging) -> Judged:
    """The same from a part of the stories, drawn evenly over what the folds were dealt by."""
    rows = np.random.default_rng(0).permutation(len(learned))[: round(share * len(learned))]
    return judging([learned[row] for row in sorted(rows.tolist())], held_out)


def mean_precision(truth: Flags, confidence: Floats) -> float:
    """The mean average precision of the topics: how well stories are ranked, whatever the thresholds."""
    return float(np.mean([average_precision_score(truth[:, column], confidence[:, column]) for column in range(truth.shape[1])]))


def print_ablation(examples: Sequence[Example], topics: Sequence[Topic], lexicon: Lexicon, full: Judged) -> None:
    """What each part of the features brings: the model without it, and the paired differences.

    Average precision tells small differences better than F1, which hangs on where the thresholds happen to lie.
    """
    names = [topic.name for topic in topics]
    truth = truth_of(examples, names)
    draws = drawn(truth)
    bare: dict[str, tuple[Lexicon, dict[str, float]]] = {
        "whole words": (lexicon, {"classifier.features.WORD_WEIGHT": 0.0}),
        "pieces of words": (lexicon, {"classifier.features.PIECE_WEIGHT": 0.0}),
        "lexicon phrases": (Lexicon({}), {}),
        "title counted twice": (lexicon, {"classifier.reading.TITLE_WEIGHT": 1}),
        "lead counted twice": (lexicon, {"classifier.reading.LEAD_WEIGHT": 1}),
    }
    print(f"\n{'without':22} {'macro F1':>9} {'loss':>7} {'95 %':16} {'avg.prec.':>9} {'loss':>8} {'95 %':18}")
    for name, (without, constants) in bare.items():
        with ExitStack() as changed:
            for place, value in constants.items():
                changed.enter_context(patch(place, value))
            confidence, chosen = nested(examples, partial(judge, topics=topics, lexicon=without))
        f1_losses = [macro_f1(truth[rows], full[1][rows]) - macro_f1(truth[rows], chosen[rows]) for rows in draws]
        losses = [
            mean_precision(truth[rows], full[0][rows]) - mean_precision(truth[rows], confidence[rows]) for rows in draws[:PRECISION_DRAWS]
        ]
        f1, precision = macro_f1(truth, chosen), mean_precision(truth, confidence)
        print(
            f"{name:22} {f1:9.3f} {macro_f1(truth, full[1]) - f1:7.3f} {interval(f1_losses):16}"
            f" {precision:9.4f} {mean_precision(truth, full[0]) - precision:8.4f} {interval(losses, 4):18}"
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
    judging = partial(judge, topics=topics, lexicon=lexicon)
    ours = nested(examples, judging)
    plain = nested(examples, lambda learned, held_out: judge_plainly(learned, held_out, names))
    print_quality(names, truth_of(examples, names), ours, plain)
    print_headlines(examples, names, judging)
    print_speed(examples, topics, lexicon)
    print_learning_curve(examples, names, judging)
    print_ablation(examples, topics, lexicon, ours)


if __name__ == "__main__":
    main()
