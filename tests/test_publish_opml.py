"""The list of all feeds: valid OPML 2.0 that a reader imports in one step."""

from __future__ import annotations

import pytest
from fakes import START
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from published import WORDS
from website import BASE, TOPICS, Site

from feeds.ingest.opml import read_opml
from feeds.model import Subscription, Topic
from feeds.publish.opml import feed_list

FOLDER = "Healthwire"
NAMED = {"finance": "Finance", "workforce": "Workforce", "all": "All stories", "untagged": "No topic"}


def root_of(body: bytes) -> etree._Element:
    return etree.fromstring(body, etree.XMLParser(resolve_entities=False, no_network=True))


def test_a_reader_that_imports_the_list_has_all_feeds() -> None:
    made = feed_list(TOPICS, BASE, START)
    read = read_opml(made.body, None)
    assert read.subscriptions == tuple(
        Subscription(f"{BASE}/feeds/{name}.atom", f"Healthwire: {title}", FOLDER) for name, title in NAMED.items()
    )
    assert (read.complaints, read.repeated) == ((), 0)
    assert (made.content_type, made.modified) == ("text/x-opml; charset=utf-8", START)


def test_the_list_is_opml_2() -> None:
    """Of what OPML 2.0 asks: a head, a body with an outline at least, a text for each, and for feeds their type and address."""
    root = root_of(feed_list(TOPICS, BASE, START).body)
    assert (root.tag, dict(root.attrib)) == ("opml", {"version": "2.0"})
    assert [child.tag for child in root] == ["head", "body"]
    assert root.findtext("head/title") == "Healthwire: health-policy news by topic"
    outlines = list(root.iter("outline"))
    assert all(outline.get("text") for outline in outlines)
    feeds = [outline for outline in outlines if outline.get("type") == "rss"]
    assert feeds == outlines[1:]
    assert not any("version" in outline.attrib for outline in feeds), "there is none for Atom"
    assert [outline.get("title") for outline in feeds] == [outline.get("text") for outline in feeds]


@pytest.mark.parametrize("attribute", ["xmlUrl", "htmlUrl"])
def test_every_address_in_the_list_is_answered(still: Site, attribute: str) -> None:
    root = root_of(still.client.get("/feeds.opml").data)
    addresses = [outline.get(attribute) for outline in root.iter("outline") if outline.get("type")]
    assert len(set(addresses)) == len(NAMED)
    for address in addresses:
        with still.client.get(address) as response:
            assert response.status_code == 200


@given(st.lists(WORDS, max_size=3))
def test_no_title_of_a_topic_breaks_the_list(titles: list[str]) -> None:
    topics = [Topic(f"topic-{number}", title, "") for number, title in enumerate(titles)]
    read = read_opml(feed_list(topics, BASE, START).body, None)
    assert [each.url for each in read.subscriptions] == [
        *(f"{BASE}/feeds/{topic.name}.atom" for topic in topics),
        f"{BASE}/feeds/all.atom",
        f"{BASE}/feeds/untagged.atom",
    ]
    assert not read.complaints


def test_the_list_has_the_same_bytes_and_the_same_date_each_time() -> None:
    assert feed_list(TOPICS, BASE, START) == feed_list(TOPICS, BASE, START)
