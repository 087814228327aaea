"""How a source does, in plain words, and what of it everybody may know."""

from __future__ import annotations

from typing import Any

import pytest
from fakes import START

from feeds.condition import event_story, event_title, kind, public_error, public_name, state, state_words, what_next
from feeds.model import Source, SourceEvent

HOUR = 3600


def source(url: str = "https://a.example/feed", title: str = "Harbour Health News", **values: Any) -> Source:
    return Source(3, url, title, **({"last_polled": START, "next_poll": START + HOUR} | values))


MAILBOX = source("imaps://ada%40b.example@mail.b.example/INBOX", "mail.b.example", error="no login for ada@b.example", failures=2)


@pytest.mark.parametrize(
    ("values", "expected", "words"),
    [
        ({}, "ok", "ok"),
        ({"last_polled": None}, "new", "not polled yet"),
        ({"failures": 1, "failing_since": START}, "failing", "failing since 2 March 2026 at 09:00 UTC, once"),
        ({"failures": 4, "failing_since": START}, "failing", "failing since 2 March 2026 at 09:00 UTC, 4 times in a row"),
        ({"failures": 2}, "failing", "failing, 2 times in a row"),
        ({"silent_since": START}, "silent", "silent since 2 March 2026 at 09:00 UTC"),
        (
            {"silent_since": START, "failures": 1, "failing_since": START + HOUR},
            "failing",
            "failing since 2 March 2026 at 10:00 UTC, once",
        ),
        ({"stopped": True, "failures": 4, "failing_since": START, "silent_since": START}, "stopped", "stopped"),
    ],
)
def test_the_state_of_a_source_is_the_worst_that_is_known(values: dict[str, Any], expected: str, words: str) -> None:
    assert state(source(**values)) == expected
    assert state_words(source(**values)) == words


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"reason": "it is new"}, "It is polled again on 2 March 2026 at 10:00 UTC: it is new."),
        ({"last_polled": None}, "It is polled on 2 March 2026 at 10:00 UTC."),
        ({"failures": 1, "reason": "it failed"}, "It is tried again on 2 March 2026 at 10:00 UTC: it failed."),
        ({"next_poll": None}, "It is not polled by itself."),
        ({"next_poll": None, "carrier": 7}, "Its next issue is read when source 7 is polled."),
        (
            {"next_poll": None, "stopped": True, "reason": "it is gone"},
            "It is not polled any more: it is gone. To poll it again: healthwire sources resume 3",
        ),
    ],
)
def test_what_happens_next_is_told_with_its_reason(values: dict[str, Any], told: str) -> None:
    assert what_next(source(**values)) == told


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a.example/feed", "feed"),
        ("http://a.example/feed", "feed"),
        ("imap://a@b.example/INBOX", "mailbox"),
        ("imaps://a@b.example/INBOX", "mailbox"),
        ("maildir:/var/mail/ada", "mailbox"),
        ("file:///var/letters/", "folder"),
        ("newsletter:a.example", "newsletter"),
    ],
)
def test_the_kind_of_a_source_follows_from_its_address(url: str, expected: str) -> None:
    assert kind(source(url)) == expected


def test_the_public_is_told_the_errors_of_public_sources_alone() -> None:
    assert public_error(source(error="no answer")) == "no answer"
    assert public_error(MAILBOX) == "it could not be read; the operator's log and `healthwire sources show 3` say why"
    assert public_error(source("file:///home/ada/letters/", error="/home/ada/letters is no folder")) == public_error(MAILBOX)
    assert public_error(source("file:///home/ada/letters/")) is None


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (source(), "Harbour Health News"),
        (source(title=""), "https://a.example/feed"),
        (MAILBOX, "Mailbox 3"),
        (source("imaps://ada@b.example/INBOX", "ADA"), "Mailbox 3"),
        (source("imaps://ada@b.example/INBOX", ""), "Mailbox 3"),
        (source("imaps://ada@b.example/INBOX", "Our letters"), "Our letters"),
        (source("newsletter:a.example", "The Round-up"), "The Round-up"),
        (source("file:///home/ada/letters/", ""), "Source 3"),
    ],
)
def test_a_source_has_a_name_that_everybody_may_know(told: Source, expected: str) -> None:
    assert public_name(told) == expected


def test_an_event_is_told_in_a_line_and_in_full() -> None:
    event = SourceEvent(1, source(), START, "broke", "the server answered 503 Service Unavailable; it failed, so it is left alone")
    assert event_title(event) == "Harbour Health News broke: the server answered 503 Service Unavailable"
    happened, afterwards = event_story(event)
    assert (
        happened == "Failing since 2 March 2026 at 09:00 UTC: the server answered 503 Service Unavailable; it failed, so it is left alone."
    )
    assert afterwards == "It is tried again by itself, more and more rarely; another entry tells when it delivers again."


@pytest.mark.parametrize("kind", ["broke", "moved", "stopped", "recovered", "silent", "spoke"])
def test_an_event_of_a_private_source_quotes_nothing(kind: Any) -> None:
    quoting = "it moved from imaps://ada@mail.b.example to /home/ada; no login for ada" if kind in ("broke", "moved", "stopped") else "well"
    event = SourceEvent(1, MAILBOX, START, kind, quoting)
    told = " ".join([event_title(event), *event_story(event)])
    assert "ada" not in told
    assert "mail.b.example" not in told
    assert event_title(event).startswith("Mailbox 3 ")
    assert ("well" in told) == (kind in ("recovered", "silent", "spoke"))
