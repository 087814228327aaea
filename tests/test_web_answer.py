"""Conditional and compressed answers (RFC 9110 sections 8, 12, 13), the same on feeds, JSON and pages."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path

import pytest
from builders import issue, news
from fakes import START
from website import Site, open_site
from werkzeug.test import TestResponse

LAST_CHANGE = START + 180
TYPES = {
    "/feeds/all.atom": "application/atom+xml; charset=utf-8",
    "/feeds/finance.atom": "application/atom+xml; charset=utf-8",
    "/feeds/finance.rss": "application/rss+xml; charset=utf-8",
    "/feeds/finance+workforce.json": "application/feed+json; charset=utf-8",
    "/api/v1/stories": "application/json; charset=utf-8",
    "/api/v1/changes": "application/json; charset=utf-8",
    "/api/v1/stories.csv": "text/csv; charset=utf-8; header=present",
    "/": "text/html; charset=utf-8",
    "/search?q=trust": "text/html; charset=utf-8",
}
PLACES = list(TYPES)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """For reading only."""
    with open_site(tmp_path_factory.mktemp("site")) as site:
        yield site


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def get(site: Site, place: str, **headers: str) -> TestResponse:
    return site.client.get(place, headers={name.replace("_", "-"): value for name, value in headers.items()})


def etag(site: Site, place: str, coding: str = "") -> str:
    return get(site, place, Accept_Encoding=coding).headers["ETag"]


def assert_not_modified(response: TestResponse) -> None:
    assert response.status_code == 304
    assert response.data == b""
    assert not {"Content-Type", "Content-Encoding", "Content-Length"} & set(response.headers.keys())
    assert {"ETag", "Vary", "Cache-Control"} <= set(response.headers.keys())
    assert len(response.headers) == len(set(response.headers.keys()))


def test_an_answer_says_what_it_is_and_how_long_it_keeps(site: Site, place: str) -> None:
    response = get(site, place)
    assert response.status_code == 200
    assert response.content_type == TYPES[place]
    assert response.headers["ETag"].startswith('"'), "a strong validator"
    assert response.cache_control.public
    if place.startswith("/feeds"):
        assert 300 <= (response.cache_control.max_age or 0) <= 900
        assert (response.cache_control.stale_if_error or 0) > 0
        assert response.headers["Access-Control-Allow-Origin"] == "*"
    else:
        assert response.cache_control.no_cache, "who decides sees it at once"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "Set-Cookie" not in response.headers


def test_the_date_is_that_of_the_last_change_and_not_of_the_request(site: Site) -> None:
    # The last story was merged into one that all and finance show already; the one before it has no topic.
    assert get(site, "/feeds/all.atom").headers["Last-Modified"] == "Mon, 02 Mar 2026 09:03:00 GMT"
    assert get(site, "/feeds/untagged.atom").headers["Last-Modified"] == "Mon, 02 Mar 2026 09:02:00 GMT"
    assert get(site, "/feeds/workforce.atom").headers["Last-Modified"] == "Mon, 02 Mar 2026 09:01:00 GMT"
    assert get(site, "/api/v1/stories").headers["Last-Modified"] == "Mon, 02 Mar 2026 09:03:00 GMT"


@pytest.mark.parametrize(
    ("field", "known"),
    [
        ("{plain}", True),
        ("{gzip}", True),
        ("W/{plain}", True),
        ('"other", {plain}', True),
        ('"a,b" ,W/"c",{plain}', True),
        ("*", True),
        ('"other"', False),
        ('W/"other", "another"', False),
        ("", False),
        ("***", False),
        ('"', False),
    ],
)
def test_a_client_that_names_the_etag_is_not_sent_the_body_again(site: Site, place: str, field: str, known: bool) -> None:
    header = field.format(plain=etag(site, place), gzip=etag(site, place, "gzip"))
    response = get(site, place, If_None_Match=header)
    if known:
        assert_not_modified(response)
    else:
        assert response.status_code == 200
        assert response.data


@pytest.mark.parametrize(
    ("moment", "known"),
    [
        (formatdate(LAST_CHANGE, usegmt=True), True),
        (formatdate(LAST_CHANGE + 86_400, usegmt=True), True),
        ("Monday, 02-Mar-26 09:03:00 GMT", True),
        ("Mon Mar  2 09:03:00 2026", True),
        (formatdate(LAST_CHANGE - 1, usegmt=True), False),
        (formatdate(0, usegmt=True), False),
        ("yesterday", False),
        ("2026-03-02T09:03:00Z", False),
        ("99999999999999999999", False),
        ("Mon, 99 Mar 2026 99:99:99 GMT", False),
        ("", False),
    ],
)
def test_a_client_that_tells_a_date_is_sent_what_changed_since(site: Site, moment: str, known: bool) -> None:
    response = get(site, "/api/v1/stories", If_Modified_Since=moment)
    assert response.status_code == (304 if known else 200)


def test_the_etag_outranks_the_date(site: Site, place: str) -> None:
    later, earlier = formatdate(LAST_CHANGE + 60, usegmt=True), formatdate(0, usegmt=True)
    assert get(site, place, If_None_Match='"other"', If_Modified_Since=later).status_code == 200
    assert get(site, place, If_None_Match=etag(site, place), If_Modified_Since=earlier).status_code == 304


@pytest.mark.parametrize(
    ("accepted", "packed"),
    [
        ("gzip", True),
        ("GZip", True),
        ("deflate, gzip, br", True),
        ("gzip;q=0.1", True),
        ("*", True),
        ("br, *;q=0.5", True),
        ("", False),
        ("identity", False),
        ("br", False),
        ("gzip;q=0", False),
        ("gzip; q=0.000, *", False),
        ("*;q=0", False),
        ("identity, gzip;q=0.5", False),
    ],
)
def test_the_body_comes_in_the_coding_that_the_client_likes_best(site: Site, place: str, accepted: str, packed: bool) -> None:
    response, plain = get(site, place, Accept_Encoding=accepted), get(site, place)
    assert response.headers.get("Content-Encoding") == ("gzip" if packed else None)
    assert (gzip.decompress(response.data) if packed else response.data) == plain.data
    assert (response.headers["ETag"] != plain.headers["ETag"]) == packed
    assert response.headers["Last-Modified"] == plain.headers["Last-Modified"]


def test_a_304_names_the_representation_that_was_asked_for(site: Site, place: str) -> None:
    response = get(site, place, If_None_Match="*", Accept_Encoding="gzip")
    assert_not_modified(response)
    assert response.headers["ETag"] == etag(site, place, "gzip")


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS"])
@pytest.mark.parametrize("place", [*PLACES, "/feeds/nosuch.atom", "/api/v1/nosuch", "/nosuch", "/readyz", "/static/style.css"])
def test_every_answer_says_that_it_depends_on_the_coding(site: Site, method: str, place: str) -> None:
    with site.client.open(place, method=method, headers={"If-None-Match": "*"}) as response:
        assert "accept-encoding" in response.headers["Vary"].lower()


@pytest.mark.parametrize("coding", ["", "gzip"])
def test_head_is_get_without_the_body(site: Site, place: str, coding: str) -> None:
    got, head = (site.client.open(place, method=method, headers={"Accept-Encoding": coding}) for method in ("GET", "HEAD"))
    assert head.data == b""
    assert dict(head.headers) == dict(got.headers)
    assert int(head.headers["Content-Length"]) == len(got.data)


def test_head_is_conditional_too(site: Site, place: str) -> None:
    assert site.client.head(place, headers={"If-None-Match": etag(site, place)}).status_code == 304


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_other_methods_are_refused_with_those_that_there_are(site: Site, place: str, method: str) -> None:
    response = site.client.open(place, method=method, data=b"x")
    assert response.status_code == 405
    assert {"GET", "HEAD"} <= set(response.headers["Allow"].split(", "))
    assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("name", ["nosuch.atom", "all.xyz", "%00.atom", "%ff%fe.atom", "", "..%2fall.atom"])
def test_a_feed_that_there_is_not_is_told_in_plain_text_and_not_kept(site: Site, name: str) -> None:
    response = site.client.get(f"/feeds/{name}")
    assert response.status_code == 404
    assert response.mimetype == "text/plain"
    assert response.headers["Cache-Control"] == "no-store"


def test_an_unknown_feed_is_answered_with_the_names_of_those_there_are(site: Site) -> None:
    assert "finance, workforce, all, untagged" in site.client.get("/feeds/nosuch.atom").text


@pytest.mark.parametrize("junk", ["?", "?x=1", "?q=%20+", "?topic=nosuch&cursor=-1&since=x", "?" + "a" * 5000])
def test_junk_in_the_query_changes_no_feed(site: Site, junk: str) -> None:
    response = site.client.get(f"/feeds/finance.atom{junk}")
    assert response.status_code == 200
    assert response.data == site.client.get("/feeds/finance.atom").data


def test_a_feed_names_itself_and_its_page_in_its_head(site: Site) -> None:
    assert get(site, "/feeds/finance.atom").headers["Link"] == (
        '<https://news.example.org/feeds/finance.atom>; rel="self"; type="application/atom+xml", '
        '<https://news.example.org/topics/finance>; rel="alternate"; type="text/html"'
    )


def test_a_client_that_follows_the_validators_misses_no_change(tmp_path: Path) -> None:
    with open_site(tmp_path) as site:
        seen = get(site, "/feeds/workforce.atom").headers
        conditional = {"If_None_Match": seen["ETag"], "If_Modified_Since": seen["Last-Modified"]}
        assert get(site, "/feeds/workforce.atom", **conditional).status_code == 304
        site.tell(site.press, issue("finance", news("Tariff goes up")))
        assert get(site, "/feeds/workforce.atom", **conditional).status_code == 304
        assert get(site, "/feeds/finance.atom", **conditional).status_code == 200
        site.tell(site.press, issue("workforce", news("Ward staff walk out", topics={"workforce": 0.9})))
        assert get(site, "/feeds/workforce.atom", **conditional).status_code == 200
