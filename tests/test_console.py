"""What the commands tell of sources."""

from __future__ import annotations

from typing import Any

import pytest
from fakes import START

from feeds.console import source_facts, source_table
from feeds.model import Source, SourceEvent

HOUR = 3600


def source(**values: Any) -> Source:
    known: dict[str, Any] = {"id": 3, "url": "https://a.example/feed", "title": "Harbour", "last_polled": START, "next_poll": START + HOUR}
    return Source(**(known | values))


def facts(told: Source, carrier: Source | None = None, carried: list[Source] | None = None) -> dict[str, str]:
    """The facts by their names."""
    lines = list(source_facts(told, carrier, carried or [], []))
    return {line[:16].strip(): line[16:] for line in lines}


@pytest.mark.parametrize(
    ("values", "lines"),
    [
        ({}, ["3 ok next 2026-03-02 10:00 UTC Harbour https://a.example/feed"]),
        ({"last_polled": None, "next_poll": None}, ["3 not polled yet no next poll Harbour https://a.example/feed"]),
        (
            {"failures": 4, "failing_since": START, "error": "no\x1b[2J answer\n"},
            ["3 failing since 2026-03-02 09:00 UTC, 4 times next 2026-03-02 10:00 UTC Harbour https://a.example/feed", "no[2J answer"],
        ),
        (
            {"silent_since": START, "silence": "the daily issue has not come"},
            [
                "3 silent since 2026-03-02 09:00 UTC next 2026-03-02 10:00 UTC Harbour https://a.example/feed",
                "the daily issue has not come",
            ],
        ),
        (
            {"stopped": True, "next_poll": None, "reason": "stopped by a person"},
            ["3 stopped no next poll Harbour https://a.example/feed", "stopped by a person"],
        ),
    ],
)
def test_a_source_is_a_line_and_what_is_wrong_with_it_another(values: dict[str, Any], lines: list[str]) -> None:
    assert [" ".join(line.split()) for line in source_table([source(**values)])] == lines


def test_all_that_is_known_is_shown_one_fact_a_line() -> None:
    told = source(
        folder="Press",
        home_url="https://a.example/",
        reason="it brings something new about every 3 hours",
        etag='W/"e\x1b1"',
        last_modified="Mon, 02 Mar 2026 08:00:00 GMT",
        body_hash="0" * 32,
        last_success=START - HOUR,
        last_new=START - 2 * HOUR,
        usual_gap=3 * HOUR,
        interval=2 * HOUR,
        full_text=True,
        ttl=2 * HOUR,
        skip_hours=0b1100_0000_0000_0000_0011_1111,
        skip_days=0b110_0000,
        moved_to="https://b.example/feed",
        moved_times=1,
    )
    assert facts(told) == {
        "id": "3",
        "title": "Harbour",
        "address": "https://a.example/feed",
        "kind": "feed",
        "folder": "Press",
        "home page": "https://a.example/",
        "state": "ok",
        "next": "It is polled again on 2 March 2026 at 10:00 UTC: it brings something new about every 3 hours.",
        "interval": "2 hours, set by a person",
        "usual gap": "3 hours between two new entries",
        "last news": "2 March 2026 at 07:00 UTC",
        "last polled": "2 March 2026 at 09:00 UTC",
        "last read well": "2 March 2026 at 08:00 UTC",
        "full text": "the page of each article is fetched",
        "validators": f'ETag: W/"e1"; Last-Modified: Mon, 02 Mar 2026 08:00:00 GMT; body: {"0" * 32}',
        "it asks": "not to be polled more often than every 2 hours; not in the hours from 00:00 to 06:00, 22:00 to 24:00 UTC;"
        " not on Saturdays, Sundays (UTC)",
        "moving to": "https://b.example/feed, where permanent redirects led once; it is stored after the second good poll there",
    }


def test_what_is_not_known_is_not_shown() -> None:
    assert facts(source(last_polled=None)).keys() == {"id", "title", "address", "kind", "state", "next", "interval", "full text"}


def test_a_newsletter_and_what_carries_it_name_each_other() -> None:
    mailbox = source(id=7, url="imaps://a@b.example/INBOX", title="Post")
    letter = source(url="newsletter:a.example", carrier=7, next_poll=None)
    assert facts(letter, carrier=mailbox)["comes with"] == "source 7 (Post)"
    assert facts(mailbox, carried=[letter])["brings"] == "source 3 (Harbour)"
    assert "interval" not in facts(letter)


def test_events_follow_the_facts() -> None:
    event = SourceEvent(1, source(), START, "broke", "no\x1b answer")
    assert list(source_facts(source(), None, [], [event]))[-1] == "event           2 March 2026 at 09:00 UTC: broke: no answer"
