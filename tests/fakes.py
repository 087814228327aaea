"""Stand-ins for what cannot be real in a test: the time, and a trained model."""

from __future__ import annotations

from collections.abc import Sequence

from feeds.model import Evidence, Tag

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


class KeywordTagger:
    """Knows a topic by its words: one of them is enough to choose it."""

    version = "keywords"
    topics = {  # noqa: RUF012 - never changed
        "finance": ("deficit", "budget", "savings"),
        "commissioning": ("commissioner", "contract", "tender"),
        "workforce": ("nurse", "staff", "doctor"),
        "data": ("record", "digital", "software"),
    }

    def tag(self, stories: Sequence[tuple[str, str]]) -> list[tuple[Tag, ...]]:
        return [tuple(self._tag(topic, f"{title} {text}".casefold()) for topic in self.topics) for title, text in stories]

    def _tag(self, topic: str, words: str) -> Tag:
        found = tuple(Evidence(word, 1.0) for word in self.topics[topic] if word in words)
        return Tag(topic, 0.9 if found else 0.1, bool(found), self.version, found)
