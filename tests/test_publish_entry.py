"""Whatever a story holds, all formats tell the same of it, and a feed reader understands it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import feedparser
import pytest
from fakes import START
from hypothesis import given, settings
from published import ANY_CHANNEL, ANY_STORIES, GONE, SUBSCRIPTION, TITLES, story
from test_publish_atom import SCHEMA
from website import atom

from feeds.model import ArticleRef, PublishedStory, Source
from feeds.publish import jsonfeed
from feeds.publish.atom import render
from feeds.publish.channel import Channel
from feeds.publish.entry import Entry, entries
from feeds.publish.rss import render_rss


def entry(**told: Any) -> Entry:
    (found,) = entries(SUBSCRIPTION, [story(**told)], TITLES)
    return found


@pytest.mark.parametrize("blank", ["", " ", "\u200b\x00\u2028"])
def test_nothing_that_a_reader_looks_for_is_blank(blank: str) -> None:
    told = entry(title=blank, text=blank, author=blank, source=Source(1, "https://a.example/feed", blank))
    assert (told.title, told.summary, told.author, told.origin.title) == ("Untitled", "Untitled", "Unnamed source", "Unnamed source")


def test_a_story_is_not_published_after_it_was_last_changed() -> None:
    assert entry(published=START + 5).published == datetime.fromisoformat("2026-03-02T08:59:59.999992+00:00")
    assert entry(published=START - 5).published == datetime.fromisoformat("2026-03-02T08:59:55+00:00")


@pytest.mark.parametrize("url", ["javascript:alert(1)", "https://a b/", "/deficit", "", None])
def test_what_is_no_web_address_is_not_linked_to(url: str | None) -> None:
    told = entry(url=url, article=ArticleRef("01ARTICLE", "Catch-up", url, 1, 2))
    assert told.url == "https://news.example.org/stories/00000000000000000000000007"
    assert told.via is None
    assert told.content.endswith("<p><em>Press &amp; Journal: Catch-up, story 1 of 2</em></p>")


@pytest.mark.parametrize(
    ("url", "written"),
    [
        ("https://a.example/50%/x?b[]=é&c=%20#d#e", "https://a.example/50%25/x?b%5B%5D=%C3%A9&c=%20#d%23e"),
        ("http://[2001:db8::1]:8080/a;b=1,2/~c", "http://[2001:db8::1]:8080/a;b=1,2/~c"),
        ("https://a.example/?q={x}|^`\\", "https://a.example/?q=%7Bx%7D%7C%5E%60%5C"),
        ("http://bücher.example:8080/ü", "http://xn--bcher-kva.example:8080/%C3%BC"),
        (f"http://{'ü' * 70}.example/", f"http://{'%C3%BC' * 70}.example/"),
    ],
)
def test_what_an_address_must_not_hold_is_escaped_and_nothing_twice(url: str, written: str) -> None:
    assert entry(url=url).url == written


Told = tuple[str, str | None, list[str | None]]


def parsed(body: bytes, media_type: str) -> Any:
    document = feedparser.parse(body, response_headers={"content-type": f"{media_type}; charset=utf-8"})
    assert not document.bozo, document.bozo_exception
    return document


def told_in_xml(found: Mapping[str, Any], label: str) -> Told:
    return found["id"], found.get("link"), [tag[label] for tag in found.get("tags", [])]


def titles_of(body: bytes, path: str) -> Sequence[str]:
    """Read without feedparser, which takes some words for markup and drops them."""
    names = {"a": "http://www.w3.org/2005/Atom"}
    return [element.text for element in atom(body).iterfind(path, names)]


@settings(max_examples=150)
@given(channel=ANY_CHANNEL, stories=ANY_STORIES)
def test_any_stories_read_the_same_in_all_formats(channel: Channel, stories: list[PublishedStory]) -> None:
    wanted = list(entries(channel, stories, TITLES))
    ids_links_labels = [(each.id, each.url, [category.label for category in each.categories]) for each in wanted]

    body = render(channel, stories, TITLES, [GONE])
    SCHEMA.assertValid(atom(body))
    read = parsed(body, "application/atom+xml").entries
    assert [told_in_xml(each, "label") for each in read] == ids_links_labels
    assert [[link["href"] for link in each["links"] if link["rel"] == "related"] for each in read] == [
        [link.url for link in each.related] for each in wanted
    ]
    assert titles_of(body, "a:entry/a:title") == [each.title for each in wanted]

    body = render_rss(channel, stories, TITLES)
    assert [told_in_xml(each, "term") for each in parsed(body, "application/rss+xml").entries] == ids_links_labels
    assert titles_of(body, "channel/item/title") == [each.title for each in wanted]

    items = json.loads(jsonfeed.render(channel, stories, TITLES))["items"]
    assert [(each["id"], each["url"], each["tags"]) for each in items] == [
        (each.id, each.url, [topic.label for topic in each.topics]) for each in wanted
    ]
    assert [each["title"] for each in items] == [each.title for each in wanted]


@settings(max_examples=50)
@given(channel=ANY_CHANNEL, stories=ANY_STORIES)
def test_the_same_stories_give_the_same_bytes(channel: Channel, stories: list[PublishedStory]) -> None:
    for renderer in (render, render_rss, jsonfeed.render):
        assert renderer(channel, stories, TITLES) == renderer(channel, stories, TITLES)
