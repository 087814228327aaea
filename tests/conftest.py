"""What tests of several modules share: real databases on both engines, a small filled site, and settings of the tools."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from databases import KINDS, Databases, Kind, Templates
from hypothesis import settings
from program import Home, make_home, trained_model
from web_server import WebServer, web_server
from website import Site, open_site

from feeds.store import Store

# The same examples on every run and machine; a slow machine is no failure.
settings.register_profile("healthwire", deadline=None, derandomize=True, database=None, print_blob=True)
settings.load_profile("healthwire")


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Templates]:
    with ExitStack() as until:
        yield Templates(tmp_path_factory.mktemp("templates"), until)


@pytest.fixture
def databases(tmp_path: Path, templates: Templates) -> Iterator[Databases]:
    made = Databases(tmp_path, templates)
    yield made
    made.close()


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    """Which engine a test runs on; it runs on each."""
    chosen: Kind = request.param
    return chosen


@pytest.fixture
def store(databases: Databases, kind: Kind) -> Store:
    """An empty store, once on SQLite and once on PostgreSQL."""
    return databases.open(databases.migrated(kind))


@pytest.fixture
def sqlite_store(databases: Databases) -> Store:
    """An empty store for tests of what does not depend on the engine."""
    return databases.open(databases.migrated("sqlite"))


@pytest.fixture
def server() -> Iterator[WebServer]:
    with web_server() as running:
        yield running


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with open_site(tmp_path) as site:
        yield site


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site for reading only."""
    with open_site(tmp_path_factory.mktemp("site")) as site:
        yield site


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The register of a model that the program trained from all stories, once."""
    return trained_model(tmp_path_factory.getbasetemp())


@pytest.fixture
def home(tmp_path: Path, models: Path) -> Home:
    """A data directory of its own with that model in use."""
    return make_home(tmp_path, models)
