"""Which topics a story is about, how surely, and which of its words say so.

A linear model over the words of a story: ``train`` makes a ``Model`` from labelled examples, ``Model.predict``
judges stories and explains itself, ``evaluate`` measures it. Knows nothing of feeds, databases or the web.
"""

from classifier.errors import ClassifierError
from classifier.evaluate import evaluate
from classifier.examples import Example, load_examples
from classifier.lexicon import Lexicon, load_lexicon
from classifier.model import Explanation, Judgement, Model, Prediction
from classifier.topics import Topic, load_topics
from classifier.train import train

__all__ = [
    "ClassifierError",
    "Example",
    "Explanation",
    "Judgement",
    "Lexicon",
    "Model",
    "Prediction",
    "Topic",
    "evaluate",
    "load_examples",
    "load_lexicon",
    "load_topics",
    "train",
]
