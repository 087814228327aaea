"""The memory in front of the application: what is answered from it is what the application would answer, and never out of date."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from email.utils import formatdate
from itertools import count
from threading import Barrier, Thread
from typing import Any

import pytest
from builders import issue, news
from fakes import START, Seconds
from hypothesis import given, settings
from hypothesis import strategies as st
from website import TOPICS, Site, topics
from werkzeug.test import Client, TestResponse

from feeds.errors import StoreError
from feeds.model import Untaught
from feeds.publish.document import document
from feeds.web import memory
from feeds.web.answer import DOCUMENT, Answer
from feeds.web.memory import Memory
from feeds.web.version import Version

PLACES = [
    "/",
    "/?cursor=7ZZZZZZZZZZZZZZZZZZZZZZZZZ",
    "/topics/finance+workforce",
    "/search",
    "/search?q=deficit",
    "/feeds/all.atom",
    "/feeds/finance.rss",
    "/feeds/untagged.json?limit=2",
    "/feeds/sources-health.atom",
    "/feeds.opml",
    "/api/v1/stories",
    "/api/v1/stories?limit=1&fields=title",
    "/api/v1/stories.csv",
    "/api/v1/changes?since=2&limit=1",
    "/api/v1/topics",
]
OWL = "Owls nest at the infirmary"


def always_later() -> Callable[[], float]:
    """A clock by which whoever asks again asks after any pause."""
    moments = count()
    return lambda: float(next(moments))


@dataclass
class Front:
    """A site behind a memory, with the addresses for which the application was called."""

    site: Site
    called: list[str] = field(default_factory=list)
    client: Client = field(init=False)

    def __post_init__(self) -> None:
        self.client = Client(Memory(self.application, Version(self.site.store.status.version, always_later())), use_cookies=False)

    def application(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        self.called.append(environ["PATH_INFO"])
        return self.site.client.application(environ, start_response)

    def calls(self, place: str, method: str = "GET", **headers: str) -> int:
        """How often the application was called for a request."""
        before = len(self.called)
        with self.client.open(place, method=method, headers=dashed(headers)):
            return len(self.called) - before

    def text(self, place: str) -> str:
        return self.client.get(place).text


def dashed(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def told(response: TestResponse) -> tuple[str, list[tuple[str, str]], bytes]:
    return response.status, sorted(response.headers.items()), response.data


@pytest.fixture
def front(still: Site) -> Front:
    """Nothing is in its memory yet."""
    return Front(still)


@pytest.fixture(scope="module")
def standing(still: Site) -> Front:
    """All places are in its memory, and nothing changes."""
    front = Front(still)
    for place in PLACES:
        assert front.client.get(place).status_code == 200
    return front


# ---------------------------------------------------------------- whether something changed


def test_the_version_is_read_again_after_ten_milliseconds_and_not_before() -> None:
    clock, numbers = Seconds(), count(1)
    version = Version(lambda: next(numbers), clock)
    seen = []
    for moment in (0.0, 0.001, 0.009, 0.0101, 0.019, 0.0202, 9.0, 9.0):
        clock.now = 5000 + moment
        seen.append(version.now())
    assert seen == [1, 1, 1, 2, 2, 3, 4, 4]


def test_the_version_is_read_once_however_many_ask_at_once() -> None:
    clock, reads = Seconds(), []
    version = Version(lambda: reads.append(clock.now), clock)
    rounds, askers = 50, 8
    barrier = Barrier(askers, action=lambda: setattr(clock, "now", clock.now + 1))

    def ask() -> None:
        for _ in range(rounds):
            barrier.wait()
            version.now()
            barrier.wait()

    threads = [Thread(target=ask) for _ in range(askers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(reads) == len(set(reads)) <= 2 * rounds


def test_who_was_overtaken_before_reading_the_version_does_not_read_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    others: list[Version] = []

    class Crossing:
        """A lock before which somebody else goes first."""

        def acquire(self, blocking: bool) -> bool:
            if others:
                others.pop().now()
            return True

        def release(self) -> None:
            pass

    monkeypatch.setattr(memory, "Lock", Crossing)
    numbers = count(1)
    version = Version(lambda: next(numbers), Seconds())
    others.append(version)
    assert version.now() == 1
    assert next(numbers) == 2


def test_whoever_asks_while_the_version_is_read_gets_the_one_before() -> None:
    clock, meanwhile, numbers = Seconds(), [], count(1)

    def read() -> Hashable:
        clock.now += 1
        meanwhile.append(version.now())
        return next(numbers)

    version = Version(read, clock)
    assert version.now() == 1
    clock.now += 1
    assert version.now() == 2
    assert meanwhile == [None, 1]


def test_while_the_store_fails_the_last_version_holds_and_it_is_asked_once_a_second() -> None:
    clock, asked = Seconds(), []
    answers: Iterator[int | None] = iter([None, 7, None, None, 8])

    def read() -> Hashable:
        asked.append(clock.now - 5000)
        answer = next(answers)
        if answer is None:
            raise StoreError("the disk is gone")
        return answer

    version = Version(read, clock)
    seen = {}
    for moment in (0.0, 0.9, 1.1, 1.2, 2.1, 2.3, 3.3):
        clock.now = 5000 + moment
        seen[moment] = version.now()
    assert seen == {0.0: None, 0.9: None, 1.1: 7, 1.2: 7, 2.1: 7, 2.3: 7, 3.3: 8}
    assert [round(moment, 1) for moment in asked] == [0.0, 1.1, 1.2, 2.3, 3.3]


# ---------------------------------------------------------------- the same answers


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("place", PLACES)
def test_what_was_answered_once_is_answered_without_the_application(front: Front, place: str, method: str) -> None:
    assert [front.calls(place, method) for _ in range(3)] == [1, 0, 0]
    assert front.calls(place, "HEAD" if method == "GET" else "GET") == 0


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("coding", ["", "gzip"])
@pytest.mark.parametrize("known", [False, True], ids=["200", "304"])
@pytest.mark.parametrize("place", PLACES)
def test_memory_answers_as_the_application_does(standing: Front, place: str, method: str, coding: str, known: bool) -> None:
    headers = {"Accept-Encoding": coding} | ({"If-None-Match": "*"} if known else {})
    before = len(standing.called)
    mine, its = (client.open(place, method=method, headers=headers) for client in (standing.client, standing.site.client))
    assert len(standing.called) == before
    assert told(mine) == told(its)
    assert mine.status_code == (304 if known else 200)
    assert bool(mine.data) == (method == "GET" and not known)


_plain_text = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=30)
_codings = st.sampled_from(["", "gzip", "*", "identity", "br, gzip;q=0.5", "gzip;q=0", "identity;q=0.5, gzip", "gzip;q=x"]) | _plain_text
_tags = st.sampled_from(["{plain}", "{gzip}", "W/{plain}", '"other", {gzip}', "*", '"other"', "", "{plain", ","]) | _plain_text.map(
    lambda text: text.replace("{", "").replace("}", "")
)
_dates = st.integers(START - 300, START + 600).map(lambda moment: formatdate(moment, usegmt=True)) | _plain_text


@settings(max_examples=150)
@given(
    place=st.sampled_from(PLACES),
    method=st.sampled_from(["GET", "HEAD"]),
    coding=st.none() | _codings,
    tag=st.none() | _tags,
    date=st.none() | _dates,
)
def test_whatever_is_asked_memory_answers_as_the_application_does(
    standing: Front, place: str, method: str, coding: str | None, tag: str | None, date: str | None
) -> None:
    own = standing.site.client.get(place).headers["ETag"]
    tags = tag and tag.replace("{plain}", own).replace("{gzip}", own[:-1] + '-gzip"')
    asked = {"Accept-Encoding": coding, "If-None-Match": tags, "If-Modified-Since": date}
    headers = {name: value for name, value in asked.items() if value is not None}
    mine, its = (client.open(place, method=method, headers=headers) for client in (standing.client, standing.site.client))
    assert told(mine) == told(its)


def test_a_page_from_memory_is_as_well_protected_as_a_new_one(front: Front) -> None:
    new, kept = front.client.get("/"), front.client.get("/")
    assert front.called == ["/"]
    for response in (new, kept):
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]
        assert response.headers["Referrer-Policy"] == "no-referrer"
        assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_the_coding_is_chosen_for_each_request_anew(front: Front) -> None:
    packed = front.client.get("/feeds/all.atom", headers={"Accept-Encoding": "gzip"})
    plain = front.client.get("/feeds/all.atom")
    assert (packed.headers["Content-Encoding"], plain.headers.get("Content-Encoding")) == ("gzip", None)
    assert gzip.decompress(packed.data) == plain.data


# ---------------------------------------------------------------- never out of date


def tell_new(site: Site) -> None:
    site.tell(site.press, issue("new", news("Ward staff walk out", topics=topics(workforce=0.9))))


def edit(site: Site) -> None:
    site.tell(site.press, issue("owls", news(OWL, "They have gone.", url="https://press.example.org/owls", topics=topics())))


def decide(site: Site) -> None:
    site.store.corrections.decide(site.ids()[OWL], {"workforce": True}, "ada", site.clock())


def retag(site: Site) -> None:
    story = site.json(f"/api/v1/stories/{site.ids()[OWL]}")
    told = Untaught(story["id"], story["seq"], story["title"], story["text"])
    site.store.tags.retag([(told, news(OWL, topics=topics(finance=0.6)).verdict)], site.clock())


def merge(site: Site) -> None:
    site.tell(site.letters, issue("more", news("Owls at the door", url="https://press.example.org/owls", topics=topics())))


def withdraw(site: Site) -> None:
    site.store.sources.remove(site.press.id, site.clock())


def give_up(site: Site) -> None:
    site.store.tags.keep_only([topic.name for topic in TOPICS[:1]], site.clock())


@pytest.mark.parametrize("change", [tell_new, edit, decide, retag, merge, withdraw, give_up])
def test_the_first_request_after_a_change_sees_it(site: Site, change: Callable[[Site], None]) -> None:
    front = Front(site)
    story = f"/stories/{site.ids()[OWL]}"
    places = ["/", "/topics/workforce", "/feeds/all.atom", "/feeds/workforce.json", "/api/v1/stories", "/api/v1/changes", story]
    before = {place: front.client.get(place).data for place in places}
    change(site)
    after = {place: front.client.get(place).data for place in places}
    assert after == {place: site.client.get(place).data for place in places}
    assert after["/api/v1/changes"] != before["/api/v1/changes"]


def test_what_happened_to_a_source_is_seen_at_once(site: Site) -> None:
    front = Front(site)
    place = "/feeds/sources-health.atom"
    assert "fell silent for a test" not in front.text(place)
    (watched,) = [each for each in site.store.silences.watched() if each.id == site.press.id]
    assert site.store.silences.fall_silent(watched, START, "fell silent for a test", START + 300)
    assert "fell silent for a test" in front.text(place)


def test_an_answer_made_while_something_changed_is_not_kept_as_if_newer(site: Site) -> None:
    def slow(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        answered = list(site.client.application(environ, start_response))
        tell_new(site)
        return answered

    clock = Seconds()
    client = Client(Memory(slow, Version(site.store.status.version, clock)))
    assert "Ward staff walk out" not in client.get("/").text
    clock.now += 1
    assert "Ward staff walk out" in client.get("/").text


def test_what_is_published_shows_within_the_pause(site: Site) -> None:
    clock = Seconds()
    client = Client(Memory(site.client.application, Version(site.store.status.version, clock)))
    client.get("/")
    tell_new(site)
    assert "Ward staff walk out" not in client.get("/").text
    clock.now += 0.0101
    assert "Ward staff walk out" in client.get("/").text


def test_what_is_in_memory_is_answered_while_the_database_is_away(site: Site) -> None:
    clock = Seconds()
    is_away: list[bool] = []

    def read() -> Hashable:
        if is_away:
            raise StoreError("away")
        return site.store.status.version()

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        assert not is_away
        return site.client.application(environ, start_response)

    client = Client(Memory(application, Version(read, clock)))
    before = client.get("/").data
    is_away.append(True)
    for _ in range(3):
        clock.now += 10
        assert client.get("/").data == before


# ---------------------------------------------------------------- what is not kept


@pytest.mark.parametrize("headers", [{"Cookie": "healthwire=x"}, {"Authorization": "Bearer x"}, {"Cookie": ""}])
def test_who_says_who_he_is_is_answered_by_the_application(front: Front, headers: dict[str, str]) -> None:
    assert [front.calls("/", **headers) for _ in range(2)] == [1, 1]
    assert front.calls("/") == 1, "nor is anything kept of it"
    assert front.calls("/", **headers) == 1


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "FROB"])
def test_other_methods_are_answered_by_the_application(front: Front, method: str) -> None:
    front.client.get("/feeds/all.atom")
    assert [front.calls("/feeds/all.atom", method) for _ in range(2)] == [1, 1]


@pytest.mark.parametrize(
    ("place", "status"),
    [
        ("/nosuch", 404),
        ("/feeds/nosuch.atom", 404),
        ("/api/v1/stories?limit=0", 400),
        ("/search?q=-", 400),
        ("/quality", 200),
        ("/sources", 200),
        ("/api/v1/sources", 200),
        ("/api/v1/model", 200),
        ("/healthz", 200),
        ("/readyz", 503),
        ("/metrics", 200),
        ("/static/style.css", 200),
        ("/review", 303),
    ],
)
def test_what_is_wrong_or_may_change_by_itself_is_not_kept(front: Front, place: str, status: int) -> None:
    for _ in range(2):
        with front.client.get(place) as response:
            assert response.status_code == status
    assert front.called == [place.partition("?")[0]] * 2


def test_addresses_that_differ_in_one_character_are_answered_each_for_itself(front: Front) -> None:
    places = ["/feeds/all.atom", "/feeds/all.rss", "/api/v1/stories?limit=1", "/api/v1/stories?limit=2", "/api/v1/stories"]
    first = [front.client.get(place).data for place in places]
    assert [front.client.get(place).data for place in places] == first
    assert len(set(first)) == len(places)


@pytest.mark.parametrize(
    "place", [f"/?x={'a' * 2000}", f"/topics/{'finance,' * 249}finance", f"/topics/untagged,{'finance,' * 248}finance{'x' * 5000}"]
)
def test_a_very_long_address_is_not_kept(front: Front, place: str) -> None:
    assert [front.calls(place) for _ in range(2)] == [1, 1]


# ---------------------------------------------------------------- bounds


def plain_documents(size: int) -> tuple[Client, list[str]]:
    """An application that answers everything with as many bytes, behind a memory; and what it is called for."""
    called: list[str] = []

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        called.append(environ["PATH_INFO"])
        made = environ[DOCUMENT] = Answer(document(b"x" * size, "text/plain", START))
        status, headers, body = made.to(environ)
        start_response(status, headers)
        return [body]

    return Client(Memory(application, Version(lambda: 1))), called


def test_only_so_many_answers_are_kept_and_the_oldest_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_MOST_ANSWERS", 3)
    client, called = plain_documents(1)
    for place in ("/1", "/2", "/3", "/4", "/2", "/3", "/4", "/1"):
        client.get(place)
    assert called == ["/1", "/2", "/3", "/4", "/1"]


def test_only_so_many_bytes_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_MOST_BYTES", 1300)
    monkeypatch.setattr(memory, "_OVERHEAD", 100)
    client, called = plain_documents(300)
    for place in ("/1", "/2", "/3", "/4", "/2", "/3", "/4", "/1"):
        client.get(place)
    assert called == ["/1", "/2", "/3", "/4", "/1"]


def test_an_answer_that_is_made_again_takes_its_place_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_MOST_BYTES", 900)
    monkeypatch.setattr(memory, "_OVERHEAD", 100)
    called: list[str] = []
    versions = iter([1, 2, 3, 4, 4, 4])

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        called.append(environ["PATH_INFO"])
        made = environ[DOCUMENT] = Answer(document(b"x" * 300, "text/plain", START))
        status, headers, body = made.to(environ)
        start_response(status, headers)
        return [body]

    client = Client(Memory(application, Version(lambda: next(versions), always_later())))
    for place in ("/1", "/1", "/1", "/2", "/2", "/2"):
        client.get(place)
    assert called == ["/1", "/1", "/1", "/2"]
