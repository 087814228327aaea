"""The labelled newsletters in ``tests/data/newsletters``: each input lies beside its expected stories, found by name."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from feeds.errors import InputError
from feeds.ingest.parse import parse_file
from feeds.ingest.split import split

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "data" / "newsletters"
_SUFFIX = ".expected.json"
_MARKER = re.compile(r"^(?:[•*·▪▸►○o–-]|\(?\w{1,3}[.)])\s+")


@dataclass(frozen=True)
class Told:
    """A story as a person or the program sees it; white space is collapsed and bullets are left out."""

    title: str
    url: str | None
    paragraphs: tuple[str, ...]

    @property
    def boundaries(self) -> tuple[tuple[str, str, str], ...]:
        """Where the story begins and where it ends."""
        first, last = (self.paragraphs[0], self.paragraphs[-1]) if self.paragraphs else ("", self.title)
        return ("begins", self.title, first), ("ends", self.title, last)


@dataclass(frozen=True)
class Labelled:
    """A document with the stories that a person finds in it."""

    name: str
    file: Path
    note: str
    stories: tuple[Told, ...]


def told(title: str, url: str | None, paragraphs: Sequence[str]) -> Told:
    cleaned = (_MARKER.sub("", _one_line(text.replace(" | ", " "))) for text in paragraphs)
    return Told(_one_line(title), url, tuple(text for text in cleaned if text))


def _one_line(text: str) -> str:
    return " ".join(re.sub("[\u00ad\u200b\u200c\u200d\u2060\ufeff]", "", text).split())


def labelled() -> Iterator[Labelled]:
    """All documents of the set, by name."""
    for expected in sorted(FOLDER.glob(f"*{_SUFFIX}")):
        name = expected.name.removesuffix(_SUFFIX)
        file = next(path for path in FOLDER.glob(f"{name}.*") if path != expected)
        row = json.loads(expected.read_text("utf-8"))
        stories = tuple(told(story["title"], story["url"], story["paragraphs"]) for story in row["stories"])
        yield Labelled(name, file, row["note"], stories)


def found(file: Path) -> tuple[Told, ...]:
    """The stories that the program finds in a document."""
    try:
        articles = parse_file(file.name, file.read_bytes()).articles
    except InputError:
        return ()
    stories = [story for article in articles for story in split(article).stories]
    # The rows of a table are one paragraph for us and one each for the people who labelled.
    return tuple(told(story.title, story.url, re.split(r"\n+", story.text)) for story in stories)


@dataclass(frozen=True)
class Score:
    """Boundaries found rightly, found at all, and there to be found."""

    right: int = 0
    found: int = 0
    expected: int = 0

    def __add__(self, other: Score) -> Score:
        return Score(self.right + other.right, self.found + other.found, self.expected + other.expected)

    @property
    def precision(self) -> float:
        return self.right / self.found if self.found else 1.0

    @property
    def recall(self) -> float:
        return self.right / self.expected if self.expected else 1.0

    @property
    def f1(self) -> float:
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


def score(document: Labelled) -> Score:
    """How well the program finds where the document's stories begin and end."""
    ours = Counter(edge for story in found(document.file) for edge in story.boundaries)
    theirs = Counter(edge for story in document.stories for edge in story.boundaries)
    return Score((ours & theirs).total(), ours.total(), theirs.total())
