"""What subscribers are told, over real connections: W3C WebSub sections 5 to 7, webhooks, and an outside hub."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_network
from pathlib import Path
from threading import Barrier, Event, Thread
from typing import Any
from urllib.parse import parse_qsl

import pytest
from builders import issue, news
from fakes import START, Seconds
from ingest_support import LOOPBACK, USER_AGENT
from processes import children
from program import eventually, free_port
from pushing import DAY, FINANCE, HUB, ask, client_of, hmac_sha256, never, push_of, subscribers
from sqlalchemy import event
from web_server import Answer, Request, WebServer, web_server
from website import BASE, TOPICS, Site, topics

from feeds.errors import StoreError
from feeds.model import StoryQuery, Subscriber
from feeds.publish.documents import FeedDocuments
from feeds.push.parcels import News, Parcels
from feeds.push.post import Post
from feeds.push.slow import SlowHosts
from feeds.push.worker import Push, wait
from feeds.store import open_store
from feeds.store import subscribers as module

YES = Answer(echo="hub.challenge")
SECRET = "s3cret ß"  # noqa: S105
EVERYTHING = StoryQuery()


def asked(server: WebServer, path: str, method: str = "POST") -> list[Request]:
    return [request for request in server.requests if request.method == method and request.path.partition("?")[0] == path]


def subscribe(site: Site, server: WebServer, path: str, *answers: Answer, topic: str = FINANCE, secret: str = "") -> str:
    """A subscription that was confirmed; then the callback gives these answers."""
    callback = server.script(path, YES, *(answers or (Answer(204),)))
    assert ask(client_of(site), callback, topic, secret=secret) == 202
    push_of(site)(never)
    assert [row["state"] for row in subscribers(site) if row["callback"] == callback] == ["active"]
    return callback


def tell(site: Site, title: str, **confidences: float) -> None:
    site.tell(site.press, issue(title, news(title, topics=topics(**confidences))))


def hook(site: Site, url: str, query: StoryQuery = EVERYTHING, seq: int = 0) -> Subscriber:
    """A webhook of Ada's."""
    if not site.store.tokens.list():
        site.store.tokens.create("Ada", START)
    return site.store.subscribers.add_webhook(Subscriber("webhook", url, START, query=query, secret=SECRET, owner="Ada", seq=seq))


def told(request: Request) -> Any:
    return json.loads(request.body)


# ---------------------------------------------------------------- our hub: verification of intent


def test_the_callback_is_asked_whether_it_meant_it(site: Site, server: WebServer) -> None:
    server.script("/cb", YES)
    assert ask(client_of(site), server.url("/cb?id=7&x=%2B"), lease_seconds="90000") == 202

    push_of(site)(never)

    (request,) = server.requests
    assert request.path.startswith("/cb?id=7&x=%2B&")
    challenge = request.words["hub.challenge"]
    assert len(challenge) >= 43
    assert request.words == {
        "id": "7",
        "x": "+",
        "hub.mode": "subscribe",
        "hub.topic": FINANCE,
        "hub.challenge": challenge,
        "hub.lease_seconds": "90000",
    }
    assert request.headers["user-agent"] == USER_AGENT
    (active,) = subscribers(site)
    assert (active["state"], active["lease_until"]) == ("active", site.clock() + 90_000)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(404),
        Answer(200, b"not the challenge"),
        Answer(200),
        Answer(500),
        Answer(410),
        Answer(302, headers={"Location": "/elsewhere"}),
        Answer(200, b"x" * 100_000),
    ],
    ids=str,
)
def test_every_other_answer_is_a_no(site: Site, server: WebServer, answer: Answer) -> None:
    assert ask(client_of(site), server.script("/cb", answer)) == 202
    push_of(site)(never)
    push_of(site)(never)
    assert subscribers(site) == []
    assert len(server.requests) == 1


def test_each_request_has_a_challenge_of_its_own(site: Site, server: WebServer) -> None:
    for path in ("/a", "/b"):
        subscribe(site, server, path)
    first, second = server.requests
    assert first.words["hub.challenge"] != second.words["hub.challenge"]


def test_whoever_cannot_be_asked_is_asked_again_for_an_hour(site: Site) -> None:
    assert ask(client_of(site), f"http://127.0.0.1:{free_port()}/cb") == 202
    begun, tries = site.clock(), []
    while rows := subscribers(site):
        site.clock.now = max(site.clock(), int(str(rows[0]["next_try"])))
        tries.append(site.clock() - begun)
        push_of(site)(never)
    assert tries == [0, 60, 180, 420, 900, 1860, 3780]


def test_a_callback_that_hangs_is_asked_again(site: Site, server: WebServer) -> None:
    release = Event()
    server.script("/cb", Answer(hold=release.wait), YES)
    assert ask(client_of(site), server.url("/cb")) == 202
    push_of(site, timeout=0.2)(never)
    release.set()
    (row,) = subscribers(site)
    assert (row["state"], row["failures"], row["error"]) == ("asked", 1, "no complete answer within 0.2 s")
    site.clock.advance(60)
    push_of(site)(never)
    assert [row["state"] for row in subscribers(site)] == ["active"]


# ---------------------------------------------------------------- our hub: delivery


def test_news_are_delivered_as_the_feed_shows_them_signed_and_with_links(site: Site, server: WebServer) -> None:
    subscribe(site, server, "/cb", secret=SECRET)
    tell(site, "Savings found", finance=0.9)

    push_of(site)(never)
    push_of(site)(never)

    (delivery,) = asked(server, "/cb")
    feed = client_of(site).get("/feeds/finance.atom")
    assert delivery.body == feed.data
    assert b"Savings found" in delivery.body
    assert delivery.headers["content-type"] == feed.headers["Content-Type"] == "application/atom+xml; charset=utf-8"
    assert delivery.headers["link"] == f'<{HUB}>; rel="hub", <{FINANCE}>; rel="self"'
    assert delivery.headers["x-hub-signature"] == f"sha256={hmac_sha256(SECRET.encode(), delivery.body)}"
    assert delivery.headers["user-agent"] == USER_AGENT


@pytest.mark.parametrize("suffix", ["rss", "json"])
def test_each_subscriber_gets_the_document_it_subscribed_to(site: Site, server: WebServer, suffix: str) -> None:
    topic = f"{BASE}/feeds/workforce.{suffix}?limit=2"
    subscribe(site, server, "/cb", topic=topic)
    tell(site, "Nurses return", workforce=0.9)
    push_of(site)(never)
    (delivery,) = asked(server, "/cb")
    feed = client_of(site).get(f"/feeds/workforce.{suffix}?limit=2")
    assert (delivery.body, delivery.headers["content-type"]) == (feed.data, feed.headers["Content-Type"])
    assert f'<{topic}>; rel="self"' in delivery.headers["link"]
    assert "x-hub-signature" not in delivery.headers


def test_what_was_there_before_and_what_others_follow_is_not_delivered(site: Site, server: WebServer) -> None:
    subscribe(site, server, "/finance")
    subscribe(site, server, "/deficit", topic=f"{BASE}/feeds/all.atom?q=deficit")
    tell(site, "Nurses return", workforce=0.9)
    push_of(site)(never)
    assert [request for request in server.requests if request.method == "POST"] == []
    assert {row["seq"] for row in subscribers(site)} == {site.store.stories.last_change().seq}


def test_what_came_before_the_confirmation_is_delivered(site: Site, server: WebServer) -> None:
    assert ask(client_of(site), server.script("/cb", YES, Answer(204))) == 202
    tell(site, "Savings found", finance=0.9)
    push_of(site)(never)
    assert len(asked(server, "/cb")) == 1


def test_news_gather_for_ten_seconds_after_a_delivery(site: Site, server: WebServer) -> None:
    subscribe(site, server, "/cb")
    tell(site, "One", finance=0.9)
    push_of(site)(never)
    site.tell(site.press, issue("2", news("Two", topics=topics(finance=0.9))), after=4)
    site.tell(site.press, issue("3", news("Three", topics=topics(finance=0.9))), after=5)
    push_of(site)(never)
    assert len(asked(server, "/cb")) == 1
    site.clock.advance(1)
    push_of(site)(never)
    _, second = asked(server, "/cb")
    assert b"Two" in second.body
    assert b"Three" in second.body


def test_failed_deliveries_are_tried_again_later_and_later(site: Site, server: WebServer) -> None:
    redirect = Answer(307, headers={"Location": server.script("/elsewhere", Answer(204))})
    subscribe(site, server, "/cb", Answer(500), redirect, Answer(202))
    tell(site, "One", finance=0.9)
    push = push_of(site)

    push(never)
    (row,) = subscribers(site)
    assert (row["failures"], row["error"], row["next_try"]) == (1, "the server answered 500 Internal Server Error", site.clock() + 60)
    site.clock.advance(59)
    push(never)
    assert len(asked(server, "/cb")) == 1
    site.clock.advance(1)
    push(never)
    (row,) = subscribers(site)
    assert (row["failures"], row["error"], row["next_try"]) == (2, "the server answered 307 Temporary Redirect", site.clock() + 120)
    tell(site, "Two", finance=0.9)
    site.clock.advance(60)
    push(never)

    assert len(asked(server, "/cb")) == 3
    assert b"Two" in asked(server, "/cb")[-1].body
    assert asked(server, "/elsewhere") == []
    (row,) = subscribers(site)
    assert (row["failures"], row["error"], row["failing_since"]) == (0, None, None)


def test_the_wait_doubles_from_a_minute_to_six_hours() -> None:
    assert [wait(failures) for failures in range(1, 12)] == [60, 120, 240, 480, 960, 1920, 3840, 7680, 15_360, 21_600, 21_600]
    assert wait(10_000) == 21_600


@pytest.mark.parametrize(
    ("status", "asked", "seconds"),
    [(429, "600", 600), (503, "7200", 7200), (503, "10", 60), (503, "soon", 60), (429, "9999999", DAY), (500, "600", 60)],
)
def test_a_subscriber_that_asks_for_rest_gets_it_up_to_a_day(site: Site, server: WebServer, status: int, asked: str, seconds: int) -> None:
    subscribe(site, server, "/cb", Answer(status, headers={"Retry-After": asked}))
    tell(site, "One", finance=0.9)
    push_of(site)(never)
    (row,) = subscribers(site)
    assert row["next_try"] == site.clock() + seconds


def test_after_five_days_of_failures_nobody_tries_any_more(site: Site, server: WebServer) -> None:
    subscribe(site, server, "/cb", Answer(500))
    webhook = hook(site, server.script("/hook", Answer(500)), seq=site.store.stories.last_change().seq)
    tell(site, "One", finance=0.9)
    begun, push = site.clock(), push_of(site)
    while waiting := [row for row in subscribers(site) if row["state"] == "active"]:
        site.clock.now = max(site.clock(), *(int(str(row["next_try"])) for row in waiting))
        push(never)

    # Nine waits come to 30,660 s, and nineteen of six hours more to 441,060: the first try after 432,000.
    assert site.clock() - begun == 441_060
    assert len(asked(server, "/cb")) == len(asked(server, "/hook")) == 29
    assert [row["id"] for row in subscribers(site)] == [webhook.id]
    stopped = site.store.subscribers.webhook("Ada", webhook.id)
    assert (stopped.state, stopped.error) == ("stopped", "the server answered 500 Internal Server Error")


def test_whoever_is_gone_is_not_asked_again(site: Site, server: WebServer) -> None:
    subscribe(site, server, "/cb", Answer(410))
    webhook = hook(site, server.script("/hook", Answer(410)))
    tell(site, "One", finance=0.9)
    push_of(site)(never)
    assert [row["id"] for row in subscribers(site)] == [webhook.id]
    assert site.store.subscribers.webhook("Ada", webhook.id).error == "the server answered 410 Gone"


def test_a_lease_ends(site: Site, server: WebServer) -> None:
    subscribe(site, server, "/cb")
    site.clock.advance(10 * DAY - 61)
    tell(site, "In time", finance=0.9)
    push_of(site)(never)
    assert len(asked(server, "/cb")) == 1
    tell(site, "Too late", finance=0.9)
    push_of(site)(never)
    assert len(asked(server, "/cb")) == 1
    assert subscribers(site) == []


def test_a_renewal_lengthens_the_lease_and_counts_with_its_new_secret(site: Site, server: WebServer) -> None:
    callback = subscribe(site, server, "/cb", YES, Answer(204), secret="old")  # noqa: S106
    site.clock.advance(9 * DAY)
    assert ask(client_of(site), callback, secret="new") == 202  # noqa: S106
    push_of(site)(never)
    site.clock.advance(9 * DAY)
    tell(site, "Still there", finance=0.9)
    push_of(site)(never)
    (delivery,) = asked(server, "/cb")
    assert delivery.headers["x-hub-signature"] == f"sha256={hmac_sha256(b'new', delivery.body)}"


def test_leaving_is_asked_back_too(site: Site, server: WebServer) -> None:
    callback = subscribe(site, server, "/cb", Answer(404), YES)
    client = client_of(site)

    assert ask(client, callback, mode="unsubscribe") == 202
    push_of(site)(never)
    assert [row["state"] for row in subscribers(site)] == ["active"]

    assert ask(client, callback, mode="unsubscribe") == 202
    push_of(site)(never)
    assert subscribers(site) == []
    leaving = asked(server, "/cb", "GET")[-1].words
    assert (leaving["hub.mode"], leaving["hub.topic"]) == ("unsubscribe", FINANCE)


def test_a_topic_that_was_given_up_ends_its_subscriptions(site: Site, server: WebServer) -> None:
    subscribe(site, server, "/cb")
    webhook = hook(site, server.script("/hook", Answer(204)), StoryQuery("finance"))
    tell(site, "One", finance=0.9)
    push_of(site, topics=TOPICS[1:])(never)
    assert [row["id"] for row in subscribers(site)] == [webhook.id]
    assert "the topic 'finance' was given up" in str(site.store.subscribers.webhook("Ada", webhook.id).error)
    assert [request for request in server.requests if request.method == "POST"] == []


def denials(server: WebServer, path: str) -> list[dict[str, str]]:
    return [request.words for request in asked(server, path, "GET") if request.words["hub.mode"] == "denied"]


def test_whose_topic_was_given_up_is_told_so_once(site: Site, server: WebServer) -> None:
    subscribe(site, server, "/cb", Answer(500))
    tell(site, "One", finance=0.9)
    push = push_of(site, topics=TOPICS[1:])
    push(never)
    push(never)
    reason = "the topic 'finance' was given up; there are: workforce, all, untagged"
    assert denials(server, "/cb") == [{"hub.mode": "denied", "hub.topic": FINANCE, "hub.reason": reason}]
    assert subscribers(site) == []


def test_for_whom_there_is_no_room_any_more_is_told_so(site: Site, server: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
    callbacks = [server.script(f"/{number}", YES) for number in range(2)]
    assert [ask(client_of(site), callback) for callback in callbacks] == [202, 202]
    monkeypatch.setattr(module, "MOST", 1)
    push_of(site)(never)
    (row,) = subscribers(site)
    (other,) = set(callbacks) - {str(row["callback"])}
    assert row["state"] == "active"
    (told,) = denials(server, other.removeprefix(server.url("")))
    assert told == {"hub.mode": "denied", "hub.topic": FINANCE, "hub.reason": "there are 1 subscriptions, and no more are taken"}
    assert len(server.requests) == 3


def test_whose_lease_has_run_out_is_not_denied(site: Site, server: WebServer) -> None:
    subscribe(site, server, "/cb", YES)
    site.clock.advance(11 * DAY)
    push_of(site)(never)
    assert subscribers(site) == []
    assert denials(server, "/cb") == []


# ---------------------------------------------------------------- webhooks


def test_a_webhook_is_told_as_the_api_tells_and_signed(site: Site, server: WebServer) -> None:
    webhook = hook(site, server.script("/hook", Answer(200)))

    push_of(site)(never)
    push_of(site)(never)

    (delivery,) = server.requests
    changes = site.json("/api/v1/changes")
    assert told(delivery) == {"webhook": webhook.id, "items": changes["items"], "seq": changes["seq"]}
    assert delivery.headers["content-type"] == "application/json; charset=utf-8"
    assert delivery.headers["x-healthwire-signature"] == f"sha256={hmac_sha256(SECRET.encode(), delivery.body)}"
    assert site.store.subscribers.webhook("Ada", webhook.id).seq == changes["seq"]


def test_a_webhook_is_told_of_its_query_alone_and_of_what_left_it(site: Site, server: WebServer) -> None:
    hook(site, server.script("/hook", Answer(200)), StoryQuery("workforce", words="nurses"))
    push_of(site)(never)
    (first,) = server.requests
    (item,) = told(first)["items"]
    assert (item["kind"], item["story"]["title"]) == ("new", "Nurses leave for Leeds")

    tell(site, "Budget agreed", finance=0.9)
    push_of(site)(never)
    site.store.corrections.decide(item["id"], {"workforce": False}, "Ada", site.clock())
    push_of(site)(never)

    _, second = server.requests
    (gone,) = told(second)["items"]
    assert (gone["kind"], gone["id"], gone["story"]) == ("left", item["id"], None)
    assert told(second)["seq"] == gone["seq"] == site.store.stories.last_change().seq


def test_the_cursor_goes_on_only_after_a_yes(site: Site, server: WebServer) -> None:
    webhook = hook(site, server.script("/hook", Answer(503), Answer(302, headers={"Location": "/x"}), Answer(201)))
    push = push_of(site)
    for failures in (1, 2):
        push(never)
        waiting = site.store.subscribers.webhook("Ada", webhook.id)
        assert (waiting.seq, waiting.failures) == (0, failures)
        site.clock.now = waiting.next_try
    push(never)
    assert site.store.subscribers.webhook("Ada", webhook.id).seq == site.store.stories.last_change().seq
    first, second, third = server.requests
    assert first.body == second.body == third.body


def test_many_changes_come_in_several_deliveries_in_order(site: Site, server: WebServer) -> None:
    site.tell(site.press, *(issue(str(number), news(f"Story {number}")) for number in range(250)))
    hook(site, server.script("/hook", Answer(200)))
    push_of(site)(never)
    sizes = [len(told(request)["items"]) for request in server.requests]
    assert sizes == [100, 100, 54]
    seqs = [item["seq"] for request in server.requests for item in told(request)["items"]]
    assert seqs == sorted(seqs)


def test_long_stories_come_in_several_deliveries(site: Site, server: WebServer) -> None:
    long = [issue(str(number), news(f"Long {number}", f"{number} " + "word " * 18_000)) for number in range(12)]
    site.tell(site.press, *long)
    hook(site, server.script("/hook", Answer(200)))
    push_of(site)(never)
    assert len(server.requests) > 1
    assert all(len(request.body) < 1.5 * 1024 * 1024 for request in server.requests)
    assert len({item["id"] for request in server.requests for item in told(request)["items"]}) == 16


def test_replaying_delivers_once_more(site: Site, server: WebServer) -> None:
    webhook = hook(site, server.script("/hook", Answer(200)))
    push_of(site)(never)
    site.store.subscribers.rewind("Ada", webhook.id, 0)
    push_of(site)(never)
    first, second = server.requests
    assert first.body == second.body


def test_the_webhooks_of_a_revoked_token_stop(site: Site, server: WebServer) -> None:
    hook(site, server.script("/hook", Answer(200)))
    site.store.tokens.revoke("Ada", site.clock())
    push_of(site)(never)
    assert server.requests == []


def test_a_delivery_that_was_killed_is_made_again(site: Site, server: WebServer) -> None:
    webhook = hook(site, server.script("/hook", Answer(200)))
    site.store.subscribers.claim([webhook], site.clock() + 120)
    push_of(site)(never)
    assert server.requests == []
    site.clock.advance(120)
    push_of(site)(never)
    assert len(server.requests) == 1


def _work_until_killed(folder: str, now: int) -> None:
    store = open_store(f"sqlite:///{folder}/healthwire.db")
    post = Post(USER_AGENT, [ip_network(network) for network in LOOPBACK], timeout=60)
    Push(store, Parcels(store, FeedDocuments(store, TOPICS, BASE, HUB), BASE), post, lambda: now)(never)


def test_a_worker_that_is_killed_loses_no_delivery(site: Site, server: WebServer, tmp_path: Path) -> None:
    release = Event()
    subscribe(site, server, "/cb", Answer(204, hold=release.wait), Answer(204))
    hook(site, server.script("/hook", Answer(200, hold=release.wait), Answer(200)))
    tell(site, "Savings found", finance=0.9)
    worker = children.Process(target=_work_until_killed, args=(str(tmp_path), site.clock()))
    worker.start()
    eventually(lambda: asked(server, "/cb") and asked(server, "/hook"))
    worker.kill()
    worker.join(60)
    release.set()

    push_of(site)(never)
    site.clock.advance(120)
    push_of(site)(never)

    for path in ("/cb", "/hook"):
        first, second = asked(server, path)
        assert first.body == second.body


def test_addresses_inside_the_network_are_refused_and_it_is_told(site: Site, server: WebServer) -> None:
    webhook = hook(site, server.script("/hook", Answer(200)))
    named = hook(site, server.url("/hook", host="localhost"))
    push_of(site, allowed=())(never)
    assert server.requests == []
    for each in (webhook, named):
        refused = site.store.subscribers.webhook("Ada", each.id)
        assert (refused.state, refused.failures) == ("active", 1)
        assert "private or reserved network" in str(refused.error)


# ---------------------------------------------------------------- an outside hub


def test_an_outside_hub_is_pinged_about_the_plain_feeds_that_changed(site: Site, server: WebServer) -> None:
    site.store.subscribers.set_hub(server.script("/publish", Answer(500), Answer(204)), site.clock())
    push = push_of(site)
    push(never)
    assert server.requests == []
    tell(site, "One", finance=0.9)
    push(never)
    site.clock.advance(60)
    push(never)
    push(never)
    first, second = server.requests
    assert first.body == second.body
    assert (first.method, first.headers["content-type"]) == ("POST", "application/x-www-form-urlencoded")
    feeds = [f"{BASE}/feeds/{name}.{suffix}" for name in ("all", "finance") for suffix in ("atom", "rss", "json")]
    assert parse_qsl(first.body.decode()) == [("hub.mode", "publish"), *(("hub.url", url) for url in feeds)]


def test_an_outside_hub_is_never_given_up(site: Site, server: WebServer) -> None:
    site.store.subscribers.set_hub(server.script("/publish", Answer(410)), site.clock())
    tell(site, "One", finance=0.9)
    push = push_of(site)
    for _ in range(3):
        push(never)
        site.clock.advance(6 * DAY)
    assert len(server.requests) == 3
    assert [row["failures"] for row in subscribers(site)] == [3]


# ---------------------------------------------------------------- together


@contextmanager
def running(push: Push) -> Iterator[Callable[[], None]]:
    """The chore in a thread, and what stops it and waits for its end."""
    stopping = Event()
    thread = Thread(target=push, args=(stopping.is_set,))
    thread.start()

    def stop() -> None:
        stopping.set()
        thread.join(30)

    try:
        yield stop
    finally:
        stop()
        assert not thread.is_alive()


def test_who_hangs_holds_up_neither_others_nor_a_poll_nor_a_stop(site: Site, server: WebServer) -> None:
    release = Event()
    slow = [hook(site, server.script(f"/slow{number}", Answer(hold=release.wait))) for number in range(3)]
    quick = hook(site, server.script("/quick", Answer(200)))
    with running(push_of(site)) as stop:
        eventually(lambda: len(asked(server, "/quick")) == 1 and all(asked(server, f"/slow{number}") for number in range(3)))
        tell(site, "Told while others hang", finance=0.9)
        eventually(lambda: len(asked(server, "/quick")) == 2)
        stop()
    release.set()
    assert site.store.subscribers.webhook("Ada", quick.id).failures == 0
    for each in slow:
        back = site.store.subscribers.webhook("Ada", each.id)
        assert (back.seq, back.failures, back.next_try) == (0, 0, site.clock())


def test_of_one_host_only_four_are_asked_at_once(site: Site, server: WebServer) -> None:
    release = Event()
    for number in range(6):
        hook(site, server.script(f"/{number}", Answer(hold=release.wait)))
    with running(push_of(site)):
        eventually(lambda: len(server.requests) == 4)
        release.set()
        eventually(lambda: len(server.requests) == 6)
    assert server.most_at_once == 4


def test_two_workers_at_once_tell_each_once(site: Site, server: WebServer) -> None:
    paths = [f"/{number}" for number in range(20)]
    for path in paths:
        hook(site, server.script(path, Answer(200)))
    together = Barrier(2)

    def work() -> None:
        push = push_of(site)
        together.wait(30)
        push(never)

    threads = [Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(request.path for request in server.requests) == sorted(paths)


@pytest.fixture
def everywhere() -> Iterator[WebServer]:
    """A server that all of 127.0.0.0/8 leads to, so that it can be many hosts."""
    with web_server("0.0.0.0") as server:  # noqa: S104
        yield server


def host(number: int) -> str:
    return f"127.0.1.{number}"


def test_who_hangs_takes_no_place_of_who_answers(site: Site, everywhere: WebServer) -> None:
    release = Event()
    everywhere.script("/slow", Answer(hold=release.wait))
    everywhere.script("/quick", Answer(200))
    for number in range(1, 7):
        hook(site, everywhere.url("/slow", host(number)))
    hook(site, everywhere.url("/quick", host(99)))
    slow = SlowHosts(0.05)
    with running(push_of(site, at_once=2, slow=slow)) as stop:
        eventually(lambda: asked(everywhere, "/quick"))
        assert not release.is_set()
        stop()
    release.set()


def test_those_who_may_not_be_there_take_half_of_the_places(site: Site, everywhere: WebServer) -> None:
    release = Event()
    everywhere.script("/cb", Answer(hold=release.wait, echo="hub.challenge"))
    everywhere.script("/hook", Answer(200))
    client = client_of(site)
    for number in range(1, 9):
        assert ask(client, everywhere.url("/cb", host(number))) == 202
    hook(site, everywhere.url("/hook", host(99)))
    with running(push_of(site, at_once=4, slow=SlowHosts(60))):
        eventually(lambda: asked(everywhere, "/hook"))
        eventually(lambda: len(asked(everywhere, "/cb", "GET")) == 2)
        assert everywhere.most_at_once <= 3
        release.set()
        eventually(lambda: {row["state"] for row in subscribers(site)} == {"active"})


def test_who_was_slow_is_forgotten_after_an_hour() -> None:
    seconds = Seconds()
    slow = SlowHosts(0.01, seconds)

    async def scene() -> None:
        with slow.watched("a.example"):
            while "a.example" not in slow:  # noqa: ASYNC110 - it is the loop's own clock that says so
                await asyncio.sleep(0)
            seconds.now += 5

    asyncio.run(scene())

    assert slow.lately() == {"a.example": 5}
    seconds.now += 3599
    assert slow.lately() == {"a.example": 5}
    seconds.now += 1
    assert slow.lately() == {}


def test_of_the_slow_those_who_took_least_are_told_first(site: Site, everywhere: WebServer) -> None:
    release, seconds = Event(), Seconds()
    slow = SlowHosts(60, seconds)
    everywhere.script("/hook", Answer(hold=release.wait))
    for number in range(1, 7):
        hook(site, everywhere.url("/hook", host(number)))

    async def scene() -> None:
        for number in range(1, 7):
            with slow.watched(host(number)):
                seconds.now += 100 - number

    asyncio.run(scene())

    with running(push_of(site, slow=slow)):
        eventually(lambda: len(asked(everywhere, "/hook")) == 4)
        assert {request.headers["host"].partition(":")[0] for request in everywhere.requests} == {host(each) for each in (3, 4, 5, 6)}
        release.set()


def test_of_who_was_slow_lately_only_four_are_told_at_once(site: Site, everywhere: WebServer) -> None:
    release, again, slow = Event(), Event(), SlowHosts(0.3)
    everywhere.script("/slow", Answer(hold=release.wait))
    for number in range(1, 9):
        hook(site, everywhere.url("/slow", host(number)))
    with running(push_of(site, slow=slow)) as stop:
        eventually(lambda: len(slow.lately()) == 8)
        stop()
    release.set()
    assert everywhere.most_at_once == 8
    everywhere.requests.clear()
    everywhere.script("/slow", Answer(hold=again.wait))
    everywhere.script("/quick", Answer(200))
    quick = [hook(site, everywhere.url("/quick", host(100 + number))) for number in range(20)]
    with running(push_of(site, slow=slow)) as stop:
        eventually(lambda: len(asked(everywhere, "/slow")) == 4 and len(asked(everywhere, "/quick")) == len(quick))
        again.set()
        eventually(lambda: len({request.headers["host"] for request in asked(everywhere, "/slow")}) == 8)
        # Those that were quick this time.
        eventually(lambda: len(slow.lately()) <= 4)
        stop()


def test_telling_many_asks_the_database_less_than_once_for_each(site: Site, everywhere: WebServer) -> None:
    everywhere.script("/hook", Answer(200))
    for number in range(1, 201):
        hook(site, everywhere.url("/hook", host(number)), StoryQuery("finance"))
    statements: list[str] = []
    event.listen(site.store.engine, "before_cursor_execute", lambda *told: statements.append(told[2]))
    push_of(site)(never)
    assert len(asked(everywhere, "/hook")) == 200
    assert len([each for each in statements if not each.startswith(("BEGIN", "PRAGMA"))]) < 200


def test_a_stop_gives_back_also_those_who_wait_for_a_place(site: Site, server: WebServer) -> None:
    release = Event()
    server.script("/slow", Answer(hold=release.wait))
    made = [hook(site, server.url(f"/slow?{number}")) for number in range(3)]
    with running(push_of(site, at_once=1)) as stop:
        eventually(lambda: len(server.requests) == 1)
        stop()
    release.set()
    assert {each.next_try for each in site.store.subscribers.webhooks("Ada")} == {site.clock()}
    assert {row["claim"] for row in subscribers(site)}.isdisjoint(each.claim for each in made)


def test_no_document_is_made_of_a_search_that_nothing_new_fits(site: Site, server: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
    subscribe(site, server, "/cb", Answer(204), topic=f"{BASE}/feeds/all.atom?q=beds")
    tell(site, "Pay", finance=0.9)
    with monkeypatch.context() as patched:
        patched.setattr(FeedDocuments, "get", None)
        push_of(site)(never)
    (row,) = subscribers(site)
    assert (row["seq"], row["failures"]) == (site.store.stories.last_change().seq, 0)
    tell(site, "Beds", finance=0.9)
    push_of(site)(never)
    [delivery] = asked(server, "/cb")
    assert b"Beds" in delivery.body


def test_nothing_is_looked_up_while_there_is_nothing_to_tell(site: Site, server: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
    subscribe(site, server, "/cb")
    hook(site, server.script("/hook", Answer(200)))
    push = push_of(site)
    push(never)
    monkeypatch.setattr(News, "idle_until", None)
    monkeypatch.setattr(News, "parcel", None)
    monkeypatch.setattr(Post, "__aenter__", None)
    push(never)
    assert len(server.requests) == 2


def test_what_goes_wrong_with_one_is_logged_and_the_others_are_told(
    site: Site, server: WebServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    broken = hook(site, server.script("/broken", Answer(200)), StoryQuery("finance"))
    refused = hook(site, server.script("/refused", Answer(200)), StoryQuery("workforce"))
    hook(site, server.script("/hook", Answer(200)))
    real = News.parcel

    def parcel(self: News, subscriber: Subscriber) -> Any:
        if subscriber.id == broken.id:
            raise ZeroDivisionError
        if subscriber.id == refused.id:
            raise StoreError("the database refused: it sleeps")
        return real(self, subscriber)

    monkeypatch.setattr(News, "parcel", parcel)
    push_of(site)(never)
    assert [request.path for request in server.requests] == ["/hook"]
    assert f"webhook {broken.id} could not be served" in caplog.text
    assert f"webhook {refused.id} could not be served: the database refused: it sleeps" in caplog.text
