"""One poll from the web server, or a folder, to the stories in the store."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from builders import LONG
from fakes import START, FakeClock, KeywordTagger
from ingest_support import http_fetcher, item, rss
from web_server import Answer, WebServer, web_server

from feeds.ingest.files import folder_url
from feeds.ingest.poll import Outcome, ParserPool, Poller, lease_seconds
from feeds.ingest.schedule import Rhythm
from feeds.model import Fetched, Lease, Parsed, PublishedStory, Source, StoryQuery, Subscription, Tally, Verdict
from feeds.ports import Tagger
from feeds.store import Store

HOUR = 3600
DEFICIT = item("1", "Deficit grows", f"A deficit. {LONG}")
NURSES = item("2", "Nurses wanted", f"More nurses. {LONG}")


@pytest.fixture
def server() -> Iterator[WebServer]:
    with web_server() as running:
        yield running


class CountingPool(ParserPool):
    def __init__(self) -> None:
        super().__init__(workers=1)
        self.parsed = 0

    async def parse(self, fetched: Fetched) -> Parsed:
        self.parsed += 1
        return await super().parse(fetched)


@pytest.fixture(scope="module")
def parser() -> Iterator[CountingPool]:
    pool = CountingPool()
    yield pool
    pool.close()


@dataclass
class Desk:
    """Polls sources into a store at the hour that its clock shows."""

    store: Store
    parser: CountingPool
    clock: FakeClock
    tagger: Tagger

    def subscribe(self, *urls: str, title: str = "", next_poll: int | None = START) -> list[Source]:
        return self.store.sources.add([Subscription(url, title) for url in urls], next_poll)

    def claim(self, *sources: Source, seconds: int = 300) -> list[Lease]:
        leases = self.store.polls.claim(self.clock(), seconds, 100, [source.id for source in sources])
        return sorted(leases, key=lambda lease: lease.source.id)

    def finish(self, leases: Sequence[Lease], allowed: Sequence[str] = ("127.0.0.1/32",)) -> list[Outcome]:
        async def run() -> list[Outcome]:
            async with http_fetcher(allowed) as fetcher:
                rhythm = Rhythm(interval=HOUR, floor=900, ceiling=24 * HOUR)
                poller = Poller(self.store, fetcher, self.parser, self.tagger, self.clock, rhythm, 100_000, dice=lambda: 0.5)
                return await asyncio.gather(*map(poller.poll, leases))

        return asyncio.run(run())

    def poll(self, *sources: Source, after: int = 0) -> list[Outcome]:
        self.clock.advance(after)
        return self.finish(self.claim(*sources))

    def now(self, source: Source) -> Source:
        return self.store.sources.find(str(source.id))

    def stories(self) -> list[PublishedStory]:
        """Newest first."""
        return self.store.stories.page(StoryQuery())


@pytest.fixture
def desk(sqlite_store: Store, parser: CountingPool) -> Desk:
    return Desk(sqlite_store, parser, FakeClock(), KeywordTagger())


def test_a_first_poll_stores_stories_with_topics_and_the_state_of_the_source(desk: Desk, server: WebServer) -> None:
    headers = {"ETag": '"v1"', "Last-Modified": "Mon, 02 Mar 2026 08:00:00 GMT"}
    url = server.script("/feed", Answer(body=rss(DEFICIT, NURSES), headers=headers))
    (source,) = desk.subscribe(url)

    (outcome,) = desk.poll(source, after=60)

    assert (outcome.tally, outcome.error, outcome.unchanged) == (Tally(new=2), None, False)
    assert [(story.title, [tag.topic for tag in story.topics]) for story in desk.stories()] == [
        ("Deficit grows", ["finance"]),
        ("Nurses wanted", ["workforce"]),
    ]
    now = desk.now(source)
    assert (now.title, now.etag, now.last_modified) == ("Harbour Health News", *headers.values())
    assert (now.last_polled, now.last_success, now.next_poll, now.failures, now.error) == (
        START + 60,
        START + 60,
        START + 60 + HOUR,
        0,
        None,
    )


def test_a_title_that_a_person_gave_stays(desk: Desk, server: WebServer) -> None:
    (source,) = desk.subscribe(server.script("/feed", Answer(body=rss(DEFICIT))), title="My name for it")
    desk.poll(source)
    assert desk.now(source).title == "My name for it"


def test_an_unchanged_source_costs_one_conditional_request(desk: Desk, server: WebServer) -> None:
    url = server.script("/feed", Answer(body=rss(DEFICIT), headers={"ETag": 'W/"v1"'}), Answer(304))
    (source,) = desk.subscribe(url)
    desk.poll(source)
    before, change = desk.stories(), desk.store.stories.last_change()

    (outcome,) = desk.poll(source, after=HOUR)

    assert (outcome.tally, outcome.error, outcome.unchanged) == (Tally(), None, True)
    assert [request.headers.get("if-none-match") for request in server.requests] == [None, 'W/"v1"']
    assert (desk.stories(), desk.store.stories.last_change()) == ([replace(story, source=desk.now(source)) for story in before], change)
    assert (desk.now(source).etag, desk.now(source).next_poll, desk.now(source).last_success) == ('W/"v1"', START + 2 * HOUR, START + HOUR)


def test_the_same_body_again_is_not_parsed_again_and_renews_the_validators(desk: Desk, server: WebServer) -> None:
    first, second = (Answer(body=rss(DEFICIT), headers={"ETag": f'"v{number}"'}) for number in (1, 2))
    (source,) = desk.subscribe(server.script("/feed", first, Answer(304), second))
    desk.poll(source)
    change, parsed = desk.store.stories.last_change(), desk.parser.parsed

    outcomes = [*desk.poll(source, after=HOUR), *desk.poll(source, after=HOUR)]

    assert [outcome.unchanged for outcome in outcomes] == [True, True]
    assert (desk.now(source).etag, desk.store.stories.last_change(), desk.parser.parsed) == ('"v2"', change, parsed)


def test_an_edited_entry_keeps_its_story_and_a_new_one_comes_on_top(desk: Desk, server: WebServer) -> None:
    edited = item("1", "Deficit grows further", f"A deficit of six. {LONG}")
    newest = item("3", "Contract signed", f"A contract. {LONG} it says.")
    url = server.script("/feed", Answer(body=rss(DEFICIT, NURSES)), Answer(body=rss(newest, edited, NURSES)))
    (source,) = desk.subscribe(url)
    desk.poll(source)
    ids = [story.id for story in desk.stories()]

    (outcome,) = desk.poll(source, after=HOUR)

    assert outcome.tally == Tally(new=1, edited=1)
    after = desk.stories()
    assert [story.title for story in after] == ["Contract signed", "Deficit grows further", "Nurses wanted"]
    assert [story.id for story in after[1:]] == ids
    assert [(story.first_seen, story.updated) for story in after] == [(START + HOUR, START + HOUR), (START, START + HOUR), (START, START)]


def test_entries_that_fall_out_of_the_feed_stay_known(desk: Desk, server: WebServer) -> None:
    bodies = [rss(DEFICIT, NURSES), rss(DEFICIT), rss(DEFICIT, NURSES)]
    (source,) = desk.subscribe(server.script("/feed", *(Answer(body=body) for body in bodies)))

    tallies = [desk.poll(source, after=HOUR)[0].tally for _ in bodies]

    assert tallies == [Tally(new=2), Tally(), Tally()]
    assert len(desk.stories()) == 2


def test_a_source_that_fails_is_told_in_its_row_and_costs_the_others_nothing(desk: Desk, server: WebServer) -> None:
    good = server.script("/good", Answer(body=rss(DEFICIT)))
    faults = {
        server.script("/page", Answer(body=b"<!DOCTYPE html><html></html>", headers={"Content-Type": "text/html"})): "HTML page",
        server.script("/text", Answer(body=b"Come back later")): "no feed could be made out",
        server.script("/empty", Answer(body=b"")): "empty",
        server.script("/long", Answer(body=rss(item("1", "x", "y" * 2_000_000)))): "longer than",
        server.script("/gone", Answer(410)): "410 Gone",
        server.url("/feed", "[::1]"): "HEALTHWIRE_ALLOW_ADDRESSES",
        folder_url(Path("/no/such/folder")): "there is no folder",
    }
    sources = desk.subscribe(*faults, good)

    outcomes = desk.poll(*sources)

    for source, outcome, words in zip(sources[:-1], outcomes[:-1], faults.values(), strict=True):
        now = desk.now(source)
        assert words in (now.error or "")
        assert (outcome.error, outcome.tally, outcome.unchanged) == (now.error, Tally(), False)
        assert (now.failures, now.last_polled, now.last_success, now.next_poll) == (1, START, None, START + 2 * HOUR)
    assert outcomes[-1].tally == Tally(new=1)
    assert [story.title for story in desk.stories()] == ["Deficit grows"]


def test_a_failure_keeps_validators_and_stories_and_the_next_success_forgives_it(desk: Desk, server: WebServer) -> None:
    first = Answer(body=rss(DEFICIT), headers={"ETag": '"v1"'})
    broken = Answer(body=b"<html>", headers={"ETag": '"wrong"'})
    (source,) = desk.subscribe(server.script("/feed", first, broken, Answer(503), Answer(304)))
    desk.poll(source)

    states = []
    for wait in (HOUR, 2 * HOUR, 4 * HOUR):
        desk.poll(source, after=wait)
        now = desk.now(source)
        states.append((now.failures, now.error is None, (now.next_poll or 0) - desk.clock(), now.etag))

    assert states == [(1, False, 2 * HOUR, '"v1"'), (2, False, 4 * HOUR, '"v1"'), (0, True, HOUR, '"v1"')]
    assert [request.headers.get("if-none-match") for request in server.requests] == [None, '"v1"', '"v1"', '"v1"']
    assert [story.title for story in desk.stories()] == ["Deficit grows"]


def test_what_no_database_can_keep_is_left_out_and_the_rest_is_stored(desk: Desk, server: WebServer) -> None:
    feed = rb"""{"version": "https://jsonfeed.org/version/1.1", "title": "Od\ud800d", "items": [
        {"id": "a\u0000\udfff", "title": "Budget\u0000 agreed\ud83d", "content_text": "The budget\u0000 was \udc00 agreed."}]}"""
    (source,) = desk.subscribe(server.script("/feed", Answer(body=feed)))

    (outcome,) = desk.poll(source)

    assert (outcome.error, outcome.tally) == (None, Tally(new=1))
    assert desk.now(source).title == "Odd"
    assert [(story.title, "\0" in story.text) for story in desk.stories()] == [("Budget agreed", False)]


def test_a_lost_lease_writes_nothing(desk: Desk, server: WebServer) -> None:
    (source,) = desk.subscribe(server.script("/feed", Answer(body=rss(DEFICIT))))
    slow = desk.claim(source, seconds=300)
    desk.clock.advance(301)
    other = desk.claim(source)

    (outcome,) = desk.finish(slow)

    assert "taken over" in (outcome.error or "")
    assert desk.stories() == []
    assert desk.now(source) == source
    assert desk.finish(other)[0].tally == Tally(new=1)


def test_a_source_that_was_removed_meanwhile_stays_removed(desk: Desk, server: WebServer) -> None:
    (source,) = desk.subscribe(server.script("/feed", Answer(body=rss(DEFICIT))))
    leases = desk.claim(source)
    desk.store.sources.remove(source.id, START)

    (outcome,) = desk.finish(leases)

    assert outcome.error
    assert (desk.store.sources.list(), desk.stories()) == ([], [])


class BrokenTagger(KeywordTagger):
    def tag(self, stories: Sequence[tuple[str, str]]) -> list[Verdict]:
        raise ZeroDivisionError(f"{len(stories)} stories")


def test_an_unexpected_error_is_a_failure_of_that_poll_and_stores_nothing(desk: Desk, server: WebServer) -> None:
    (source,) = desk.subscribe(server.script("/feed", Answer(body=rss(DEFICIT), headers={"ETag": '"v1"'})))
    desk.tagger = BrokenTagger()

    (outcome,) = desk.poll(source)

    assert outcome.error == desk.now(source).error == "unexpected ZeroDivisionError: 1 stories"
    assert (desk.now(source).etag, desk.now(source).failures, desk.stories()) == (None, 1, [])
    desk.tagger = KeywordTagger()
    assert desk.poll(source, after=HOUR)[0].tally == Tally(new=1)


def test_a_database_that_fails_does_not_end_the_polls(desk: Desk, server: WebServer) -> None:
    (source,) = desk.subscribe(server.script("/feed", Answer(body=rss(DEFICIT))))
    leases = desk.claim(source)
    with desk.store.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE report RENAME TO hidden")

    (outcome,) = desk.finish(leases)

    assert "the database refused" in (outcome.error or "")
    assert desk.now(source).last_polled is None


def test_a_source_without_a_schedule_gets_none_by_being_polled(desk: Desk, server: WebServer) -> None:
    good, bad = desk.subscribe(server.script("/feed", Answer(body=rss(DEFICIT))), server.url("/missing"), next_poll=None)
    desk.poll(good, bad)
    assert [(desk.now(source).last_polled, desk.now(source).next_poll) for source in (good, bad)] == [(START, None), (START, None)]


def put(folder: Path, name: str, text: str, changed: int) -> None:
    (folder / name).write_text(text)
    os.utime(folder / name, (changed, changed))


def test_a_folder_is_a_source_whose_bad_files_are_told_while_others_are_stored(desk: Desk, tmp_path: Path) -> None:
    folder = tmp_path / "letters"
    folder.mkdir()
    (source,) = desk.subscribe(folder_url(folder), title="Letters")
    put(folder, "a.txt", f"Deficit grows\n\nA deficit. {LONG}.\n", START)

    first = desk.poll(source)
    (story,) = desk.stories()
    unchanged = desk.poll(source, after=HOUR)
    put(folder, "a.txt", f"Deficit grows\n\nA deficit of six. {LONG}.\n", START + 1)
    put(folder, "b.txt", f"Nurses wanted\n\nMore nurses. {LONG}.\n", START)
    put(folder, "c.xml", "<note/>", START)
    changed = desk.poll(source, after=HOUR)

    assert [first[0].tally, unchanged[0].tally, changed[0].tally] == [Tally(new=1), Tally(), Tally(new=1, edited=1)]
    assert [first[0].error, unchanged[0].error] == [None, None]
    assert (changed[0].error or "").startswith("c.xml: ")
    assert desk.now(source).error == changed[0].error
    assert {each.title: each.id == story.id for each in desk.stories()} == {"Deficit grows": True, "Nurses wanted": False}

    (folder / "c.xml").unlink()
    mended = desk.poll(source, after=HOUR)
    assert (mended[0].tally, mended[0].error, desk.now(source).failures) == (Tally(), None, 0)


def test_a_file_whose_name_is_no_text_costs_its_folder_nothing(desk: Desk, tmp_path: Path) -> None:
    folder = tmp_path / "letters"
    folder.mkdir()
    for name in (b"caf\xe9.txt", b"caf\xe9.xml"):
        Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_text(f"Nurses wanted\n\nMore nurses. {LONG}.\n")
    put(folder, "a.txt", f"Deficit grows\n\nA deficit. {LONG}.\n", START)
    (source,) = desk.subscribe(folder_url(folder))

    (outcome,) = desk.poll(source)

    assert sorted(story.title for story in desk.stories()) == ["Deficit grows", "Nurses wanted"]
    assert outcome.tally == Tally(new=2)
    assert ".xml: no feed" in (desk.now(source).error or "")


@pytest.mark.parametrize("fetch_timeout", [1, 30, 600])
def test_a_lease_outlasts_everything_that_a_poll_may_do(fetch_timeout: int) -> None:
    """The fetch, then a parser that is given 30 seconds, with as much again to wait and write."""
    assert lease_seconds(fetch_timeout) > 2 * (fetch_timeout + 30)
