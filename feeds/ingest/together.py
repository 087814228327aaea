"""Does at once what many polls want done at the same time: for a model or a database one question costs nearly as much as fifty."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Together(Generic[Item, Result]):
    """``do`` answers a list of items with a result for each, in a thread. What comes while it does is its next list."""

    def __init__(self, do: Callable[[Sequence[Item]], Sequence[Result]]) -> None:
        self._do = do
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._doing: asyncio.Task[None] | None = None

    async def __call__(self, item: Item) -> Result:
        """The item's result; raises whatever ``do`` raised for the list that it was in."""
        answer: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, answer))
        if self._doing is None or self._doing.done():
            self._doing = asyncio.create_task(self._do_waiting())
        return await answer

    async def _do_waiting(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            # Whoever waited for an answer may have given up.
            try:
                results = await asyncio.to_thread(self._do, [item for item, _ in batch])
            except Exception as error:
                for _, answer in batch:
                    if not answer.done():
                        answer.set_exception(error)
                continue
            for (_, answer), result in zip(batch, results, strict=True):
                if not answer.done():
                    answer.set_result(result)
