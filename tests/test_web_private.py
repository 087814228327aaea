"""Where reading is not for everybody: who has a token reads, until it is revoked."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import pytest
from fakes import START
from website import Site, open_site
from werkzeug.test import Client, TestResponse

from feeds.web.app import create_app
from feeds.web.memory import Memory
from feeds.web.parts import WebParts
from feeds.web.version import Version

PLACES = [
    "/",
    "/topics/finance",
    "/search?q=deficit",
    "/feeds/all.atom",
    "/feeds/all.json",
    "/feeds.opml",
    "/api/v1/stories",
    "/openapi.json",
    "/metrics",
]


@dataclass(frozen=True)
class Private:
    site: Site
    client: Client

    def get(self, place: str, token: str = "", **headers: str) -> TestResponse:
        mark = "&" if "?" in place else "?"
        return self.client.get(f"{place}{mark}token={token}" if token else place, headers=headers)

    def token(self, name: str = "ann", *, only_reads: bool = True) -> str:
        return self.site.store.tokens.create(name, START, only_reads=only_reads)


@pytest.fixture
def private(tmp_path: Path) -> Iterator[Private]:
    with open_site(tmp_path) as site:
        parts = cast(WebParts, site.client.application.extensions["healthwire"])
        app = create_app(replace(parts, private=True), "a key for tests only")
        yield Private(site, Client(Memory(app, Version(site.store.status.version, clock=iter(range(10**6)).__next__))))


@pytest.mark.parametrize("place", PLACES)
def test_nobody_reads_without_a_token(private: Private, place: str) -> None:
    for response in (private.get(place), private.get(place, "hw_wrong"), private.get(place, Authorization="Bearer hw_wrong")):
        assert response.status_code == 401
        assert response.headers["WWW-Authenticate"].startswith("Basic")
        assert "Harrow" not in response.text


@pytest.mark.parametrize("place", PLACES)
def test_a_token_lets_read_as_a_password_as_a_bearers_or_in_the_address(private: Private, place: str) -> None:
    token = private.token()
    password = b64encode(f"whoever:{token}".encode()).decode()
    answers = [
        private.get(place, token),
        private.get(place, Authorization=f"Bearer {token}"),
        private.get(place, Authorization=f"Basic {password}"),
    ]
    for response in answers:
        assert response.status_code == 200
        assert response.headers["Cache-Control"].startswith(("private", "no-store"))


def test_a_revoked_token_lets_nobody_read_not_even_what_was_in_memory(private: Private) -> None:
    ann, bob = private.token("ann"), private.token("bob")
    assert [private.get("/feeds/all.atom", token).status_code for token in (ann, ann, bob)] == [200, 200, 200]
    private.site.store.tokens.revoke("ann", START + 60)
    assert [private.get("/feeds/all.atom", token).status_code for token in (ann, bob)] == [401, 200]


def test_who_may_only_read_decides_nothing(private: Private) -> None:
    reader, curator = private.token("ann"), private.token("bob", only_reads=False)
    place = f"/api/v1/stories/{next(iter(private.site.ids().values()))}/topics"
    answers = [
        private.client.put(place, json={"topics": ["finance"]}, headers={"Authorization": f"Bearer {token}"}) for token in (reader, curator)
    ]
    assert [each.status_code for each in answers] == [403, 200]
    assert "for reading" in answers[0].text


def test_people_sign_in_to_read(private: Private) -> None:
    token = private.token()
    page = private.get("/sign-in")
    assert page.status_code == 200
    assert "Finance" not in page.text, "what there is, and how much, is told to nobody yet"
    with private.get("/static/style.css") as style:
        assert style.status_code == 200
    signed_in = private.client.post("/sign-in", data={"token": token, "next": "/"}, headers={"Origin": "https://news.example.org"})
    assert signed_in.status_code == 303
    assert "Finance" in private.get("/").text
    private.site.store.tokens.revoke("ann", START + 60)
    assert private.get("/").status_code == 401


@pytest.mark.parametrize("place", ["/healthz", "/readyz"])
def test_supervisors_need_no_token(private: Private, place: str) -> None:
    assert private.get(place).status_code in (200, 503)


def test_who_signs_in_is_led_to_where_that_token_leads(private: Private) -> None:
    for name, only_reads, place in (("reader", True, "/"), ("curator", False, "/review")):
        signed_in = private.client.post("/sign-in", data={"token": private.token(name, only_reads=only_reads)})
        assert (signed_in.status_code, signed_in.headers["Location"]) == (303, place)
        answer = private.get("/review")
        assert answer.status_code == (403 if only_reads else 200)
        assert ("token is for reading" in answer.text) == only_reads


@pytest.mark.parametrize("place", ["/api/v1/stories?limit=1", "/api/v1/changes?limit=1", "/feeds/all.json?limit=1", "/?limit=1"])
def test_no_answer_holds_the_token_that_it_was_asked_with(private: Private, place: str) -> None:
    token = private.token()
    answer = private.get(place, token)
    assert answer.status_code == 200
    assert "limit=1" in answer.text
    assert token not in answer.text + str(answer.headers)


def test_where_reading_is_for_everybody_a_token_in_the_address_means_nothing(still: Site) -> None:
    assert still.client.get("/feeds/all.atom?token=x").status_code == 200
    assert still.client.get("/api/v1/stories?token=x").status_code == 400


@pytest.mark.parametrize("place", ["/feeds/all.json", "/api/v1/stories"])
def test_scripts_of_other_sites_may_ask_with_a_token(private: Private, place: str) -> None:
    """Browsers ask beforehand, and never with a token."""
    response = private.client.options(place, headers={"Origin": "https://other.example", "Access-Control-Request-Headers": "authorization"})
    assert response.status_code == 204
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert "Authorization" in response.headers["Access-Control-Allow-Headers"]
