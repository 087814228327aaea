"""Curators at work: their decisions hold at once and everywhere, and nobody else decides or sees the queue."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from builders import issue, news
from fakes import START, FakeClock, KeywordJudge
from flask.sessions import SecureCookieSessionInterface
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import html as lxml_html
from test_web_api import assert_problem
from test_web_pages import HOSTILE, assert_strict
from website import BASE, FEED_URL, TOPICS, Site, atom, open_site, texts, topics
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.test import TestResponse

from feeds.model import Lesson, StoryQuery, Subscription, TaggedStory
from feeds.publish.documents import FeedDocuments
from feeds.store import Store
from feeds.web.app import create_app
from feeds.web.parts import WebParts

REVIEW = "/api/v1/review"
FEEDS = ("all", "untagged", "finance", "workforce")
UNKNOWN = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
KEY = "a key for tests only"
DAY = 86_400

# The stories of a filled site; the model chose workforce, finance, both and none.
NURSES = "Nurses leave for Leeds"
DEFICIT = "Deficit grows at Harrow"
BANK = "Bank staff cost twice as much"
OWLS = "Owls nest at the infirmary"


def served(store: Store) -> Site:
    """An empty site on this store."""
    clock = FakeClock()
    press, letters = store.sources.add([Subscription(FEED_URL, "Press"), Subscription("https://letters.example/", "Letters")], START)
    documents = FeedDocuments(store, TOPICS, BASE)
    client = create_app(WebParts(store, documents, TOPICS, BASE, clock, KeywordJudge()), KEY).test_client()
    return Site(store, clock, client, press, letters)


def client_of(site: Site, base_url: str = BASE, key: str = KEY) -> FlaskClient:
    """A visitor of the same site at another address, or with another key."""
    documents = site.restarted(base_url)
    return create_app(WebParts(site.store, documents, TOPICS, base_url, site.clock, KeywordJudge()), key).test_client()


def token(site: Site, name: str = "Ada") -> str:
    return site.store.tokens.create(name, site.clock())


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def place_of(story_id: str) -> str:
    return f"/api/v1/stories/{story_id}/topics"


def put(site: Site, story_id: str, told: Any, secret: str) -> TestResponse:
    return site.client.put(place_of(story_id), json={"topics": told}, headers=bearer(secret))


def decide(site: Site, title: str, told: Any, secret: str) -> dict[str, Any]:
    response = put(site, site.ids()[title], told, secret)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = json.loads(response.data)
    return answer


def decisions(site: Site, title: str) -> list[tuple[str, bool | None, str]]:
    made = site.store.corrections.of_story(site.ids()[title])
    return [(each.topic, each.about, each.curator) for each in made]


def origins(site: Site, title: str) -> dict[str, str]:
    """Who chose each of the story's topics, as the public API tells."""
    story = site.json(f"/api/v1/stories/{site.ids()[title]}")
    return {tag["topic"]: tag["origin"] for tag in story["topics"]}


def etags(site: Site) -> dict[str, str]:
    return {name: site.client.get(f"/feeds/{name}.atom").headers["ETag"] for name in FEEDS}


def counts(site: Site) -> dict[str, int]:
    """The figures in the navigation."""
    root = lxml_html.document_fromstring(site.client.get("/").text)
    told = [link.text_content().rsplit(" ", 1) for link in root.xpath("//nav//a[span]")]
    return {name: int(count) for name, count in told}


def titles(site: Site, feed: str) -> list[str]:
    return texts(atom(site.client.get(f"/feeds/{feed}.atom").data), "a:entry/a:title")


def telling(title: str, value: float, text: str, why: str = "") -> TaggedStory:
    """A story on which a decision would teach so much."""
    told = news(title, text, topics=topics(workforce=0.6))
    return replace(told, verdict=replace(told.verdict, lesson=Lesson(value, why, 0.5)))


def queue_of(site: Site, secret: str, query: str = "") -> list[tuple[str, float, str]]:
    response = site.client.get(f"{REVIEW}?{query}", headers=bearer(secret))
    assert response.status_code == 200, response.text
    return [(item["story"]["title"], item["value"], item["why"]) for item in json.loads(response.data)["items"]]


def sign_in(site: Site, secret: str, wanted: str = "") -> TestResponse:
    return site.client.post("/sign-in", data={"token": secret, "next": wanted})


def signed_in(site: Site) -> bool:
    """Whether the visitor may see the queue."""
    response = site.client.get("/review")
    assert (response.status_code, response.headers.get("Location")) in ((200, None), (303, "/sign-in?next=/review"))
    return response.status_code == 200


def page(site: Site, place: str, *actions: str, status: int = 200) -> lxml_html.HtmlElement:
    response = site.client.get(place)
    assert response.status_code == status, response.text
    return shown(response, *actions)


def shown(response: TestResponse, *actions: str) -> lxml_html.HtmlElement:
    """The page, which is strict but for forms that send to these paths, usable by everyone, and kept by no cache."""
    assert response.content_type == "text/html; charset=utf-8"
    assert response.headers["Cache-Control"] == "no-store"
    assert_strict(response, *actions)
    root = lxml_html.document_fromstring(response.text)
    assert root.get("lang") == "en-GB"
    assert len(root.xpath("//h1")) == len(root.xpath("//main[@id='main']")) == 1
    ids = root.xpath("//@id")
    assert len(set(ids)) == len(ids)
    for control in root.xpath("//input[not(@type='hidden')] | //select | //textarea"):
        labels = control.xpath("ancestor::label | //label[@for=$id]", id=control.get("id", ""))
        assert len(labels) == 1
        assert labels[0].text_content().strip()
    assert all(legend.text_content().strip() for legend in root.xpath("//legend"))
    assert len(root.xpath("//fieldset")) == len(root.xpath("//fieldset/legend"))
    assert all(button.text_content().strip() for button in root.xpath("//button"))
    assert all(form.xpath(".//button[@type='submit']") for form in root.xpath("//form"))
    return root


def fields(form: lxml_html.FormElement, ticked: Sequence[str] | None = None) -> dict[str, list[str]]:
    """What a browser sends of a form: as it stands, or with these boxes ticked."""
    if ticked is not None:
        for box in form.xpath(".//input[@type='checkbox']"):
            box.checked = box.get("value") in ticked
    sent: dict[str, list[str]] = {}
    for name, value in form.form_values():
        sent.setdefault(name, []).append(value)
    return sent


def boxes(form: lxml_html.HtmlElement) -> dict[str, bool]:
    return {box.get("value"): box.checked for box in form.xpath(".//input[@type='checkbox']")}


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, str, str]]:
    """A site on which nobody ever decides, and two curators' tokens."""
    with open_site(tmp_path_factory.mktemp("office")) as site:
        yield site, token(site, "Ada"), token(site, "Ben")


@pytest.fixture
def quiet(office: tuple[Site, str, str]) -> Site:
    """That site, seen by a new visitor."""
    return visited(office[0])


@pytest.fixture
def ada(office: tuple[Site, str, str]) -> str:
    return office[1]


@pytest.fixture
def ben(office: tuple[Site, str, str]) -> str:
    return office[2]


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, str]]:
    """A site on which many decide, and a curator's token."""
    with open_site(tmp_path_factory.mktemp("busy")) as site:
        yield site, token(site)


def visited(site: Site) -> Site:
    return replace(site, client=site.client.application.test_client())


# ---------------------------------------------------------------- programs: decisions


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ([["workforce"]], {"workforce": "curator"}),
        ([["finance"]], {"finance": "curator"}),
        ([["finance", "workforce", "finance"]], {"finance": "curator", "workforce": "curator"}),
        ([[]], {}),
        ([{"workforce": True}], {"finance": "model", "workforce": "curator"}),
        ([{"finance": False}], {}),
        ([{"finance": None}], {"finance": "model"}),
        ([["workforce"], {"finance": None}], {"finance": "model", "workforce": "curator"}),
        ([["workforce"], {"finance": None, "workforce": None}], {"finance": "model"}),
        ([{"finance": False}, {"workforce": True}], {"workforce": "curator"}),
        ([{"finance": False}, {"finance": True}], {"finance": "curator"}),
    ],
    ids=str,
)
def test_a_list_names_all_topics_an_object_some_and_null_hands_one_back(store: Store, told: list[Any], expected: dict[str, str]) -> None:
    site = served(store)
    site.tell(site.press, issue("one", news("Savings planned", topics=topics(finance=0.7, workforce=0.04))))
    secret = token(site)
    for each in told:
        answer = decide(site, "Savings planned", each, secret)
    assert origins(site, "Savings planned") == expected
    assert {tag["topic"]: tag["origin"] for tag in answer["topics"]} == expected
    assert answer["confidence"] == {"finance": 0.7, "workforce": 0.04}, "the model's word stays on record"


def test_a_decision_holds_at_once_in_the_api_the_feeds_and_the_pages(site: Site) -> None:
    for place in (*(f"/feeds/{name}.atom" for name in FEEDS), "/", "/topics/finance", "/api/v1/stories"):
        site.client.get(place)
    answer = decide(site, NURSES, ["finance"], token(site))
    nurses = site.ids()[NURSES]
    expected = [
        {
            "topic": "finance",
            "confidence": 1.0,
            "origin": "curator",
            "model": "model-1",
            "evidence": [{"term": "finance word", "weight": 0.25}],
        }
    ]
    story = site.json(f"/api/v1/stories/{nurses}")
    assert story["topics"] == answer["topics"] == expected
    assert [item["topics"] for item in site.json("/api/v1/stories?topic=finance&min_confidence=1")["items"]] == [expected]
    assert titles(site, "workforce") == [BANK]
    assert titles(site, "finance") == [BANK, DEFICIT, NURSES]
    entry = atom(site.client.get("/feeds/finance.atom").data).xpath("*[local-name()='entry']")[2]
    assert texts(entry, "a:category/@label") == ["Finance"]
    assert counts(site) == {"All": 4, "Finance": 3, "Workforce": 1, "No topic": 1}
    listed = lxml_html.document_fromstring(site.client.get("/topics/finance").text).xpath("//article")[2]
    assert [item.text_content() for item in listed.xpath(".//ul[@class='tags']/li")] == ["Finance curator"]
    rows = lxml_html.document_fromstring(site.client.get(f"/stories/{nurses}").text).xpath("//tbody/tr/th")
    assert {row.text_content() for row in rows} == {"Workforce not chosen, by a curator", "Finance chosen by a curator"}


@pytest.mark.parametrize(
    ("title", "told", "touched", "after"),
    [
        (NURSES, ["finance"], {"all", "finance", "workforce"}, {"All": 4, "Finance": 3, "Workforce": 1, "No topic": 1}),
        (NURSES, [], {"all", "workforce", "untagged"}, {"All": 4, "Finance": 2, "Workforce": 1, "No topic": 2}),
        (DEFICIT, {"workforce": True}, {"all", "finance", "workforce"}, {"All": 4, "Finance": 2, "Workforce": 3, "No topic": 1}),
        (BANK, {"finance": False}, {"all", "finance", "workforce"}, {"All": 4, "Finance": 1, "Workforce": 2, "No topic": 1}),
        (OWLS, ["workforce"], {"all", "workforce", "untagged"}, {"All": 4, "Finance": 2, "Workforce": 3, "No topic": 0}),
    ],
    ids=["another topic", "none", "one more", "one less", "the first"],
)
def test_a_decision_moves_the_feeds_it_touches_and_no_other(
    site: Site, title: str, told: Any, touched: set[str], after: dict[str, int]
) -> None:
    before = etags(site)
    site.clock.advance(60)
    decide(site, title, told, token(site))
    moved = {name for name, etag in etags(site).items() if etag != before[name]}
    assert moved == touched
    assert counts(site) == after


@pytest.mark.parametrize(("title", "told", "own"), [(NURSES, ["workforce"], {"all", "workforce"}), (OWLS, [], {"all", "untagged"})])
def test_a_decision_that_confirms_the_model_moves_no_story(site: Site, title: str, told: list[str], own: set[str]) -> None:
    before = {name: atom(site.client.get(f"/feeds/{name}.atom").data) for name in FEEDS}
    site.clock.advance(60)
    decide(site, title, told, token(site))
    for name in FEEDS:
        after = atom(site.client.get(f"/feeds/{name}.atom").data)
        for path in ("a:entry/a:id", "a:entry/a:updated", "a:entry/a:category/@term", *(() if name in own else ("a:updated",))):
            assert texts(after, path) == texts(before[name], path)
    assert counts(site) == {"All": 4, "Finance": 2, "Workforce": 2, "No topic": 1}


def test_a_story_that_changes_feeds_is_an_update_to_their_readers(site: Site) -> None:
    site.clock.advance(60)
    decide(site, NURSES, ["finance"], token(site))
    feed = atom(site.client.get("/feeds/finance.atom").data)
    assert texts(feed, "a:updated") == ["2026-03-02T09:04:00+00:00"]
    # Within the second before.
    assert texts(feed, "a:entry/a:updated")[2].startswith("2026-03-02T09:03:59.")
    assert site.client.get("/feeds/finance.atom").headers["Last-Modified"] == "Mon, 02 Mar 2026 09:04:00 GMT"


MODEL = {DEFICIT: {"finance"}, NURSES: {"workforce"}, BANK: {"finance", "workforce"}, OWLS: set()}
DECISION = st.tuples(
    st.sampled_from(sorted(MODEL)),
    st.one_of(
        st.lists(st.sampled_from(["finance", "workforce"])),
        st.dictionaries(st.sampled_from(["finance", "workforce"]), st.sampled_from([True, False, None]), min_size=1),
    ),
)


@settings(max_examples=15)
@given(st.lists(DECISION, max_size=4))
def test_whatever_is_decided_the_last_word_holds_and_feeds_counts_and_stories_agree(
    busy: tuple[Site, str], told: list[tuple[str, list[str] | dict[str, bool | None]]]
) -> None:
    site, secret = busy
    holds = {title: set(chosen) for title, chosen in MODEL.items()}
    for title in MODEL:
        decide(site, title, {"finance": None, "workforce": None}, secret)
    for title, each in told:
        site.clock.advance(1)
        decide(site, title, each, secret)
        whole = {name: name in each for name in ("finance", "workforce")} if isinstance(each, list) else each
        for name, about in whole.items():
            wanted = name in MODEL[title] if about is None else about
            holds[title] = holds[title] | {name} if wanted else holds[title] - {name}
    assert {title: set(origins(site, title)) for title in MODEL} == holds
    shown = {name: set(titles(site, name)) for name in FEEDS}
    assert shown["all"] == set(MODEL)
    assert shown["untagged"] == {title for title, chosen in holds.items() if not chosen}
    for name in ("finance", "workforce"):
        assert shown[name] == {title for title, chosen in holds.items() if name in chosen}
    assert list(counts(site).values()) == [len(shown[name]) for name in ("all", "finance", "workforce", "untagged")]
    anew = site.restarted()
    assert all(anew.get(StoryQuery(name)).body == site.client.get(f"/feeds/{name}.atom").data for name in FEEDS)


def test_the_decisions_on_a_story_are_told_in_their_order_with_who_and_when(site: Site) -> None:
    ada, ben = token(site, "Ada"), token(site, "Ben Okri")
    decide(site, NURSES, {"finance": True}, ada)
    site.clock.advance(DAY)
    decide(site, NURSES, {"finance": None}, ben)
    site.store.tokens.revoke("Ada", site.clock())
    response = site.client.get(place_of(site.ids()[NURSES]), headers=bearer(ben))
    assert response.content_type == "application/json; charset=utf-8"
    assert response.headers["Cache-Control"] == "no-store"
    evidence = [{"term": "workforce word", "weight": 0.25}]
    assert json.loads(response.data) == {
        "id": site.ids()[NURSES],
        "topics": [{"topic": "workforce", "confidence": 0.8, "origin": "model", "model": "model-1", "evidence": evidence}],
        "confidence": {"finance": 0.02, "workforce": 0.8},
        "decisions": [
            {"topic": "finance", "about": True, "curator": "Ada", "at": "2026-03-02T09:03:00Z"},
            {"topic": "finance", "about": None, "curator": "Ben Okri", "at": "2026-03-03T09:03:00Z"},
        ],
    }


BAD_BODIES = {
    "empty": b"",
    "no json": b"topics=finance",
    "list alone": b'["finance"]',
    "null": b"null",
    "no topics": b"{}",
    "topics are null": b'{"topics": null}',
    "topics are a word": b'{"topics": "finance"}',
    "empty object": b'{"topics": {}}',
    "list of numbers": b'{"topics": [1]}',
    "list of lists": b'{"topics": [["finance"]]}',
    "list with null": b'{"topics": ["finance", null]}',
    "number for about": b'{"topics": {"finance": 1}}',
    "word for about": b'{"topics": {"finance": "yes"}}',
    "unknown topic": b'{"topics": ["finance", "owls"]}',
    "unknown topic in an object": b'{"topics": {"finance": true, "owls": null}}',
    "feed that is no topic": b'{"topics": ["untagged"]}',
    "other case": b'{"topics": ["Finance"]}',
    "half a character": b'{"topics": ["\\ud800"]}',
    "deep": b'{"topics": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
}


@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES)
def test_a_body_that_cannot_be_used_is_explained_and_decides_nothing(quiet: Site, ada: str, body: bytes) -> None:
    nurses = quiet.ids()[NURSES]
    response = quiet.client.put(place_of(nurses), data=body, content_type="application/json", headers=bearer(ada))
    told = assert_problem(response, 400)["detail"]
    assert re.match(r"the body must be JSON such as|there is no topic .+; there are: finance, workforce$", told)
    assert decisions(quiet, NURSES) == []
    assert origins(quiet, NURSES) == {"workforce": "model"}


def test_a_body_of_another_type_or_too_long_a_one_is_refused(quiet: Site, ada: str) -> None:
    place, headers = place_of(quiet.ids()[NURSES]), bearer(ada)
    assert_problem(quiet.client.put(place, data=b'{"topics": []}', content_type="text/plain", headers=headers), 400)
    body = b'{"topics": ["' + b"x" * 8 * 1024 * 1024 + b'"]}'
    assert_problem(quiet.client.put(place, data=body, content_type="application/json", headers=headers), 413)
    assert decisions(quiet, NURSES) == []


@pytest.mark.parametrize("method", ["GET", "PUT"])
@pytest.mark.parametrize("story_id", [UNKNOWN, "nosuch", "%00", "'; drop table story; --"])
def test_an_unknown_story_has_no_topics(quiet: Site, ada: str, method: str, story_id: str) -> None:
    response = quiet.client.open(place_of(story_id), method=method, json={"topics": []}, headers=bearer(ada))
    assert assert_problem(response, 404)["detail"].startswith("no such story")


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_a_withdrawn_story_takes_no_decisions(site: Site, method: str) -> None:
    bank = site.ids()[BANK]
    site.store.sources.remove(site.letters.id, site.clock() + 60)
    response = site.client.open(place_of(bank), method=method, json={"topics": []}, headers=bearer(token(site)))
    assert "withdrawn" in assert_problem(response, 410)["detail"]
    assert site.store.corrections.last() == 0


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
def test_a_wrong_method_is_told_the_right_ones(quiet: Site, ada: str, method: str) -> None:
    for place, allowed in ((place_of(UNKNOWN), {"GET", "HEAD", "PUT", "OPTIONS"}), (REVIEW, {"GET", "HEAD", "OPTIONS"})):
        response = quiet.client.open(place, method=method, headers=bearer(ada))
        assert_problem(response, 405)
        assert set(response.headers["Allow"].split(", ")) == allowed


# ---------------------------------------------------------------- programs: who may


ROOMS = {"decide": ("PUT", place_of("{id}")), "read decisions": ("GET", place_of("{id}")), "read the queue": ("GET", REVIEW)}


def knock(site: Site, room: str, headers: Mapping[str, str]) -> TestResponse:
    method, place = ROOMS[room]
    return site.client.open(place.format(id=site.ids()[NURSES]), method=method, json={"topics": ["finance"]}, headers=headers)


def assert_unauthorised(response: TestResponse, error: str | None) -> None:
    """401 with a challenge; without a token there is no error to name (RFC 6750 section 3.1)."""
    assert_problem(response, 401)
    challenge = WWWAuthenticate.from_header(response.headers["WWW-Authenticate"])
    assert challenge is not None
    assert (challenge.type, challenge.get("realm"), challenge.get("error")) == ("bearer", "Healthwire curators", error)


@pytest.mark.parametrize("room", ROOMS)
@pytest.mark.parametrize(
    ("authorization", "error"),
    [
        (None, None),
        ("Bearer", None),
        ("Basic QWRhOnNlY3JldA==", None),
        ("Bearer hw_guessed", "invalid_token"),
        ("Bearer \xe9\xff", "invalid_token"),
    ],
    ids=["none", "no token", "password", "guess", "not ascii"],
)
def test_without_a_valid_token_a_program_may_nothing(quiet: Site, room: str, authorization: str | None, error: str | None) -> None:
    response = knock(quiet, room, {"Authorization": authorization} if authorization else {})
    assert_unauthorised(response, error)
    assert origins(quiet, NURSES) == {"workforce": "model"}


@pytest.mark.parametrize("room", ROOMS)
def test_a_revoked_token_is_worth_nothing_at_once(site: Site, room: str) -> None:
    secret = token(site)
    assert knock(site, room, bearer(secret)).status_code == 200
    site.store.tokens.revoke("Ada", site.clock())
    assert_unauthorised(knock(site, room, bearer(secret)), "invalid_token")


@pytest.mark.parametrize("room", ROOMS)
def test_what_is_stored_of_a_token_is_not_a_token(quiet: Site, room: str) -> None:
    with quiet.store.engine.connect() as connection:
        digest = connection.exec_driver_sql("SELECT digest FROM token WHERE name = 'Ada'").scalar_one()
    assert_unauthorised(knock(quiet, room, bearer(digest)), "invalid_token")


@pytest.mark.parametrize("room", ROOMS)
def test_a_persons_cookie_and_a_token_in_the_address_are_no_token(quiet: Site, ada: str, room: str) -> None:
    assert sign_in(quiet, ada).status_code == 303
    method, place = ROOMS[room]
    place = place.format(id=quiet.ids()[NURSES])
    assert_unauthorised(quiet.client.open(place, method=method, json={"topics": []}), None)
    assert quiet.client.open(f"{place}?access_token={ada}", method=method, json={"topics": []}).status_code == 400


def test_a_token_comes_with_its_scheme_in_any_case_and_with_no_other(quiet: Site, ada: str) -> None:
    assert knock(quiet, "read decisions", {"Authorization": f"bEARER {ada}"}).status_code == 200
    for scheme in ("Token", "Digest", "Negotiate"):
        assert_unauthorised(knock(quiet, "read decisions", {"Authorization": f"{scheme} {ada}"}), None)


def test_the_realm_of_a_challenge_is_quoted(quiet: Site) -> None:
    assert 'realm="Healthwire curators"' in knock(quiet, "decide", {}).headers["WWW-Authenticate"]


@pytest.mark.parametrize(("place", "method"), [(REVIEW, "GET"), (place_of(UNKNOWN), "GET"), (place_of(UNKNOWN), "PUT")])
def test_a_preflight_needs_no_token_and_permits_one(still: Site, place: str, method: str) -> None:
    asked = {"Origin": "https://other.example", "Access-Control-Request-Method": method, "Access-Control-Request-Headers": "authorization"}
    response = still.client.options(place, headers=asked)
    assert response.status_code == 204
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert method in response.headers["Access-Control-Allow-Methods"].split(", ")
    assert {"Authorization", "Content-Type"} <= set(response.headers["Access-Control-Allow-Headers"].split(", "))
    assert "Access-Control-Allow-Credentials" not in response.headers


# ---------------------------------------------------------------- programs: the queue

TOWERS = telling("Towers sold", 0.4, "Croydon auctions seven redundant concrete buildings")
LABS = telling("Labs merge", 0.9, "Pathology laboratories across Devon share microscopes", "scores lie close to the threshold")
VANS = telling("Vans break down", 0.4, "Ambulance engines overheat again during August")


def test_the_queue_begins_with_the_story_that_would_teach_most(store: Store) -> None:
    site = served(store)
    site.tell(site.press, issue("one", TOWERS), issue("two", LABS), issue("three", VANS), issue("four", news("Clear enough", topics={})))
    # Of two alike in value the newer one first; a story that would teach nothing is not asked for.
    expected = [("Labs merge", 0.9, "scores lie close to the threshold"), ("Vans break down", 0.4, ""), ("Towers sold", 0.4, "")]
    assert queue_of(site, token(site)) == expected
    assert queue_of(site, token(site, "Ben"), "limit=2") == expected[:2]


def test_an_item_of_the_queue_shows_the_story_as_the_api_does(site: Site) -> None:
    site.tell(site.press, issue("two", LABS))
    response = site.client.get(REVIEW, headers=bearer(token(site)))
    assert response.content_type == "application/json; charset=utf-8"
    assert response.headers["Cache-Control"] == "no-store"
    story = site.json(f"/api/v1/stories/{site.ids()['Labs merge']}")
    assert json.loads(response.data) == {"items": [{"value": 0.9, "why": "scores lie close to the threshold", "story": story}]}


def test_of_stories_that_look_alike_only_the_one_that_teaches_most_is_in_the_queue(site: Site) -> None:
    text = "Pathology laboratories across Devon share microscopes"
    again = telling("Laboratories share", 0.95, f"{text}, say managers there")
    short = telling("Microscopes", 0.5, "Laboratories across Devon")
    site.tell(site.press, issue("two", LABS), issue("again", again), issue("short", short), issue("three", VANS))
    secret = token(site)
    assert [title for title, _, _ in queue_of(site, secret)] == ["Laboratories share", "Vans break down"]
    assert [title for title, _, _ in queue_of(site, secret, "limit=1")] == ["Laboratories share"]
    decide(site, "Laboratories share", [], secret)
    assert [title for title, _, _ in queue_of(site, secret)] == ["Labs merge", "Vans break down"]


def test_a_story_leaves_the_queue_when_it_is_decided_on_and_returns_when_it_is_handed_back(site: Site) -> None:
    site.tell(site.press, issue("one", TOWERS), issue("two", LABS))
    secret = token(site)
    decide(site, "Labs merge", {"finance": False}, secret)
    assert [title for title, _, _ in queue_of(site, secret)] == ["Towers sold"]
    decide(site, "Labs merge", {"finance": None}, secret)
    assert [title for title, _, _ in queue_of(site, secret)] == ["Labs merge", "Towers sold"]


def test_the_queue_asks_for_stories_of_thirty_days(site: Site) -> None:
    site.tell(site.press, issue("one", TOWERS))
    secret = token(site)
    site.clock.advance(30 * DAY)
    assert len(queue_of(site, secret)) == 1
    site.clock.advance(1)
    assert queue_of(site, secret) == []


def test_a_withdrawn_story_is_not_in_the_queue(site: Site) -> None:
    site.tell(site.letters, issue("one", TOWERS))
    site.store.sources.remove(site.letters.id, site.clock())
    assert queue_of(site, token(site)) == []


def test_the_queue_is_twenty_stories_unless_more_are_asked_for(site: Site) -> None:
    words = ["".join(chr(ord("a") + (number // 26**place) % 26) for place in range(4)) for number in range(30)]
    site.tell(site.press, *(issue(word, telling(word, 0.5, word)) for word in words))
    secret = token(site)
    assert [len(queue_of(site, secret, query)) for query in ("", "limit=1", "limit=25", "limit=100")] == [20, 1, 25, 30]


@pytest.mark.parametrize("limit", ["0", "101", "-1", "x", ""])
def test_a_limit_that_cannot_be_used_is_named(quiet: Site, ada: str, limit: str) -> None:
    response = quiet.client.get(f"{REVIEW}?limit={limit}", headers=bearer(ada))
    assert assert_problem(response, 400)["detail"] == "limit must be a whole number from 1 to 100"


# ---------------------------------------------------------------- people: signing in and out


def test_the_sign_in_page_asks_for_a_token_and_remembers_where_one_wanted_to_go(still: Site) -> None:
    (form,) = page(still, "/sign-in?next=/review", "/sign-in").xpath("//form")
    assert fields(form) == {"next": ["/review"]}
    assert form.xpath(".//input[@type='password']/@name") == ["token"]


def test_hostile_words_in_the_address_of_the_sign_in_page_are_only_words(still: Site) -> None:
    response = still.client.get("/sign-in", query_string={"next": HOSTILE})
    (form,) = shown(response, "/sign-in").xpath("//form")
    assert fields(form)["next"] == [HOSTILE]


@pytest.mark.parametrize("space", ["", " \t\r\n"])
def test_a_valid_token_signs_one_in_though_white_space_was_copied_with_it(quiet: Site, ada: str, space: str) -> None:
    assert not signed_in(quiet)
    response = sign_in(quiet, f"{space}{ada}{space}", "/topics/finance")
    assert (response.status_code, response.headers["Location"]) == (303, "/topics/finance")
    assert signed_in(quiet)


@pytest.mark.parametrize("secret", ["", "hw_guessed", "Ada", "1", "\0", "é" * 1000])
def test_a_wrong_token_is_told_and_signs_nobody_in(quiet: Site, secret: str) -> None:
    response = sign_in(quiet, secret, "/topics/finance")
    assert response.status_code == 403
    root = shown(response, "/sign-in")
    assert root.xpath("string(//*[@role='alert'])") == "This token is not valid, or was revoked."
    (field,) = root.xpath("//input[@name='token']")
    assert root.xpath("string(//*[@role='alert']/@id)") == field.get("aria-describedby")
    assert field.get("value") is None, "what was typed is not sent back"
    assert fields(root.xpath("//form")[0])["next"] == ["/topics/finance"]
    assert not signed_in(quiet)


def test_a_wrong_token_ends_the_session_of_the_one_before(quiet: Site, ada: str) -> None:
    sign_in(quiet, ada)
    assert sign_in(quiet, "hw_guessed").status_code == 403
    assert not signed_in(quiet)


@pytest.mark.parametrize(("base_url", "secure"), [(BASE, True), ("http://127.0.0.1:8000", False)], ids=["https", "http"])
def test_the_cookie_is_for_this_site_alone_and_out_of_reach_of_scripts(quiet: Site, ada: str, base_url: str, secure: bool) -> None:
    response = client_of(quiet, base_url).post("/sign-in", data={"token": ada})
    (header,) = response.headers.getlist("Set-Cookie")
    (cookie, *attributes) = header.split("; ")
    assert cookie.startswith("healthwire=")
    assert set(attributes) == {"HttpOnly", "SameSite=Strict", "Path=/", *(["Secure"] if secure else [])}


def test_the_cookie_does_not_hold_the_token(quiet: Site, ada: str) -> None:
    sign_in(quiet, ada)
    cookie = quiet.client.get_cookie("healthwire")
    assert cookie is not None
    serializer = SecureCookieSessionInterface().get_signing_serializer(quiet.client.application)
    assert serializer is not None
    held = serializer.loads(cookie.value)
    assert held
    assert ada not in json.dumps(held)


def test_a_cookie_that_was_signed_with_another_key_is_worth_nothing(quiet: Site, ada: str) -> None:
    elsewhere = client_of(quiet, key="another key, for tests too")
    elsewhere.post("/sign-in", data={"token": ada})
    forged = elsewhere.get_cookie("healthwire")
    assert forged is not None
    quiet.client.set_cookie("healthwire", forged.value)
    assert not signed_in(quiet)


def test_signing_out_ends_the_session_and_takes_the_cookie_back(quiet: Site, ada: str) -> None:
    sign_in(quiet, ada)
    response = quiet.client.post("/sign-out")
    assert (response.status_code, response.headers["Location"]) == (303, "/")
    assert "Expires=Thu, 01 Jan 1970" in response.headers["Set-Cookie"]
    assert quiet.client.get_cookie("healthwire") is None
    assert not signed_in(quiet)


def test_signing_out_is_no_link_that_a_page_elsewhere_could_follow(quiet: Site, ada: str) -> None:
    sign_in(quiet, ada)
    assert quiet.client.get("/sign-out").status_code == 405
    assert signed_in(quiet)


def test_a_revoked_token_ends_the_session_at_once(site: Site) -> None:
    sign_in(site, token(site))
    token(site, "Ben")
    assert signed_in(site)
    site.store.tokens.revoke("Ada", site.clock())
    assert not signed_in(site)
    place = f"/stories/{site.ids()[NURSES]}/topics"
    response = site.client.post(place, data={"topic": "finance"})
    assert (response.status_code, response.headers["Location"]) == (303, f"/sign-in?next={place}")
    assert decisions(site, NURSES) == []


def led_to(response: TestResponse) -> str:
    """Where a browser goes: it drops tabs and line ends, and takes a backslash for a slash (WHATWG URL section 4.4)."""
    assert response.status_code == 303
    return urljoin(f"{BASE}/sign-in", re.sub(r"[\t\r\n]", "", response.headers["Location"]).strip().replace("\\", "/"))


@pytest.mark.parametrize("wanted", ["/", "/review", "/topics/finance?cursor=1&x=%2F%2F#top", f"/stories/{UNKNOWN}/topics"])
def test_signing_in_leads_to_a_path_of_ours(quiet: Site, ada: str, wanted: str) -> None:
    assert led_to(sign_in(quiet, ada, wanted)) == f"{BASE}{wanted}"


@pytest.mark.parametrize(
    "wanted",
    [
        "",
        "review",
        "//evil.example",
        "///evil.example",
        "\\\\evil.example",
        "/\\evil.example",
        "/\t/evil.example",
        "\t//evil.example",
        "/\n/evil.example",
        "/\r\n/evil.example",
        "/review\r\nSet-Cookie: a=b",
        " //evil.example",
        "https://evil.example",
        "https:evil.example",
        "javascript:alert(1)",
        "@evil.example",
    ],
    ids=ascii,
)
def test_signing_in_leads_nowhere_else(quiet: Site, ada: str, wanted: str) -> None:
    response = sign_in(quiet, ada, wanted)
    assert led_to(response) == f"{BASE}/review"


@settings(max_examples=40)
@given(st.lists(st.sampled_from(["/", "\\", "\t", "\n", "\r", "\0", " ", ".", "https:", "@", "%2F", "evil.example", "\u2028"]), max_size=5))
def test_no_form_leads_to_another_site(busy: tuple[Site, str], pieces: list[str]) -> None:
    site, secret = busy
    wanted = "/" + "".join(pieces)
    for response in (sign_in(site, secret, wanted), site.client.post(f"/stories/{site.ids()[OWLS]}/topics", data={"next": wanted})):
        target = urlsplit(led_to(response))
        assert (target.scheme, target.netloc) == ("https", "news.example.org")


# ---------------------------------------------------------------- people: forms from elsewhere

FORMS = ("/sign-in", "/sign-out", "/stories/{id}/topics")


def send(site: Site, form: str, secret: str, headers: Mapping[str, str]) -> TestResponse:
    place = form.format(id=site.ids()[NURSES])
    return site.client.post(place, data={"token": secret, "topic": "finance"}, headers=headers)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://news.example.org"},
        {"Origin": "https://news.example.org:8443"},
        {"Origin": "https://news.example.org.evil.example"},
        {"Origin": "https://other.news.example.org"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": BASE, "Sec-Fetch-Site": "cross-site"},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
    ],
    ids=lambda headers: " ".join(headers.values()),
)
def test_a_form_from_another_site_does_nothing(quiet: Site, ada: str, ben: str, form: str, headers: dict[str, str]) -> None:
    sign_in(quiet, ada)
    response = send(quiet, form, ben, headers)
    assert response.status_code == 403
    assert "another site" in shown(response).xpath("string(//main)")
    assert decisions(quiet, NURSES) == []
    assert "Signed in as Ada" in quiet.client.get("/review").text


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": BASE},
        {"Origin": "http://localhost"},
        {"Sec-Fetch-Site": "same-origin"},
        {"Origin": BASE, "Sec-Fetch-Site": "same-origin"},
        # Behind a proxy that goes by another name.
        {"Origin": "https://proxy.example", "Sec-Fetch-Site": "same-origin"},
    ],
    ids=lambda headers: " ".join(headers.values()) or "none",
)
def test_a_form_of_ours_is_heard(busy: tuple[Site, str], form: str, headers: dict[str, str]) -> None:
    site, secret = visited(busy[0]), busy[1]
    sign_in(site, secret)
    before = site.store.corrections.last()
    assert send(site, form, secret, headers).status_code == 303
    assert site.store.corrections.last() - before == (2 if form == "/stories/{id}/topics" else 0)
    assert signed_in(site) == (form != "/sign-out")


def browser_headers(page: TestResponse, origin: str) -> dict[str, str]:
    """What a browser says of a form that it sends from this page (WHATWG Fetch, "append a request Origin header").

    It hides the origin where the page forbids to name a referrer, and says how sites relate only to those that it trusts.
    """
    hidden = page.headers.get("Referrer-Policy") == "no-referrer"
    trusted = {"Sec-Fetch-Site": "same-origin"} if origin.startswith("https:") else {}
    return {"Origin": "null" if hidden else origin, **trusted}


@pytest.mark.parametrize("origin", [BASE, "http://news.lan:8000"])
def test_a_curator_with_a_browser_can_sign_in_decide_and_sign_out(site: Site, origin: str) -> None:
    site.tell(site.press, issue("two", LABS))
    client = client_of(site, origin)
    answers = []
    for place, number in (("/sign-in?next=/review", 0), ("/review", 0), ("/review", -1)):
        seen = client.get(place, base_url=origin)
        form = lxml_html.document_fromstring(seen.text).xpath("//form")[number]
        sent = fields(form) | ({"token": [token(site)]} if place.startswith("/sign-in") else {})
        answers.append(client.post(form.action, data=sent, base_url=origin, headers=browser_headers(seen, origin)))
        assert (answers[-1].status_code, form.action) == (303, form.action)
    assert [answer.headers["Location"] for answer in answers] == ["/review", "/review", "/"]
    assert decisions(site, "Labs merge") == [("finance", False, "Ada"), ("workforce", True, "Ada")]


# ---------------------------------------------------------------- people: deciding


@pytest.mark.parametrize("place", ["/review", "/stories/{id}/topics"])
def test_who_is_not_signed_in_is_asked_to_and_then_led_back(quiet: Site, ada: str, place: str) -> None:
    place = place.format(id=quiet.ids()[NURSES])
    asked = quiet.client.get(place)
    assert asked.status_code == 303
    (form,) = page(quiet, asked.headers["Location"], "/sign-in").xpath("//form")
    response = quiet.client.post(form.action, data=fields(form) | {"token": [ada]})
    assert response.headers["Location"] == place
    assert quiet.client.get(place).status_code == 200


def test_a_form_shows_what_holds_and_its_boxes_decide_every_topic(site: Site) -> None:
    sign_in(site, token(site))
    place = f"/stories/{site.ids()[BANK]}"
    both = {"finance": "curator", "workforce": "curator"}
    for ticked, left in ((["finance"], {"finance": "curator"}), ([], {}), (["finance", "workforce"], both)):
        (form,) = page(site, f"{place}/topics", f"{place}/topics").xpath("//form")
        assert {name for name, is_ticked in boxes(form).items() if is_ticked} == set(origins(site, BANK))
        response = site.client.post(form.action, data=fields(form, ticked))
        assert (response.status_code, response.headers["Location"]) == (303, place)
        assert origins(site, BANK) == left
    assert decisions(site, BANK) == [
        ("finance", True, "Ada"),
        ("workforce", False, "Ada"),
        ("finance", False, "Ada"),
        ("workforce", False, "Ada"),
        ("finance", True, "Ada"),
        ("workforce", True, "Ada"),
    ]


def test_to_send_a_form_as_it_stands_confirms_the_model(site: Site) -> None:
    sign_in(site, token(site))
    place = f"/stories/{site.ids()[NURSES]}/topics"
    (form,) = page(site, place, place).xpath("//form")
    site.client.post(form.action, data=fields(form))
    assert decisions(site, NURSES) == [("finance", False, "Ada"), ("workforce", True, "Ada")]
    assert origins(site, NURSES) == {"workforce": "curator"}


def test_a_box_that_is_not_on_the_form_decides_nothing(site: Site) -> None:
    sign_in(site, token(site))
    site.client.post(f"/stories/{site.ids()[OWLS]}/topics", data={"topic": ["owls", "all", "untagged"]})
    assert decisions(site, OWLS) == [("finance", False, "Ada"), ("workforce", False, "Ada")]


def test_a_form_names_the_decisions_so_far(site: Site) -> None:
    secret = token(site, HOSTILE[:100])
    decide(site, NURSES, {"finance": True}, secret)
    site.clock.advance(DAY)
    decide(site, NURSES, {"workforce": False}, token(site, "Ben"))
    decide(site, NURSES, {"finance": None}, secret)
    sign_in(site, secret)
    place = f"/stories/{site.ids()[NURSES]}/topics"
    root = page(site, place, place)
    assert [item.text_content() for item in root.xpath("//section[h2='Decisions so far']//li")] == [
        f"Finance: yes – {HOSTILE[:100]}, 2 March 2026",
        "Workforce: no – Ben, 3 March 2026",
        f"Finance: left to the model – {HOSTILE[:100]}, 3 March 2026",
    ]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("story_id", [UNKNOWN, "nosuch"])
def test_there_is_no_form_for_an_unknown_story(quiet: Site, ada: str, method: str, story_id: str) -> None:
    sign_in(quiet, ada)
    response = quiet.client.open(f"/stories/{story_id}/topics", method=method)
    assert response.status_code == 404
    assert "no such story" in shown(response).xpath("string(//main)")


def test_every_story_leads_curators_to_its_form(quiet: Site) -> None:
    place = f"/stories/{quiet.ids()[NURSES]}"
    root = lxml_html.document_fromstring(quiet.client.get(place).text)
    assert root.xpath("//main//a[text()='wrong topic?']/@href") == [f"{place}/topics"]


def test_the_queue_is_a_page_with_a_form_for_each_story(site: Site) -> None:
    hostile = telling(HOSTILE, 0.5, "Markup breaks nothing here", HOSTILE)
    site.tell(site.press, issue("one", TOWERS), issue("two", LABS), issue("hostile", hostile))
    sign_in(site, token(site))
    ids = site.ids()
    order = ["Labs merge", HOSTILE, "Towers sold"]
    root = page(site, "/review", *(f"/stories/{ids[title]}/topics" for title in order), "/sign-out")
    assert [heading.text_content() for heading in root.xpath("//article/h2")] == order
    assert root.xpath("//article/h2/a/@href") == [f"/stories/{ids[title]}" for title in order]
    assert [why.text_content() for why in root.xpath("//article/p[@class='note']")] == [
        "scores lie close to the threshold",
        HOSTILE,
        "Clear enough; a decision would confirm it",
    ]
    forms = root.xpath("//article//form")
    assert [boxes(form) for form in forms] == [{"finance": False, "workforce": True}] * 3
    assert [label.text_content().strip() for label in forms[0].xpath(".//label")] == ["Finance", "Workforce"]
    response = site.client.post(forms[0].action, data=fields(forms[0], ["finance"]))
    assert (response.status_code, response.headers["Location"]) == (303, "/review")
    assert origins(site, "Labs merge") == {"finance": "curator"}
    left = page(site, "/review", *(f"/stories/{ids[title]}/topics" for title in order[1:]), "/sign-out")
    assert [heading.text_content() for heading in left.xpath("//article/h2")] == order[1:]


def test_an_empty_queue_says_so_and_one_can_still_sign_out(site: Site) -> None:
    sign_in(site, token(site, HOSTILE[:100]))
    root = page(site, "/review", "/sign-out")
    assert "Nothing is waiting" in root.xpath("string(//main)")
    assert f"Signed in as {HOSTILE[:100]}" in root.xpath("string(//form)")


def test_what_is_private_is_in_no_cache(site: Site) -> None:
    secret = token(site)
    nurses = site.ids()[NURSES]
    rooms = ["/sign-in", "/review", f"/stories/{nurses}/topics"]
    answers = [site.client.get(place) for place in rooms]
    answers += [site.client.post(place) for place in ("/sign-in", "/sign-out", f"/stories/{nurses}/topics")]
    answers += [sign_in(site, secret)]
    answers += [site.client.get(place) for place in rooms]
    answers += [site.client.post(place) for place in (f"/stories/{nurses}/topics", "/sign-out")]
    answers += [site.client.get(place, headers=headers) for place in (REVIEW, place_of(nurses)) for headers in ({}, bearer(secret))]
    answers += [put(site, nurses, ["finance"], secret)]
    expected = [200, 303, 303, 403, 303, 303, 303, 200, 200, 200, 303, 303, 401, 200, 401, 200, 200]
    assert [answer.status_code for answer in answers] == expected
    for answer in answers:
        assert answer.headers["Cache-Control"] == "no-store", answer.request.path
        assert not {"ETag", "Last-Modified"} & set(answer.headers.keys())


def test_public_pages_are_the_same_for_curators_and_may_be_kept(site: Site, tmp_path: Path) -> None:
    places = ["/", "/topics/finance", f"/stories/{site.ids()[NURSES]}", "/feeds/all.atom", "/api/v1/stories", "/quality"]
    before = [site.client.get(place) for place in places]
    sign_in(site, token(site))
    for old, place in zip(before, places, strict=True):
        response = site.client.get(place)
        assert response.data == old.data
        assert response.headers["Vary"] == "Accept-Encoding"
        assert response.cache_control.public or place == "/quality"
        assert "Set-Cookie" not in response.headers
