"""The page on the model's quality and the last weeks: what is known, what is not yet, and nothing that is not so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from fakes import START, KeywordJudge
from flask.testing import FlaskClient
from lxml import html as lxml_html
from test_web_pages import HOSTILE, assert_strict
from website import BASE, TOPICS, Site

from feeds.model import Topic, TopicWeek, Week
from feeds.publish.documents import FeedDocuments
from feeds.web.app import create_app
from feeds.web.parts import WebParts

WEEK = 7 * 86_400
# The Monday on which the last full week before START began, 23 February 2026.
LAST_MONDAY = START - 9 * 3600 - WEEK
HEAD = ["Week from", "Stories", "Finance", "Workforce", "No topic", "Unknown words"]


class Judge(KeywordJudge):
    """A judge of which this is known."""

    def __init__(self, about: Mapping[str, Any]) -> None:
        self._about = about

    def about(self) -> Mapping[str, Any]:
        return self._about


def page(client: FlaskClient) -> lxml_html.HtmlElement:
    response = client.get("/quality")
    assert response.status_code == 200
    assert response.content_type == "text/html; charset=utf-8"
    assert_strict(response)
    root = lxml_html.document_fromstring(response.text)
    assert [heading.text_content() for heading in root.xpath("//h1")] == ["How good the topics are"]
    assert_tables_are_whole(root)
    return root


def assert_tables_are_whole(root: lxml_html.HtmlElement) -> None:
    """Each has a caption, and each of its rows a cell under every heading."""
    for table in root.xpath("//table"):
        assert table.xpath("string(caption)").strip()
        columns = table.xpath("thead/tr/th[@scope='col']")
        for row in table.xpath("tbody/tr"):
            assert sum(int(cell.get("colspan", "1")) for cell in row) == len(columns)


def table(root: lxml_html.HtmlElement, number: int) -> list[list[str]]:
    """The cells of the page's table, its heading first."""
    found = root.xpath("//main//table")[number]
    return [[cell.text_content().strip() for cell in row] for row in found.xpath("thead/tr | tbody/tr")]


def warnings(root: lxml_html.HtmlElement) -> list[str]:
    return [warning.text_content() for warning in root.xpath("//main//p[@class='warning']")]


def client_with(site: Site, about: Mapping[str, Any] | None = None, topics: Sequence[Topic] = TOPICS) -> FlaskClient:
    judge = KeywordJudge() if about is None else Judge(about)
    documents = FeedDocuments(site.store, topics, BASE)
    return create_app(WebParts(site.store, documents, topics, BASE, site.clock, judge), "a key for tests only").test_client()


def keep_week(site: Site, weeks_ago: int, finance: float = 0.5, untagged: float = 0.2, acronyms: Mapping[str, int] | None = None) -> None:
    """A week of 100 stories; 1 is the last full one before START."""
    about = {"finance": TopicWeek(finance, 0.8), "workforce": TopicWeek(0.25, 0.9)}
    site.store.weeks.put(Week(LAST_MONDAY - (weeks_ago - 1) * WEEK, 100, about, untagged, 0.1, acronyms or {}))


def test_the_model_is_told_with_its_quality_by_topic(still: Site) -> None:
    root = page(still.client)
    assert (
        root.xpath("string(//p[@class='meaning'])")
        == "Model 7 (keywords), made 2 March 2026 from 100 labelled stories and 2 that curators decided on."
    )
    # The model knows two topics that the site does not show.
    assert table(root, 0) == [
        ["Topic", "Right when given", "Found of all", "F1", "Given from"],
        ["Finance", "90%", "80%", "0.847", "50%"],
        ["commissioning", "90%", "80%", "0.847", "50%"],
        ["Workforce", "90%", "80%", "0.847", "50%"],
        ["data", "90%", "80%", "0.847", "50%"],
    ]
    assert "100 stories; macro F1 0.847; all topics right for 80% of them" in root.xpath("string(//main)")


def test_without_a_model_the_page_says_so_and_still_shows_the_weeks(site: Site) -> None:
    keep_week(site, 1)
    root = page(client_with(site, {}))
    assert "No model is in use yet" in root.xpath("string(//main)")
    assert table(root, 0)[1][0] == "23 February 2026"


def test_without_weeks_nothing_is_said_of_them(still: Site) -> None:
    root = page(still.client)
    assert table(root, 1) == [HEAD, ["No stories yet"]]
    assert warnings(root) == []
    words = root.xpath("string(//main)")
    assert "All figures are as" not in words
    assert "too few weeks" not in words


def test_the_weeks_are_shown_newest_first_with_the_present_one_and_without_empty_ones(site: Site) -> None:
    keep_week(site, 3, finance=0.25)
    site.store.weeks.put(Week(LAST_MONDAY - WEEK, 0, {}, 0.0, 0.0, {}))
    keep_week(site, 1, finance=0.75)
    site.store.weeks.put(Week(LAST_MONDAY + WEEK, 4, {"finance": TopicWeek(0.5, 0.8)}, 0.25, 0.1, {}))
    assert table(page(site.client), 1) == [
        HEAD,
        ["2 March 2026", "4", "50%", "–", "25%", "10%"],
        ["23 February 2026", "100", "75%", "25%", "20%", "10%"],
        ["9 February 2026", "100", "25%", "25%", "20%", "10%"],
    ]


def test_no_more_weeks_are_shown_than_are_compared(site: Site) -> None:
    for weeks_ago in range(20):
        keep_week(site, weeks_ago)
    shown = table(page(site.client), 1)[1:]
    assert [row[0] for row in shown[:2]] == ["2 March 2026", "23 February 2026"]
    assert len(shown) == 9


@pytest.mark.parametrize(("weeks", "told"), [(1, "too few weeks"), (4, "too few weeks"), (5, "All figures are as in the weeks before")])
def test_a_week_is_compared_with_at_least_four(site: Site, weeks: int, told: str) -> None:
    for weeks_ago in range(1, weeks + 1):
        keep_week(site, weeks_ago)
    root = page(site.client)
    assert warnings(root) == []
    sentences = [text for text in ("too few weeks", "All figures are as in the weeks before") if text in root.xpath("string(//main)")]
    assert sentences == [told]


def test_a_figure_that_left_its_band_is_a_warning(site: Site) -> None:
    for weeks_ago in (2, 3, 4, 5):
        keep_week(site, weeks_ago)
    keep_week(site, 1, finance=0.7, untagged=0.05, acronyms={"ICB": 4, "R&D": 3})
    root = page(site.client)
    # Three times the root of 0.5 x 0.5 / 100 and of 0.2 x 0.8 / 100.
    assert warnings(root) == [
        "finance: share of stories: 70.0%, more than in the weeks before (35.0% to 65.0%)",
        "stories without a topic: 5.0%, less than in the weeks before (8.0% to 32.0%)",
        "ICB stands in 4 stories, and the model has never learned from it: label some of them",
        "R&D stands in 3 stories, and the model has never learned from it: label some of them",
    ]
    assert "All figures are as" not in root.xpath("string(//main)")


def test_a_new_acronym_is_a_warning_before_anything_else_can_be_said(site: Site) -> None:
    keep_week(site, 1, acronyms={"ICB": 4})
    root = page(site.client)
    assert [warning[:10] for warning in warnings(root)] == ["ICB stands"]
    assert "too few weeks" in root.xpath("string(//main)")


@pytest.mark.parametrize(("share", "shown"), [(0.0, "0%"), (0.5, "50%"), (1.0, "100%")])
def test_a_share_is_shown_as_it_is(site: Site, share: float, shown: str) -> None:
    keep_week(site, 1, finance=share, untagged=1 - share)
    row = table(page(site.client), 1)[1]
    assert row[2] == shown
    assert row[4] == {"0%": "100%", "50%": "50%", "100%": "0%"}[shown]


def test_hostile_names_and_figures_are_shown_as_words(site: Site) -> None:
    about = dict(KeywordJudge().about()) | {"version": HOSTILE, "thresholds": {"finance": 0.5, HOSTILE: 0.5}}
    row = about["metrics"]["per_topic"]["finance"]
    about["metrics"] = about["metrics"] | {"per_topic": {"finance": row, HOSTILE: row}}
    keep_week(site, 1, acronyms={HOSTILE: 3})
    root = page(client_with(site, about, (Topic("finance", HOSTILE, HOSTILE), TOPICS[1])))
    assert f"Model 7 ({HOSTILE})" in root.xpath("string(//p[@class='meaning'])")
    assert [row[0] for row in table(root, 0)] == ["Topic", HOSTILE, HOSTILE]
    assert table(root, 1)[0] == ["Week from", "Stories", HOSTILE, "Workforce", "No topic", "Unknown words"]
    assert warnings(root) == [f"{HOSTILE} stands in 3 stories, and the model has never learned from it: label some of them"]
    assert any(HOSTILE in link.text_content() for link in root.xpath("//nav//a"))


def test_the_page_leads_to_the_same_figures_for_programs_and_to_the_queue(still: Site) -> None:
    links = page(still.client).xpath("//main//a/@href")
    assert links == ["/api/v1/model", "/metrics", "/review"]
    assert [still.client.get(link).status_code for link in links] == [200, 200, 303]


def test_every_page_leads_here(still: Site) -> None:
    root = lxml_html.document_fromstring(still.client.get("/").text)
    assert root.xpath("//footer//a[@href='/quality']/text()") == ["How good the topics are"]


def test_a_new_week_is_a_new_page_for_those_who_know_its_etag(site: Site) -> None:
    keep_week(site, 2)
    before = site.client.get("/quality")
    assert site.client.get("/quality", headers={"If-None-Match": before.headers["ETag"]}).status_code == 304
    keep_week(site, 1)
    assert site.client.get("/quality", headers={"If-None-Match": before.headers["ETag"]}).status_code == 200


def test_a_new_week_is_a_new_page_for_those_who_know_its_date(site: Site) -> None:
    site.clock.advance(WEEK)
    keep_week(site, 0)
    at_the_last_story = "Mon, 02 Mar 2026 09:03:00 GMT"
    assert site.client.get("/quality", headers={"If-Modified-Since": at_the_last_story}).status_code == 200
