"""The feeds as they are answered: types, links, validators, and what is asked for in vain."""

from __future__ import annotations

from pathlib import Path

import pytest
from builders import issue, news
from crawling import crawl
from website import BASE, Site, open_site, topics
from werkzeug.test import TestResponse

TYPES = {"atom": "application/atom+xml", "rss": "application/rss+xml", "json": "application/feed+json"}
FEEDS = ("/feeds/all", "/feeds/finance", "/feeds/untagged", "/feeds/finance+workforce")
CONDITIONS = ("If-None-Match", "If-Modified-Since")


def links(response: TestResponse) -> dict[str, tuple[str, str]]:
    """The addresses and types by their relations (RFC 8288)."""
    found = {}
    for link in response.headers["Link"].split(", "):
        address, *said = link.split("; ")
        attributes = dict(each.split("=") for each in said)
        found[attributes["rel"].strip('"')] = (address.strip("<>"), attributes["type"].strip('"'))
    return found


@pytest.mark.parametrize("suffix", TYPES)
@pytest.mark.parametrize("words", ["", "?q=staff+cost", "?source=1&limit=2", "?before=01A00000000000000000000000"])
@pytest.mark.parametrize("feed", FEEDS)
def test_a_feed_is_answered_with_its_type_and_validators_in_every_format(still: Site, feed: str, words: str, suffix: str) -> None:
    response = still.client.get(f"{feed}.{suffix}{words}")
    assert response.status_code == 200
    assert response.content_type == f"{TYPES[suffix]}; charset=utf-8"
    assert response.headers["Cache-Control"].startswith("public, max-age=")
    head = still.client.head(f"{feed}.{suffix}{words}")
    assert (head.status_code, head.data) == (200, b"")
    assert dict(head.headers) == dict(response.headers)
    for condition, validator in zip(CONDITIONS, ("ETag", "Last-Modified"), strict=True):
        again = still.client.get(f"{feed}.{suffix}{words}", headers={condition: response.headers[validator]})
        assert (again.status_code, again.data) == (304, b"")
        assert again.headers["Link"] == response.headers["Link"]


@pytest.mark.parametrize(
    ("asked", "address", "page"),
    [
        ("/feeds/finance.rss", "/feeds/finance.rss", "/topics/finance"),
        ("/feeds/all.atom", "/feeds/all.atom", "/"),
        ("/feeds/workforce+finance.json", "/feeds/finance+workforce.json", "/topics/finance+workforce"),
        ("/feeds/all.json?limit=50&q=++staff", "/feeds/all.json?q=staff", "/search?q=staff"),
        (
            "/feeds/untagged,finance.atom?min_confidence=0.80&q=a%2Bb&source=1",
            "/feeds/finance+untagged.atom?q=a%2Bb&source=1&min_confidence=0.8",
            "/search?topic=finance+untagged&q=a%2Bb&source=1&min_confidence=0.8",
        ),
        ("/feeds/all.atom?nothing=known&limit=7", "/feeds/all.atom?limit=7", "/?limit=7"),
    ],
)
def test_headers_link_the_one_address_of_what_was_asked_for_and_its_page(still: Site, asked: str, address: str, page: str) -> None:
    response = still.client.get(asked)
    suffix = address.partition("?")[0].rpartition(".")[2]
    assert links(response) == {"self": (BASE + address, TYPES[suffix]), "alternate": (BASE + page, "text/html")}
    assert still.client.get(address).data == response.data
    assert still.client.get(page).status_code == 200


@pytest.mark.parametrize(
    ("asked", "status", "said"),
    [
        ("/feeds/nosuch.atom", 404, "there is no feed called 'nosuch'; there are: finance, workforce, all, untagged"),
        ("/feeds/finance+nosuch.atom", 404, "'nosuch'"),
        ("/feeds/finance.xml", 404, "feeds come as atom, rss, json; there is no .xml"),
        ("/feeds/archive.json", 410, "the topic 'archive' was given up"),
        ("/feeds/finance+archive.rss", 410, "the topic 'archive' was given up"),
        ("/feeds/all.atom?q=-", 400, "q must be something to search for"),
        ("/feeds/all.rss?source=press", 400, "source must be a whole number"),
        ("/feeds/all.json?min_confidence=2", 400, "min_confidence must be a number from 0 to 1"),
        ("/feeds/all.atom?limit=0", 400, "limit must be a whole number from 1 to 100"),
        ("/feeds/all.atom?limit=101", 400, "limit must be a whole number from 1 to 100"),
        ("/feeds/all.atom?before=yesterday", 400, "before must be taken from"),
    ],
)
def test_what_cannot_be_answered_is_explained(site: Site, asked: str, status: int, said: str) -> None:
    site.tell(site.press, issue("new", news("Archive opened", topics={**topics(), "archive": 0.9})))
    site.store.tags.keep_only(["finance", "workforce"], site.clock())
    response = site.client.get(asked)
    assert response.status_code == status
    assert said in response.text


def test_words_are_refused_alike_in_feeds_pages_and_the_api(still: Site) -> None:
    for words in ("q=-", "source=0", "min_confidence=1.5", f"q={'x' * 201}"):
        answers = [
            still.client.get(f"{place}?{words}") for place in ("/feeds/all.atom", "/feeds/all.json", "/api/v1/stories", "/search", "/")
        ]
        # A search page without words is the form to ask for them.
        assert {answer.status_code for answer in answers} == {400}


def test_an_archive_document_is_not_sent_again_whatever_came_since(tmp_path: Path) -> None:
    with open_site(tmp_path, filled=False) as site:
        site.tell(site.press, issue("many", *(news(f"Story {number}") for number in range(200))))
        [_, archive, *_] = crawl(site.client, f"{BASE}/feeds/all.atom")
        first = site.client.get(archive.address)
        site.tell(site.press, issue("more", *(news(f"Another story {number}") for number in range(60))))
        for condition, validator in zip(CONDITIONS, ("ETag", "Last-Modified"), strict=True):
            assert site.client.get(archive.address, headers={condition: first.headers[validator]}).status_code == 304
        assert site.client.get(f"{BASE}/feeds/all.atom").headers["ETag"] != first.headers["ETag"]


def test_the_list_of_feeds_is_answered_with_its_type_and_validators(still: Site) -> None:
    response = still.client.get("/feeds.opml")
    assert (response.status_code, response.content_type) == (200, "text/x-opml; charset=utf-8")
    head = still.client.head("/feeds.opml")
    assert (head.status_code, head.data, dict(head.headers)) == (200, b"", dict(response.headers))
    for condition, validator in zip(CONDITIONS, ("ETag", "Last-Modified"), strict=True):
        assert still.client.get("/feeds.opml", headers={condition: response.headers[validator]}).status_code == 304


def test_the_feed_on_the_sources_links_their_page(still: Site) -> None:
    response = still.client.get("/feeds/sources-health.atom")
    assert (response.status_code, response.content_type) == (200, "application/atom+xml; charset=utf-8")
    assert links(response) == {
        "self": (f"{BASE}/feeds/sources-health.atom", "application/atom+xml"),
        "alternate": (f"{BASE}/sources", "text/html"),
    }


def test_the_archive_of_a_format_is_in_that_format(still: Site) -> None:
    for suffix in TYPES:
        pages = crawl(still.client, f"{BASE}/feeds/all.{suffix}?limit=1")
        assert {page.address.partition("?")[0] for page in pages} == {f"{BASE}/feeds/all.{suffix}"}
        assert len(pages) == 2
