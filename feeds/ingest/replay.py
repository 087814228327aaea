"""Parses, cuts and tags anew what sources sent, as if it had come today: for a better parser, splitter or model."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

from feeds.errors import HealthwireError
from feeds.identity import ArticleKey, article_key
from feeds.ingest.completion import complete_cut
from feeds.ingest.extract import Cut, extract_feed, extract_file
from feeds.ingest.issues import issues_of, words_of
from feeds.ingest.sandbox import Sandbox
from feeds.model import Issue, Raw, Tally
from feeds.ports import Clock, Tagger
from feeds.store import Store
from feeds.store.raws import Effect

_log = logging.getLogger(__name__)

_NOTHING = Tally()
# Articles written at once; a poll that waits for the database should not wait long.
_BATCH = 50


@dataclass(frozen=True, slots=True)
class Replayed:
    """What replaying one source did, or would do."""

    source: int
    articles: int
    tally: Tally = _NOTHING
    effects: tuple[Effect, ...] = ()
    complaints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Replay:
    """Replays source by source; without ``apply`` nothing is written."""

    store: Store
    sandbox: Sandbox
    tagger: Tagger
    clock: Clock
    apply: bool

    async def run(self, since: int) -> AsyncIterator[Replayed]:
        """What came from that moment on, in its latest version; one result per source."""
        for source_id in await asyncio.to_thread(self.store.raws.sources, since):
            yield await self._source(source_id, since)

    async def _source(self, source_id: int, since: int) -> Replayed:
        cuts: dict[ArticleKey, Cut] = {}
        pages: dict[str, Raw] = {}
        complaints: list[str] = []
        for raw in self.store.raws.of_source(source_id, since):
            if raw.kind == "page":
                pages[raw.name] = raw
                continue
            try:
                extract = await self._extract(raw)
            except HealthwireError as error:
                complaints.append(f"{raw.name}: {error}")
                continue
            # A later version of an article takes the earlier one's place, at the end.
            for cut in extract:
                cuts.pop(article_key(cut.article), None)
                cuts[article_key(cut.article)] = cut
        whole = [await self._completed(cut, pages) for cut in cuts.values()]
        issues = issues_of(whole, await asyncio.to_thread(self.tagger.tag, words_of(whole)))
        result = Replayed(source_id, len(whole), complaints=tuple(complaints))
        for start in range(0, len(issues), _BATCH):
            tally, effects = await asyncio.to_thread(self._write, source_id, issues[start : start + _BATCH])
            result = replace(result, tally=result.tally + tally, effects=(*result.effects, *effects))
        return result

    def _write(self, source_id: int, issues: tuple[Issue, ...]) -> tuple[Tally, list[Effect]]:
        return self.store.raws.replay(source_id, issues, self.clock(), apply=self.apply)

    async def _extract(self, raw: Raw) -> tuple[Cut, ...]:
        if raw.kind == "file":
            return (await self.sandbox.run(extract_file, raw.name, raw.body)).cuts
        # The documents of one source list their newest first, but they themselves come oldest first.
        return tuple(reversed((await self.sandbox.run(extract_feed, raw.body, raw.content_type, raw.name)).cuts))

    async def _completed(self, cut: Cut, pages: dict[str, Raw]) -> Cut:
        page = pages.get(cut.article.url or "")
        if page is None:
            return cut
        completed, reason = await self.sandbox.run(complete_cut, cut, page.body, page.content_type, page.name)
        if reason:
            _log.info("%s: %s; the teaser is kept", page.name, reason)
        return completed
