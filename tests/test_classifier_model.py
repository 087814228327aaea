"""Training, judging, explaining and storing; the model here learns from a few hundred stories to be quick."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifier.errors import ClassifierError
from classifier.examples import Example, load_examples
from classifier.lexicon import Lexicon, load_lexicon
from classifier.model import Model
from classifier.topics import Topic, load_topics
from classifier.train import TOPICS_PER_STORY, as_in_the_news, best_threshold, folds, train

SEEDS = Path(__file__).parents[1] / "seeds"
TOPICS = load_topics(SEEDS / "topics.toml")
NAMES = [topic.name for topic in TOPICS]
LEXICON = load_lexicon(SEEDS / "lexicon.toml")
EXAMPLES = load_examples(SEEDS / "stories.jsonl", NAMES)
LEARNED = EXAMPLES[::8]
STORY = (
    "CCG to axe 40 jobs",
    "Harrowdene Clinical Commissioning Group will cut 40 posts. Its deficit has reached £12m and the clinical"
    " commissioning group must save £5m this year, its finance director told the governing body.",
)


@pytest.fixture(scope="module")
def model() -> Model:
    return train(LEARNED, TOPICS, LEXICON)


def test_a_story_gets_its_topics_with_evidence_from_its_own_words(model: Model) -> None:
    (prediction,) = model.predict([STORY])
    assert set(prediction.topics) == {"finance", "commissioning", "workforce"}
    whole = " ".join(STORY).lower()
    for judgement in prediction.judgements:
        weights = [weight for _, weight in judgement.evidence]
        assert weights == sorted(weights, reverse=True)
        assert len(weights) <= 8 and all(weight > 0 for weight in weights)
        assert all(label.lower() in whole for label, _ in judgement.evidence)
        labels = [label.lower() for label, _ in judgement.evidence]
        assert len(labels) == len(set(labels))
    evidence = {judgement.topic: [label for label, _ in judgement.evidence] for judgement in prediction.judgements}
    assert "deficit" in evidence["finance"]
    assert "CCG" in evidence["commissioning"]


def test_weights_and_intercept_add_up_to_the_score(model: Model) -> None:
    for title, text in [STORY, ("", ""), (EXAMPLES[1].title, EXAMPLES[1].text)]:
        explanations = model.explain(title, text)
        assert [explanation.topic for explanation in explanations] == NAMES
        for explanation in explanations:
            total = sum(weight for _, weight in explanation.weights) + explanation.intercept
            assert total == pytest.approx(explanation.score, abs=1e-6)


def test_the_score_is_what_the_confidence_comes_from(model: Model) -> None:
    (prediction,) = model.predict([STORY])
    ranked = sorted(zip(model.explain(*STORY), prediction.judgements, strict=True), key=lambda pair: pair[0].topic)
    for explanation, judgement in ranked:
        assert judgement.chosen == (judgement.confidence >= model.thresholds[explanation.topic])
        assert (explanation.score > 2) <= (judgement.confidence > 0.5)


def test_a_batch_is_judged_like_its_stories_one_by_one(model: Model) -> None:
    stories = [(example.title, example.text) for example in EXAMPLES[:300]]
    together = model.predict(stories)
    for number in (0, 150, 299):
        (alone,) = model.predict([stories[number]])
        assert alone.topics == together[number].topics
        for one, other in zip(alone.judgements, together[number].judgements, strict=True):
            assert one.confidence == pytest.approx(other.confidence)
            assert dict(one.evidence) == pytest.approx(dict(other.evidence))
    assert model.predict([]) == []


@pytest.mark.parametrize(
    "story",
    [
        ("", ""),
        ("\x00\x1b\ufffe\ud800", "\x07" * 50),
        ("Xyzzy plugh", "qwrtp"),
        ("医疗新闻", "卫生部今天宣布新的政策。" * 20),
        ("\uff9e", "\uff9e \uff9e"),
        ("…", "!!! ??? £ % &"),
    ],
)
def test_text_that_says_nothing_gets_no_topic(model: Model, story: tuple[str, str]) -> None:
    assert model.predict([story])[0].topics == ()


def test_of_an_endless_text_only_the_beginning_is_looked_at(model: Model) -> None:
    long = model.predict([("Deficit", "x " * 10_000 + "nurses strike over pay " * 50_000)])[0]
    assert long == model.predict([("Deficit", "x " * 10_000)])[0]


@settings(max_examples=50, deadline=None)
@given(title=st.text(), text=st.text())
def test_any_text_gets_an_answer(model: Model, title: str, text: str) -> None:
    (prediction,) = model.predict([(title, text)])
    assert [judgement.topic for judgement in prediction.judgements] == NAMES
    assert all(0 <= judgement.confidence <= 1 for judgement in prediction.judgements)


def test_the_same_data_makes_the_same_model_and_other_data_another() -> None:
    few = LEARNED[:100]
    made, again = train(few, TOPICS, LEXICON), train(few, TOPICS, LEXICON)
    assert again.version == made.version
    assert again.predict([STORY]) == made.predict([STORY])
    assert (again.thresholds, again.metrics) == (made.thresholds, made.metrics)
    relabelled = [dataclasses.replace(few[0], topics=frozenset(NAMES)), *few[1:]]
    assert train(relabelled, TOPICS, LEXICON).version != made.version
    fewer = Lexicon({**LEXICON.phrases, "data": LEXICON.phrases["data"][1:]})
    assert train(few, TOPICS, fewer).version != made.version


def test_thresholds_keep_within_their_limits(model: Model) -> None:
    assert all(0.25 <= threshold <= 0.6 for threshold in model.thresholds.values())
    assert model.metrics["n"] == len(LEARNED)
    assert model.metrics["macro_f1"] > 0.85


def test_the_threshold_parts_what_can_be_parted() -> None:
    truth = np.array([False] * 10 + [True] * 10)
    assert 0.35 < best_threshold(truth, np.array([0.30] * 10 + [0.50] * 10), np.ones(20)) < 0.45
    assert best_threshold(truth, np.array([0.05] * 10 + [0.20] * 10), np.ones(20)) == 0.25


def test_frequent_mistakes_count_more_in_a_threshold() -> None:
    truth, confidence = np.array([False, True, True]), np.array([0.40, 0.35, 0.50])
    assert best_threshold(truth, confidence, np.array([9.0, 1, 1])) > 0.40 > best_threshold(truth, confidence, np.array([1.0, 9, 1]))


def test_stories_are_weighed_to_the_mix_of_the_news() -> None:
    rows = [[0, 0, 0, 0]] * 10 + [[1, 0, 0, 0]] * 10 + [[0, 1, 1, 0]] * 10 + [[1, 1, 1, 0]] * 5 + [[1, 1, 1, 1]] * 5
    truth = np.array(rows, dtype=bool)
    weight = as_in_the_news(truth)
    shares = [weight[start:end].sum() / weight.sum() for start, end in ((0, 10), (10, 20), (20, 30), (30, 40))]
    assert shares == pytest.approx(TOPICS_PER_STORY)
    assert sum(TOPICS_PER_STORY) == pytest.approx(1)


def test_folds_spread_every_set_of_labels() -> None:
    sets = [frozenset("a"), frozenset("ab"), frozenset()] * 10
    fold = folds(sets)
    for labels in set(sets):
        numbers = [number for number, given_labels in zip(fold.tolist(), sets, strict=True) if given_labels == labels]
        assert sorted(numbers) == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]


def test_too_few_examples_are_told() -> None:
    topic = Topic("finance", "Finance", "Money.")
    lexicon = Lexicon({"finance": ("deficit*",)})
    examples = [Example("T", "deficit", frozenset({"finance"}))] * 30
    with pytest.raises(ClassifierError, match="finance: 30 of 30"):
        train(examples, [topic], lexicon)
    with pytest.raises(ClassifierError, match="finance: 0 of 0"):
        train([], [topic], lexicon)
    with pytest.raises(ClassifierError, match="hardly a word in common"):
        train([Example("", "", labels) for labels in (frozenset({"finance"}), frozenset[str]()) for _ in range(20)], [topic], lexicon)


def test_a_single_topic_can_be_learned() -> None:
    topic = Topic("finance", "Finance", "Money.")
    money = [
        Example("Deficit grows", f"The trust {number} has a deficit and must save money", frozenset({"finance"})) for number in range(20)
    ]
    other = [Example("Garden opens", f"The garden {number} opens with roses and music", frozenset()) for number in range(20)]
    learned = train(money + other, [topic], Lexicon({"finance": ("deficit*",)}))
    assert [p.topics for p in learned.predict([("Deficit", "deficit money"), ("Roses", "garden music with roses opens")])] == [
        ("finance",),
        (),
    ]
