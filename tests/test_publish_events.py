"""The feed on the sources: valid whatever they say, the same bytes until something happens, and discreet."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes import START
from hypothesis import HealthCheck, given, settings
from ingest_support import HOSTILE_TEXT
from lxml import html as lxml_html
from source_rows import add_source, change_source, happened
from test_publish_atom import assert_valid, links
from website import ATOM, BASE, Site, open_site, texts

from feeds.model import StoryQuery

FEED = "/feeds/sources-health.atom"


def body(site: Site) -> bytes:
    return site.restarted().sources_health().body


def test_each_event_is_an_entry_newest_first(site: Site) -> None:
    happened(site.store, site.press.id, START, "broke", "the server answered 503 Service Unavailable; it failed, so it is left alone")
    happened(site.store, site.press.id, START + 3600, "recovered", "it delivers again, after it had failed 3 times in a row")
    root = assert_valid(body(site))
    assert texts(root, "a:title") == ["Healthwire: how the sources do"]
    assert texts(root, "a:updated") == ["2026-03-02T10:00:00+00:00"]
    assert texts(root, "a:entry/a:title") == [
        "Press & Journal recovered: it delivers again, after it had failed 3 times in a row",
        "Press & Journal broke: the server answered 503 Service Unavailable",
    ]
    instance = site.store.status.instance()
    assert texts(root, "a:entry/a:id") == [f"tag:healthwire.invalid,2026:{instance}/events/{number}" for number in (2, 1)]
    assert texts(root, "a:entry/a:category/@term") == ["recovered", "broke"]
    first = root.findall("a:entry", ATOM)[1]
    assert links(first) == {"alternate": f"{BASE}/sources#source-{site.press.id}"}
    content = lxml_html.fragment_fromstring(first.findtext("a:content", "", ATOM), create_parent=True)
    assert [paragraph.text_content() for paragraph in content] == [
        "Failing since 2 March 2026 at 09:00 UTC: the server answered 503 Service Unavailable; it failed, so it is left alone.",
        "It is tried again by itself, more and more rarely; another entry tells when it delivers again.",
    ]
    assert links(root) == {"self": f"{BASE}{FEED}", "alternate": f"{BASE}/sources"}


def test_entries_of_one_second_have_times_of_their_own_in_their_order(site: Site) -> None:
    for number in range(5):
        happened(site.store, site.press.id, START, "broke", f"failure {number}")
    root = assert_valid(body(site))
    times = texts(root, "a:entry/a:updated")
    assert len(set(times)) == 5
    assert times == sorted(times, reverse=True)
    assert all("2026-03-02T08:59:59" <= time <= "2026-03-02T09:00:00" for time in times)


def test_the_newest_fifty_are_told(site: Site) -> None:
    for number in range(60):
        happened(site.store, site.press.id, START + number, "broke", f"failure {number}")
    assert texts(assert_valid(body(site)), "a:entry/a:title") == [f"Press & Journal broke: failure {number}" for number in range(59, 9, -1)]


def test_the_document_is_built_anew_only_when_something_happened(site: Site) -> None:
    documents = site.restarted()
    seen = [documents.sources_health()]
    change_source(site.store, site.press.id, failures=3, next_poll=START, last_polled=START)
    site.clock.advance(86_400)
    assert documents.sources_health() is seen[0]
    happened(site.store, site.press.id, START, "broke", "no answer")
    seen.append(documents.sources_health())
    happened(site.store, site.press.id, START, "recovered", "it delivers again")
    seen.append(documents.sources_health())
    assert len({each.etag for each in seen}) == 3
    assert site.restarted().sources_health() == documents.sources_health() is seen[-1]


def test_a_source_that_is_removed_takes_its_events_along(site: Site) -> None:
    documents = site.restarted()
    happened(site.store, site.press.id, START, "broke", "no answer")
    happened(site.store, site.letters.id, START, "silent", "nothing has come")
    documents.sources_health()
    site.store.sources.remove(site.press.id, START)
    assert texts(assert_valid(documents.sources_health().body), "a:entry/a:title") == ["Files in letters fell silent: nothing has come"]


def test_without_events_there_is_a_valid_feed_that_stands_still(tmp_path: Path) -> None:
    with open_site(tmp_path, filled=False) as site:
        first = site.restarted().sources_health()
        site.clock.advance(86_400)
        assert site.restarted().sources_health() == first
        assert texts(assert_valid(first.body), "a:entry") == []
        assert first.modified == site.restarted().get(StoryQuery()).modified


def test_nothing_of_a_private_source_is_quoted(site: Site) -> None:
    secret = f"{site.letters.url} cannot be read by ada"
    for kind in ("broke", "stopped", "moved"):
        happened(site.store, site.letters.id, START, kind, secret)
    root = assert_valid(body(site))
    assert b"ada" not in body(site)
    assert site.letters.url.encode() not in body(site)
    assert texts(root, "a:entry/a:title") == [
        "Files in letters moved: it has another address",
        "Files in letters stopped: it is not polled any more",
        "Files in letters broke: it could not be read",
    ]


@pytest.mark.parametrize("place", ["/feeds/all.atom", "/feeds/finance.atom", "/feeds/untagged.atom", "/api/v1/stories", "/"])
def test_nothing_that_happens_to_sources_shows_among_the_stories(site: Site, place: str) -> None:
    before = site.client.get(place)
    values = {"failures": 4, "failing_since": START, "error": "broken beyond words", "silence": "not come", "silent_since": START}
    for source in site.store.sources.list():
        change_source(site.store, source.id, **values)
        happened(site.store, source.id, START, "broke", "broken beyond words")
    after = site.client.get(place)
    assert (after.data, after.headers["ETag"]) == (before.data, before.headers["ETag"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(title=HOSTILE_TEXT, text=HOSTILE_TEXT)
def test_whatever_a_source_is_called_and_says_the_feed_is_valid(site: Site, title: str, text: str) -> None:
    """The engine cannot keep every character; what it keeps is shown."""
    kept = [words.replace("\0", "").encode(errors="ignore").decode() for words in (title, text)]
    source_id = add_source(site.store, "https://b.example/feed", kept[0])
    happened(site.store, source_id, START, "broke", kept[1])
    try:
        assert_valid(body(site))
    finally:
        site.store.sources.remove(source_id, START)


def get(site: Site, method: str = "GET", **headers: str) -> tuple[int, bytes, dict[str, str]]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    response = site.client.open(FEED, method=method, headers=named)
    return response.status_code, response.data, dict(response.headers)


def test_it_is_answered_like_any_other_feed(site: Site) -> None:
    happened(site.store, site.press.id, START, "broke", "no answer")
    status, plain, headers = get(site)
    assert (status, headers["Content-Type"]) == (200, "application/atom+xml; charset=utf-8")
    assert headers["Cache-Control"] == "public, max-age=300, stale-if-error=86400"
    assert headers["Last-Modified"] == "Mon, 02 Mar 2026 09:00:00 GMT"
    assert f'<{BASE}{FEED}>; rel="self"' in headers["Link"]
    assert f'<{BASE}/sources>; rel="alternate"' in headers["Link"]
    for validator in ({"If_None_Match": headers["ETag"]}, {"If_Modified_Since": headers["Last-Modified"]}):
        assert get(site, **validator)[:2] == (304, b"")
    packed = get(site, Accept_Encoding="gzip")
    assert packed[2]["Content-Encoding"] == "gzip"
    assert len(packed[1]) < len(plain)
    assert get(site, "HEAD")[:2] == (200, b"")
    assert get(site, "HEAD")[2] == headers
    assert get(site, "POST")[0] == 405
