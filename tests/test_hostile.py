"""Attacks by those who own a source: each costs it one recorded failure or is read without harm, and costs nobody else anything.

All of them at once, from a server in a process of its own, and then one by one what takes more than an answer.
"""

from __future__ import annotations

import asyncio
import random
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from threading import Event
from typing import Any
from xml.sax.saxutils import escape

import pytest
from builders import LONG
from fakes import START, FakeClock, KeywordTagger
from hostile_server import ATTACKS, Attack, hostile_server
from ingest_process import Teasers
from ingest_support import http_fetcher, item, rss, web_source
from program import PATIENCE
from test_text import PAYLOADS, assert_harmless
from web_server import Answer, WebServer, web_server

from feeds.errors import FetchError
from feeds.ingest.completion import FullText
from feeds.ingest.extract import Cut
from feeds.ingest.guard import Guard
from feeds.ingest.poll import Completion, Outcome, Poller
from feeds.ingest.sandbox import Limits, Sandbox
from feeds.ingest.schedule import Rhythm
from feeds.ingest.site import Site
from feeds.model import Lease, PublishedStory, Source, StoryQuery, Subscription
from feeds.store import Store

HOUR = 3600
MEGABYTE = 1024**2
MAX_BYTES = 3 * MEGABYTE
# Every attack that goes for processor time meets its end in this test, too, so they are given less of it.
LIMITS = Limits(cpu_seconds=1)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    running = Sandbox(limits=LIMITS)
    yield running
    running.close()


@dataclass
class Pulse:
    """How long the event loop kept others waiting, at its worst (seconds)."""

    longest: float = 0.0

    async def beat(self) -> None:
        while True:
            began = time.monotonic()
            await asyncio.sleep(0.01)
            self.longest = max(self.longest, time.monotonic() - began - 0.01)


@dataclass
class Desk:
    store: Store
    sandbox: Sandbox
    clock: FakeClock = field(default_factory=FakeClock)
    pulse: Pulse = field(default_factory=Pulse)
    full_text: Callable[[Any], Completion] = lambda _: Teasers()

    def subscribe(self, *urls: str, full_text: bool = False) -> list[Source]:
        return self.store.sources.add([Subscription(url, f"Source at {url}"[:100], full_text=full_text) for url in urls], START)

    def poll(self, *sources: Source, timeout: int = 20, allowed: Sequence[str] = ("127.0.0.0/8",), after: int = 0) -> list[Outcome]:
        """Polls all at once, if their leases allow it."""
        self.clock.advance(after)
        leases = self.store.polls.claim(self.clock(), 600, 1000, [source.id for source in sources], per_host=1000)
        leases.sort(key=lambda lease: lease.source.id)

        async def run() -> list[Outcome]:
            beating = asyncio.create_task(self.pulse.beat())
            async with http_fetcher(allowed, timeout=timeout, max_bytes=MAX_BYTES) as fetcher:
                site = Site(fetcher, self.sandbox, self.store.polls.marks)
                full_text = self.full_text(fetcher)
                poller = Poller(self.store, site, site, full_text, KeywordTagger(), self.clock, Rhythm(HOUR, 900, 24 * HOUR))
                # As many at once as the fetcher has connections.
                room = asyncio.Semaphore(20)

                async def one(lease: Lease) -> Outcome:
                    async with room:
                        return await poller.poll(lease)

                async with asyncio.timeout(3 * PATIENCE):
                    outcomes = await asyncio.gather(*map(one, leases))
            beating.cancel()
            return outcomes

        return asyncio.run(run())

    def now(self, source: Source) -> Source:
        return self.store.sources.find(str(source.id))

    def stories(self) -> list[PublishedStory]:
        return self.store.stories.page(StoryQuery(limit=10_000))


@pytest.fixture
def desk(sqlite_store: Store, sandbox: Sandbox) -> Desk:
    return Desk(sqlite_store, sandbox)


def peak_of(pid: int | str) -> int:
    """The most memory that a process has held since it was last told to forget (bytes)."""
    lines = (Path("/proc") / str(pid) / "status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024


def good_feed(number: int) -> bytes:
    return rss(item(str(number), f"Good news {number}", f"Good news of number {number}. {LONG}"))


def surprises(sources: Mapping[str, Source]) -> dict[str, str]:
    """What became of those whose attacks came to something else than was expected, by the attacks' names."""
    told = {name: source.error or "" for name, source in sources.items()}
    return {name: told[name] for name, attack in ATTACKS.items() if not attack.hogs and not is_as_expected(attack, told[name])}


def is_as_expected(attack: Attack, told: str) -> bool:
    return told == "" if attack.words is None else bool(told) and attack.words in told


def test_all_attacks_at_once_touch_nobody_else(desk: Desk, server: WebServer) -> None:
    (Path("/proc/self/clear_refs")).write_text("5")
    before = peak_of("self")
    good = [server.script(f"/good/{number}", Answer(body=good_feed(number))) for number in range(5)]

    with hostile_server(server.url("/canary")) as urls:
        attackers = dict(zip(ATTACKS, desk.subscribe(*urls.values()), strict=True))
        neighbours = desk.subscribe(*good)
        desk.poll(*attackers.values(), *neighbours, timeout=3)
        attacked = {name: desk.now(source) for name, source in attackers.items()}
        # On a busy machine anything may take too long, but not all of it twice.
        late = [attackers[name] for name, told in surprises(attacked).items() if "within" in told]
        desk.poll(*late, after=HOUR)

    for name, source in attacked.items():
        assert (source.last_polled, source.failures) == (START, source.error is not None), name
        assert len(source.error or "") <= 1000
    left = surprises({name: desk.now(source) for name, source in attackers.items()})
    assert [told for told in left.values() if "within" not in told] == []
    assert 2 * len(left) < len(ATTACKS)
    assert [(source.failures, source.last_success) for source in map(desk.now, neighbours)] == [(0, START)] * 5
    stories = desk.stories()
    assert {f"Good news {number}" for number in range(5)} <= {story.title for story in stories}
    # Nothing was read from elsewhere for them.
    assert server.asked("/canary") == []
    assert not any("root:" in story.text or "root:" in story.html for story in stories)
    # Nothing is too large to be shown, nor to be indexed.
    assert max(len(story.title) for story in stories) <= 500
    assert max(len(story.text) for story in stories) <= 100_000
    assert max(len(story.html) for story in stories) <= 600_000
    for story in stories:
        assert_harmless(story.html)
    # Measured on two busy cores: 0.25 s and 220 MB.
    assert desk.pulse.longest < 2
    assert peak_of("self") - before < 500 * MEGABYTE


# ---------------------------------------------------------------- headers


def test_validators_that_cannot_be_kept_harm_neither_their_source_nor_those_that_are_written_with_it(
    store: Store, sandbox: Sandbox, server: WebServer
) -> None:
    """Polls that bring nothing are written together."""
    desk = Desk(store, sandbox)
    first = Answer(body=good_feed(1), headers={"ETag": '"v1"'})
    poisons = {"ETag": '"\xff"', "Last-Modified": "\xff\x1b[31m", "Cache-Control": f"max-age={10**25}", "Content-Type": "\xff"}
    urls = [server.script(f"/{number}", first, Answer(304, headers=dict([poison]))) for number, poison in enumerate(poisons.items())]
    sources = desk.subscribe(*urls, *(server.script(f"/good/{number}", first, Answer(304)) for number in range(3)))

    for _ in range(3):
        outcomes = desk.poll(*sources, after=HOUR)
        assert [outcome.error for outcome in outcomes] == [None] * 7
    assert {desk.now(source).last_success for source in sources} == {START + 3 * HOUR}


def random_letters(number: int) -> str:
    """Letters that no database can compress."""
    dice = random.Random(number)  # noqa: S311
    return "".join(dice.choice("abcdefghijklmnopqrstuvwxyz0123456789") for _ in range(number))


def test_what_is_too_long_for_an_index_is_stored_and_known_again(store: Store, sandbox: Sandbox, server: WebServer) -> None:
    desk = Desk(store, sandbox)
    long = random_letters(7000)
    entry = f"<item><guid isPermaLink='false'>{long}</guid><link>http://a.example/{long}</link><title>Told</title></item>"
    longest = f"<item><guid isPermaLink='false'>{long}9</guid><link>http://a.example/{long * 2}</link><title>Told</title></item>"
    bodies = [rss(entry, longest), rss(entry, longest, item("1", "Another", "One."))]
    (source,) = desk.subscribe(server.script("/feed", *(Answer(body=body) for body in bodies)))

    assert [desk.poll(source, after=HOUR)[0].tally.new for _ in bodies] == [2, 1]
    assert sorted(len(story.url or "") for story in desk.stories()) == [0, 0, 7017]


def test_a_redirect_for_good_to_too_long_an_address_is_followed_and_not_kept(store: Store, sandbox: Sandbox, server: WebServer) -> None:
    desk = Desk(store, sandbox)
    target = f"/{random_letters(5000)}"
    server.script(target, Answer(body=good_feed(1)))
    (source,) = desk.subscribe(server.script("/feed", Answer(301, headers={"Location": target})))

    for _ in range(3):
        assert desk.poll(source, after=HOUR)[0].error is None
    assert (desk.now(source).url, desk.now(source).moved_to) == (source.url, None)


@pytest.mark.parametrize("link", ["http://somebody:secret@127.0.0.1/feed", f"/{'a' * 3000}"])
def test_a_page_whose_feed_cannot_be_a_source_is_a_failure(desk: Desk, server: WebServer, link: str) -> None:
    page = f"<!DOCTYPE html><link rel=alternate type='application/rss+xml' href='{link}'>"
    (source,) = desk.subscribe(server.script("/", Answer(body=page.encode())))

    desk.poll(source)

    assert (desk.now(source).failures, desk.now(source).url) == (1, source.url)
    assert "address" in (desk.now(source).error or "")
    assert "secret" not in (desk.now(source).error or "")
    assert len(server.requests) == 1


# ---------------------------------------------------------------- the way into the operator's network

# One of this machine at the canary's port, in every writing that some program understands, and places that others keep secrets at.
WRITINGS = """
    127.0.0.1 127.0.0.1. 127.1 127.0.1 2130706433 017700000001 0177.0.0.1 0177.0.0.01 0x7f000001 0x7f.0.0.1 0x7f.1 00000127.0.0.1
    127.000.000.001 0x7F000001 4294967295 0.0.0.0 0 0x0 localhost LOCALHOST localhost. １２７.０.０.１ ⑫⑦.0.0.1 127。0。0。1 ⓛocalhost
    [::1] [0:0:0:0:0:0:0:1] [::] [::ffff:127.0.0.1] [::ffff:7f00:1] [0:0:0:0:0:ffff:7f00:1] [::127.0.0.1] [::7f00:1]
    [64:ff9b::127.0.0.1] [64:ff9b::7f00:1] [64:ff9b:1::7f00:1] [2002:7f00:1::] [2002:7f00:1::1] [2001:0:7f00:1::] [2001::1]
    [fe80::1] [fe80::1%25lo] [fe80::1%25eth0] [fc00::1] [fd00::1] [fec0::1] [ff02::1] [::ffff:0:127.0.0.1] [2001:db8::1] [100::1]
    169.254.169.254 169.254.169.254. 0xa9fea9fe [::ffff:169.254.169.254] [64:ff9b::a9fe:a9fe] [fd00:ec2::254] 100.100.100.200
    10.0.0.1 172.16.0.1 172.31.255.255 192.168.0.1 100.64.0.1 192.0.0.1 192.88.99.1 198.18.0.1 224.0.0.1 240.0.0.1 255.255.255.255
    somebody@127.0.0.1 a.example@127.0.0.1 a.example:80@127.0.0.1 127.0.0.1#@a.example a.example%2f@127.0.0.1 a.example\\@127.0.0.1
    127.0.0.1%00.a.example 127.0.0.1%2523.a.example 127.0.0.1%0d%0a
""".split()


def test_no_redirect_leads_into_the_operators_network_however_it_is_written(desk: Desk) -> None:
    """The attacker's own address is allowed; another of this machine is not."""
    with web_server("127.0.0.2") as attacker, web_server() as canary, also_on_ipv6(canary.port):
        urls = [
            attacker.script(f"/{number}", Answer(302, headers={"Location": f"http://{writing}:{canary.port}/".encode().decode("latin-1")}))
            for number, writing in enumerate(WRITINGS)
        ]
        sources = desk.subscribe(*urls)
        desk.poll(*sources, allowed=["127.0.0.2/32"])

        assert canary.requests == []
        assert [desk.now(source).failures for source in sources] == [1] * len(WRITINGS)
        refused = [
            writing for writing, source in zip(WRITINGS, sources, strict=True) if "HEALTHWIRE_ALLOW" in (desk.now(source).error or "")
        ]
        # The others are no addresses at all, or those of hosts that there are not.
        assert len(refused) > 40
        (reached,) = desk.subscribe(attacker.script("/allowed", Answer(302, headers={"Location": canary.url("/")})))
        desk.poll(reached, allowed=["127.0.0.0/8"])
        assert len(canary.requests) == 1


@contextmanager
def also_on_ipv6(port: int) -> Iterator[None]:
    """Whoever knocks at ::1 and this port is let in, so that a guard with a hole has something to connect to."""
    with socket.socket(socket.AF_INET6) as listening:
        listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.bind(("::1", port))
        listening.listen()
        listening.setblocking(False)
        yield
        with pytest.raises(BlockingIOError):
            listening.accept()


@pytest.mark.parametrize(
    "address",
    """192.88.99.1 192.0.0.1 192.0.0.8 192.0.2.1 198.19.255.255 203.0.113.9 240.0.0.1 0.1.2.3 100.127.255.255 169.254.0.1 239.1.1.1
    :: ::1 ::7f00:1 ::8.8.8.8 ::ffff:0:8.8.8.8 ::ffff:10.0.0.1 64:ff9b::10.0.0.1 64:ff9b:1::8.8.8.8 100::1 200::1 fec0::1 fdff::1 febf::1
    fe80::1%2 ff0e::1 2001::1 2001:10::1 2001:db8::1 2002:a00:1::1 2002:7f00:1:: 4000::1 5f00::1 e000::1""".split(),
)
def test_what_is_not_the_public_internet_is_refused(address: str) -> None:
    assert not Guard().permits(address)


@pytest.mark.parametrize(
    "address",
    "8.8.8.8 1.1.1.1 192.0.1.1 100.128.0.1 172.32.0.1 2606:4700::1111 2a00:1450::1 2002:808:808::1 ::ffff:8.8.8.8 64:ff9b::8.8.8.8".split(),
)
def test_the_public_internet_is_permitted(address: str) -> None:
    assert Guard().permits(address)


def test_an_operator_may_allow_what_is_not_public() -> None:
    guard = Guard([ip_network("fec0::/10"), ip_network("64:ff9b:1::/48"), ip_network("10.0.0.0/8")])
    assert all(map(guard.permits, ("fec0::1", "64:ff9b:1::1", "10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::10.1.2.3")))
    assert not any(map(guard.permits, ("fe80::1", "64:ff9b:2::1", "127.1.2.3")))


# ---------------------------------------------------------------- waiting


def test_name_servers_that_keep_silent_hold_up_nobody(desk: Desk, server: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
    silence, ask = Event(), socket.getaddrinfo

    def answers(host: Any, *rest: Any, **more: Any) -> Any:
        if str(host).endswith(".invalid"):
            silence.wait(30)
        return ask(host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", answers)
    silent = desk.subscribe(*(f"http://host-{number}.invalid/" for number in range(15)))
    good = desk.subscribe(server.script("/feed", Answer(body=good_feed(1))).replace("127.0.0.1", "localhost"))
    started = time.monotonic()
    try:
        desk.poll(*silent, *good, timeout=1)
    finally:
        silence.set()

    assert time.monotonic() - started < 20
    assert desk.now(good[0]).last_success == START
    assert {desk.now(source).error for source in silent} == {"no complete answer within 1 s (HEALTHWIRE_FETCH_TIMEOUT)"}


def test_a_handshake_that_never_ends_is_ended() -> None:
    """The system accepts the connection for a program that never looks."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()

        async def fetch() -> None:
            async with http_fetcher(timeout=1) as fetcher, fetcher.fetch(web_source(f"https://127.0.0.1:{silent.getsockname()[1]}/")):
                pass

        started = time.monotonic()
        with pytest.raises(FetchError, match="no complete answer within 1 s"):
            asyncio.run(fetch())
        assert time.monotonic() - started < 10


def test_slow_hops_share_one_deadline(server: WebServer) -> None:
    for hop in range(5):
        server.script(f"/{hop}", Answer(302, headers={"Location": f"/{hop + 1}"}, hold=lambda: time.sleep(0.4)))

    async def fetch() -> None:
        async with http_fetcher(timeout=1) as fetcher, fetcher.fetch(web_source(server.url("/0"))):
            pass

    with pytest.raises(FetchError, match="no complete answer within 1 s"):
        asyncio.run(fetch())
    assert len(server.requests) <= 3


# ---------------------------------------------------------------- memory

LARGE = " ".join(["word"] * 250_000)


class Watching:
    """Completes nothing, but counts who is here at the same time; all stay until there are four, and others had time to come."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._go = asyncio.Event()
        self._at_once = 0
        self.most_at_once = 0

    async def complete(self, cuts: Sequence[Cut]) -> list[Cut]:
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        if self._at_once == 4:
            for _ in range(20):
                await self._sandbox.run(len, "")
            self._go.set()
        await self._go.wait()
        self._at_once -= 1
        return list(cuts)


@contextmanager
def servers(number: int) -> Iterator[list[WebServer]]:
    """At an address of its own each, as a host is asked for one thing at a time."""
    with ExitStack() as running:
        yield [running.enter_context(web_server(f"127.0.0.{place}")) for place in range(2, number + 2)]


def test_few_long_answers_are_held_from_their_first_bytes_until_they_are_stored(desk: Desk) -> None:
    """Else they would pile up before a model or database that is slower than their senders."""
    with servers(8) as hosts:
        watching = Watching(desk.sandbox)
        desk.full_text = lambda _: watching
        sources = desk.subscribe(*(host.script("/", Answer(body=rss(item("1", "Long", LARGE)))) for host in hosts), full_text=True)
        outcomes = desk.poll(*sources)

    assert [outcome.error for outcome in outcomes] == [None] * 8
    assert watching.most_at_once == 4


def test_long_pages_of_long_feeds_do_not_wait_for_each_other(desk: Desk) -> None:
    """Each poll holds one of the few places for long answers while it asks for pages that are long, too."""
    desk.full_text = lambda fetcher: FullText(fetcher, desk.sandbox, desk.clock)
    with servers(5) as hosts:
        urls = []
        for host in hosts:
            longest = f"<html>{'<!-- no news -->' * 200_000}</html>".encode()
            page = host.script("/page", Answer(body=longest, headers={"Content-Type": "text/html"}))
            teaser = f"<item><guid>1</guid><link>{page}</link><title>Teaser</title><description>Read more.</description></item>"
            urls.append(host.script("/", Answer(body=rss(teaser, item("2", "Long", LARGE)))))
        outcomes = desk.poll(*desk.subscribe(*urls, full_text=True))
        asked = [len(host.asked("/page")) for host in hosts]

    assert [(outcome.error, outcome.tally.new > 0) for outcome in outcomes] == [(None, True)] * 5
    assert asked == [1] * 5


# ---------------------------------------------------------------- what readers would run


def test_whatever_would_run_in_a_browser_is_harmless_once_it_is_a_story(desk: Desk, server: WebServer) -> None:
    def entry(number: int, payload: str) -> str:
        told = escape(payload)
        names = f"<guid isPermaLink='false'>{number}</guid><title>{told}</title><author>{told}</author><link>{told}</link>"
        return f"<item>{names}<description>{escape(f'<p>Payload {number}. {LONG}.</p>{payload}<p>{LONG}.</p>')}</description></item>"

    feed = rss(*(entry(*numbered) for numbered in enumerate(PAYLOADS)))
    (source,) = desk.subscribe(server.script("/feed", Answer(body=feed)))

    assert desk.poll(source)[0].error is None

    stories = desk.stories()
    assert len(stories) == len(PAYLOADS)
    for story in stories:
        assert "Payload " in story.text
        assert_harmless(story.html)
        assert story.url is None or story.url.startswith(("http://", "https://"))
