"""Answers are made in a process of their own, which comes back when it dies."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from builders import issue, news
from program import PATIENCE, eventually, is_running
from website import Site, load_application

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


def test_a_process_that_died_is_followed_by_another(maker: Maker) -> None:
    assert maker(FEED)
    first = process_of(maker)
    end(first)
    assert maker(FEED)
    assert process_of(maker) != first


def load_fragile(folder: Path) -> Application:
    """Dies when it is asked for one address."""
    inner = load_application(folder)

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/deadly":
            os.kill(os.getpid(), signal.SIGKILL)
        return inner(environ, start_response)

    return application


def test_an_answer_over_which_the_process_dies_is_told_and_costs_no_other(site: Site, tmp_path: Path) -> None:
    maker = Maker(partial(load_fragile, tmp_path))
    for _ in range(3):
        assert maker(FEED)
        with pytest.raises((EOFError, OSError)):
            maker(("/deadly", ""))
    assert not maker._process.is_alive()


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
