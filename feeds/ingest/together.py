"""Does at once what many polls want done at the same time: for a model or a database one question costs nearly as much as fifty."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from feeds.errors import HealthwireError

Item = TypeVar("Item")
Result = TypeVar("Result")


class Together(Generic[Item, Result]):
    """``do`` answers a list of items with a result for each, in a thread. What comes while it does is its next list.

    If it fails on a list in a way that nobody expected, it is asked item by item, so that one item costs the others nothing.
    """

    def __init__(self, do: Callable[[Sequence[Item]], Sequence[Result]]) -> None:
        self._do = do
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._doing: asyncio.Task[None] | None = None

    async def __call__(self, item: Item) -> Result:
        """The item's result.

        Raises:
            HealthwireError: whatever ``do`` raised for the list that it was in, e.g. as there is no database.
            Exception: whatever it raised for this item.
        """
        answer: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, answer))
        if self._doing is None or self._doing.done():
            self._doing = asyncio.create_task(self._do_waiting())
        return await answer

    async def _do_waiting(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            await self._answer(batch)

    async def _answer(self, batch: Sequence[tuple[Item, asyncio.Future[Result]]]) -> None:
        error: Exception | None = None
        results: Sequence[Result] = ()
        try:
            results = await asyncio.to_thread(self._do, [item for item, _ in batch])
        except Exception as failure:
            error = failure
        if error and len(batch) > 1 and not isinstance(error, HealthwireError):
            for each in batch:
                await self._answer([each])
            return
        for index, (_, answer) in enumerate(batch):
            # Whoever waited for an answer may have given up.
            if answer.done():
                continue
            if error:
                answer.set_exception(error)
            else:
                answer.set_result(results[index])
