"""How much each word of a story spoke for or against each topic."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from classifier.features import LEXICON_FEATURES, Features, Floats, Vectoriser, lexicon_numbers
from classifier.reading import Reading


@dataclass(frozen=True)
class Weights:
    """The ``labels`` are words and phrases as they stand in a story; ``values`` has a row for each, a column per topic."""

    labels: list[str]
    values: Floats


def weights(vectoriser: Vectoriser, coefficients: Floats, readings: Sequence[Reading], features: Features) -> list[Weights]:
    """For each reading the weight of everything in it: with the intercept, a column adds up to the raw score.

    What the pieces of words weigh is put on the words that they come from, what the lexicon's numbers weigh on the
    phrases that were hit.
    """
    by_term = _term_weights(vectoriser, coefficients, features)
    lexicon = coefficients[len(vectoriser.words) + len(vectoriser.pieces) :]
    starts = features.counts.indptr
    return [
        _merged(reading, by_term[starts[row] : starts[row + 1]], _hit_weights(reading, lexicon)) for row, reading in enumerate(readings)
    ]


def _term_weights(vectoriser: Vectoriser, coefficients: Floats, features: Features) -> Floats:
    """A row for each entry of ``features.counts``, in its order."""
    counts, matrix, piece_counts = features.counts, features.matrix, features.piece_counts
    words = len(vectoriser.words)
    columns = np.array([vectoriser.words.get(word, -1) for word in features.terms], dtype=np.int64)[counts.indices]
    spread = features.term_pieces[counts.indices]
    in_words = np.zeros(len(columns))
    now = np.zeros(matrix.shape[1] + 1)
    for row in range(counts.shape[0]):
        inside = slice(matrix.indptr[row], matrix.indptr[row + 1])
        now[matrix.indices[inside]] = matrix.data[inside]
        entries = slice(counts.indptr[row], counts.indptr[row + 1])
        in_words[entries] = now[columns[entries]]
        used = slice(piece_counts.indptr[row], piece_counts.indptr[row + 1])
        now[words + piece_counts.indices[used]] /= piece_counts.data[used]
        parts = slice(spread.indptr[entries.start], spread.indptr[entries.stop])
        spread.data[parts] *= now[words + spread.indices[parts]]
        now[matrix.indices[inside]] = 0
    from_pieces = (spread @ coefficients[words : words + len(vectoriser.pieces)]) * counts.data[:, None]
    return np.asarray(from_pieces + in_words[:, None] * coefficients[columns])


def _hit_weights(reading: Reading, coefficients: Floats) -> Floats:
    """A row for each hit: an equal part of what its topic's numbers weigh."""
    topics = coefficients.shape[1]
    numbers = np.array(lexicon_numbers(reading, topics))
    parts = (numbers[:, None] * coefficients).reshape(topics, LEXICON_FEATURES, topics)
    hits = np.bincount([hit.topic for hit in reading.hits], minlength=topics)
    titles = np.bincount([hit.topic for hit in reading.hits if hit.in_title], minlength=topics)
    anywhere = parts[:, :2].sum(axis=1) / np.maximum(hits, 1)[:, None]
    in_title = parts[:, 2] / np.maximum(titles, 1)[:, None]
    rows = [anywhere[hit.topic] + in_title[hit.topic] * hit.in_title for hit in reading.hits]
    return np.array(rows).reshape(len(rows), topics)


def _merged(reading: Reading, terms: Floats, hits: Floats) -> Weights:
    """One row for each label, whatever the writing in small or capital letters."""
    surfaces = [reading.surfaces[word] for word in reading.counts] + [hit.surface for hit in reading.hits]
    places: dict[str, int] = {}
    labels: list[str] = []
    rows = []
    for surface in surfaces:
        key = surface.lower()
        if key not in places:
            places[key] = len(labels)
            labels.append(surface)
        rows.append(places[key])
    values = np.zeros((len(labels), terms.shape[1]))
    np.add.at(values, rows, np.vstack((terms, hits)))
    return Weights(labels, values)
