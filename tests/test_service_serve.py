"""The service from its first start to its end, as real processes."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest
from ingest_support import item, rss
from program import PATIENCE, ROOT, Home, eventually, serving, write_opml
from web_server import Answer, WebServer, web_server
from website import atom, texts

from feeds.model import StoryQuery
from feeds.store import open_store


@pytest.fixture
def server() -> Iterator[WebServer]:
    with web_server() as server:
        yield server


def is_refused(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def test_a_first_start_shows_the_samples_and_one_signal_ends_everything(home: Home, tmp_path: Path, server: WebServer) -> None:
    """Meanwhile one source hangs, which keeps nobody from reading; its poll is given back when the service ends."""
    shutil.copytree(ROOT / "seeds" / "newsletters", tmp_path / "letters", dirs_exist_ok=True)
    release = Event()
    slow = server.script("/slow", Answer(hold=release.wait))
    settings = {"SOURCES": str(write_opml(tmp_path, "letters/", slow)), "ALLOW_ADDRESSES": "127.0.0.0/8", "LOG_FORMAT": "json"}
    try:
        with serving(home, **settings) as service:
            status, headers, body = service.get("/feeds/finance.atom", Accept_Encoding="gzip")
            assert (status, headers["content-encoding"]) == (200, "gzip")
            assert "Harrowmere tears up its break-even forecast" in texts(atom(gzip.decompress(body)), "a:entry/a:title")
            assert len(texts(atom(service.get("/feeds/all.atom")[2]), "a:entry")) == 20
            assert service.get("/feeds/finance.atom", Accept_Encoding="gzip", If_None_Match=headers["etag"])[::2] == (304, b"")

            port = int(service.address.rpartition(":")[2])
            assert home.run("serve", BIND=f"127.0.0.1:{port}").status == 2
            assert service.is_ready(), "a second start does not harm the first"

            eventually(lambda: server.asked("/slow"))
            service.send(signal.SIGTERM)
            # None had to be killed, as one that takes too long is.
            assert service.ended(PATIENCE) == 0
            eventually(lambda: not service.living())
            assert is_refused(port)
            assert all(json.loads(line)["level"] in ("INFO", "WARNING") for line in service.log.read_text().splitlines())
    finally:
        release.set()
    store = open_store(f"sqlite:///{home.data / 'healthwire.db'}")
    source = store.sources.find(slow)
    assert (source.last_polled, source.failures) == (None, 0)
    (lease,) = store.polls.claim(source.next_poll or 0, 60, 10, [source.id])
    store.engine.dispose()
    assert lease.source.url == slow


@pytest.mark.parametrize("name", ["web", "ingest"])
def test_if_one_half_is_killed_the_other_ends_and_the_command_fails(home: Home, tmp_path: Path, server: WebServer, name: str) -> None:
    polled = server.script("/feed", Answer(body=rss(item("1", "Deficit doubles", "The deficit doubled."))))
    # Only what was polled has made ingest start the children that parse.
    sources = [polled] if name == "ingest" else []
    with serving(home, SOURCES=str(write_opml(tmp_path, *sources)), ALLOW_ADDRESSES="127.0.0.0/8") as service:
        eventually(lambda: len(texts(atom(service.get("/feeds/all.atom")[2]), "a:entry")) == len(sources))
        halves = dict(zip(("web", "ingest"), service.children(), strict=True))
        os.kill(halves[name], signal.SIGKILL)
        assert service.ended(PATIENCE) == 1
        eventually(lambda: not service.living())
        assert f"Error: ended unexpectedly: {name} (status -9)" in service.log.read_text()


def test_a_service_that_is_killed_leaves_no_process_behind_and_loses_nothing(home: Home, tmp_path: Path, server: WebServer) -> None:
    polled = server.script("/feed", Answer(body=rss(item("1", "Deficit doubles", "The deficit doubled."))))
    with serving(home, SOURCES=str(write_opml(tmp_path, polled)), ALLOW_ADDRESSES="127.0.0.0/8") as service:
        eventually(lambda: b"Deficit doubles" in service.get("/feeds/all.atom")[2])
        assert len(service.living()) > 3, "the halves have children of their own"
        service.send(signal.SIGKILL)
        assert service.ended(PATIENCE) == -signal.SIGKILL
        eventually(lambda: not service.living())
    store = open_store(f"sqlite:///{home.data / 'healthwire.db'}")
    titles = [story.title for story in store.stories.page(StoryQuery())]
    store.engine.dispose()
    assert titles == ["Deficit doubles"]
