"""Answers are made in a process of their own, which comes back when it dies."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from builders import issue, news
from program import PATIENCE, eventually, is_running
from website import Site, load_application

from feeds.web import maker as maker_module
from feeds.web.answer import DOCUMENT
from feeds.web.maker import Maker
from feeds.web.wsgi import Application

FEED = ("/feeds/finance.atom", "")


@pytest.fixture
def maker(site: Site, tmp_path: Path) -> Iterator[Maker]:
    made = Maker(partial(load_application, tmp_path))
    yield made
    end(process_of(made))


def process_of(maker: Maker) -> int:
    assert maker._process.pid
    return maker._process.pid


def end(process: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)
    eventually(lambda: not is_running(process))


@pytest.mark.parametrize("address", [FEED, ("/feeds/finance+workforce.json", "limit=1"), ("/topics/finance", ""), ("/search", "q=owls")])
def test_an_answer_is_that_of_the_application_here(site: Site, maker: Maker, address: tuple[str, str]) -> None:
    made = maker(address)
    here = site.client.get(address[0], query_string=address[1])
    assert made is not None
    assert made.document.body == here.data
    status, headers, body = made.to({})
    assert (status, body) == ("200 OK", here.data)
    assert dict(headers).items() <= dict(here.headers).items()


@pytest.mark.parametrize("address", [("/stories/none", ""), ("/feeds/finance.atom", "limit=0"), ("/healthz", "")])
def test_what_may_not_be_kept_is_none(maker: Maker, address: tuple[str, str]) -> None:
    assert maker(address) is None


def test_it_sees_what_was_stored_before_it_was_asked(site: Site, maker: Maker) -> None:
    for title in ("Bats move in", "Swifts move out"):
        site.tell(site.press, issue(title, news(title)))
        made = maker(("/feeds/all.json", ""))
        assert made is not None
        assert title.encode() in made.document.body


def test_a_process_that_died_is_followed_by_another_but_not_at_once(maker: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    assert maker(FEED)
    first = process_of(maker)
    end(first)
    for _ in range(3):
        with pytest.raises(OSError, match="not started again at once"):
            maker(FEED)
    assert process_of(maker) == first
    monkeypatch.setattr(maker_module, "_PAUSE", 0.0)
    assert maker(FEED)
    assert process_of(maker) != first


class Faulty:
    """Can be sent, but not be received."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return int, ("no number",)


def load_fragile(folder: Path) -> Application:
    """Dies, hangs or answers what cannot be sent when it is asked for certain addresses."""
    inner = load_application(folder)

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        match environ["PATH_INFO"]:
            case "/deadly":
                os.kill(os.getpid(), signal.SIGKILL)
            case "/endless":
                time.sleep(600)
            case "/faulty":
                start_response("200 OK", [])
                environ[DOCUMENT] = Faulty()
                return []
        return inner(environ, start_response)

    return application


def load_nothing() -> Application:
    raise MemoryError


@pytest.mark.parametrize(
    ("place", "error", "said"),
    [
        ("/deadly", OSError, "died over it"),
        ("/endless", OSError, "did not answer within 3 s"),
        ("/faulty", ValueError, "no number"),
    ],
)
def test_what_cannot_be_made_is_told_and_makes_no_other_answer_wrong(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, error: type[Exception], said: str
) -> None:
    monkeypatch.setattr(maker_module, "_PAUSE", 0.0)
    maker = Maker(partial(load_fragile, tmp_path))
    for other in ("/feeds/finance.json", "/feeds/workforce.json"):
        made = maker((other, ""))
        assert made
        assert made.document.body == site.client.get(other).data
        # Loading takes longer on a slow machine than a test would wait for what hangs.
        maker._patience = 3
        with pytest.raises(error, match=said):
            maker((place, ""))
        assert not maker._process.is_alive()
        maker._patience = 60


def test_what_cannot_be_loaded_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    maker = Maker(load_nothing)
    with pytest.raises(OSError, match="could not load the application"):
        maker(FEED)
    assert "MemoryError" in capfd.readouterr().err


def test_it_works_behind_those_who_wait(maker: Maker) -> None:
    assert maker(FEED)
    assert os.getpriority(os.PRIO_PROCESS, process_of(maker)) == os.getpriority(os.PRIO_PROCESS, 0) + 5


def test_an_interrupt_at_the_terminal_is_left_to_the_server(maker: Maker) -> None:
    assert maker(FEED)
    process = process_of(maker)
    os.kill(process, signal.SIGINT)
    assert maker(FEED)
    assert process_of(maker) == process


def test_it_ends_when_nobody_is_left_to_work_for(maker: Maker) -> None:
    assert maker(FEED)
    maker._connection.close()
    maker._process.join(PATIENCE)
    assert maker._process.exitcode == 0
