"""A backup holds everything, and either engine reads it back."""

from __future__ import annotations

import gzip
import json
import threading
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from builders import add_sources, issue, news, poll_of
from databases import KINDS, Databases, Kind, rows, wipe
from fakes import START
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feeds.errors import HealthwireError, InputError, StoreError
from feeds.model import Raw, StoryQuery, Subscriber
from feeds.store import Store
from feeds.store.backup import read_backup, write_backup
from feeds.store.schema import change, metadata
from feeds.store.weeks import monday


def everything(store: Store) -> dict[str, list[dict[str, Any]]]:
    """All rows but the raw documents, which are not part of a backup."""
    return {table.name: rows(store, table) for table in metadata.sorted_tables if table.name != "raw"}


def fill(store: Store) -> None:
    """At least a row in every table, and more rows in one than are restored at a time."""
    one, two, gone = add_sources(store, ["A", "Bücher 📚", "gone"])
    store.status.beat(START, "model-1")
    store.status.instance()
    told = news(
        "Deficit “doubles”",
        "Zeile\n\t1\u2028 'quoted' \\ \"text\" 😀 " * 50,
        url="https://p.example/1?ä=ö",
        topics={"data": 1 / 3, "finance": 0.9},
    )
    store.polls.write(one, [issue("first", told, published=START - 5, author="Åsa")], START)
    store.polls.write(
        two, [issue("second", news("Other words", "Few.", url="https://p.example/1")), issue("third", news("No topic", topics={}))], START
    )
    store.polls.write(gone, [issue("fourth", news("Withdrawn"))], START)
    store.polls.write(two, [issue(f"empty {number}") for number in range(600)], START)
    store.sources.remove(gone, START + 60)
    told_first, *_ = store.stories.page(StoryQuery(feed="finance"))
    store.corrections.decide(told_first.id, {"data": True, "finance": False, "workforce": None}, "Åsa 📚", START + 61)
    store.weeks.put(store.weeks.count(monday(START), {"ICB": 3}))
    store.tokens.create("Åsa 📚", START)
    store.subscribers.add_webhook(Subscriber("webhook", "https://p.example/hook", START, secret="geheim", owner="Åsa 📚"))  # noqa: S106
    failing, read = store.polls.claim(START, 300, 2)
    store.polls.finish(failing, poll_of(error="timed out"))
    kept = Raw("feed", "https://a.example/feed", "text/xml", b"<rss/>")
    store.polls.finish(read, replace(poll_of(), marks=frozenset({"abc", "def"}), raws=(kept,)))


@pytest.mark.parametrize("target", KINDS)
def test_a_restored_backup_equals_the_original_and_can_be_gone_on_with(
    databases: Databases, kind: Kind, target: Kind, tmp_path: Path
) -> None:
    original, restored = databases.open(databases.migrated(kind)), databases.open(databases.migrated(target))
    fill(original)
    before = everything(original)
    assert all(before.values())
    written = write_backup(original.engine, tmp_path / "backup.gz")
    assert everything(original) == before
    assert read_backup(restored.engine, tmp_path / "backup.gz") == written == sum(map(len, before.values()))
    assert everything(restored) == before
    assert restored.stories.page(StoryQuery()) == original.stories.page(StoryQuery())
    [new] = add_sources(restored, ["new"])
    restored.polls.write(new, [issue("one", news("After the move"))], START + 120)
    last = max(row["seq"] for row in before["change"])
    assert new not in {row["id"] for row in before["source"]}
    assert [row["seq"] for row in rows(restored, change)][-1] == last + 1
    assert restored.stories.page(StoryQuery())[0].title == "After the move"
    restored.tokens.create("new", START)
    restored.corrections.decide(restored.stories.page(StoryQuery())[0].id, {"data": True}, "new", START + 180)
    assert restored.corrections.last() == original.corrections.last() + 1


def test_a_backup_is_not_read_into_a_database_that_holds_something(store: Store, tmp_path: Path) -> None:
    write_backup(store.engine, tmp_path / "backup")
    add_sources(store, ["A"])
    before = everything(store)
    with pytest.raises(StoreError, match="this database is not empty; restore into a new HEALTHWIRE_DATA_DIR or HEALTHWIRE_DATABASE_URL"):
        read_backup(store.engine, tmp_path / "backup")
    assert everything(store) == before


def test_a_backup_is_one_moment_though_others_go_on_writing(store: Store, tmp_path: Path) -> None:
    [source_id] = add_sources(store, ["A"])
    enough = threading.Event()

    def write() -> None:
        for number in range(2000):
            if enough.is_set():
                break
            store.polls.write(source_id, [issue(str(number), news(f"Story {number}"))], START)

    writer = threading.Thread(target=write)
    writer.start()
    moments: set[int] = set()
    while len(moments) < 5 and writer.is_alive():
        write_backup(store.engine, tmp_path / "backup")
        with gzip.open(tmp_path / "backup", "rt", encoding="utf-8") as lines:
            held = Counter(json.loads(line)[0] for line in list(lines)[1:])
        assert held["article"] == held["story"] == held["report"] == held["story_topic"] == held["change"]
        moments.add(held["story"])
    enough.set()
    writer.join(60)
    assert len(moments) == 5


# ---------------------------------------------------------------- files that are no backup


def packed(*lines: object) -> bytes:
    return gzip.compress("".join(json.dumps(line) + "\n" for line in lines).encode())


HEADER = {"format": "healthwire-backup-1", "schema": "0006"}
META = ["meta", ["k", "v"]]
# A flipped bit makes two keys the same long before the end: that is damage, and not something for the database to refuse.
MANY_KEYS = gzip.decompress(packed(HEADER, *(["meta", [f"k{number:04}", "v"]] for number in range(3000))))
DAMAGED = gzip.compress(MANY_KEYS, compresslevel=0).replace(b'"k0001"', b'"k0000"')


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(b"", "first line is not that of a backup", id="empty"),
        pytest.param(b"Dear reader,", "gzip", id="a letter"),
        pytest.param(gzip.compress(b"Dear reader,"), "", id="a packed letter"),
        pytest.param(packed({"format": "other"}), "first line is not that of a backup", id="of another program"),
        pytest.param(packed(["format"]), "first line is not that of a backup", id="a list"),
        pytest.param(
            packed(HEADER | {"schema": "0000"}, META), "it holds schema 0000, .*restore it with the version", id="another version"
        ),
        pytest.param(packed({"format": HEADER["format"]}), "schema", id="no version"),
        pytest.param(packed(HEADER, META, ["nonsense", [1]]), "nonsense", id="a table that is not there"),
        pytest.param(packed(HEADER, META, ["meta", ["k"]]), "", id="a value missing"),
        pytest.param(packed(HEADER, META, 7), "", id="a row that is none"),
        pytest.param(packed(HEADER, META)[:-9], "", id="cut short"),
        pytest.param(DAMAGED, "CRC check failed", id="a bit flipped"),
    ],
)
def test_a_file_that_is_no_backup_is_refused_and_nothing_of_it_is_kept(store: Store, content: bytes, reason: str, tmp_path: Path) -> None:
    (tmp_path / "backup").write_bytes(content)
    store.status.beat(START, "model-1")
    before = everything(store)
    with pytest.raises(InputError, match=f"backup is not a readable Healthwire backup: .*{reason}"):
        read_backup(store.engine, tmp_path / "backup")
    assert everything(store) == before


def test_rows_that_contradict_each_other_are_refused_as_a_whole(store: Store, tmp_path: Path) -> None:
    orphan = ["change", [1, START, "new", "01J00000000000000000000000"]], ["meta", ["k", "v"]], ["meta", ["k", "w"]]
    (tmp_path / "backup").write_bytes(packed(HEADER, *orphan))
    with pytest.raises(HealthwireError):
        read_backup(store.engine, tmp_path / "backup")
    assert not any(everything(store).values())


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(where=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_damaged_backup_is_refused_or_read_right(sqlite_store: Store, tmp_path: Path, where: float, bit: int) -> None:
    wipe(sqlite_store)
    [source_id] = add_sources(sqlite_store, ["A"])
    sqlite_store.polls.write(source_id, [issue("one", *(news(f"Story {number}") for number in range(5)))], START)
    before = everything(sqlite_store)
    write_backup(sqlite_store.engine, tmp_path / "backup")
    content = bytearray((tmp_path / "backup").read_bytes())
    content[int(where * len(content))] ^= 1 << bit
    (tmp_path / "backup").write_bytes(content)
    wipe(sqlite_store)
    try:
        read_backup(sqlite_store.engine, tmp_path / "backup")
    except InputError:
        assert not any(everything(sqlite_store).values())
    else:
        # The bit was one of those that mean nothing, such as the time in the header.
        assert everything(sqlite_store) == before


def test_a_backup_that_is_not_there_is_named(sqlite_store: Store, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"missing\.gz is not a readable Healthwire backup: .*No such file"):
        read_backup(sqlite_store.engine, tmp_path / "missing.gz")


# ---------------------------------------------------------------- writing the file


def test_a_backup_replaces_the_one_before_only_when_it_is_whole(databases: Databases, kind: Kind, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    (folder / "backup").write_bytes(b"the one before")
    never_migrated = databases.open(databases.empty(kind))
    with pytest.raises(StoreError, match="run: healthwire migrate"):
        write_backup(never_migrated.engine, folder / "backup")
    assert [(file.name, file.read_bytes()) for file in folder.iterdir()] == [("backup", b"the one before")]
    write_backup(databases.open(databases.migrated(kind)).engine, folder / "backup")
    assert [file.name for file in folder.iterdir()] == ["backup"]
    assert gzip.decompress((folder / "backup").read_bytes()) == json.dumps(HEADER).encode() + b"\n"


def test_a_backup_that_cannot_be_written_names_the_file(sqlite_store: Store, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"cannot write .*/missing/backup: no such file or directory"):
        write_backup(sqlite_store.engine, tmp_path / "missing" / "backup")
