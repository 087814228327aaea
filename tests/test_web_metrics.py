"""Figures for monitors: as a Prometheus server reads them, true at every scrape."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from builders import issue, news, poll_of
from fakes import START, KeywordJudge
from flask.testing import FlaskClient
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from source_rows import add_source, change_source
from test_web_probes import break_database
from website import BASE, TOPICS, Site, open_site, topics

from feeds.model import TopicWeek, Week
from feeds.web.app import create_app
from feeds.web.parts import WebParts

WEEK = 7 * 86_400
# The Monday on which the last full week before START began, 23 February 2026.
LAST_MONDAY = START - 9 * 3600 - WEEK


class Judge(KeywordJudge):
    """A judge of which something else is known."""

    def __init__(self, **other: Any) -> None:
        self._about = {**super().about(), **other} if other else {}

    def about(self) -> Mapping[str, Any]:
        return self._about


def families(client: FlaskClient) -> dict[str, Metric]:
    response = client.get("/metrics")
    assert response.status_code == 200, response.text
    found = list(text_string_to_metric_families(response.text))
    assert len({family.name for family in found}) == len(found)
    return {family.name.removeprefix("healthwire_"): family for family in found}


def figures(client: FlaskClient) -> dict[str, float | dict[str, float]]:
    """Each figure by its name without the prefix; those with a label by the label's value."""
    return {name: _values(family) for name, family in families(client).items()}


def _values(family: Metric) -> float | dict[str, float]:
    values = {" ".join(sample.labels.values()): sample.value for sample in family.samples}
    assert len(values) == len(family.samples), "two values of one figure"
    return values[""] if values.keys() == {""} else values


def client_with(site: Site, judge: KeywordJudge) -> FlaskClient:
    return create_app(WebParts(site.store, site.restarted(), TOPICS, BASE, site.clock, judge), "a key for tests only").test_client()


def week(start: int, finance: float, acronyms: Mapping[str, int]) -> Week:
    return Week(start, 100, {"finance": TopicWeek(finance, 0.8), "workforce": TopicWeek(0.25, None)}, 0.125, 0.0625, acronyms)


def test_the_figures_of_a_quiet_site(still: Site) -> None:
    assert figures(still.client) == {
        "stories": {"all": 4, "untagged": 1, "finance": 2, "workforce": 2},
        "sources": 2,
        "sources_by_state": {"failing": 0, "stopped": 0, "silent": 0, "new": 0, "ok": 2},
        "sources_failing": 0,
        "source_failures": 0,
        "source_failing_longest_seconds": 0,
        "sources_silent": 0,
        "polls_overdue": 1,
        "subscribers": {"websub": 0, "webhook": 0, "hub": 0},
        "subscribers_failing": {"websub": 0, "webhook": 0, "hub": 0},
        "corrections": 0,
        "model_number": {"keywords": 7},
        "model_f1": {"finance": 0.847, "commissioning": 0.847, "workforce": 0.847, "data": 0.847},
        "drift_warnings": 0,
    }


def test_every_figure_is_a_gauge_of_ours_that_says_what_it_means(site: Site) -> None:
    site.store.status.beat(site.clock(), "model-1")
    site.store.weeks.put(week(LAST_MONDAY, 0.5, {"ICB": 4}))
    labels = {"stories": "feed", "sources_by_state": "state", "model_number": "version", "model_f1": "topic", "week_topic_rate": "topic"}
    labels |= {"week_topic_confidence": "topic", "week_new_acronym_stories": "acronym"}
    labels |= {"subscribers": "kind", "subscribers_failing": "kind"}
    found = families(site.client)
    assert labels.keys() < found.keys()
    for name, family in found.items():
        assert family.name == f"healthwire_{name}"
        assert family.type == "gauge"
        assert len(family.documentation) > 5
        assert {label for sample in family.samples for label in sample.labels} == ({labels[name]} if name in labels else set())


def test_a_scrape_is_in_the_format_that_servers_ask_for_and_never_kept(still: Site) -> None:
    response = still.client.get("/metrics", headers={"Accept": "application/openmetrics-text"})
    assert response.content_type == "text/plain; version=0.0.4; charset=utf-8"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.text.endswith("\n")
    assert "Set-Cookie" not in response.headers


def test_a_feed_without_stories_has_none_rather_than_no_figure(tmp_path: Path) -> None:
    with open_site(tmp_path, filled=False) as site:
        told = figures(site.client)
    assert told["stories"] == {"all": 0, "untagged": 0, "finance": 0, "workforce": 0}
    assert told["corrections"] == 0
    assert "week_start_seconds" not in told


def test_every_scrape_counts_anew(site: Site) -> None:
    figures(site.client)
    site.tell(site.press, issue("new", news("Ward staff walk out", topics=topics(workforce=0.9))))
    secret = site.store.tokens.create("Ada", site.clock())
    assert figures(site.client)["stories"] == {"all": 5, "untagged": 1, "finance": 2, "workforce": 3}
    story = site.ids()["Ward staff walk out"]
    site.client.put(f"/api/v1/stories/{story}/topics", json={"topics": []}, headers={"Authorization": f"Bearer {secret}"})
    told = figures(site.client)
    assert told["stories"] == {"all": 5, "untagged": 2, "finance": 2, "workforce": 2}
    assert told["corrections"] == 2, "one for each topic"


@pytest.mark.parametrize("silence", [0, 61, 86_400])
def test_the_silence_of_ingest_is_told_in_seconds(site: Site, silence: int) -> None:
    assert "ingest_heartbeat_age_seconds" not in figures(site.client), "an ingest never heard of has no age"
    site.store.status.beat(site.clock(), "model-1")
    site.clock.advance(silence)
    assert figures(site.client)["ingest_heartbeat_age_seconds"] == silence


def test_a_source_counts_as_failing_until_it_delivers_again(site: Site) -> None:
    for error, failing in (("no answer", 1), ("no answer", 1), (None, 0)):
        site.clock.advance(7200)
        (lease,) = site.store.polls.claim(site.clock(), 60, 1, [site.press.id])
        site.store.polls.finish(lease, poll_of(at=site.clock(), next_poll=site.clock(), error=error))
        assert (figures(site.client)["sources"], figures(site.client)["sources_failing"]) == (2, failing)


def test_what_is_wrong_with_sources_is_counted(site: Site) -> None:
    now = site.clock()
    add_source(site.store, "https://a.example/feed", failures=4, failing_since=now - 7200, last_polled=now, next_poll=now)
    add_source(
        site.store, "https://b.example/feed", failures=1, failing_since=now - 60, silent_since=now, last_polled=now, next_poll=now - 61
    )
    add_source(site.store, "https://c.example/feed", silent_since=now, last_polled=now, next_poll=now - 60)
    add_source(site.store, "https://d.example/feed", stopped=True, next_poll=None)
    change_source(site.store, site.letters.id, next_poll=now + 1)
    told = figures(site.client)
    assert told["sources_by_state"] == {"failing": 2, "stopped": 1, "silent": 1, "new": 0, "ok": 2}
    assert (told["sources_failing"], told["source_failures"], told["source_failing_longest_seconds"]) == (2, 5, 7200)
    assert (told["sources_silent"], told["polls_overdue"]) == (2, 1)


def test_who_cannot_be_told_is_counted(site: Site) -> None:
    site.store.subscribers.set_hub("https://hub.example/", START)
    (hub,) = site.store.subscribers.due(START, site.store.stories.last_change().seq + 1, 9, 9, {})
    site.store.subscribers.failed(hub, "no answer", START, START + 60)
    told = figures(site.client)
    assert told["subscribers"] == {"websub": 0, "webhook": 0, "hub": 1}
    assert told["subscribers_failing"] == {"websub": 0, "webhook": 0, "hub": 1}


def test_the_last_full_week_is_told_with_its_warnings(site: Site) -> None:
    for number in (2, 3, 4, 5):
        site.store.weeks.put(week(LAST_MONDAY - (number - 1) * WEEK, 0.5, {}))
    site.store.weeks.put(week(LAST_MONDAY, 0.75, {"ICB": 4, "R&D": 3}))
    site.store.weeks.put(week(LAST_MONDAY + WEEK, 0.0, {"NEW": 9}))
    told = figures(site.client)
    assert told["drift_warnings"] == 3, "finance beyond 65%, and two acronyms"
    assert told["week_start_seconds"] == 1_771_804_800, "23 February 2026"
    assert told["week_topic_rate"] == {"finance": 0.75, "workforce": 0.25}
    assert told["week_topic_confidence"] == {"finance": 0.8}, "without a choice there is no confidence"
    assert told["week_untagged_rate"] == 0.125
    assert told["week_unknown_word_rate"] == 0.0625
    assert told["week_new_acronym_stories"] == {"ICB": 4, "R&D": 3}


def test_without_a_model_there_are_no_figures_of_one(site: Site) -> None:
    told = figures(client_with(site, Judge()))
    assert not {"model_number", "model_f1"} & told.keys()
    assert told["stories"] == {"all": 4, "untagged": 1, "finance": 2, "workforce": 2}


def test_hostile_names_stay_within_their_quotes(site: Site) -> None:
    hostile = 'v"} 1\nhealthwire_sources 99\\\n# {'
    told = figures(client_with(site, Judge(version=hostile)))
    assert told["model_number"] == {hostile: 7}
    assert told["sources"] == 2


def test_without_its_database_a_scrape_fails_rather_than_tell_less(site: Site) -> None:
    break_database(site)
    response = site.client.get("/metrics")
    assert response.status_code == 503
    assert "healthwire_" not in response.text
