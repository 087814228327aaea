"""Writes down what polls came to: each that brought something by itself, and all the others together."""

from __future__ import annotations

import asyncio

from feeds.errors import LeaseLost
from feeds.model import Lease, PollResult, Tally
from feeds.store.polls import Polls

_NOTHING = Tally()


class Ledger:
    """Most polls bring nothing, and a transaction of their own would cost more than all the rest of them."""

    def __init__(self, polls: Polls) -> None:
        self._polls = polls
        self._waiting: list[tuple[Lease, PollResult, asyncio.Future[Tally]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def write(self, lease: Lease, result: PollResult) -> Tally:
        """Writes what a poll came to, if its lease still holds.

        Raises:
            LeaseLost: it does not; nothing was written.
            StoreError: the database cannot be used.
        """
        if not result.is_uneventful(lease.source):
            return await asyncio.to_thread(self._polls.finish, lease, result)
        written: asyncio.Future[Tally] = asyncio.get_running_loop().create_future()
        self._waiting.append((lease, result, written))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_waiting())
        return await written

    async def _write_waiting(self) -> None:
        """Whatever comes while a batch is being written is the next one."""
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                held = await asyncio.to_thread(self._polls.finish_uneventful, [(lease, result) for lease, result, _ in batch])
            except Exception as error:
                for _, _, written in batch:
                    if not written.done():
                        written.set_exception(error)
                continue
            for lease, _, written in batch:
                if written.done():
                    continue  # whoever waited for it has given up
                if lease.source.id in held:
                    written.set_result(_NOTHING)
                else:
                    written.set_exception(LeaseLost(f"source {lease.source.id} was taken over by another worker or removed"))
