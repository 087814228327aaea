"""The model seen from outside: its topics, its quality, the drift of the news, and its word on any text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from io import BytesIO
from typing import Any

import pytest
from builders import issue, news
from fakes import START, KeywordJudge
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from test_web_api import assert_problem
from test_web_pages import HOSTILE
from website import BASE, TOPICS, Site, topics
from werkzeug.test import TestResponse

from feeds.model import Topic, TopicWeek, Week
from feeds.publish.documents import FeedDocuments
from feeds.web.app import create_app
from feeds.web.parts import WebParts

CLASSIFY = "/api/v1/classify"
DAY = 86_400
# The Monday on which the last full week before START began, 23 February 2026.
LAST_MONDAY = START - 9 * 3600 - 7 * DAY
LARGEST = 8 * 1024 * 1024
READING = ["/api/v1/topics", "/api/v1/model"]


class NoJudge(KeywordJudge):
    def about(self) -> Mapping[str, Any]:
        return {}


def classify(site: Site, **words: Any) -> dict[str, Any]:
    response = site.client.post(CLASSIFY, json=words)
    assert response.status_code == 200, response.text
    told: dict[str, Any] = json.loads(response.data)
    return told


def send(site: Site, body: bytes, content_type: str | None = "application/json") -> TestResponse:
    return site.client.post(CLASSIFY, data=body, content_type=content_type)


def chosen(told: dict[str, Any]) -> list[str]:
    return [each["topic"] for each in told["topics"] if each["chosen"]]


def client_with(site: Site, judge: KeywordJudge, told: tuple[Topic, ...] = TOPICS) -> FlaskClient:
    documents = FeedDocuments(site.store, told, BASE)
    return create_app(WebParts(site.store, documents, told, BASE, site.clock, judge), "a key for tests only").test_client()


def keep_week(site: Site, weeks_ago: int, finance: float, acronyms: dict[str, int] | None = None) -> None:
    """A week of 100 stories; 1 is the last full one before START."""
    about = {"finance": TopicWeek(finance, 0.8), "workforce": TopicWeek(0.0, None)}
    site.store.weeks.put(Week(LAST_MONDAY - (weeks_ago - 1) * 7 * DAY, 100, about, 0.2, 0.1, acronyms or {}))


# ---------------------------------------------------------------- topics


def test_the_topics_tell_where_to_follow_each_and_how_many_stories_it_has(still: Site) -> None:
    assert still.json("/api/v1/topics") == {
        "items": [
            {
                "name": "finance",
                "title": "Finance",
                "meaning": "Money in & out of the system",
                "stories": 2,
                "feed": "https://news.example.org/feeds/finance.atom",
                "page": "https://news.example.org/topics/finance",
            },
            {
                "name": "workforce",
                "title": "Workforce",
                "meaning": "The people < 5 ft or > 6 ft",
                "stories": 2,
                "feed": "https://news.example.org/feeds/workforce.atom",
                "page": "https://news.example.org/topics/workforce",
            },
        ]
    }
    for item in still.json("/api/v1/topics")["items"]:
        for address in (item["feed"], item["page"]):
            assert still.client.get(address).status_code == 200


def test_the_count_of_a_topic_is_a_new_answer_with_a_new_etag(site: Site) -> None:
    before = site.client.get("/api/v1/topics")
    assert site.client.get("/api/v1/topics", headers={"If-None-Match": before.headers["ETag"]}).status_code == 304
    site.tell(site.press, issue("new", news("Ward staff walk out", topics=topics(workforce=0.9))))
    after = site.client.get("/api/v1/topics", headers={"If-None-Match": before.headers["ETag"]})
    assert after.status_code == 200
    assert [item["stories"] for item in json.loads(after.data)["items"]] == [2, 3]
    assert after.headers["ETag"] != before.headers["ETag"]


def test_a_topic_without_stories_counts_none_and_hostile_titles_stay_words(site: Site) -> None:
    told = (*TOPICS, Topic("data", HOSTILE, HOSTILE))
    (*_, last) = json.loads(client_with(site, KeywordJudge(), told).get("/api/v1/topics").data)["items"]
    assert (last["name"], last["title"], last["meaning"], last["stories"]) == ("data", HOSTILE, HOSTILE, 0)


# ---------------------------------------------------------------- model


def test_the_model_tells_its_quality_and_when_it_was_made(still: Site) -> None:
    told = still.json("/api/v1/model")
    assert (told["number"], told["version"], told["made"]) == (7, "keywords", "2026-03-02T09:00:00Z")
    assert told["made_from"] == {"stories": 100, "corrections": 2, "through": 3, "seeds": "0000000000000000"}
    assert told["thresholds"] == {"finance": 0.5, "commissioning": 0.5, "workforce": 0.5, "data": 0.5}
    assert told["metrics"]["macro_f1"] == 0.847
    assert told["metrics"]["per_topic"]["data"]["f1"] == 0.847


def test_without_a_week_to_judge_there_is_no_drift(still: Site) -> None:
    assert still.json("/api/v1/model")["drift"] == {
        "week": None,
        "stories": 0,
        "topics": {},
        "untagged": None,
        "unknown_words": None,
        "acronyms": {},
        "bands": [],
        "warnings": [],
    }


def test_the_drift_tells_the_last_full_week_its_bands_and_what_left_them(site: Site) -> None:
    for weeks_ago in (2, 3, 4, 5):
        keep_week(site, weeks_ago, finance=0.5)
    keep_week(site, 1, finance=0.7, acronyms={"ICB": 4})
    keep_week(site, 0, finance=0.0)
    drift = site.json("/api/v1/model")["drift"]
    bands = {band.pop("name"): band for band in drift.pop("bands")}
    assert drift == {
        "week": "2026-02-23T00:00:00Z",
        "stories": 100,
        "topics": {"finance": {"rate": 0.7, "confidence": 0.8}, "workforce": {"rate": 0.0, "confidence": None}},
        "untagged": 0.2,
        "unknown_words": 0.1,
        "acronyms": {"ICB": 4},
        "warnings": [
            "finance: share of stories: 70.0%, more than in the weeks before (35.0% to 65.0%)",
            "ICB stands in 4 stories, and the model has never learned from it: label some of them",
        ],
    }
    # Three times the root of 0.5 x 0.5 / 100, of 0.8 x 0.2 / 70, and of 0.2 x 0.8 / 100; unknown words may double.
    assert bands == {
        "finance: share of stories": {"value": 0.7, "low": pytest.approx(0.35), "high": pytest.approx(0.65), "kept": False},
        "finance: mean confidence": {
            "value": 0.8,
            "low": pytest.approx(0.6566, abs=1e-4),
            "high": pytest.approx(0.9434, abs=1e-4),
            "kept": True,
        },
        "workforce: share of stories": {"value": 0.0, "low": 0.0, "high": 0.0, "kept": True},
        "stories without a topic": {"value": 0.2, "low": pytest.approx(0.08), "high": pytest.approx(0.32), "kept": True},
        "words that the model does not know": {"value": 0.1, "low": 0.0, "high": pytest.approx(0.2), "kept": True},
    }


def test_a_week_is_judged_only_when_it_is_over(site: Site) -> None:
    keep_week(site, 1, finance=0.5)
    keep_week(site, 0, finance=0.6)
    site.clock.now = LAST_MONDAY + 14 * DAY - 1
    assert site.json("/api/v1/model")["drift"]["week"] == "2026-02-23T00:00:00Z"
    site.clock.advance(1)
    assert site.json("/api/v1/model")["drift"]["week"] == "2026-03-02T00:00:00Z"


def test_without_a_model_the_service_is_unavailable_for_now(site: Site) -> None:
    problem = assert_problem(client_with(site, NoJudge()).get("/api/v1/model"), 503)
    assert problem["detail"] == "no model is in use yet; try again shortly"


def test_what_depends_on_the_moment_is_asked_for_each_time(still: Site) -> None:
    told = still.client.get("/api/v1/model")
    assert told.headers["Cache-Control"] == "public, no-cache"
    assert still.client.get("/api/v1/model", headers={"If-None-Match": told.headers["ETag"]}).status_code == 304
    assert still.client.post(CLASSIFY, json={"title": "x"}).headers["Cache-Control"] == "no-store"


# ---------------------------------------------------------------- classify


def test_a_text_is_told_its_topics_surest_first_with_everything_that_led_to_them(still: Site) -> None:
    told = classify(still, title="A deficit", text="Savings are told by software, not by hand.")
    assert told.keys() == {"topics", "note", "model"}
    assert (told["note"], told["model"]) == (None, "keywords")
    assert told["topics"] == [
        {
            "topic": "finance",
            "confidence": 0.9,
            "chosen": True,
            "threshold": 0.5,
            "score": 1.0,
            "intercept": -1.0,
            "evidence": [{"term": "deficit", "weight": 1.0}, {"term": "savings", "weight": 1.0}],
        },
        {
            "topic": "data",
            "confidence": 0.9,
            "chosen": True,
            "threshold": 0.5,
            "score": 0.0,
            "intercept": -1.0,
            "evidence": [{"term": "software", "weight": 1.0}],
        },
        *[
            {"topic": name, "confidence": 0.1, "chosen": False, "threshold": 0.5, "score": -1, "intercept": -1.0, "evidence": []}
            for name in ("commissioning", "workforce")
        ],
    ]


@given(title=st.text(max_size=60), text=st.text(max_size=60))
def test_any_text_is_judged(still: Site, title: str, text: str) -> None:
    told = classify(still, title=title, text=text)
    assert [each["confidence"] for each in told["topics"]] == sorted((each["confidence"] for each in told["topics"]), reverse=True)
    assert {each["topic"] for each in told["topics"]} == {"finance", "commissioning", "workforce", "data"}
    for each in told["topics"]:
        assert each["score"] == each["intercept"] + sum(term["weight"] for term in each["evidence"])


@pytest.mark.parametrize(
    "words",
    [{"title": "The deficit grows"}, {"text": "The deficit grows"}, {"title": "", "text": "The deficit", "more": [1]}],
    ids=["title alone", "text alone", "more than is asked"],
)
def test_a_title_or_a_text_is_enough(still: Site, words: dict[str, Any]) -> None:
    assert chosen(classify(still, **words)) == ["finance"]


@pytest.mark.parametrize("words", [{}, {"title": "", "text": ""}, {"title": "\0", "text": "\x7f\ufffe"}], ids=["none", "empty", "control"])
def test_a_text_without_words_has_no_topic_and_a_note_says_why(still: Site, words: dict[str, Any]) -> None:
    told = classify(still, **words)
    assert chosen(told) == []
    assert told["note"] == "there are no words in it"


@pytest.mark.parametrize("mark", ["\0", "\x08", "\x1f", "\x7f", "\x9f", "\ud800", "\uffff"], ids=ascii)
def test_characters_that_no_text_may_hold_part_no_word(still: Site, mark: str) -> None:
    body = json.dumps({"title": f"The defi{mark}cit", "text": f"told by soft{mark}ware"}).encode()
    response = send(still, body)
    assert response.status_code == 200
    assert chosen(json.loads(response.data)) == ["finance", "data"]


def test_a_text_of_a_megabyte_is_read_to_its_end(still: Site) -> None:
    text = "The infirmary stands on a hill. " * 32_768 + "Its nurse left."
    assert len(text) > 1024 * 1024
    assert chosen(classify(still, title="", text=text)) == ["workforce"]


DEEP = b'{"title": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
BAD_BODIES = {
    "empty": b"",
    "no json": b"title=deficit",
    "half": b'{"title": "deficit"',
    "list": b'["deficit"]',
    "string": b'"deficit"',
    "number": b"7",
    "null": b"null",
    "title is null": b'{"title": null, "text": "x"}',
    "title is a number": b'{"title": 7}',
    "text is a list": b'{"title": "x", "text": ["deficit"]}',
    "text is an object": b'{"text": {"deficit": 1}}',
    "not a number": b'{"title": NaN}',
    "longest number": b'{"title": ' + b"9" * 5000 + b"}",
    "not utf-8": b'{"title": "\xff\xfe"}',
    "deep": DEEP,
}


@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES)
def test_a_body_that_cannot_be_used_is_explained(still: Site, body: bytes) -> None:
    problem = assert_problem(send(still, body), 400)
    assert problem["detail"].startswith('the body must be JSON such as {"title"')


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", None])
def test_a_body_of_another_type_is_told_which_it_must_have(still: Site, content_type: str | None) -> None:
    problem = assert_problem(send(still, b'{"title": "deficit"}', content_type), 400)
    assert "content type application/json" in problem["detail"]


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "application/ld+json", "APPLICATION/JSON"])
def test_every_spelling_of_json_is_welcome(still: Site, content_type: str) -> None:
    assert chosen(json.loads(send(still, '{"title": "Déficit: a deficit"}'.encode(), content_type).data)) == ["finance"]


@pytest.mark.parametrize(("length", "status"), [(LARGEST, 200), (LARGEST + 1, 413)], ids=["largest", "too large"])
def test_a_body_beyond_eight_megabytes_is_refused(still: Site, length: int, status: int) -> None:
    response = send(still, b'{"title": "' + b"x" * (length - 13) + b'"}')
    assert response.status_code == status
    if status == 413:
        assert assert_problem(response, 413)["title"] == "Request Entity Too Large"


def test_a_body_that_does_not_tell_its_length_is_no_way_round_the_limit(still: Site) -> None:
    body = BytesIO(b'{"title": "' + b"x" * LARGEST + b'"}')
    chunked = {"wsgi.input_terminated": True}
    response = still.client.post(CLASSIFY, input_stream=body, content_type="application/json", environ_overrides=chunked)
    assert_problem(response, 413)


# ---------------------------------------------------------------- methods and other sites


@pytest.mark.parametrize(
    ("method", "place", "allowed"),
    [
        ("GET", CLASSIFY, {"POST", "OPTIONS"}),
        ("PUT", CLASSIFY, {"POST", "OPTIONS"}),
        *[(method, place, {"GET", "HEAD", "OPTIONS"}) for place in READING for method in ("POST", "DELETE")],
    ],
)
def test_a_wrong_method_is_told_the_right_ones(still: Site, method: str, place: str, allowed: set[str]) -> None:
    response = still.client.open(place, method=method)
    assert_problem(response, 405)
    assert set(response.headers["Allow"].split(", ")) == allowed


@pytest.mark.parametrize("place", READING)
def test_scripts_of_other_sites_may_read(still: Site, place: str) -> None:
    for method in ("GET", "HEAD"):
        response = still.client.open(place, method=method, headers={"Origin": "https://other.example"})
        assert response.status_code == 200
        assert response.headers["Access-Control-Allow-Origin"] == "*"


def test_scripts_of_other_sites_may_have_a_text_classified(still: Site) -> None:
    response = still.client.post(CLASSIFY, json={"title": "deficit"}, headers={"Origin": "https://other.example"})
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in response.headers


@pytest.mark.parametrize(("place", "method"), [*[(place, "GET") for place in READING], (CLASSIFY, "POST")])
def test_a_preflight_is_answered(still: Site, place: str, method: str) -> None:
    asked = {"Origin": "https://other.example", "Access-Control-Request-Method": method, "Access-Control-Request-Headers": "content-type"}
    response = still.client.options(place, headers=asked)
    assert response.status_code == 204
    assert response.data == b""
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert method in response.headers["Access-Control-Allow-Methods"].split(", ")
    assert "Content-Type" in response.headers["Access-Control-Allow-Headers"].split(", ")
