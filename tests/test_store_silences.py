"""What the watch for silence asks of the store and writes down, on both engines."""

from __future__ import annotations

from dataclasses import replace

from builders import issue, news
from fakes import START
from source_rows import add_source, change_source

from feeds.model import Arrival, Watched
from feeds.store import Store

HOUR, DAY = 3600, 86_400


def bring(store: Store, source_id: int, seen: int, published: int | None = None) -> None:
    store.polls.write(source_id, [issue(f"{seen} {published}", news("Ward closes", ""), published=published)], seen)
    change_source(store, source_id, last_success=seen)


def feed(store: Store, seen: int = START, **values: object) -> int:
    """A source that brought something and is polled."""
    number = len(store.sources.list())
    source_id = add_source(store, f"https://a{number}.example/feed", "A", next_poll=START + HOUR)
    bring(store, source_id, seen)
    change_source(store, source_id, **values)
    return source_id


def told(store: Store) -> list[tuple[str, int, str]]:
    return [(each.kind, each.at, each.text) for each in store.events.latest(50)]


def test_sources_are_watched_that_brought_something_and_are_read_without_errors(store: Store) -> None:
    well = feed(store, last_success=START + HOUR)
    silent = feed(store, silent_since=START + 7)
    feed(store, failures=1)
    feed(store, stopped=True)
    feed(store, next_poll=None)
    add_source(store, "https://never.example/feed", last_success=START)
    assert store.silences.watched() == [Watched(well, START, START + HOUR, None), Watched(silent, START, START, START + 7)]


def test_a_newsletter_is_watched_through_the_mailbox_that_carries_it(store: Store) -> None:
    mailbox = add_source(store, "imaps://a@b.example/INBOX", next_poll=START, last_success=START + DAY)
    letter = add_source(store, "newsletter:a.example", carrier=mailbox, next_poll=None)
    bring(store, letter, START)
    assert store.silences.watched() == [Watched(letter, START, START + DAY, None)]
    change_source(store, mailbox, failures=1)
    assert store.silences.watched() == []
    change_source(store, mailbox, failures=0, next_poll=None, stopped=True)
    assert store.silences.watched() == []
    store.sources.remove(mailbox, START)
    assert store.silences.watched() == []


def test_an_article_bears_its_own_date_if_it_was_seen_within_two_days(store: Store) -> None:
    source_id = feed(store, START)
    for seen, published in [
        (START + 10 * DAY, START + 8 * DAY),
        (START + 20 * DAY, START + 18 * DAY - 1),
        (START + 30 * DAY, START + 30 * DAY + 1),
        (START + 40 * DAY, START + 40 * DAY - 5 * HOUR),
    ]:
        bring(store, source_id, seen, published)
    assert store.silences.arrivals(source_id, START + 1) == [
        Arrival(START + 8 * DAY, START + 10 * DAY),
        Arrival(START + 20 * DAY, START + 20 * DAY),
        Arrival(START + 30 * DAY, START + 30 * DAY),
        Arrival(START + 40 * DAY - 5 * HOUR, START + 40 * DAY),
    ]
    assert store.silences.arrivals(source_id, START)[0] == Arrival(START, START), "not before, but from then on"


def test_of_what_bears_the_same_hour_the_first_is_told(store: Store) -> None:
    source_id, other = feed(store), feed(store)
    bring(store, source_id, START + 3599)
    bring(store, source_id, START + 3600)
    bring(store, other, START + 2 * DAY)
    assert store.silences.arrivals(source_id, 0) == [Arrival(START, START), Arrival(START + 3600, START + 3600)]


def test_silence_is_written_down_once_and_ends_once(store: Store) -> None:
    source_id = feed(store)
    (watched,) = store.silences.watched()
    assert store.silences.fall_silent(watched, START + HOUR, "the daily issue has not come", START + DAY)
    assert not store.silences.fall_silent(watched, START + HOUR, "the daily issue has not come", START + DAY), "another process was first"
    assert (store.sources.get(source_id).silent_since, store.sources.get(source_id).silence) == (
        START + HOUR,
        "the daily issue has not come",
    )
    bring(store, source_id, START + HOUR + 2 * DAY)
    (watched,) = store.silences.watched()
    assert store.silences.speak(watched, START + 5 * DAY)
    assert not store.silences.speak(watched, START + 5 * DAY)
    assert (store.sources.get(source_id).silent_since, store.sources.get(source_id).silence) == (None, None)
    assert told(store) == [
        ("spoke", START + 5 * DAY, "something came again, after 2 days of silence"),
        ("silent", START + DAY, "the daily issue has not come"),
    ]


def test_nobody_is_silent_who_brought_something_or_failed_or_went_away_meanwhile(store: Store) -> None:
    talking, failing, stopped, gone = (feed(store) for _ in range(4))
    watched = store.silences.watched()
    bring(store, talking, START + HOUR)
    change_source(store, failing, failures=1)
    change_source(store, stopped, stopped=True)
    store.sources.remove(gone, START)
    assert not any(store.silences.fall_silent(each, START, "nothing has come", START) for each in watched)
    assert not store.silences.speak(watched[0], START)
    assert not store.silences.speak(replace(watched[3], silent_since=START), START)
    assert told(store) == []
    assert all(source.silent_since is None for source in store.sources.list())
