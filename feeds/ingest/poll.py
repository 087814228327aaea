"""One poll, in order: look, compare, tag, write. The one place that catches everything."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Protocol
from urllib.parse import unquote, urlsplit

from feeds.errors import FetchError, HealthwireError, LeaseLost, ParseError, SourceGone
from feeds.identity import ArticleKey
from feeds.ingest.extract import Cut
from feeds.ingest.haul import Haul
from feeds.ingest.issues import Words, issues_of, unknown, words_of
from feeds.ingest.sandbox import WALL_SECONDS
from feeds.ingest.schedule import Rhythm, after_failure, after_success, usual_gap
from feeds.ingest.together import Together
from feeds.model import Issue, Lease, Plan, PollResult, Raw, Source, Tally, Verdict
from feeds.ports import Clock, Tagger
from feeds.store import Store
from feeds.text import summary

_log = logging.getLogger(__name__)

# Characters; a hostile source could have more to say.
_LONGEST_ERROR = 1000
_NOTHING = Tally()
_GONE = "its server said that it is gone; it is not asked again until a person resumes it"


class Look(Protocol):
    """Looks at one kind of source."""

    def look(self, source: Source) -> AbstractAsyncContextManager[Haul]:
        """What the source has that is new; leave the context as soon as it is no longer needed.

        Raises, on entering:
            HealthwireError: it could not be read.
        """
        ...


class Completion(Protocol):
    """Completes articles that their source gives in part only."""

    async def complete(self, cuts: Sequence[Cut]) -> list[Cut]:
        """The same articles, with their full text where it can be had."""
        ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a poll came to, for whoever asked for it. ``source`` is as it was before; ``is_feed`` is false if something else came."""

    source: Source
    tally: Tally = _NOTHING
    error: str | None = None
    unchanged: bool = False
    is_feed: bool = True


@dataclass(slots=True)
class Poller:
    """Polls leased sources. ``dice`` gives numbers in [0, 1) that spread the polls."""

    store: Store
    site: Look
    letterbox: Look
    full_text: Completion
    tagger: Tagger
    clock: Clock
    rhythm: Rhythm
    keeps_raw: bool = True
    dice: Callable[[], float] = random.random
    _tag: Together[Sequence[Words], list[Verdict]] = field(init=False)
    _finish: Together[tuple[Lease, PollResult], bool] = field(init=False)

    def __post_init__(self) -> None:
        self._tag = Together(self._tagged)
        # Most polls bring nothing, and a transaction of their own would cost more than all the rest of them.
        self._finish = Together(self.store.polls.finish_uneventful)

    async def poll(self, lease: Lease) -> Outcome:
        """Polls one source and writes what came of it; never raises but for being cancelled."""
        source = lease.source
        started = time.monotonic()
        try:
            async with AsyncExitStack() as held:
                result, tally = await self._written(lease, await self._attempt(source, held))
        except LeaseLost as error:
            return Outcome(source, error=str(error))
        except Exception as error:
            _log.exception("poll of source %s failed", source.id)
            return Outcome(source, error=f"{type(error).__name__}: {error}")
        if result.error:
            _log.warning("polled source %s: %s (%.1f s)", source.id, result.error, time.monotonic() - started)
        elif result.issues:
            _log.info("polled %s: %d new, %d edited (%.1f s)", source.url, tally.new, tally.edited, time.monotonic() - started)
        return Outcome(source, tally, result.error, result.error is None and not result.issues, result.is_feed)

    async def _written(self, lease: Lease, result: PollResult) -> tuple[PollResult, Tally]:
        try:
            return result, await self._write(lease, result)
        except HealthwireError:
            raise
        except Exception as error:
            # Not the database's fault, which would pass, but that of what came.
            _log.exception("what source %s brought could not be stored", lease.source.id)
            failed = self._failed(lease.source, f"what it brought could not be stored: {type(error).__name__}")
            return failed, await self._write(lease, failed)

    async def _write(self, lease: Lease, result: PollResult) -> Tally:
        if not result.is_uneventful(lease.source):
            return await asyncio.to_thread(self.store.polls.finish, lease, result)
        if not await self._finish((lease, result)):
            raise LeaseLost(f"source {lease.source.id} was taken over by another worker or removed; nothing was written")
        return _NOTHING

    async def _attempt(self, source: Source, held: AsyncExitStack) -> PollResult:
        try:
            haul = await held.enter_async_context(self._look(source))
            found = [cut for extract in haul.extracts for cut in extract.cuts]
            if not found:
                return self._result(source, haul)
            known, arrivals = await asyncio.to_thread(self._known, source, found)
            cuts = unknown(found, known)
            if source.full_text:
                cuts = await self.full_text.complete(cuts)
            if not cuts:
                return self._result(source, haul)
            return self._result(source, haul, cuts, issues_of(cuts, await self._tag(words_of(cuts))), arrivals)
        except SourceGone as error:
            return self._failure(source, Plan(None, _GONE), str(error))
        except HealthwireError as error:
            failed = self._failed(source, str(error), error.retry_after if isinstance(error, FetchError) else 0)
            return replace(failed, is_feed=not isinstance(error, ParseError))
        except Exception as error:
            _log.exception("source %s could not be read", source.id)
            return self._failed(source, f"unexpected {type(error).__name__}: {error}")

    def _look(self, source: Source) -> AbstractAsyncContextManager[Haul]:
        return (self.site if source.scheme in ("http", "https") else self.letterbox).look(source)

    def _known(self, source: Source, cuts: Sequence[Cut]) -> tuple[Mapping[ArticleKey, str], list[int]]:
        """What is stored of these articles, and when the source's latest ones came."""
        polls = self.store.polls
        return polls.known(source.id, [cut.article for cut in cuts]), polls.arrivals(source.id)

    def _tagged(self, lists: Sequence[Sequence[Words]]) -> list[list[Verdict]]:
        verdicts = iter(self.tagger.tag([words for each in lists for words in each]))
        return [[next(verdicts) for _ in each] for each in lists]

    def _result(
        self, source: Source, haul: Haul, cuts: Sequence[Cut] = (), issues: Sequence[Issue] = (), arrivals: Sequence[int] = ()
    ) -> PollResult:
        now = self.clock()
        said = haul.extracts[0] if haul.extracts else None
        wishes = said.wishes if said and said.wishes else source.wishes
        last_new, gap = _arrivals(cuts, arrivals, now) if cuts else (source.last_new, source.usual_gap)
        left = replace(
            source,
            etag=haul.etag,
            last_modified=haul.last_modified,
            ttl=wishes.ttl,
            skip_hours=wishes.skip_hours,
            skip_days=wishes.skip_days,
            failures=source.failures + 1 if haul.complaints else 0,
            last_new=last_new,
            usual_gap=gap,
        )
        # What its server stopped goes on as soon as it delivers again; what a person stopped waits for that person.
        stopped = source.stopped and source.error is None
        return PollResult(
            polled_at=now,
            plan=Plan(None, source.reason) if stopped else self._plan(left, haul, now),
            stopped=stopped,
            error=summary("; ".join(haul.complaints), _LONGEST_ERROR) or None,
            etag=haul.etag,
            last_modified=haul.last_modified,
            body_hash=haul.body_hash,
            title=source.title or (said.title if said else "") or _name_of(source),
            home_url=said.home_url if said else None,
            url=haul.url,
            moved_to=haul.moved_to,
            moved_times=haul.moved_times,
            wishes=wishes,
            last_new=last_new,
            usual_gap=gap,
            marks=haul.marks,
            # Sources list their newest first; stored last it gets the highest id and stands on top of the feeds.
            issues=tuple(reversed(issues)),
            raws=_raws(haul, cuts) if cuts and self.keeps_raw else (),
        )

    def _plan(self, source: Source, haul: Haul, now: int) -> Plan:
        """``source`` is as this poll leaves it."""
        if source.next_poll is None and not source.stopped:
            return Plan(None, "")
        if haul.more:
            return Plan(now, "there was more in it than one poll reads")
        if haul.complaints:
            return after_failure(now, source, self.rhythm, 0, self.dice())
        return after_success(now, source, self.rhythm, haul.fresh_for, self.dice())

    def _failed(self, source: Source, error: str, retry_after: int = 0) -> PollResult:
        left = replace(source, failures=source.failures + 1)
        plan = after_failure(self.clock(), left, self.rhythm, retry_after, self.dice())
        return self._failure(source, Plan(None, source.reason) if source.next_poll is None else plan, error)

    def _failure(self, source: Source, plan: Plan, error: str) -> PollResult:
        """Leaves everything as it is but for the failure itself."""
        return PollResult(
            polled_at=self.clock(),
            plan=plan,
            error=summary(error, _LONGEST_ERROR),
            etag=source.etag,
            last_modified=source.last_modified,
            body_hash=source.body_hash,
            moved_to=source.moved_to,
            moved_times=source.moved_times,
            stopped=plan.at is None and (source.stopped or source.next_poll is not None),
            last_new=source.last_new,
            usual_gap=source.usual_gap,
        )


def _arrivals(cuts: Sequence[Cut], stored: Sequence[int], now: int) -> tuple[int | None, int | None]:
    """When the source last brought something of its own, and its usual gap."""
    own = [min(cut.article.published or now, now) for cut in cuts if cut.article.newsletter is None]
    arrivals = sorted([*own, *stored])[-20:]
    return (arrivals[-1], usual_gap(arrivals)) if arrivals else (None, None)


def _raws(haul: Haul, cuts: Sequence[Cut]) -> tuple[Raw, ...]:
    """The documents that a haul came from, and the pages that completed it."""
    return (*(extract.raw for extract in haul.extracts if extract.raw), *(cut.page for cut in cuts if cut.page))


def _name_of(source: Source) -> str:
    """What to call a source that says no name of its own."""
    address = urlsplit(source.url)
    folder = PurePosixPath(unquote(address.path)).name
    if source.scheme in ("imap", "imaps"):
        return f"Mail at {address.hostname}"
    return address.hostname or f"{'Mail' if source.scheme == 'maildir' else 'Files'} in {folder}"


def lease_seconds(fetch_timeout: int) -> int:
    """How long a poll may hold its source unless the lease is renewed: fetching, reading, writing, with room to spare."""
    return 4 * fetch_timeout + 2 * WALL_SECONDS + 120
