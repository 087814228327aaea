"""How good the model is that learns from all stories, and how that is measured."""

from pathlib import Path

import numpy as np
import pytest

from classifier.errors import ClassifierError
from classifier.evaluate import calibration_error, evaluate, measure
from classifier.examples import Example, load_examples
from classifier.lexicon import load_lexicon
from classifier.model import Model
from classifier.report import table
from classifier.topics import load_topics
from classifier.train import train

SEEDS = Path(__file__).parents[1] / "seeds"
SAMPLES = Path(__file__).parents[2] / "shared" / "seeds"
TAIL = "Have you registered with us yet?"
SAMPLE_LABELS = {
    "000": {"Deficit deterioration": "finance", "County-wide CCG shake-up?": "commissioning"},
    "001": {
        "Trusts will miss deficit target": "finance",
        "NHS’s top chief executives 2017": "workforce",
        "CCG shake-ups revealed": "commissioning",
        "Trusts chosen for new Carter review": "finance",
        "Sir Robert Francis: NHS facing ‘existential crisis’": "",
    },
    "002": {
        "Trusts almost on track with financial plans": "finance",
        "Deadlines for STP leaders confirmed": "commissioning",
        "Data sharing platform revealed": "data",
        "Raised eyebrows over Bath contract": "commissioning",
        "New concerns at Stafford": "workforce",
        "CSU redundancy bill revealed": "workforce finance commissioning",
        "Oxfordshire CCG goes again": "commissioning",
        "Four trusts given power to lead": "",
    },
    "003": {"A three pronged plan": "finance", "A permanent temporary problem": "workforce commissioning finance"},
    "004": {"Quarter of CCGs set to miss 1% surplus target": "finance commissioning"},
}


@pytest.fixture(scope="module")
def model() -> Model:
    topics = load_topics(SEEDS / "topics.toml")
    names = [topic.name for topic in topics]
    return train(load_examples(SEEDS / "stories.jsonl", names), topics, load_lexicon(SEEDS / "lexicon.toml"))


def sample_stories() -> list[Example]:
    """The stories of the real newsletters beside the project, cut at their headings, as people labelled them."""
    examples = []
    for number, labels in SAMPLE_LABELS.items():
        (path,) = SAMPLES.glob(f"{number}_*.txt")
        lines = [line.strip() for line in path.read_text(encoding="utf-8").split(TAIL)[0].splitlines()]
        starts = [lines.index(heading) for heading in labels]
        for (heading, topics), start, end in zip(labels.items(), starts, [*starts[1:], len(lines)], strict=True):
            examples.append(Example(heading, "\n".join(lines[start + 1 : end]), frozenset(topics.split()), f"{number}: {heading}"))
    return examples


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the real newsletters are not on this machine")
def test_real_newsletter_stories_get_the_topics_that_people_gave_them(model: Model) -> None:
    measured = evaluate(model, sample_stories())
    assert round(measured["exact_match"] * measured["n"]) >= 17
    assert measured["macro_f1"] >= 0.95


def test_held_out_stories_are_judged_well_in_every_topic(model: Model) -> None:
    assert model.metrics["macro_f1"] >= 0.93
    assert all(figures["f1"] >= 0.9 and figures["ece"] <= 0.05 for figures in model.metrics["per_topic"].values())


def test_figures_agree_with_a_count_by_hand() -> None:
    truth = np.array([[1, 0], [1, 0], [0, 1], [0, 1]], dtype=bool)
    chosen = np.array([[1, 0], [0, 0], [1, 1], [0, 1]], dtype=bool)
    confidence = np.array([[0.9, 0.1], [0.2, 0.1], [0.6, 0.9], [0.1, 0.9]])
    measured = measure(["a", "b"], truth, confidence, chosen)
    first = measured["per_topic"]["a"]
    assert (first["precision"], first["recall"], first["f1"]) == (0.5, 0.5, 0.5)
    assert first["brier"] == pytest.approx((0.01 + 0.64 + 0.36 + 0.01) / 4)
    assert first["average_precision"] == pytest.approx((1 + 2 / 3) / 2)
    assert measured["per_topic"]["b"]["f1"] == 1
    assert measured["macro_f1"] == 0.75
    assert measured["micro_f1"] == pytest.approx(2 * 3 / (2 * 3 + 1 + 1))
    assert measured["exact_match"] == 0.5
    assert measured["n"] == 4


def test_a_single_topic_is_measured_by_the_stories_that_are_about_it() -> None:
    truth = np.array([[True], [False], [False], [False]])
    chosen = np.array([[True], [True], [False], [False]])
    measured = measure(["a"], truth, chosen * 1.0, chosen)
    assert measured["per_topic"]["a"]["precision"] == 0.5
    assert measured["macro_f1"] == measured["micro_f1"] == pytest.approx(2 / 3)


def test_calibration_error_by_hand() -> None:
    truth = np.array([True, False, True, True])
    assert calibration_error(truth, np.array([0.25, 0.25, 1.0, 1.0])) == pytest.approx(0.5 * 0.25)


def test_a_topic_without_examples_is_measured_without_fuss() -> None:
    nothing = np.zeros((3, 1), dtype=bool)
    assert measure(["a"], nothing, np.zeros((3, 1)), nothing)["per_topic"]["a"]["average_precision"] == 0


def test_measuring_on_nothing_is_told(model: Model) -> None:
    with pytest.raises(ClassifierError, match="no labelled stories"):
        evaluate(model, [])


def test_the_table_for_people_shows_figures_and_thresholds(model: Model) -> None:
    shown = table(model.thresholds, model.metrics)
    for topic in model.topics:
        assert topic.name in shown and f"{model.thresholds[topic.name]:.2f}" in shown
    assert f"macro F1 {model.metrics['macro_f1']:.3f}" in shown
