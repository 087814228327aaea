"""The JSON API: the shape of a story, walking, filters, and errors as problem documents (RFC 9457)."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from builders import LONG, issue, news
from fakes import START
from hypothesis import given, settings
from hypothesis import strategies as st
from website import BASE, FEED_URL, NEWEST_FIRST, Site, open_site, topics
from werkzeug.test import TestResponse

from feeds.model import Source, Subscription, Untaught
from feeds.text import scrub
from feeds.web.schemas import FIELDS

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
    address = still.json(f"{STORIES}?topic=workforce&limit=1&min_confidence=0.5&q=the%26trust%22%3E")["next"]
    assert address.startswith(f"{BASE}{STORIES}?")
    assert [item["title"] for item in still.json(address)["items"]] == ["Nurses leave for Leeds"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("topic=finance", ["Bank staff cost twice as much", "Deficit grows at Harrow"]),
        ("topic=untagged", ["Owls nest at the infirmary"]),
        ("topic=all", NEWEST_FIRST),
        ("topic=finance%2Bworkforce", NEWEST_FIRST[1:]),
        ("topic=finance+workforce", NEWEST_FIRST[1:]),
        ("topic=workforce,finance", NEWEST_FIRST[1:]),
        ("topic=finance%20untagged", NEWEST_FIRST[:3]),
        ("topic=finance+all", NEWEST_FIRST),
        ("q=nurse", ["Nurses leave for Leeds"]),
        ("q=Deficits", ["Deficit grows at Harrow"]),
        ("q=trust+board", NEWEST_FIRST),
        ("q=%22told+its+board%22+-harrow+-owl", ["Bank staff cost twice as much", "Nurses leave for Leeds"]),
        ("q=red", []),
        ("q=", NEWEST_FIRST),
        ("q=%20+", NEWEST_FIRST),
        ("q=%00", []),
        ("q=%E2%80%8B", []),
        ("q=board&topic=finance&source=1", ["Deficit grows at Harrow"]),
        ("q=board&limit=2", NEWEST_FIRST[:2]),
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
        ("since=2026-03-02t09:01:00Z", NEWEST_FIRST[:2]),
        ("since=2026-03-02%2009:01:00", NEWEST_FIRST[:2]),
        ("since=2026-03-02T09:01", NEWEST_FIRST[:2]),
        ("since=2026-03-02T04:01:00-05:00", NEWEST_FIRST[:2]),
        ("since=2026-03-02T09:01:00.000Z", NEWEST_FIRST[:2]),
        ("since=2026-03-02T09:01:00.001Z", NEWEST_FIRST[:1]),
        ("since=20260302T090100Z", NEWEST_FIRST[:2]),
        ("since=2026-W10-1", NEWEST_FIRST),
        ("since=2026-W10-2", []),
        ("since=0001-01-01", NEWEST_FIRST),
        ("since=0001-01-01T00:00:00%2B23:59", NEWEST_FIRST),
        ("since=9999-12-31T23:59:59-23:59", []),
        ("limit=1", NEWEST_FIRST[:1]),
        ("topic=workforce&source=1&since=2026-03-02", ["Nurses leave for Leeds"]),
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
        *[("topic", value) for value in ("nosuch", "", "Finance", "finance'--", "finance+nosuch", "+", "\x00")],
        *[("q", value) for value in ("-", "--", "-beds", "a" * 201, "beds " * 1000, " ".join("abcdefghijklm"))],
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
    assert "was withdrawn" in assert_problem(site.client.get(f"{STORIES}/{story_id}"), 410)["detail"]
    assert site.client.get(f"/stories/{story_id}").status_code == 410
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


# ---------------------------------------------------------------- less of each story


def test_only_the_members_that_were_asked_for_are_told_and_the_id(still: Site) -> None:
    whole = still.json(STORIES)["items"]
    for asked in ("title,confidence", "confidence+title", "confidence%20title,,", "id,title,confidence,title"):
        assert still.json(f"{STORIES}?fields={asked}")["items"] == [
            {"id": story["id"], "title": story["title"], "confidence": story["confidence"]} for story in whole
        ]
    assert still.json(f"{STORIES}/{whole[0]['id']}?fields=seq") == {"id": whole[0]["id"], "seq": whole[0]["seq"]}
    assert still.json(f"{STORIES}?fields=")["items"] == [{"id": story["id"]} for story in whole]


@given(asked=st.sets(st.sampled_from(sorted(FIELDS))))
def test_every_choice_of_members_is_the_whole_story_without_the_others(still: Site, asked: set[str]) -> None:
    (story,) = still.json(f"{STORIES}?limit=1")["items"]
    (shown,) = still.json(f"{STORIES}?limit=1&fields={','.join(asked)}")["items"]
    assert shown == {name: value for name, value in story.items() if name in asked | {"id"}}
    assert list(story) == list(FIELDS)


def test_a_parameter_that_there_is_not_is_named_with_those_there_are(still: Site) -> None:
    problem = assert_problem(still.client.get(f"{STORIES}?min_confidance=0.9&limit=1"), 400)
    known = "topic, q, source, min_confidence, since, cursor, limit, fields"
    assert problem["detail"] == f"there is no parameter 'min_confidance' here; there are: {known}"
    assert assert_problem(still.client.get("/api/v1/topics?limit=1"), 400)["detail"].endswith("there are none")


@pytest.mark.parametrize("place", [STORIES, f"{STORIES}/{{id}}"])
@pytest.mark.parametrize("asked", ["titel", "title,titel", "Title", "title;titel", "titel" * 100, "__class__", "\x00", "title\nid"])
def test_a_member_that_there_is_not_is_named(still: Site, place: str, asked: str) -> None:
    address = place.format(id=still.ids()[NEWEST_FIRST[0]])
    detail = assert_problem(still.client.get(address, query_string={"fields": asked}), 400)["detail"]
    assert detail == f"fields must be some of {', '.join(FIELDS)}"


def test_the_next_page_has_the_same_members(still: Site) -> None:
    address = still.json(f"{STORIES}?limit=3&fields=title,seq")["next"]
    assert [item.keys() for item in still.json(address)["items"]] == [{"id", "title", "seq"}]


# ---------------------------------------------------------------- page by page


def pages(site: Site, address: str | None) -> Iterator[dict[str, Any]]:
    """An answer and all that follow it, each with its address in the header, too."""
    while address:
        response = site.client.get(address)
        assert response.status_code == 200, response.text
        page = json.loads(response.data)
        assert response.headers.get("Link") == (f'<{page["next"]}>; rel="next"' if page["next"] else None)
        yield page
        address = page["next"]


@pytest.mark.parametrize(
    "query", ["", "topic=finance+workforce", "q=board", "source=1", "min_confidence=0.5", "since=2026-03-02", "q=board+-owl"]
)
@pytest.mark.parametrize("limit", [1, 2])
def test_page_by_page_is_all_at_once(still: Site, query: str, limit: int) -> None:
    walked = [item for page in pages(still, f"{STORIES}?{query}&limit={limit}") for item in page["items"]]
    assert walked == still.json(f"{STORIES}?{query}&limit=100")["items"]
    assert walked


@settings(max_examples=25)
@given(
    query=st.sampled_from(["", "topic=finance", "topic=finance+workforce", "q=board", "source=1", "min_confidence=0.5"]),
    limit=st.integers(1, 3),
    meanwhile=st.lists(st.lists(st.sampled_from(["new", "edit", "merge"]), max_size=2), max_size=6),
)
def test_what_is_written_between_pages_makes_no_page_skip_or_repeat(query: str, limit: int, meanwhile: list[list[str]]) -> None:
    with TemporaryDirectory() as folder, open_site(Path(folder)) as site:
        before = [item["id"] for item in site.json(f"{STORIES}?{query}&limit=100")["items"]]
        guids = count()
        waiting = iter(meanwhile)
        walked: list[str] = []
        for page in pages(site, f"{STORIES}?{query}&limit={limit}"):
            walked += [item["id"] for item in page["items"]]
            for act in next(waiting, []):
                write_something(site, act, f"{next(guids)}")
        assert walked == before


def write_something(site: Site, act: str, guid: str) -> None:
    """A story of every topic, an edit that leaves the words, or another telling of a story that is there."""
    if act == "new":
        site.tell(site.press, issue(guid, news(f"Story {guid} is told", topics=topics(finance=0.9, workforce=0.9))))
    elif act == "edit":
        edited = news("Bank staff cost twice as much", f"{LONG} {guid}", topics=topics(finance=0.7, workforce=0.99))
        site.tell(site.letters, issue("letter.txt", edited))
    else:
        site.tell(site.letters, issue(guid, news(f"Owls, told again {guid}", url="https://press.example.org/owls", topics=topics())))


# ---------------------------------------------------------------- what changed


CHANGES = "/api/v1/changes"


def test_changes_tell_each_story_once_where_it_changed_last(still: Site) -> None:
    answer = still.json(CHANGES)
    # The deficit came first, but was told again last.
    assert [item["story"]["title"] for item in answer["items"]] == [NEWEST_FIRST[number] for number in (3, 1, 0, 2)]
    assert [item["seq"] for item in answer["items"]] == sorted(item["story"]["seq"] for item in answer["items"])
    assert [item["kind"] for item in answer["items"]] == ["new", "new", "new", "merged"]
    assert answer["items"][-1] == {
        "seq": 5,
        "at": "2026-03-02T09:03:00Z",
        "kind": "merged",
        "id": still.ids()["Deficit grows at Harrow"],
        "story": still.json(f"{STORIES}/{still.ids()['Deficit grows at Harrow']}"),
    }
    assert (answer["next"], answer["seq"]) == (None, 5)


def test_who_is_up_to_date_is_told_nothing_and_where_to_go_on(still: Site) -> None:
    assert still.json(f"{CHANGES}?since=5") == {"items": [], "next": None, "seq": 5}


@pytest.mark.parametrize("since", [6, 1000, 2**62])
def test_who_knows_more_than_there_is_is_told_to_begin_again(still: Site, since: int) -> None:
    """As after a backup was restored: what comes next would be missed."""
    detail = assert_problem(still.client.get(f"{CHANGES}?since={since}"), 409)["detail"]
    assert "ends at 5" in detail
    assert "since=0" in detail


def test_a_withdrawn_story_is_told_without_a_story(site: Site) -> None:
    story_id = site.ids()["Owls nest at the infirmary"]
    site.store.sources.remove(site.press.id, site.clock() + 60)
    answer = site.json(f"{CHANGES}?since=5")
    gone = {item["id"]: item for item in answer["items"]}[story_id]
    assert gone == {"seq": gone["seq"], "at": "2026-03-02T09:04:00Z", "kind": "withdrawn", "id": story_id, "story": None}
    assert gone["seq"] > 5
    assert answer["seq"] == max(item["seq"] for item in answer["items"])


def test_the_numbers_go_on_and_lead_from_one_visit_to_the_next(site: Site) -> None:
    first = site.json(f"{CHANGES}?limit=3")
    assert [item["seq"] for item in first["items"]][-1] == first["seq"] < 5
    second = site.json(first["next"])
    assert (len(second["items"]), second["next"], second["seq"]) == (1, None, 5)
    site.tell(site.press, issue("new", news("Ward staff walk out")))
    (item,) = site.json(f"{CHANGES}?since={second['seq']}")["items"]
    assert (item["seq"], item["kind"], item["story"]["title"]) == (6, "new", "Ward staff walk out")


@pytest.mark.parametrize(
    ("query", "told"),
    [
        *[(f"since={value}", "since must be a whole number of at least 0") for value in ("-1", "x", "", "1.0", "9" * 19, "9" * 40, "٣")],
        *[(f"limit={value}", "limit must be a whole number from 1 to 100") for value in ("0", "101", "-1", "x", "")],
    ],
)
def test_bounds_of_changes_are_told(still: Site, query: str, told: str) -> None:
    assert assert_problem(still.client.get(f"{CHANGES}?{query}"), 400)["detail"] == told


class Mirror:
    """A copy of all stories that is kept by nothing but the changes."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._seq = 0
        self.stories: dict[str, Any] = {}

    def follow(self, limit: int, most_pages: int | None = None) -> None:
        for page in islice(pages(self._site, f"{CHANGES}?since={self._seq}&limit={limit}"), most_pages):
            for item in page["items"]:
                assert item["seq"] > self._seq
                self._seq = item["seq"]
                assert (item["story"] is None) == (item["kind"] == "withdrawn")
                if item["story"] is None:
                    self.stories.pop(item["id"], None)
                else:
                    assert (item["story"]["id"], item["story"]["seq"]) == (item["id"], item["seq"])
                    self.stories[item["id"]] = item["story"]
            assert page["seq"] == self._seq


_titles = st.sampled_from(["Beds close", "Wards open", "Nurses strike", "Budget grows"])
_acts = st.one_of(
    st.tuples(st.just("tell"), st.integers(0, 3), st.lists(_titles, max_size=3, unique=True)),
    st.tuples(st.just("merge"), st.integers(0, 3), _titles.map(lambda title: [title])),
    st.tuples(st.just("decide"), st.integers(0, 5), st.just(["finance"])),
    st.tuples(st.just("retag"), st.integers(0, 5), st.just(["workforce"])),
    st.tuples(st.just("follow"), st.integers(1, 3), st.just([])),
    st.tuples(st.just("remove"), st.just(0), st.just([])),
)


@settings(max_examples=40)
@given(acts=st.lists(_acts, max_size=12))
def test_who_follows_the_changes_has_what_a_full_download_has(acts: list[tuple[str, int, list[str]]]) -> None:
    with TemporaryDirectory() as folder, open_site(Path(folder)) as site:
        mirror = Mirror(site)
        for act, number, names in acts:
            if act == "follow":
                mirror.follow(limit=number, most_pages=1)
            else:
                change_something(site, act, number, names)
        mirror.follow(limit=2)
        everything = [item for page in pages(site, f"{STORIES}?limit=3") for item in page["items"]]
        assert mirror.stories == {item["id"]: item for item in everything}


def change_something(site: Site, act: str, number: int, names: list[str]) -> None:
    if act == "tell":
        # The same issue with other stories is an edit; those that it no longer has are withdrawn.
        site.tell(site.press, issue(f"issue {number}", *(news(name, url=address_of(name)) for name in names)))
    elif act == "merge":
        site.tell(letters(site), issue(f"letter {number}", news(f"{names[0]}, as we hear", url=address_of(names[0]))))
    elif act == "remove":
        gone = letters(site)
        site.store.sources.remove(gone.id, site.clock())
        site.store.sources.add([Subscription(gone.url, gone.title)], START)
    elif known := site.json(f"{STORIES}?limit=100")["items"]:
        change_tags(site, act, known[number % len(known)], {names[0]: number % 2 == 0})


def change_tags(site: Site, act: str, story: dict[str, Any], chosen: dict[str, bool]) -> None:
    if act == "decide":
        site.store.corrections.decide(story["id"], chosen, "ada", site.clock())
    else:
        before = Untaught(story["id"], story["seq"], story["title"], story["text"])
        confidences = topics(**{name: 0.9 if about else 0.1 for name, about in chosen.items()})
        site.store.tags.retag([(before, news("", topics=confidences).verdict)], site.clock())


def address_of(title: str) -> str:
    return f"https://press.example.org/{title.replace(' ', '-')}"


def letters(site: Site) -> Source:
    """The second source, which has another id after it was removed and added again."""
    return site.store.sources.list()[-1]


# ---------------------------------------------------------------- as a table


TABLE = "/api/v1/stories.csv"


def rows(body: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(body.decode(), newline="")))


def test_the_table_has_a_row_for_each_story_of_the_list(still: Site) -> None:
    response = still.client.get(TABLE)
    assert response.content_type == "text/csv; charset=utf-8; header=present"
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    items = still.json(STORIES)["items"]
    table = rows(response.data)
    assert [(row["id"], row["title"], row["url"], row["text"]) for row in table] == [
        (item["id"], item["title"], item["url"], item["text"]) for item in items
    ]
    bank = table[1]
    assert bank == {
        "id": items[1]["id"],
        "published": "2026-03-02T09:01:00Z",
        "first_seen": "2026-03-02T09:01:00Z",
        "title": "Bank staff cost twice as much",
        "url": f"{BASE}/stories/{items[1]['id']}",
        "source": "Files in letters",
        "round_up": "Issue letter.txt",
        "position": "1",
        "of": "1",
        "topics": "workforce finance",
        "confidence": "0.9900 0.7000",
        "text": items[1]["text"],
    }
    assert (table[0]["topics"], table[0]["confidence"]) == ("", "")


def test_the_table_is_chosen_by_the_same_words_and_goes_on_by_its_link(still: Site) -> None:
    assert [row["title"] for row in rows(still.client.get(f"{TABLE}?topic=finance&q=deficit").data)] == ["Deficit grows at Harrow"]
    assert still.client.get(f"{TABLE}?limit=101").status_code == 400
    address, seen = f"{TABLE}?topic=finance+workforce&limit=1", []
    while address:
        response = still.client.get(address)
        seen += [row["title"] for row in rows(response.data)]
        link = response.headers.get("Link", "")
        address = link.removeprefix("<").removesuffix('>; rel="next"')
        assert bool(link) == address.startswith(f"{BASE}{TABLE}?topic=finance+workforce&limit=1&cursor=")
    assert seen == NEWEST_FIRST[1:]


def test_the_table_has_a_hundred_rows_unless_asked_for_fewer(site: Site) -> None:
    site.tell(site.press, issue("many", *(news(f"Story number {number}") for number in range(101))))
    assert len(rows(site.client.get(TABLE).data)) == 100


def test_an_empty_table_is_its_head(still: Site) -> None:
    body = still.client.get(f"{TABLE}?source=99").data
    assert body == b"id,published,first_seen,title,url,source,round_up,position,of,topics,confidence,text\r\n"


FORMULAS = ["=1+1", "+1", "-1+1", "@SUM(A1)", '=HYPERLINK("https://evil.example","x")', "＝1+1", "＋1", "－1", "＠SUM(A1)"]


@pytest.mark.parametrize("words", FORMULAS)
def test_no_cell_is_a_formula_though_a_story_begins_like_one(site: Site, words: str) -> None:
    site.tell(site.press, issue("formula", news(words, f'{words}\nand, a "quoted" line\r\nmore')))
    (row, *_) = rows(site.client.get(TABLE).data)
    assert row["title"] == f"'{words}"
    assert row["text"].startswith(f"'{words}")
    assert '"quoted" line' in row["text"]


@settings(max_examples=30)
@given(title=st.text(min_size=1, max_size=30), text=st.text(max_size=80))
def test_the_table_reads_back_as_the_list_has_it(site_for_tables: Site, title: str, text: str) -> None:
    site = site_for_tables
    site.tell(site.press, issue("one", news(scrub(title), scrub(text))))
    (item, *_) = site.json(f"{STORIES}?limit=1")["items"]
    (row,) = rows(site.client.get(f"{TABLE}?limit=1").data)
    for name in ("title", "text"):
        assert row[name].removeprefix("'") == item[name].removeprefix("'")
        assert row[name][:1] not in (*"=+-@＝＋－＠", "\t", "\r", "\n")


@pytest.fixture(scope="module")
def site_for_tables(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with open_site(tmp_path_factory.mktemp("site")) as site:
        yield site


def test_an_address_is_the_same_in_feeds_in_the_api_in_tables_and_on_pages(site: Site) -> None:
    odd, plain = "https://a.example/ü?x=[1]&y=%zz", "https://a.example/%C3%BC?x=%5B1%5D&y=%25zz"
    site.tell(site.press, issue("odd", news("Odd", url=odd)))
    story_id = site.ids()["Odd"]
    assert site.json(f"{STORIES}/{story_id}")["url"] == plain
    assert next(csv.DictReader(io.StringIO(site.client.get(f"{STORIES}.csv?limit=1").text)))["url"] == plain
    assert site.json("/feeds/all.json?limit=1")["items"][0]["url"] == plain
    assert f'href="{plain.replace("&", "&amp;")}"' in site.client.get(f"/stories/{story_id}").text
