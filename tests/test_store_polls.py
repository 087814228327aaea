"""Leases on sources, and the write that ends a poll."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from builders import add_sources, issue, news, newsletter_issue, poll_of
from databases import rows, wipe
from fakes import START
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feeds.errors import LeaseLost, StoreError
from feeds.model import Lease, Source, StoryQuery, Subscription, Tally
from feeds.store import Store
from feeds.store.schema import article, change, feed, report, source, story, story_topic

LEASE = 300


def claimed(leases: list[Lease]) -> list[str]:
    return [lease.source.title for lease in leases]


def add_due(store: Store, due: dict[str, int | None]) -> None:
    for name, next_poll in due.items():
        add_sources(store, [name], next_poll)


def only_source(store: Store) -> Source:
    [found] = store.sources.list()
    return found


# ---------------------------------------------------------------- claiming


def test_due_sources_are_claimed_longest_overdue_first_up_to_the_limit(store: Store) -> None:
    add_due(store, {"now": START, "later": START + 1, "never": None, "long ago": START - 900, "before": START - 5})
    assert claimed(store.polls.claim(START, LEASE, 2)) == ["long ago", "before"]
    assert claimed(store.polls.claim(START, LEASE, 9)) == ["now"]
    assert claimed(store.polls.claim(START + 1, LEASE, 9)) == ["later"]


def test_a_leased_source_is_nobody_elses_until_the_lease_has_run_out(store: Store) -> None:
    add_sources(store, ["A"])
    [first] = store.polls.claim(START, LEASE, 9)
    assert store.polls.claim(START + LEASE - 1, LEASE, 9) == []
    [second] = store.polls.claim(START + LEASE, LEASE, 9)
    assert (second.source.id, second.token == first.token) == (first.source.id, False)


def test_sources_can_be_claimed_by_name_when_they_are_not_due_but_not_when_they_are_leased(store: Store) -> None:
    a, b, c = add_sources(store, ["A", "B", "C"], START + 3600)
    add_sources(store, ["never"], None)
    never = store.sources.find("never").id
    assert sorted(claimed(store.polls.claim(START, LEASE, 9, [a, b, never, 999]))) == ["A", "B", "never"]
    assert claimed(store.polls.claim(START, LEASE, 9, [a, c])) == ["C"]
    assert store.polls.claim(START, LEASE, 9, []) == []


def test_workers_that_claim_at_once_never_get_the_same_source(store: Store) -> None:
    names = [f"S{number}" for number in range(40)]
    add_sources(store, names)
    together = threading.Barrier(4)
    got: list[str] = []

    def work() -> None:
        together.wait(60)
        while leases := store.polls.claim(START, LEASE, 3):
            got.extend(claimed(leases))

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert sorted(got) == sorted(names)


def test_a_lease_given_back_leaves_its_source_due(store: Store) -> None:
    add_sources(store, ["A", "B"])
    before = rows(store, source)
    store.polls.release(store.polls.claim(START, LEASE, 9))
    assert rows(store, source) == before
    assert claimed(store.polls.claim(START, LEASE, 9)) == ["A", "B"]


def test_a_lease_that_was_taken_over_cannot_be_given_back(store: Store) -> None:
    add_sources(store, ["A"])
    stale = store.polls.claim(START, LEASE, 9)
    store.polls.claim(START + LEASE, LEASE, 9)
    store.polls.release(stale)
    assert store.polls.claim(START + LEASE, LEASE, 9) == []


# ---------------------------------------------------------------- the fence


def everything(store: Store) -> list[list[dict[str, object]]]:
    return [rows(store, table) for table in (source, article, story, report, story_topic, change, feed)]


def test_a_lost_lease_writes_nothing_and_the_new_owner_writes_once(store: Store) -> None:
    add_sources(store, ["A"])
    [slow] = store.polls.claim(START, LEASE, 9)
    [owner] = store.polls.claim(START + LEASE, LEASE, 9)
    before = everything(store)
    result = poll_of(issue("one", news("Beds shut")))
    with pytest.raises(LeaseLost, match="nothing was written"):
        store.polls.finish(slow, result)
    assert everything(store) == before
    assert store.polls.finish(owner, result) == Tally(new=1)
    after = everything(store)
    for lease in (slow, owner):
        with pytest.raises(LeaseLost):
            store.polls.finish(lease, poll_of(issue("two", news("Pay offer"))))
    assert everything(store) == after


def test_a_lease_that_ran_out_still_counts_while_nobody_took_it_over(store: Store) -> None:
    add_sources(store, ["A"])
    [slow] = store.polls.claim(START, LEASE, 9)
    late = START + 10 * LEASE
    assert store.polls.finish(slow, poll_of(issue("one", news("Beds shut")), at=late)) == Tally(new=1)
    assert only_source(store).last_polled == late


def test_the_poll_of_a_source_that_was_removed_meanwhile_writes_nothing(store: Store) -> None:
    [source_id] = add_sources(store, ["A"])
    [lease] = store.polls.claim(START, LEASE, 9)
    store.sources.remove(source_id, START)
    with pytest.raises(LeaseLost):
        store.polls.finish(lease, poll_of(issue("one", news("Beds shut"))))
    assert store.stories.page(StoryQuery()) == []


def test_a_poll_whose_stories_cannot_be_stored_leaves_the_source_leased_as_it_was(store: Store) -> None:
    add_sources(store, ["A"])
    [lease] = store.polls.claim(START, LEASE, 9)
    before = everything(store)
    bad = issue("bad", news("Beds shut"))
    with pytest.raises(StoreError):
        store.polls.finish(lease, poll_of(issue("good", news("Pay")), replace(bad, fingerprint=None)))  # type: ignore[arg-type]
    assert everything(store) == before


# ---------------------------------------------------------------- a source's state


def test_a_good_poll_keeps_the_validators_and_frees_the_source_until_its_next_poll(store: Store) -> None:
    store.sources.add([Subscription("https://a.example/feed", "")], START)
    [lease] = store.polls.claim(START, LEASE, 9)
    good = replace(poll_of(at=START + 2), last_modified="Mon", title="Its own title", home_url="https://a.example/")
    store.polls.finish(lease, good)
    found = only_source(store)
    assert (found.etag, found.last_modified, found.body_hash) == ('"e1"', "Mon", "0" * 32)
    assert (found.last_polled, found.last_success, found.next_poll) == (START + 2, START + 2, START + 3600)
    assert (found.failures, found.error) == (0, None)
    assert (found.title, found.home_url) == ("Its own title", "https://a.example/")
    assert store.polls.claim(START + 3599, LEASE, 9) == []
    [again] = store.polls.claim(START + 3600, LEASE, 9)
    store.polls.finish(again, replace(good, title="Renamed", home_url=None, etag=None, last_modified=None))
    found = only_source(store)
    assert (found.title, found.home_url) == ("Its own title", "https://a.example/")
    assert (found.etag, found.last_modified) == (None, None)


def test_failures_are_counted_and_a_good_poll_clears_them(store: Store) -> None:
    add_sources(store, ["A"])

    def poll(now: int, error: str | None) -> Source:
        [lease] = store.polls.claim(now, LEASE, 9)
        store.polls.finish(lease, replace(poll_of(at=now, next_poll=now + 10, error=error), etag=f'"{now}"'))
        return only_source(store)

    poll(START, None)
    poll(START + 10, "timed out")
    failing = poll(START + 20, "gone")
    assert (failing.failures, failing.error, failing.failing_since) == (2, "gone", START + 10)
    assert (failing.last_polled, failing.last_success, failing.etag) == (START + 20, START, f'"{START + 20}"')
    healed = poll(START + 30, None)
    assert (healed.failures, healed.error, healed.failing_since, healed.last_success) == (0, None, None, START + 30)


def test_a_failed_poll_still_stores_what_it_could_read(store: Store) -> None:
    add_sources(store, ["A"])
    [lease] = store.polls.claim(START, LEASE, 9)
    assert store.polls.finish(lease, poll_of(issue("one", news("Beds shut")), error="two.txt: empty")) == Tally(new=1)
    assert only_source(store).error == "two.txt: empty"


def test_articles_are_known_by_source_and_guid_with_their_latest_fingerprint(store: Store) -> None:
    one, two = add_sources(store, ["A", "B"])
    many = [issue(f"guid {number}") for number in range(1200)]
    store.polls.write(one, many, START)
    edited = issue("guid 7", news("Beds shut"))
    store.polls.write(one, [edited], START)
    known = store.polls.known(one, [*(each.article for each in many), issue("never seen").article])
    assert known == {("", each.article.guid): each.fingerprint for each in many} | {("", "guid 7"): edited.fingerprint}
    assert store.polls.known(two, [edited.article]) == {}


def test_nothing_is_written_to_a_source_that_is_not_there(store: Store) -> None:
    with pytest.raises(StoreError):
        store.polls.write(999, [issue("one", news("Beds shut"))], START)
    assert rows(store, article) == []


# ---------------------------------------------------------------- hosts


def on_hosts(store: Store, hosts: str) -> list[int]:
    """A source on each of these hosts, due one after the other."""
    ids = []
    for number, host in enumerate(hosts):
        (added,) = store.sources.add([Subscription(f"https://{host}.example/{number}", "")], START + number)
        ids.append(added.id)
    return ids


def ids_claimed(store: Store, now: int = START + 100, limit: int = 100, **options: Any) -> list[int]:
    return [lease.source.id for lease in store.polls.claim(now, LEASE, limit, **options)]


def test_of_one_host_only_so_many_sources_are_claimed_at_once_the_longest_overdue_first(store: Store) -> None:
    a1, b1, a2, a3, c1 = on_hosts(store, "abaac")
    assert ids_claimed(store) == [a1, b1, c1]
    assert ids_claimed(store) == []
    assert ids_claimed(store, per_host=2) == [a2]
    assert ids_claimed(store, per_host=5) == [a3]


def test_a_host_is_free_again_when_its_poll_ends_is_given_back_or_runs_out(store: Store) -> None:
    first, second, third = on_hosts(store, "aaa")
    (lease,) = store.polls.claim(START + 100, LEASE, 9)
    store.polls.finish(lease, poll_of(next_poll=START + 10_000))
    (lease,) = store.polls.claim(START + 100, LEASE, 9)
    assert lease.source.id == second
    store.polls.release([lease])
    assert ids_claimed(store) == [second]
    assert ids_claimed(store, START + 100 + LEASE) == [second]
    assert ids_claimed(store, START + 100 + LEASE, only=[third]) == []
    assert first not in ids_claimed(store, START + 200 + 2 * LEASE, per_host=9)


def test_folders_and_mailboxes_of_no_host_do_not_wait_for_each_other(store: Store) -> None:
    added = store.sources.add([Subscription(f"file:///letters/{number}/", "") for number in range(3)], START)
    assert ids_claimed(store) == [each.id for each in added]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(st.text("abc", max_size=12), st.integers(1, 3), st.integers(1, 5))
def test_hosts_never_get_more_polls_at_once_than_allowed_and_every_source_gets_its_turn(
    sqlite_store: Store, hosts: str, per_host: int, limit: int
) -> None:
    wipe(sqlite_store)
    ids = on_hosts(sqlite_store, hosts)
    host_of = dict(zip(ids, hosts, strict=True))
    held: list[Lease] = []
    polled: list[int] = []
    for _ in range(3 * len(ids) + 1):
        held += sqlite_store.polls.claim(START + 100, LEASE, limit, per_host=per_host)
        busy = Counter(host_of[lease.source.id] for lease in held)
        assert all(number <= per_host for number in busy.values())
        if held:
            lease = held.pop(0)
            polled.append(lease.source.id)
            sqlite_store.polls.finish(lease, poll_of(next_poll=START + 10_000))
    assert sorted(polled) == ids


def test_a_lease_that_is_renewed_holds_longer_and_one_that_was_lost_stays_lost(store: Store) -> None:
    kept, lost = on_hosts(store, "ab")
    leases = store.polls.claim(START + 100, LEASE, 9)
    (taken,) = store.polls.claim(START + 100 + LEASE, LEASE, 9, only=[lost])

    store.polls.renew(leases, START + 100 + 3 * LEASE)

    assert ids_claimed(store, START + 99 + 2 * LEASE) == []
    assert ids_claimed(store, START + 100 + 2 * LEASE) == [lost]
    assert ids_claimed(store, START + 100 + 3 * LEASE, only=[kept]) == [kept]
    with pytest.raises(LeaseLost):
        store.polls.finish(taken, poll_of())


# ---------------------------------------------------------------- newsletters


def test_each_newsletter_in_a_mailbox_is_a_source_of_its_own(store: Store) -> None:
    (mailbox,) = store.sources.add([Subscription("imaps://ada@mail.example/INBOX", "Post")], START)
    (lease,) = store.polls.claim(START, LEASE, 9)
    weekly = newsletter_issue("1", "list/weekly.example", news("Beds"), published=START - 60)
    daily = [newsletter_issue(str(number), "from/daily@example.org", news(f"News {number}")) for number in (2, 3)]

    tally = store.polls.finish(lease, poll_of(weekly, *daily, issue("4", news("Nobody's"))))

    assert tally == Tally(new=4)
    sources = {each.url: each for each in store.sources.list()}
    assert list(sources) == [mailbox.url, "newsletter:list/weekly.example", "newsletter:from/daily@example.org"]
    letters = list(sources.values())[1:]
    assert [(each.title, each.carrier, each.next_poll) for each in letters] == [
        ("List/Weekly.Example", mailbox.id, None),
        ("From/Daily@Example.Org", mailbox.id, None),
    ]
    assert [each.last_new for each in letters] == [START - 60, START]
    assert {each.title: each.source.url for each in store.stories.page(StoryQuery())} == {
        "Beds": "newsletter:list/weekly.example",
        "News 2": "newsletter:from/daily@example.org",
        "News 3": "newsletter:from/daily@example.org",
        "Nobody's": mailbox.url,
    }


def test_a_mail_in_two_mailboxes_counts_once(store: Store) -> None:
    store.sources.add([Subscription(f"imaps://{name}@mail.example/INBOX", "") for name in ("ada", "bob")], START)
    same = newsletter_issue("<1@example.org>", "list/weekly.example", news("Beds"))

    tallies = [store.polls.finish(lease, poll_of(same)) for lease in store.polls.claim(START + 60, LEASE, 9, per_host=2)]

    assert tallies == [Tally(new=1), Tally()]
    ada, bob, weekly = store.sources.list()
    assert weekly.carrier == ada.id
    assert store.polls.known(bob.id, [same.article]) == {("newsletter:list/weekly.example", "<1@example.org>"): same.fingerprint}
    (told,) = store.stories.page(StoryQuery())
    assert told.also_reported == ()


def test_arrivals_are_an_article_s_own_dates_unless_they_lie_in_the_future(store: Store) -> None:
    (one,) = add_sources(store, ["a"])
    dates = {"past": START - 60, "future": START + 60, "none": None}
    store.polls.write(one, [issue(guid, news(guid), published=date) for guid, date in dates.items()], START)
    assert sorted(store.polls.arrivals(one)) == [START - 60, START, START]


def test_marks_are_kept_until_others_take_their_place(store: Store) -> None:
    (one,) = add_sources(store, ["a"])
    states = []
    for marks in (frozenset({"a", "b"}), None, frozenset({"c"}), frozenset()):
        (lease,) = store.polls.claim(START, LEASE, 1, [one])
        store.polls.finish(lease, replace(poll_of(next_poll=START), marks=marks))
        states.append(store.polls.marks(one))
    assert states == [{"a", "b"}, {"a", "b"}, {"c"}, frozenset()]
