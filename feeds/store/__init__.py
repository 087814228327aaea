"""The only SQL of the project: sources, stories and the change log, on SQLite or PostgreSQL."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from feeds.errors import StoreError
from feeds.settings import Settings
from feeds.store.corrections import Corrections
from feeds.store.engine import connect, migrate
from feeds.store.events import Events
from feeds.store.polls import Polls
from feeds.store.raws import Raws
from feeds.store.silences import Silences
from feeds.store.sources import Sources
from feeds.store.status import Status
from feeds.store.stories import Stories
from feeds.store.subscribers import Subscribers
from feeds.store.tags import Tags
from feeds.store.tokens import Tokens
from feeds.store.weeks import Weeks

__all__ = ["Store", "migrate", "open_store", "prepared_store"]


@dataclass(frozen=True, slots=True)
class Store:
    """The parts of the store, all on one engine."""

    engine: sa.Engine
    sources: Sources
    polls: Polls
    stories: Stories
    events: Events
    silences: Silences
    status: Status
    tags: Tags
    corrections: Corrections
    weeks: Weeks
    raws: Raws
    tokens: Tokens
    subscribers: Subscribers


def open_store(url: str) -> Store:
    """The store at a database address; its schema must be up to date (see ``migrate``).

    Raises:
        StoreError: the address cannot be understood.
    """
    engine = connect(url)
    return Store(
        engine,
        Sources(engine),
        Polls(engine),
        Stories(engine),
        Events(engine),
        Silences(engine),
        Status(engine),
        Tags(engine),
        Corrections(engine),
        Weeks(engine),
        Raws(engine),
        Tokens(engine),
        Subscribers(engine),
    )


def prepared_store(settings: Settings) -> Store:
    """The store that the settings name, its folder made and its schema up to date.

    Raises:
        StoreError: the folder or the database cannot be used.
    """
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"cannot use HEALTHWIRE_DATA_DIR={settings.data_dir}: {(error.strerror or str(error)).lower()}") from error
    store = open_store(settings.database)
    migrate(store.engine)
    # Made at once, so that a backup taken before the first feed was asked for holds it too.
    store.status.instance()
    return store
