"""The index of words by which stories are found. Full-text search is the one thing that the two databases do each in its own way."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import TSQUERY

from feeds.store.schema import report, story, story_words
from feeds.words import Search, search_of, stems

# SQLite's index: a table that can be asked only by MATCH, and gives its rows in the order of their numbers, whichever it begins with.
_index = sa.table("story_words_index", sa.column("rowid", sa.BigInteger))


def words_row(number: int, title: str, text: str) -> dict[str, int | str]:
    """What the index holds of a story."""
    return {"number": number, "stems": " ".join(stems(f"{title}\n{text}"))}


def index_words(connection: sa.Connection, rows: Sequence[dict[str, int | str]]) -> None:
    """Puts stories into the index that are not in it."""
    if rows:
        connection.execute(story_words.insert(), rows)


def index_again(connection: sa.Connection, story_id: str) -> None:
    """Puts the words into the index by which a story is told now; none if it is withdrawn."""
    query = sa.select(story.c.number, story.c.withdrawn, report.c.title, report.c.text).where(story.c.id == story_id)
    row = connection.execute(query.outerjoin_from(story, report, report.c.id == story.c.lead_report)).one()
    connection.execute(story_words.delete().where(story_words.c.number == row.number))
    if not row.withdrawn:
        index_words(connection, [words_row(row.number, row.title, row.text)])


def found_numbers(connection: sa.Connection, words: str) -> tuple[sa.FromClause, sa.ColumnElement[int], sa.ColumnElement[bool]]:
    """What to select from to find the stories with these words, the column of their numbers, and the condition."""
    search = search_of(words)
    if not search.wanted:
        return story_words, story_words.c.number, sa.false()
    if connection.dialect.name == "sqlite":
        return _index, _index.c.rowid, sa.literal_column("story_words_index").op("MATCH")(_fts5(search))
    vector: sa.ColumnElement[str] = sa.literal_column("story_words.vector")
    return story_words, story_words.c.number, vector.op("@@")(sa.cast(_tsquery(search), TSQUERY))


def _fts5(search: Search) -> str:
    """In the language of SQLite's index; stems are letters and figures, so that nothing in them can be taken for an operator."""
    wanted = " AND ".join(f'"{" ".join(term)}"' for term in search.wanted)
    return " NOT ".join([f"({wanted})", *(f'"{" ".join(term)}"' for term in search.unwanted)])


def _tsquery(search: Search) -> str:
    return " & ".join([*_phrases(search.wanted), *(f"!{term}" for term in _phrases(search.unwanted))])


def _phrases(terms: Iterable[Sequence[str]]) -> Iterable[str]:
    return ("(" + " <-> ".join(f"'{word}'" for word in term) + ")" for term in terms)
