"""Feeds of every format. Each document in data/feeds has what is expected of it beside it."""

from __future__ import annotations

import contextlib
import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ingest_support import ENTITY_BOMB, HOSTILE_TEXT, item, rss
from web_server import WebServer

from feeds.errors import ParseError
from feeds.ingest.parse import parse_feed
from feeds.model import Parsed, Wishes

FEEDS = Path(__file__).parent / "data" / "feeds"
URL = "https://press.example.org/feeds/news"
EXPECTED = sorted(FEEDS.glob("*.expected.json"))


def document(expected: Path) -> bytes:
    (found,) = (path for path in FEEDS.iterdir() if path.stem == expected.name.removesuffix(".expected.json"))
    return found.read_bytes()


@pytest.mark.parametrize("expected", EXPECTED, ids=lambda path: path.name.removesuffix(".expected.json"))
def test_a_feed_gives_the_articles_that_stand_beside_it(expected: Path) -> None:
    want = json.loads(expected.read_text(encoding="utf-8"))

    got = parse_feed(document(expected), want.get("content_type", ""), URL)

    assert asdict(got.wishes) == want.get("wishes", asdict(Wishes()))
    assert (got.title, got.home_url) == (want["title"], want["home_url"])
    assert len(got.articles) == len(want["articles"])
    for article, fields in zip(got.articles, want["articles"], strict=True):
        assert {name: value for name, value in asdict(article).items() if name in fields} == fields
        assert article.guid
        assert article.origin == "entry"


@pytest.mark.parametrize("expected", EXPECTED, ids=lambda path: path.name.removesuffix(".expected.json"))
def test_parsing_twice_gives_the_same_guids_and_each_only_once(expected: Path) -> None:
    guids = [article.guid for article in parse_feed(document(expected), "", URL).articles]

    assert len(set(guids)) == len(guids)
    assert guids == [article.guid for article in parse_feed(document(expected), "", URL).articles]


@pytest.mark.parametrize(
    ("content_type", "body", "title"),
    [
        (
            "application/rss+xml; charset=windows-1252",
            "<rss version='2.0'><channel><title>“Café”</title></channel></rss>".encode("cp1252"),
            "“Café”",
        ),
        ("text/xml; charset=utf-8", "<rss version='2.0'><channel><title>“Café”</title></channel></rss>".encode(), "“Café”"),
        ("text/html; charset=utf-8", "<rss version='2.0'><channel><title>“Café”</title></channel></rss>".encode(), "“Café”"),
    ],
)
def test_the_charset_may_stand_in_the_header_only_and_the_type_may_be_wrong(content_type: str, body: bytes, title: str) -> None:
    assert parse_feed(body, content_type, URL).title == title


def guids_by_title(*items: str) -> dict[str, str]:
    articles = parse_feed(rss(*items), "", URL).articles
    return {article.title: article.guid for article in articles}


def test_entries_that_share_a_guid_keep_their_identities_when_another_comes() -> None:
    before = guids_by_title(item("same", "Second", "b"), item("same", "First", "a"), item("own", "Other", "o"))
    after = guids_by_title(item("same", "Third", "c"), item("same", "Second", "b"), item("same", "First", "a"), item("own", "Other", "o"))

    assert len(set(after.values())) == 4
    assert before == {title: guid for title, guid in after.items() if title != "Third"}
    assert before["Other"] == "own"


def test_an_entry_that_is_listed_twice_comes_once() -> None:
    assert guids_by_title(item("1", "Twice", "words"), item("1", "Twice", "words")) == {"Twice": "1"}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf \r\n", "empty"),
        (b"<!DOCTYPE html><html><head><link rel='alternate' type='application/rss+xml' href='/feed'></head></html>", "web page"),
        (b"\n<HTML lang=en><body>Sign in</body></HTML>", "web page"),
        (b"Too many requests", "no feed"),
        (b"<note><to>You</to></note>", "no feed"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "no feed"),
        (b'{"error": "not found"}', "not a JSON Feed"),
        (b'{"items": {"1": "x"}}', "not a JSON Feed"),
        (b'{"items": [', "not valid JSON"),
        (b'{"items": "\xff"}', "not a JSON Feed"),
        (b'{"items": ' + b"[" * 100_000, "nested too deeply"),
    ],
)
def test_what_is_no_feed_is_refused_with_the_reason(body: bytes, words: str) -> None:
    with pytest.raises(ParseError, match=words):
        parse_feed(body, "text/html", URL)


def test_a_feed_without_entries_is_a_feed() -> None:
    assert parse_feed(rss(title="Quiet"), "", URL) == Parsed((), "Quiet", None)


def test_entity_bombs_and_external_entities_are_harmless(server: WebServer, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("swordfish")
    declared = [
        f"<!DOCTYPE rss [{ENTITY_BOMB}]>",
        f'<!DOCTYPE rss [<!ENTITY i SYSTEM "{secret.as_uri()}">]>',
        f'<!DOCTYPE rss [<!ENTITY i SYSTEM "{server.url("/entity")}">]>',
        f'<!DOCTYPE rss SYSTEM "{server.url("/rss.dtd")}">',
        f'<!DOCTYPE rss [<!ENTITY % x SYSTEM "{server.url("/parameter")}"> %x;]>',
    ]

    for doctype in declared:
        body = b'<?xml version="1.0"?>' + doctype.encode() + rss(item("1", "Told &i;", "Words &i;"), item("2", "Next", "More"))
        articles = parse_feed(body, "application/xml", URL).articles
        assert [article.guid for article in articles] == ["1", "2"]
        assert all(len(article.body) < 100_000 and "swordfish" not in article.body + article.title for article in articles)
    assert server.requests == []


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | HOSTILE_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
dates = st.sampled_from(
    ["0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59-05:00", "2024-02-30T00:00:00Z", "2024-05-01", "", "1969-12-31T23:00:00Z"]
)
items = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("id", "url", "external_url", "title", "content_html", "content_text", "summary", "author", "authors"), anything),
        "date_published": dates | anything,
    },
)


@given(st.lists(items | anything, max_size=4), anything, anything)
@example([{"id": "\ud800\0", "content_text": "\0\udfff"}, {"content_html": "<p>\0\ud800</p>"}], "\0", "\ud800")
def test_a_json_feed_with_anything_in_it_gives_articles_that_can_be_stored(entries: list[Any], title: Any, home: Any) -> None:
    """Whatever a source puts where: lone surrogates and NUL cannot be stored, and impossible dates cannot be shown."""
    body = json.dumps({"title": title, "home_page_url": home, "items": entries}).encode()

    parsed = parse_feed(body, "application/feed+json", URL)

    for article in parsed.articles:
        for value in asdict(article).values():
            if isinstance(value, str):
                assert "\0" not in value
                value.encode()
        assert article.guid
        assert article.title
        assert article.published is None or 631_152_000 <= article.published <= 4_102_444_800


# What breaks documents, and parsers.
FRAGMENTS = [
    *(b"<![CDATA[", b"]]>", b"<!--", b"-->", b"&", b"<", b">", b"&#0;", b"&#xD800;", b"&#x110000;", b"&nbsp;", b"\0", b"\xff\xfe", b"\xe9"),
    *(b"<item>", b"</item>", b"<entry>", b"</entry>", b"<title>", b"<author>", b"<source>", b"<image>", b"<svg>", b"<height>"),
    *(b"<!DOCTYPE x [<!ENTITY a 'b'>]>", b"<?xml version='1.0' encoding='idna'?>", b' xml:base="http://[" ', b"<link href='http://['>"),
    *(b"<georss:where>", b"<gml:Point srsName='EPSG:x'>", b"<psc:chapter>", b"<creativeCommons:license>", b"<a:b>", b" xmlns:a='x y'"),
    *(b"<skipHours><hour>5</hour>", b"<sy:updateFrequency>0</sy:updateFrequency>", b"1e999", b"NaN", b'"', b"{", b"["),
]
DOCUMENTS = [document(expected) for expected in EXPECTED]
CONTENT_TYPES = st.sampled_from(
    ["", "application/xml", "text/xml; charset=iso-8859-1", "text/html", "x; charset=idna", "x; charset=utf-16"]
)


@st.composite
def broken_documents(draw: st.DrawFn) -> bytes:
    """A good document with some bytes cut out, changed, moved, or put in."""
    body = draw(st.sampled_from(DOCUMENTS))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(body)))
        end = min(len(body), start + draw(st.integers(0, 60)))
        piece = draw(st.sampled_from(FRAGMENTS) | st.binary(max_size=4) | st.just(body[end : end + 200]))
        body = body[:start] + piece + draw(st.sampled_from([body[start:], body[end:], b""]))
    return body


@settings(max_examples=400, deadline=None)
@given(broken_documents(), CONTENT_TYPES)
@example(b"<rss version='2.0'><channel><item><title>&#x110000;</i>", "")
@example(b"<rss version='2.0'><channel><image><height>8</width></image>", "")
def test_a_broken_document_gives_articles_or_a_reason_why_not(body: bytes, content_type: str) -> None:
    try:
        parsed = parse_feed(body, content_type, URL)
    except ParseError as error:
        assert str(error)
    else:
        assert all(article.guid and article.title for article in parsed.articles)


def test_bytes_that_name_a_local_file_do_not_open_it(tmp_path: Path) -> None:
    local = tmp_path / "feed"
    local.write_bytes(rss(item("1", "Local", "words")))

    with pytest.raises(ParseError, match="no feed"):
        parse_feed(bytes(local), "", URL)


@pytest.mark.parametrize(
    "body",
    [
        b"<rss>" + b"&" * 500_000,
        b"<rss>&" + b"<![CDATA[" * 60_000,
        b"<!DOCTYPE " * 50_000 + b"<rss>&",
        b"<rss>" + b"".join(b"<a%d:b>" % n for n in range(50_000)),
        b"<rss><channel><item><title>" + b"&lt;script&gt;" * 40_000,
        b"\xff" * 500_000,
    ],
    ids=["ampersands", "sections", "types", "prefixes", "scripts", "bytes"],
)
def test_what_is_made_to_cost_time_costs_little(body: bytes) -> None:
    started = time.process_time()

    with contextlib.suppress(ParseError):
        parse_feed(body, "", URL)

    assert time.process_time() - started < 5
