"""One poll from the web server, or a folder, to the stories in the store."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from builders import LONG
from databases import rename, rows
from fakes import START, FakeClock, KeywordTagger
from ingest_process import Teasers, no_mailbox
from ingest_support import http_fetcher, item, rss
from web_server import Answer, WebServer

from feeds.ingest.files import folder_url
from feeds.ingest.letterbox import Letterbox
from feeds.ingest.poll import Outcome, Poller, lease_seconds
from feeds.ingest.sandbox import Sandbox
from feeds.ingest.schedule import Rhythm
from feeds.ingest.site import Site
from feeds.model import Evidence, Lease, PublishedStory, Source, StoryQuery, Subscription, Tag, Tally, Verdict
from feeds.ports import Tagger
from feeds.store import Store
from feeds.store.schema import source_event

HOUR = 3600
RHYTHM = Rhythm(interval=HOUR, floor=900, ceiling=24 * HOUR)
DEFICIT = item("1", "Deficit grows", f"A deficit. {LONG}")
NURSES = item("2", "Nurses wanted", f"More nurses. {LONG}")


class CountingSandbox(Sandbox):
    def __init__(self) -> None:
        super().__init__(workers=1)
        self.runs = 0

    async def run(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        self.runs += 1
        return await super().run(function, *args, **kwargs)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[CountingSandbox]:
    running = CountingSandbox()
    yield running
    running.close()


@dataclass
class Desk:
    """Polls sources into a store at the hour that its clock shows."""

    store: Store
    sandbox: CountingSandbox
    clock: FakeClock
    tagger: Tagger

    def subscribe(self, *urls: str, title: str = "", next_poll: int | None = START) -> list[Source]:
        return self.store.sources.add([Subscription(url, title) for url in urls], next_poll)

    def claim(self, *sources: Source, seconds: int = 300) -> list[Lease]:
        leases = self.store.polls.claim(self.clock(), seconds, 100, [source.id for source in sources], per_host=100)
        return sorted(leases, key=lambda lease: lease.source.id)

    def finish(self, leases: Sequence[Lease], allowed: Sequence[str] = ("127.0.0.1/32",)) -> list[Outcome]:
        async def run() -> list[Outcome]:
            async with http_fetcher(allowed) as fetcher:
                marks = self.store.polls.marks
                letterbox = Letterbox(self.sandbox, marks, no_mailbox, 100_000)
                site = Site(fetcher, self.sandbox, marks)
                poller = Poller(self.store, site, letterbox, Teasers(), self.tagger, self.clock, RHYTHM, dice=lambda: 0.0)
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
def desk(sqlite_store: Store, sandbox: CountingSandbox) -> Desk:
    return Desk(sqlite_store, sandbox, FakeClock(), KeywordTagger())


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
    change, parsed = desk.store.stories.last_change(), desk.sandbox.runs

    outcomes = [*desk.poll(source, after=HOUR), *desk.poll(source, after=HOUR)]

    assert [outcome.unchanged for outcome in outcomes] == [True, True]
    assert (desk.now(source).etag, desk.store.stories.last_change(), desk.sandbox.runs) == ('"v2"', change, parsed)


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
        server.script("/page", Answer(body=b"<!DOCTYPE html><html></html>", headers={"Content-Type": "text/html"})): "web page",
        server.script("/text", Answer(body=b"Come back later")): "no feed could be made out",
        server.script("/empty", Answer(body=b"")): "empty",
        server.script("/long", Answer(body=rss(item("1", "x", "y" * 2_000_000)))): "longer than",
        server.script("/busy", Answer(503)): "503 Service Unavailable",
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


class OddTagger(KeywordTagger):
    """Sees evidence that no database can keep."""

    def tag(self, stories: Sequence[tuple[str, str]]) -> list[Verdict]:
        odd = Tag("finance", 0.9, True, self.version, (Evidence("deficit", object()),))  # type: ignore[arg-type]
        return [Verdict((odd,)) for _ in stories]


def test_what_cannot_be_stored_is_a_failure_of_its_source(desk: Desk, server: WebServer) -> None:
    (source,) = desk.subscribe(server.script("/feed", Answer(body=rss(DEFICIT), headers={"ETag": '"v1"'})))
    desk.tagger = OddTagger()

    (outcome,) = desk.poll(source)

    assert outcome.error == desk.now(source).error == "what it brought could not be stored: StatementError"
    assert (desk.now(source).etag, desk.now(source).failures, desk.stories()) == (None, 1, [])
    assert wait(desk, source) == 2 * HOUR


def test_a_database_that_fails_does_not_end_the_polls(desk: Desk, server: WebServer) -> None:
    (source,) = desk.subscribe(server.script("/feed", Answer(body=rss(DEFICIT))))
    leases = desk.claim(source)
    rename(desk.store, "report", "hidden")

    (outcome,) = desk.finish(leases)

    assert "the database refused" in (outcome.error or "")
    assert desk.now(source).last_polled is None


def test_a_source_without_a_schedule_gets_none_by_being_polled(desk: Desk, server: WebServer) -> None:
    good, bad = desk.subscribe(server.script("/feed", Answer(body=rss(DEFICIT))), server.url("/missing"), next_poll=None)
    desk.poll(good, bad)
    assert [(desk.now(source).last_polled, desk.now(source).next_poll) for source in (good, bad)] == [(START, None), (START, None)]


# ---------------------------------------------------------------- politeness


def wait(desk: Desk, source: Source) -> int:
    """Seconds from now to the source's next poll."""
    at = desk.now(source).next_poll
    assert at is not None
    return at - desk.clock()


def events(desk: Desk) -> list[tuple[str, str]]:
    return [(row["kind"], row["text"]) for row in rows(desk.store, source_event)]


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "18000"}, 5 * HOUR),
        ({"Retry-After": "60"}, 2 * HOUR),
        ({"Retry-After": "999999999999"}, 24 * HOUR),
        ({"Retry-After": "-5"}, 2 * HOUR),
        ({"Retry-After": "soon"}, 2 * HOUR),
        ({}, 2 * HOUR),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_is_left_alone_for_as_long_as_it_asks(
    desk: Desk, server: WebServer, status: int, headers: dict[str, str], seconds: int
) -> None:
    busy = server.script("/busy", Answer(status, headers=headers))
    other = server.script("/other", Answer(body=rss(DEFICIT), headers={"ETag": '"v1"'}))
    source, neighbour = desk.subscribe(busy, other)

    desk.poll(source, neighbour)

    assert wait(desk, source) == seconds
    # It binds the source, not its whole host.
    assert wait(desk, neighbour) == HOUR


def test_a_retry_after_that_is_a_date_is_obeyed(desk: Desk, server: WebServer) -> None:
    in_six_hours = format_datetime(datetime.now(UTC) + timedelta(hours=6), usegmt=True)
    (source,) = desk.subscribe(server.script("/busy", Answer(503, headers={"Retry-After": in_six_hours})))
    desk.poll(source)
    assert abs(wait(desk, source) - 6 * HOUR) < 60


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Cache-Control": "max-age=10800"}, 3 * HOUR),
        ({"Cache-Control": "public, max-age=10800, must-revalidate", "Age": "3600"}, 2 * HOUR),
        ({"Cache-Control": "max-age=60"}, HOUR),
        ({"Cache-Control": "max-age=99999999"}, 24 * HOUR),
        ({"Cache-Control": "no-cache, max-age=10800"}, HOUR),
        ({"Cache-Control": "max-age=many"}, HOUR),
        ({"Date": "Mon, 02 Mar 2026 09:00:00 GMT", "Expires": "Mon, 02 Mar 2026 13:00:00 GMT"}, 4 * HOUR),
        ({"Date": "Mon, 02 Mar 2026 09:00:00 GMT", "Expires": "Mon, 02 Mar 2026 13:00:00 GMT", "Cache-Control": "max-age=60"}, HOUR),
        ({"Expires": "0"}, HOUR),
    ],
)
@pytest.mark.parametrize("status", [200, 304])
def test_caching_headers_lengthen_the_wait_with_a_cap(
    desk: Desk, server: WebServer, status: int, headers: dict[str, str], seconds: int
) -> None:
    first = Answer(body=rss(DEFICIT), headers={"ETag": '"v1"'})
    body = rss(DEFICIT) if status == 200 else b""
    (source,) = desk.subscribe(server.script("/feed", first, Answer(status, body, {"ETag": '"v1"'} | headers)))
    desk.poll(source)
    desk.poll(source, after=HOUR)
    assert wait(desk, source) == seconds


def test_a_source_that_is_gone_is_not_asked_again_until_it_delivers_when_a_person_asks(desk: Desk, server: WebServer) -> None:
    alive = Answer(body=rss(DEFICIT), headers={"ETag": '"v1"'})
    (source,) = desk.subscribe(server.script("/feed", alive, Answer(410), Answer(410), alive))
    desk.poll(source)

    desk.poll(source, after=HOUR)
    gone = desk.now(source)
    desk.poll(source, after=HOUR)
    still = desk.now(source)
    desk.poll(source, after=HOUR)
    back = desk.now(source)

    assert (gone.stopped, gone.next_poll, gone.error) == (True, None, "the server answered 410 Gone")
    assert (still.stopped, still.next_poll, still.failures) == (True, None, 2)
    assert (back.stopped, back.error, wait(desk, source)) == (False, None, HOUR)
    assert [kind for kind, _ in events(desk)] == ["stopped", "recovered"]
    assert [story.title for story in desk.stories()] == ["Deficit grows"]


def test_a_missing_source_is_asked_more_and_more_rarely(desk: Desk, server: WebServer) -> None:
    (source,) = desk.subscribe(server.script("/feed", Answer(404)))
    waits = []
    for _ in range(6):
        desk.poll(source)
        waits.append(wait(desk, source) // HOUR)
        desk.clock.advance(wait(desk, source))
    assert waits == [2, 4, 8, 16, 24, 24]


@pytest.mark.parametrize(("status", "moves"), [(301, True), (308, True), (302, False), (303, False), (307, False)])
def test_a_new_address_is_believed_after_two_good_polls_and_only_if_it_is_for_good(
    desk: Desk, server: WebServer, status: int, moves: bool
) -> None:
    old = server.script("/old", Answer(status, headers={"Location": "/new"}))
    new = server.script("/new", Answer(body=rss(DEFICIT), headers={"ETag": '"v1"'}), Answer(304), Answer(304))
    (source,) = desk.subscribe(old)

    addresses = []
    for _ in range(3):
        desk.poll(source, after=HOUR)
        addresses.append(desk.now(source).url)

    assert addresses == ([old, new, new] if moves else [old] * 3)
    assert len(server.asked("/old")) == (2 if moves else 3)
    assert [kind for kind, _ in events(desk)] == (["moved"] if moves else [])
    assert (desk.now(source).moved_to, desk.now(source).moved_times) == (None, 0)
    assert [request.headers.get("if-none-match") for request in server.asked("/new")] == [None, '"v1"', '"v1"']


def test_a_new_address_that_does_not_deliver_twice_in_a_row_is_not_believed(desk: Desk, server: WebServer) -> None:
    moved, stays = Answer(301, headers={"Location": "/new"}), Answer(body=rss(DEFICIT))
    old = server.script("/old", moved, moved, stays, moved)
    server.script("/new", Answer(body=rss(DEFICIT)), Answer(body=b"<html>sold</html>"), Answer(body=rss(DEFICIT)))
    (source,) = desk.subscribe(old)

    counts = []
    for _ in range(4):
        desk.poll(source, after=HOUR)
        counts.append((desk.now(source).url == old, desk.now(source).moved_times))

    # A good poll, a bad one, one that is not redirected, a good one.
    assert counts == [(True, 1), (True, 1), (True, 0), (True, 1)]


def test_a_chain_is_for_good_only_as_far_as_all_its_hops_are(desk: Desk, server: WebServer) -> None:
    server.script("/1", Answer(301, headers={"Location": "/2"}))
    server.script("/2", Answer(302, headers={"Location": "/3"}))
    server.script("/3", Answer(301, headers={"Location": "/4"}))
    server.script("/4", Answer(body=rss(DEFICIT)))
    (source,) = desk.subscribe(server.url("/1"))
    desk.poll(source)
    assert (desk.now(source).moved_to, desk.now(source).moved_times) == (server.url("/2"), 1)


def test_a_source_that_moves_to_where_another_is_stops_and_says_so(desk: Desk, server: WebServer) -> None:
    feed = Answer(body=rss(DEFICIT), headers={"ETag": '"v1"'})
    old, new = server.script("/old", Answer(301, headers={"Location": "/new"})), server.script("/new", feed)
    source, other = desk.subscribe(old, new)

    desk.poll(source)
    desk.poll(source, after=HOUR)

    now = desk.now(source)
    assert (now.url, now.stopped, now.next_poll) == (old, True, None)
    assert now.reason == f"its feed is at {new} now, which is source {other.id} already; remove one of them"
    assert events(desk) == [("stopped", now.reason)]


def test_sources_are_polled_as_often_as_they_publish(desk: Desk, server: WebServer) -> None:
    def dated(hours_apart: int) -> bytes:
        dates = [datetime.fromtimestamp(START - number * hours_apart * HOUR, UTC) for number in range(10)]
        items = [item(str(number), f"News {number}", f"{LONG} {number}") for number in range(10)]
        return rss(
            *(
                each.replace("</item>", f"<pubDate>{format_datetime(date)}</pubDate></item>")
                for each, date in zip(items, dates, strict=True)
            )
        )

    gaps = (1, 12, 24 * 30)
    urls = [server.script(f"/{gap}", Answer(body=dated(gap), headers={"ETag": '"v1"'})) for gap in gaps]
    sources = desk.subscribe(*urls)

    desk.poll(*sources)

    assert [wait(desk, source) for source in sources] == [900, 2 * HOUR, 24 * HOUR]
    assert [desk.now(source).usual_gap for source in sources] == [gap * HOUR for gap in gaps]
    assert [desk.now(source).last_new for source in sources] == [START] * 3
    assert desk.now(sources[1]).reason == "it brings something new about every 12 hours"


def test_failure_and_recovery_are_told_once_each_and_since_when(desk: Desk, server: WebServer) -> None:
    good = Answer(body=rss(DEFICIT))
    (source,) = desk.subscribe(server.script("/feed", good, Answer(500), Answer(500), good))
    since = []
    for _ in range(4):
        desk.poll(source, after=HOUR)
        since.append(desk.now(source).failing_since)
    assert since == [None, START + 2 * HOUR, START + 2 * HOUR, None]
    assert events(desk) == [
        ("broke", "the server answered 500 Internal Server Error; it failed, so it is left alone for longer"),
        ("recovered", "it delivers again, after it had failed 2 times in a row"),
    ]


# ---------------------------------------------------------------- pages


def page(*links: str) -> Answer:
    head = "".join(f'<link rel="alternate" type="application/rss+xml" href="{link}" title="Feed {link}">' for link in links)
    return Answer(body=f"<!DOCTYPE html><html><head>{head}</head><body><p>Welcome.</p></body></html>".encode())


def test_the_feed_of_a_page_is_found_and_polled_from_then_on(desk: Desk, server: WebServer) -> None:
    feed = server.script("/news.xml", Answer(body=rss(DEFICIT), headers={"ETag": '"v1"'}))
    (source,) = desk.subscribe(server.script("/", page("news.xml")))

    (outcome,) = desk.poll(source)
    desk.poll(source, after=HOUR)

    assert (outcome.tally, desk.now(source).url) == (Tally(new=1), feed)
    assert len(server.asked("/")) == 1
    assert [request.headers.get("if-none-match") for request in server.asked("/news.xml")] == [None, '"v1"']


def test_a_page_with_several_feeds_offers_the_choice_and_one_with_none_says_so(desk: Desk, server: WebServer) -> None:
    several, none = desk.subscribe(server.script("/a", page("one.xml", "two.xml")), server.script("/b", page()))

    outcomes = desk.poll(several, none)

    assert [outcome.is_feed for outcome in outcomes] == [False, False]
    assert server.url("/one.xml") in (outcomes[0].error or "")
    assert server.url("/two.xml") in (outcomes[0].error or "")
    assert server.asked("/one.xml") == []
    assert "no feed" in (outcomes[1].error or "")


def test_a_feed_that_has_become_a_page_is_a_fault_and_not_followed(desk: Desk, server: WebServer) -> None:
    server.script("/elsewhere.xml", Answer(body=rss(NURSES)))
    (source,) = desk.subscribe(server.script("/feed", Answer(body=rss(DEFICIT)), page("elsewhere.xml")))
    desk.poll(source)
    desk.poll(source, after=HOUR)
    assert desk.now(source).failures == 1
    assert server.asked("/elsewhere.xml") == []


# ---------------------------------------------------------------- folders


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
