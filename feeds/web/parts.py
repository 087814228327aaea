"""What requests need, and how they get it from the application."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

from flask import current_app

from feeds.drift import BAND_WEEKS, Drift, drift
from feeds.model import Topic
from feeds.ports import Clock, Judge
from feeds.publish.documents import FeedDocuments
from feeds.settings import Network
from feeds.store import Store
from feeds.store.weeks import WEEK
from feeds.web.limiter import Limiter


@dataclass(frozen=True, slots=True)
class WebParts:
    """The parts behind the pages. Ingest counts as alive for ``patience`` seconds after its last heartbeat; ``proxies`` are believed
    when they say for whom they ask. Where it is ``private``, only who has a token may read.
    """

    store: Store
    documents: FeedDocuments
    topics: Sequence[Topic]
    base_url: str
    clock: Clock
    judge: Judge
    patience: int = 60
    limiter: Limiter = field(default_factory=lambda: Limiter(0))
    proxies: Sequence[Network] = ()
    private: bool = False


def parts() -> WebParts:
    """The parts of the application that serves this request."""
    return cast(WebParts, current_app.extensions["healthwire"])


def drift_of(site: WebParts) -> Drift:
    """Whether the news of the last full week still looks like what the model was made for."""
    # One more for the present week, which is not over.
    return drift(site.store.weeks.latest(BAND_WEEKS + 2), site.clock(), WEEK)
