"""What clients meet on the wire: the service as a real process, asked over sockets."""

from __future__ import annotations

import gzip
import http.client
import json
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from builders import issue, news
from program import PATIENCE, Home, Service, eventually, serving
from website import open_site

DOCUMENTS = ["/feeds/finance.atom", "/feeds/all.json", "/api/v1/stories", "/api/v1/stories.csv", "/"]
OTHERS = ["/api/v1/sources", "/static/style.css", "/healthz", "/feeds/nosuch.atom", "/api/v1/stories?limit=0", "/nosuch"]


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """The web role alone, so that nothing changes meanwhile."""
    data = tmp_path / "data"
    data.mkdir()
    with open_site(data) as site:
        site.store.status.beat(int(time.time()) + 3600, "keywords")
    with serving(Home(data, {}), "web") as service:
        yield service


def exchange(service: Service, request: bytes) -> tuple[bytes, bytes]:
    """Head and body of whatever comes back to these bytes until the connection is closed."""
    address = urlsplit(service.address)
    with socket.create_connection((address.hostname, address.port), PATIENCE) as connection:
        connection.sendall(request)
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    return head.lower(), body


def asked(method: str, place: str, *headers: str) -> bytes:
    lines = [f"{method} {place} HTTP/1.1", "Host: news.example.org", "Connection: close", *headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def test_answers_are_framed_as_http_wants_them(service: Service) -> None:
    for place in DOCUMENTS + OTHERS:
        assert_head_is_get_without_its_body(service, place)
    for place in DOCUMENTS:
        assert_codings_and_conditions(service, place)
    assert_one_connection_serves_all(service)
    assert_nonsense_is_answered(service)


def assert_head_is_get_without_its_body(service: Service, place: str) -> None:
    # Asked twice, as the first answer comes from the application and the second from memory.
    for _ in range(2):
        head, nothing = exchange(service, asked("HEAD", place))
        got, body = exchange(service, asked("GET", place))
        assert nothing == b""
        assert f"content-length: {len(body)}".encode() in got.split(b"\r\n")
        assert f"content-length: {len(body)}".encode() in head.split(b"\r\n")
        assert head.split(b"\r\n")[0] == got.split(b"\r\n")[0]


def assert_codings_and_conditions(service: Service, place: str) -> None:
    for _ in range(2):
        plain, packed = service.get(place), service.get(place, Accept_Encoding="gzip")
        assert packed[1]["content-encoding"] == "gzip"
        assert int(packed[1]["content-length"]) == len(packed[2]) < len(plain[2])
        assert gzip.decompress(packed[2]) == plain[2]
        for etag in (plain[1]["etag"], packed[1]["etag"]):
            head, nothing = exchange(service, asked("GET", place, f"If-None-Match: {etag}"))
            assert (head.split(b"\r\n")[0], nothing) == (b"http/1.1 304 not modified", b"")
            assert b"\ncontent-type:" not in head
            assert b"\ncontent-encoding:" not in head


def assert_one_connection_serves_all(service: Service) -> None:
    address = urlsplit(service.address)
    with closing(http.client.HTTPConnection(str(address.hostname), address.port, timeout=PATIENCE)) as connection:
        connection.connect()
        first = connection.sock
        etag = service.get("/api/v1/stories")[1]["etag"]
        for method, headers, status in [
            ("HEAD", {}, 200),
            ("GET", {"If-None-Match": etag}, 304),
            ("HEAD", {"If-None-Match": etag}, 304),
            ("GET", {"Accept-Encoding": "gzip"}, 200),
            ("OPTIONS", {}, 204),
            ("DELETE", {}, 405),
            ("GET", {}, 200),
        ]:
            connection.request(method, "/api/v1/stories", headers=headers)
            with connection.getresponse() as response:
                body = response.read()
            assert (response.status, connection.sock) == (status, first)
        assert json.loads(body)["items"]


def assert_nonsense_is_answered(service: Service) -> None:
    """By the client's fault, or as if it had not been said; in either case the service goes on."""
    for place, headers, statuses in [
        ("/api/v1/stories?q=caf\xe9", [], (400,)),
        ("/topics/%00%ff", [], (404,)),
        ("/feeds/\xff.atom", [], (400, 404)),
        ("/", ["If-Modified-Since: Mon, 02 Mar 999999999999 09:03:00 GMT"], (200,)),
        ("/", ["If-None-Match: \xff", "Accept-Encoding: \xfe;q=x"], (200,)),
        ("/" + "x" * 20_000, [], (404, 414)),
        ("/", [f"X-Forwarded-For: {'1.1.1.1, ' * 500}"], (200,)),
        ("/", ["Range: bytes=0-3"], (200,)),
    ]:
        head, _ = exchange(service, asked("GET", place, *headers))
        assert int(head.split()[1]) in statuses, place[:50]
        assert service.get("/healthz")[0] == 200


def test_what_changes_shows_soon_in_all_that_is_asked_for_and_a_server_that_ends_meanwhile_ends_quietly(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    with open_site(data) as site:
        site.store.status.beat(int(time.time()) + 3600, "keywords")
        with serving(Home(data, {}), "web") as service:
            places = [f"/feeds/all.atom?limit={limit}" for limit in range(1, 61)]
            for place in 2 * places:
                service.get(place)
            site.tell(site.press, issue("bats", news("Bats move in")))
            eventually(lambda: all(b"Bats move in" in service.get(place)[2] for place in places))
            site.tell(site.press, issue("rooks", news("Rooks move out")))
            service.get(places[0])
            service.send(signal.SIGTERM)
            assert service.ended(PATIENCE) == 0
            eventually(lambda: not service.living())
            assert "Traceback" not in service.log.read_text()
