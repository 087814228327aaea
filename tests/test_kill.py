"""Work that is killed at any moment and then done again loses nothing and doubles nothing."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from typing import Any

import pytest
from builders import add_sources, issue, news, poll_of
from databases import Databases, Kind, rows
from fakes import START, FakeClock, KeywordTagger
from processes import children

from feeds.ingest.chores import Rescoring
from feeds.ingest.files import read_files
from feeds.model import PollResult
from feeds.store import Store, open_store
from feeds.store.schema import article, change, feed, report, source, story, story_topic

Work = Callable[[Store, FakeClock, Path], None]

_LEASE = 300
_PATIENCE = 60


# ---------------------------------------------------------------- the work


def read_letters(store: Store, clock: FakeClock, folder: Path) -> None:
    """``healthwire read`` of all letters in the folder."""
    names = [str(file) for file in sorted(folder.rglob("*.txt"))]
    for reading in read_files(names, store, KeywordTagger(), clock, max_bytes=1_000_000):
        assert reading.error is None, reading.error


def poll_all(store: Store, clock: FakeClock, _: Path) -> None:
    """Polls of all due sources, a few at a time."""
    while leases := store.polls.claim(clock(), _LEASE, 3):
        for lease in leases:
            store.polls.finish(lease, news_of(lease.source.title))


def news_of(name: str) -> PollResult:
    """What a poll of the source brings: new stories, told by others too, and the first article edited."""
    number = int(name.removeprefix("S"))
    shared = news("Shared", url=f"https://press.example/{number // 3}")
    edited = issue("first", news("Kept"), news(f"{name} replaces what was withdrawn", "New in its place.", topics={"data": 0.8}))
    fresh = [issue(f"{name} {each}", news(f"{name} {each}"), news(f"Also {name} {each}", topics={}), shared) for each in range(3)]
    return poll_of(edited, *fresh, at=START + number, next_poll=START + 10**6)


def before_polls(store: Store) -> None:
    for number, source_id in enumerate(add_sources(store, [f"S{number}" for number in range(27)])):
        first = issue("first", news("Kept"), news(f"S{number} will be withdrawn", "Old.", topics={"workforce": 0.9}))
        store.polls.write(source_id, [first], START - 3600)


def tag_anew(store: Store, clock: FakeClock, _: Path) -> None:
    """What the ingest role does when another model is in use."""
    Rescoring(store, KeywordTagger(), clock)(lambda: False)


def before_tagging(store: Store) -> None:
    """Stories that a model took for finance; the next finds most of them to be of other topics."""
    [source_id] = add_sources(store, ["A"])
    told = ("Nurses leave", "Records go astray", "A deficit doubles", "Owls nest")
    stories = [news(f"{told[number % 4]} in ward {number}") for number in range(600)]
    store.polls.write(source_id, [issue(str(number), each) for number, each in enumerate(stories)], START - 3600)


STREETS = ("Abbey", "Baker", "Castle", "Dock", "Elm", "Ferry", "Green", "Hill")
LETTER = """HEALTH NEWS WEEKLY

{street} Street trust forecasts a deficit

The board of {street} Street trust heard on Thursday that the savings agreed in spring will not be made.

Its finance director said that little of the gap could be closed before April, and that winter had yet to come.

Nurses leave {street} Street faster than they can be replaced

One nursing post in nine at {street} Street stands empty, and the share has grown in each of the last four quarters.

Those who left named rotas more often than pay.

Commissioners tear up the county's transport contract

Patient transport goes out to tender again after part of the competition was scored against rules that nobody had published.

The present provider stays until the autumn of next year at the latest.
"""


def write_letters(folder: Path) -> None:
    """Twenty-four letters in two folders; each has two stories of its own and one that all of them tell."""
    for number, street in enumerate(f"{side} {street}" for side in ("Upper", "Lower", "Old") for street in STREETS):
        file = folder / f"paper {number % 2}" / f"{street}.txt"
        file.parent.mkdir(exist_ok=True)
        file.write_text(LETTER.format(street=street), encoding="utf-8")


# ---------------------------------------------------------------- killing it


@dataclass(frozen=True)
class Round:
    """A database that is the same at the start of each round, and what a worker does to it."""

    url: str
    work: Work
    folder: Path


def _worker(job: Round, parent: Connection) -> None:
    store = open_store(job.url)
    store.sources.list()
    parent.send("go")
    job.work(store, FakeClock(), job.folder)
    parent.send("done")
    store.engine.dispose()


@contextmanager
def _started(job: Round) -> Iterator[tuple[Any, Connection]]:
    """A worker that has just said "go"."""
    here, there = children.Pipe(duplex=False)
    process = children.Process(target=_worker, args=(job, there))
    process.start()
    there.close()
    try:
        assert here.poll(_PATIENCE), "the worker did not start"
        assert here.recv() == "go"
        yield process, here
    finally:
        process.kill()
        process.join(_PATIENCE)
        here.close()


def _time_undisturbed(job: Round) -> float:
    with _started(job) as (process, answers):
        begin = time.monotonic()
        assert answers.poll(_PATIENCE)
        assert answers.recv() == "done"
        took = time.monotonic() - begin
        process.join(_PATIENCE)
        assert process.exitcode == 0
    return took


def _was_killed(job: Round, after: float) -> bool:
    """Whether SIGKILL met the worker before it was done."""
    with _started(job) as (process, answers):
        finished = answers.poll(after)
        process.kill()
        process.join(_PATIENCE)
        return not finished and process.exitcode == -signal.SIGKILL


def _state(store: Store) -> dict[str, Any]:
    """All that is stored, with the places of rows in order instead of ids that differ from run to run."""
    changes, stories, articles = rows(store, change), rows(store, story), rows(store, article)
    sources = rows(store, source)
    teller = {row["id"]: index for index, row in enumerate(sources)}
    place = {row["id"]: index for index, row in enumerate(stories)}
    seq = {row["seq"]: index for index, row in enumerate(changes)}
    reports = rows(store, report)
    telling = {row["id"]: index for index, row in enumerate(reports)}
    of_article = {row["id"]: (teller[row["source_id"]], row["guid"]) for row in articles}

    def told_by(row: dict[str, Any]) -> dict[str, Any]:
        return row | {"id": None, "source_id": teller[row["source_id"]]}

    return {
        "sources": [row | {"id": None, "lease_token": None} for row in sources],
        "articles": [told_by(row) for row in articles],
        "stories": [
            row | {"id": None, "lead_report": telling.get(row["lead_report"]), "seq": seq[row["seq"]], "number": seq[row["number"]]}
            for row in stories
        ],
        "reports": [told_by(row) | {"story_id": place[row["story_id"]], "article_id": of_article[row["article_id"]]} for row in reports],
        "tags": sorted((place[row["story_id"]], row["topic"], row["confidence"], row["chosen"]) for row in rows(store, story_topic)),
        "changes": [(row["at"], row["kind"], place[row["story_id"]]) for row in changes],
        "feeds": [(row["name"], seq[row["seq"]], row["updated"], row["stories"]) for row in rows(store, feed)],
    }


def _is_whole(store: Store) -> bool:
    """Whether each stored article is there with all of its stories, and each story with its tags and its change."""
    tellings = rows(store, report)
    tagged = {row["story_id"] for row in rows(store, story_topic)} | {row["id"] for row in rows(store, story) if row["untagged"]}
    return (
        all(row["of"] == sum(other["article_id"] == row["article_id"] for other in tellings) for row in tellings)
        and {row["article_id"] for row in tellings} == {row["id"] for row in rows(store, article)}
        and {row["id"] for row in rows(store, story) if not row["withdrawn"]} == {row["story_id"] for row in tellings}
        and {row["story_id"] for row in tellings} <= tagged
        and {row["id"]: row["seq"] for row in rows(store, story)} == {row["story_id"]: row["seq"] for row in rows(store, change)}
    )


def _survives_kills(rounds: Iterator[Round], open_at: Callable[[str], Store], kills: int, wait: int, seed: int) -> None:
    """``wait``: the seconds after which the work is done again."""
    job = next(rounds)
    took = _time_undisturbed(job)
    undisturbed = _state(open_at(job.url))
    dice = Random(seed)  # noqa: S311
    midway = 0  # kills of a worker that had stored a part: only these put anything to the test
    for attempt in range(20 * kills):
        if midway == kills:
            break
        job = next(rounds)
        store = open_at(job.url)
        untouched = len(rows(store, change))
        after = dice.uniform(0, took)
        # Where a kill came too late or too early, the machine may have become faster or slower.
        if not _was_killed(job, after):
            took = after
        else:
            assert _is_whole(store), f"attempt {attempt}"
            stored = len(rows(store, change))
            midway += untouched < stored < len(undisturbed["changes"])
            took *= 1.2 if stored == untouched else 1
            job.work(store, FakeClock(START + wait), job.folder)
            assert _state(store) == undisturbed, f"attempt {attempt}"
        store.engine.dispose()
    assert midway == kills


# ---------------------------------------------------------------- tests


@pytest.fixture
def letters(tmp_path: Path) -> Path:
    folder = tmp_path / "letters"
    folder.mkdir()
    write_letters(folder)
    return folder


KILLS = [("sqlite", 15), ("postgresql", 4)]


@pytest.mark.parametrize(("kind", "kills"), KILLS)
def test_letters_read_again_after_a_kill_are_stored_as_if_nothing_had_happened(
    kind: Kind, kills: int, databases: Databases, letters: Path
) -> None:
    rounds = (Round(databases.migrated(kind), read_letters, letters) for _ in count())
    _survives_kills(rounds, databases.open, kills, wait=0, seed=1)


@pytest.mark.parametrize(("kind", "kills"), KILLS)
def test_sources_polled_again_after_a_kill_are_stored_as_if_nothing_had_happened(
    kind: Kind, kills: int, databases: Databases, tmp_path: Path
) -> None:
    url = databases.migrated(kind)
    store = databases.open(url)
    before_polls(store)
    store.engine.dispose()
    rounds = (Round(databases.copy_of(url), poll_all, tmp_path) for _ in count())
    _survives_kills(rounds, databases.open, kills, wait=_LEASE, seed=2)


@pytest.mark.parametrize(("kind", "kills"), [("sqlite", 6), ("postgresql", 2)])
def test_stories_tagged_anew_after_a_kill_change_once(kind: Kind, kills: int, databases: Databases, tmp_path: Path) -> None:
    url = databases.migrated(kind)
    store = databases.open(url)
    before_tagging(store)
    store.engine.dispose()
    rounds = (Round(databases.copy_of(url), tag_anew, tmp_path) for _ in count())
    _survives_kills(rounds, databases.open, kills, wait=0, seed=3)
