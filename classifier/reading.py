"""What is to be seen in one story: its terms, and the lexicon's phrases in it."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from classifier.lexicon import Lexicon, Phrase
from classifier.text import MAX_TEXT, MAX_TITLE, STOP_WORDS, term, tokens

# News says first what it is about: the title's words and those of the first sentence count more than the rest.
TITLE_WEIGHT, LEAD_WEIGHT = 2, 2
LEAD_LENGTH = 80
_SENTENCE_END = re.compile(r"[.!?]['’”\"]?\s|\n")
MAX_REMEMBERED = 100_000


@dataclass(frozen=True)
class Hit:
    """A phrase that speaks for the topic at place ``topic``, as it stands in the story."""

    topic: int
    surface: str
    in_title: bool


@dataclass(frozen=True)
class Reading:
    """A story as the model sees it: how often each term occurs (those of title and lead count twice), how each term first
    stands in the story, the phrases that were hit, and the number of words."""

    counts: dict[str, int]
    surfaces: dict[str, str]
    hits: tuple[Hit, ...]
    length: int


@dataclass(frozen=True)
class _Entry:
    phrase: Phrase
    topic: int


class _Starts(dict[str, tuple[_Entry, ...]]):
    """For each term the entries that may start with it, found out once per term."""

    def __init__(self, entries: Sequence[_Entry]) -> None:
        # By first character, so that a new term is held against a few entries and not against the whole lexicon.
        self._entries: dict[str, list[_Entry]] = defaultdict(list)
        for entry in entries:
            first = entry.phrase.words[0]
            for initial in first.initials if first else ():
                self._entries[initial].append(entry)

    def __missing__(self, word: str) -> tuple[_Entry, ...]:
        if len(self) > MAX_REMEMBERED:
            self.clear()
        self[word] = found = tuple(
            entry for entry in self._entries.get(word[0], ()) if (first := entry.phrase.words[0]) and first.fits(word)
        )
        return found


class Reader:
    """Reads stories with one lexicon; ``topics`` gives the topics their places."""

    def __init__(self, lexicon: Lexicon, topics: Sequence[str]) -> None:
        self._starts = _Starts(
            [_Entry(Phrase.parse(phrase), place) for place, topic in enumerate(topics) for phrase in lexicon.phrases.get(topic, ())]
        )

    def read(self, title: str, text: str) -> Reading:
        """What is to be seen in a story; of a very long one only the beginning is looked at."""
        counts: dict[str, int] = {}
        surfaces: dict[str, str] = {}
        hits: list[Hit] = []
        length = 0
        lead, rest = lead_and_rest(text[:MAX_TEXT])
        for part, weight, in_title in ((title[:MAX_TITLE], TITLE_WEIGHT, True), (lead, LEAD_WEIGHT, False), (rest, 1, False)):
            length += self._read_part(part, weight, in_title, counts, surfaces, hits)
        return Reading(counts, surfaces, tuple(hits), length)

    def _read_part(self, part: str, weight: int, in_title: bool, counts: dict[str, int], surfaces: dict[str, str], hits: list[Hit]) -> int:
        found = tokens(part)
        terms = [term(token) for token in found]
        for position, word in enumerate(terms):
            if entries := self._starts[word]:
                hits += _hits(entries, terms, position, found, in_title)
            if word not in STOP_WORDS:
                counts[word] = counts.get(word, 0) + weight
                surfaces.setdefault(word, found[position])
        return len(terms)


def lead_and_rest(text: str) -> tuple[str, str]:
    """The text cut after its first sentence, which has at least so many characters that "Mr. X" or a greeting does not count."""
    end = _SENTENCE_END.search(text, LEAD_LENGTH)
    cut = end.end() if end else len(text)
    return text[:cut], text[cut:]


def _hits(entries: Sequence[_Entry], terms: Sequence[str], position: int, found: Sequence[str], in_title: bool) -> list[Hit]:
    """The longest phrase of each topic at ``position``."""
    ends: dict[int, int] = {}
    for entry in entries:
        if end := entry.phrase.end(terms, position):
            ends[entry.topic] = max(end, ends.get(entry.topic, 0))
    return [Hit(topic, " ".join(found[position:end]), in_title) for topic, end in ends.items()]
