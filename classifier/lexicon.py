"""What people know of the field: phrases that speak for a topic.

A phrase is written as words: ``*`` ends a word that may go on (``deficit*``), ``/`` parts words of which any will do
(``data/information governance``), ``...`` stands for up to three words, and ``<money>``, ``<percent>``, ``<year>`` and
``<number>`` for figures.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from classifier.errors import ClassifierError
from classifier.files import read_toml
from classifier.text import term, tokens

GAP = "..."
LONGEST_GAP = 3


@dataclass(frozen=True)
class Lexicon:
    """``phrases`` that speak for each topic."""

    phrases: Mapping[str, tuple[str, ...]]


def load_lexicon(path: Path) -> Lexicon:
    """Read a lexicon: ``phrases.TOPIC = [...]``.

    A topic may do without phrases, and phrases of a topic that there is no more do no harm. Raises ClassifierError if the
    file is unreadable, or a phrase is empty or starts or ends with a gap.
    """
    try:
        return lexicon_from(read_toml(path))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ClassifierError(f"{path} is not a lexicon: {error}; mend that entry") from error


def lexicon_from(tables: Mapping[str, Any]) -> Lexicon:
    """The lexicon in plain tables, as they are written in TOML. Raises ValueError and its like on malformed ones."""
    return Lexicon({topic: _checked(listed) for topic, listed in tables["phrases"].items()})


def lexicon_tables(lexicon: Lexicon) -> dict[str, Any]:
    """The plain tables of ``lexicon``, which ``lexicon_from`` reads back."""
    return {"phrases": {topic: list(phrases) for topic, phrases in lexicon.phrases.items()}}


def _checked(phrases: Sequence[str]) -> tuple[str, ...]:
    if isinstance(phrases, str) or not phrases:
        raise ValueError("phrases must be a list of at least one")
    for phrase in phrases:
        Phrase.parse(phrase)
    return tuple(phrases)


@dataclass(frozen=True)
class Word:
    """One place in a phrase: the terms and the beginnings of terms that may stand there."""

    exact: frozenset[str]
    prefixes: tuple[str, ...]

    @property
    def initials(self) -> frozenset[str]:
        """The characters with which a word that fits may begin."""
        return frozenset(text[0] for text in (*self.exact, *self.prefixes))

    def fits(self, word: str) -> bool:
        """Whether ``word`` may stand here."""
        return word in self.exact or word.startswith(self.prefixes)


@dataclass(frozen=True)
class Phrase:
    """A phrase, ready to be looked for; ``None`` among its words is a gap."""

    words: tuple[Word | None, ...]

    @classmethod
    def parse(cls, source: str) -> "Phrase":
        """Read the notation of this module. Raises ValueError if it is empty or starts or ends with a gap."""
        words = tuple(None if part == GAP else _word(part) for part in source.replace("-", " ").lower().split())
        if not words or words[0] is None or words[-1] is None:
            raise ValueError(f"{source!r} must start and end with a word")
        return cls(words)

    def end(self, terms: Sequence[str], start: int) -> int:
        """Where the phrase ends if it stands in ``terms`` at ``start``, else 0."""
        return _end(self.words, terms, start)


def _word(part: str) -> Word:
    choices = part.split("/")
    exact = frozenset(_term_of(choice) for choice in choices if not choice.endswith("*"))
    prefixes = tuple(choice.removesuffix("*") for choice in choices if choice.endswith("*"))
    if "" in exact or "" in prefixes:
        raise ValueError(f"{part!r} is not a word")
    return Word(exact, prefixes)


def _term_of(choice: str) -> str:
    if choice.startswith("<"):
        return choice
    parts = tokens(choice)
    if len(parts) != 1:
        raise ValueError(f"{choice!r} is not one word")
    return term(parts[0])


def _end(words: tuple[Word | None, ...], terms: Sequence[str], start: int) -> int:
    position = start
    for index, word in enumerate(words):
        if word is None:
            rest = words[index + 1 :]
            ends = (_end(rest, terms, position + skipped) for skipped in range(LONGEST_GAP + 1))
            return next((end for end in ends if end), 0)
        if position >= len(terms) or not word.fits(terms[position]):
            return 0
        position += 1
    return position
