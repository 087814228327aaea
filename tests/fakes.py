"""Stand-ins for what cannot be real in a test: the time, and a trained model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from feeds.model import Evidence, Judged, Judgement, Tag, Verdict

# A Monday morning in March 2026.
START = 1_772_442_000


class FakeClock:
    """Stands still until told to go on."""

    def __init__(self, now: int = START) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now

    def advance(self, seconds: int) -> None:
        self.now += seconds


class Seconds:
    """A monotonic clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 5000.0

    def __call__(self) -> float:
        return self.now


class KeywordTagger:
    """Knows a topic by its words: one of them is enough to choose it."""

    version = "keywords"
    topics = {  # noqa: RUF012 - never changed
        "finance": ("deficit", "budget", "savings"),
        "commissioning": ("commissioner", "contract", "tender"),
        "workforce": ("nurse", "staff", "doctor"),
        "data": ("record", "digital", "software"),
    }

    def tag(self, stories: Sequence[tuple[str, str]]) -> list[Verdict]:
        return [Verdict(tuple(self._tag(topic, f"{title} {text}".casefold()) for topic in self.topics)) for title, text in stories]

    def knows(self, word: str) -> bool:
        return any(word.casefold() in words for words in self.topics.values())

    def _tag(self, topic: str, words: str) -> Tag:
        found = tuple(Evidence(word, 1.0) for word in self.topics[topic] if word in words)
        return Tag(topic, 0.9 if found else 0.1, bool(found), self.version, found)


class KeywordJudge:
    """The same knowledge as requests ask for it."""

    number = 7

    def judge(self, title: str, text: str) -> Judged:
        (verdict,) = KeywordTagger().tag([(title, text)])
        judgements = tuple(
            Judgement(tag.topic, tag.confidence, tag.chosen, 0.5, sum(term.weight for term in tag.evidence) - 1, -1.0, tag.evidence)
            for tag in verdict.tags
        )
        return Judged(judgements, None if text else "there are no words in it", KeywordTagger.version)

    def about(self) -> Mapping[str, Any]:
        figures = {"precision": 0.9, "recall": 0.8, "f1": 0.847, "average_precision": 0.9, "brier": 0.04, "ece": 0.02}
        return {
            "number": self.number,
            "version": KeywordTagger.version,
            "made": START,
            "made_from": {"stories": 100, "corrections": 2, "through": 3, "seeds": "0" * 16},
            "thresholds": dict.fromkeys(KeywordTagger.topics, 0.5),
            "metrics": {
                "macro_f1": 0.847,
                "micro_f1": 0.85,
                "exact_match": 0.8,
                "n": 100,
                "per_topic": dict.fromkeys(KeywordTagger.topics, figures),
            },
        }
