"""JSON Feed 1.1: what its Atom twin says, and in an extension what only we know."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from published import ARCHIVE, LETTERS, SUBSCRIPTION, TITLES, chosen, report, story

from feeds.model import ArticleRef, PublishedStory, Source
from feeds.publish.channel import Channel
from feeds.publish.jsonfeed import render

FEED = "https://news.example.org/feeds/finance+workforce.json"
TWIN = replace(SUBSCRIPTION, self_url=FEED, prev_archive=f"{FEED}?page=2")


def feed(*stories: PublishedStory, channel: Channel = TWIN) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(render(channel, stories, TITLES))
    return document


def item(told: PublishedStory) -> dict[str, Any]:
    (found,) = feed(told)["items"]
    assert isinstance(found, dict)
    return found


def test_a_feed_says_what_it_is_and_where() -> None:
    assert feed() == {
        "version": "https://jsonfeed.org/version/1.1",
        "title": "Healthwire: Finance or Workforce",
        "home_page_url": "https://news.example.org/topics/finance+workforce",
        "feed_url": FEED,
        "description": "Money & people",
        "next_url": f"{FEED}?page=2",
        "icon": "https://news.example.org/static/icon.svg",
        "favicon": "https://news.example.org/static/icon.svg",
        "authors": [{"name": "Healthwire"}],
        "language": "en-GB",
        "hubs": [{"type": "WebSub", "url": "https://hub.example.net/"}],
        "items": [],
    }


def test_it_is_compact_utf_8_with_its_version_first() -> None:
    body = render(TWIN, [story(title="“Café” 🩺")], TITLES)
    assert body.startswith(b'{"version":"https://jsonfeed.org/version/1.1","title":"')
    assert '"title":"“Café” 🩺"'.encode() in body


def test_what_is_not_there_is_not_told() -> None:
    assert not {"next_url", "hubs"} & feed(channel=replace(TWIN, prev_archive=None, hub_url=None)).keys()


def test_an_item_tells_what_its_atom_twin_tells() -> None:
    told = item(story())
    assert told.pop("_healthwire")
    assert told == {
        "id": "tag:healthwire.invalid,2026:stories/00000000000000000000000007",
        "url": "https://press.example.org/deficit",
        "title": "Deficit grows at Harrow",
        "content_html": "<p>The trust is £9m short.</p>\n"
        '<p><em>Press &amp; Journal: <a href="https://press.example.org/catch-up?a=1&amp;b=2">Catch-up &amp; more</a>, '
        "story 2 of 5</em></p>",
        "summary": "The trust is £9m short.",
        "date_published": "2026-03-02T08:00:00+00:00",
        "date_modified": "2026-03-02T08:59:59.999992+00:00",
        "authors": [{"name": "Ada Wren"}],
        "tags": ["Finance", "Workforce"],
    }


def test_an_item_tells_what_only_we_know() -> None:
    assert item(story())["_healthwire"] == {
        "about": "https://news.example.org/docs",
        "topics": [{"topic": "finance", "confidence": 0.93}, {"topic": "workforce", "confidence": 0.6123}],
        "source": {"title": "Press & Journal", "url": "https://press.example.org/feed.xml"},
        "round_up": {"title": "Catch-up & more", "url": "https://press.example.org/catch-up?a=1&b=2", "position": 2, "of": 5},
        "also_reported": [
            {"title": "Harrow in the red", "url": "https://b.example/harrow", "source": "Letters"},
            {"title": "Deficit", "url": "https://www.press.example.org/deficit/?utm_source=letter", "source": "Letters"},
            {"title": "Told without an address", "source": "Letters"},
        ],
    }


def test_of_a_lone_story_from_a_private_source_little_is_known() -> None:
    told = item(story(source=LETTERS, url=None, article=ArticleRef("01ARTICLE", "No. 7", None, 1, 1), tags=(), also_reported=()))
    assert told["url"] == "https://news.example.org/stories/00000000000000000000000007"
    assert told["tags"] == []
    assert told["_healthwire"] == {
        "about": "https://news.example.org/docs",
        "topics": [],
        "source": {"title": "Letters"},
        "also_reported": [],
    }


def test_no_password_in_an_address_is_told() -> None:
    secret = Source(7, "https://ada:secret@press.example.org/feed", "Press")
    body = render(TWIN, [story(source=secret, also_reported=(report("Deficit", None, secret),))], TITLES)
    assert b"secret" not in body


def test_an_archive_document_stays_when_a_new_model_is_surer_of_another_topic() -> None:
    before = render(ARCHIVE, [story(tags=chosen(finance=0.9, workforce=0.8))], TITLES)
    assert render(ARCHIVE, [story(tags=chosen(finance=0.7, workforce=0.85))], TITLES) == before
    (only,) = json.loads(before)["items"]
    assert only["_healthwire"]["topics"] == [{"topic": "finance"}, {"topic": "workforce"}]
