"""Who is slow, or sends what never ends, holds up nobody else; and requests reach the application as they were sent."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from threading import Event
from typing import Any
from urllib.parse import urlsplit

import pytest
from program import PATIENCE, Home, Service, serving
from website import open_site

from feeds.web import front as front_module
from feeds.web.answer import Sent
from feeds.web.front import Front, environ_of
from feeds.web.memory import Memory
from feeds.web.version import Version

LONGEST = 1000


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    data = tmp_path_factory.mktemp("front") / "data"
    data.mkdir()
    with open_site(data) as site:
        site.store.status.beat(int(time.time()) + 3600, "keywords")
    with serving(Home(data, {}), "web") as service:
        yield service


def connected(service: Service, sent: bytes) -> socket.socket:
    address = urlsplit(service.address)
    connection = socket.create_connection((address.hostname, address.port), PATIENCE)
    connection.sendall(sent)
    return connection


def post(place: str, length: int, body: bytes = b"", kind: str = "application/json") -> bytes:
    return f"POST {place} HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n".encode() + body


def status_and_body(connection: socket.socket) -> tuple[int, bytes]:
    answer = connection.recv(65_536)
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


@pytest.mark.parametrize(
    "beginning",
    [
        post("/sign-in", 1000, b"to", "application/x-www-form-urlencoded"),
        post("/hub", 1000, b"hub.mode=", "application/x-www-form-urlencoded"),
        post("/api/v1/classify", 1000, b'{"title"'),
        b"POST /hub HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhub.m",
        b"GET /feeds/all.atom HTTP/1.1\r\nHost: x\r\nX-half: a he",
    ],
    ids=["form", "hub", "json", "chunks", "head"],
)
def test_who_sends_half_a_request_holds_up_nobody(service: Service, beginning: bytes) -> None:
    with ExitStack() as open_connections:
        for _ in range(40):
            open_connections.enter_context(connected(service, beginning))
        for place in ("/healthz", "/feeds/all.atom", "/search?q=owls", "/api/v1/stories?limit=1"):
            assert service.get(place)[0] == 200


def test_who_reads_slowly_holds_up_nobody(service: Service) -> None:
    with ExitStack() as open_connections:
        for _ in range(40):
            open_connections.enter_context(connected(service, b"GET /feeds/all.json?limit=100 HTTP/1.1\r\nHost: x\r\n\r\n" * 20))
        for place in ("/healthz", "/feeds/all.atom", "/search?q=owl"):
            assert service.get(place)[0] == 200


def test_a_body_that_comes_in_pieces_is_taken(service: Service) -> None:
    text = {"title": "A deficit"}
    whole, body = service.ask("POST", "/api/v1/classify", text), json.dumps(text).encode()
    assert whole[0] == 200
    with connected(service, post("/api/v1/classify", len(body), body[:7])) as connection:
        assert service.get("/healthz")[0] == 200
        connection.sendall(body[7:])
        assert status_and_body(connection) == (200, whole[2])
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:7], body[7:], b""))
    head = b"POST /api/v1/classify HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    with connected(service, head + chunks) as connection:
        assert status_and_body(connection) == (200, whole[2])


def test_a_body_that_is_too_long_is_refused_before_it_came(service: Service) -> None:
    with connected(service, post("/api/v1/classify", 10**12)) as connection:
        status, body = status_and_body(connection)
    assert status == 413
    assert "8 MiB" in json.loads(body)["detail"]


def test_a_header_with_an_underscore_is_not_taken_for_another(service: Service) -> None:
    etag = service.get("/feeds/all.atom")[1]["etag"]
    with connected(service, f"GET /feeds/all.atom HTTP/1.1\r\nHost: x\r\nIf_None_Match: {etag}\r\n\r\n".encode()) as connection:
        assert status_and_body(connection)[0] == 200


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("HTTP/1.1\r\n", 400),
        ("HTTP/1.1\r\nHost: x\r\nHost: y\r\n", 400),
        ("HTTP/1.1\r\nHost: x\r\n", 200),
        ("HTTP/1.0\r\n", 200),
    ],
    ids=["none", "two", "one", "none, as was usual once"],
)
def test_a_request_names_its_host_once(service: Service, head: str, status: int) -> None:
    for _ in range(2):
        with connected(service, f"GET /feeds/all.atom {head}\r\n".encode()) as connection:
            told, body = status_and_body(connection)
        assert told == status
    assert b"Host" in body or status == 200


def test_words_that_are_not_percent_encoded_are_found(service: Service) -> None:
    known = service.get("/search?q=caf%C3%A9+%E2%82%AC")
    for _ in range(2):
        with connected(service, "GET /search?q=café+€ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()) as connection:
            answer = b"".join(iter(lambda: connection.recv(65_536), b""))
        assert answer.startswith(b"HTTP/1.1 200")
        assert "café €".encode() in answer
    assert known[0] == 200


# ---------------------------------------------------------------- what takes too long to try, or is hard to hit


@dataclass
class Request:
    """What a server tells of a request (RSGI)."""

    method: str = "POST"
    path: str = "/"
    query_string: str = ""
    http_version: str = "1.1"
    server: str = "127.0.0.1:8000"
    client: str = "192.0.2.1:4711"
    scheme: str = "http"
    authority: str | None = None
    said: list[tuple[str, str]] = field(default_factory=list)

    @property
    def headers(self) -> Request:
        return self

    def get_all(self, name: str) -> list[str]:
        return ["x"] if name == "host" else []

    def items(self) -> list[tuple[str, str]]:
        return self.said


@dataclass
class Connection:
    """Gives these parts of a body, and if it ``hangs`` nothing after them; keeps what is answered."""

    parts: Iterable[bytes] = ()
    hangs: bool = False
    answers: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self.parts:
            yield part
        if self.hangs:
            await asyncio.Event().wait()

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.answers.append((status, dict(headers), body))

    def response_empty(self, status: int, headers: list[tuple[str, str]]) -> None:
        self.response_bytes(status, headers, b"")


def echo(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [("X-Length", environ.get("CONTENT_LENGTH", ""))])
    return [environ["wsgi.input"].read()]


def front_of(application: Any = echo, deadline: float = 30) -> Front:
    return Front(Memory(application, Version(lambda: 1)), LONGEST, deadline)


def answered(front: Front, connection: Connection, *said: tuple[str, str]) -> tuple[int, dict[str, str], bytes]:
    asyncio.run(front.__rsgi__(Request(said=list(said)), connection))  # type: ignore[arg-type]
    [answer] = connection.answers
    return answer


def test_what_came_is_handed_on() -> None:
    whole = Connection([b"ab", b"", b"cd"])
    assert answered(front_of(), whole, ("content-length", "4"))[::2] == (200, b"abcd")
    chunked = Connection([b"ab", b"cd"])
    assert answered(front_of(), chunked, ("transfer-encoding", "chunked")) == (200, {"X-Length": "4"}, b"abcd")
    assert answered(front_of(), Connection([b"not asked for"]))[2] == b""


@pytest.mark.parametrize("parts", [[], [b"ab"]])
def test_a_body_that_does_not_come_in_time_is_given_up(parts: list[bytes]) -> None:
    status, headers, body = answered(front_of(deadline=0.01), Connection(parts, hangs=True), ("content-length", "4"))
    assert (status, headers["Connection"], body) == (408, "close", b"the body did not come within 0.01 s\n")


def test_a_body_that_ends_early_is_refused() -> None:
    assert answered(front_of(), Connection([b"ab"]), ("content-length", "4"))[::2] == (400, b"the body ended before its length\n")


def test_of_a_body_that_is_too_long_only_so_much_is_taken_that_the_application_sees_it() -> None:
    endless = Connection(b"x" * 100 for _ in range(10**9))
    assert answered(front_of(), endless, ("transfer-encoding", "chunked"))[1] == {"X-Length": str(LONGEST + 100)}


def test_all_bodies_that_come_in_share_their_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front_module, "_MOST_BYTES", 1500)
    front = front_of(deadline=PATIENCE)

    async def two() -> None:
        holding = asyncio.create_task(front.__rsgi__(Request(said=[("content-length", "999")]), Connection([b"x" * 900], hangs=True)))  # type: ignore[arg-type]
        await asyncio.sleep(0)
        await front.__rsgi__(Request(said=[("content-length", "900")]), other)  # type: ignore[arg-type]
        holding.cancel()

    other = Connection([b"y" * 900])
    asyncio.run(two())
    [(status, headers, _)] = other.answers
    assert (status, headers["Retry-After"]) == (503, "1")
    assert answered(front, Connection([b"y" * 900]), ("content-length", "900"))[0] == 200, "what was held is given back"


def test_a_body_that_came_takes_room_until_it_was_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front_module, "_MOST_BYTES", 1500)
    busy, release = Event(), Event()

    def slow(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        busy.set()
        release.wait(PATIENCE)
        return echo(environ, start_response)

    front, first, other = front_of(slow), Connection([b"x" * 900]), Connection([b"y" * 900])
    said = [("content-length", "900")]

    async def two() -> None:
        waiting = asyncio.create_task(front.__rsgi__(Request(said=said), first))  # type: ignore[arg-type]
        await asyncio.to_thread(busy.wait, PATIENCE)
        await front.__rsgi__(Request(said=said), other)  # type: ignore[arg-type]
        release.set()
        await waiting

    asyncio.run(two())
    assert (first.answers[0][0], other.answers[0][0]) == (200, 503)
    assert answered(front, Connection([b"y" * 900]), *said)[0] == 200


def test_who_would_wait_for_too_long_is_told_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front_module, "_MOST_WAITING", 2)
    release = Event()

    def slow(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        release.wait(PATIENCE)
        return echo(environ, start_response)

    front = front_of(slow)
    connections = [Connection() for _ in range(3)]

    async def all_at_once() -> None:
        tasks = [asyncio.create_task(front.__rsgi__(Request(), each)) for each in connections]  # type: ignore[arg-type]
        await tasks[2]
        release.set()
        await asyncio.gather(*tasks)

    asyncio.run(all_at_once())
    assert [each.answers[0][0] for each in connections] == [200, 200, 503]
    assert answered(front, Connection())[0] == 200


def test_what_is_in_memory_is_answered_though_all_threads_are_busy() -> None:
    release = Event()
    seen: list[Sent] = []

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        if environ["PATH_INFO"] == "/slow":
            release.wait(PATIENCE)
        return echo(environ, start_response)

    memory = Memory(application, Version(lambda: 1))
    front = Front(memory, LONGEST)
    memory.remembered = lambda environ: ("200 OK", [], b"known") if environ["PATH_INFO"] == "/known" else None  # type: ignore[method-assign]

    async def busy() -> None:
        tasks = [asyncio.create_task(front.__rsgi__(Request("GET", "/slow"), Connection())) for _ in range(20)]  # type: ignore[arg-type]
        await asyncio.sleep(0)
        known = Connection()
        await front.__rsgi__(Request("GET", "/known"), known)  # type: ignore[arg-type]
        seen.extend(("", [], body) for _, _, body in known.answers)
        release.set()
        await asyncio.gather(*tasks)

    asyncio.run(busy())
    assert [body for _, _, body in seen] == [b"known"]


# ---------------------------------------------------------------- requests as WSGI has them


def test_a_request_is_told_as_it_was_sent() -> None:
    said = [("accept", "a"), ("x-forwarded-for", "1.1.1.1"), ("x-forwarded-for", "2.2.2.2"), ("cookie", "a=1"), ("cookie", "b=2")]
    environ = environ_of(Request("PUT", "/ü/\x00", "q=%C3%BC+a", said=[*said, ("content-type", "t"), ("x_real_ip", "3.3.3.3")]))  # type: ignore[arg-type]
    assert environ["REQUEST_METHOD"] == "PUT"
    assert environ["PATH_INFO"] == "/\xc3\xbc/\x00"
    assert environ["QUERY_STRING"] == "q=%C3%BC+a"
    assert environ["REMOTE_ADDR"] == "192.0.2.1"
    assert (environ["SERVER_NAME"], environ["SERVER_PORT"]) == ("127.0.0.1", "8000")
    assert {name: value for name, value in environ.items() if name.startswith(("HTTP_", "CONTENT_"))} == {
        "HTTP_ACCEPT": "a",
        "HTTP_X_FORWARDED_FOR": "1.1.1.1, 2.2.2.2",
        "HTTP_COOKIE": "a=1; b=2",
        "CONTENT_TYPE": "t",
    }


def test_of_ipv6_and_http_2_the_same_is_told() -> None:
    environ = environ_of(Request(client="[2001:db8::1]:4711", server="[::1]:8000", authority="news.example.org", http_version="2"))  # type: ignore[arg-type]
    assert environ["REMOTE_ADDR"] == "2001:db8::1"
    assert (environ["HTTP_HOST"], environ["SERVER_PROTOCOL"]) == ("news.example.org", "HTTP/2")
