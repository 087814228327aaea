"""Teasers are completed from their articles' pages: politely, once, and never with what is no article."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from builders import LONG
from fakes import START, FakeClock, KeywordTagger
from ingest_process import no_mailbox
from ingest_support import http_fetcher, rss
from web_server import Answer, WebServer

from feeds.ingest.completion import FullText
from feeds.ingest.extract import Cut
from feeds.ingest.letterbox import Letterbox
from feeds.ingest.poll import Outcome, Poller
from feeds.ingest.replay import Replay, Replayed
from feeds.ingest.sandbox import Sandbox
from feeds.ingest.schedule import Rhythm
from feeds.ingest.site import Site
from feeds.ingest.split import split_safely
from feeds.model import Article, PublishedStory, Source, StoryQuery, Subscription, Tally
from feeds.store import Store

HOUR = 3600
TEASER = "The trust has told its board of a deficit, and of much else that stands on its page."
TOLD = [
    "The trust has told its board that a deficit of five million pounds will not be closed before the spring, whatever is tried.",
    "Its finance director said that savings agreed in the autumn had come to nothing, as wards had to stay open through the winter.",
    "The regulator has asked for a new plan by the end of the month and will send a team of its own to look at the books.",
]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    running = Sandbox(workers=1)
    yield running
    running.close()


@dataclass
class Desk:
    store: Store
    sandbox: Sandbox
    clock: FakeClock
    pauses: list[float]

    def subscribe(self, url: str, *, full_text: bool = True) -> Source:
        (source,) = self.store.sources.add([Subscription(url, "Harbour", full_text=full_text)], START)
        return source

    def poll(self, source: Source, after: int = 0) -> Outcome:
        self.clock.advance(after)
        (lease,) = self.store.polls.claim(self.clock(), 300, 1, [source.id])

        async def pause(seconds: float) -> None:
            self.pauses.append(seconds)

        async def run() -> Outcome:
            async with http_fetcher() as fetcher:
                site = Site(fetcher, self.sandbox, self.store.polls.marks)
                letterbox = Letterbox(self.sandbox, self.store.polls.marks, no_mailbox, 100_000)
                full_text = FullText(fetcher, self.sandbox, self.clock, pause)
                rhythm = Rhythm(HOUR, 900, 24 * HOUR)
                return await Poller(self.store, site, letterbox, full_text, KeywordTagger(), self.clock, rhythm).poll(lease)

        return asyncio.run(run())

    def replay(self, *, apply: bool) -> list[Replayed]:
        async def run() -> list[Replayed]:
            replay = Replay(self.store, self.sandbox, KeywordTagger(), self.clock, apply)
            return [each async for each in replay.run(START)]

        return asyncio.run(run())

    def stories(self) -> list[PublishedStory]:
        return self.store.stories.page(StoryQuery())


@pytest.fixture
def desk(sqlite_store: Store, sandbox: Sandbox) -> Desk:
    return Desk(sqlite_store, sandbox, FakeClock(), [])


def entry(url: str, number: int = 1, text: str = TEASER) -> str:
    told = f"<title>Deficit at trust {number}</title><description>{text}</description>"
    return f"<item><guid isPermaLink='false'>{number}</guid><link>{url}</link>{told}</item>"


def page(*paragraphs: str, number: int = 1) -> Answer:
    told = "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
    article = f"<article><h1>Deficit at trust {number}</h1>{told}</article>"
    head = f"<head><title>Deficit at trust {number}</title></head>"
    html = f"<!DOCTYPE html><html>{head}<body><nav><a href='/'>Home</a></nav>{article}</body></html>"
    return Answer(body=html.encode(), headers={"Content-Type": "text/html; charset=utf-8"})


def feed_of(server: WebServer, *entries: str, path: str = "/feed") -> str:
    return server.script(path, Answer(body=rss(*entries), headers={"ETag": '"v1"'}))


def test_a_teaser_becomes_the_whole_article_and_keeps_what_the_feed_said_of_it(desk: Desk, server: WebServer) -> None:
    url = server.script("/news/1", page(*TOLD))
    source = desk.subscribe(feed_of(server, entry(url)))

    desk.poll(source)

    (story,) = desk.stories()
    assert (story.title, story.url) == ("Deficit at trust 1", url)
    assert all(paragraph in story.text for paragraph in TOLD)
    assert story.text.startswith(TEASER)
    assert "Home" not in story.text
    (request,) = server.asked("/news/1")
    assert request.headers["user-agent"].startswith("Healthwire/")
    assert request.headers["accept"].startswith("text/html")
    assert not {"cookie", "referer"} & set(request.headers)


def test_pages_are_asked_for_only_where_a_person_wants_it_and_only_for_teasers(desk: Desk, server: WebServer) -> None:
    url, whole = server.script("/news/1", page(*TOLD)), server.script("/news/2", page(*TOLD, number=2))
    plain = desk.subscribe(feed_of(server, entry(url)), full_text=False)
    full = desk.subscribe(feed_of(server, entry(whole, 2, f"<p>{LONG}. " * 12), path="/other"))
    desk.poll(plain)
    desk.poll(full)
    assert server.asked("/news/1") == server.asked("/news/2") == []


def test_an_article_is_completed_once_and_stays_complete(desk: Desk, server: WebServer) -> None:
    url = server.script("/news/1", page(*TOLD))
    first, same = rss(entry(url)), rss(entry(url)) + b"<!-- rendered anew -->"
    source = desk.subscribe(server.script("/feed", Answer(body=first), Answer(body=same)))
    desk.poll(source)
    before = desk.stories()[0].text

    outcome = desk.poll(source, after=HOUR)

    assert (outcome.tally, outcome.unchanged) == (Tally(), True)
    assert desk.stories()[0].text == before
    assert len(server.asked("/news/1")) == 1


@pytest.mark.parametrize(
    ("robots", "allowed"),
    [
        (Answer(body=b"User-agent: *\nDisallow: /news/"), False),
        (Answer(body=b"User-agent: healthwire\nDisallow: /\n\nUser-agent: *\nAllow: /"), False),
        (Answer(body=b"User-agent: *\nDisallow: /private/"), True),
        (Answer(404), True),
        (Answer(503), False),
    ],
)
def test_robots_txt_is_obeyed(desk: Desk, server: WebServer, robots: Answer, allowed: bool) -> None:
    server.script("/robots.txt", robots)
    source = desk.subscribe(feed_of(server, entry(server.script("/news/1", page(*TOLD)))))

    outcome = desk.poll(source)

    assert outcome.tally == Tally(new=1)
    assert len(server.asked("/news/1")) == allowed
    assert (TOLD[2] in desk.stories()[0].text) is allowed


def test_robots_txt_is_asked_for_once_and_its_pause_is_kept_between_pages(desk: Desk, server: WebServer) -> None:
    server.script("/robots.txt", Answer(body=b"User-agent: *\nCrawl-delay: 7\n"))
    urls = [server.script(f"/news/{number}", page(*TOLD, f"It is number {number}.", number=number)) for number in range(3)]
    desk.poll(desk.subscribe(feed_of(server, *(entry(url, number) for number, url in enumerate(urls)))))
    assert len(server.asked("/robots.txt")) == 1
    assert desk.pauses == [7.0, 7.0]


@pytest.mark.parametrize(("robots", "asked"), [(Answer(503), 2), (Answer(429), 2), (Answer(404), 1), (Answer(body=b""), 1)])
def test_robots_txt_that_could_not_be_had_is_asked_for_again_an_hour_later(
    server: WebServer, sandbox: Sandbox, robots: Answer, asked: int
) -> None:
    server.script("/robots.txt", robots)
    url, clock = server.script("/news", page(*TOLD)), FakeClock()
    article = Article("1", "Deficit at trust 1", TEASER, is_html=False, origin="entry", url=url)

    async def run() -> None:
        async with http_fetcher() as fetcher:
            full_text = FullText(fetcher, sandbox, clock)
            for passed in (0, HOUR - 1, 1):
                clock.advance(passed)
                await full_text.complete([Cut(article, "", split_safely(article))])

    asyncio.run(run())
    assert len(server.asked("/robots.txt")) == asked


@pytest.mark.parametrize(
    "answer",
    [
        Answer(404),
        Answer(500),
        Answer(body=b"x" * 2_000_000),
        Answer(body=b"%PDF-1.7 \x00\xff", headers={"Content-Type": "application/pdf"}),
        Answer(302, headers={"Location": "ftp://127.0.0.1/"}),
        page("Subscribe to read on. Already a subscriber? Sign in."),
        page("We value your privacy. We and our partners store cookies on your device. Accept all. Manage preferences."),
    ],
    ids=["missing", "broken", "too long", "no page", "redirected away", "paywall", "cookie notice"],
)
def test_what_is_no_article_leaves_the_teaser_as_it_was(desk: Desk, server: WebServer, answer: Answer) -> None:
    source = desk.subscribe(feed_of(server, entry(server.script("/news/1", answer))))
    outcome = desk.poll(source)
    assert (outcome.error, outcome.tally) == (None, Tally(new=1))
    assert desk.stories()[0].text == TEASER


def test_a_page_that_leads_into_a_refused_network_is_not_fetched(desk: Desk, server: WebServer) -> None:
    url = server.script("/news/1", Answer(302, headers={"Location": "http://169.254.169.254/latest"}))
    desk.poll(desk.subscribe(feed_of(server, entry(url))))
    assert desk.stories()[0].text == TEASER


def test_a_first_poll_asks_for_the_pages_of_the_newest_only(desk: Desk, server: WebServer) -> None:
    urls = [server.script(f"/news/{number}", page(*TOLD, f"It is number {number}.", number=number)) for number in range(25)]
    desk.poll(desk.subscribe(feed_of(server, *(entry(url, number) for number, url in enumerate(urls)))))
    asked = sum(len(server.asked(f"/news/{number}")) for number in range(25))
    assert (asked, len(server.asked("/news/0")), len(server.asked("/news/24"))) == (20, 1, 0)
    assert len(desk.stories()) == 25


def test_replay_takes_the_page_that_was_kept(desk: Desk, server: WebServer) -> None:
    source = desk.subscribe(feed_of(server, entry(server.script("/news/1", page(*TOLD)))))
    desk.poll(source)
    story = desk.stories()[0]

    assert [(each.articles, each.tally, each.effects) for each in desk.replay(apply=True)] == [(1, Tally(), ())]
    assert desk.stories()[0] == story
    assert len(server.asked("/news/1")) == 1
