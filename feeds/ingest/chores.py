"""What the ingest role does between polls: tags stories anew when the model changed, and keeps the weekly figures."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from feeds.drift import acronyms
from feeds.ports import Clock, Tagger
from feeds.store import Store
from feeds.store.weeks import WEEK, monday

_log = logging.getLogger(__name__)

RESCORED_DAYS = 90
_WEEKS_AT_FIRST = 12
# Few enough that no poll waits long for the database.
_BATCH = 50

Stopping = Callable[[], bool]
"""Tells a chore that it should come to an end; what it leaves undone it does the next time."""


@dataclass(frozen=True, slots=True)
class Chore:
    """Something to be done ``every`` so many seconds, in a thread of its own."""

    name: str
    every: int
    do: Callable[[Stopping], None]


class Rescoring:
    """Lets the model in use tag the stories of the last 90 days that another model tagged.

    It asks the database what is left to do, so it goes on where it was stopped or killed.
    """

    def __init__(self, store: Store, tagger: Tagger, clock: Clock) -> None:
        self._store = store
        self._tagger = tagger
        self._clock = clock
        self._done: str | None = None

    def __call__(self, stopping: Stopping) -> None:
        model = self._tagger.version
        if model == self._done:
            return
        since = self._clock() - RESCORED_DAYS * 86_400
        seen = changed = 0
        after = ""
        while not stopping():
            batch = self._store.tags.untaught(model, since, after, _BATCH)
            if not batch:
                self._done = model
                break
            verdicts = self._tagger.tag([(item.title, item.text) for item in batch])
            changed += self._store.tags.retag(list(zip(batch, verdicts, strict=True)), self._clock())
            seen += len(batch)
            after = batch[-1].id
        if seen:
            _log.info("model %s tagged %d stories anew; the topics of %d changed", model, seen, changed)


class WeeklyFigures:
    """Counts how tags are spread over the present week and the last one, if a story changed since the last count."""

    def __init__(self, store: Store, tagger: Tagger, clock: Clock) -> None:
        self._store = store
        self._tagger = tagger
        self._clock = clock
        self._counted: tuple[int, int] | None = None

    def __call__(self, stopping: Stopping) -> None:
        this_week = monday(self._clock())
        state = (this_week, self._store.stories.last_change().seq)
        if state == self._counted:
            return
        weeks = 2 if self._store.weeks.latest(1) else _WEEKS_AT_FIRST
        for back in reversed(range(weeks)):
            if stopping():
                return
            start = this_week - back * WEEK
            new = acronyms(self._store.weeks.texts(start), self._tagger.knows)
            self._store.weeks.put(self._store.weeks.count(start, new))
        self._counted = state
