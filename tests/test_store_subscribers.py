"""Subscribers: what they asked for, how far each was told, and that nobody is told twice at once or forgotten, on both databases."""

from __future__ import annotations

from dataclasses import replace
from threading import Barrier, Thread

import pytest
from builders import add_sources, issue, news
from databases import Databases, Kind, rows
from fakes import START
from website import topics

from feeds.errors import Full, NotFound
from feeds.model import Delivery, StoryQuery, Subscriber
from feeds.store import Store
from feeds.store import subscribers as module
from feeds.store.schema import subscriber

ASKED = Subscriber(
    "websub",
    "https://reader.example/cb?id=7",
    START,
    "asked",
    StoryQuery("finance", "bed blocking", 3, 0.8, limit=20),
    "https://news.example.org/feeds/finance.atom?q=bed%20blocking",
    "atom",
    "s3cret",
    lease=86_400,
    etag="e1",
    seq=5,
)
HOOK = Subscriber("webhook", "https://program.example/hook", START, query=StoryQuery("finance"), secret="geheim", owner="Ada")  # noqa: S106


def due(store: Store, now: int = START, seq: int = 5, most: int = 100, per_host: int = 100, **busy: int) -> list[Subscriber]:
    return store.subscribers.due(now, seq, most, per_host, {f"{host}.example": number for host, number in busy.items()})


def confirmed(store: Store, asked: Subscriber = ASKED, now: int = START) -> None:
    store.subscribers.ask(asked)
    for claimed in store.subscribers.claim(due(store, now), now + 120):
        store.subscribers.confirm(claimed, now + claimed.lease)


def hook(store: Store, told: Subscriber = HOOK) -> Subscriber:
    if not store.tokens.list():
        store.tokens.create("Ada", START)
    return store.subscribers.add_webhook(told)


def change(store: Store, times: int = 1) -> int:
    """Where the change log ends after so many new stories."""
    (source,) = add_sources(store, [f"source-{len(store.sources.list())}"])
    for number in range(times):
        store.polls.write(source, [issue(f"{source} {number}", news(f"Story {source} {number}"))], START)
    return store.stories.last_change().seq


# ---------------------------------------------------------------- our hub


def test_subscriptions_end_and_with_them_what_was_asked_while_webhooks_stay(store: Store) -> None:
    confirmed(store)
    store.subscribers.ask(replace(ASKED, callback="https://other.example/cb"))
    made = hook(store)
    store.subscribers.end_subscriptions()
    assert [(row["kind"], row["id"]) for row in rows(store, subscriber)] == [("webhook", made.id)]


def test_a_request_is_due_at_once_and_confirming_it_makes_a_subscription(store: Store) -> None:
    store.subscribers.ask(ASKED)
    (asked,) = due(store, seq=0)
    assert replace(asked, id=0) == ASKED

    (claimed,) = store.subscribers.claim([asked], START + 120)
    store.subscribers.confirm(claimed, START + 86_400)

    assert due(store, seq=5) == []
    (active,) = due(store, seq=6)
    assert replace(active, id=0) == replace(ASKED, state="active", lease_until=START + 86_400)


def test_requests_can_be_left_out(store: Store) -> None:
    store.subscribers.ask(ASKED)
    made = hook(store)
    assert [each.id for each in store.subscribers.due(START, 5, 9, 9, {}, requests=False)] == [made.id]


def test_a_renewal_that_is_not_confirmed_leaves_the_subscription_as_it_was(store: Store) -> None:
    confirmed(store)
    store.subscribers.ask(replace(ASKED, secret="another", etag="e2", seq=9))  # noqa: S106

    (asked,) = store.subscribers.claim(due(store), START + 120)
    store.subscribers.drop(asked)

    (left,) = rows(store, subscriber)
    assert (left["state"], left["secret"], left["etag"], left["lease_until"]) == ("active", "s3cret", "e1", START + 86_400)


def test_a_renewal_that_is_confirmed_takes_over_what_was_delivered(store: Store) -> None:
    confirmed(store)
    confirmed(store, replace(ASKED, secret="another", etag="e2", seq=9), START + 60)  # noqa: S106
    (row,) = rows(store, subscriber)
    assert (row["state"], row["secret"], row["etag"], row["seq"], row["lease_until"]) == ("active", "another", "e1", 5, START + 60 + 86_400)


def test_the_last_of_several_requests_counts(store: Store) -> None:
    store.subscribers.ask(ASKED)
    (first,) = store.subscribers.claim(due(store), START + 120)
    store.subscribers.ask(replace(ASKED, secret="another"))  # noqa: S106
    store.subscribers.confirm(first, START + 86_400)
    (row,) = rows(store, subscriber)
    assert (row["state"], row["secret"]) == ("asked", "another")


def test_leaving_ends_the_subscription_once_it_is_confirmed(store: Store) -> None:
    leaving = replace(ASKED, state="leaving")
    store.subscribers.ask(leaving)
    assert rows(store, subscriber) == []

    confirmed(store)
    other = replace(ASKED, callback="https://reader.example/other")
    confirmed(store, other)
    store.subscribers.ask(leaving)
    assert sorted(str(row["state"]) for row in rows(store, subscriber)) == ["active", "active", "leaving"]
    (claimed,) = store.subscribers.claim(due(store), START + 120)
    store.subscribers.confirm(claimed, START)
    assert [row["callback"] for row in rows(store, subscriber)] == [other.callback]


def test_whose_lease_has_run_out_is_due_whatever_happened(store: Store) -> None:
    confirmed(store)
    assert due(store, START + 86_399, seq=5) == []
    assert len(due(store, START + 86_400, seq=5)) == 1


def test_whoever_has_the_same_document_is_passed_over_together(store: Store) -> None:
    for number in range(3):
        confirmed(store, replace(ASKED, callback=f"https://reader.example/{number}", etag="e1" if number else "old"))
    confirmed(store, replace(ASKED, callback="https://reader.example/x", topic="https://news.example.org/feeds/all.atom"))

    store.subscribers.pass_over({due(store, seq=8)[1]: 8})

    assert [row["seq"] for row in rows(store, subscriber)] == [5, 8, 8, 5]


# ---------------------------------------------------------------- room


def wish(words: str, callback: str = ASKED.callback) -> Subscriber:
    """A request for a feed of its own."""
    return replace(ASKED, callback=callback, query=StoryQuery(words=words), topic=f"https://news.example.org/feeds/all.atom?q={words}")


def states(store: Store) -> list[str]:
    return [str(row["state"]) for row in rows(store, subscriber)]


def test_there_is_room_for_so_many_subscriptions_and_so_many_of_one_host(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (module.MOST, module.MOST_OF_HOST) == (10_000, 200)
    monkeypatch.setattr(module, "MOST", 3)
    monkeypatch.setattr(module, "MOST_OF_HOST", 2)
    confirmed(store)
    confirmed(store, replace(ASKED, callback="https://reader.example/other"))

    with pytest.raises(Full, match=r"reader\.example has 2 subscriptions"):
        store.subscribers.ask(replace(ASKED, callback="https://READER.example:8443/third"))
    store.subscribers.ask(ASKED)  # a renewal needs no room
    confirmed(store, replace(ASKED, callback="https://third.example/"))
    with pytest.raises(Full, match="there are 3 subscriptions"):
        store.subscribers.ask(replace(ASKED, callback="https://fourth.example/"))
    confirmed(store)
    assert states(store) == ["active"] * 3


def test_webhooks_have_room_of_their_own(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    assert module.MOST_WEBHOOKS == 1_000
    monkeypatch.setattr(module, "MOST", 1)
    monkeypatch.setattr(module, "MOST_WEBHOOKS", 2)
    monkeypatch.setattr(module, "MOST_OF_HOST", 1)
    confirmed(store)
    hook(store, replace(HOOK, callback=ASKED.callback))
    with pytest.raises(Full, match=r"reader\.example has 1 webhooks"):
        hook(store, replace(HOOK, callback=ASKED.callback))
    hook(store)
    with pytest.raises(Full, match="there are 2 webhooks"):
        hook(store, replace(HOOK, callback="https://other.example/"))


def test_there_is_room_for_so_many_feeds_by_wish_but_always_for_those_of_topics(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    assert module.MOST_WISHES == 500
    monkeypatch.setattr(module, "MOST_WISHES", 1)
    plain = replace(ASKED, topic="https://news.example.org/feeds/finance.atom", query=StoryQuery("finance"))
    confirmed(store, plain)
    hook(store)
    store.subscribers.set_hub("https://hub.example/", START)
    confirmed(store, wish("beds"))
    confirmed(store, wish("beds", "https://other.example/"))
    confirmed(store, replace(plain, topic="https://news.example.org/feeds/finance.rss"))
    for query in (StoryQuery("finance+data"), StoryQuery("data", "beds"), StoryQuery("data", limit=7)):
        with pytest.raises(Full, match="1 different feeds by wish are subscribed to"):
            store.subscribers.ask(replace(ASKED, topic="https://news.example.org/feeds/x.atom", query=query))


def test_what_nobody_confirms_takes_no_room_from_others(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    assert module.MOST_REQUESTS == 1_000
    for name in ("MOST", "MOST_WEBHOOKS", "MOST_OF_HOST", "MOST_WISHES"):
        monkeypatch.setattr(module, name, 1)
    for number in range(5):
        store.subscribers.ask(wish(f"word{number}"))
    hook(store, replace(HOOK, callback=ASKED.callback))
    (*_, last) = due(store, seq=0)
    (claimed,) = store.subscribers.claim([last], START + 120)
    store.subscribers.confirm(claimed, START + 86_400)
    assert states(store) == ["asked"] * 4 + ["active"] * 2


def test_of_too_many_requests_the_oldest_gives_way(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_REQUESTS", 2)
    confirmed(store, wish("first"))
    for words in ("second", "third", "fourth", "third"):
        store.subscribers.ask(wish(words))
    assert [(row["state"], row["words"]) for row in rows(store, subscriber)] == [
        ("active", "first"),
        ("asked", "fourth"),
        ("asked", "third"),
    ]


@pytest.mark.parametrize("limit", ["MOST", "MOST_OF_HOST", "MOST_WISHES"])
def test_whether_there_is_room_is_asked_again_when_a_request_is_confirmed(
    store: Store, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setattr(module, limit, 1)
    store.subscribers.ask(wish("one"))
    store.subscribers.ask(wish("two"))
    first, second = store.subscribers.claim(due(store, seq=0), START + 120)
    store.subscribers.confirm(first, START + 86_400)
    with pytest.raises(Full):
        store.subscribers.confirm(second, START + 86_400)
    assert states(store) == ["asked", "active"]
    store.subscribers.drop(second)
    assert states(store) == ["active"]


# ---------------------------------------------------------------- webhooks


def test_a_webhook_begins_where_it_wants_but_not_beyond_the_end(store: Store) -> None:
    end = change(store, 3)
    assert [hook(store, replace(HOOK, seq=seq)).seq for seq in (0, 2, 99)] == [0, 2, end]
    assert [each.id for each in store.subscribers.webhooks("Ada")] == [1, 2, 3]


def test_a_webhook_is_its_owner_s_alone(store: Store) -> None:
    made = hook(store)
    assert store.subscribers.webhook("Ada", made.id) == made
    assert store.subscribers.webhooks("Bob") == []
    for ask in (
        store.subscribers.webhook,
        store.subscribers.remove_webhook,
        lambda owner, number: store.subscribers.rewind(owner, number, 0),
    ):
        with pytest.raises(NotFound, match="no such webhook"):
            ask("Bob", made.id)
    store.subscribers.remove_webhook("Ada", made.id)
    assert store.subscribers.webhooks("Ada") == []


def test_going_back_starts_a_stopped_webhook_again(store: Store) -> None:
    end = change(store, 2)
    made = hook(store, replace(HOOK, seq=end))
    (claimed,) = store.subscribers.claim([made], START + 120)
    store.subscribers.failed(claimed, "timed out", START, START + 60)
    (claimed,) = store.subscribers.claim([store.subscribers.webhook("Ada", made.id)], START + 200)
    store.subscribers.stop(claimed, "timed out")
    assert due(store, START + 999, seq=end + 1) == []

    store.subscribers.rewind("Ada", made.id, 1)

    (again,) = due(store, START, seq=end)
    assert again == replace(made, seq=1)


def test_a_revoked_token_stops_its_webhooks_and_no_others(store: Store) -> None:
    made = hook(store)
    store.tokens.create("Bob", START)
    other = hook(store, replace(HOOK, owner="Bob"))
    store.tokens.revoke("Ada", START)
    assert [each.id for each in due(store, seq=1)] == [other.id]
    stopped = store.subscribers.webhook("Ada", made.id)
    assert (stopped.state, stopped.error) == ("stopped", "its token was revoked")
    with pytest.raises(NotFound, match="no valid token called 'Ada'"):
        hook(store)


# ---------------------------------------------------------------- deliveries


def test_a_claim_that_is_lost_writes_nothing_and_what_was_not_delivered_is_due_again(store: Store) -> None:
    change(store, 2)
    hook(store)
    (waiting,) = due(store)
    (killed,) = store.subscribers.claim([waiting], START + 120)
    assert due(store, START + 119) == []

    (again,) = due(store, START + 120)
    assert again == replace(waiting, next_try=START + 120)
    (claimed,) = store.subscribers.claim([again], START + 240)
    store.subscribers.delivered([Delivery(killed, 2, "", START)])
    store.subscribers.stop(killed, "late")
    store.subscribers.drop(killed)
    assert store.subscribers.webhook("Ada", 1) == claimed
    store.subscribers.delivered([Delivery(claimed, 2, "", START + 130)])
    assert store.subscribers.webhook("Ada", 1) == replace(waiting, seq=2, next_try=START + 130)


def test_going_back_during_a_delivery_is_not_undone_by_its_end(store: Store) -> None:
    end = change(store, 2)
    made = hook(store, replace(HOOK, seq=1))
    (claimed,) = store.subscribers.claim([made], START + 120)
    store.subscribers.rewind("Ada", made.id, 0)
    store.subscribers.delivered([Delivery(claimed, end, "", START)])
    assert store.subscribers.webhook("Ada", made.id).seq == 0


def test_a_claim_does_not_come_back_with_another_in_the_same_second(store: Store) -> None:
    end = change(store, 2)
    made = hook(store, replace(HOOK, seq=0))
    (before,) = store.subscribers.claim([made], START + 120)
    store.subscribers.rewind("Ada", made.id, 0)
    (replay,) = store.subscribers.claim(due(store, START), START + 120)

    store.subscribers.delivered([Delivery(before, end, "", START)])

    assert store.subscribers.webhook("Ada", made.id).seq == 0
    store.subscribers.delivered([Delivery(replay, end, "", START)])
    assert store.subscribers.webhook("Ada", made.id).seq == end


def test_whoever_was_given_back_is_no_longer_in_hand(store: Store) -> None:
    end = change(store, 2)
    made = hook(store, replace(HOOK, seq=0))
    (claimed,) = store.subscribers.claim([made], START)
    store.subscribers.give_back([claimed], START)
    store.subscribers.delivered([Delivery(claimed, end, "", START)])
    assert store.subscribers.webhook("Ada", made.id).seq == 0
    assert store.subscribers.claim([made], START + 120) == []


def test_a_webhook_whose_token_is_revoked_during_a_delivery_stays_stopped_and_says_why(store: Store) -> None:
    end = change(store, 2)
    made = hook(store, replace(HOOK, seq=0))
    (claimed,) = store.subscribers.claim([made], START + 120)
    store.tokens.revoke("Ada", START)
    store.subscribers.delivered([Delivery(claimed, end, "", START)])
    store.subscribers.failed(claimed, "no answer", START, START + 60)
    store.subscribers.stop(claimed, "gone")
    told = store.subscribers.webhook("Ada", made.id)
    assert (told.state, told.error, told.seq, told.failures) == ("stopped", "its token was revoked", 0, 0)


def test_of_several_workers_one_claims_each(databases: Databases, kind: Kind) -> None:
    url = databases.migrated(kind)
    stores = [databases.open(url) for _ in range(4)]
    change(stores[0])
    made = [hook(stores[0], replace(HOOK, callback=f"https://p{number}.example/")) for number in range(20)]
    together = Barrier(len(stores))
    claims: list[Subscriber] = []

    def claim(store: Store) -> None:
        waiting = due(store)
        together.wait(30)
        claims.extend(store.subscribers.claim(waiting, START + 120))

    threads = [Thread(target=claim, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(each.id for each in claims) == [each.id for each in made]
    assert due(databases.open(url)) == []


def test_no_host_is_asked_too_much_and_none_waits_for_another(store: Store) -> None:
    for number in range(3):
        hook(store, replace(HOOK, callback=f"https://busy.example/{number}"))
    hook(store, replace(HOOK, callback="https://calm.example/"))
    assert [each.id for each in due(store, per_host=2)] == [1, 2, 4]
    assert [each.id for each in due(store, per_host=2, busy=1)] == [1, 4]
    assert [each.id for each in due(store, per_host=2, busy=2, calm=1)] == [4]
    assert [each.id for each in due(store, per_host=2, most=1)] == [1]


def test_failures_are_counted_until_a_delivery(store: Store) -> None:
    made = hook(store)
    for number in range(1, 3):
        (claimed,) = store.subscribers.claim([store.subscribers.webhook("Ada", made.id)], START + 1000 * number)
        store.subscribers.failed(claimed, f"error {number}", START, START + 60 * number)
    told = store.subscribers.webhook("Ada", made.id)
    assert (told.failures, told.error, told.failing_since, told.next_try) == (2, "error 2", START, START + 120)
    (claimed,) = store.subscribers.claim([told], START + 5000)
    store.subscribers.delivered([Delivery(claimed, 0, "", 0)])
    assert store.subscribers.webhook("Ada", made.id) == made


def test_an_outside_hub_is_told_from_when_it_is_named(store: Store) -> None:
    end = change(store, 2)
    store.subscribers.set_hub("https://hub.example/", START)
    store.subscribers.set_hub("https://hub.example/", START + 9)
    (row,) = rows(store, subscriber)
    assert (row["kind"], row["callback"], row["seq"], row["created"]) == ("hub", "https://hub.example/", end, START)
    store.subscribers.set_hub("https://other.example/", START)
    assert [row["callback"] for row in rows(store, subscriber)] == ["https://other.example/"]
    store.subscribers.set_hub(None, START)
    assert rows(store, subscriber) == []


def test_subscribers_are_counted_by_kind_and_those_that_fail(store: Store) -> None:
    assert store.subscribers.counts() == {}
    confirmed(store)
    store.subscribers.ask(replace(ASKED, callback="https://reader.example/asked"))
    for number in range(3):
        hook(store, replace(HOOK, failures=number, seq=9))
    assert store.subscribers.counts() == {"websub": (1, 0), "webhook": (3, 2)}


# ---------------------------------------------------------------- changes of a query

# Places in the change log: 2 nurses (told by the second source), 3 bank staff, 4 owls, 5 the deficit, which Ada took out of finance.
TOLD = [
    (StoryQuery("all"), [(2, "new"), (3, "new"), (4, "new"), (5, "retagged")]),
    (StoryQuery("finance"), [(3, "new"), (5, "left")]),
    (StoryQuery("workforce"), [(2, "new"), (3, "new")]),
    (StoryQuery("finance+workforce"), [(2, "new"), (3, "new"), (5, "left")]),
    (StoryQuery("untagged"), [(4, "new"), (5, "retagged")]),
    (StoryQuery("finance", min_confidence=0.8), [(5, "left")]),
    (StoryQuery("workforce", min_confidence=0.9), [(3, "new")]),
    (StoryQuery("workforce", words="nurse"), [(2, "new")]),
    (StoryQuery("all", words="owl"), [(4, "new"), (5, "left")]),
    (StoryQuery("workforce", source=2), [(2, "new")]),
    (StoryQuery("workforce", source=1), [(3, "new")]),
]


@pytest.mark.parametrize(("query", "told"), TOLD, ids=[str(query) for query, _ in TOLD])
def test_a_query_is_told_of_what_fits_and_of_what_left(store: Store, query: StoryQuery, told: list[tuple[int, str]]) -> None:
    fill(store)
    changes, reached = store.stories.changes_for(query, 0, 100)
    assert ([(each.seq, each.kind) for each in changes], reached) == (told, 5)
    assert [each.seq for each in changes if each.story is None] == [seq for seq, kind in told if kind == "left"]
    assert store.stories.changes_for(query, 5, 100) == ([], 5)


def told_of(store: Store, query: StoryQuery, since: int) -> list[str]:
    return [each.kind for each in store.stories.changes_for(query, since, 100)[0]]


def test_only_an_edit_can_have_taken_words_from_a_story(store: Store) -> None:
    """A story of the workforce: whoever asks for words that it never had is told of it when they may have been edited out."""
    fill(store)
    since = store.stories.last_change().seq
    nurses = next(each.id for each in store.stories.page(StoryQuery("workforce")) if each.title == "Nurses leave")
    owls, leave = StoryQuery(words="owls"), StoryQuery("workforce", words="leave")
    verdict = news("", topics=topics(workforce=0.9)).verdict
    store.tags.retag([(each, verdict) for each in store.tags.untaught("model-2", 0) if each.id == nurses], START + 60)
    assert (told_of(store, owls, since), told_of(store, leave, since)) == ([], ["retagged"])

    (third,) = add_sources(store, ["c"])
    store.polls.write(third, [issue("5", news("Nurses leave", topics=topics(workforce=0.8)))], START + 70)
    assert (told_of(store, owls, since), told_of(store, leave, since)) == ([], ["merged"])

    away = news("", topics=topics()).verdict
    store.tags.retag([(each, away) for each in store.tags.untaught("model-3", 0) if each.id == nurses], START + 80)
    assert (told_of(store, owls, since), told_of(store, leave, since)) == ([], ["left"])

    store.polls.write(2, [issue("2", news("Nurses stay", topics=topics(workforce=0.8)))], START + 90)
    assert (told_of(store, owls, since), told_of(store, leave, since)) == (["left"], ["left"])


def test_what_is_withdrawn_is_told_to_whom_it_was_shown(store: Store) -> None:
    _, second = fill(store)
    store.sources.remove(second, START + 60)
    assert [(each.seq, each.kind, each.story) for each in store.stories.changes_for(StoryQuery("workforce"), 5, 100)[0]] == [
        (6, "withdrawn", None)
    ]
    assert store.stories.changes_for(StoryQuery("finance"), 5, 100) == ([], 6)


def test_changes_are_looked_through_so_many_at_a_time(store: Store) -> None:
    fill(store)
    assert store.stories.changes_for(StoryQuery("finance"), 0, 1) == ([], 2)
    changes, reached = store.stories.changes_for(StoryQuery("finance"), 0, 2)
    assert ([each.seq for each in changes], reached) == ([3], 3)


def test_feeds_that_changed_are_known_by_their_last_change(store: Store) -> None:
    fill(store)
    assert store.stories.feeds_changed(0) == ["all", "finance", "untagged", "workforce"]
    assert store.stories.feeds_changed(3) == ["all", "finance", "untagged"]
    assert store.stories.feeds_changed(5) == []


def fill(store: Store) -> list[int]:
    first, second = ids = add_sources(store, ["a", "b"])
    store.polls.write(first, [issue("1", news("Deficit grows", topics=topics(finance=0.9)))], START)
    store.polls.write(second, [issue("2", news("Nurses leave", topics=topics(workforce=0.8)))], START)
    store.polls.write(first, [issue("3", news("Bank staff cost more", topics=topics(finance=0.7, workforce=0.99)))], START)
    store.polls.write(first, [issue("4", news("Owls nest", topics=topics()))], START)
    oldest = store.stories.page(StoryQuery())[-1]
    store.corrections.decide(oldest.id, {"finance": False}, "Ada", START + 1)
    return ids
