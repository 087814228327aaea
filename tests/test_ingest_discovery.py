"""The feeds that pages offer. Each page in data/offers has those that are to be found beside it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds.errors import PageInstead
from feeds.ingest.discovery import feeds_of
from feeds.ingest.parse import parse_feed
from feeds.model import FeedLink
from feeds.text import web_url

PAGES = sorted((Path(__file__).parent / "data" / "offers").glob("*.html"))
URL = "https://press.example.org/news/today"
LINK = '<link rel="alternate" type="application/rss+xml" href="{}">'


def offered(page: Path) -> tuple[FeedLink, ...]:
    """What stands beside a page."""
    return tuple(FeedLink(url, title) for url, title in json.loads(page.with_suffix(".expected.json").read_text(encoding="utf-8")))


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_a_page_offers_the_feeds_that_stand_beside_it(page: Path) -> None:
    assert feeds_of(page.read_bytes(), "", URL) == offered(page)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_a_page_is_never_taken_for_a_feed(page: Path) -> None:
    with pytest.raises(PageInstead) as refused:
        parse_feed(page.read_bytes(), "text/html; charset=utf-8" if page.stem != "windows-1252" else "text/html", URL)

    assert refused.value.feeds == offered(page)


def test_the_message_tells_what_the_page_offers() -> None:
    page = b"<html><link rel=alternate type=application/rss+xml href=/a title=News><link rel=alternate type=application/atom+xml href=/b>"

    with pytest.raises(PageInstead) as refused:
        parse_feed(page, "text/html", URL)

    assert str(refused.value) == (
        "the address answers with a web page, not a feed; it offers: https://press.example.org/a (News), https://press.example.org/b"
    )


def test_the_message_names_five_of_many() -> None:
    with pytest.raises(PageInstead, match=r"/4 and 3 more$"):
        parse_feed(f"<html>{''.join(LINK.format(f'/{n}') for n in range(8))}".encode(), "", URL)


def test_a_page_that_talks_of_feeds_is_still_a_page() -> None:
    page = b"<!DOCTYPE html><html><body><pre>&lt;rss></pre><script>'<rss><channel>'</script><rss-button></rss-button></body></html>"

    with pytest.raises(PageInstead, match="offers no feed"):
        parse_feed(page, "text/html", URL)


def test_nobody_looks_further_than_a_mebibyte_or_for_more_than_fifty() -> None:
    assert feeds_of((" " * 2**20 + LINK.format("/late")).encode(), "", URL) == ()
    assert len(feeds_of("".join(LINK.format(f"/{n}") for n in range(500)).encode(), "", URL)) == 50


@given(st.text(st.sampled_from("<>/='\" \0&;!-[]ablinkrethf\ud800"), max_size=60) | st.text(), st.binary(max_size=20), st.text(max_size=30))
def test_whatever_a_page_holds_its_feeds_are_web_addresses(text: str, junk: bytes, url: str) -> None:
    page = junk + text.encode("utf-8", "surrogatepass") + LINK.format(text).encode("utf-8", "replace")

    for feed in feeds_of(page, "text/html", url):
        assert web_url(feed.url) == feed.url
        assert feed.title == feed.title.strip()
