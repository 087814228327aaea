"""RSS 2.0 for readers that want it: what its Atom twin says, as far as RSS has words for it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from lxml import etree
from published import ARCHIVE, LETTERS, SUBSCRIPTION, TITLES, chosen, story
from website import atom

from feeds.model import ArticleRef, PublishedStory, Source
from feeds.publish.channel import Channel
from feeds.publish.rss import render_rss

NAMES = {"atom": "http://www.w3.org/2005/Atom", "dc": "http://purl.org/dc/elements/1.1/", "fh": "http://purl.org/syndication/history/1.0"}
FEED = "https://news.example.org/feeds/finance+workforce.rss"
TWIN = replace(SUBSCRIPTION, self_url=FEED, prev_archive=f"{FEED}?page=2")
ARCHIVE_TWIN = replace(ARCHIVE, self_url=f"{FEED}?page=2", current_url=FEED, prev_archive=f"{FEED}?page=1")


def channel_of(*stories: PublishedStory, channel: Channel = TWIN) -> etree._Element:
    root = atom(render_rss(channel, stories, TITLES))
    assert (root.tag, root.get("version")) == ("rss", "2.0")
    (found,) = root
    return found


def item_of(told: PublishedStory) -> etree._Element:
    return channel_of(told).find("item")


def links(channel: etree._Element) -> list[tuple[str, str, str | None]]:
    return [(link.get("rel"), link.get("href"), link.get("type")) for link in channel.findall("atom:link", NAMES)]


def test_a_channel_says_what_it_is_and_where() -> None:
    channel = channel_of(story())
    assert {each.tag: each.text for each in channel if each.text} == {
        "title": "Healthwire: Finance or Workforce",
        "link": "https://news.example.org/topics/finance+workforce",
        "description": "Money & people",
        "docs": "http://www.rssboard.org/rss-specification",
        "generator": "Healthwire",
        "language": "en-GB",
        "lastBuildDate": "Mon, 02 Mar 2026 09:00:00 +0000",
    }
    assert links(channel) == [
        ("self", FEED, "application/rss+xml"),
        ("prev-archive", f"{FEED}?page=2", "application/rss+xml"),
        ("hub", "https://hub.example.net/", None),
    ]
    assert channel.find("fh:archive", NAMES) is None


def test_an_archive_document_leads_back_and_on() -> None:
    channel = channel_of(story(), channel=ARCHIVE_TWIN)
    assert links(channel)[:3] == [
        ("self", f"{FEED}?page=2", "application/rss+xml"),
        ("current", FEED, "application/rss+xml"),
        ("prev-archive", f"{FEED}?page=1", "application/rss+xml"),
    ]
    assert channel.find("fh:archive", NAMES) is not None


def test_an_item_tells_what_its_atom_twin_tells() -> None:
    item = item_of(story())
    assert [(each.tag.rpartition("}")[2], dict(each.attrib), each.text) for each in item] == [
        ("title", {}, "Deficit grows at Harrow"),
        ("link", {}, "https://press.example.org/deficit"),
        (
            "description",
            {},
            "<p>The trust is £9m short.</p>\n"
            '<p><em>Press &amp; Journal: <a href="https://press.example.org/catch-up?a=1&amp;b=2">Catch-up &amp; more</a>, '
            "story 2 of 5</em></p>",
        ),
        ("guid", {"isPermaLink": "false"}, "tag:healthwire.invalid,2026:stories/00000000000000000000000007"),
        ("category", {"domain": "tag:healthwire.invalid,2026:topics"}, "Finance"),
        ("category", {"domain": "tag:healthwire.invalid,2026:topics"}, "Workforce"),
        ("pubDate", {}, "Mon, 02 Mar 2026 08:00:00 +0000"),
        ("source", {"url": "https://press.example.org/feed.xml"}, "Press & Journal"),
        ("creator", {}, "Ada Wren"),
    ]
    assert item.findtext("dc:creator", "", NAMES) == "Ada Wren"


@pytest.mark.parametrize("source", [LETTERS, Source(3, "https://ada:secret@letters.example/feed", "Letters")])
def test_a_source_without_an_address_for_everybody_is_named_as_the_author_only(source: Source) -> None:
    item = item_of(story(source=source, author=None, url=None, article=ArticleRef("01ARTICLE", "No. 7", None, 1, 1)))
    assert item.find("source") is None
    assert item.findtext("dc:creator", "", NAMES) == "Letters"
    assert item.findtext("description", "").endswith("<p><em>Letters</em></p>")
    assert item.findtext("link") == "https://news.example.org/stories/00000000000000000000000007"
    assert b"secret" not in etree.tostring(item)


def test_an_archive_document_stays_when_a_new_model_is_surer_of_another_topic() -> None:
    before = render_rss(ARCHIVE_TWIN, [story(tags=chosen(finance=0.9, workforce=0.8))], TITLES)
    assert render_rss(ARCHIVE_TWIN, [story(tags=chosen(finance=0.7, workforce=0.85))], TITLES) == before


@pytest.mark.parametrize("title", ["Cuts < 5% & rising", "&lt;b&gt; &amp;amp; co", "]]> is news", "“Café” – naïve 🩺"])
def test_titles_arrive_as_they_are(title: str) -> None:
    assert item_of(story(title=title)).findtext("title") == title
