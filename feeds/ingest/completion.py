"""Fetches the pages of articles whose feed gives only a teaser, as politely as feeds are polled."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from feeds.errors import FetchError, HealthwireError
from feeds.ingest.extract import Cut
from feeds.ingest.fulltext import is_teaser, with_page
from feeds.ingest.robots import Robots
from feeds.ingest.sandbox import Sandbox
from feeds.ingest.split import split_safely
from feeds.model import Raw
from feeds.ports import Clock, Fetcher

_log = logging.getLogger(__name__)

# A first poll brings months of entries; only so many pages are asked for at once, those of the newest.
_MOST_PAGES = 20
# Seconds between two pages of one host, unless it asks for more.
_PAUSE = 1.0
# RFC 9309 section 2.4: not to be used for longer than a day.
_ROBOTS_SECONDS = 86_400
# A server that did not answer may do so soon.
_FAILURE_SECONDS = 3600
_NOBODY_KNOWS = Robots(None, 0)
# A hostile one takes 5 MB.
_MOST_ROBOTS = 100
# Pages are kept until their poll is over. No more are asked for beyond so many bytes.
_MOST_BYTES = 8 * 1024 * 1024


class FullText:
    """Completes articles from their pages. What cannot be had, or is no article, leaves the teaser as it is."""

    def __init__(
        self, fetcher: Fetcher, sandbox: Sandbox, clock: Clock, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    ) -> None:
        self._fetcher = fetcher
        self._sandbox = sandbox
        self._clock = clock
        self._sleep = sleep
        self._robots: OrderedDict[str, tuple[int, Robots]] = OrderedDict()

    async def complete(self, cuts: Sequence[Cut]) -> list[Cut]:
        """The same articles in their order, with their full text where it can be had."""
        done: list[Cut] = []
        asked = held = 0
        for cut in cuts:
            url = cut.article.url
            if url is None or asked == _MOST_PAGES or held > _MOST_BYTES or not await self._sandbox.run(is_teaser, cut.article):
                done.append(cut)
                continue
            completed = await self._completed(cut, url, pausing=asked > 0)
            done.append(completed)
            asked += 1
            held += len(completed.page.body) if completed.page else 0
        return done

    async def _completed(self, cut: Cut, url: str, *, pausing: bool) -> Cut:
        try:
            robots = await self._robots_of(url)
            if not robots.allows(url):
                _log.info("%s: its robots.txt does not let us read this page; the teaser is kept", url)
                return cut
            if pausing:
                await self._sleep(max(_PAUSE, robots.delay))
            async with self._fetcher.page(url) as page:
                completed, reason = await self._sandbox.run(complete_cut, cut, page.body or b"", page.content_type, page.url)
        except HealthwireError as error:
            completed, reason = cut, str(error)
        if reason:
            _log.info("%s: %s; the teaser is kept", url, reason)
        return completed

    async def _robots_of(self, url: str) -> Robots:
        parts = urlsplit(url)
        site = f"{parts.scheme}://{parts.netloc}"
        good_until, robots = self._robots.get(site, (0, _NOBODY_KNOWS))
        if self._clock() < good_until:
            return robots
        good_for = _ROBOTS_SECONDS
        try:
            async with self._fetcher.page(f"{site}/robots.txt") as answer:
                robots = await self._sandbox.run(Robots, answer.body, 200)
        except HealthwireError as error:
            status = error.status if isinstance(error, FetchError) else 0
            robots = Robots(None, status)
            good_for = _FAILURE_SECONDS if status in (0, 429) or status >= 500 else _ROBOTS_SECONDS
        self._robots[site] = (self._clock() + good_for, robots)
        if len(self._robots) > _MOST_ROBOTS:
            self._robots.popitem(last=False)
        return robots


def complete_cut(cut: Cut, page: bytes, content_type: str, url: str) -> tuple[Cut, str | None]:
    """The article with its page's text, cut anew; or as it was, and why. Runs in the sandbox."""
    article, reason = with_page(cut.article, page, content_type, url)
    if reason:
        return cut, reason
    # Kept under the article's own address, as its page may have been elsewhere.
    kept = Raw("page", cut.article.url or url, content_type, page)
    return replace(cut, article=article, split=split_safely(article), page=kept), None
