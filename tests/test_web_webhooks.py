"""Webhooks as programs make and look after them."""

from __future__ import annotations

from typing import Any

import pytest
from fakes import START
from website import BASE, Site

from feeds.store import subscribers as module

HOOKS = "/api/v1/webhooks"
URL = "https://program.example/hook"


@pytest.fixture
def ada(site: Site) -> dict[str, str]:
    return {"Authorization": f"Bearer {site.store.tokens.create('Ada', START)}"}


def make(site: Site, signed: dict[str, str], **wish: Any) -> Any:
    response = site.client.post(HOOKS, json={"url": URL} | wish, headers=signed)
    assert response.status_code == 201, response.text
    return response.json


def test_a_webhook_is_made_with_a_secret_that_is_shown_once(site: Site, ada: dict[str, str]) -> None:
    response = site.client.post(HOOKS, json={"url": URL}, headers=ada)

    made = response.json
    assert made is not None
    assert (response.status_code, response.headers["Location"]) == (201, f"{BASE}{HOOKS}/1")
    assert response.headers["Cache-Control"] == "no-store"
    assert len(made.pop("secret")) >= 43
    assert made == {
        "id": 1,
        "url": URL,
        "topic": "all",
        "q": "",
        "source": None,
        "min_confidence": 0.0,
        "state": "active",
        "seq": site.store.stories.last_change().seq,
        "failures": 0,
        "failing_since": None,
        "next_try": None,
        "error": None,
        "created": "2026-03-02T09:03:00Z",
    }
    assert site.client.get(f"{HOOKS}/1", headers=ada).json == made
    assert site.client.get(HOOKS, headers=ada).json == {"items": [made]}


def test_no_two_secrets_are_the_same(site: Site, ada: dict[str, str]) -> None:
    assert make(site, ada)["secret"] != make(site, ada)["secret"]


def test_a_webhook_can_want_some_stories_only_and_begin_earlier(site: Site, ada: dict[str, str]) -> None:
    made = make(site, ada, topic="workforce,finance", q='  "bed  blocking" ', source=3.0, min_confidence=0.5, since=2)
    chosen = {name: made[name] for name in ("topic", "q", "source", "min_confidence", "seq")}
    assert chosen == {"topic": "finance+workforce", "q": '"bed blocking"', "source": 3, "min_confidence": 0.5, "seq": 2}


@pytest.mark.parametrize(
    ("wish", "complaint"),
    [
        ([], "the body must be JSON such as"),
        ({}, "the body must be JSON such as"),
        ({"url": 7}, "url must be a text"),
        ({"url": "file:///etc/passwd"}, "url must be an http or https address"),
        ({"url": URL, "topic": "nosuch"}, "topic must be one of finance, workforce, all, untagged"),
        ({"url": URL, "topic": None}, "topic must be a text"),
        ({"url": URL, "q": "a " * 13}, "q must be something to search for"),
        ({"url": URL, "source": "1"}, "source must be a number"),
        ({"url": URL, "source": True}, "source must be a number"),
        ({"url": URL, "source": 1.5}, "source must be a whole number"),
        ({"url": URL, "min_confidence": 1.1}, "min_confidence must be a number from 0 to 1"),
        ({"url": URL, "since": -1}, "since must be a whole number"),
        ({"url": "https://127.1/"}, "url must be an http or https address"),
        ({"url": URL, "topics": ["finance"]}, "there is no member 'topics' here; there are: url, topic, q, source, min_confidence, since"),
    ],
    ids=str,
)
def test_a_wish_that_cannot_be_is_refused_in_plain_words(site: Site, ada: dict[str, str], wish: Any, complaint: str) -> None:
    response = site.client.post(HOOKS, json=wish, headers=ada)
    assert (response.status_code, response.mimetype) == (400, "application/problem+json")
    assert response.json is not None
    assert response.json["detail"].startswith(complaint)
    assert site.client.get(HOOKS, headers=ada).json == {"items": []}


def test_replaying_sets_it_back(site: Site, ada: dict[str, str]) -> None:
    made = make(site, ada)
    response = site.client.post(f"{HOOKS}/1/replay", json={"since": 1}, headers=ada)
    assert response.status_code == 200
    assert response.json == {name: value for name, value in made.items() if name != "secret"} | {"seq": 1}
    assert site.client.post(f"{HOOKS}/1/replay", json={}, headers=ada).status_code == 400
    unknown = site.client.post(f"{HOOKS}/1/replay", json={"since": 0, "q": "x", "\n": 1}, headers=ada)
    assert unknown.status_code == 400
    assert unknown.json is not None
    assert unknown.json["detail"] == "there is no member '' here; there are: since"
    assert site.client.get(f"{HOOKS}/1", headers=ada).json == response.json


def test_a_webhook_is_ended(site: Site, ada: dict[str, str]) -> None:
    make(site, ada)
    response = site.client.delete(f"{HOOKS}/1", headers=ada)
    assert (response.status_code, response.data) == (204, b"")
    assert site.client.delete(f"{HOOKS}/1", headers=ada).status_code == 404


def test_nobody_sees_the_webhooks_of_others(site: Site, ada: dict[str, str]) -> None:
    make(site, ada)
    bob = {"Authorization": f"Bearer {site.store.tokens.create('Bob', START)}"}
    assert site.client.get(HOOKS, headers=bob).json == {"items": []}
    assert site.client.get(f"{HOOKS}/1", headers=bob).status_code == 404
    assert site.client.delete(f"{HOOKS}/1", headers=bob).status_code == 404
    assert site.client.post(f"{HOOKS}/1/replay", json={"since": 0}, headers=bob).status_code == 404
    assert site.client.get(f"{HOOKS}/1", headers=ada).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"), [("GET", ""), ("POST", ""), ("GET", "/1"), ("DELETE", "/1"), ("POST", "/1/replay")], ids=" ".join
)
def test_nothing_goes_without_a_token(site: Site, method: str, path: str) -> None:
    response = site.client.open(HOOKS + path, method=method, json={"url": URL, "since": 0})
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


def test_there_is_an_end_to_the_room(site: Site, ada: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_WEBHOOKS", 1)
    make(site, ada)
    response = site.client.post(HOOKS, json={"url": URL}, headers=ada)
    assert (response.status_code, response.mimetype) == (403, "application/problem+json")


@pytest.mark.parametrize(
    ("path", "methods"),
    [("", "GET, HEAD, OPTIONS, POST"), ("/1", "DELETE, GET, HEAD, OPTIONS"), ("/1/replay", "OPTIONS, POST")],
)
def test_scripts_of_other_sites_may_ask(site: Site, path: str, methods: str) -> None:
    response = site.client.options(HOOKS + path)
    assert (response.status_code, response.headers["Access-Control-Allow-Methods"]) == (204, methods)
    assert response.headers["Access-Control-Allow-Origin"] == "*"
