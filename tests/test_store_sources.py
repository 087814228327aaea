"""Adding, finding and removing sources."""

from __future__ import annotations

import os
import signal
from base64 import b64encode
from dataclasses import replace
from itertools import pairwise
from random import Random

import pytest
import sqlalchemy as sa
from builders import add_sources, issue, news, newsletter_issue, poll_of
from databases import Databases, rows
from fakes import START
from hypothesis import given
from hypothesis import strategies as st
from processes import children
from program import PATIENCE

from feeds.errors import InputError, LeaseLost, NotFound
from feeds.model import Source, StoryQuery, Subscription, Tally
from feeds.store import Store, open_store
from feeds.store.schema import article, report, source
from feeds.store.sources import first_polls


def test_only_addresses_that_are_not_known_are_added(store: Store) -> None:
    first = [Subscription("https://a.example/feed", "A", "News"), Subscription("https://b.example/feed", "B")]
    added = store.sources.add(first, START)
    assert [(each.url, each.title, each.folder, each.next_poll) for each in added] == [
        ("https://a.example/feed", "A", "News", START),
        ("https://b.example/feed", "B", "", START),
    ]
    more = [
        Subscription("https://c.example/feed", "C"),
        Subscription("https://a.example/feed", "Other"),
        Subscription("https://c.example/feed", "C2"),
    ]
    assert [each.title for each in store.sources.add(more, None)] == ["C"]
    assert [(each.title, each.next_poll) for each in store.sources.list()] == [("A", START), ("B", START), ("C", None)]


def test_new_sources_keep_their_settings_and_the_host_that_is_asked_for_them(store: Store) -> None:
    store.sources.add(
        [
            Subscription("https://A.Example:8443/feed", "A", "News/UK", 7200, True),
            Subscription("imaps://ada@mail.example/INBOX", "Mail"),
            Subscription("file:///srv/letters/", "Letters"),
        ],
        START,
    )
    assert [(row["host"], row["folder"], row["interval"], row["full_text"]) for row in rows(store, source)] == [
        ("a.example", "News/UK", 7200, True),
        ("mail.example", "", None, False),
        ("", "", None, False),
    ]


def test_the_longest_address_that_a_list_may_hold_can_be_kept(store: Store) -> None:
    # Letters by chance, which no database can shorten.
    address = f"https://a.example/{b64encode(Random(1).randbytes(1500)).decode()}"[:2000]  # noqa: S311
    assert len(address) == 2000
    assert [each.url for each in store.sources.add([Subscription(address, "")], START)] == [address]


def subscriptions(host: str, numbers: range) -> list[Subscription]:
    return [Subscription(f"https://{host}/{number}", "") for number in numbers]


def first_polls_of(store: Store) -> list[int | None]:
    return [each.next_poll for each in store.sources.list()]


def test_thousands_are_added_at_once_in_their_order(store: Store) -> None:
    many = subscriptions("a.example", range(1200))
    added = store.sources.add(many + many[:5], START)
    assert [each.url for each in added] == [each.url for each in many]
    assert [each.url for each in store.sources.list()] == [each.url for each in many]
    assert first_polls_of(store) == [START + number for number in range(1200)]
    assert store.sources.add(many, START) == []


def test_new_sources_of_a_host_wait_for_those_that_wait_already(store: Store) -> None:
    store.sources.add(subscriptions("a.example", range(3)), START)
    store.sources.add([*subscriptions("a.example", range(4)), *subscriptions("b.example", range(1))], START + 1)
    assert first_polls_of(store) == [START, START + 1, START + 2, START + 3, START + 1]
    # What has just become due counts, what was due long ago does not; what was polled once has found its own time.
    store.sources.add(subscriptions("a.example", range(4, 5)), START + 3)
    assert first_polls_of(store)[-1] == START + 4
    store.sources.add(subscriptions("a.example", range(5, 6)), START + 50)
    assert first_polls_of(store)[-1] == START + 50
    for lease in store.polls.claim(START + 50, 60, 10, per_host=9):
        store.polls.finish(lease, poll_of(at=START + 50, next_poll=START + 51))
    store.sources.add(subscriptions("a.example", range(6, 7)), START + 51)
    assert first_polls_of(store)[-1] == START + 51


def test_an_import_that_was_killed_goes_on_where_it_was(databases: Databases) -> None:
    url = databases.migrated("sqlite")
    importing = children.Process(target=add_until_killed, args=(url,))
    importing.start()
    importing.join(PATIENCE)
    assert importing.exitcode == -signal.SIGKILL
    store = databases.open(url)
    assert len(store.sources.list()) == 400
    assert len(store.sources.add(subscriptions("a.example", range(1000)), START + 60)) == 600
    moments = [moment or 0 for moment in first_polls_of(store)]
    assert len(set(moments)) == 1000
    assert min(later - earlier for earlier, later in pairwise(sorted(moments))) == 1


def add_until_killed(url: str) -> None:
    """Adds two batches, and dies while it adds the third."""
    store = open_store(url)
    for start in (0, 200):
        store.sources.add(subscriptions("a.example", range(start, start + 200)), START)

    def die(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    sa.event.listen(store.engine, "commit", die)
    store.sources.add(subscriptions("a.example", range(400, 600)), START)


@given(
    st.lists(st.sampled_from(["a.example", "b.example", ""])),
    st.dictionaries(st.sampled_from(["a.example", "c.example"]), st.integers(0, 200)),
)
def test_first_polls_of_one_host_are_never_close(hosts: list[str], last: dict[str, int]) -> None:
    moments = list(first_polls(hosts, 100, last))
    for host in {*hosts} - {""}:
        new = [moment for each, moment in zip(hosts, moments, strict=True) if each == host]
        own = [last[host], *new] if host in last else new
        assert all(later - earlier >= 1 for earlier, later in pairwise(own))
        assert max(own) <= max(100, last.get(host, 0) + 1) + len(own) - 1, "nobody waits for more than those before it"
    assert all(moment >= 100 for moment in moments)
    assert all(moment == 100 for host, moment in zip(hosts, moments, strict=True) if not host)


def test_a_list_gives_known_sources_their_settings_back(store: Store) -> None:
    wanted = [
        Subscription("https://a.example/feed", "A", "News", 7200, True),
        Subscription("https://b.example/feed", "", ""),
        Subscription("https://c.example/feed", "C", "", None, False),
    ]
    store.sources.add([*wanted, Subscription("https://d.example/feed", "D", "Old", 900)], START)
    assert store.sources.restore(wanted, START) == 0
    first, second, third, _ = (each.id for each in store.sources.list())
    store.sources.set(first, START, title="Renamed", folder="", interval=None, full_text=False)
    store.sources.set(second, START, title="What the feed calls itself")
    store.sources.set(third, START, interval=900)
    assert store.sources.restore([*wanted, Subscription("https://new.example/feed", "New")], START) == 2
    assert [(each.title, each.folder, each.interval, each.full_text) for each in store.sources.list()] == [
        ("A", "News", 7200, True),
        ("What the feed calls itself", "", None, False),
        ("C", "", None, False),
        ("D", "Old", 900, False),
    ]


def test_settings_are_changed_one_by_one(store: Store) -> None:
    one, other = add_sources(store, ["A", "B"])
    before = store.sources.list()
    assert store.sources.set(one, START, interval=7200, full_text=True) == replace(before[0], interval=7200, full_text=True)
    assert store.sources.set(one, START, title="New", folder="Press") == replace(
        before[0], title="New", folder="Press", interval=7200, full_text=True
    )
    assert store.sources.set(one, START, interval=None).interval is None
    assert store.sources.list()[1] == before[other - one]
    with pytest.raises(NotFound, match="no such source"):
        store.sources.set(99, START, title="X")


def test_a_stopped_source_is_not_polled_until_it_is_resumed(store: Store) -> None:
    one, other = add_sources(store, ["A", "B"])
    (lease,) = store.polls.claim(START, 60, 1)
    store.polls.finish(lease, poll_of(next_poll=START + 900, error="it answered 500"))
    (under_way,) = store.polls.claim(START + 900, 60, 10, [one])

    assert store.sources.stop(one)
    assert not store.sources.stop(one), "it was stopped already"
    with pytest.raises(LeaseLost):
        store.polls.finish(under_way, poll_of(at=START + 900))
    stopped = store.sources.list()[0]
    assert (stopped.stopped, stopped.next_poll, stopped.reason, stopped.error) == (True, None, "stopped by a person", "it answered 500")
    assert [lease.source.id for lease in store.polls.claim(START + 10**6, 60, 10)] == [other]

    assert store.sources.resume(one, START + 5000)
    assert not store.sources.resume(one, START + 6000)
    resumed = store.sources.list()[0]
    assert (resumed.stopped, resumed.next_poll, resumed.error, resumed.failures, resumed.failing_since) == (
        False,
        START + 5000,
        None,
        0,
        None,
    )
    assert [lease.source.id for lease in store.polls.claim(START + 5000, 60, 10)] == [one]


def test_what_is_not_polled_by_itself_cannot_be_stopped_or_resumed(store: Store) -> None:
    [by_hand] = add_sources(store, ["A"], None)
    with pytest.raises(InputError, match="not polled by itself"):
        store.sources.stop(by_hand)
    assert not store.sources.resume(by_hand, START)
    assert first_polls_of(store) == [None]
    for change in (store.sources.stop, lambda number: store.sources.resume(number, START)):
        with pytest.raises(NotFound, match="no such source"):
            change(99)


@pytest.mark.parametrize("name", ["1", "https://a.example/feed", "The Herald", "the HERALD"])
def test_a_source_is_found_by_id_address_or_title(store: Store, name: str) -> None:
    store.sources.add([Subscription("https://a.example/feed", "The Herald"), Subscription("https://b.example/feed", "2026")], START)
    assert store.sources.find(name).url == "https://a.example/feed"
    assert store.sources.find("2026").url == "https://b.example/feed"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Herald", "no source called 'Herald'"),
        ("9", "no source called '9'"),
        ("Twin", "several sources called 'Twin'"),
        ("9" * 30, "no source"),
    ],
)
def test_a_source_that_is_not_clear_is_not_found(store: Store, name: str, message: str) -> None:
    twins = [Subscription(f"https://{name}.example/feed", "Twin") for name in "ab"]
    store.sources.add(twins, START)
    with pytest.raises(NotFound, match=f"{message}.*see: healthwire sources list"):
        store.sources.find(name)


def test_removing_a_source_takes_along_its_articles_and_the_stories_that_only_it_told(store: Store) -> None:
    one, two = add_sources(store, ["A", "B"])
    store.polls.write(one, [issue("one", news("Only A"), news("Both"))], START)
    store.polls.write(two, [issue("two", news("Only B"), news("Both"))], START)
    assert store.sources.remove(one, START + 60) == Tally(edited=1, withdrawn=1)
    assert [(each.title, each.source.title, each.also_reported) for each in store.stories.page(StoryQuery())] == [
        ("Only B", "B", ()),
        ("Both", "B", ()),
    ]
    assert {row["source_id"] for row in rows(store, article) + rows(store, report)} == {two}
    assert [each.id for each in store.sources.list()] == [two]


def test_a_source_that_is_not_there_cannot_be_removed(store: Store) -> None:
    [source_id] = add_sources(store, ["A"])
    with pytest.raises(NotFound, match="no such source"):
        store.sources.remove(99, START)
    store.sources.remove(source_id, START)
    with pytest.raises(NotFound):
        store.sources.remove(source_id, START)


def test_the_id_of_a_removed_source_is_never_given_to_another(store: Store) -> None:
    [old] = add_sources(store, ["A"])
    store.sources.remove(old, START)
    [new] = add_sources(store, ["B"])
    assert new > old


def letter_of(store: Store, mailbox: Source, guid: str = "<1@example.org>") -> None:
    """A mailbox brings an issue of a newsletter."""
    weekly = newsletter_issue(guid, "list/weekly.example", news(f"Beds {guid}"))
    (lease,) = store.polls.claim(START + 60, 300, 1, [mailbox.id])
    store.polls.finish(lease, replace(poll_of(weekly, next_poll=START + 60), marks=frozenset({"a"})))


def test_a_mailbox_goes_with_the_newsletters_that_it_brought_and_others_are_read_again(store: Store) -> None:
    ada, bob = store.sources.add([Subscription(f"imaps://{name}@mail.example/INBOX", name) for name in ("ada", "bob")], START)
    letter_of(store, ada)
    letter_of(store, bob)

    tally = store.sources.remove(ada.id, START + 120)

    assert tally.withdrawn == 1
    (left,) = store.sources.list()
    assert (left.id, left.etag, store.polls.marks(left.id)) == (bob.id, None, frozenset())
    letter_of(store, left)
    assert [(each.url, each.carrier) for each in store.sources.list()][1:] == [("newsletter:list/weekly.example", bob.id)]
    assert [story.title for story in store.stories.page(StoryQuery())] == ["Beds <1@example.org>"]


def test_a_feed_that_is_removed_makes_nobody_read_anew(store: Store) -> None:
    (mailbox,) = store.sources.add([Subscription("imaps://ada@mail.example/INBOX", "Post")], START)
    (feed,) = add_sources(store, ["feed"])
    letter_of(store, mailbox)
    store.sources.remove(feed, START)
    assert store.polls.marks(mailbox.id) == {"a"}
