"""How much one client may ask for: the buckets against exact arithmetic, who a client is, and what the application does about it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from fractions import Fraction
from ipaddress import ip_network
from threading import Thread

import pytest
from fakes import Seconds
from hypothesis import given
from hypothesis import strategies as st
from website import Site
from werkzeug.test import Client, TestResponse

from feeds.settings import Network
from feeds.web import limiter
from feeds.web.limiter import Limiter, client_of
from feeds.web.memory import Memory
from feeds.web.version import Version

ALICE, BOB = "192.0.2.1", "192.0.2.2"


@dataclass
class Bucket:
    """As many tokens as may be spent in a minute, at most; they come back evenly."""

    size: int
    tokens: Fraction = field(init=False)

    def __post_init__(self) -> None:
        self.tokens = Fraction(self.size)

    def flow(self, seconds: float) -> None:
        self.tokens = min(Fraction(self.size), self.tokens + Fraction(self.size, 60) * Fraction(seconds))

    def take(self) -> bool:
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


_sizes = st.sampled_from([1, 2, 3, 7, 60, 61, 600])
# Eighths of a second are exact in binary.
_pauses = st.sampled_from([0.0, 0.0, 0.0, 0.125, 0.5, 1.0, 5.0, 20.0, 60.0, 3600.0])
_steps = st.lists(st.tuples(_pauses, st.sampled_from([ALICE, BOB])), max_size=60)


@given(size=_sizes, steps=_steps)
def test_everybody_may_ask_as_often_as_a_bucket_of_his_own_says(size: int, steps: list[tuple[float, str]]) -> None:
    clock = Seconds()
    tried = Limiter(size, clock)
    buckets = {ALICE: Bucket(size), BOB: Bucket(size)}
    for pause, client in steps:
        clock.now += pause
        for bucket in buckets.values():
            bucket.flow(pause)
        assert (tried.wait(client) == 0) == buckets[client].take()


@given(size=_sizes, pauses=st.lists(st.floats(0, 90), max_size=10))
def test_after_the_seconds_that_were_told_and_no_fewer_one_may_ask(size: int, pauses: list[float]) -> None:
    clock = Seconds()
    tried = Limiter(size, clock)
    for pause in pauses:
        clock.now += pause
        for _ in range(size):
            tried.wait(ALICE)
        wait = tried.wait(ALICE)
        assert 1 <= wait <= max(1, 60 // size + 1)
        clock.now += wait - 1
        assert tried.wait(ALICE) == 1
        clock.now += 1
        assert tried.wait(ALICE) == 0


@pytest.mark.parametrize("size", [1, 3, 60, 3000])
def test_a_burst_is_a_minutes_worth_and_another_is_there_after_a_minute(size: int) -> None:
    clock = Seconds()
    tried = Limiter(size, clock)
    for _ in range(3):
        assert [tried.wait(ALICE) > 0 for _ in range(size + 2)] == [False] * size + [True] * 2
        clock.now += 60


def test_who_asks_in_vain_is_not_put_off_for_longer() -> None:
    clock = Seconds()
    tried = Limiter(2, clock)
    waits = [tried.wait(ALICE) for _ in range(6)]
    assert waits == [0, 0, 30, 30, 30, 30]
    clock.now += 29.5
    assert [tried.wait(ALICE) for _ in range(3)] == [1, 1, 1]


def test_nobody_is_limited_by_nought() -> None:
    assert not any(Limiter(0, Seconds()).wait(ALICE) for _ in range(10_000))


def test_many_who_ask_at_once_get_no_more_than_there_is() -> None:
    tried = Limiter(100, Seconds())
    allowed: list[int] = []
    threads = [Thread(target=lambda: allowed.extend(1 for _ in range(50) if not tried.wait(ALICE))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(allowed) == 100


def test_only_so_many_clients_are_remembered_and_those_who_ask_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limiter, "_MOST_CLIENTS", 3)
    tried = Limiter(1, Seconds())
    assert [tried.wait(client) for client in ("a", "b", "c", "a", "d")] == [0, 0, 0, 60, 0]
    assert [tried.wait(client) for client in ("a", "c", "d")] == [60, 60, 60]
    assert tried.wait("b") == 0, "it was quiet for longest, so it was forgotten"


# ---------------------------------------------------------------- who asks

PROXIES = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


@pytest.mark.parametrize(
    ("peer", "forwarded", "proxies", "client"),
    [
        (ALICE, "", (), ALICE),
        (ALICE, BOB, (), ALICE),
        (ALICE, BOB, PROXIES, ALICE),
        ("10.0.0.1", "", PROXIES, "10.0.0.1"),
        ("10.0.0.1", ALICE, PROXIES, ALICE),
        ("10.0.0.1", f"{BOB}, {ALICE}", PROXIES, ALICE),
        ("10.0.0.1", f"{BOB},{ALICE} , 10.9.9.9", PROXIES, ALICE),
        ("10.0.0.1", "10.3.3.3, 10.2.2.2", PROXIES, "10.3.3.3"),
        ("10.0.0.1", f"{ALICE}, ", PROXIES, "10.0.0.1"),
        ("10.0.0.1", f"{ALICE}, , 10.2.2.2", PROXIES, "10.2.2.2"),
        ("fd00::1", ALICE, PROXIES, ALICE),
        ("fd00::1", "2001:db8:1:2:3:4:5:6", PROXIES, "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "", (), "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "", (), "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "", (), "fe80::/64"),
        # As a socket for both kinds of address tells those of IPv4.
        (f"::ffff:{ALICE}", "", (), ALICE),
        ("::ffff:10.0.0.1", f"{BOB}, ::ffff:{ALICE}", PROXIES, ALICE),
        # Some proxies tell the port, which differs with every connection.
        ("10.0.0.1", f"{ALICE}:50123", PROXIES, ALICE),
        ("10.0.0.1", "[2001:db8:1:2::9]:50123", PROXIES, "2001:db8:1:2::/64"),
        ("10.0.0.1", f"{ALICE}, 10.2.2.2:443", PROXIES, ALICE),
        ("", "", (), ""),
        ("", ALICE, PROXIES, ""),
        ("10.0.0.1", "unknown", PROXIES, "unknown"),
        ("10.0.0.1", f"{ALICE}, junk", PROXIES, "junk"),
        ("10.0.0.1", "x" * 5000, PROXIES, "x" * 100),
        ("10.0.0.1", "1.1:9, [x]:9", PROXIES, "[x]:9"),
        ("10.0.0.1", "10.0.0.1" * 9, PROXIES, "10.0.0.1" * 9),
    ],
)
def test_a_client_is_who_trusted_proxies_say(peer: str, forwarded: str, proxies: tuple[Network, ...], client: str) -> None:
    assert client_of(peer, forwarded, proxies) == client


@given(forwarded=st.text(max_size=60))
def test_who_connects_himself_cannot_be_somebody_else(forwarded: str) -> None:
    assert client_of(ALICE, forwarded, PROXIES) == ALICE


@given(forged=st.text(max_size=60))
def test_behind_a_proxy_one_is_whom_the_proxy_saw_whatever_one_says(forged: str) -> None:
    assert client_of("10.0.0.1", f"{forged}, {ALICE}", PROXIES) == ALICE


@given(peer=st.text(max_size=20), forwarded=st.text(max_size=200))
def test_no_words_for_an_address_are_too_strange(peer: str, forwarded: str) -> None:
    assert len(client_of(peer, forwarded, PROXIES)) <= 100
    assert len(client_of("10.0.0.1", forwarded, PROXIES)) <= 100


# ---------------------------------------------------------------- through the application


@contextmanager
def limited(site: Site, per_minute: int, clock: Callable[[], float], proxies: tuple[Network, ...] = ()) -> Iterator[None]:
    extensions = site.client.application.extensions
    before = extensions["healthwire"]
    extensions["healthwire"] = replace(before, limiter=Limiter(per_minute, clock), proxies=proxies)
    yield
    extensions["healthwire"] = before


def spent(site: Site, place: str) -> TestResponse:
    """The second answer where one is allowed."""
    clock = Seconds()
    with limited(site, 1, clock):
        assert site.client.get("/feeds/all.atom").status_code == 200
        clock.now += 12.5
        return site.client.get(place)


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        ("/api/v1/stories", "application/problem+json"),
        ("/api/v1/nosuch", "application/problem+json"),
        ("/feeds/finance.atom", "text/plain; charset=utf-8"),
        ("/topics/finance", "text/html; charset=utf-8"),
        ("/nosuch", "text/html; charset=utf-8"),
    ],
)
def test_who_asks_for_more_than_his_share_is_told_when_to_come_back(still: Site, place: str, kind: str) -> None:
    response = spent(still, place)
    assert (response.status_code, response.content_type) == (429, kind)
    assert response.headers["Retry-After"] == "48"
    assert response.headers["Cache-Control"] == "no-store"
    assert "ask again in 48 s" in response.text


def test_a_program_that_asks_too_often_gets_a_problem_document(still: Site) -> None:
    response = spent(still, "/api/v1/changes")
    problem = json.loads(response.data)
    assert (problem["status"], problem["title"], problem["instance"]) == (429, "Too Many Requests", "/api/v1/changes")
    assert "more than 1 answers a minute" in problem["detail"]
    assert response.headers["Access-Control-Allow-Origin"] == "*"


def test_after_the_time_told_one_is_answered_again(still: Site) -> None:
    clock = Seconds()
    with limited(still, 2, clock):
        assert [still.client.get("/").status_code for _ in range(3)] == [200, 200, 429]
        clock.now += int(still.client.get("/").headers["Retry-After"])
        assert [still.client.get("/").status_code for _ in range(2)] == [200, 429]


@pytest.mark.parametrize("place", ["/healthz", "/readyz", "/metrics", "/static/style.css", "/static/icon.svg"])
def test_supervisors_monitors_and_the_looks_of_pages_are_never_limited(still: Site, place: str) -> None:
    with limited(still, 1, Seconds()):
        for _ in range(2):
            still.client.get("/feeds/all.atom")
            with still.client.get(place) as response:
                assert response.status_code != 429
    with limited(still, 1, Seconds()):
        with still.client.get(place):
            pass
        assert still.client.get("/feeds/all.atom").status_code == 200, "nor does it count"


def test_every_other_answer_counts_whatever_it_is(still: Site) -> None:
    with limited(still, 4, Seconds()):
        asked = [("GET", "/nosuch"), ("POST", "/"), ("HEAD", "/"), ("OPTIONS", "/api/v1/stories"), ("GET", "/")]
        assert [still.client.open(place, method=method).status_code for method, place in asked] == [404, 405, 200, 204, 429]


def test_clients_are_told_apart_by_address_and_behind_proxies_by_what_these_say(still: Site) -> None:
    def ask(peer: str, forwarded: str = "") -> int:
        return still.client.get("/", environ_base={"REMOTE_ADDR": peer}, headers={"X-Forwarded-For": forwarded}).status_code

    with limited(still, 1, Seconds(), PROXIES):
        assert [ask(ALICE), ask(ALICE), ask(ALICE, BOB), ask(BOB)] == [200, 429, 429, 200]
        assert [ask("10.0.0.1", "192.0.2.3"), ask("10.0.0.2", "192.0.2.3"), ask("10.0.0.1", "192.0.2.4")] == [200, 429, 200]
        assert [ask("2001:db8::1"), ask("2001:db8::2"), ask("2001:db8:0:1::1")] == [200, 429, 200]


def test_what_is_in_memory_does_not_count(still: Site) -> None:
    with limited(still, 1, Seconds()):
        client = Client(Memory(still.client.application, Version(still.store.status.version)))
        assert [client.get("/").status_code for _ in range(20)] == [200] * 20
        assert client.get("/topics/finance").status_code == 429
        assert client.get("/").status_code == 200


def test_that_one_asks_too_often_is_not_kept_for_others(still: Site) -> None:
    with limited(still, 1, Seconds()):
        client = Client(Memory(still.client.application, Version(still.store.status.version)))
        statuses = [
            client.get("/", environ_base={"REMOTE_ADDR": peer}, query_string={"x": peer}).status_code for peer in (ALICE, ALICE, BOB)
        ]
        assert statuses == [200, 200, 200], "the second is in memory"
        asked = [(ALICE, "/topics/finance"), (BOB, "/topics/workforce"), ("192.0.2.9", "/topics/workforce")]
        assert [client.get(place, environ_base={"REMOTE_ADDR": peer}).status_code for peer, place in asked] == [429, 429, 200]
