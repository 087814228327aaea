"""Two processes that poll the same sources are killed at random moments: nothing is lost or doubled, no source is polled twice at once,
and what a dead process held is polled again once its leases have run out."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

import pytest
import sqlalchemy as sa
from databases import KINDS, Databases, Kind, rows
from fakes import START
from ingest_process import LEASE, PER_HOST, SPEED, Job, NoSandbox, clock_of, ingest
from press import Press, most_at_once, press
from processes import children
from program import PATIENCE, children_of, eventually, is_running

from feeds.ingest.sandbox import Sandbox
from feeds.model import Subscription
from feeds.ports import Clock
from feeds.store import Store
from feeds.store.schema import article, change, report, source, source_event, story

# As many as there is time for; `make soak` makes more of them.
KILLS = int(os.environ.get("SOAK_KILLS", "30"))
# Real seconds after which a lease that ran out is another's, unless nobody is there to take it, or the machine is very slow.
_SOON = 1.0
# Seconds of the clock for which a lease may escape the watch before it runs out.
_TICKS = 4

# Each feed has a host of its own but for the last six, which share one.
HOSTS = {f"feed{number}": f"127.0.0.{min(number, 17)}" for number in range(1, 23)}
SHARED = "127.0.0.17"


# ---------------------------------------------------------------- killing them


@dataclass
class Hold:
    """A lease as it was seen in the database, ``last`` when it was seen last."""

    until: int
    last: int


@dataclass
class Hand:
    """A process that polls; ``was_heard`` when it has said that it begins."""

    process: Any
    answers: Connection
    was_heard: bool = False

    def has_begun(self) -> bool:
        if not self.was_heard and self.answers.poll():
            assert self.answers.recv() == "go"
            self.was_heard = True
        return self.was_heard


@dataclass
class Crew:
    """Two processes that poll, of which one after the other is killed. ``ends`` tells by their names when processes ended;
    ``longest`` is the most that any lease had yet to run when it was seen."""

    url: str
    log: Path
    store: Store
    sandbox: Callable[[], Sandbox]
    born: float = field(default_factory=time.monotonic)
    hands: list[Hand] = field(default_factory=list)
    ends: dict[str, float] = field(default_factory=dict)
    holds: dict[tuple[int, str], Hold] = field(default_factory=dict)
    longest: int = 0
    started: int = 0
    killed: int = 0

    @property
    def clock(self) -> Clock:
        return clock_of(self.born)

    def start(self) -> Hand:
        self.started += 1
        name = f"worker {self.started}"
        here, there = children.Pipe(duplex=False)
        job = Job(self.url, name, self.born, self.log, self.sandbox)
        hand = Hand(children.Process(target=ingest, args=(job, there), name=name), here)
        hand.process.start()
        there.close()
        self.hands.append(hand)
        return hand

    def wait_for(self, hand: Hand) -> None:
        """Watches until it has begun."""
        deadline = time.monotonic() + PATIENCE
        while not hand.has_begun():
            assert time.monotonic() < deadline, f"{hand.process.name} did not start"
            self.watch(0.01)

    def kill(self, victim: Hand) -> None:
        process = victim.process
        self.ends[process.name] = time.monotonic()
        process.kill()
        process.join(PATIENCE)
        assert process.exitcode in (-signal.SIGKILL, -signal.SIGTERM, 0), f"{process.name} ended by itself with {process.exitcode}"
        victim.answers.close()
        self.hands.remove(victim)
        self.killed += 1

    def watch(self, seconds: float) -> None:
        """Looks at all leases again and again for so long."""
        end = time.monotonic() + seconds
        while True:
            query = sa.select(source.c.id, source.c.lease_token, source.c.lease_until).where(source.c.lease_token.is_not(None))
            # A watch that was kept waiting amid its look must take leases neither for longer nor for later than they are.
            before = self.clock()
            with self.store.engine.connect() as connection:
                held = connection.execute(query).all()
            after = self.clock()
            self.longest = max([self.longest, *(row.lease_until - after for row in held)])
            self.holds |= {(row.id, row.lease_token): Hold(row.lease_until, before) for row in held}
            left = end - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, 0.05))

    def stop(self) -> None:
        """Ends all processes as an operator does."""
        for hand in self.hands:
            self.wait_for(hand)
            hand.process.terminate()
        for hand in self.hands:
            hand.process.join(PATIENCE)
            assert hand.process.exitcode == 0, f"{hand.process.name} ended with {hand.process.exitcode}"
            self.ends[hand.process.name] = time.monotonic()
        self.close()

    def close(self) -> None:
        for hand in self.hands:
            hand.process.kill()
            hand.process.join()
            hand.answers.close()
        self.hands.clear()


def kill_again_and_again(crew: Crew, kills: int, pause: float, dice: Random) -> None:
    """Of ten kills, on average, two meet a process that may not have begun, two one that is stopping, and one takes the other with it.

    ``pause``: the mean seconds between two. A few pauses are so long that polls under way have to renew their leases.
    """
    crew.start()
    crew.start()
    calm = {kills // 3, 2 * kills // 3}
    while crew.killed < kills:
        how = dice.randrange(10)
        victims = crew.hands[:] if how == 0 else [dice.choice(crew.hands)]
        if how not in (1, 2):
            crew.wait_for(victims[0])
        is_calm = calm & {crew.killed, crew.killed + 1}
        calm -= is_calm
        crew.watch(1.7 * LEASE / SPEED if is_calm else 2 * pause * dice.random())
        if how in (3, 4):
            victims[0].process.terminate()
            time.sleep(dice.uniform(0, 0.1))
        for victim in victims:
            crew.kill(victim)
            crew.start()


def poll_to_the_end(crew: Crew, server: Press) -> None:
    """Lets the feeds be until the last leases of the dead have run out and all that was said is stored, and then ends the crew."""
    server.grows = False
    crew.watch(LEASE / SPEED + _SOON)
    deadline = time.monotonic() + PATIENCE
    while server.unread():
        assert time.monotonic() < deadline, f"never polled to its end: {server.unread()}"
        crew.watch(0.1)
    crew.stop()


def subscribe(store: Store, server: Press) -> set[int]:
    """Subscribes to all feeds; the ids of those that are alone on their hosts."""
    added = store.sources.add([Subscription(server.url(name), name) for name in server.feeds], next_poll=START)
    hosts = {each.id: server.feeds[each.title].host for each in added}
    with store.engine.begin() as connection:
        for source_id, host in hosts.items():
            connection.execute(source.update().where(source.c.id == source_id).values(host=host))
    return {source_id for source_id, host in hosts.items() if host != SHARED}


# ---------------------------------------------------------------- what must hold


def check_stories(store: Store, server: Press) -> None:
    """Each entry is one article with its latest words, and each story is told once, whoever told it and how often."""
    names = {row["id"]: row["title"] for row in rows(store, source)}
    articles = {row["id"]: (names[row["source_id"]], row["guid"]) for row in rows(store, article)}
    reports = rows(store, report)
    told = sorted((*articles[row["article_id"]], row["title"], row["text"]) for row in reports)
    assert told == sorted((feed.name, guid, *words) for feed in server.feeds.values() for guid, words in feed.entries.items())
    assert len(articles) == len(reports)
    # Entries that all feeds tell have their guids in common.
    stories = {row["story_id"]: articles[row["article_id"]][1] for row in reports}
    assert Counter(stories.values()) == Counter({guid for _, guid in articles.values()})
    assert sorted(stories) == [row["id"] for row in rows(store, story)]


def check_changes(store: Store) -> None:
    """A story is new once and first of all, and was never withdrawn; its place is that of its last change."""
    kinds: dict[str, list[str]] = {}
    last: dict[str, int] = {}
    for row in rows(store, change):
        kinds.setdefault(row["story_id"], []).append(row["kind"])
        last[row["story_id"]] = row["seq"]
    assert last == {row["id"]: row["seq"] for row in rows(store, story)}
    for own in kinds.values():
        assert own[0] == "new"
        assert set(own[1:]) <= {"edited", "merged"}


def check_sources(store: Store, crew: Crew, server: Press) -> None:
    """All are well and will be polled again, and nobody holds one."""
    for row in rows(store, source):
        assert (row["lease_until"], row["lease_token"], row["failures"], row["error"]) == (0, None, 0, None)
        assert row["etag"] == server.feeds[row["title"]].etag
        assert row["next_poll"] > row["last_polled"] > crew.clock() - PATIENCE * SPEED
    assert rows(store, source_event) == []


def check_leases(crew: Crew, alone: set[int]) -> None:
    """None lasts longer than it may, and most that run out are soon another's if their sources are ``alone`` on their hosts."""
    assert crew.longest <= LEASE
    late = [hold.last - hold.until for (source_id, _), hold in crew.holds.items() if source_id in alone]
    left_behind = [each for each in late if each >= -_TICKS]
    assert len(left_behind) * 10 >= crew.killed, "nothing was tested"
    assert median(left_behind) <= _SOON * SPEED


@pytest.mark.parametrize("kind", KINDS)
def test_polls_that_are_killed_at_any_moment_are_made_again(kind: Kind, databases: Databases, tmp_path: Path) -> None:
    url, log = databases.migrated(kind), tmp_path / "log"
    with ExitStack() as until:
        server = until.enter_context(press(HOSTS, seed=1, long=1.5 * LEASE / SPEED))
        crew = Crew(url, log, databases.open(url), NoSandbox)
        until.callback(crew.close)
        alone = subscribe(crew.store, server)
        kill_again_and_again(crew, KILLS, 0.15, Random(2))  # noqa: S311
        poll_to_the_end(crew, server)
    check_stories(crew.store, server)
    check_changes(crew.store)
    check_sources(crew.store, crew, server)
    check_leases(crew, alone)
    assert most_at_once(server.visits, crew.ends, "feed") == dict.fromkeys(HOSTS, 1)
    assert most_at_once(server.visits, crew.ends, "host")[SHARED] == PER_HOST
    assert server.complaints == []
    assert log.read_text() == ""


def test_readers_of_a_killed_process_end_with_it(databases: Databases, tmp_path: Path) -> None:
    url = databases.migrated("sqlite")
    with ExitStack() as until:
        server = until.enter_context(press({"feed": "127.0.0.1"}, seed=1, long=0))
        crew = Crew(url, tmp_path / "log", databases.open(url), Sandbox)
        until.callback(crew.close)
        subscribe(crew.store, server)
        just_started = crew.start()
        eventually(lambda: children_of(just_started.process.pid))
        readers = children_of(just_started.process.pid)
        crew.kill(just_started)

        well_under_way = crew.start()
        eventually(lambda: rows(crew.store, article))
        readers += children_of(well_under_way.process.pid)
        crew.kill(well_under_way)

        assert len(readers) >= 2
        eventually(lambda: not any(map(is_running, readers)), patience=30)
