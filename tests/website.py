"""A small filled store and the site in front of it, for tests of what the public sees."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from builders import issue, news, poll_of
from fakes import START, FakeClock, KeywordJudge
from flask import Flask
from flask.testing import FlaskClient
from lxml import etree

from feeds.model import Issue, Source, Subscription, Topic
from feeds.publish.documents import FeedDocuments
from feeds.store import Store, migrate, open_store
from feeds.web.app import create_app
from feeds.web.parts import WebParts

BASE = "https://news.example.org"
TOPICS = (
    Topic("finance", "Finance", "Money in & out of the system"),
    Topic("workforce", "Workforce", "The people < 5 ft or > 6 ft"),
)
FEED_URL = "https://press.example.org/feed.xml"
HOME_URL = "https://press.example.org/"

ATOM = {"a": "http://www.w3.org/2005/Atom"}

# The stories of a filled site, as its feeds show them.
NEWEST_FIRST = ["Owls nest at the infirmary", "Bank staff cost twice as much", "Deficit grows at Harrow", "Nurses leave for Leeds"]


@dataclass(frozen=True, slots=True)
class Site:
    """``press`` is a feed on the web, ``letters`` a folder of newsletters on the machine that serves."""

    store: Store
    clock: FakeClock
    client: FlaskClient
    press: Source
    letters: Source

    def tell(self, source: Source, *issues: Issue, after: int = 60) -> None:
        """Stores what a source reported, some time later."""
        self.clock.advance(after)
        self.store.polls.write(source.id, issues, self.clock())

    def restarted(self, base_url: str = BASE) -> FeedDocuments:
        """The documents as another process on the same store makes them."""
        return FeedDocuments(self.store, TOPICS, base_url)

    def json(self, address: str) -> Any:
        response = self.client.get(address)
        assert response.status_code == 200, response.text
        return json.loads(response.data)

    def ids(self) -> dict[str, str]:
        """The ids of the newest stories by their titles."""
        return {item["title"]: item["id"] for item in self.json("/api/v1/stories?limit=100")["items"]}


@cache
def _migrated() -> bytes:
    """An empty database, made once."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "healthwire.db"
        store = open_store(f"sqlite:///{file}")
        migrate(store.engine)
        store.engine.dispose()
        return file.read_bytes()


@contextmanager
def open_site(folder: Path, *, filled: bool = True) -> Iterator[Site]:
    (folder / "healthwire.db").write_bytes(_migrated())
    store = open_store(f"sqlite:///{folder / 'healthwire.db'}")
    clock = FakeClock()
    letters = folder / "letters"
    subscriptions = [Subscription(FEED_URL, "Press & Journal"), Subscription(f"{letters.as_uri()}/", "Files in letters")]
    press, folder_source = store.sources.add(subscriptions, next_poll=START)
    site = Site(store, clock, _application(store, clock).test_client(), press, folder_source)
    if filled:
        _fill(site)
    try:
        yield site
    finally:
        store.engine.dispose()


def load_application(folder: Path) -> Flask:
    """The application as another process makes it on the database of a site that is open there."""
    return _application(open_store(f"sqlite:///{folder / 'healthwire.db'}"), FakeClock())


def _application(store: Store, clock: FakeClock) -> Flask:
    site = WebParts(store, FeedDocuments(store, TOPICS, BASE), TOPICS, BASE, clock, KeywordJudge())
    return create_app(site, "a key for tests only")


def _fill(site: Site) -> None:
    deficit = news("Deficit grows at Harrow", url="https://press.example.org/deficit", topics=topics(finance=0.93, workforce=0.04))
    nurses = news("Nurses leave for Leeds", topics=topics(workforce=0.8))
    first = issue("catch-up", deficit, nurses, published=START - 3600, author="Ada Wren", url="https://press.example.org/catch-up")
    (lease,) = site.store.polls.claim(START, 60, 1, [site.press.id])
    site.store.polls.finish(lease, replace(poll_of(first), home_url=HOME_URL))
    bank = issue("letter.txt", news("Bank staff cost twice as much", topics=topics(finance=0.7, workforce=0.99)))
    site.tell(site.letters, replace(bank, doubt="kept whole: its headings are not told from its text"))
    site.tell(site.press, issue("owls", news("Owls nest at the infirmary", url="https://press.example.org/owls", topics=topics())))
    again = news("Harrow in the red", url="https://www.press.example.org/deficit/?utm_source=letter", topics=topics(finance=0.9))
    site.tell(site.letters, issue("again.txt", again))


def topics(**confidences: float) -> Mapping[str, float]:
    """Confidences of all topics, those not named being unlikely."""
    return {topic.name: confidences.get(topic.name, 0.02) for topic in TOPICS}


def atom(body: bytes) -> etree._Element:
    """An Atom document's feed element."""
    return etree.fromstring(body, etree.XMLParser(resolve_entities=False, no_network=True))


def texts(element: etree._Element, path: str) -> list[str]:
    """The texts or attributes that an XPath with the prefix ``a`` for Atom finds."""
    return [str(found if isinstance(found, str) else found.text) for found in element.xpath(path, namespaces=ATOM)]
