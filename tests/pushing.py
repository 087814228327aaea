"""A site with a hub, and what tells its subscribers."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from ipaddress import ip_network

from databases import rows
from fakes import KeywordJudge
from flask.testing import FlaskClient
from ingest_support import LOOPBACK, USER_AGENT
from website import BASE, TOPICS, Site

from feeds.model import Topic
from feeds.publish.documents import FeedDocuments
from feeds.push.parcels import Parcels
from feeds.push.post import Post
from feeds.push.slow import SlowHosts
from feeds.push.worker import Push
from feeds.store.schema import subscriber
from feeds.web.app import create_app
from feeds.web.parts import WebParts

HUB = f"{BASE}/hub"
FINANCE = f"{BASE}/feeds/finance.atom"
DAY = 86_400


def documents_of(site: Site, hub: str | None = HUB, topics: Sequence[Topic] = TOPICS) -> FeedDocuments:
    return FeedDocuments(site.store, topics, BASE, hub)


def client_of(site: Site, hub: str | None = HUB) -> FlaskClient:
    parts = WebParts(site.store, documents_of(site, hub), TOPICS, BASE, site.clock, KeywordJudge())
    return create_app(parts, "a key for tests only").test_client()


def push_of(
    site: Site,
    *,
    allowed: Sequence[str] = LOOPBACK,
    timeout: float = 20,
    topics: Sequence[Topic] = TOPICS,
    at_once: int = 16,
    slow: SlowHosts | None = None,
) -> Push:
    post = Post(USER_AGENT, [ip_network(network) for network in allowed], timeout=timeout, at_once=at_once)
    return Push(site.store, Parcels(site.store, documents_of(site, topics=topics), BASE), post, site.clock, slow)


def never() -> bool:
    return False


def ask(client: FlaskClient, callback: str, topic: str = FINANCE, mode: str = "subscribe", **words: str) -> int:
    """The status of the hub's answer."""
    form = {"hub.mode": mode, "hub.topic": topic, "hub.callback": callback} | {f"hub.{name}": value for name, value in words.items()}
    return client.post("/hub", data=form).status_code


def subscribers(site: Site) -> list[dict[str, object]]:
    return rows(site.store, subscriber)


def hmac_sha256(secret: bytes, body: bytes) -> str:
    """As RFC 2104 defines it."""
    key = (secret if len(secret) <= 64 else hashlib.sha256(secret).digest()).ljust(64, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in key) + body).digest()
    return hashlib.sha256(bytes(byte ^ 0x5C for byte in key) + inner).hexdigest()
