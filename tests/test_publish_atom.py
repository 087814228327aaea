"""What a feed reader gets: documents by the rules of RFC 4287, whatever the sources say."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from builders import issue, news
from fakes import START, KeywordTagger
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree
from lxml import html as lxml_html
from published import ARCHIVE, GONE, LETTERS, SUBSCRIPTION, TITLES, chosen, story
from website import ATOM, BASE, NEWEST_FIRST, TOPICS, Site, atom, open_site, texts, topics

from feeds.ingest.extract import cut
from feeds.ingest.issues import issues_of, words_of
from feeds.ingest.parse import parse_feed
from feeds.model import ArticleRef, PublishedStory, Source, StoryQuery, Subscription, Tag, Tombstone
from feeds.publish.atom import render
from feeds.publish.channel import Channel
from feeds.publish.documents import FeedDocuments

SCHEMA = etree.RelaxNG(etree.parse(Path(__file__).parent / "data" / "atom.rng"))
FEEDS = ("all", "untagged", "finance", "workforce")
OWN = "tag:healthwire.invalid,2026:ns"
ARCHIVE_MARK = "{http://purl.org/syndication/history/1.0}archive"
OTHER_ID = "00000000000000000000000008"


def feed(site: Site, name: str = "all") -> etree._Element:
    return atom(site.restarted().get(StoryQuery(name)).body)


def entry(site: Site, title: str, name: str = "all") -> etree._Element:
    (found,) = (each for each in feed(site, name).findall("a:entry", ATOM) if each.findtext("a:title", "", ATOM) == title)
    return found


def links(element: etree._Element) -> dict[str, str]:
    """The addresses that an element links to by their relation; of several with one relation, the last."""
    return {link.get("rel"): link.get("href") for link in element.findall("a:link", ATOM)}


def assert_valid(body: bytes) -> etree._Element:
    """By the schema, and by the rules that a schema cannot say."""
    root = atom(body)
    SCHEMA.assertValid(root)
    ids = texts(root, "a:entry/a:id") + texts(root, "a:id")
    assert len(set(ids)) == len(ids)
    for element in root.xpath("//a:feed | //a:source", namespaces=ATOM):
        assert len(links(element)) == len(element.findall("a:link", ATOM)), "two links with one meaning"
    for each in root.findall("a:entry", ATOM):
        assert len(each.findall("a:link[@rel='alternate']", ATOM)) == 1
        assert len(set(texts(each, "a:link/@href"))) == len(each.findall("a:link", ATOM)), "two links to one page"
    newest = datetime.fromisoformat(root.findtext("a:updated", "", ATOM))
    for each in root.findall("a:entry", ATOM):
        published, updated = (datetime.fromisoformat(each.findtext(f"a:{name}", "", ATOM)) for name in ("published", "updated"))
        assert published <= updated <= newest
    return root


@pytest.mark.parametrize("name", FEEDS)
@pytest.mark.parametrize("filled", [True, False])
def test_every_feed_keeps_the_rules_of_atom(tmp_path: Path, name: str, filled: bool) -> None:
    with open_site(tmp_path, filled=filled) as site:
        body = site.restarted().get(StoryQuery(name)).body
    root = assert_valid(body)
    assert (root.getroottree().docinfo.encoding or "").lower() == "utf-8"
    assert (root.find("a:entry", ATOM) is not None) == filled


def test_a_feed_says_what_it_is_and_where(site: Site) -> None:
    root = feed(site, "finance")
    assert root.get("{http://www.w3.org/XML/1998/namespace}lang") == "en-GB"
    assert root.findtext("a:title", "", ATOM) == "Healthwire: Finance"
    assert root.findtext("a:subtitle", "", ATOM) == "Money in & out of the system"
    assert links(root) == {"self": f"{BASE}/feeds/finance.atom", "alternate": f"{BASE}/topics/finance"}
    assert links(feed(site)) == {"self": f"{BASE}/feeds/all.atom", "alternate": f"{BASE}/"}
    assert texts(root, "a:link[@rel='self']/@type") == ["application/atom+xml"]


def test_a_feed_shows_its_stories_newest_first_and_a_round_up_in_its_own_order(site: Site) -> None:
    assert texts(feed(site), "a:entry/a:title") == NEWEST_FIRST
    assert texts(feed(site, "finance"), "a:entry/a:title") == ["Bank staff cost twice as much", "Deficit grows at Harrow"]
    assert texts(feed(site, "untagged"), "a:entry/a:title") == ["Owls nest at the infirmary"]


def test_an_entry_tells_who_said_what_and_when(site: Site) -> None:
    deficit = entry(site, "Deficit grows at Harrow")
    story = site.store.stories.get(site.ids()["Deficit grows at Harrow"])
    assert links(deficit) == {"alternate": "https://press.example.org/deficit", "via": "https://press.example.org/catch-up"}
    assert texts(deficit, "a:author/a:name") == ["Ada Wren"]
    assert texts(deficit, "a:published") == ["2026-03-02T08:00:00+00:00"]
    assert 0 <= START - datetime.fromisoformat(deficit.findtext("a:updated", "", ATOM)).timestamp() <= 1
    assert texts(deficit, "a:summary") == [story.text]
    assert texts(deficit, "a:content") == [
        f'{story.html}\n<p><em>Press &amp; Journal: <a href="https://press.example.org/catch-up">Issue catch-up</a>, story 1 of 2</em></p>'
    ]


def test_a_story_without_an_address_or_author_of_its_own_leads_to_its_page_and_names_its_source(site: Site) -> None:
    bank = entry(site, "Bank staff cost twice as much")
    assert links(bank) == {"alternate": f"{BASE}/stories/{site.ids()['Bank staff cost twice as much']}"}
    assert texts(bank, "a:author/a:name") == ["Files in letters"]


def test_categories_are_the_chosen_topics_surest_first(site: Site) -> None:
    def categories(title: str) -> list[tuple[str, str]]:
        found = entry(site, title).findall("a:category", ATOM)
        assert len({category.get("scheme") for category in found}) == 1
        return [(category.get("term"), category.get("label")) for category in found]

    assert categories("Bank staff cost twice as much") == [("workforce", "Workforce"), ("finance", "Finance")]
    assert categories("Deficit grows at Harrow") == [("finance", "Finance")]
    assert categories("Owls nest at the infirmary") == [("untagged", "No topic")]


def test_the_source_of_an_entry_is_complete(site: Site) -> None:
    source = entry(site, "Owls nest at the infirmary").find("a:source", ATOM)
    assert source.findtext("a:id", "", ATOM) == "https://press.example.org/feed.xml"
    assert source.findtext("a:title", "", ATOM) == "Press & Journal"
    assert links(source) == {"self": "https://press.example.org/feed.xml", "alternate": "https://press.example.org/"}


def test_a_folder_of_the_machine_is_named_but_its_place_is_not_told(site: Site, tmp_path: Path) -> None:
    source = entry(site, "Bank staff cost twice as much").find("a:source", ATOM)
    assert source.findtext("a:title", "", ATOM) == "Files in letters"
    assert source.findtext("a:id", "", ATOM).startswith("tag:")
    assert source.find("a:link", ATOM) is None
    assert str(tmp_path).encode() not in site.restarted().get(StoryQuery("all")).body


def test_ids_outlive_a_restart_and_a_move_to_another_address(site: Site) -> None:
    here, there = (atom(site.restarted(base).get(StoryQuery("finance")).body) for base in (BASE, "http://127.0.0.1:8000"))
    for path in ("a:id", "a:entry/a:id", "a:entry/a:source/a:id"):
        assert texts(here, path) == texts(there, path)
    assert texts(there, "a:link[@rel='self']/@href") == ["http://127.0.0.1:8000/feeds/finance.atom"]


def test_a_story_has_one_id_in_all_feeds_that_show_it_and_feeds_have_one_each(site: Site) -> None:
    title = "Bank staff cost twice as much"
    assert len({entry(site, title, name).findtext("a:id", "", ATOM) for name in ("all", "finance", "workforce")}) == 1
    assert len({feed(site, name).findtext("a:id", "", ATOM) for name in FEEDS}) == len(FEEDS)


def test_two_installations_do_not_share_the_id_of_a_feed(tmp_path: Path) -> None:
    ids = set()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        with open_site(tmp_path / name, filled=False) as site:
            ids.add(feed(site).findtext("a:id", "", ATOM))
    assert len(ids) == 2


def test_stories_that_were_stored_in_one_second_have_different_times(site: Site) -> None:
    """Readers that know an entry by its time would take them for one (RFC 4287 section 4.2.15)."""
    site.tell(site.press, issue("many", *(news(f"Story number {number}") for number in range(20))))
    times = texts(feed(site), "a:entry/a:updated")
    assert len(set(times)) == len(times) == 24


def test_an_edit_moves_the_time_of_its_own_entry_only(site: Site) -> None:
    before = dict(zip(texts(feed(site), "a:entry/a:title"), texts(feed(site), "a:entry/a:updated"), strict=True))
    edited = replace(issue("owls", news("Owls nest at the infirmary", "They moved in.", topics=topics())), fingerprint="other")
    site.tell(site.press, edited, after=3600)
    after = dict(zip(texts(feed(site), "a:entry/a:title"), texts(feed(site), "a:entry/a:updated"), strict=True))
    assert {title for title in after if after[title] != before[title]} == {"Owls nest at the infirmary"}
    assert after["Owls nest at the infirmary"] > before["Owls nest at the infirmary"]


@pytest.mark.parametrize(
    "title", ["Cuts < 5% & rising", "<b>Bold</b> claims", "&lt;b&gt; &amp;amp; co", "]]> is news", "“Café” – naïve 🩺"]
)
def test_titles_are_plain_text_and_arrive_as_they_are(site: Site, title: str) -> None:
    site.tell(site.press, issue("title", news(title)))
    shown = feed(site).find("a:entry/a:title", ATOM)
    assert shown.text == title
    assert len(shown) == 0
    assert shown.get("type", "text") == "text"


# ---------------------------------------------------------------- stories and channels made by hand


def rendered(*stories: PublishedStory, channel: Channel = SUBSCRIPTION, tombstones: Sequence[Tombstone] = ()) -> etree._Element:
    return assert_valid(render(channel, stories, TITLES, tombstones))


def all_links(element: etree._Element) -> list[tuple[str, str, str | None]]:
    return [(link.get("rel"), link.get("href"), link.get("title")) for link in element.findall("a:link", ATOM)]


def test_an_entry_links_to_the_original_its_round_up_and_other_reports() -> None:
    """Not to a report without an address, nor twice to one page."""
    assert all_links(rendered(story()).find("a:entry", ATOM)) == [
        ("alternate", "https://press.example.org/deficit", "Deficit grows at Harrow"),
        ("via", "https://press.example.org/catch-up?a=1&b=2", "Catch-up & more"),
        ("related", "https://b.example/harrow", "Letters: Harrow in the red"),
    ]


def test_a_story_that_is_its_whole_article_has_no_link_beside_the_original() -> None:
    told = story(article=ArticleRef("01ARTICLE", "Deficit", "http://press.example.org/deficit/", 1, 1), also_reported=())
    assert all_links(rendered(told).find("a:entry", ATOM)) == [
        ("alternate", "https://press.example.org/deficit", "Deficit grows at Harrow")
    ]


def test_the_last_line_links_to_the_round_up_if_it_has_an_address() -> None:
    def last_line(told: PublishedStory) -> str:
        return texts(rendered(told), "a:entry/a:content")[0].rpartition("\n")[2]

    assert last_line(story()) == (
        '<p><em>Press &amp; Journal: <a href="https://press.example.org/catch-up?a=1&amp;b=2">Catch-up &amp; more</a>, '
        "story 2 of 5</em></p>"
    )
    letter = story(source=LETTERS, article=ArticleRef("01ARTICLE", "No. <7>", None, 1, 3))
    assert last_line(letter) == "<p><em>Letters: No. &lt;7&gt;, story 1 of 3</em></p>"
    alone = story(article=ArticleRef("01ARTICLE", "Deficit", "https://press.example.org/other", 1, 1))
    assert last_line(alone) == "<p><em>Press &amp; Journal</em></p>"


def test_categories_say_how_sure_they_are_and_a_curator_is_certain() -> None:
    def sureness(*told: Tag) -> list[tuple[str, str, str | None]]:
        found = rendered(story(tags=told)).findall("a:entry/a:category", ATOM)
        return [(each.get("term"), each.get("label"), each.get(f"{{{OWN}}}confidence")) for each in found]

    assert sureness(*chosen(finance=0.61234567, workforce=0.93)) == [
        ("workforce", "Workforce", "0.93"),
        ("finance", "Finance", "0.6123"),
    ]
    by_ada = chosen("ada", finance=0.04)
    assert sureness(*by_ada, *chosen(workforce=0.93)) == [("finance", "Finance", "1.0"), ("workforce", "Workforce", "0.93")]
    assert sureness(*chosen(givenup=0.7)) == [("givenup", "givenup", "0.7")]
    assert sureness() == [("untagged", "No topic", None)]


def test_our_namespace_is_declared_once() -> None:
    body = render(SUBSCRIPTION, [story(), story(id=OTHER_ID)], TITLES)
    assert body.count(b'="tag:healthwire.invalid,2026:ns"') == 1
    assert body.count(b' hw:confidence="0.93"') == 2


def test_an_archive_document_stays_when_a_new_model_is_surer_of_another_topic() -> None:
    before = render(ARCHIVE, [story(tags=chosen(finance=0.9, workforce=0.8))], TITLES)
    assert render(ARCHIVE, [story(tags=chosen(finance=0.7, workforce=0.85))], TITLES) == before
    assert texts(assert_valid(before), "a:entry/a:category/@term") == ["finance", "workforce"]
    assert OWN.encode() not in before


def test_an_archive_document_leads_back_and_on() -> None:
    subscription, archive = rendered(story()), rendered(story(), channel=ARCHIVE)
    address = "https://news.example.org/feeds/finance+workforce.atom"
    page = "https://news.example.org/topics/finance+workforce"
    hub = "https://hub.example.net/"
    assert links(subscription) == {"self": address, "alternate": page, "prev-archive": f"{address}?page=2", "hub": hub}
    assert links(archive) == {
        "self": f"{address}?page=2",
        "alternate": page,
        "current": address,
        "prev-archive": f"{address}?page=1",
        "hub": hub,
    }
    assert subscription.find(ARCHIVE_MARK) is None
    assert archive.find(ARCHIVE_MARK) is not None
    assert texts(subscription, "a:id") == texts(archive, "a:id") == ["tag:healthwire.invalid,2026:01INSTANCE/feeds/finance+workforce"]


@pytest.mark.parametrize(
    ("name", "written"),
    [("all?q=beds+%26+b%C3%A9ds", "all?q=beds+%26+b%C3%A9ds"), ("all?q=5% é<>", "all?q=5%25%20%C3%A9%3C%3E")],
)
def test_the_id_of_a_search_is_a_valid_one(name: str, written: str) -> None:
    assert texts(rendered(channel=replace(SUBSCRIPTION, name=name)), "a:id") == [f"tag:healthwire.invalid,2026:01INSTANCE/feeds/{written}"]


def test_a_tombstone_names_the_entry_that_was() -> None:
    alive = story(id=GONE.story_id)
    (id_before,) = texts(rendered(alive), "a:entry/a:id")
    root = rendered(story(), tombstones=[GONE])
    (stone,) = root.findall("{http://purl.org/atompub/tombstones/1.0}deleted-entry")
    assert dict(stone.attrib) == {"ref": id_before, "when": "2026-03-02T08:59:00+00:00"}
    assert b"tombstones" not in render(SUBSCRIPTION, [story()], TITLES)


def test_the_address_of_a_source_that_holds_a_password_is_told_to_nobody() -> None:
    body = render(SUBSCRIPTION, [story(source=Source(7, "https://ada:secret@press.example.org/feed", "Press"))], TITLES)
    assert b"secret" not in body
    assert texts(assert_valid(body), "a:entry/a:source/a:id") == ["tag:healthwire.invalid,2026:01INSTANCE/sources/7"]


# ---------------------------------------------------------------- hostile sources

ACTIVE = set("script style iframe object embed form input svg math base meta link".split())


def serve_all(site: Site, body: bytes) -> bytes:
    """The road that a source's bytes take, up to the document for everybody."""
    parsed = parse_feed(body, "", "https://hostile.example/feed")
    (source,) = site.store.sources.add([Subscription("https://hostile.example/feed", parsed.title)], next_poll=None)
    cuts = cut(parsed.articles)
    site.tell(source, *issues_of(cuts, KeywordTagger().tag(words_of(cuts))))
    return FeedDocuments(site.store, TOPICS, BASE).get(StoryQuery()).body


def assert_harmless(root: etree._Element) -> None:
    for content in texts(root, "a:entry/a:content"):
        fragment = lxml_html.fragment_fromstring(content, create_parent="div")
        for element in fragment.iter():
            assert isinstance(element.tag, str), "comments are not shown to anybody"
            assert element.tag not in ACTIVE
            assert not [name for name in element.attrib if name.startswith("on") or name == "style"]
            for name in ("href", "src"):
                assert re.match(r"(?:https?://|mailto:|tel:|$)", element.get(name, ""))
    for address in texts(root, "a:entry/a:link/@href"):
        assert re.match(r"https?://\S+$", address)


def rss(item: str) -> bytes:
    return f'<rss version="2.0"><channel><title>Hostile</title><item>{item}</item></channel></rss>'.encode()


def json_feed(**item: Any) -> bytes:
    return json.dumps({"version": "https://jsonfeed.org/version/1.1", "title": "Hostile", "items": [item]}).encode()


HOSTILE = {
    "script": rss(
        "<title>News</title><description>&lt;script&gt;alert(1)&lt;/script&gt;&lt;p onclick='x()'&gt;Told&lt;/p&gt;</description>"
    ),
    "javascript link": rss(
        "<title>News</title><link>javascript:alert(1)</link><description>&lt;a href='javascript:x'&gt;a&lt;/a&gt;</description>"
    ),
    "split scheme": rss("<title>News</title><description>&lt;a href='java&amp;#10;script:x'&gt;a&lt;/a&gt;</description>"),
    "end of CDATA": rss("<title>A ]]&gt; B</title><description><![CDATA[<p>one ]]]]><![CDATA[> two</p>]]></description>"),
    "markup in the title": rss("<title>&lt;img src=x onerror=alert(1)&gt;News &amp;amp; views</title><description>Told</description>"),
    "no more than a headline": rss("<title>News</title><link>https://a.example/news</link>"),
    "blank title": rss("<title> </title><description>&lt;p&gt;The trust cuts beds.&lt;/p&gt;</description>"),
    "time before time": rss("<title>News</title><pubDate>0000-00-00T00:00:00Z</pubDate><description>Told</description>"),
    "time to come": rss("<title>News</title><pubDate>Fri, 31 Dec 9999 23:59:59 -1200</pubDate><description>Told</description>"),
    "control characters": json_feed(id="1", title="a\x00b\x08c\x1f\x7f\ufffe", content_html="<p>The trust\x0b cuts\x1b beds\uffff.</p>"),
    "lone surrogates": json_feed(id="\ud800", title="a\udfffb", content_text="x\ud83d y", authors=[{"name": "\udc00"}]),
    "blank author": json_feed(id="1", title="News", content_text="Told", authors=[{"name": " \u200b"}]),
    "spaces in the link": json_feed(id="1", title="News", content_text="Told", url="https://a.example/b c\n\"'<>"),
    "data image": json_feed(
        title="News", content_html="<p>The trust cuts beds.</p><img src='data:text/html,<script>x</script>'><svg onload=x()></svg>"
    ),
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_source_breaks_no_feed_and_harms_no_reader(site: Site, body: bytes) -> None:
    root = assert_valid(serve_all(site, body))
    assert len(root.findall("a:entry", ATOM)) == len(NEWEST_FIRST) + 1
    assert_harmless(root)


FRAGMENTS = st.sampled_from(
    ["<script>alert(1)</script>", "<a href='javascript:x'>", "]]>", "<!--", "&amp;lt;b&gt;", "&#0;", "\x00", "\ud800", "</p>", "\u2028"]
)
HOSTILE_TEXT = st.lists(st.one_of(FRAGMENTS, st.text(st.characters(), max_size=20)), max_size=6).map("".join)


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(title=HOSTILE_TEXT, markup=HOSTILE_TEXT, name=HOSTILE_TEXT, link=HOSTILE_TEXT)
def test_whatever_a_source_says_the_feed_stays_valid_and_harmless(title: str, markup: str, name: str, link: str) -> None:
    with TemporaryDirectory() as folder, open_site(Path(folder), filled=False) as site:
        item = {"title": title, "content_html": markup, "authors": [{"name": name}], "url": f"https://a.example/{link}", "id": name}
        assert_harmless(assert_valid(serve_all(site, json_feed(**item))))
