"""The chore that tells subscribers what is new, a few at a time and each for itself; how far each was told is in the store."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from feeds.errors import FetchError, Full, HealthwireError, NotFound, SourceGone
from feeds.model import Subscriber
from feeds.ports import Clock
from feeds.push.parcels import Parcels, verification
from feeds.push.post import Post
from feeds.store import Store

_log = logging.getLogger(__name__)

_PER_HOST = 4
# So many are looked at together, for most of whom there is nothing.
_LOOKED_AT = 200
# So many seconds a subscriber is one worker's alone: longer than a message and all that is stored about it may take.
_CLAIM = 120
# Seconds between two looks for more to do, while something is under way.
_LOOK = 1.0
_SHORTEST_WAIT, _LONGEST_WAIT, _MOST_ASKED = 60, 6 * 3600, 86_400
# After so many seconds of failures nobody waits for an answer to a question, or for news.
_PATIENCE_WITH_REQUESTS, _PATIENCE = 3600, 5 * 86_400

Stopping = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class _Claimed:
    """Subscribers that are this worker's, as the change log ends at ``seq``."""

    subscribers: Sequence[Subscriber]
    seq: int


class Push:
    """Does nothing while the change log has not moved and nobody waits to be asked (again)."""

    def __init__(self, store: Store, parcels: Parcels, post: Post, clock: Clock) -> None:
        self._stories = store.stories
        self._subscribers = store.subscribers
        self._parcels = parcels
        self._post = post
        self._clock = clock

    def __call__(self, stopping: Stopping) -> None:
        claimed = self._claim({}, stopping)
        if claimed.subscribers:
            asyncio.run(self._work(claimed, stopping))

    async def _work(self, claimed: _Claimed, stopping: Stopping) -> None:
        """Serves those and whoever comes to be due meanwhile, until nobody is left; nobody waits for one who is slow."""
        under_way: dict[asyncio.Task[None], Subscriber] = {}
        async with self._post:
            while True:
                under_way |= {asyncio.create_task(self._serve(each, claimed.seq)): each for each in claimed.subscribers}
                if not under_way or stopping():
                    break
                done, _ = await asyncio.wait(under_way, timeout=_LOOK, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    del under_way[task]
                    task.result()
                claimed = await asyncio.to_thread(self._claim, Counter(each.host for each in under_way.values()), stopping)
            await self._give_back(under_way)

    async def _give_back(self, under_way: Mapping[asyncio.Task[None], Subscriber]) -> None:
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        for subscriber in under_way.values():
            self._subscribers.give_back(subscriber, self._clock())

    def _claim(self, busy: Mapping[str, int], stopping: Stopping) -> _Claimed:
        """Those to whom there is something to say, as far as there is room for them; all others need no more than a note."""
        now, seq = self._clock(), self._stories.last_change().seq
        room = self._post.at_once - sum(busy.values())
        while room and not stopping() and (waiting := self._subscribers.due(now, seq, _LOOKED_AT, _PER_HOST, busy)):
            idle = {each: self._idle_until(each, now, seq) for each in waiting}
            self._subscribers.pass_over({each: reached for each, reached in idle.items() if reached is not None})
            if wanting := [each for each in waiting if idle[each] is None]:
                return _Claimed(self._subscribers.claim(wanting[:room], now + _CLAIM), seq)
        return _Claimed((), seq)

    def _idle_until(self, subscriber: Subscriber, now: int, seq: int) -> int | None:
        """The place in the change log up to which there is nothing to tell; None if there is something to say or to do."""
        if subscriber.is_request or subscriber.kind == "hub" or _has_ended(subscriber, now):
            return None
        try:
            return self._parcels.idle_until(subscriber, seq)
        except Exception:
            # Found again, told and put off when it is served.
            return None

    async def _serve(self, subscriber: Subscriber, seq: int) -> None:
        """One try; whatever goes wrong, the others go on. Its claim runs out, and then somebody tries again."""
        try:
            await self._try(subscriber, seq)
        except HealthwireError as error:
            _log.error("%s %d could not be served: %s", subscriber.kind, subscriber.id, error)
        except Exception:
            _log.exception("%s %d could not be served", subscriber.kind, subscriber.id)

    async def _try(self, subscriber: Subscriber, seq: int) -> None:
        try:
            if subscriber.is_request:
                await self._verify(subscriber)
            else:
                await self._deliver(subscriber, seq)
        except FetchError as error:
            await asyncio.to_thread(self._put_off, subscriber, error)
        except (Full, NotFound) as error:
            await asyncio.to_thread(self._give_up, subscriber, str(error))

    async def _verify(self, request: Subscriber) -> None:
        challenge = secrets.token_urlsafe(32)
        if await self._post.send(verification(request, challenge)) != challenge.encode():
            raise FetchError("the answer was not the challenge", status=200)
        await asyncio.to_thread(self._subscribers.confirm, request, self._clock() + request.lease)
        _log.info("%s confirmed: %s, %s", request.host, request.state, request.topic)

    async def _deliver(self, subscriber: Subscriber, seq: int) -> None:
        if _has_ended(subscriber, self._clock()):
            raise NotFound("its lease has run out")
        parcel = await asyncio.to_thread(self._parcels.parcel, subscriber, seq)
        pause = 0
        if parcel.message:
            await self._post.send(parcel.message)
            pause = parcel.pause
        await asyncio.to_thread(self._subscribers.delivered, subscriber, parcel.seq, parcel.etag, self._clock() + pause)

    def _put_off(self, subscriber: Subscriber, error: FetchError) -> None:
        """Tries again later, unless the subscriber is gone or did not mean what was asked: every answer to a question but yes is a no
        (W3C WebSub section 5.3.1).
        """
        now = self._clock()
        since = subscriber.failing_since or now
        patience = _PATIENCE_WITH_REQUESTS if subscriber.is_request else _PATIENCE
        is_final = isinstance(error, SourceGone) or (subscriber.is_request and error.status)
        if subscriber.kind != "hub" and (is_final or now - since >= patience):
            self._give_up(subscriber, str(error))
        else:
            self._subscribers.failed(subscriber, str(error), since, now + wait(subscriber.failures + 1, error.retry_after))

    def _give_up(self, subscriber: Subscriber, why: str) -> None:
        _log.info("%s %d at %s is given up: %s", subscriber.kind, subscriber.id, subscriber.host, why)
        if subscriber.kind == "webhook":
            self._subscribers.stop(subscriber, why)
        else:
            self._subscribers.drop(subscriber)


def wait(failures: int, asked: int = 0) -> int:
    """The seconds until the next try, after so many failures in a row, or as many as were ``asked`` for (Retry-After), up to a day."""
    return max(min(_SHORTEST_WAIT << min(failures - 1, 30), _LONGEST_WAIT), min(asked, _MOST_ASKED))


def _has_ended(subscriber: Subscriber, now: int) -> bool:
    return subscriber.lease_until is not None and subscriber.lease_until <= now
