"""Liveness and readiness, and what the public sees when the database is gone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fakes import KeywordJudge
from website import BASE, TOPICS, Site

from feeds.web.app import create_app
from feeds.web.parts import WebParts


def break_database(site: Site) -> None:
    """As if its disk were gone: open connections end, and the file is there no more."""
    site.store.engine.dispose()
    file = Path(site.store.engine.url.database or "")
    for leftover in file.parent.glob(f"{file.name}*"):
        leftover.unlink()
    file.mkdir()


def test_ready_means_that_database_model_and_ingest_are_well(site: Site) -> None:
    site.store.status.beat(site.clock(), "model-1")
    response = site.client.get("/readyz")
    assert response.status_code == 200
    assert json.loads(response.data) == {"database": "ok", "model": "ok", "ingest": "ok"}


@pytest.mark.parametrize(("silence", "status"), [(0, 200), (60, 200), (61, 503), (86_400, 503)])
def test_ingest_counts_as_dead_a_minute_after_its_last_heartbeat(site: Site, silence: int, status: int) -> None:
    site.store.status.beat(site.clock(), "model-1")
    site.clock.advance(silence)
    response = site.client.get("/readyz")
    assert response.status_code == status
    told = json.loads(response.data)
    assert (told["database"], told["model"]) == ("ok", "ok")
    assert told["ingest"] == ("ok" if status == 200 else f"not heard of for {silence} s")


def test_a_new_database_is_not_ready_and_says_what_is_missing(site: Site) -> None:
    response = site.client.get("/readyz")
    assert response.status_code == 503
    told = json.loads(response.data)
    assert told["database"] == "ok"
    assert "no model" in told["model"]
    assert "healthwire ingest" in told["ingest"]


def test_a_heartbeat_without_a_model_is_not_enough(site: Site) -> None:
    site.store.status.beat(site.clock(), "")
    response = site.client.get("/readyz")
    assert response.status_code == 503
    assert json.loads(response.data)["ingest"] == "ok"


def test_alive_asks_nothing_of_the_database(site: Site) -> None:
    break_database(site)
    response = site.client.get("/healthz")
    assert (response.status_code, response.text) == (200, "ok\n")


def test_without_its_database_the_service_is_not_ready(site: Site) -> None:
    site.store.status.beat(site.clock(), "model-1")
    break_database(site)
    response = site.client.get("/readyz")
    assert response.status_code == 503
    assert "HEALTHWIRE_DATA_DIR" in json.loads(response.data)["database"]


KINDS = {"/feeds/all.atom": "text/plain", "/api/v1/stories": "application/problem+json", "/": "text/html", "/topics/finance": "text/html"}


@pytest.mark.parametrize("place", KINDS)
def test_without_its_database_the_service_is_unavailable_for_now(site: Site, place: str, caplog: pytest.LogCaptureFixture) -> None:
    break_database(site)
    response = site.client.get(place)
    assert response.status_code == 503
    assert response.mimetype == KINDS[place]
    assert "try again" in response.text
    assert response.headers["Cache-Control"] == "no-store"
    assert [record.exc_info for record in caplog.records] == [None], "one line in the log, not a traceback"


def test_a_fault_of_ours_is_logged_and_not_shown(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    def broken_clock() -> int:
        raise ZeroDivisionError("secret of the house")

    site.store.status.beat(site.clock(), "model-1")
    client = create_app(
        WebParts(site.store, site.restarted(), TOPICS, BASE, broken_clock, KeywordJudge()), "a key for tests only"
    ).test_client()
    response = client.get("/readyz")
    assert response.status_code == 500
    assert "secret" not in response.text
    assert "secret of the house" in caplog.text


@pytest.mark.parametrize("place", ["/healthz", "/readyz"])
def test_probes_are_never_kept(site: Site, place: str) -> None:
    assert site.client.get(place).headers["Cache-Control"] == "no-store"
    assert site.client.get(place, headers={"If-None-Match": "*"}).status_code != 304
