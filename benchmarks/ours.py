"""Our side of the ingest benchmark: polls as the ingest role does, classification and storage included.

``python -m benchmarks.ours`` takes its settings from the environment, says ``open`` once it has started, is then told the feeds'
addresses as a JSON list, and obeys ``due``, which makes all of them due, and ``poll``. Each line is answered by a JSON object.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys

import sqlalchemy as sa

import service
from feeds.ingest.poll import Outcome, Poller
from feeds.ingest.shift import Shift
from feeds.model import Subscription
from feeds.settings import Settings, read_settings
from feeds.store import Store, prepared_store
from feeds.store.engine import reading, writing
from feeds.store.schema import article, source


async def main() -> None:
    settings = read_settings(os.environ)
    store = prepared_store(settings)
    tagger = service.ModelTagger(settings, store)
    async with service.poller(settings, store, tagger) as poller:
        print("open", flush=True)
        addresses = json.loads(await asyncio.to_thread(sys.stdin.readline))
        store.sources.add([Subscription(address, "") for address in addresses], next_poll=0)
        print("{}", flush=True)
        while line := (await asyncio.to_thread(sys.stdin.readline)).strip():
            if line == "due":
                make_due(store)
                print("{}", flush=True)
            else:
                outcomes = await poll_due(settings, store, poller, len(addresses))
                failed = sum(outcome.error is not None for outcome in outcomes)
                print(json.dumps({"entries": entries(store), "failed": failed}), flush=True)


async def poll_due(settings: Settings, store: Store, poller: Poller, number: int) -> list[Outcome]:
    """Polls so many due sources, looking for more at each tick and whenever there is room, as the role does."""
    outcomes: list[Outcome] = []
    finished = asyncio.Event()

    def done(outcome: Outcome) -> None:
        outcomes.append(outcome)
        if len(outcomes) == number:
            finished.set()

    shift = Shift(store, poller, service.clock, service.pace(settings), done)
    while not finished.is_set():
        await shift.fill()
        await asyncio.wait([asyncio.create_task(finished.wait())], timeout=settings.tick)
    return outcomes


def make_due(store: Store) -> None:
    with writing(store.engine) as connection:
        connection.execute(source.update().values(next_poll=0))


def entries(store: Store) -> dict[str, int]:
    """How many entries each source has brought, by its address."""
    query = (
        sa.select(source.c.url, sa.func.count().label("number")).join(article, article.c.source_id == source.c.id).group_by(source.c.url)
    )
    with reading(store.engine) as connection:
        return {row.url: row.number for row in connection.execute(query)}


if __name__ == "__main__":
    asyncio.run(main())
