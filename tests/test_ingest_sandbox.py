"""Documents are taken apart in children with limits. Whatever becomes of a child costs its own document, and nobody else's."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from program import PATIENCE, eventually
from sandboxed import (
    answer_long,
    answer_what_cannot_be_sent,
    crash,
    dive,
    double,
    eat,
    fail_awkwardly,
    fail_on_purpose,
    leave,
    mark,
    process,
    rest,
    spin,
    time_left,
    work,
)

from feeds.errors import FetchError, ParseError
from feeds.ingest.sandbox import Limits, Sandbox, _Child

# Children take some time to start, which counts.
LIMITS = Limits(cpu_seconds=1, wall_seconds=PATIENCE, memory=512 * 1024**2, result=1_000_000)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with sandbox_of(2) as running:
        yield running


@contextlib.contextmanager
def sandbox_of(workers: int, limits: Limits = LIMITS) -> Iterator[Sandbox]:
    running = Sandbox(workers, limits)
    try:
        yield running
    finally:
        running.close()


def start(sandbox: Sandbox) -> None:
    """Starting a child counts, and may take longer than a test gives it."""
    while all_at_once(sandbox.run(double, 1)) != [2]:
        pass


def all_at_once(*tasks: Awaitable[object]) -> list[object]:
    async def run() -> list[object]:
        return await asyncio.gather(*tasks, return_exceptions=True)

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (spin, "within 1 s of processor time"),
        (eat, "too much memory"),
        (dive, "too much memory"),
        (answer_long, "could not be read"),
        (answer_what_cannot_be_sent, "could not be read"),
        (leave, "could not be read"),
        (crash, "could not be read"),
    ],
)
def test_whatever_becomes_of_a_child_is_told_and_the_next_document_has_a_new_one(function: Callable[[], object], words: str) -> None:
    with sandbox_of(1) as sandbox:
        error, after = all_at_once(sandbox.run(function), sandbox.run(double, 4))

    assert isinstance(error, ParseError)
    assert words in str(error)
    assert after == 8


def test_errors_come_back_as_they_are_or_at_least_with_their_words_and_place(sandbox: Sandbox) -> None:
    expected, other = all_at_once(sandbox.run(fail_on_purpose), sandbox.run(fail_awkwardly))

    assert isinstance(expected, FetchError)
    assert (str(expected), expected.retry_after, expected.status) == ("the server asks for rest", 60, 503)
    assert isinstance(other, RuntimeError)
    assert str(other) == "Awkward: there is a fault in line 7"
    assert "in fail_awkwardly" in "".join(other.__notes__)


def test_processor_time_counts_anew_for_each_document() -> None:
    with sandbox_of(1) as sandbox:
        for _ in range(2):
            assert all_at_once(sandbox.run(work, 0.6)) == [True]
        (left,) = all_at_once(sandbox.run(time_left))
    assert isinstance(left, float)
    # The limit is one of whole seconds.
    assert LIMITS.cpu_seconds - 0.1 < left <= LIMITS.cpu_seconds + 1


def test_waiting_for_a_child_does_not_count() -> None:
    with sandbox_of(1, Limits(wall_seconds=1.8)) as sandbox:
        start(sandbox)
        assert all_at_once(*(sandbox.run(rest, 0.25) for _ in range(8))) == [0.25] * 8


def test_a_document_that_takes_too_long_without_working_is_ended() -> None:
    with sandbox_of(1, Limits(wall_seconds=1)) as sandbox:
        (error,) = all_at_once(sandbox.run(rest, 60))
    assert str(error) == "the document could not be read within 1 s"


def test_children_that_are_killed_again_and_again_cost_only_what_they_were_doing(sandbox: Sandbox, tmp_path: Path) -> None:
    async def killed(number: int) -> object:
        file = tmp_path / str(number)
        task = asyncio.create_task(sandbox.run(mark, str(file)))
        await asyncio.to_thread(eventually, file.exists)
        for child in list(sandbox._children):
            os.kill(child.process.pid or 0, signal.SIGKILL)
        return (await asyncio.gather(task, return_exceptions=True))[0]

    async def scene() -> list[object]:
        return [await killed(number) for number in range(3)]

    assert {type(error) for error in asyncio.run(scene())} == {ParseError}
    assert all_at_once(*(sandbox.run(double, number) for number in range(10))) == list(range(0, 20, 2))


def test_a_child_that_was_killed_while_it_was_idle_costs_nothing() -> None:
    with sandbox_of(1) as sandbox:
        (first,) = all_at_once(sandbox.run(process))
        assert isinstance(first, int)
        os.kill(first, signal.SIGKILL)
        eventually(lambda: not any(child.process.is_alive() for child in sandbox._children))
        (second,) = all_at_once(sandbox.run(process))
    assert isinstance(second, int)
    assert second != first


def test_one_child_does_one_document_after_the_other() -> None:
    with sandbox_of(1) as sandbox:
        assert len(set(all_at_once(*(sandbox.run(process) for _ in range(5))))) == 1


def test_closing_ends_children_that_hang(tmp_path: Path) -> None:
    sandbox = Sandbox(1, Limits())
    file = tmp_path / "begun"

    async def scene() -> object:
        task = asyncio.create_task(sandbox.run(mark, str(file)))
        await asyncio.to_thread(eventually, file.exists)
        await asyncio.to_thread(sandbox.close)
        return (await asyncio.gather(task, return_exceptions=True))[0]

    assert isinstance(asyncio.run(scene()), ParseError)
    assert not sandbox._children


def test_closing_amid_a_document_ends_each_child_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    busy = Sandbox(2, Limits())
    file = tmp_path / "begun"
    ended: Counter[int | None] = Counter()
    end = _Child.end

    def count(child: _Child) -> None:
        ended[child.process.pid] += 1
        end(child)

    monkeypatch.setattr(_Child, "end", count)

    async def scene() -> None:
        await asyncio.gather(busy.run(double, 1), busy.run(double, 2))
        task = asyncio.create_task(busy.run(mark, str(file)))
        await asyncio.to_thread(eventually, file.exists)
        await asyncio.to_thread(busy.close)
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(scene())

    # Ended by two threads at once it may close what belongs to somebody else.
    assert set(ended.values()) == {1}
