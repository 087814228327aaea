"""What queries cost in a small archive and in a large one: ``python -m benchmarks.archive [STORIES]``, a million if not said otherwise."""

from __future__ import annotations

import json
import sqlite3
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from ulid import ULID

from benchmarks.helpers import ROOT
from feeds.model import Found, StoryQuery, Subscription, Topic
from feeds.publish.documents import FeedDocuments
from feeds.store import Store, migrate, open_store
from feeds.store.engine import reading
from feeds.store.finding import find
from feeds.words import stems

SMALL, LARGE = 10_000, 1_000_000
TOPICS = ("finance", "commissioning", "workforce", "data")
SOURCES = 200
_ROUNDS = 60
_BATCH = 20_000
# A story a minute, until now.
_NOW = 1_790_000_000


def main(large: int = LARGE) -> None:
    print(f"Queries in an archive of {SMALL:,} stories and in one of {large:,} (SQLite; ms, median of {_ROUNDS})\n")
    with TemporaryDirectory() as folder:
        figures = [_measured(_filled(Path(folder) / f"{number}.db", number)) for number in (SMALL, large)]
    print(f"{'':44}{'small':>9}{'large':>9}{'ratio':>8}")
    for name, small in figures[0].items():
        print(f"{name:44}{small:9.2f}{figures[1][name]:9.2f}{figures[1][name] / small:7.1f}x")


def _filled(file: Path, number: int) -> Store:
    """A database of so many stories, written without ingest, which would take hours."""
    store = open_store(f"sqlite:///{file}")
    migrate(store.engine)
    store.status.instance()
    store.sources.add([Subscription(f"https://s{each}.example/feed", f"Source {each}") for each in range(1, SOURCES + 1)], None)
    started = time.monotonic()
    with sqlite3.connect(file) as database:
        database.execute("PRAGMA synchronous=OFF")
        for begin in range(1, number + 1, _BATCH):
            _write(database, range(begin, min(begin + _BATCH, number + 1)))
        for name in ("all", "untagged", *TOPICS):
            database.execute("INSERT INTO feed (name, seq, updated, stories) VALUES (?, ?, ?, ?)", (name, number, _NOW, number))
        database.execute("ANALYZE")
    print(f"{number:,} stories made in {time.monotonic() - started:.0f} s", file=sys.stderr)
    return store


def _write(database: sqlite3.Connection, numbers: range) -> None:
    told = list(_told(numbers))
    insert = database.executemany
    insert(
        "INSERT INTO article (id, source_id, guid, fingerprint, title, first_seen) VALUES (?, ?, ?, '', ?, ?)",
        ((key, who, key, title, at) for _, key, at, who, title, _, _ in told),
    )
    insert(
        "INSERT INTO story (id, lead_report, first_seen, updated, seq, untagged, number) VALUES (?, ?, ?, ?, ?, ?, ?)",
        ((key, key, at, at, number, not topics, number) for number, key, at, _, _, _, topics in told),
    )
    insert(
        'INSERT INTO report (id, story_id, article_id, source_id, position, "of", title, text, html) VALUES (?, ?, ?, ?, 1, 1, ?, ?, ?)',
        ((key, key, key, who, title, text, f"<p>{text}</p>") for _, key, _, who, title, text, _ in told),
    )
    insert(
        "INSERT INTO story_topic (story_id, topic, confidence, chosen, model, evidence) VALUES (?, ?, ?, ?, 'm', '[]')",
        ((key, topic, 0.9 if topic in topics else 0.1, topic in topics) for _, key, *_, topics in told for topic in TOPICS),
    )
    insert("INSERT INTO change (seq, at, kind, story_id) VALUES (?, ?, 'new', ?)", ((number, at, key) for number, key, at, *_ in told))
    insert(
        "INSERT INTO story_words (number, stems) VALUES (?, ?)",
        ((number, " ".join(stems(f"{title}\n{text}"))) for number, _, _, _, title, text, _ in told),
    )
    database.commit()


def _told(numbers: range) -> Iterator[tuple[int, str, int, int, str, str, tuple[str, ...]]]:
    """Number, id, time, source, title, text and topics of stories, by seeded dice."""
    dice = Random(numbers.start)  # noqa: S311 - figures must be the same each time
    for number in numbers:
        at = _NOW - (LARGE - number) * 60
        key = str(ULID.from_int((at * 1000 << 80) + number))
        example = dice.choice(_EXAMPLES)
        # One word in a thousand stories, and one that only the first of all have.
        rare = "zebra" if number % 1000 == 0 else "quagga" if number <= 5 else ""
        topics = tuple(topic for topic in TOPICS if dice.random() < 0.3)
        yield number, key, at, dice.randrange(1, SOURCES + 1), example["title"], f"{example['text'][:400]} {rare}", topics


_EXAMPLES = [json.loads(line) for line in (ROOT / "seeds" / "stories.jsonl").read_text(encoding="utf-8").splitlines()]


def _measured(store: Store) -> dict[str, float]:
    def ids(query: StoryQuery) -> Found:
        with reading(store.engine) as connection:
            return find(connection, query)

    stories = store.stories
    middle = stories.page(StoryQuery(limit=50))[-1].id
    documents = FeedDocuments(store, [Topic(name, name.title(), "") for name in TOPICS], "https://news.example.org")
    queries: dict[str, Callable[[], object]] = {
        "ids of the latest 50 of a topic": lambda: ids(StoryQuery("finance")),
        "the latest 50 of a topic, whole": lambda: stories.page(StoryQuery("finance")),
        "ids of 50 further down": lambda: ids(StoryQuery("finance", before=middle)),
        "ids of the latest 50 of three topics": lambda: ids(StoryQuery("finance+workforce+untagged")),
        "ids of the latest 50 of a source": lambda: ids(StoryQuery(source=7)),
        "ids of a topic, sure enough": lambda: ids(StoryQuery("finance", min_confidence=0.95)),
        "search: a common word": lambda: ids(StoryQuery(words="nhs")),
        "search: a rare word": lambda: ids(StoryQuery(words="zebra")),
        "search: a word of the oldest": lambda: ids(StoryQuery(words="quagga")),
        "search: no such word": lambda: ids(StoryQuery(words="okapi")),
        "search: two words and a phrase": lambda: ids(StoryQuery(words='trust board "chief executive"')),
        "search: words and a topic": lambda: ids(StoryQuery("finance", words="trust")),
        "changes: the last 100": lambda: stories.changes(stories.last_change().seq - 100, 100),
        "changes: the first 100": lambda: stories.changes(0, 100),
        "stories counted": stories.counts,
        "an archive document made": lambda: documents._build(StoryQuery("finance", before=middle), "atom", stories.last_change()),
    }
    return {name: _median(query) for name, query in queries.items()}


def _median(query: Callable[[], object]) -> float:
    query()
    times = []
    for _ in range(_ROUNDS):
        begin = time.perf_counter()
        query()
        times.append(time.perf_counter() - begin)
    return 1000 * statistics.median(times)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
