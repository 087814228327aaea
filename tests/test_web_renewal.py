"""What everybody asks for is made anew beside the requests, and is never older than it may be."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
from builders import issue, news
from fakes import Seconds
from program import eventually
from website import Site
from werkzeug.test import Client

from feeds.errors import StoreError
from feeds.web.maker import answer_of
from feeds.web.memory import Memory
from feeds.web.renewal import OURSELVES, Renewal
from feeds.web.version import Version

FEED, OTHER = "/feeds/all.json", "/feeds/finance.json"
_PATIENCE = 30


@dataclass
class Front:
    """A site behind a memory that renews; the renewal can be held up."""

    site: Site
    clock: Seconds = field(default_factory=Seconds)
    gate: threading.Event = field(default_factory=threading.Event)
    renewed: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    memory: Memory = field(init=False)
    client: Client = field(init=False)

    def __post_init__(self) -> None:
        self.gate.set()
        version = Version(self.site.store.status.version, self.clock)
        self.memory = Memory(self.application, version, Renewal(partial(answer_of, self.application), version))
        self.client = Client(self.memory, use_cookies=False)

    def application(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if OURSELVES in environ:
            assert self.gate.wait(_PATIENCE)
            self.renewed.append(environ["PATH_INFO"])
        else:
            self.asked.append(environ["PATH_INFO"])
        return self.site.client.application(environ, start_response)

    @property
    def renewal(self) -> threading.Thread:
        assert self.memory._renewal
        assert self.memory._renewal._thread
        return self.memory._renewal._thread

    def shows(self, title: str, place: str = FEED) -> bool:
        return title in self.client.get(place).text

    def tell(self, title: str, *, seen_before: float) -> None:
        """A story arrives ``seen_before`` seconds after somebody asked last."""
        self.client.get(FEED)
        self.site.tell(self.site.press, issue(title, news(title)))
        self.clock.now += seen_before


@pytest.fixture
def front(site: Site) -> Iterator[Front]:
    front = Front(site)
    for place in (FEED, FEED, OTHER, OTHER):
        assert front.client.get(place).status_code == 200
    yield front
    front.gate.set()
    front.memory.stop()


def test_a_young_change_is_shown_as_soon_as_it_is_made_and_until_then_nobody_waits(front: Front) -> None:
    front.gate.clear()
    front.tell("Bats move in", seen_before=0.02)
    assert not front.shows("Bats move in")
    assert not front.shows("Bats move in", OTHER)
    front.gate.set()
    eventually(lambda: front.shows("Bats move in"))
    eventually(lambda: front.shows("Bats move in", OTHER))
    assert sorted(set(front.renewed)) == [FEED, OTHER]
    assert front.asked == [FEED, OTHER], "what was made beside the requests was not made for one of them, too"


def test_a_change_that_may_be_older_is_in_every_answer(front: Front) -> None:
    front.gate.clear()
    front.tell("Bats move in", seen_before=0.06)
    assert front.shows("Bats move in")
    assert front.shows("Bats move in", OTHER)
    assert front.renewed == []
    front.gate.set()


def test_what_changes_again_while_it_is_made_is_made_again(front: Front) -> None:
    front.gate.clear()
    front.tell("Bats move in", seen_before=0.02)
    assert not front.shows("Bats move in")
    front.tell("Owls move out", seen_before=0.02)
    front.gate.set()
    eventually(lambda: front.shows("Owls move out") and front.shows("Bats move in"))


def test_what_nobody_asked_for_lately_is_made_when_somebody_asks(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("feeds.web.memory._LATELY", 0.0)
    front.tell("Bats move in", seen_before=0.02)
    assert front.shows("Bats move in")
    assert front.renewed == []


def test_what_was_asked_for_once_is_made_when_somebody_asks(front: Front) -> None:
    front.client.get("/feeds/workforce.json")
    front.tell("Bats move in", seen_before=0.02)
    front.client.get(FEED)
    eventually(lambda: front.shows("Bats move in"))
    eventually(lambda: front.shows("Bats move in", OTHER))
    assert set(front.renewed) == {FEED, OTHER}


def test_what_is_asked_for_most_is_made_first(front: Front) -> None:
    rare, common = "/feeds/workforce.json", "/feeds/untagged.json"
    for place in (rare, rare, *3 * [common], OTHER, FEED, rare, OTHER):
        front.client.get(place)
    front.gate.clear()
    front.tell("Bats move in", seen_before=0.02)
    front.client.get(FEED)
    front.gate.set()
    eventually(lambda: len(front.renewed) == 4)
    # By when each was asked for the time before the last; the feed was asked for again just now.
    assert front.renewed == [FEED, OTHER, common, rare]


def test_once_it_is_stopped_nothing_more_is_made(front: Front) -> None:
    front.gate.clear()
    front.tell("Bats move in", seen_before=0.02)
    assert not front.shows("Bats move in")
    front.memory.stop()
    front.gate.set()
    front.renewal.join(_PATIENCE)
    assert not front.renewal.is_alive()
    assert len(front.renewed) < 2, "what was begun is finished at most"


def test_an_answer_that_is_an_error_now_is_forgotten(front: Front) -> None:
    place = "/stories/" + front.site.ids()["Owls nest at the infirmary"]
    assert front.client.get(place).status_code == 200
    front.client.get(FEED)
    front.site.tell(front.site.press, issue("owls"))
    front.clock.now += 0.02
    front.client.get(FEED)
    eventually(lambda: front.client.get(place).status_code == 410)


def test_a_watcher_reads_while_there_are_requests_so_that_they_need_not() -> None:
    readers: list[str] = []

    def read() -> int:
        readers.append(threading.current_thread().name)
        return len(readers)

    version = Version(read)
    version.watch()
    assert version.now() == 1
    eventually(lambda: "version" in readers)
    eventually(lambda: version.now() != 1)


def test_a_watcher_outlives_what_it_cannot_read() -> None:
    answers = [StoreError("gone"), StoreError("gone")]

    def read() -> str:
        if answers:
            raise answers.pop()
        return "back"

    version = Version(read)
    version.watch()
    eventually(lambda: version.now() == "back")


def test_who_decides_sees_it_in_the_next_answer_whatever_is_being_made(front: Front) -> None:
    token = front.site.store.tokens.create("Ada", 0)
    owls = front.site.ids()["Owls nest at the infirmary"]
    front.gate.clear()
    front.tell("Bats move in", seen_before=0.02)
    assert not front.shows("Bats move in")
    decided = front.client.put(f"/api/v1/stories/{owls}/topics", json={"topics": ["finance"]}, headers={"Authorization": f"Bearer {token}"})
    assert decided.status_code == 200
    assert front.shows("Owls nest at the infirmary", OTHER)
    assert front.shows("Bats move in")
    front.gate.set()
