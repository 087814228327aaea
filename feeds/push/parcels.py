"""What is sent to each kind of subscriber, and what it knows once it has taken it."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from feeds.model import Change, StoryQuery, Subscriber
from feeds.publish.document import Document
from feeds.publish.documents import FORMATS, FeedDocuments
from feeds.publish.selection import query_words
from feeds.push.post import Message
from feeds.store import Store
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
    return Message("GET", f"{request.callback}{'&' if '?' in request.callback else '?'}{urlencode(words)}")


class Parcels:
    def __init__(self, store: Store, documents: FeedDocuments, base_url: str) -> None:
        self._stories = store.stories
        self._documents = documents
        self._base_url = base_url

    def idle_until(self, subscriber: Subscriber, seq: int) -> int | None:
        """The place up to which the change log, which ends at ``seq``, holds nothing for the subscriber; None if there is something.

        Raises:
            NotFound: its topic was given up.
        """
        feeds = self._documents.canonical(subscriber.query.feed).split("+")
        if not set(feeds) & set(self._stories.feeds_changed(subscriber.seq)):
            return seq
        if subscriber.kind == "webhook" or query_words(subscriber.query):
            # Of what changed in a topic, few searches show anything, and to find that out costs less than to make their documents.
            told, reached = self._next_changes(subscriber)
            if not told:
                return reached
        if subscriber.kind == "webhook":
            return None
        return seq if self._document(subscriber).etag == subscriber.etag else None

    def parcel(self, subscriber: Subscriber, seq: int) -> Parcel:
        """What to send to the subscriber, as the change log ends at ``seq``.

        Raises:
            NotFound: its topic was given up.
        """
        if subscriber.kind == "websub":
            return self._news(subscriber, seq)
        if subscriber.kind == "webhook":
            return self._changes(subscriber)
        return self._ping(subscriber, seq)

    def _document(self, subscriber: Subscriber) -> Document:
        self._documents.canonical(subscriber.query.feed)
        return self._documents.get(subscriber.query, subscriber.suffix)

    def _news(self, subscriber: Subscriber, seq: int) -> Parcel:
        """The document (W3C WebSub section 7), signed if there is a secret (section 7.1)."""
        document = self._document(subscriber)
        if document.etag == subscriber.etag:
            return Parcel(None, seq, document.etag)
        links = self._documents.links(subscriber.query, subscriber.suffix)
        told = ", ".join(f'<{links[relation]}>; rel="{relation}"' for relation in ("hub", "self") if relation in links)
        headers = {"Content-Type": document.content_type, "Link": told}
        if subscriber.secret:
            headers["X-Hub-Signature"] = signature(subscriber.secret, document.body)
        return Parcel(Message("POST", subscriber.callback, headers, document.body), seq, document.etag, _GATHERING)

    def _changes(self, subscriber: Subscriber) -> Parcel:
        told, reached = self._next_changes(subscriber)
        return self._told(subscriber, told, reached) if told else Parcel(None, reached)

    def _next_changes(self, subscriber: Subscriber) -> tuple[Sequence[Change], int]:
        """The first page of changes with something for the subscriber in it, and where it ends."""
        self._documents.canonical(subscriber.query.feed)
        reached = subscriber.seq
        for _ in range(_PAGES):
            since = reached
            told, reached = self._stories.changes_for(subscriber.query, since, _PAGE)
            if told or reached == since:
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

    def _ping(self, hub: Subscriber, seq: int) -> Parcel:
        """Tells a hub which of our plain feeds changed, in every format."""
        changed = [name for name in self._stories.feeds_changed(hub.seq) if name in self._documents.names]
        if not changed:
            return Parcel(None, seq)
        urls = [self._documents.links(StoryQuery(name), suffix)["self"] for name in changed for suffix in FORMATS]
        body = urlencode([("hub.mode", "publish"), *(("hub.url", url) for url in urls)]).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return Parcel(Message("POST", hub.callback, headers, body), seq, pause=_GATHERING)


def signature(secret: str, body: bytes) -> str:
    """Proves to whoever knows the secret that the body is ours."""
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"
