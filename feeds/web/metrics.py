"""Figures for monitors, in the text format of Prometheus."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from flask import Blueprint, Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from feeds.condition import STATES, state
from feeds.web.parts import WebParts, drift_of, parts

blueprint = Blueprint("metrics", __name__)


@blueprint.get("/metrics")
def metrics() -> Response:
    registry = CollectorRegistry()
    registry.register(_Figures(parts()))
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_PLAIN_0_0_4, headers={"Cache-Control": "no-store"})


class _Figures(Collector):
    """Asked for anew at every scrape: the figures are in the database, whichever process counted them."""

    def __init__(self, site: WebParts) -> None:
        self._site = site

    def describe(self) -> Iterator[Metric]:
        return iter(())

    def collect(self) -> Iterator[Metric]:
        yield from self._system()
        yield from self._model()
        yield from self._drift()

    def _system(self) -> Iterator[Metric]:
        site = self._site
        counts = site.store.stories.counts()
        yield _by("healthwire_stories", "Live stories in each feed", "feed", {name: counts.get(name, 0) for name in site.documents.names})
        beat = site.store.status.health().heartbeat
        if beat is not None:
            yield GaugeMetricFamily("healthwire_ingest_heartbeat_age_seconds", "Since ingest was last heard of", site.clock() - beat)
        yield from self._sources()
        yield from self._subscribers()
        yield GaugeMetricFamily("healthwire_corrections", "Decisions that curators made", site.store.corrections.last())

    def _subscribers(self) -> Iterator[Metric]:
        counts = {"websub": (0, 0), "webhook": (0, 0), "hub": (0, 0)} | self._site.store.subscribers.counts()
        yield _by("healthwire_subscribers", "Whom news are told to", "kind", {kind: told for kind, (told, _) in counts.items()})
        failing = {kind: number for kind, (_, number) in counts.items()}
        yield _by("healthwire_subscribers_failing", "Who could not be told the last time", "kind", failing)

    def _sources(self) -> Iterator[Metric]:
        now, sources = self._site.clock(), self._site.store.sources.list()
        yield GaugeMetricFamily("healthwire_sources", "Sources", len(sources))
        states = Counter(map(state, sources))
        yield _by("healthwire_sources_by_state", "Sources in each state", "state", {name: states[name] for name in STATES})
        failing = [source for source in sources if source.failures]
        yield GaugeMetricFamily("healthwire_sources_failing", "Sources whose last poll failed", len(failing))
        failures = sum(source.failures for source in failing)
        yield GaugeMetricFamily("healthwire_source_failures", "Failed polls in a row, of all sources together", failures)
        oldest = max((now - source.failing_since for source in failing if source.failing_since), default=0)
        yield GaugeMetricFamily("healthwire_source_failing_longest_seconds", "Since the longest failing source began to fail", oldest)
        silent = sum(source.silent_since is not None for source in sources)
        yield GaugeMetricFamily("healthwire_sources_silent", "Sources that have not brought what was to be expected", silent)
        overdue = sum(source.next_poll is not None and source.next_poll < now - self._site.patience for source in sources)
        meaning = f"Sources that should have been polled more than {self._site.patience} s ago"
        yield GaugeMetricFamily("healthwire_polls_overdue", meaning, overdue)

    def _model(self) -> Iterator[Metric]:
        about = self._site.judge.about()
        if not about:
            return
        info = GaugeMetricFamily("healthwire_model_number", "The model in use", labels=["version"])
        info.add_metric([about["version"]], about["number"])
        yield info
        per_topic = about["metrics"]["per_topic"]
        yield _by("healthwire_model_f1", "F1 on stories held out", "topic", {name: row["f1"] for name, row in per_topic.items()})

    def _drift(self) -> Iterator[Metric]:
        found = drift_of(self._site)
        yield GaugeMetricFamily("healthwire_drift_warnings", "Weekly figures that left their band, and new acronyms", len(found.warnings))
        week = found.week
        if week is None:
            return
        yield GaugeMetricFamily("healthwire_week_start_seconds", "Monday of the week that these figures are of", week.start)
        rates = {name: figures.rate for name, figures in week.topics.items()}
        yield _by("healthwire_week_topic_rate", "Share of the week's stories with the topic", "topic", rates)
        confidences = {name: figures.confidence for name, figures in week.topics.items() if figures.confidence is not None}
        yield _by("healthwire_week_topic_confidence", "Mean confidence of the model's choices", "topic", confidences)
        yield GaugeMetricFamily("healthwire_week_untagged_rate", "Share of the week's stories without a topic", week.untagged)
        yield GaugeMetricFamily("healthwire_week_unknown_word_rate", "Share of words that the model does not know", week.unknown_words)
        yield _by("healthwire_week_new_acronym_stories", "Stories with an acronym new to the model", "acronym", week.acronyms)


def _by(name: str, meaning: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, meaning, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family
