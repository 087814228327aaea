"""What is sent to each kind of subscriber, and what it knows once it has taken it."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from threading import Lock
from urllib.parse import urlencode

from feeds.model import Change, StoryQuery, Subscriber
from feeds.publish.document import Document
from feeds.publish.documents import FORMATS, FeedDocuments, link_header
from feeds.publish.selection import query_words
from feeds.push.post import Message
from feeds.store import Store
from feeds.store.stories import Stories
from feeds.web.api import JSON, change_json, encoded

# Changes looked through for one webhook at a time, and how often before others have their turn.
_PAGE, _PAGES = 100, 20
# A delivery goes on with the next one when its stories are longer than this.
_MOST_BYTES = 1024 * 1024
# Seconds in which news gather for who is sent whole documents.
_GATHERING = 10


@dataclass(frozen=True, slots=True)
class Parcel:
    """Whoever takes the message, if there is one, knows all up to ``seq``, has the document with that ``etag``, and can wait for
    ``pause`` seconds.
    """

    message: Message | None
    seq: int
    etag: str = ""
    pause: int = 0


def verification(request: Subscriber, challenge: str) -> Message:
    """Asks whether the subscriber meant it (W3C WebSub section 5.3)."""
    mode = "subscribe" if request.state == "asked" else "unsubscribe"
    words = {"hub.mode": mode, "hub.topic": request.topic, "hub.challenge": challenge}
    if mode == "subscribe":
        words["hub.lease_seconds"] = str(request.lease)
    return _asking(request, words)


def denial(subscriber: Subscriber, why: str) -> Message:
    """Says that a subscription is not, or no longer, to be had (section 5.2)."""
    return _asking(subscriber, {"hub.mode": "denied", "hub.topic": subscriber.topic, "hub.reason": why})


def _asking(subscriber: Subscriber, words: Mapping[str, str]) -> Message:
    return Message("GET", f"{subscriber.callback}{'&' if '?' in subscriber.callback else '?'}{urlencode(words)}")


class Parcels:
    def __init__(self, store: Store, documents: FeedDocuments, base_url: str) -> None:
        self._stories = store.stories
        self._documents = documents
        self._base_url = base_url

    def news(self, seq: int) -> News:
        """What there is to tell, as the change log ends at ``seq``."""
        return News(self._stories, self._documents, self._base_url, seq)


class News:
    """What there is to tell while the change log ends at ``seq``; what several subscribers ask for is looked up once."""

    def __init__(self, stories: Stories, documents: FeedDocuments, base_url: str, seq: int) -> None:
        self.seq = seq
        self._stories = stories
        self._documents = documents
        self._base_url = base_url
        self._feeds_changed = cache(stories.feeds_changed)
        self._state = cache(documents.state)
        self._idle = cache(self._find_idle)
        # They can be long, so that few are kept; and many want the same at the same time.
        self._last_changes = lru_cache(4)(self._find_changes)
        self._looking = Lock()

    def idle_until(self, subscriber: Subscriber) -> int | None:
        """The place up to which the change log holds nothing for the subscriber; None if there may be something.

        Raises:
            NotFound: its topic was given up.
        """
        suffix, etag = ("", "") if subscriber.kind == "webhook" else (subscriber.suffix, subscriber.etag)
        return self._idle(subscriber.query, suffix, etag, subscriber.seq)

    def parcel(self, subscriber: Subscriber) -> Parcel:
        """What to send to the subscriber.

        Raises:
            NotFound: its topic was given up.
        """
        if subscriber.kind == "websub":
            return self._news(subscriber)
        if subscriber.kind == "webhook":
            return self._changes(subscriber)
        return self._ping(subscriber)

    def _find_idle(self, query: StoryQuery, suffix: str, etag: str, since: int) -> int | None:
        feeds = self._documents.canonical(query.feed).split("+")
        if set(feeds).isdisjoint(self._feeds_changed(since)):
            return self.seq
        if query_words(query):
            # Of what changed in a topic, few searches show anything, and to find that out costs less than to make their documents.
            told, reached = self._next_changes(query, since)
            if not told:
                return reached
        return self.seq if suffix and self._document(query, suffix).etag == etag else None

    def _document(self, query: StoryQuery, suffix: str) -> Document:
        self._documents.canonical(query.feed)
        return self._documents.get(query, suffix, self._state(query.feed))

    def _news(self, subscriber: Subscriber) -> Parcel:
        """The document (W3C WebSub section 7), signed if there is a secret (section 7.1)."""
        document = self._document(subscriber.query, subscriber.suffix)
        if document.etag == subscriber.etag:
            return Parcel(None, self.seq, document.etag)
        links = self._documents.links(subscriber.query, subscriber.suffix)
        told = link_header({relation: links[relation] for relation in ("hub", "self") if relation in links})
        headers = {"Content-Type": document.content_type, "Link": told}
        if subscriber.secret:
            headers["X-Hub-Signature"] = signature(subscriber.secret, document.body)
        return Parcel(Message("POST", subscriber.callback, headers, document.body), self.seq, document.etag, _GATHERING)

    def _changes(self, subscriber: Subscriber) -> Parcel:
        told, reached = self._next_changes(subscriber.query, subscriber.seq)
        return self._told(subscriber, told, reached) if told else Parcel(None, reached)

    def _next_changes(self, query: StoryQuery, since: int) -> tuple[Sequence[Change], int]:
        with self._looking:
            return self._last_changes(query, since)

    def _find_changes(self, query: StoryQuery, since: int) -> tuple[Sequence[Change], int]:
        """The first page of changes with something for the query in it, and where it ends."""
        self._documents.canonical(query.feed)
        reached = since
        for _ in range(_PAGES):
            begin = reached
            told, reached = self._stories.changes_for(query, begin, _PAGE)
            if told or reached == begin:
                return told, reached
        return [], reached

    def _told(self, subscriber: Subscriber, changes: Sequence[Change], reached: int) -> Parcel:
        items, size = [], 0
        for change in changes:
            items.append(change_json(change, self._base_url))
            size += len(encoded(items[-1]))
            if size > _MOST_BYTES and change is not changes[-1]:
                reached = change.seq
                break
        body = encoded({"webhook": subscriber.id, "items": items, "seq": reached})
        headers = {"Content-Type": JSON, "X-Healthwire-Signature": signature(subscriber.secret, body)}
        return Parcel(Message("POST", subscriber.callback, headers, body), reached)

    def _ping(self, hub: Subscriber) -> Parcel:
        """Tells a hub which of our plain feeds changed, in every format."""
        changed = [name for name in self._feeds_changed(hub.seq) if name in self._documents.names]
        if not changed:
            return Parcel(None, self.seq)
        urls = [self._documents.links(StoryQuery(name), suffix)["self"] for name in changed for suffix in FORMATS]
        body = urlencode([("hub.mode", "publish"), *(("hub.url", url) for url in urls)]).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return Parcel(Message("POST", hub.callback, headers, body), self.seq, pause=_GATHERING)


def signature(secret: str, body: bytes) -> str:
    """Proves to whoever knows the secret that the body is ours."""
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"
