"""What the ingest role does between polls: tags stories anew when the model changed, keeps the weekly figures, notices silence."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import tzinfo

from feeds.drift import acronyms
from feeds.ingest.silence import DAY, WINDOW, Expectation, expectation
from feeds.model import Watched
from feeds.ports import Clock, Tagger
from feeds.store import Store
from feeds.store.weeks import WEEK, monday

_log = logging.getLogger(__name__)

RESCORED_DAYS = 90
# So far back the weeks are counted when they have not been, and so many of them at every change.
_WEEKS, _CHANGING = 12, 2
# Few enough that no poll waits long for the database.
_BATCH = 50
# So many sources are looked into at a time, so that a start among thousands of sources is no burst; habits do not change by the hour.
_HABITS = 100

Stopping = Callable[[], bool]
"""Tells a chore that it should come to an end; what it leaves undone it does the next time."""


@dataclass(frozen=True, slots=True)
class Chore:
    """Something to be done ``every`` so many seconds, and with ``at_news`` soon after a poll that brought some, in a thread of its own."""

    name: str
    every: int
    do: Callable[[Stopping], None]
    at_news: bool = False


class Rescoring:
    """Lets the model in use tag the stories of the last 90 days that another model tagged.

    It asks the database what is left to do, so it goes on where it was stopped or killed. Once a model has seen all, only
    stories that changed since are looked at: one that changed meanwhile was skipped, and a poll may have asked the old model.
    """

    def __init__(self, store: Store, tagger: Tagger, clock: Clock) -> None:
        self._store = store
        self._tagger = tagger
        self._clock = clock
        self._done = ("", 0)

    def __call__(self, stopping: Stopping) -> None:
        model, seq = now = (self._tagger.version, self._store.stories.last_change().seq)
        if now == self._done:
            return
        since = self._clock() - RESCORED_DAYS * 86_400
        changed_after = self._done[1] if self._done[0] == model else 0
        seen = changed = 0
        after = ""
        while not stopping():
            batch = self._store.tags.untaught(model, since, after, _BATCH, changed_after)
            if not batch:
                self._done = (model, seq)
                break
            verdicts = self._tagger.tag([(item.title, item.text) for item in batch])
            changed += self._store.tags.retag(list(zip(batch, verdicts, strict=True)), self._clock())
            seen += len(batch)
            after = batch[-1].id
        if seen:
            _log.info("model %s tagged %d stories anew; the topics of %d changed", model, seen, changed)


class RawPruning:
    """Drops raw documents that are older than so many days, and the oldest beyond so many bytes."""

    def __init__(self, store: Store, clock: Clock, days: int, most_bytes: int) -> None:
        self._store = store
        self._clock = clock
        self._days = days
        self._most_bytes = most_bytes

    def __call__(self, stopping: Stopping) -> None:
        gone = self._store.raws.prune(self._clock() - self._days * 86_400, self._most_bytes)
        if gone:
            _log.info("%d raw documents were dropped for their age or size", gone)


class WeeklyFigures:
    """Counts how tags are spread over each week, if a story or the model changed since the last count."""

    def __init__(self, store: Store, tagger: Tagger, clock: Clock) -> None:
        self._store = store
        self._tagger = tagger
        self._clock = clock
        self._counted: tuple[int, int, str] | None = None

    def __call__(self, stopping: Stopping) -> None:
        this_week = monday(self._clock())
        state = (this_week, self._store.stories.last_change().seq, self._tagger.version)
        if state == self._counted:
            return
        kept = {week.start for week in self._store.weeks.latest(_WEEKS)}
        starts = [this_week - back * WEEK for back in range(_WEEKS)]
        # Last week's stories may still change: a curator decides, another model tags them.
        for start in reversed([start for back, start in enumerate(starts) if back < _CHANGING or start not in kept]):
            if stopping():
                return
            new = acronyms(self._store.weeks.texts(start), self._tagger.knows)
            self._store.weeks.put(self._store.weeks.count(start, new))
        self._counted = state


@dataclass(frozen=True, slots=True)
class _Outlook:
    """What is expected of a source whose latest article was seen at ``latest``; nothing else is before ``good_until``."""

    latest: int
    expected: Expectation | None
    good_until: int


class SilenceWatch:
    """Notices when a source that used to publish on a rhythm has not, and when it does again.

    What is expected of each source is kept in memory, so that most rounds only compare moments; some of the sources are looked
    into anew when something came and their outlook is a day old, or it says that they should have brought more by now.
    """

    def __init__(self, store: Store, clock: Clock, zone: tzinfo) -> None:
        self._silences = store.silences
        self._clock = clock
        self._zone = zone
        self._outlooks: dict[int, _Outlook] = {}

    def __call__(self, stopping: Stopping) -> None:
        now = self._clock()
        watched = self._silences.watched()
        self._outlooks = {each.id: self._outlooks[each.id] for each in watched if each.id in self._outlooks}
        looked_into = 0
        for each in watched:
            if stopping():
                return
            if each.silent_since is not None:
                self._listen(each, each.silent_since, now)
            elif looked_into < _HABITS and self._is_old(each, now):
                looked_into += 1
                self._look_into(each, now)
            self._tell(each, now)

    def _listen(self, watched: Watched, silent_since: int, now: int) -> None:
        if watched.latest > silent_since and self._silences.speak(watched, now):
            _log.info("source %d brings something again", watched.id)

    def _is_old(self, watched: Watched, now: int) -> bool:
        known = self._outlooks.get(watched.id)
        return known is None or (known.latest != watched.latest and known.good_until <= now)

    def _look_into(self, watched: Watched, now: int) -> None:
        expected = expectation(self._silences.arrivals(watched.id, watched.latest - WINDOW), self._zone)
        # Something that came only puts off what is expected, so until then there is no need to look again.
        good_until = min(now + DAY, expected.at if expected else now + DAY)
        self._outlooks[watched.id] = _Outlook(watched.latest, expected, good_until)

    def _tell(self, watched: Watched, now: int) -> None:
        known = self._outlooks.get(watched.id)
        expected = known.expected if known and known.latest == watched.latest else None
        # Only who looked after that moment can say that nothing came.
        if watched.silent_since is not None or expected is None or not expected.at <= min(now, watched.looked):
            return
        since = max(expected.at, watched.latest)
        if self._silences.fall_silent(watched, since, expected.words, now):
            _log.warning("source %d is silent: %s", watched.id, expected.words)
