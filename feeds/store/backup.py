"""All of the database in one file, for either engine to read back: gzipped JSON lines, a header and then the rows."""

from __future__ import annotations

import gzip
import json
import os
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic.migration import MigrationContext

from feeds.errors import InputError, StoreError
from feeds.store.engine import reading, writing
from feeds.store.schema import metadata

_FORMAT = "healthwire-backup-1"
# Raw documents are kept for some days only, to look back at; they can be as large as all the rest together.
_TABLES = [table for table in metadata.sorted_tables if table.name != "raw"]
_BATCH = 500


def write_backup(engine: sa.Engine, target: Path) -> int:
    """Writes a consistent copy while others go on reading and writing; returns the number of rows.

    Raises:
        StoreError: the database or the file cannot be used.
    """
    try:
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        os.close(descriptor)
        try:
            with gzip.open(name, "wt", encoding="utf-8") as file:
                count = 0
                for count, line in enumerate(_lines(engine)):  # noqa: B007 - the last count is the number of rows
                    file.write(line + "\n")
            Path(name).replace(target)
        except BaseException:
            Path(name).unlink()
            raise
    except OSError as error:
        raise StoreError(f"cannot write {target}: {(error.strerror or str(error)).lower()}") from error
    return count


def _lines(engine: sa.Engine) -> Iterator[str]:
    with reading(engine) as connection:
        yield json.dumps({"format": _FORMAT, "schema": MigrationContext.configure(connection).get_current_revision()})
        for table in _TABLES:
            for row in connection.execute(sa.select(table)):
                yield json.dumps([table.name, list(row)], ensure_ascii=False)


def read_backup(engine: sa.Engine, file: Path) -> int:
    """Fills an empty, migrated database from a backup, all or nothing; returns the number of rows.

    Raises:
        InputError: the file is no backup, or of another version.
        StoreError: the database is not empty or cannot be written.
    """
    try:
        _check_sum(file)
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            return _restore(engine, lines)
    except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{file} is not a readable Healthwire backup: {error}") from error


def _check_sum(file: Path) -> None:
    """Reads to the end, where gzip keeps its checksum, so that damage is told as such and not by what it does to rows."""
    with gzip.open(file) as content:
        while content.read(1 << 20):
            pass


def _restore(engine: sa.Engine, lines: Iterable[str]) -> int:
    rows = iter(lines)
    header = json.loads(next(rows, "{}"))
    if not isinstance(header, dict) or header.get("format") != _FORMAT:
        raise ValueError("its first line is not that of a backup")
    with writing(engine) as connection:
        here = MigrationContext.configure(connection).get_current_revision()
        if header["schema"] != here:
            raise ValueError(f"it holds schema {header['schema']}, this version uses {here}; restore it with the version that wrote it")
        if any(
            connection.scalar(sa.select(sa.func.count()).select_from(metadata.tables[name]))
            for name in ("source", "story", "correction", "token")
        ):
            raise StoreError("this database is not empty; restore into a new HEALTHWIRE_DATA_DIR or HEALTHWIRE_DATABASE_URL")
        connection.execute(metadata.tables["meta"].delete())
        count = 0
        for table, batch in _batches(json.loads(line) for line in rows):
            connection.execute(table.insert(), batch)
            count += len(batch)
        _advance_sequences(connection)
        return count


def _batches(rows: Iterable[list[Any]]) -> Iterator[tuple[sa.Table, list[dict[str, Any]]]]:
    """Rows of one table at a time, as insert() wants them."""
    name = ""
    batch: list[dict[str, Any]] = []
    for table_name, values in rows:
        if batch and (table_name != name or len(batch) == _BATCH):
            yield metadata.tables[name], batch
            batch = []
        name = table_name
        batch.append(dict(zip(metadata.tables[name].columns.keys(), values, strict=True)))
    if batch:
        yield metadata.tables[name], batch


def _advance_sequences(connection: sa.Connection) -> None:
    """PostgreSQL does not notice ids that were inserted; SQLite does."""
    if connection.dialect.name != "postgresql":
        return
    for table, column in (
        ("source", "id"),
        ("change", "seq"),
        ("correction", "id"),
        ("token", "id"),
        ("source_event", "id"),
        ("subscriber", "id"),
    ):
        last = sa.select(sa.func.coalesce(sa.func.max(metadata.tables[table].c[column]), 0) + 1).scalar_subquery()
        connection.execute(sa.select(sa.func.setval(sa.func.pg_get_serial_sequence(table, column), last, False)))
