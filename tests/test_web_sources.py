"""How the sources do, on a page and as JSON: those that need somebody first, and nothing that is not for everybody."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from fakes import START
from lxml import html as lxml_html
from source_rows import add_source, change_source
from test_web_pages import HOSTILE, page
from website import HOME_URL, Site, open_site

HOUR = 3600
ERROR = "login for ada at mail.internal.example refused"


@pytest.fixture
def full(site: Site) -> Site:
    """Press & Journal does well, the letters wait; one fails, one is silent, one stopped, one is new, and a mailbox fails."""
    change_source(site.store, site.press.id, reason="it brings something new about every 3 hours", last_new=START, usual_gap=3 * HOUR)
    add_source(
        site.store,
        "https://harbour.example/feed",
        "Harbour Health News",
        failures=4,
        failing_since=START - HOUR,
        error="the server answered 503 Service Unavailable",
        reason="it failed 4 times in a row",
        last_polled=START,
        next_poll=START + HOUR,
        moved_to="https://harbour.example/new",
        interval=7200,
        full_text=True,
    )
    mailbox = add_source(
        site.store,
        "imaps://ada@mail.internal.example/INBOX",
        "mail.internal.example",
        failures=1,
        failing_since=START,
        error=ERROR,
        last_polled=START,
        next_poll=START + HOUR,
    )
    silent = {"silent_since": START, "silence": "the weekday round-up has not come by 10:00 GMT", "last_polled": START, "next_poll": None}
    add_source(site.store, "newsletter:a.example", "The Round-up", carrier=mailbox, **silent)
    add_source(site.store, "https://gone.example/feed", "Gazette", stopped=True, next_poll=None, reason="it is gone", last_polled=START)
    add_source(site.store, "https://new.example/feed", "")
    return site


def item(site: Site, source_id: int) -> dict[str, object]:
    found: dict[str, object] = site.json(f"/api/v1/sources/{source_id}")
    return found


# ---------------------------------------------------------------- for programs


def test_a_source_is_told_with_its_next_poll_and_how_it_does(full: Site) -> None:
    assert item(full, 3) == {
        "id": 3,
        "title": "Harbour Health News",
        "url": "https://harbour.example/feed",
        "home_url": None,
        "folder": "",
        "kind": "feed",
        "carrier": None,
        "state": "failing",
        "what_next": "It is tried again on 2 March 2026 at 10:00 UTC: it failed 4 times in a row.",
        "next_poll": "2026-03-02T10:00:00Z",
        "why": "it failed 4 times in a row",
        "last_polled": "2026-03-02T09:00:00Z",
        "last_success": None,
        "last_new": None,
        "failures": 4,
        "failing_since": "2026-03-02T08:00:00Z",
        "error": "the server answered 503 Service Unavailable",
        "silence": None,
        "silent_since": None,
        "moved_to": "https://harbour.example/new",
        "interval": 7200,
        "usual_gap": None,
        "full_text": True,
    }


def test_a_source_that_does_well_is_told_with_its_rhythm(full: Site) -> None:
    told = item(full, full.press.id)
    assert told["state"] == "ok"
    assert told["home_url"] == HOME_URL
    assert (told["last_new"], told["usual_gap"]) == ("2026-03-02T09:00:00Z", 10_800)
    assert told["why"] == "it brings something new about every 3 hours"


def test_all_sources_are_listed_in_the_order_of_their_ids(full: Site) -> None:
    told = full.json("/api/v1/sources")
    assert told.keys() == {"items"}
    assert told["items"] == [item(full, number) for number in range(1, 8)]
    assert [each["state"] for each in told["items"]] == ["ok", "ok", "failing", "failing", "silent", "stopped", "new"]
    assert [each["kind"] for each in told["items"]] == ["feed", "folder", "feed", "mailbox", "newsletter", "feed", "feed"]
    assert told["items"][4]["silence"] == "the weekday round-up has not come by 10:00 GMT"
    assert (told["items"][4]["carrier"], told["items"][4]["url"]) == (4, None)


@pytest.mark.parametrize("place", ["/sources", "/api/v1/sources", "/api/v1/sources/4"])
def test_nothing_of_the_operators_network_is_told(full: Site, place: str) -> None:
    told = full.client.get(place).text
    for secret in ("ada", "mail.internal.example", full.letters.url, "newsletter:"):
        assert secret not in told
    assert "it could not be read; the operator" in told
    assert "healthwire sources show 4" in told


@pytest.mark.parametrize("number", ["0", "8", "00", "1e1", "Gazette", "-1", "9" * 30, "²"])
def test_a_source_that_there_is_not_is_not_found(full: Site, number: str) -> None:
    response = full.client.get(f"/api/v1/sources/{number}")
    assert (response.status_code, response.content_type) == (404, "application/problem+json")
    assert json.loads(response.data)["detail"] == "no such source"


@pytest.mark.parametrize("place", ["/sources", "/api/v1/sources", "/api/v1/sources/1"])
def test_an_answer_may_be_kept_but_is_asked_for_each_time(full: Site, place: str) -> None:
    response = full.client.get(place)
    assert response.headers["Cache-Control"] == "public, no-cache"
    packed = full.client.get(place, headers={"Accept-Encoding": "gzip"})
    assert gzip.decompress(packed.data) == response.data
    known = {"If-None-Match": response.headers["ETag"]}
    again = full.client.get(place, headers=known)
    assert (again.status_code, again.data) == (304, b"")
    head = full.client.head(place)
    assert (head.status_code, head.data, head.headers["ETag"]) == (200, b"", response.headers["ETag"])
    change_source(full.store, full.press.id, next_poll=START + 9 * HOUR)
    assert full.client.get(place, headers=known).status_code == 200


@pytest.mark.parametrize("place", ["/api/v1/sources", "/api/v1/sources/1"])
def test_scripts_of_other_sites_may_ask(full: Site, place: str) -> None:
    response = full.client.options(place)
    assert (response.status_code, response.headers["Allow"]) == (204, "GET, HEAD, OPTIONS")
    assert full.client.get(place).headers["Access-Control-Allow-Origin"] == "*"
    assert full.client.post(place).status_code == 405


# ---------------------------------------------------------------- for people


def articles(root: lxml_html.HtmlElement) -> list[lxml_html.HtmlElement]:
    found: list[lxml_html.HtmlElement] = root.xpath("//main/article")
    return found


def names(root: lxml_html.HtmlElement) -> list[str]:
    return [article.xpath("string(h2)") for article in articles(root)]


def test_sources_that_need_somebody_come_first(full: Site) -> None:
    root = page(full, "/sources")
    assert names(root) == [
        "Harbour Health News",
        "Mailbox 4",
        "Gazette",
        "The Round-up",
        "https://new.example/feed",
        "Files in letters",
        "Press & Journal",
    ]
    assert root.xpath("string(//p[@class='meaning'])") == "4 of 7 sources need somebody to look at them."
    assert [article.get("id") for article in articles(root)] == [f"source-{number}" for number in (3, 4, 6, 5, 7, 2, 1)]


def test_what_is_wrong_is_told_with_what_happens_next(full: Site) -> None:
    told = {
        article.xpath("string(h2)"): [each.text_content() for each in article.xpath("p")] for article in articles(page(full, "/sources"))
    }
    assert told["Harbour Health News"] == [
        "Failing since 2 March 2026 at 08:00 UTC, 4 times in a row: the server answered 503 Service Unavailable",
        "Feed",
        "It is tried again on 2 March 2026 at 10:00 UTC: it failed 4 times in a row.",
    ]
    assert told["Gazette"] == ["Stopped", "Feed", "It is not polled any more: it is gone. To poll it again: healthwire sources resume 6"]
    assert told["The Round-up"] == [
        "Silent since 2 March 2026 at 09:00 UTC: the weekday round-up has not come by 10:00 GMT",
        "Newsletter",
        "Its next issue is read when source 4 is polled.",
    ]
    assert told["https://new.example/feed"] == ["Feed · not polled yet", "It is polled on 1 January 1970 at 00:00 UTC."]
    assert told["Press & Journal"] == [
        "Feed · last news 2 March 2026 at 09:00 UTC · last read well 2 March 2026 at 09:02 UTC",
        "It is polled again on 2 March 2026 at 10:00 UTC: it brings something new about every 3 hours.",
    ]


def test_the_page_offers_its_feed_and_is_linked_from_every_page(full: Site) -> None:
    (link,) = page(full, "/sources").xpath("//head/link[@rel='alternate']")
    assert (link.get("href"), link.get("type")) == ("/feeds/sources-health.atom", "application/atom+xml")
    for place in ("/", "/quality", "/sources"):
        assert page(full, place).xpath("//footer//a[@href='/sources']")


def test_only_web_addresses_are_links(full: Site) -> None:
    change_source(full.store, full.press.id, home_url="javascript:alert(1)")
    change_source(full.store, full.letters.id, home_url="javascript:alert(1)")
    told = {article.xpath("string(h2)"): article.xpath("h2/a/@href") for article in articles(page(full, "/sources"))}
    assert told["Press & Journal"] == ["https://press.example.org/feed.xml"]
    assert told["Files in letters"] == told["Mailbox 4"] == told["The Round-up"] == []
    assert item(full, full.press.id)["home_url"] is None


def test_hostile_words_are_shown_as_words(full: Site) -> None:
    change_source(full.store, full.press.id, title=HOSTILE, error=HOSTILE, failures=1, failing_since=START, reason=HOSTILE)
    root = page(full, "/sources")
    assert HOSTILE in names(root)
    assert HOSTILE in root.xpath(f"string(//article[@id='source-{full.press.id}']/p[1])")


@pytest.mark.parametrize(
    ("sources", "words"),
    [([], "There are no sources yet."), (["A"], "The only source does well."), (["A", "B"], "All 2 sources do well.")],
)
def test_few_sources_are_told_in_words_of_their_own(tmp_path: Path, sources: list[str], words: str) -> None:
    with open_site(tmp_path, filled=False) as site:
        for known in site.store.sources.list():
            site.store.sources.remove(known.id, START)
        for name in sources:
            add_source(site.store, f"https://{name}.example/feed", name)
        assert words in page(site, "/sources").xpath("string(//main)")


def test_one_of_several_that_is_not_well_is_told_in_the_singular(site: Site) -> None:
    change_source(site.store, site.press.id, failures=1, failing_since=START, error="no answer")
    assert page(site, "/sources").xpath("string(//p[@class='meaning'])") == "1 of 2 sources needs somebody to look at it."


def test_many_sources_are_shown_a_hundred_a_page(site: Site) -> None:
    for number in range(103):
        add_source(site.store, f"https://{number:03}.example/feed", f"A{number:03}", last_polled=START)
    shown = [names(page(site, place)) for place in ("/sources", "/sources?page=2", "/sources?page=3")]
    assert [len(each) for each in shown] == [100, 5, 0]
    assert len({name for each in shown for name in each}) == 105
    assert page(site, "/sources").xpath("//p[@class='older']/a/@href") == ["/sources?page=2"]
    assert page(site, "/sources?page=2").xpath("//a[@rel='prev']/@href") == ["/sources?page=1"]
    assert "There are no more sources." in page(site, "/sources?page=3").xpath("string(//main)")
    assert "page must be a whole number" in page(site, "/sources?page=x", 400).xpath("string(//main)")
