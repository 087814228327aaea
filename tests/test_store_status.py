"""Small facts about an installation."""

from __future__ import annotations

import threading
from pathlib import Path

from databases import Databases, Kind

from feeds.model import Health
from feeds.store import Store
from feeds.store.backup import read_backup, write_backup


def test_the_name_of_an_installation_never_changes(databases: Databases, kind: Kind) -> None:
    url = databases.migrated(kind)
    name = databases.open(url).status.instance()
    again = databases.open(url)
    assert [again.status.instance(), again.status.instance()] == [name, name]
    assert len(name) == 26
    assert databases.open(databases.migrated(kind)).status.instance() != name


def test_processes_that_start_at_once_agree_on_the_name(databases: Databases, kind: Kind) -> None:
    url = databases.migrated(kind)
    together = threading.Barrier(4)
    names: list[str] = []

    def start(store: Store) -> None:
        together.wait(60)
        names.append(store.status.instance())

    threads = [threading.Thread(target=start, args=(databases.open(url),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(names) == 4
    assert len(set(names)) == 1


def test_an_installation_keeps_its_name_when_it_moves(databases: Databases, tmp_path: Path) -> None:
    old, new = databases.open(databases.migrated("sqlite")), databases.open(databases.migrated("postgresql"))
    name = old.status.instance()
    # Made before the backup is read, as by a service that was started too early.
    assert new.status.instance() != name
    write_backup(old.engine, tmp_path / "backup")
    read_backup(new.engine, tmp_path / "backup")
    assert new.status.instance() == name


def test_the_latest_heartbeat_is_told(store: Store) -> None:
    assert store.status.health() == Health(None, None)
    store.status.beat(10, "model-1")
    store.status.beat(20, "model-2")
    assert store.status.health() == Health(20, "model-2")


def test_what_is_done_once_stays_done(store: Store) -> None:
    assert not store.status.is_done("sources")
    store.status.mark_done("sources")
    store.status.mark_done("sources")
    assert store.status.is_done("sources")
    assert not store.status.is_done("source")
