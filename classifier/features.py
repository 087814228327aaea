"""From readings to numbers: words, pieces of words and lexicon phrases, side by side in one sparse matrix."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction.text import TfidfTransformer

from classifier.errors import ClassifierError
from classifier.reading import Reading

WORD_MIN_STORIES = 2
PIECE_MIN_STORIES = 3
PIECE_LENGTH = 5
# How much each block of features counts beside the others.
WORD_WEIGHT, PIECE_WEIGHT, LEXICON_WEIGHT = 1.0, 1.0, 0.25
MAX_RATE = 1.5
MAX_TITLE_HITS = 3
LEXICON_FEATURES = 3
SHARE_CAUTION = 4  # a lone hit is a passing mention, not the whole story
MAX_REMEMBERED = 100_000
MAX_PIECED = 30_000

Floats = NDArray[np.float64]


@lru_cache(maxsize=MAX_PIECED)
def pieces(word: str) -> tuple[str, ...]:
    """The runs of five letters in ``word``, with a blank marking either end; figures have none."""
    if word[0] == "<":
        return ()
    padded = f" {word} "
    return tuple(padded[start : start + PIECE_LENGTH] for start in range(len(padded) - PIECE_LENGTH + 1))


@dataclass(frozen=True)
class Features:
    """Some readings as numbers. ``matrix`` has a row per reading; the other fields tell what each number came from:
    ``counts`` (readings by ``terms``), ``piece_counts`` (readings by pieces) and ``term_pieces`` (terms by pieces)."""

    matrix: csr_matrix
    terms: list[str]
    counts: csr_matrix
    piece_counts: csr_matrix
    term_pieces: csr_matrix


@dataclass(frozen=True)
class Vectoriser:
    """Turns readings into numbers. Its columns are ``words``, then ``pieces``, then the lexicon's for each topic; ``word_idf``
    and ``piece_idf`` tell how rare each is."""

    words: dict[str, int]
    pieces: dict[str, int]
    word_idf: Floats
    piece_idf: Floats
    topics: int
    _remembered: dict[str, list[int]] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def fit(cls, readings: Sequence[Reading], topics: int) -> "Vectoriser":
        """Learn the vocabulary of ``readings`` and how rare each entry is. Raises ClassifierError if they share none."""
        words = _vocabulary((reading.counts for reading in readings), WORD_MIN_STORIES)
        seen = ({piece for word in reading.counts for piece in pieces(word)} for reading in readings)
        parts = _vocabulary(seen, PIECE_MIN_STORIES)
        if not words or not parts:
            raise ClassifierError("the stories have hardly a word in common; add more labelled stories")
        terms, counts = _count(readings)
        blank = cls(words, parts, np.empty(0), np.empty(0), topics)
        return replace(
            blank,
            word_idf=TfidfTransformer().fit(counts @ blank._term_words(terms)).idf_,
            piece_idf=TfidfTransformer().fit(counts @ blank._term_pieces(terms)).idf_,
        )

    def transform(self, readings: Sequence[Reading]) -> Features:
        """The numbers of ``readings``."""
        terms, counts = _count(readings)
        term_pieces = self._term_pieces(terms)
        piece_counts = counts @ term_pieces
        blocks = (
            tfidf(counts @ self._term_words(terms), self.word_idf, WORD_WEIGHT),
            tfidf(piece_counts, self.piece_idf, PIECE_WEIGHT),
            csr_matrix(np.array([lexicon_numbers(reading, self.topics) for reading in readings])),
        )
        return Features(hstack(blocks, format="csr"), terms, counts, piece_counts, term_pieces)

    def _term_words(self, terms: Sequence[str]) -> csr_matrix:
        return _rows([[self.words[word]] if word in self.words else [] for word in terms], len(self.words))

    def _term_pieces(self, terms: Sequence[str]) -> csr_matrix:
        if len(self._remembered) > MAX_REMEMBERED:
            self._remembered.clear()
        return _rows([self._known_pieces(word) for word in terms], len(self.pieces))

    def _known_pieces(self, word: str) -> list[int]:
        known = self._remembered.get(word)
        if known is None:
            known = self._remembered[word] = [self.pieces[piece] for piece in pieces(word) if piece in self.pieces]
        return known


def tfidf(counts: csr_matrix, idf: Floats, length: float) -> csr_matrix:
    """Sublinear TF-IDF, each row scaled to ``length``: what scikit-learn's TfidfTransformer makes of the counts, without its
    checks, which take longer than one story does."""
    weighted = (np.log(counts.data) + 1) * idf[counts.indices]
    rows = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
    norms = np.sqrt(np.bincount(rows, weights=weighted**2, minlength=counts.shape[0]))
    return csr_matrix((weighted * (length / norms[rows]), counts.indices, counts.indptr), shape=counts.shape)


def lexicon_numbers(reading: Reading, topics: int) -> list[float]:
    """For each topic its share of all hits, its hits in proportion to the length, and its hits in the title."""
    hits = [0] * topics
    title_hits = [0] * topics
    for hit in reading.hits:
        hits[hit.topic] += 1
        title_hits[hit.topic] += hit.in_title
    total = sum(hits) + SHARE_CAUTION
    scale = (reading.length + 20) ** 0.5
    return [
        LEXICON_WEIGHT * number
        for count, in_title in zip(hits, title_hits, strict=True)
        for number in (count / total, min(count / scale, MAX_RATE), min(in_title, MAX_TITLE_HITS))
    ]


def _vocabulary(documents: Iterable[Iterable[str]], min_documents: int) -> dict[str, int]:
    frequency = Counter(entry for document in documents for entry in document)
    kept = sorted(entry for entry, count in frequency.items() if count >= min_documents)
    return {entry: column for column, entry in enumerate(kept)}


def _count(readings: Sequence[Reading]) -> tuple[list[str], csr_matrix]:
    columns: dict[str, int] = {}
    indices: list[int] = []
    values: list[int] = []
    starts = [0]
    for reading in readings:
        indices.extend(columns.setdefault(word, len(columns)) for word in reading.counts)
        values += reading.counts.values()
        starts.append(len(indices))
    shape = (len(readings), len(columns))
    return list(columns), csr_matrix((np.array(values, dtype=float), indices, starts), shape=shape)


def _rows(rows: Sequence[list[int]], width: int) -> csr_matrix:
    starts = np.cumsum([0, *map(len, rows)])
    indices = np.fromiter((column for row in rows for column in row), dtype=np.int32, count=int(starts[-1]))
    return csr_matrix((np.ones(len(indices)), indices, starts), shape=(len(rows), width))
