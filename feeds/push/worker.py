"""The chore that tells subscribers what is new, a few at a time and each for itself; how far each was told is in the store."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections import Counter
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from feeds.errors import FetchError, Full, HealthwireError, NotFound, SourceGone
from feeds.ingest.together import Together
from feeds.model import Delivery, Subscriber
from feeds.ports import Clock
from feeds.push.parcels import News, Parcels, denial, verification
from feeds.push.post import Message, Post
from feeds.push.slow import SlowHosts
from feeds.store import Store

_log = logging.getLogger(__name__)

# Of one host so many are told at once, and so many more can be claimed to follow them.
_PER_HOST, _AHEAD_OF_HOST = 4, 12
# So many times as many are claimed as can be told at once: finding out who is next costs more than telling one.
_AHEAD = 4
# Who answers slowly takes no place of others, and is told only so many at a time.
_SLOW_AT_ONCE = 4
_TOLD, _ASKED, _SLOW = "told", "asked", "slow"
# So many are looked at together, for most of whom there is nothing.
_LOOKED_AT = 200
# So many seconds a subscriber is one worker's alone: longer than all that are claimed together may take.
_CLAIM = 120
# Seconds between two looks for more to do, while something is under way.
_LOOK = 1.0
_SHORTEST_WAIT, _LONGEST_WAIT, _MOST_ASKED = 60, 6 * 3600, 86_400
# After so many seconds of failures nobody waits for an answer to a question, or for news.
_PATIENCE_WITH_REQUESTS, _PATIENCE = 3600, 5 * 86_400

Stopping = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class _Claimed:
    """A subscriber that is this worker's, and what there is to tell."""

    subscriber: Subscriber
    news: News


@dataclass(slots=True)
class _InHand:
    """Whom this worker has claimed: those that wait for a place, and those that are being told."""

    waiting: list[_Claimed]
    under_way: dict[asyncio.Task[None], _Claimed] = field(default_factory=dict)

    @property
    def all(self) -> list[_Claimed]:
        return [*self.waiting, *self.under_way.values()]


class Push:
    """Does nothing while the change log has not moved and nobody waits to be asked (again)."""

    def __init__(self, store: Store, parcels: Parcels, post: Post, clock: Clock, slow: SlowHosts | None = None) -> None:
        self._stories = store.stories
        self._subscribers = store.subscribers
        self._parcels = parcels
        self._post = post
        self._clock = clock
        self._slow = slow or SlowHosts()

    def __call__(self, stopping: Stopping) -> None:
        claimed = self._claim([], stopping)
        if claimed:
            asyncio.run(self._work(claimed, stopping))

    async def _work(self, claimed: list[_Claimed], stopping: Stopping) -> None:
        """Serves those and whoever comes to be due meanwhile, until nobody is left; nobody waits for one who is slow."""
        in_hand, looked = _InHand(claimed), time.monotonic()
        # Many come to their ends at the same time, and a transaction of its own would cost each more than all the rest.
        noted = Together(self._note)
        async with self._post:
            while True:
                self._begin(in_hand, noted)
                if not in_hand.under_way or stopping():
                    break
                done, _ = await asyncio.wait(in_hand.under_way, timeout=_LOOK, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    del in_hand.under_way[task]
                    task.result()
                if self._has_room(in_hand) or time.monotonic() - looked >= _LOOK:
                    in_hand.waiting += await asyncio.to_thread(self._claim, in_hand.all, stopping)
                    looked = time.monotonic()
            await self._give_back(in_hand)

    def _begin(self, in_hand: _InHand, noted: Together[Delivery, None]) -> None:
        """Has those told who wait, as far as there are places, and of each host only so many."""
        hosts = Counter(each.subscriber.host for each in in_hand.under_way.values())
        room = self._post.at_once - self._quick(in_hand.under_way.values())
        left = []
        for each in in_hand.waiting:
            host = each.subscriber.host
            if room > 0 and hosts[host] < _PER_HOST:
                in_hand.under_way[asyncio.create_task(self._serve(each, noted))] = each
                hosts[host] += 1
                room -= host not in self._slow
            else:
                left.append(each)
        in_hand.waiting = left

    def _has_room(self, in_hand: _InHand) -> bool:
        return self._quick(in_hand.all) <= self._post.at_once // 2

    def _quick(self, claimed: Iterable[_Claimed]) -> int:
        """How many of them take a place."""
        return sum(each.subscriber.host not in self._slow for each in claimed)

    async def _give_back(self, in_hand: _InHand) -> None:
        for task in in_hand.under_way:
            task.cancel()
        await asyncio.gather(*in_hand.under_way, return_exceptions=True)
        self._subscribers.give_back([each.subscriber for each in in_hand.all], self._clock())

    def _claim(self, in_hand: Sequence[_Claimed], stopping: Stopping) -> list[_Claimed]:
        """Those to whom there is something to say, as far as there is room for them; all others need no more than a note."""
        now, slow, seq = self._clock(), self._slow.lately(), self._stories.last_change().seq
        news = next((each.news for each in in_hand if each.news.seq == seq), None) or self._parcels.news(seq)
        held = [each.subscriber for each in in_hand]
        while not stopping():
            room = Counter({_TOLD: _AHEAD * self._post.at_once, _ASKED: (self._post.at_once + 1) // 2, _SLOW: _SLOW_AT_ONCE})
            room.subtract(_lane(each, slow) for each in held)
            busy = Counter(each.host for each in held) | Counter({} if room[_SLOW] > 0 else dict.fromkeys(slow, _AHEAD_OF_HOST))
            if room[_TOLD] <= 0:
                break
            waiting = self._subscribers.due(now, seq, _LOOKED_AT, _AHEAD_OF_HOST, busy, requests=room[_ASKED] > 0)
            if not waiting:
                break
            idle = {each: self._idle_until(each, now, news) for each in waiting}
            self._subscribers.pass_over({each: reached for each, reached in idle.items() if reached is not None})
            wanting = [each for each in waiting if idle[each] is None]
            held += self._subscribers.claim(_first_of_each_lane(wanting, slow, room), now + _CLAIM)
        return [_Claimed(each, news) for each in held[len(in_hand) :]]

    def _idle_until(self, subscriber: Subscriber, now: int, news: News) -> int | None:
        """The place in the change log up to which there is nothing to tell; None if there is something to say or to do."""
        if subscriber.is_request or subscriber.kind == "hub" or _has_ended(subscriber, now):
            return None
        try:
            return news.idle_until(subscriber)
        except Exception:
            # Found again, told and put off when it is served.
            return None

    def _note(self, deliveries: Sequence[Delivery]) -> Sequence[None]:
        self._subscribers.delivered(deliveries)
        return [None] * len(deliveries)

    async def _serve(self, claimed: _Claimed, noted: Together[Delivery, None]) -> None:
        """One try; whatever goes wrong, the others go on. Its claim runs out, and then somebody tries again."""
        subscriber = claimed.subscriber
        try:
            await self._try(subscriber, claimed.news, noted)
        except HealthwireError as error:
            _log.error("%s %d could not be served: %s", subscriber.kind, subscriber.id, error)
        except Exception:
            _log.exception("%s %d could not be served", subscriber.kind, subscriber.id)

    async def _try(self, subscriber: Subscriber, news: News, noted: Together[Delivery, None]) -> None:
        try:
            if subscriber.is_request:
                await self._verify(subscriber)
            elif _has_ended(subscriber, self._clock()):
                await asyncio.to_thread(self._give_up, subscriber, "its lease has run out")
            else:
                await noted(await self._deliver(subscriber, news))
        except FetchError as error:
            await asyncio.to_thread(self._put_off, subscriber, error)
        except (Full, NotFound) as error:
            await self._deny(subscriber, str(error))

    async def _verify(self, request: Subscriber) -> None:
        challenge = secrets.token_urlsafe(32)
        if await self._send(request, verification(request, challenge)) != challenge.encode():
            raise FetchError("the answer was not the challenge", status=200)
        await asyncio.to_thread(self._subscribers.confirm, request, self._clock() + request.lease)
        _log.info("%s confirmed: %s, %s", request.host, request.state, request.topic)

    async def _deliver(self, subscriber: Subscriber, news: News) -> Delivery:
        parcel = await asyncio.to_thread(news.parcel, subscriber)
        pause = 0
        if parcel.message:
            await self._send(subscriber, parcel.message)
            pause = parcel.pause
        return Delivery(subscriber, parcel.seq, parcel.etag, self._clock() + pause)

    async def _deny(self, subscriber: Subscriber, why: str) -> None:
        """Gives up a subscriber, and tells whoever subscribed at our hub once (W3C WebSub section 5.2)."""
        await asyncio.to_thread(self._give_up, subscriber, why)
        if subscriber.kind == "websub":
            with suppress(FetchError):
                await self._send(subscriber, denial(subscriber, why))

    async def _send(self, subscriber: Subscriber, message: Message) -> bytes:
        with self._slow.watched(subscriber.host):
            return await self._post.send(message)

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


def _lane(subscriber: Subscriber, slow: Container[str]) -> str:
    """With whom it shares its room, so that who takes long, or may not be there at all, holds up only others like it."""
    if subscriber.host in slow:
        return _SLOW
    return _ASKED if subscriber.is_request else _TOLD


def _first_of_each_lane(wanting: Iterable[Subscriber], slow: Mapping[str, float], room: Mapping[str, int]) -> list[Subscriber]:
    """Those for whom there is room; of the slow first those who took least, as they may have been slow by chance."""
    taken: Counter[str] = Counter()
    first = []
    for each in sorted(wanting, key=lambda each: slow.get(each.host, 0)):
        lane = _lane(each, slow)
        if taken[lane] < room[lane]:
            taken[lane] += 1
            first.append(each)
    return first


def _has_ended(subscriber: Subscriber, now: int) -> bool:
    return subscriber.lease_until is not None and subscriber.lease_until <= now
