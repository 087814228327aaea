"""Requests that make no sense, by mistake or on purpose: the right status, a message that helps, and never a fault of ours."""

from __future__ import annotations

import gzip
import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from website import Site
from werkzeug.exceptions import UnsupportedMediaType
from werkzeug.test import Client, TestResponse

from feeds.web.memory import Memory
from feeds.web.version import Version

FEED, API, PAGE = "/feeds/all.atom", "/api/v1/stories", "/topics/finance"
FEEDS = "finance, workforce, all, untagged"


@pytest.fixture(scope="module")
def client(still: Site) -> Client:
    """As the service answers: with the memory in front."""
    return Client(Memory(still.client.application, Version(still.store.status.version)), use_cookies=False)


def raw(client: Client, path: bytes, query: str = "", method: str = "GET", **environ: str) -> TestResponse:
    """The answer to a path of any bytes, which WSGI hands over as Latin-1."""
    return client.open(method=method, environ_overrides={"PATH_INFO": path.decode("latin-1"), "QUERY_STRING": query} | environ)


def message(response: TestResponse) -> str:
    """What an error says, in the form of its room."""
    path = response.request.path
    if path.startswith("/api/"):
        assert response.content_type == "application/problem+json"
        problem = json.loads(response.data)
        assert problem["status"] == response.status_code
        return str(problem["detail"])
    if path.startswith("/feeds"):
        assert response.content_type == "text/plain; charset=utf-8"
        return response.text
    assert response.content_type == "text/html; charset=utf-8"
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    return re.sub(r"<[^>]+>|\s+", " ", response.text.partition("<main")[2])


@pytest.mark.parametrize(
    ("place", "status", "told"),
    [
        ("/feeds/nosuch.atom", 404, FEEDS),
        ("/feeds/finance+nosuch.json", 404, "'nosuch'"),
        ("/feeds/finance.xml", 404, "feeds come as atom, rss, json"),
        (f"/feeds/finance.{'x' * 5000}", 404, "feeds come as atom, rss, json"),
        ("/feeds/finance", 404, "there is nothing at this address"),
        ("/feeds/", 404, "there is nothing at this address"),
        (f"/feeds/{'x' * 10_000}.atom", 404, FEEDS),
        (f"/feeds/{'finance+' * 3000}nosuch.atom", 404, FEEDS),
        ("/topics/nosuch", 404, FEEDS),
        (f"/topics/{'x' * 10_000}", 404, FEEDS),
        (f"/{'x' * 50_000}", 404, "there is nothing at this address"),
        (f"/{'x/' * 5000}", 404, "there is nothing at this address"),
        ("/stories/nosuch", 404, "no such story"),
        ("/api/v1/stories/nosuch", 404, "no such story"),
        ("/api/v1/nosuch", 404, "there is nothing at this address"),
        ("/api/v2/stories", 404, "there is nothing at this address"),
        ("/api/", 404, "there is nothing at this address"),
        ("/api/v1/stories/", 404, "no such story|there is nothing"),
        ("/feeds/../../etc/passwd", 404, "there is nothing at this address"),
        ("/static/../answer.py", 404, "there is nothing at this address"),
        ("/static/%2e%2e/answer.py", 404, "there is nothing at this address"),
        ("/?cursor=x", 400, "cursor must be taken from the next address"),
        ("/topics/finance?cursor=01ARZ3NDEKTSV4RRFFQ69G5FA", 400, "cursor must be taken from the next address"),
        ("/api/v1/stories?cursor=01arz3ndektsv4rrffq69g5fav", 400, "cursor must be taken from the next address"),
        ("/feeds/all.atom?before=yesterday", 400, "before must be taken from the next address"),
        ("/api/v1/stories?limit=0", 400, "limit must be a whole number from 1 to 100"),
        ("/api/v1/stories.csv?limit=1e2", 400, "limit must be a whole number from 1 to 100"),
        ("/api/v1/changes?limit=0", 400, "limit must be a whole number from 1 to 100"),
        ("/api/v1/changes?since=-1", 400, "since must be a whole number of at least 0"),
        ("/feeds/all.rss?limit=0", 400, "limit must be a whole number from 1 to 100"),
        ("/sources?page=0", 400, "page must be a whole number from 1 to 999999"),
        (f"/api/v1/stories?q={'a' * 5000}", 400, "a search has at most 200 characters, this one has 5000"),
        (f"/feeds/all.json?q={'a' * 5000}", 400, "a search has at most 200 characters, this one has 5000"),
        (f"/search?q={'a' * 5000}", 400, "a search has at most 200 characters, this one has 5000"),
        ("/api/v1/stories?topic=nosuch", 400, f"topic must be one of {FEEDS}"),
        ("/search?q=beds&topic=nosuch", 400, f"topic must be one of {FEEDS}"),
        ("/api/v1/stories?min_confidence=2", 400, "min_confidence must be a number from 0 to 1"),
        ("/feeds/all.atom?min_confidence=high", 400, "min_confidence must be a number from 0 to 1"),
        ("/api/v1/stories?min_confidence=e", 400, "min_confidence must be a number from 0 to 1, e.g. 0.8"),
        ("/?limit=0", 400, "limit must be a whole number from 1 to 100"),
        ("/api/v1/stories?topic=finance&topic=workforce", 400, "topic is there 2 times; say it once"),
        ("/feeds/all.atom?q=a&q=b", 400, "q is there 2 times; say it once"),
        (f"/api/v1/stories?topic={'finance,' * 80}all", 400, "topic has more than 500 characters"),
        ("/api/v1/stories/01ARZ3NDEKTSV4RRFFQ69G5FAV?story_id=x", 400, "there is no parameter 'story_id' here; there are: fields"),
        ("/feeds/all.atom?before=7ZZZZZZZZZZZZZZZZZZZZZZZZZ", 404, "no archive document ends there yet"),
        ("/?source=me", 400, "source must be a whole number of at least 1"),
        ("/api/v1/stories?since=tomorrow", 400, "since must be a date or time such as 2026-03-01"),
        ("/api/v1/stories?fields=titel", 400, "fields must be some of id, url"),
    ],
    ids=lambda value: str(value)[:50],
)
def test_what_cannot_be_answered_is_explained(client: Client, place: str, status: int, told: str) -> None:
    response = client.get(place)
    assert response.status_code == status
    said = message(response)
    assert any(each.lower() in said.lower() for each in told.split("|"))
    assert len(said) < 1000, "what was asked is not repeated at length"
    assert response.headers["Cache-Control"] == "no-store"
    assert len(str(response.headers)) < 2000


@pytest.mark.parametrize(
    ("place", "status"),
    [
        ("/?limit=7&topic=nosuch&since=x&x[]=1&&=&;", 200),
        ("/api/v1/stories?limit=1&limit=0", 400),
        ("/feeds/all.json?" + "x=1&" * 5000, 200),
        (f"/api/v1/stories?limit=1&{'x' * 20_000}=y", 400),
        ("/feeds/all.atom?topic=nosuch", 200),
        ("/api/v1/stories?limit=0&limit=1", 400),
        ("/feeds/all.atom?limit[]=0", 200),
        ("/?LIMIT=0", 200),
        ("/search?q=%", 200),
        ("/search?q=%zz", 200),
        ("/search?q=100%", 200),
    ],
    ids=lambda value: str(value)[:50],
)
def test_words_that_are_not_ours_are_left_alone(client: Client, place: str, status: int) -> None:
    assert raw(client, place.partition("?")[0].encode(), place.partition("?")[2]).status_code == status


def test_an_error_of_which_nobody_thought_says_something_too(still: Site) -> None:
    app = still.client.application
    with app.test_request_context("/api/v1/stories"):
        response = app.make_response(app.handle_user_exception(UnsupportedMediaType()))
    assert response.status_code == 415
    assert response.get_json()["detail"]


# ---------------------------------------------------------------- methods


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "PROPFIND", "FROB"])
@pytest.mark.parametrize(
    "place",
    [
        FEED,
        "/feeds.opml",
        "/feeds/sources-health.atom",
        API,
        "/api/v1/stories.csv",
        "/api/v1/changes",
        PAGE,
        "/",
        "/search",
        "/healthz",
        "/metrics",
    ],
)
def test_a_method_that_does_not_fit_is_refused_with_those_that_do(client: Client, place: str, method: str) -> None:
    response = raw(client, place.encode(), method="GET", REQUEST_METHOD=method)
    assert response.status_code == 405
    assert {"GET", "HEAD", "OPTIONS"} == set(response.headers["Allow"].split(", "))
    assert "this address takes GET, HEAD, OPTIONS only" in message(response)


@pytest.mark.parametrize("body", [b"", b"\x00\xff" * 1000, b"{"])
def test_what_is_sent_along_makes_no_difference(client: Client, body: bytes) -> None:
    for place in (FEED, API, PAGE):
        got = client.open(place, method="GET", data=body, content_type="application/json")
        assert (got.status_code, got.data) == (200, client.get(place).data)
        assert client.post(place, data=body, content_type="multipart/form-data").status_code == 405


@pytest.mark.parametrize("place", [FEED, API, "/api/v1/changes", "/api/v1/stories.csv", PAGE, "/", "/search"])
def test_options_tells_the_methods(client: Client, place: str) -> None:
    response = client.options(place)
    assert response.status_code == (204 if place.startswith(("/api/", "/feeds")) else 200)
    assert set(response.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}
    assert response.data == b""


@pytest.mark.parametrize("place", ["/feeds/nosuch.atom", "/api/v1/nosuch", "/nosuch", "/api/v1/stories?limit=0"])
def test_head_of_what_is_wrong_is_wrong_without_a_body(client: Client, place: str) -> None:
    got, head = client.get(place), client.head(place)
    assert (head.status_code, head.headers["Content-Type"], head.data) == (got.status_code, got.content_type, b"")


# ---------------------------------------------------------------- headers


LONG_LIST = ", ".join(f'"{number}"' for number in range(2000))
HEADERS = [
    *[("Accept", value) for value in ("image/png", "", "*", "*/*;q=0", "a/b;q=nan", "\xff", ",;,;=", "x" * 20_000)],
    *[("Accept-Encoding", value) for value in ("", ";", "gzip;q=", "gzip;q=2", "gzip;q=-1", "gzip;q=1e9", "\xff\xfe", "g," * 9000)],
    *[("Accept-Encoding", value) for value in ("gzip;q=nan", "*;q=inf", "br;q=0, *;q=0", "identity;q=0", "gzip gzip", '"gzip"')],
    *[("Accept-Language", value) for value in ("tlh", "\x80", ";q=1")],
    *[("Accept-Charset", value) for value in ("utf-7", "")],
    *[("Range", value) for value in ("bytes=0-0", "bytes=-1", "bytes=9-0", "bytes=" + "0-0," * 3000, "lines=1-2", "bytes", "\xff")],
    *[("If-Range", value) for value in ('"x"', "yesterday", "")],
    *[
        ("If-None-Match", value)
        for value in ("", '"', ",,,", 'W/"', "w/x", '"a" "b"', LONG_LIST, '"' * 20_000, "a" + " " * 20_000 + "b", "\xff")
    ],
    *[("If-Match", value) for value in ("*", "", ",,")],
    *[("If-Modified-Since", value) for value in ("", "now", "0", "-1", "Thu, 01 Jan 0000 00:00:00 GMT", "x" * 20_000, "\xff")],
    *[("If-Modified-Since", f"Mon, 02 Mar {year} 09:03:00 GMT") for year in (1, 69, 1969, 99999, 10**12)],
    *[("If-Unmodified-Since", value) for value in ("Fri, 01 Jan 2100 00:00:00 GMT", "then", "")],
    *[("Host", value) for value in ("evil.example", "evil.example:99999", "[::1", "a b", "\xff", "")],
    *[("X-Forwarded-For", value) for value in ("127.0.0.1", "1" * 20_000, ",,,", "\x00")],
    *[("X-Forwarded-Host", value) for value in ("evil.example",)],
    *[("Content-Type", value) for value in ("", ";", "multipart/form-data", "text/html; charset=nosuch")],
    *[("Content-Length", value) for value in ("x", "-1", "", "9" * 30)],
    *[("Transfer-Encoding", value) for value in ("gzip", "chunked, chunked")],
    *[("Origin", value) for value in ("null", "\xff")],
    *[("Referer", value) for value in ("javascript:alert(1)",)],
    *[("User-Agent", value) for value in ("", "\x00" * 100)],
    *[("Expect", value) for value in ("200-ok",)],
]


def environ_name(header: str) -> str:
    name = header.upper().replace("-", "_")
    return name if name in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{name}"


@pytest.mark.parametrize(("name", "value"), HEADERS, ids=lambda value: repr(value)[:40])
@pytest.mark.parametrize("place", [FEED, API, PAGE, "/sources"])
def test_no_header_is_too_absurd(client: Client, place: str, name: str, value: str) -> None:
    plain = client.get(place)
    for _ in ("from the application or from memory", "from memory"):
        response = raw(client, place.encode(), **{environ_name(name): value})
        assert response.status_code == 200
        packed = response.headers.get("Content-Encoding") == "gzip"
        assert (gzip.decompress(response.data) if packed else response.data) == plain.data


@pytest.mark.parametrize("year", [10**10, 10**12, 10**400])
@pytest.mark.parametrize("name", ["If-Modified-Since", "If-Unmodified-Since", "If-Range"])
@pytest.mark.parametrize("place", [FEED, "/quality", "/api/v1/sources", "/static/style.css", "/nosuch"])
def test_a_year_beyond_all_numbers_is_no_date(client: Client, place: str, name: str, year: int) -> None:
    headers = {name: f"Mon, 02 Mar {year} 09:03:00 GMT"} | ({"Range": "bytes=0-9"} if name == "If-Range" else {})
    with client.get(place, headers=headers) as response, client.get(place) as plain:
        assert (response.status_code, response.data) == (plain.status_code, plain.data)


@pytest.mark.parametrize("place", [FEED, API, PAGE, "/sources"])
def test_a_condition_that_does_not_hold_is_told(client: Client, place: str) -> None:
    headers = client.get(place).headers
    packed = client.get(place, headers={"Accept-Encoding": "gzip"}).headers["ETag"]
    for named in (headers["ETag"], packed, f'"x", {packed}', "*"):
        assert client.get(place, headers={"If-Match": named}).status_code == 200
    for named in ('"other"', f"W/{packed}"):
        with client.get(place, headers={"If-Match": named, "If-None-Match": "*"}) as response:
            assert (response.status_code, response.data, response.headers["ETag"]) == (412, b"", headers["ETag"])
    dated = "Last-Modified" in headers
    assert dated == (place != "/sources")
    last = headers.get("Last-Modified", "Thu, 01 Jan 1970 00:00:00 GMT")
    assert client.get(place, headers={"If-Unmodified-Since": last}).status_code == 200
    assert client.get(place, headers={"If-Unmodified-Since": "Thu, 01 Jan 1970 00:00:00 GMT"}).status_code == (412 if dated else 200)


def test_a_coding_that_was_refused_is_not_sent(client: Client) -> None:
    for refusal in ("gzip;q=0", "gzip;q=0.000", "identity", "*;q=0", "br"):
        assert "Content-Encoding" not in client.get(FEED, headers={"Accept-Encoding": refusal}).headers


# ---------------------------------------------------------------- bytes that are no text


@pytest.mark.parametrize(
    "junk", [b"\x00", b"\xff", b"\xc3\x28", b"\xed\xa0\x80", b"\xf0\x9f\x98", b"\r\nX-Injected: 1", b"\\..\\", b"%00", b"\xe2\x80\xae"]
)
@pytest.mark.parametrize(
    "pattern",
    ["/%s", "/topics/%s", "/topics/finance+%s", "/feeds/%s.atom", "/feeds/all.%s", "/stories/%s", "/api/v1/stories/%s", "/api/v1/%s"],
)
def test_bytes_that_are_no_name_are_not_found(client: Client, pattern: str, junk: bytes) -> None:
    response = raw(client, pattern.encode().replace(b"%s", junk))
    assert response.status_code == 404
    assert message(response)
    assert "X-Injected" not in response.headers


@pytest.mark.parametrize("junk", ["%00", "%ff", "%c3%28", "%ed%a0%80", "%0d%0aX-Injected:%201", "%", "%u0041", "\xff", "%F0%9F%98%80"])
@pytest.mark.parametrize("name", ["q", "topic", "source", "cursor", "limit", "since", "min_confidence", "fields", "before", "x"])
def test_bytes_that_are_no_words_are_refused_or_left_alone(client: Client, name: str, junk: str) -> None:
    for place in (API, "/search", FEED, "/api/v1/stories.csv", "/api/v1/changes"):
        response = raw(client, place.encode(), f"{name}={junk}")
        assert response.status_code in (200, 400)
        assert "X-Injected" not in response.headers
        if response.status_code == 400:
            assert name in message(response) or "must be UTF-8" in message(response)


@pytest.mark.parametrize("value", ["a%0d%0aX-Injected:%201", '">,<x>; rel="next"', "%00"])
def test_no_words_break_out_of_the_header_that_repeats_them(client: Client, value: str) -> None:
    for place in (API, "/api/v1/stories.csv", FEED):
        response = raw(client, place.encode(), f"limit=1&q=-{value}+the+-x{value}")
        assert response.status_code == 200
        links = response.headers.get("Link", "")
        assert links.isascii()
        assert links.count(">") <= (2 if place == FEED else 1)
        assert "X-Injected" not in response.headers


@pytest.mark.parametrize("place", [FEED, API, "/api/v1/changes", PAGE, "/search", "/sources"])
@pytest.mark.parametrize("query", ["q=caf\xe9", "q=caf%E9", "x=%ff%00"])
def test_a_query_in_another_coding_is_told_to_be_in_ours(client: Client, place: str, query: str) -> None:
    response = raw(client, place.encode(), query)
    assert response.status_code == 400
    assert "must be UTF-8" in message(response)
    assert raw(client, place.encode(), "x=caf\xc3\xa9").status_code == (400 if place.startswith("/api") else 200)


# ---------------------------------------------------------------- anything at all


_bytes = st.binary(max_size=30)
_queries = st.text(st.characters(min_codepoint=33, max_codepoint=255), max_size=60)
_names = st.sampled_from(["", "/", "/topics/", "/feeds/", "/stories/", "/api/v1/", "/api/v1/stories/", "/static/", "/sources/"])


@settings(max_examples=200)
@given(room=_names, path=_bytes, query=_queries, method=st.sampled_from(["GET", "HEAD", "POST", "OPTIONS"]))
def test_nothing_that_can_be_asked_is_a_fault_of_ours(client: Client, room: str, path: bytes, query: str, method: str) -> None:
    assert raw(client, room.encode() + path, query, method).status_code < 500


@settings(max_examples=200)
@given(
    place=st.sampled_from([FEED, API, PAGE]),
    name=st.sampled_from(sorted({name for name, _ in HEADERS} - {"Content-Length"})),
    value=_queries,
)
def test_nothing_that_a_header_can_say_is_a_fault_of_ours(client: Client, place: str, name: str, value: str) -> None:
    assert raw(client, place.encode(), **{environ_name(name): value}).status_code in (200, 304, 412)


@settings(max_examples=100)
@given(name=st.sampled_from(sorted({name for name, _ in HEADERS} - {"Content-Length", "Host"})), value=_queries)
def test_static_files_stand_any_header_too(client: Client, name: str, value: str) -> None:
    with raw(client, b"/static/style.css", **{environ_name(name): value}) as response:
        assert response.status_code in (200, 206, 304, 412, 416)
