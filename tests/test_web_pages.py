"""The pages for people: they work without scripts, lead everywhere and say what is shown."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import urldefrag, urljoin

import pytest
from builders import issue, news
from lxml import html as lxml_html
from website import NEWEST_FIRST, TOPICS, Site, open_site, topics
from werkzeug.test import TestResponse

HOSTILE = '</title><script>alert(1)</script>"><img src=x onerror=alert(1)> {{ 7*7 }} & co'


def page(site: Site, place: str, status: int = 200) -> lxml_html.HtmlElement:
    response = site.client.get(place)
    assert response.status_code == status
    assert response.content_type == "text/html; charset=utf-8"
    assert_strict(response)
    return lxml_html.document_fromstring(response.text)


def assert_strict(response: TestResponse, *actions: str) -> None:
    """Nothing runs, nothing comes from elsewhere but pictures of the stories, and forms send only to these paths of ours."""
    policy = dict(part.strip().split(" ", 1) for part in response.headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["style-src"] == policy["form-action"] == "'self'"
    assert policy["base-uri"] == policy["frame-ancestors"] == "'none'"
    assert not {"script-src", "connect-src", "frame-src", "object-src"} & policy.keys()
    assert "unsafe" not in response.headers["Content-Security-Policy"]
    root = lxml_html.document_fromstring(response.text)
    assert not root.xpath("//script | //style | //iframe | //object | //embed | //base | //@style")
    # What only asks shows in its address.
    assert [form.get("action") for form in root.xpath("//form[@method='post']")] == list(actions)
    assert {form.get("action") for form in root.xpath("//form[not(@method)]")} <= {"/search"}
    assert not root.xpath("//@formaction | //@formmethod | //form//@target")
    assert not [name for element in root.iter() for name in element.attrib if name.startswith("on")]
    assert all(address.startswith("/static/") for address in root.xpath("//link[@rel='stylesheet' or @rel='icon']/@href"))


def heads(root: lxml_html.HtmlElement) -> list[str]:
    return [heading.text_content() for heading in root.xpath("//article/h2")]


def places(site: Site) -> list[str]:
    return [
        "/",
        "/topics/finance",
        "/topics/untagged",
        "/quality",
        "/sources",
        *(f"/stories/{story_id}" for story_id in site.ids().values()),
    ]


def test_every_link_on_the_site_leads_somewhere(still: Site) -> None:
    seen: set[str] = set()
    waiting = ["/"]
    while waiting:
        place = waiting.pop()
        if place in seen:
            continue
        seen.add(place)
        with still.client.get(place, follow_redirects=True) as response:
            assert response.status_code == 200, place
            if response.mimetype == "text/html":
                found = lxml_html.document_fromstring(response.get_data(as_text=True)).xpath("//a/@href | //link/@href | //img/@src")
                here = [urldefrag(urljoin(place, address)).url for address in found]
                waiting += [address for address in here if address.startswith("/")]
    assert {*places(still), *(f"/feeds/{name}.atom" for name in ("all", "untagged", "finance", "workforce"))} <= seen


@pytest.mark.parametrize(
    ("place", "feed", "title"),
    [
        ("/", "/feeds/all", "all stories"),
        ("/topics/finance", "/feeds/finance", "Finance"),
        ("/topics/untagged", "/feeds/untagged", "no topic"),
        ("/topics/workforce+finance", "/feeds/finance+workforce", "Finance or Workforce"),
        ("/topics/finance?min_confidence=0.80&cursor=01J00000000000000000000000", "/feeds/finance", "Finance, at least 80% sure"),
        ("/search?q=deficit++harrow", "/feeds/all", "all stories, about deficit harrow"),
        ("/search?q=deficit&topic=finance&source=1", "/feeds/finance", "Finance, about deficit, from source 1"),
    ],
)
def test_a_feed_reader_finds_the_feed_of_what_a_page_shows_in_all_formats(still: Site, place: str, feed: str, title: str) -> None:
    found = page(still, place).xpath("//head/link[@rel='alternate']")
    assert [(link.get("type"), link.get("title")) for link in found] == [
        ("application/atom+xml", f"Healthwire: {title}"),
        ("application/feed+json", f"Healthwire: {title} (JSON Feed)"),
        ("application/rss+xml", f"Healthwire: {title} (RSS)"),
    ]
    assert [link.get("href").partition("?")[0] for link in found] == [f"{feed}.atom", f"{feed}.json", f"{feed}.rss"]
    shown = heads(page(still, place)) if "cursor" not in place else None
    for link in found:
        with still.client.get(link.get("href")) as response:
            assert response.status_code == 200
            if shown is not None and response.mimetype == "application/feed+json":
                assert [item["title"] for item in json.loads(response.data)["items"]] == shown


def test_a_story_leads_feed_readers_to_its_topics_surest_first(still: Site) -> None:
    story = page(still, f"/stories/{still.ids()['Bank staff cost twice as much']}")
    assert story.xpath("//head/link[@rel='alternate']/@href") == ["/feeds/workforce.atom", "/feeds/finance.atom", "/feeds/all.atom"]


def test_pages_are_built_for_screen_readers_and_keyboards(still: Site) -> None:
    for place in places(still):
        root = page(still, place)
        assert root.get("lang") == "en-GB"
        assert len(root.xpath("//h1")) == len(root.xpath("//main[@id='main']")) == 1
        assert root.xpath("//body/a[1]/@href") == ["#main"]
        assert root.xpath("string(//title)").endswith("Healthwire")
        assert root.xpath("//meta[@name='viewport']")
        ids = root.xpath("//@id")
        assert len(set(ids)) == len(ids)


def test_a_listing_shows_the_newest_first_with_topics_and_origin(still: Site) -> None:
    root = page(still, "/")
    assert heads(root) == NEWEST_FIRST
    bank = root.xpath("//article")[1]
    assert [re.sub(r"\s+", " ", item.text_content()) for item in bank.xpath(".//ul[@class='tags']/li")] == ["Workforce 99%", "Finance 70%"]
    deficit = root.xpath("//article")[2].xpath("string(p[@class='origin'])")
    assert deficit == "Press & Journal: Issue catch-up, story 1 of 2 · 2 March 2026"
    assert root.xpath("//article")[2].xpath(".//time/@datetime") == ["2026-03-02T08:00:00Z"]


def test_the_navigation_counts_the_stories_and_marks_where_one_is(still: Site) -> None:
    root = page(still, "/topics/finance")
    shown = {re.sub(r"\s+", " ", link.text_content()): link.get("aria-current") for link in root.xpath("//nav//a")}
    assert shown == {"All 4": None, "Finance 2": "page", "Workforce 2": None, "No topic 1": None, "Search": None}
    assert page(still, "/").xpath("//nav//a[@aria-current='page']/text()[1]") == ["All "]


def test_a_story_shows_all_confidences_its_other_tellings_and_where_to_read_on(still: Site) -> None:
    root = page(still, f"/stories/{still.ids()['Deficit grows at Harrow']}")
    rows = [[cell.text_content().strip() for cell in row] for row in root.xpath("//tbody/tr")]
    assert rows == [["Finance chosen", "93%", "finance word"], ["Workforce", "4%", "workforce word"]]
    assert root.xpath("//main//a[text()='Read it at the source']/@href") == ["https://press.example.org/deficit"]
    (other,) = root.xpath("//section[h2='Also reported']//li")
    assert other.text_content() == "Harrow in the red – Files in letters, 2 March 2026"


def test_a_story_that_was_kept_whole_says_so(still: Site) -> None:
    root = page(still, f"/stories/{still.ids()['Bank staff cost twice as much']}")
    assert root.xpath("string(//p[@class='note'])") == "This issue was kept whole: its headings are not told from its text."


@pytest.mark.parametrize(("confidence", "shown"), [(0.9999, "99%"), (0.0001, "1%"), (0.446, "45%"), (0.6, "60%")])
def test_no_confidence_is_shown_as_certainty(site: Site, confidence: float, shown: str) -> None:
    site.tell(site.press, issue("new", news("Ward staff walk out", topics={"workforce": confidence})))
    root = page(site, f"/stories/{site.ids()['Ward staff walk out']}")
    assert root.xpath("//tbody/tr/td[1]/text()") == [shown]


def test_hostile_words_are_shown_as_words(site: Site) -> None:
    hostile = news(HOSTILE, "Told", topics=topics(finance=0.9))
    site.tell(site.press, issue("new", hostile))
    assert heads(page(site, "/"))[0] == HOSTILE
    root = page(site, f"/stories/{site.ids()[HOSTILE]}")
    assert root.xpath("string(//h1)") == HOSTILE
    assert root.xpath("string(//title)") == f"{HOSTILE} – Healthwire"


def test_hostile_addresses_are_not_repeated_as_markup(still: Site) -> None:
    for place in ("/topics/<script>alert(1)</script>", "/stories/%3Cimg src=x onerror=alert(1)%3E", "/?cursor=<script>", "/<script>"):
        response = still.client.get(place)
        assert response.status_code in (400, 404)
        assert_strict(response)


@pytest.mark.parametrize(
    ("place", "status", "told"),
    [
        ("/topics/nosuch", 404, "finance, workforce, all, untagged"),
        ("/stories/nosuch", 404, "no such story"),
        ("/nosuch", 404, ""),
        ("/?cursor=x", 400, "cursor must be"),
        ("/topics/finance?cursor=", 400, "cursor must be"),
    ],
)
def test_what_cannot_be_shown_is_explained_on_a_page_that_leads_home(still: Site, place: str, status: int, told: str) -> None:
    root = page(still, place, status)
    assert told in root.xpath("string(//main)")
    assert "/" in root.xpath("//main//a/@href")


@pytest.mark.parametrize("place", ["/topics/archive", "/feeds/archive.atom"])
@pytest.mark.parametrize("swept", [False, True], ids=["at once", "when its stories lost it"])
def test_what_belonged_to_a_topic_given_up_is_gone_and_what_never_was_is_not_found(site: Site, place: str, swept: bool) -> None:
    never = site.client.get(place)
    site.tell(site.press, issue("likely", news("Archive found", topics={"archive": 0.4})))
    unlikely = site.client.get(place)
    site.tell(site.press, issue("sure", news("Archive opened", topics={"archive": 0.9})))
    if swept:
        site.store.tags.keep_only([topic.name for topic in TOPICS], site.clock())
    gone = site.client.get(place)
    assert (never.status_code, unlikely.status_code, gone.status_code) == (404, 404, 410)
    for response in (never, gone):
        assert "finance, workforce, all, untagged" in response.text
        assert response.headers["Cache-Control"] == "no-store"
        assert response.mimetype == ("text/plain" if place.endswith(".atom") else "text/html")
    assert site.client.get("/topics/finance").status_code == site.client.get("/feeds/finance.atom").status_code == 200


@pytest.mark.parametrize("place", ["/", *(f"/topics/{topic.name}" for topic in TOPICS), "/topics/untagged"])
def test_a_site_without_stories_says_so(tmp_path: Path, place: str) -> None:
    with open_site(tmp_path, filled=False) as site:
        root = page(site, place)
    assert heads(root) == []
    assert "No stories yet" in root.xpath("string(//main)")
    assert not root.xpath("//a[@rel='next']")


@pytest.mark.parametrize("count", [49, 50, 51, 100, 101])
@pytest.mark.parametrize("place", ["/", "/topics/workforce"])
def test_older_stories_are_one_link_away_and_each_is_shown_once(tmp_path: Path, place: str, count: int) -> None:
    told = [news(f"Story number {number}", topics={"workforce": 0.9}) for number in range(count)]
    with open_site(tmp_path, filled=False) as site:
        site.tell(site.press, issue("many", *told))
        seen: list[str] = []
        older = [place]
        while older:
            root = page(site, older[0])
            shown = heads(root)
            assert len(shown) <= 50
            seen += shown
            older = root.xpath("//p[@class='older']/a[@rel='next']/@href")
            assert shown or "There are no older stories" in root.xpath("string(//main)")
    assert seen == [f"Story number {number}" for number in range(count)]
