"""Replaying reads what sources sent once more: the latest version of each article, and what cannot be read costs nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
from builders import add_sources, poll_of
from fakes import START, FakeClock, KeywordTagger
from ingest_support import item, rss

from feeds.ingest.extract import extract_feed, extract_file
from feeds.ingest.issues import issues_of, words_of
from feeds.ingest.replay import Replay, Replayed
from feeds.ingest.sandbox import Sandbox
from feeds.model import Raw, StoryQuery, Tally, Verdict
from feeds.store import Store

DAY = 86_400
FIRST = rss(item("1", "Deficit grows", "A deficit of five."), item("2", "Nurses wanted", "More nurses."))
SECOND = rss(item("3", "Tender out", "A contract."), item("1", "Deficit grows further", "A deficit of six."))
LETTER = b"""From: Weekly <news@weekly.example>
Subject: Software for wards
Message-ID: <1@weekly.example>

A digital record for every ward is to come by the end of the year.
"""


class OtherTagger(KeywordTagger):
    """Takes nurses for finance."""

    def tag(self, stories: Sequence[tuple[str, str]]) -> list[Verdict]:
        return [
            replace(verdict, tags=tuple(replace(tag, chosen=tag.topic == "finance") for tag in verdict.tags))
            for verdict in super().tag(stories)
        ]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    running = Sandbox(workers=1)
    yield running
    running.close()


def keep(store: Store, source_id: int, raw: Raw, at: int) -> None:
    """A poll that brought this document."""
    read = extract_file(raw.name, raw.body) if raw.kind == "file" else extract_feed(raw.body, raw.content_type, raw.name)
    issues = issues_of(read.cuts, KeywordTagger().tag(words_of(read.cuts)))
    (lease,) = store.polls.claim(at, 60, 1, [source_id])
    store.polls.finish(lease, replace(poll_of(*reversed(issues), at=at), raws=(raw,)))


def replayed(store: Store, sandbox: Sandbox, tagger: KeywordTagger, since: int = 0, *, apply: bool = True) -> list[Replayed]:
    async def run() -> list[Replayed]:
        return [each async for each in Replay(store, sandbox, tagger, FakeClock(START + 9 * DAY), apply).run(since)]

    return asyncio.run(run())


@pytest.fixture
def feed(sqlite_store: Store) -> int:
    (source_id,) = add_sources(sqlite_store, ["a"])
    for number, body in enumerate((FIRST, SECOND)):
        keep(sqlite_store, source_id, Raw("feed", "https://a.example/feed", "text/xml", body), START + number * DAY)
    return source_id


def test_the_same_code_and_model_change_nothing(sqlite_store: Store, sandbox: Sandbox, feed: int) -> None:
    before = sqlite_store.stories.page(StoryQuery())
    assert replayed(sqlite_store, sandbox, KeywordTagger()) == [Replayed(feed, 3)]
    assert sqlite_store.stories.page(StoryQuery()) == before


def test_another_model_changes_topics_and_nothing_else(sqlite_store: Store, sandbox: Sandbox, feed: int) -> None:
    rehearsed = replayed(sqlite_store, sandbox, OtherTagger(), apply=False)
    assert [tag.topic for story in sqlite_store.stories.page(StoryQuery()) for tag in story.topics].count("finance") == 1
    done = replayed(sqlite_store, sandbox, OtherTagger())

    assert rehearsed == done
    assert done[0].tally == Tally(retagged=2)
    assert sorted(effect.title for effect in done[0].effects) == ["Nurses wanted", "Tender out"]
    assert {tag.topic for story in sqlite_store.stories.page(StoryQuery()) for tag in story.topics} == {"finance"}


def test_only_what_came_since_then_is_taken_up(sqlite_store: Store, sandbox: Sandbox, feed: int) -> None:
    assert [(each.articles, each.tally) for each in replayed(sqlite_store, sandbox, OtherTagger(), START + DAY)] == [(2, Tally(retagged=1))]
    assert replayed(sqlite_store, sandbox, OtherTagger(), START + 2 * DAY) == []


def test_letters_are_replayed_where_they_belong_and_a_bad_document_is_told(sqlite_store: Store, sandbox: Sandbox, feed: int) -> None:
    (box,) = add_sources(sqlite_store, ["box"])
    keep(sqlite_store, box, Raw("file", "1.eml", "", LETTER), START)
    (lease,) = sqlite_store.polls.claim(START, 60, 1, [box])
    sqlite_store.polls.finish(lease, replace(poll_of(), raws=(Raw("file", "bad.xml", "", b"<note/>"),)))

    feed_result, box_result = replayed(sqlite_store, sandbox, KeywordTagger())

    assert feed_result == Replayed(feed, 3)
    assert (box_result.articles, box_result.tally, box_result.effects) == (1, Tally(), ())
    assert [complaint.split(":")[0] for complaint in box_result.complaints] == ["bad.xml"]
