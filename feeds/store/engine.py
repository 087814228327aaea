"""Opens SQLite or PostgreSQL so that both behave alike, and brings the schema up to date."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from feeds.errors import NewerDatabase, StoreError

_MIGRATIONS = Path(__file__).parent / "migrations"
# So long a writer waits for its turn, on either database.
_BUSY_SECONDS = 30
# A client that says nothing for so long amid a transaction is taken for dead: PostgreSQL itself would wait for hours for a machine
# that vanished, and all other writers with it.
_SILENT_SECONDS = 20
# Any fixed numbers; PostgreSQL's advisory locks are named by integers.
_MIGRATION_LOCK = 7_426_001
_WRITE_LOCK = 7_426_002


def connect(url: str) -> sa.Engine:
    """An engine for ``sqlite:///FILE`` or ``postgresql+psycopg://…``; nothing is opened yet.

    Raises:
        StoreError: the address cannot be understood.
    """
    try:
        parsed = sa.make_url(url)
        if parsed.get_backend_name() == "sqlite":
            engine = sa.create_engine(parsed, connect_args={"timeout": 30, "check_same_thread": False})
            sa.event.listen(engine, "connect", _prepare_sqlite)
            return engine
        return sa.create_engine(parsed, pool_pre_ping=True)
    except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError, ImportError) as error:
        raise StoreError(f"DATABASE_URL cannot be used: {error}. Use sqlite:///FILE or postgresql+psycopg://…") from error


def _prepare_sqlite(connection: sqlite3.Connection, _: Any) -> None:
    # Transactions are begun below, as IMMEDIATE where something is written.
    connection.isolation_level = None
    for pragma in ("busy_timeout=30000", "synchronous=NORMAL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")
    _use_wal(connection)


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switches to the write-ahead log, waiting for others who do: SQLite's own busy timeout does not cover the switch."""
    deadline = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)


@contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A connection that sees one consistent state for as long as it is open."""
    with wrapped(), engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN")
        else:
            connection.execute(sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
        yield connection
        connection.rollback()


@contextmanager
def writing(engine: sa.Engine, *, keep: bool = True) -> Iterator[sa.Connection]:
    """A transaction; one writer at a time, so that the change log's order is the order of commits.

    With ``keep`` False all of it is taken back in the end: a rehearsal.
    """
    with wrapped(), engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            _take_turn(connection)
        yield connection
        if keep:
            connection.commit()
        else:
            connection.rollback()


def _take_turn(connection: sa.Connection) -> None:
    """Waits for PostgreSQL's lock of writers, with limits that hold for this transaction only; all in one journey."""
    limits = {"lock_timeout": _BUSY_SECONDS, "idle_in_transaction_session_timeout": _SILENT_SECONDS}
    limited = [sa.func.set_config(name, f"{seconds}s", True) for name, seconds in limits.items()]
    connection.execute(sa.select(*limited, sa.func.pg_advisory_xact_lock(_WRITE_LOCK)))


@contextmanager
def wrapped() -> Iterator[None]:
    """Turns the driver's errors into ours, with what a person can do about them."""
    try:
        yield
    except sa.exc.DBAPIError as error:
        reason = str(error.orig).strip().splitlines()[0] if str(error.orig).strip() else type(error.orig).__name__
        raise StoreError(f"the database refused: {reason}{_advice(reason)}") from error


def _advice(reason: str) -> str:
    if "readonly" in reason or "unable to open" in reason:
        return "; check that HEALTHWIRE_DATA_DIR exists and may be written by this user"
    if "read-only" in reason or "permission denied" in reason:
        return "; let the user in HEALTHWIRE_DATABASE_URL create and write tables there"
    if "is locked" in reason or "lock timeout" in reason:
        return f"; another process has been writing to it for more than {_BUSY_SECONDS} s, try again when it is done"
    if "not a database" in reason or "malformed" in reason:
        return "; restore a backup into a new HEALTHWIRE_DATA_DIR with: healthwire restore FILE"
    if "no such table" in reason or "does not exist" in reason:
        return "; run: healthwire migrate"
    if "connection" in reason:
        return "; check HEALTHWIRE_DATABASE_URL and that the server is up"
    return ""


def migrate(engine: sa.Engine) -> None:
    """Brings the schema to this version; safe to call from several processes at once.

    Raises:
        NewerDatabase: a later version of Healthwire wrote this database.
        StoreError: it cannot be opened or written.
    """
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    with wrapped(), engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
        _refuse_newer(connection, config)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()


def _refuse_newer(connection: sa.Connection, config: Config) -> None:
    known = {revision.revision for revision in ScriptDirectory.from_config(config).walk_revisions()}
    found = MigrationContext.configure(connection).get_current_heads()
    unknown = [revision for revision in found if revision not in known]
    if unknown:
        raise NewerDatabase(
            f"this database was written by a later version of Healthwire (schema {unknown[0]});"
            " run that version, or point HEALTHWIRE_DATA_DIR or HEALTHWIRE_DATABASE_URL to another database"
        )
