"""The JSON API: the shape of a story, walking, filters, and errors as problem documents (RFC 9457)."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from builders import LONG, issue, news
from fakes import START
from hypothesis import given
from hypothesis import strategies as st
from website import BASE, FEED_URL, NEWEST_FIRST, Site, topics
from werkzeug.test import TestResponse

STORIES = "/api/v1/stories"
ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")


def titles(site: Site, query: str) -> list[str]:
    return [item["title"] for item in site.json(f"{STORIES}?{query}")["items"]]


def assert_problem(response: TestResponse, status: int) -> dict[str, Any]:
    assert response.status_code == status
    assert response.content_type == "application/problem+json"
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert response.headers["Cache-Control"] == "no-store"
    problem: dict[str, Any] = json.loads(response.data)
    assert problem.keys() == {"type", "title", "status", "detail", "instance"}
    assert (problem["type"], problem["status"], problem["instance"]) == ("about:blank", status, response.request.path)
    return problem


def test_a_story_tells_all_that_is_known_of_it(still: Site) -> None:
    story = still.json(STORIES)["items"][2]
    assert ULID.fullmatch(story["id"])
    assert ULID.fullmatch(story["article"]["id"])
    text = f"Deficit grows at Harrow: {LONG}"
    assert story == {
        "id": story["id"],
        "url": "https://press.example.org/deficit",
        "title": "Deficit grows at Harrow",
        "summary": text,
        "html": f"<p>{text}</p>",
        "text": text,
        "published": "2026-03-02T08:00:00Z",
        "first_seen": "2026-03-02T09:00:00Z",
        "updated": "2026-03-02T09:00:00Z",
        "seq": 5,
        "source": {"id": still.press.id, "title": "Press & Journal", "url": FEED_URL},
        "article": {
            "id": story["article"]["id"],
            "title": "Issue catch-up",
            "url": "https://press.example.org/catch-up",
            "position": 1,
            "of": 2,
            "note": None,
        },
        "topics": [
            {
                "topic": "finance",
                "confidence": 0.93,
                "origin": "model",
                "model": "model-1",
                "evidence": [{"term": "finance word", "weight": 0.25}],
            }
        ],
        "confidence": {"finance": 0.93, "workforce": 0.04},
        "also_reported": [
            {
                "id": story["also_reported"][0]["id"],
                "source": {"id": still.letters.id, "title": "Files in letters", "url": None},
                "title": "Harrow in the red",
                "url": "https://www.press.example.org/deficit/?utm_source=letter",
                "published": "2026-03-02T09:03:00Z",
            }
        ],
    }


def test_a_story_of_a_local_letter_has_a_page_here_and_tells_why_it_was_kept_whole(still: Site) -> None:
    story = still.json(STORIES)["items"][1]
    assert story["title"] == "Bank staff cost twice as much"
    assert story["url"] == f"{BASE}/stories/{story['id']}"
    assert story["source"]["url"] is None
    assert story["article"]["note"] == "kept whole: its headings are not told from its text"
    assert [tag["topic"] for tag in story["topics"]] == ["workforce", "finance"]


def test_one_story_is_answered_as_the_list_has_it(still: Site) -> None:
    for item in still.json(STORIES)["items"]:
        assert still.json(f"{STORIES}/{item['id']}") == item


def test_a_second_telling_has_its_own_date(site: Site) -> None:
    again = news("Harrow in debt", url="https://press.example.org/deficit", topics=topics(finance=0.9))
    site.tell(site.letters, issue("third.txt", again, published=START + 7200), after=86_400)
    told = site.json(f"{STORIES}/{site.ids()['Deficit grows at Harrow']}")["also_reported"]
    assert [each["published"] for each in told] == ["2026-03-02T09:03:00Z", "2026-03-02T11:00:00Z"]


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 100])
def test_following_next_gives_every_story_once(still: Site, limit: int) -> None:
    seen, address = [], f"{BASE}{STORIES}?limit={limit}"
    while address:
        response = still.client.get(address)
        page = json.loads(response.data)
        assert len(page["items"]) <= limit
        assert response.headers.get("Link") == (f'<{page["next"]}>; rel="next"' if page["next"] else None)
        seen += [item["title"] for item in page["items"]]
        address = page["next"]
    assert seen == NEWEST_FIRST


def test_a_story_that_arrives_meanwhile_moves_no_later_page(site: Site) -> None:
    first = site.json(f"{STORIES}?limit=2")
    site.tell(site.press, issue("new", news("Ward staff walk out")))
    rest = site.json(first["next"])
    assert [item["title"] for item in first["items"] + rest["items"]] == NEWEST_FIRST


def test_the_next_page_keeps_the_other_words_of_the_query(still: Site) -> None:
    address = still.json(f"{STORIES}?topic=workforce&limit=1&min_confidence=0.5&x=a%26b%22%3E")["next"]
    assert address.startswith(f"{BASE}{STORIES}?")
    assert [item["title"] for item in still.json(address)["items"]] == ["Nurses leave for Leeds"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("topic=finance", ["Bank staff cost twice as much", "Deficit grows at Harrow"]),
        ("topic=untagged", ["Owls nest at the infirmary"]),
        ("topic=all", NEWEST_FIRST),
        ("topic=finance&min_confidence=0.7", ["Bank staff cost twice as much", "Deficit grows at Harrow"]),
        ("topic=finance&min_confidence=.71", ["Deficit grows at Harrow"]),
        ("topic=finance&min_confidence=1", []),
        ("min_confidence=0.95", ["Bank staff cost twice as much"]),
        ("source=1", ["Owls nest at the infirmary", "Deficit grows at Harrow", "Nurses leave for Leeds"]),
        ("source=2", ["Bank staff cost twice as much", "Deficit grows at Harrow"]),
        ("source=99", []),
        ("since=2026-03-02", NEWEST_FIRST),
        ("since=2026-03-03", []),
        ("since=2026-03-02T09:01:00Z", NEWEST_FIRST[:2]),
        ("since=2026-03-02T09:01:01Z", NEWEST_FIRST[:1]),
        ("since=2026-03-02T10:01:00%2B01:00", NEWEST_FIRST[:2]),
        ("since=2026-03-02T10:01:00+01:00", NEWEST_FIRST[:2]),
        ("since=2026-03-02T09:01:00", NEWEST_FIRST[:2]),
        ("limit=1", NEWEST_FIRST[:1]),
        ("topic=workforce&source=1&since=2026-03-02", ["Nurses leave for Leeds"]),
        ("unknown=word", NEWEST_FIRST),
    ],
)
def test_a_query_chooses_stories(still: Site, query: str, expected: list[str]) -> None:
    assert titles(still, query) == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("limit", value) for value in ("0", "101", "-1", "ten", "1.5", "", "٣", "9" * 30)],
        *[("source", value) for value in ("0", "x", "-1", "1 or 1=1", "9" * 30)],
        *[("min_confidence", value) for value in ("1.1", "-0.1", "nan", "inf", "1e3", "")],
        *[("since", value) for value in ("yesterday", "2026-13-01", "2026-02-30", "1772442000", "T", "", "0001-01-01T00:00:00+14:00x")],
        *[("cursor", value) for value in ("x", "", "0" * 25, "8" + "0" * 25, "../etc", "0" * 26 + "\n")],
        *[("topic", value) for value in ("nosuch", "", "Finance", "finance'--")],
    ],
)
def test_a_word_that_cannot_be_used_is_named(still: Site, name: str, value: str) -> None:
    problem = assert_problem(still.client.get(STORIES, query_string={name: value}), 400)
    assert problem["detail"].startswith(f"{name} must be ")


@given(name=st.sampled_from(["limit", "source", "min_confidence", "since", "cursor", "topic", "x"]), value=st.text(max_size=40))
def test_no_query_is_answered_with_a_fault_of_ours(still: Site, name: str, value: str) -> None:
    assert still.client.get(STORIES, query_string={name: value}).status_code in (200, 400)


@pytest.mark.parametrize("story_id", ["01ARZ3NDEKTSV4RRFFQ69G5FAV", "nosuch", "%00", "%ff", "'; drop table story; --", "x" * 5000])
def test_an_unknown_story_is_a_problem_of_its_own(still: Site, story_id: str) -> None:
    response = still.client.get(f"{STORIES}/{story_id}")
    assert assert_problem(response, 404)["detail"] == "no such story"


def test_a_withdrawn_story_is_said_to_be_withdrawn(site: Site) -> None:
    story_id = site.ids()["Bank staff cost twice as much"]
    site.store.sources.remove(site.letters.id, site.clock() + 60)
    assert assert_problem(site.client.get(f"{STORIES}/{story_id}"), 404)["detail"] == "this story was withdrawn"
    assert "Bank staff cost twice as much" not in site.ids()


def test_an_unknown_address_and_a_wrong_method_are_problems_too(still: Site) -> None:
    assert_problem(still.client.get("/api/v1/nosuch"), 404)
    assert assert_problem(still.client.delete(STORIES), 405)["title"] == "Method Not Allowed"


def test_scripts_of_other_sites_may_read_and_ask_again(still: Site) -> None:
    first = still.client.get(STORIES, headers={"Origin": "https://other.example"})
    again = still.client.get(STORIES, headers={"Origin": "https://other.example", "If-None-Match": first.headers["ETag"]})
    assert (first.status_code, again.status_code) == (200, 304)
    for response in (first, again):
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        exposed = response.headers["Access-Control-Expose-Headers"].split(", ")
        assert {"ETag", "Link"} <= set(exposed)


@pytest.mark.parametrize("place", [STORIES, f"{STORIES}/01ARZ3NDEKTSV4RRFFQ69G5FAV"])
def test_a_preflight_permits_conditional_requests(still: Site, place: str) -> None:
    asked = {"Origin": "https://other.example", "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "if-none-match"}
    response = still.client.options(place, headers=asked)
    assert response.status_code == 204
    assert response.data == b""
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert "GET" in response.headers["Access-Control-Allow-Methods"]
    assert "If-None-Match" in response.headers["Access-Control-Allow-Headers"]


def test_no_public_answer_tells_where_files_lie_on_this_machine(site: Site, tmp_path: Path) -> None:
    places = ["/", "/topics/workforce", "/feeds/all.atom", STORIES, "/readyz", *(f"{STORIES}/{each}" for each in site.ids().values())]
    places += [f"/stories/{each}" for each in site.ids().values()]
    for place in places:
        assert str(tmp_path) not in site.client.get(place).text
        assert "file:" not in site.client.get(place).text


def test_an_edit_is_a_new_answer_with_a_higher_number(site: Site) -> None:
    title = "Owls nest at the infirmary"
    before = site.json(f"{STORIES}/{site.ids()[title]}")
    site.tell(site.press, issue("owls", news(title, "They have gone.", url="https://press.example.org/owls", topics=topics())))
    after = site.json(f"{STORIES}/{site.ids()[title]}")
    assert after == before | {
        "text": "They have gone.",
        "summary": "They have gone.",
        "html": "<p>They have gone.</p>",
        "updated": "2026-03-02T09:04:00Z",
        "seq": 6,
    }
