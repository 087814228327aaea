"""What many ask for at the same time is done at once, and each gets their own answer."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import pytest

from feeds.errors import StoreError
from feeds.ingest.together import Together


class Squares:
    """Squares numbers; the first list is held up until ``gate`` is open. Fails on lists with a zero."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure
        self.gate = threading.Event()
        self.lists: list[list[int]] = []

    def __call__(self, numbers: Sequence[int]) -> list[int]:
        self.lists.append(list(numbers))
        assert self.gate.wait(20)
        if self.failure and 0 in numbers:
            raise self.failure
        return [number**2 for number in numbers]


async def until_asked(squares: Squares) -> None:
    async with asyncio.timeout(20):
        while not squares.lists:  # noqa: ASYNC110 - it is another thread that is waited for
            await asyncio.sleep(0.01)


def test_what_comes_while_a_list_is_done_is_the_next_one() -> None:
    async def scene() -> tuple[list[int], list[list[int]]]:
        squares = Squares()
        together = Together(squares)
        first = asyncio.create_task(together(2))
        await until_asked(squares)
        others = [asyncio.create_task(together(number)) for number in range(3, 9)]
        await asyncio.sleep(0)
        squares.gate.set()
        answers = [await task for task in (first, *others)]
        return [*answers, await together(9)], squares.lists

    answers, lists = asyncio.run(scene())
    assert answers == [4, 9, 16, 25, 36, 49, 64, 81]
    assert lists == [[2], [3, 4, 5, 6, 7, 8], [9]]


def answers_beside(failure: Exception) -> tuple[list[str], list[list[int]]]:
    """What 1, 0 and 2 are answered when 0 fails, 0 and 2 being one list; and the lists that were done."""

    async def scene() -> tuple[list[str], list[list[int]]]:
        squares = Squares(failure)
        together = Together(squares)
        first = asyncio.create_task(together(1))
        await until_asked(squares)
        others = [asyncio.create_task(together(number)) for number in (0, 2)]
        await asyncio.sleep(0)
        squares.gate.set()
        answers = await asyncio.gather(first, *others, return_exceptions=True)
        return [*map(repr, answers), repr(await together(3))], squares.lists

    return asyncio.run(scene())


def test_what_fails_unexpectedly_costs_the_others_of_its_list_nothing() -> None:
    answers, lists = answers_beside(ZeroDivisionError("there is a zero"))
    assert answers == ["1", "ZeroDivisionError('there is a zero')", "4", "9"]
    assert lists == [[1], [0, 2], [0], [2], [3]]


def test_that_there_is_no_database_is_told_to_all_of_a_list_at_once_and_to_nobody_else() -> None:
    answers, lists = answers_beside(StoreError("there is no database"))
    error = "StoreError('there is no database')"
    assert answers == ["1", error, error, "9"]
    assert lists == [[1], [0, 2], [3]]


def test_whoever_gives_up_takes_nothing_from_the_others() -> None:
    async def scene() -> int:
        squares = Squares()
        together = Together(squares)
        first = asyncio.create_task(together(1))
        await until_asked(squares)
        impatient, patient = (asyncio.create_task(together(number)) for number in (2, 3))
        await asyncio.sleep(0)
        impatient.cancel()
        squares.gate.set()
        with pytest.raises(asyncio.CancelledError):
            await impatient
        assert await first == 1
        return await patient

    assert asyncio.run(scene()) == 9
