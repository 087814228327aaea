"""One poll, in order: fetch, parse, cut, tag, write. The one place that catches everything."""

from __future__ import annotations

import asyncio
import logging
import random
import resource
import time
from collections.abc import Callable
from concurrent.futures import TimeoutError as PoolTimeout
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from pebble import ProcessExpired, ProcessPool

from feeds.errors import HealthwireError, LeaseLost, ParseError
from feeds.identity import digest
from feeds.ingest.files import fetch_folder
from feeds.ingest.issues import issues_of
from feeds.ingest.parse import parse_feed
from feeds.ingest.schedule import Rhythm, next_poll
from feeds.model import Fetched, Lease, Parsed, Plan, PollResult, Source, Tally
from feeds.ports import Clock, Fetcher, Tagger
from feeds.store import Store

_log = logging.getLogger(__name__)

_NOTHING = Tally()
_PARSE_SECONDS = 30
_PARSE_MEMORY = 2 * 1024**3


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a poll came to, for whoever asked for it."""

    source: Source
    tally: Tally = _NOTHING
    error: str | None = None
    unchanged: bool = False


class ParserPool:
    """Parses feeds in child processes, so that a document made to hang or to eat memory costs its source one failure."""

    def __init__(self, workers: int = 2) -> None:
        # Children are spawned: forking beside threads and an event loop can hang.
        self._pool = ProcessPool(max_workers=workers, initializer=_limit_memory, context=get_context("spawn"))

    async def parse(self, fetched: Fetched) -> Parsed:
        """The articles in an answer.

        Raises:
            ParseError: it is no feed, or parsing it took too long or too much memory.
        """
        future = self._pool.schedule(parse_feed, args=(fetched.body, fetched.content_type, fetched.url), timeout=_PARSE_SECONDS)
        try:
            return await asyncio.wrap_future(future)
        except PoolTimeout as error:
            raise ParseError(f"the document could not be parsed within {_PARSE_SECONDS} s") from error
        except (ProcessExpired, MemoryError) as error:
            raise ParseError("the document could not be parsed: it needs too much memory") from error

    def close(self) -> None:
        self._pool.stop()  # type: ignore[no-untyped-call]
        self._pool.join()


def _limit_memory() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_PARSE_MEMORY, _PARSE_MEMORY))


@dataclass(frozen=True, slots=True)
class Poller:
    """Polls leased sources. ``dice`` gives numbers in [0, 1) that spread the polls."""

    store: Store
    fetcher: Fetcher
    parser: ParserPool
    tagger: Tagger
    clock: Clock
    rhythm: Rhythm
    max_bytes: int
    dice: Callable[[], float] = random.random

    async def poll(self, lease: Lease) -> Outcome:
        """Polls one source and writes what came of it; never raises but for being cancelled."""
        source = lease.source
        started = time.monotonic()
        try:
            result = await self._attempt(source)
            tally = await asyncio.to_thread(self.store.polls.finish, lease, result)
        except LeaseLost as error:
            return Outcome(source, error=str(error))
        except Exception as error:
            _log.exception("poll of source %s failed", source.id)
            return Outcome(source, error=f"{type(error).__name__}: {error}")
        level = logging.WARNING if result.error else logging.INFO
        took = time.monotonic() - started
        _log.log(level, "polled %s: %s (%.1f s)", source.url, result.error or f"{tally.new} new, {tally.edited} edited", took)
        return Outcome(source, tally, result.error, unchanged=result.error is None and not result.issues)

    async def _attempt(self, source: Source) -> PollResult:
        try:
            return await (self._folder(source) if source.scheme == "file" else self._feed(source))
        except HealthwireError as error:
            return self._failure(source, str(error))
        except (asyncio.CancelledError, KeyboardInterrupt):
            raise
        except Exception as error:
            _log.exception("source %s could not be read", source.id)
            return self._failure(source, f"unexpected {type(error).__name__}: {error}")

    async def _feed(self, source: Source) -> PollResult:
        fetched = await self.fetcher.fetch(source)
        if fetched.body is None:
            return self._success(source, fetched, source.body_hash)
        body_hash = digest(fetched.body)
        if body_hash == source.body_hash:
            return self._success(source, fetched, body_hash)
        parsed = await self.parser.parse(fetched)
        return await asyncio.to_thread(self._digest, source, fetched, body_hash, parsed)

    async def _folder(self, source: Source) -> PollResult:
        fetched, articles, complaints = await asyncio.to_thread(fetch_folder, source, self.max_bytes)
        result = await asyncio.to_thread(self._digest, source, fetched, None, Parsed(articles))
        return replace(result, error="; ".join(complaints)) if complaints else result

    def _digest(self, source: Source, fetched: Fetched, body_hash: str | None, parsed: Parsed) -> PollResult:
        known = self.store.polls.known(source.id, [article.guid for article in parsed.articles])
        issues = issues_of(parsed.articles, known, self.tagger)
        # Sources list their newest first; stored last it gets the highest id and stands on top of the feeds.
        return replace(
            self._success(source, fetched, body_hash),
            title=parsed.title or _name_of(source),
            home_url=parsed.home_url,
            issues=tuple(reversed(issues)),
        )

    def _success(self, source: Source, fetched: Fetched, body_hash: str | None) -> PollResult:
        return PollResult(
            polled_at=self.clock(),
            plan=Plan(self._next(source, 0), ""),
            etag=fetched.etag,
            last_modified=fetched.last_modified,
            body_hash=body_hash,
        )

    def _failure(self, source: Source, error: str) -> PollResult:
        return PollResult(polled_at=self.clock(), plan=Plan(self._next(source, source.failures + 1), ""), error=error)

    def _next(self, source: Source, failures: int) -> int | None:
        if source.next_poll is None:
            return None
        return next_poll(self.clock(), self.rhythm, failures, self.dice())


def _name_of(source: Source) -> str:
    """What to call a source that says no name of its own."""
    address = urlsplit(source.url)
    return address.hostname or f"Files in {PurePosixPath(unquote(address.path)).name}"


def lease_seconds(fetch_timeout: int) -> int:
    """How long a poll may hold its source: fetching, parsing, writing, and a wait for its host, with room to spare."""
    return 4 * fetch_timeout + 2 * _PARSE_SECONDS + 120
