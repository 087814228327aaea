"""A model as bytes and back: alike, small, always the same, and nothing else is believed."""

import io
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

import classifier.storage
from classifier.errors import ClassifierError
from classifier.examples import load_examples
from classifier.lexicon import load_lexicon
from classifier.model import Model
from classifier.storage import from_bytes, to_bytes
from classifier.topics import load_topics
from classifier.train import train

SEEDS = Path(__file__).parents[1] / "seeds"
TOPICS = load_topics(SEEDS / "topics.toml")
EXAMPLES = load_examples(SEEDS / "stories.jsonl", [topic.name for topic in TOPICS])[::10]
LEXICON = load_lexicon(SEEDS / "lexicon.toml")


@pytest.fixture(scope="module")
def model() -> Model:
    return train(EXAMPLES, TOPICS, LEXICON)


def test_a_stored_model_judges_alike(model: Model) -> None:
    loaded = from_bytes(to_bytes(model), "here")
    stories = [(example.title, example.text) for example in EXAMPLES[:20]]
    assert loaded.predict(stories) == model.predict(stories)
    assert loaded.explain(*stories[0]) == model.explain(*stories[0])
    assert (loaded.version, loaded.topics, loaded.thresholds, loaded.metrics) == (
        model.version, model.topics, model.thresholds, model.metrics,
    )  # fmt: skip
    assert to_bytes(loaded) == to_bytes(model)


def test_the_same_stories_make_the_same_bytes(model: Model) -> None:
    assert to_bytes(train(EXAMPLES, TOPICS, LEXICON)) == to_bytes(model)


def test_damaged_bytes_are_told(model: Model) -> None:
    whole = to_bytes(model)
    middle = len(whole) // 2
    for damaged in (b"", b"text", whole[:middle], whole[:middle] + bytes(200) + whole[middle + 200 :]):
        with pytest.raises(ClassifierError, match="here is damaged or no model; train it again"):
            from_bytes(damaged, "here")


class Trap:
    """Would be called if anything unpickled it."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (pytest.fail, ("it was unpickled",))


def test_nothing_is_ever_unpickled(model: Model) -> None:
    trapped = io.BytesIO()
    np.save(trapped, np.array([Trap()], dtype=object), allow_pickle=True)
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(to_bytes(model))) as good, zipfile.ZipFile(packed, "w") as bad:
        for name in good.namelist():
            bad.writestr(name, trapped.getvalue() if name == "word_idf.npy" else good.read(name))
    for content in (packed.getvalue(), pickle.dumps(Trap())):
        with pytest.raises(ClassifierError, match="damaged or no model"):
            from_bytes(content, "here")


def test_a_model_of_another_version_is_told(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    content = to_bytes(model)
    monkeypatch.setattr(classifier.storage, "maker", lambda: {"code": "other"})
    with pytest.raises(ClassifierError, match="another version of the classifier or its libraries; train it again"):
        from_bytes(content, "here")
