"""Searching on pages, without scripts: the form, what it finds, what it keeps, and pages of several topics."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest
from builders import issue, news
from lxml import html as lxml_html
from website import NEWEST_FIRST, Site, atom, open_site, texts, topics

TEXT = "text/html; charset=utf-8"


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site for reading only, with more stories on wards than a page shows."""
    with open_site(tmp_path_factory.mktemp("many"), filled=False) as site:
        told = [news(f"Ward {number} & its beds", topics=topics(finance=0.9, workforce=0.6)) for number in range(64)]
        site.tell(site.press, issue("many", *told))
        site.tell(site.letters, issue("other", news("Ward sisters", topics=topics(workforce=0.9))))
        yield site


def page(site: Site, place: str, status: int = 200) -> lxml_html.HtmlElement:
    response = site.client.get(place)
    assert (response.status_code, response.content_type) == (status, TEXT)
    return lxml_html.document_fromstring(response.text)


def heads(root: lxml_html.HtmlElement) -> list[str]:
    return [heading.text_content() for heading in root.xpath("//article/h2")]


def sent(root: lxml_html.HtmlElement, **typed: str) -> str:
    """The address that a browser without scripts asks for when the form is sent, after somebody typed something."""
    (form,) = root.xpath("//main//form")
    assert (form.get("action"), form.get("method"), form.get("enctype")) == ("/search", None, None)
    fields: list[tuple[str, str]] = []
    for control in form.xpath(".//input[@name] | .//select[@name]"):
        if control.tag == "input":
            fields.append((control.get("name"), control.get("value") or ""))
        else:
            options = control.xpath("option[@selected]") or control.xpath("option[1]")
            fields.append((control.get("name"), options[-1].get("value")))
    return f"/search?{urlencode([(name, typed.get(name, value)) for name, value in fields])}"


def shown_words(root: lxml_html.HtmlElement) -> str:
    return str(root.xpath("string(//main//input[@type='search']/@value)"))


def main_text(root: lxml_html.HtmlElement) -> str:
    return re.sub(r"\s+", " ", root.xpath("string(//main)"))


@pytest.mark.parametrize("place", ["/search", "/search?q=", "/search?q=%20+", "/search?topic=finance", "/search?x=y"])
def test_without_words_there_is_only_the_form(still: Site, place: str) -> None:
    root = page(still, place)
    assert root.xpath("string(//h1)") == "Search"
    assert heads(root) == []
    assert not root.xpath("//main//a | //head/link[@rel='alternate']"), "there is nothing yet to follow"
    assert "No story" not in main_text(root)
    assert root.xpath("//nav//a[@aria-current]/@href") == ["/search"]


def test_the_form_says_what_to_type_and_each_control_what_it_is(still: Site) -> None:
    root = page(still, "/search")
    labels = {label.get("for"): label.text_content() for label in root.xpath("//main//label")}
    assert labels == {
        control.get("id"): labels[control.get("id")] for control in root.xpath("//main//input[@type='search'] | //main//select")
    }
    assert [option.text_content() for option in root.xpath("//main//option")] == ["All", "Finance", "Workforce", "No topic"]
    assert "together as they stand" in main_text(root)
    assert not root.xpath("//script | //@onsubmit")


@pytest.mark.parametrize(
    ("typed", "topic", "found"),
    [
        ("deficits", "all", ["Deficit grows at Harrow"]),
        ("trust board", "all", NEWEST_FIRST),
        ("trust board", "finance", NEWEST_FIRST[1:3]),
        ("board", "untagged", NEWEST_FIRST[:1]),
        ('"twice as much"', "workforce", NEWEST_FIRST[1:2]),
        ("board -harrow -owl", "all", NEWEST_FIRST[1::2]),
        ("penguin", "all", []),
    ],
)
def test_a_form_that_was_sent_shows_the_stories_and_keeps_what_was_asked(still: Site, typed: str, topic: str, found: list[str]) -> None:
    address = sent(page(still, "/search"), q=typed, topic=topic)
    root = page(still, address)
    assert heads(root) == found
    assert shown_words(root) == typed
    assert root.xpath("//main//option[@selected]/@value") == ([topic] if topic != "all" else [])
    assert sent(root) == address, "sent again it asks for the same"
    assert ("No story fits." in main_text(root)) == (not found)


@pytest.mark.parametrize(
    "asked",
    [
        "topic=finance+workforce",
        "topic=workforce,untagged",
        "source=2",
        "min_confidence=0.8",
        "min_confidence=0.00001&topic=finance",
        "topic=finance&source=1",
    ],
)
def test_the_form_keeps_also_what_has_no_control(still: Site, asked: str) -> None:
    root = page(still, f"/search?q=board&{asked}")
    address = sent(root)
    again = page(still, address)
    assert sent(again) == address
    assert heads(again) == heads(root)
    assert again.xpath("string(//h1)") == root.xpath("string(//h1)")
    assert 0 < len(heads(root)) < len(NEWEST_FIRST)


def test_several_topics_are_a_choice_of_their_own_in_the_form(still: Site) -> None:
    (chosen,) = page(still, "/search?topic=untagged+workforce").xpath("//main//option[@selected]")
    assert (chosen.get("value"), chosen.text_content()) == ("workforce+untagged", "Workforce or No topic")


def test_what_was_typed_is_shown_as_it_was_typed(still: Site) -> None:
    for typed in ('board -"><script>alert(1)</script>', "board {{ 7*7 }}", "board's & co", "caf\u00e9 board", "\u65e5\u672c board"):
        root = page(still, sent(page(still, "/search"), q=typed))
        assert shown_words(root) == typed
        assert not root.xpath("//script")


@pytest.mark.parametrize(
    ("typed", "advice"),
    [
        ("-", "a search needs a word to look for"),
        ("-beds", "a search needs a word to look for"),
        ("a" * 201, "at most 200 characters, this one has 201"),
        ("ab " * 1667, "at most 200 characters, this one has 5001"),
        ("a b c d e f g h i j k l m", "at most 12 words"),
    ],
)
def test_words_that_are_none_are_answered_with_what_to_do(still: Site, typed: str, advice: str) -> None:
    root = page(still, f"/search?{urlencode({'q': typed})}", 400)
    assert advice in main_text(root)
    assert len(main_text(root)) < 400
    assert "/" in root.xpath("//main//a/@href")


def walked(site: Site, place: str) -> Iterator[lxml_html.HtmlElement]:
    older = [place]
    while older:
        root = page(site, older[0])
        yield root
        older = root.xpath("//p[@class='older']/a[@rel='next']/@href")


@pytest.mark.parametrize(
    ("place", "path", "words"),
    [
        ("/search?q=ward+%26+beds", "/search", {"q": ["ward & beds"]}),
        ('/search?q="ward+1"+ward&topic=all', "/search", {"q": ['"ward 1" ward']}),
        ("/search?q=beds+-sister&topic=workforce+finance", "/search", {"q": ["beds -sister"], "topic": ["finance workforce"]}),
        ("/search?q=ward&source=1&min_confidence=0.70", "/search", {"q": ["ward"], "source": ["1"], "min_confidence": ["0.7"]}),
        ("/topics/finance+workforce?source=1", "/topics/finance+workforce", {"source": ["1"]}),
        ("/topics/finance+workforce?q=beds", "/search", {"q": ["beds"], "topic": ["finance workforce"]}),
        ("/topics/finance?min_confidence=0.0001", "/topics/finance", {"min_confidence": ["0.0001"]}),
        ("/?source=1", "/", {"source": ["1"]}),
    ],
)
def test_links_to_older_stories_keep_the_words(many: Site, place: str, path: str, words: dict[str, list[str]]) -> None:
    seen: list[str] = []
    for root in walked(many, place):
        seen += heads(root)
        for link in root.xpath("//p[@class='older']/a/@href"):
            asked = parse_qs(urlsplit(link).query)
            assert len(asked.pop("cursor")) == 1
            assert (urlsplit(link).path, asked) == (path, words)
    assert len(seen) == len(set(seen))
    expected = [f"Ward {number} & its beds" for number in range(64)]
    assert seen == [title for title in expected if '"ward 1"' not in place.replace("+", " ") or title.startswith("Ward 1 ")]


@pytest.mark.parametrize(
    ("names", "title", "found"),
    [
        ("finance+workforce", "Finance or Workforce", NEWEST_FIRST[1:]),
        ("workforce%2Bfinance", "Finance or Workforce", NEWEST_FIRST[1:]),
        ("workforce%20finance", "Finance or Workforce", NEWEST_FIRST[1:]),
        ("workforce,finance,finance", "Finance or Workforce", NEWEST_FIRST[1:]),
        ("finance+untagged", "Finance or no topic", NEWEST_FIRST[:3]),
        ("finance+all", "All stories", NEWEST_FIRST),
        ("finance+finance", "Finance", NEWEST_FIRST[1:3]),
    ],
)
def test_topics_joined_show_what_any_of_them_shows(still: Site, names: str, title: str, found: list[str]) -> None:
    root = page(still, f"/topics/{names}")
    assert (root.xpath("string(//h1)"), heads(root)) == (title, found)
    assert not root.xpath("//main//form")


@pytest.mark.parametrize("names", ["finance+nosuch", "+", "finance+", "finance+;workforce", "Finance", "finance+workforce/"])
def test_topics_joined_with_what_is_none_are_not_found(still: Site, names: str) -> None:
    page(still, f"/topics/{names}", 404)


def test_a_feed_of_what_was_searched_is_one_click_away(still: Site) -> None:
    root = page(still, "/search?q=trust+board&topic=finance")
    (link,) = root.xpath("//p[@class='subscribe']/a/@href")
    assert (urlsplit(link).path, parse_qsl(urlsplit(link).query)) == ("/feeds/finance.atom", [("q", "trust board")])
    assert texts(atom(still.client.get(link).data), "a:entry/a:title") == NEWEST_FIRST[1:3]


def test_where_no_older_story_has_the_words_it_is_said(many: Site) -> None:
    root = page(many, "/search?q=ward&cursor=00000000000000000000000000")
    assert heads(root) == []
    assert "There are no older stories." in main_text(root)
