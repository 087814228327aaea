"""Opening, migrating and transactions: the same on SQLite and PostgreSQL."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from databases import Databases, Kind, rows
from processes import children
from psycopg import sql

import feeds.store
from feeds.errors import HealthwireError, NewerDatabase, StoreError
from feeds.store import Store, migrate, open_store
from feeds.store.engine import reading, writing
from feeds.store.schema import meta, metadata, story, story_topic

# ---------------------------------------------------------------- migrations


def test_an_empty_database_is_migrated_and_migrating_again_keeps_what_it_holds(databases: Databases, kind: Kind) -> None:
    store = databases.open(databases.empty(kind))
    migrate(store.engine)
    store.status.mark_done("something")
    migrate(store.engine)
    assert store.status.is_done("something")
    assert set(metadata.tables) < set(sa.inspect(store.engine).get_table_names())


def test_the_migrations_make_what_the_schema_says(databases: Databases, kind: Kind) -> None:
    migrated, made = databases.open(databases.empty(kind)), databases.open(databases.empty(kind))
    migrate(migrated.engine)
    metadata.create_all(made.engine)
    with migrated.engine.connect() as connection:
        options = {"compare_type": True, "compare_server_default": True, "include_name": _is_described}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), metadata) == []
    # Collations, cascades and autoincrement, which Alembic does not compare.
    assert _reflected(migrated) == _reflected(made)


def test_tags_of_the_version_before_are_the_model_s_own(databases: Databases, kind: Kind) -> None:
    store = databases.open(databases.empty(kind))
    config = Config()
    config.set_main_option("script_location", str(Path(feeds.store.__file__).parent / "migrations"))
    told = {"id": "01M8", "lead_report": "01M8", "first_seen": 1, "updated": 1, "seq": 1, "untagged": False}
    tags = [
        {"story_id": "01M8", "topic": topic, "confidence": 0.5, "chosen": chosen, "model": "m1", "evidence": []}
        for topic, chosen in (("data", False), ("finance", True))
    ]
    with store.engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.execute(sa.insert(sa.table("story", *map(sa.column, told))).values(told))
        connection.execute(
            sa.insert(sa.table("story_topic", *(sa.column(name, sa.JSON if name == "evidence" else None) for name in tags[0]))), tags
        )
        connection.commit()
    migrate(store.engine)
    assert [(row["topic"], row["chosen"], row["judged"], row["curator"]) for row in rows(store, story_topic)] == [
        ("data", False, False, None),
        ("finance", True, True, None),
    ]
    assert [(row["lesson"], row["lesson_why"], row["unknown_words"]) for row in rows(store, story)] == [(0, "", 0)]


def _is_described(name: str | None, kind: str, _: Any) -> bool:
    """Whether the schema says of it what it is: full-text search is made by each database in its own way."""
    return not (name or "").startswith("story_words_") and (kind, name) != ("column", "vector")


def _reflected(store: Store) -> dict[str, Any]:
    if store.engine.dialect.name == "sqlite":
        with store.engine.connect() as connection:
            found = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'alembic%'").all()
        return {name: _spaced_alike(statement) for name, statement in found if statement and _is_described(name, "table", None)}
    inspector = sa.inspect(store.engine)
    return {
        name: repr(
            [
                [each for each in inspector.get_columns(name) if _is_described(each["name"], "column", None)],
                sorted(inspector.get_foreign_keys(name), key=repr),
                sorted((each for each in inspector.get_indexes(name) if _is_described(each["name"], "index", None)), key=repr),
                inspector.get_pk_constraint(name),
            ]
        )
        for name in metadata.tables
    }


def _spaced_alike(statement: str) -> str:
    """A column that was added to a table stands in its statement behind the space that ended it."""
    return re.sub(r" (?=[,)])", "", " ".join(statement.split()))


def _migrate_with_others(url: str, together: Barrier) -> None:
    store = open_store(url)
    together.wait(60)
    migrate(store.engine)
    assert store.sources.list() == []


def test_several_processes_may_migrate_one_empty_database_at_once(databases: Databases, kind: Kind) -> None:
    url = databases.empty(kind)
    together = children.Barrier(4)
    processes = [children.Process(target=_migrate_with_others, args=(url, together)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0, 0]


def test_a_database_of_a_later_version_is_refused_and_left_alone(databases: Databases, kind: Kind) -> None:
    store = databases.open(databases.empty(kind))
    migrate(store.engine)
    with store.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(NewerDatabase, match=r"later version of Healthwire \(schema 9999\); run that version") as refusal:
        migrate(store.engine)
    assert "\n" not in str(refusal.value)
    with store.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one() == "9999"


# ---------------------------------------------------------------- databases that cannot be used


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A folder that every user can enter and none may write to."""
    folder = Path(tempfile.mkdtemp(prefix="healthwire-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


def _refusal_as_ordinary_user(use: Callable[[Store], object], url: str, answer: Connection) -> None:
    """Sends what a user hears who has no rights beyond those of everybody."""
    store = open_store(url)
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.setgroups([])
        os.setgid(nobody.pw_gid)
        os.setuid(nobody.pw_uid)
    try:
        use(store)
    except HealthwireError as error:
        answer.send((type(error), str(error)))
    else:
        answer.send((None, "nothing was refused"))


def _migrate(store: Store) -> None:
    migrate(store.engine)


def _beat(store: Store) -> None:
    store.status.beat(1, "model")


@pytest.mark.parametrize("use", [_migrate, _beat])
@pytest.mark.parametrize("exists", [True, False])
def test_an_sqlite_file_that_may_not_be_written_says_which_setting_to_check(
    use: Callable[[Store], object], exists: bool, public_folder: Path, databases: Databases
) -> None:
    file = public_folder / "healthwire.db"
    if exists:
        shutil.copyfile(databases.migrated("sqlite").removeprefix("sqlite:///"), file)
        file.chmod(0o444)
    public_folder.chmod(0o555)
    here, there = children.Pipe(duplex=False)
    process = children.Process(target=_refusal_as_ordinary_user, args=(use, f"sqlite:///{file}", there))
    process.start()
    assert here.poll(60)
    kind, message = here.recv()
    process.join(60)
    here.close()
    there.close()
    assert kind is StoreError
    assert message.startswith("the database refused: ") and "check that HEALTHWIRE_DATA_DIR exists and may be written" in message


def test_a_file_that_is_no_database_is_refused_with_what_to_do(databases: Databases, tmp_path: Path) -> None:
    (tmp_path / "letter.db").write_bytes(b"Dear reader, " * 1000)
    store = databases.open(f"sqlite:///{tmp_path / 'letter.db'}")
    with pytest.raises(StoreError, match=r"file is not a database; .*HEALTHWIRE_DATA_DIR"):
        migrate(store.engine)
    assert (tmp_path / "letter.db").read_bytes() == b"Dear reader, " * 1000


def test_a_postgresql_that_only_lets_read_says_which_setting_to_check(databases: Databases) -> None:
    url = databases.empty("postgresql")
    name = sql.Identifier(str(sa.make_url(url).database))
    databases.server().run(sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = on").format(name))
    with pytest.raises(StoreError, match=r"read-only transaction; .*HEALTHWIRE_DATABASE_URL"):
        migrate(databases.open(url).engine)


def test_a_postgresql_user_without_rights_is_told_what_it_needs(databases: Databases) -> None:
    server = databases.server()
    role = sql.Identifier("guest")
    server.run(sql.SQL("CREATE ROLE {} LOGIN").format(role))
    try:
        name = sa.make_url(databases.empty("postgresql")).database
        with pytest.raises(StoreError, match=r"permission denied for schema public; .*HEALTHWIRE_DATABASE_URL"):
            migrate(databases.open(server.url(str(name), user="guest")).engine)
    finally:
        server.run(sql.SQL("DROP ROLE {}").format(role))


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://healthwire@/healthwire?host=/nonexistent",
        "postgresql+psycopg://healthwire@127.0.0.1:1/healthwire",
    ],
)
def test_a_server_that_is_not_there_says_which_setting_to_check(url: str, databases: Databases) -> None:
    store = databases.open(url)
    with pytest.raises(StoreError, match="check HEALTHWIRE_DATABASE_URL and that the server is up"):
        store.sources.list()


@pytest.mark.parametrize("url", ["mysql+nothing://x", "healthwire.db", "oracle://scott@x/y"])
def test_an_address_of_another_kind_is_refused_with_the_kinds_there_are(url: str) -> None:
    with pytest.raises(StoreError, match=r"DATABASE_URL cannot be used: .*sqlite:///FILE or postgresql\+psycopg://"):
        open_store(url)


def test_a_database_that_was_never_migrated_says_how_to(databases: Databases, kind: Kind) -> None:
    store = databases.open(databases.empty(kind))
    with pytest.raises(StoreError, match="run: healthwire migrate"):
        store.sources.list()


# ---------------------------------------------------------------- transactions


def test_writers_take_turns_so_that_no_update_is_lost(store: Store) -> None:
    store.status.beat(0, "model")
    entered = threading.Event()

    def count_up(before_writing: Callable[[], object]) -> None:
        with writing(store.engine) as connection:
            beat = connection.scalar(sa.select(meta.c.value).where(meta.c.key == "heartbeat"))
            before_writing()
            connection.execute(meta.update().where(meta.c.key == "heartbeat").values(value=str(int(beat or 0) + 1)))

    second = threading.Thread(target=count_up, args=(entered.set,))

    def second_has_to_wait() -> None:
        second.start()
        assert not entered.wait(0.3)

    count_up(second_has_to_wait)
    second.join(60)
    assert entered.is_set()
    assert store.status.health().heartbeat == 2


def test_a_writer_whose_turn_does_not_come_gives_up_and_says_why(databases: Databases, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("feeds.store.engine._BUSY_SECONDS", 1)
    store = databases.open(databases.migrated("postgresql"))
    with writing(store.engine), pytest.raises(StoreError, match="another process has been writing to it for more than 1 s"):
        store.status.mark_done("something")
    store.status.mark_done("something")
    assert store.status.is_done("something")


def test_a_writer_that_fell_silent_holds_up_the_others_for_a_while_only(databases: Databases, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("feeds.store.engine._SILENT_SECONDS", 1)
    store = databases.open(databases.migrated("postgresql"))
    with pytest.raises(StoreError), writing(store.engine) as silent:
        silent.execute(meta.insert().values(key="half", value="done"))
        store.status.mark_done("something")
    assert store.status.is_done("something")
    assert [row["key"] for row in rows(store, meta)] == ["done:something"]


def test_a_reader_sees_one_state_while_others_write(store: Store) -> None:
    store.status.beat(1, "model")
    beat = sa.select(meta.c.value).where(meta.c.key == "heartbeat")
    with reading(store.engine) as connection:
        before = connection.scalar(beat)
        store.status.beat(2, "model")
        assert (before, connection.scalar(beat)) == ("1", "1")
    assert store.status.health().heartbeat == 2


def test_a_write_that_fails_midway_leaves_nothing_and_holds_up_nobody(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), writing(store.engine) as connection:
        connection.execute(meta.insert().values(key="half", value="written"))
        _ = 1 // 0
    store.status.mark_done("afterwards")
    assert rows(store, meta) == [{"key": "done:afterwards", "value": "yes"}]
