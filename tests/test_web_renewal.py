"""What everybody asks for is made anew beside the requests, and is never older than it may be."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import pytest
from builders import issue, news
from fakes import Seconds
from program import eventually
from website import Site
from werkzeug.test import Client

from feeds.errors import StoreError
from feeds.web.answer import Answer
from feeds.web.front import Front as ServerFront
from feeds.web.maker import answer_of
from feeds.web.memory import Memory
from feeds.web.renewal import Address, Renewal
from feeds.web.version import Version

FEED, OTHER = "/feeds/all.json", "/feeds/finance.json"
_PATIENCE = 30


class Ticks(Seconds):
    """Moves on a little with each look, so that no two moments are one."""

    def __call__(self) -> float:
        self.now += 1e-6
        return self.now


@dataclass
class Front:
    """A site behind a memory that renews; what was made anew can be held up. ``clock`` is that of versions, ``time`` of all else."""

    site: Site
    clock: Seconds = field(default_factory=Seconds)
    time: Ticks = field(default_factory=Ticks)
    gate: threading.Event = field(default_factory=threading.Event)
    begun: threading.Event = field(default_factory=threading.Event)
    renewed: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    error: Exception | None = None
    memory: Memory = field(init=False)
    client: Client = field(init=False)

    def __post_init__(self) -> None:
        self.gate.set()
        version = Version(self.site.store.status.version, self.clock)
        self.memory = Memory(self.application, version, Renewal(self.make, version, self.time), self.time)
        self.client = Client(self.memory, use_cookies=False)

    def application(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        self.asked.append(environ["PATH_INFO"])
        return self.site.client.application(environ, start_response)

    def make(self, address: Address) -> Answer | None:
        if self.error:
            raise self.error
        answer = answer_of(self.site.client.application, address)
        self.begun.set()
        assert self.gate.wait(_PATIENCE)
        self.renewed.append(address[0])
        return answer

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


def test_what_changes_again_after_that_is_made_again_without_being_asked_for(front: Front) -> None:
    for number in range(3):
        front.tell(f"Bats move in {number}", seen_before=0.02)
        front.client.get(FEED)
        eventually(lambda: len(front.renewed) == 2 * (number + 1))  # noqa: B023 - it is asked in this round
    assert front.asked == [FEED, OTHER]
    assert front.shows("Bats move in 2", OTHER)


def test_what_nobody_asks_for_any_more_is_made_when_somebody_asks(front: Front) -> None:
    for number, made in enumerate(([FEED, OTHER], [FEED], [FEED])):
        front.time.now += 40
        front.client.get(FEED)
        front.renewed.clear()
        front.tell(f"Bats move in {number}", seen_before=0.02)
        eventually(lambda: front.shows(f"Bats move in {number}"))  # noqa: B023 - it is asked in this round
        assert sorted(front.renewed) == made
    assert front.shows("Bats move in 2", OTHER)


def test_nobody_is_answered_with_what_was_more_than_ten_seconds_ago(front: Front) -> None:
    front.gate.clear()
    front.tell("Bats move in", seen_before=0.02)
    assert not front.shows("Bats move in")
    front.time.now += 6
    front.tell("Rooks move out", seen_before=0.02)
    assert not front.shows("Bats move in")
    front.time.now += 4.1
    assert front.shows("Bats move in")
    assert front.shows("Rooks move out", OTHER)


def test_what_was_made_too_late_is_not_shown_instead_of_what_was_made_meanwhile(front: Front) -> None:
    front.gate.clear()
    front.tell("Bats move in", seen_before=0.02)
    assert not front.shows("Bats move in")
    assert front.begun.wait(_PATIENCE)
    front.tell("Rooks move out", seen_before=0.02)
    front.time.now += 10.1
    for place in (OTHER, FEED):
        assert front.shows("Rooks move out", place)
    front.gate.set()
    eventually(lambda: front.renewed)
    for _ in range(20):
        assert front.shows("Rooks move out")
        assert front.shows("Rooks move out", OTHER)


@pytest.mark.parametrize("is_looked_at", [False, True])
def test_what_was_too_old_before_a_young_change_is_not_shown_for_longer(front: Front, is_looked_at: bool) -> None:
    front.gate.clear()
    front.tell("Bats move in", seen_before=0.06)
    if is_looked_at:
        assert front.shows("Bats move in")
    else:
        # Nobody has asked for this yet, so that nothing of it is kept.
        assert front.shows("Bats move in", "/feeds/workforce.json?limit=7") is False
    front.site.tell(front.site.press, issue("rooks", news("Rooks move out")))
    front.clock.now += 0.02
    assert front.shows("Bats move in", OTHER)
    assert front.shows("Bats move in")


def test_amid_much_work_nobody_waits_for_an_older_change(front: Front) -> None:
    front.tell("Bats move in", seen_before=0.02)
    eventually(lambda: front.shows("Bats move in"))
    front.gate.clear()
    front.tell("Rooks move out", seen_before=0.06)
    assert not front.shows("Rooks move out")
    front.gate.set()
    eventually(lambda: front.shows("Rooks move out"))


def test_what_is_too_much_to_make_is_made_when_somebody_asks(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("feeds.web.renewal._MOST_WAITING", 1)
    front.gate.clear()
    front.tell("Bats move in", seen_before=0.02)
    assert front.shows("Bats move in")
    assert not front.shows("Bats move in", OTHER)


@pytest.mark.parametrize(("error", "is_traced"), [(ChildProcessError("it died"), False), (ValueError("never thought of"), True)])
def test_when_nothing_can_be_made_requests_do_it_and_one_line_tells_why(
    front: Front, caplog: pytest.LogCaptureFixture, error: Exception, is_traced: bool
) -> None:
    front.error = error
    front.tell("Bats move in", seen_before=0.02)
    eventually(lambda: front.shows("Bats move in") and front.shows("Bats move in", OTHER))
    (record,) = caplog.records
    assert str(error) in record.getMessage()
    assert bool(record.exc_info) == is_traced
    front.error = None
    front.tell("Rooks move out", seen_before=0.02)
    front.client.get(FEED)
    eventually(lambda: len(front.renewed) == 2)


def test_what_was_asked_for_once_is_made_when_somebody_asks(front: Front) -> None:
    front.client.get("/feeds/workforce.json")
    front.tell("Bats move in", seen_before=0.02)
    front.client.get(FEED)
    eventually(lambda: front.shows("Bats move in"))
    eventually(lambda: front.shows("Bats move in", OTHER))
    assert set(front.renewed) == {FEED, OTHER}


def test_what_was_asked_for_lately_the_time_before_last_is_made_first(front: Front) -> None:
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
    # As the server does when it ends.
    with closing(asyncio.new_event_loop()) as loop:
        ServerFront(front.memory, 1000).__rsgi_del__(loop)
    front.gate.set()
    front.renewal.join(_PATIENCE)
    assert not front.renewal.is_alive()
    assert len(front.renewed) < 2, "what was begun is finished at most"


def test_an_answer_that_is_an_error_now_is_forgotten(front: Front) -> None:
    place = "/stories/" + front.site.ids()["Owls nest at the infirmary"]
    for _ in range(2):
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
