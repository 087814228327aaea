"""The queue for curators: the stories whose labels would teach most, no two of them alike."""

from __future__ import annotations

import re
from collections.abc import Iterable

from feeds.model import Candidate

# Two stories that share so much of their words would teach the same.
ALIKE = 0.5
_WORD = re.compile(r"[^\W\d_]{4,}")


def most_telling(candidates: Iterable[Candidate], number: int) -> list[Candidate]:
    """The first ``number`` candidates, leaving out those that look like one above them."""
    chosen: list[tuple[Candidate, set[str]]] = []
    for candidate in candidates if number else ():
        words = set(_WORD.findall(f"{candidate.story.title} {candidate.story.text}".casefold()))
        if not any(_alike(words, others) for _, others in chosen):
            chosen.append((candidate, words))
        if len(chosen) == number:
            break
    return [candidate for candidate, _ in chosen]


def _alike(one: set[str], other: set[str]) -> bool:
    """Overlap relative to the shorter, so that a summary looks like its full text."""
    shorter = min(len(one), len(other))
    return shorter > 0 and len(one & other) >= ALIKE * shorter
