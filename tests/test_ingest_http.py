"""Fetching over HTTP: polite, bounded, and without a way into the operator's network. Every server is on loopback."""

from __future__ import annotations

import asyncio
import gzip
import time
import tracemalloc
import zlib
from threading import Barrier
from typing import Any

import pytest
from ingest_support import USER_AGENT, http_fetcher, web_source
from web_server import Answer, WebServer, web_server

from feeds.errors import FetchError, RefusedAddress, TooLarge
from feeds.ingest.http import HttpFetcher
from feeds.model import Fetched, Source

BODY = b"<rss version='2.0'/>"


def fetch(*sources: Source, **options: Any) -> list[Fetched]:
    """All sources at once, by one fetcher."""

    async def one(fetcher: HttpFetcher, source: Source) -> Fetched:
        async with fetcher.fetch(source) as fetched:
            return fetched

    async def run() -> list[Fetched]:
        async with http_fetcher(**options) as fetcher:
            return await asyncio.gather(*(one(fetcher, source) for source in sources))

    return asyncio.run(run())


def fetch_url(url: str, **options: Any) -> Fetched:
    return fetch(web_source(url), **options)[0]


def test_a_first_request_is_unconditional_and_says_who_asks(server: WebServer) -> None:
    url = server.script("/feed", Answer(body=BODY, headers={"Content-Type": "application/rss+xml; charset=utf-8"}))

    got = fetch_url(url)

    assert got == Fetched(url, BODY, "application/rss+xml; charset=utf-8")
    (request,) = server.requests
    assert (request.method, request.headers["user-agent"]) == ("GET", USER_AGENT)
    assert "application/atom+xml" in request.headers["accept"]
    assert not {"if-none-match", "if-modified-since", "cookie", "referer"} & set(request.headers)


@pytest.mark.parametrize("etag", ['"33a64df5"', 'W/"weak-1"', '"abc-gzip"', "unquoted", '"with, comma"'])
def test_validators_are_sent_back_verbatim_and_the_new_ones_of_every_200_are_kept(server: WebServer, etag: str) -> None:
    url = server.script("/feed", Answer(body=BODY, headers={"ETag": '"next"', "Last-Modified": "yesterday, more or less"}))

    (got,) = fetch(web_source(url, etag, "Thu, 23 Feb 2017 17:05:00 GMT"))

    assert server.requests[0].headers["if-none-match"] == etag
    assert server.requests[0].headers["if-modified-since"] == "Thu, 23 Feb 2017 17:05:00 GMT"
    assert (got.etag, got.last_modified) == ('"next"', "yesterday, more or less")


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ({}, ('"old"', "old date")),
        ({"ETag": '"new"', "Last-Modified": "new date"}, ('"new"', "new date")),
        ({"ETag": '"new"'}, ('"new"', "old date")),
    ],
)
def test_a_304_has_no_body_and_keeps_the_validators_that_it_does_not_renew(
    server: WebServer, sent: dict[str, str], kept: tuple[str, str]
) -> None:
    url = server.script("/feed", Answer(304, headers=sent))

    (got,) = fetch(web_source(url, '"old"', "old date"))

    assert (got.body, (got.etag, got.last_modified)) == (None, kept)


def test_a_200_without_validators_forgets_the_old_ones(server: WebServer) -> None:
    (got,) = fetch(web_source(server.script("/feed", Answer(body=BODY)), '"old"', "old date"))
    assert (got.etag, got.last_modified) == (None, None)


def test_cookies_are_neither_kept_nor_sent_along_a_redirect_nor_is_a_referer(server: WebServer) -> None:
    cookie = {"Set-Cookie": "id=1; Path=/"}
    first = server.script("/old", Answer(302, headers=cookie | {"Location": "/new"}))
    second = server.script("/new", Answer(body=BODY, headers=cookie))

    fetch(web_source(first), web_source(second))

    assert len(server.requests) == 3
    assert not any({"cookie", "referer"} & set(request.headers) for request in server.requests)


@pytest.mark.parametrize(("coding", "packed"), [("gzip", gzip.compress(BODY, mtime=0)), ("deflate", zlib.compress(BODY))])
def test_compressed_answers_are_asked_for_and_unpacked(server: WebServer, coding: str, packed: bytes) -> None:
    url = server.script("/feed", Answer(body=packed, headers={"Content-Encoding": coding}))

    assert fetch_url(url).body == BODY
    assert coding in server.requests[0].headers["accept-encoding"]


def test_a_slow_drip_is_ended_by_the_total_deadline(server: WebServer) -> None:
    url = server.script("/drip", Answer(body=b"x" * 400, drip=0.05))
    started = time.monotonic()

    with pytest.raises(FetchError, match="no complete answer within 1 s"):
        fetch_url(url, timeout=1)

    # All of it would take 20 s.
    assert time.monotonic() - started < 15


def test_an_answer_of_just_the_cap_passes_and_one_byte_more_does_not(server: WebServer) -> None:
    url = server.script("/feed", Answer(body=b"x" * 10_000), Answer(body=b"x" * 10_001))

    assert len(fetch_url(url, max_bytes=10_000).body or b"") == 10_000
    with pytest.raises(TooLarge, match="longer than 10000 bytes"):
        fetch_url(url, max_bytes=10_000)


def test_a_gzip_bomb_is_stopped_at_the_cap_without_being_held_in_memory(server: WebServer) -> None:
    bomb = gzip.compress(bytes(128 * 1024 * 1024), compresslevel=1)
    url = server.script("/bomb", Answer(body=bomb, headers={"Content-Encoding": "gzip"}))
    tracemalloc.start()
    try:
        with pytest.raises(TooLarge):
            fetch_url(url, max_bytes=1024 * 1024)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 24 * 1024 * 1024


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (404, "the server answered 404 Not Found"),
        (410, "the server answered 410 Gone"),
        (429, "the server answered 429 Too Many Requests"),
        (500, "the server answered 500 Internal Server Error"),
        (204, "the server answered 204 No Content"),
        (599, "the server answered 599"),
    ],
)
def test_other_statuses_are_told_in_plain_words(server: WebServer, status: int, words: str) -> None:
    with pytest.raises(FetchError) as caught:
        fetch_url(server.script("/feed", Answer(status, b"" if status == 204 else BODY)))
    assert str(caught.value).strip() == words


def test_garbled_and_cut_off_answers_and_closed_ports_are_fetch_errors(server: WebServer) -> None:
    cut_off = server.script("/cut", Answer(body=BODY, headers={"Content-Length": "1000"}))
    garbled = server.script("/garbled", Answer(body=b"not gzip", headers={"Content-Encoding": "gzip"}))
    with web_server() as other:
        closed = other.url()

    for url in (cut_off, garbled):
        with pytest.raises(FetchError, match="the connection failed"):
            fetch_url(url)
    with pytest.raises(FetchError, match=r"no connection to 127\.0\.0\.1"):
        fetch_url(closed)
    with pytest.raises(FetchError, match="the secure connection failed"):
        fetch_url(server.url("/").replace("http:", "https:"))


def redirects(server: WebServer, hops: int, status: int) -> str:
    for hop in range(hops):
        server.script(f"/{hop}", Answer(status, headers={"Location": f"/{hop + 1}"}))
    server.script(f"/{hops}", Answer(body=BODY))
    return server.url("/0")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed_to_their_end_with_validators(server: WebServer, status: int) -> None:
    (got,) = fetch(web_source(redirects(server, 4, status), '"e"'))

    assert (got.url, got.body) == (server.url("/4"), BODY)
    assert [request.headers["if-none-match"] for request in server.requests] == ['"e"'] * 5


@pytest.mark.parametrize("login", ["somebody:secret", "somebody", ":secret"])
def test_whoever_redirects_cannot_make_us_log_in_anywhere(server: WebServer, login: str) -> None:
    target = server.script("/target", Answer(body=BODY)).replace("//", f"//{login}@")
    url = server.script("/feed", Answer(301, headers={"Location": target}))

    got = fetch_url(url)

    assert (got.body, got.moved_to) == (BODY, server.url("/target"))
    assert not any("authorization" in request.headers for request in server.requests)


def test_a_redirect_loop_ends_after_few_hops(server: WebServer) -> None:
    url = server.script("/round", Answer(302, headers={"Location": "/round"}))

    with pytest.raises(FetchError, match="more than 5 redirects"):
        fetch_url(url)

    assert len(server.requests) <= 6


def test_a_proxy_in_the_environment_is_not_used(server: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would connect where our guard does not see it."""
    url = server.script("/feed", Answer(body=BODY))
    with web_server() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url())
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)

        assert fetch_url(url).body == BODY
        assert proxy.requests == []


REFUSED = [
    *("127.0.0.1", "127.255.255.254", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.0.1", "169.254.169.254", "100.64.0.1"),  # noqa: S104
    *("224.0.0.1", "255.255.255.255", "[::1]", "[::]", "[fc00::1]", "[fe80::1]", "[ff02::1]", "[::ffff:127.0.0.1]", "[::ffff:a00:1]"),
    *("[64:ff9b::7f00:1]", "[2002:7f00:1::1]", "localhost", "LOCALHOST", "0x7f000001", "0x7f.1", "１２７.0.0.1"),
]


@pytest.mark.parametrize("host", REFUSED)
def test_addresses_in_private_and_reserved_networks_are_refused_however_written(server: WebServer, host: str) -> None:
    with pytest.raises(RefusedAddress, match="HEALTHWIRE_ALLOW_ADDRESSES"):
        fetch_url(f"http://{host}:{server.port}/", allowed=())
    assert server.requests == []


@pytest.mark.parametrize("host", ["2130706433", "017700000001", "127.1", "127.0.1"])
def test_short_and_octal_forms_of_addresses_are_no_addresses_even_where_loopback_is_allowed(server: WebServer, host: str) -> None:
    with pytest.raises(FetchError, match="not an http or https address"):
        fetch_url(f"http://{host}:{server.port}/")
    assert server.requests == []


@pytest.mark.parametrize(
    ("host", "network"),
    [
        ("127.0.0.1", "127.0.0.1/32"),
        ("0x7f000001", "127.0.0.0/8"),
        ("localhost", "127.0.0.0/8"),
    ],
)
def test_allowed_networks_are_let_through(server: WebServer, host: str, network: str) -> None:
    server.script("/feed", Answer(body=BODY))
    assert fetch_url(server.url("/feed", host), allowed=[network]).body == BODY


@pytest.mark.parametrize(
    ("host", "network"),
    [
        ("127.0.0.1", "10.0.0.0/8"),
        ("127.0.0.1", "127.0.0.2/32"),
        ("127.0.0.1", "::1/128"),
        ("[::1]", "127.0.0.0/8"),
        ("[::ffff:127.0.0.1]", "::/0"),
    ],
)
def test_allowing_one_network_does_not_allow_another(server: WebServer, host: str, network: str) -> None:
    with pytest.raises(RefusedAddress):
        fetch_url(server.url("/", host), allowed=[network])
    assert server.requests == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_into_a_refused_network_is_refused(server: WebServer, status: int) -> None:
    with web_server("127.0.0.2") as inner:
        inner.script("/secret", Answer(body=b"secret"))
        url = server.script("/feed", Answer(status, headers={"Location": inner.url("/secret")}))

        with pytest.raises(RefusedAddress):
            fetch_url(url, allowed=["127.0.0.1/32"])

        assert inner.requests == []
        assert fetch_url(url, allowed=["127.0.0.0/30"]).body == b"secret"


@pytest.mark.parametrize("address", ["file:///etc/passwd", "ftp://127.0.0.1/feed", "gopher://127.0.0.1/", "data:text/xml,<rss/>"])
def test_only_http_is_spoken_at_first_and_after_a_redirect(server: WebServer, address: str) -> None:
    redirecting = server.script("/feed", Answer(302, headers={"Location": address}))

    for url in (address, redirecting):
        with pytest.raises(FetchError, match="not an http or https address"):
            fetch_url(url)


def test_a_host_is_asked_one_thing_at_a_time(server: WebServer) -> None:
    urls = [server.script(f"/{number}", Answer(body=BODY, hold=lambda: time.sleep(0.03))) for number in range(4)]

    got = fetch(*map(web_source, urls))

    assert [each.body for each in got] == [BODY] * 4
    assert server.most_at_once == 1


def test_different_hosts_are_asked_at_the_same_time_and_one_host_as_often_as_allowed(server: WebServer) -> None:
    """Each answer comes only when as many requests as expected have met at the server."""
    meeting = Barrier(2, timeout=10)
    server.script("/feed", Answer(body=BODY, hold=meeting.wait))

    hosts = fetch(web_source(server.url("/feed")), web_source(server.url("/feed", "localhost")), per_host=1)
    same_host = fetch(web_source(server.url("/feed")), web_source(server.url("/feed")), per_host=2)

    assert [each.body for each in (*hosts, *same_host)] == [BODY] * 4


def test_waiting_for_a_busy_host_does_not_count_against_the_deadline(server: WebServer) -> None:
    urls = [server.script(f"/{number}", Answer(body=BODY, hold=lambda: time.sleep(0.3))) for number in range(8)]
    assert [each.body for each in fetch(*map(web_source, urls), timeout=2)] == [BODY] * 8
