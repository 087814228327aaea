"""Dates as feeds and mails write them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds.ingest.dates import read, zone_of

# 23 June 2016, 09:00 UTC.
NINE = 1_466_672_400


@pytest.fixture
def clock_in_new_york() -> Iterator[None]:
    before = os.environ.get("TZ")
    os.environ["TZ"] = "America/New_York"
    time.tzset()
    yield
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()


@pytest.mark.usefixtures("clock_in_new_york")
@pytest.mark.parametrize(
    "written",
    [
        # RFC 5322, and how it is bent.
        "Thu, 23 Jun 2016 09:00:00 +0000",
        "Thu, 23 Jun 2016 09:00:00 GMT",
        "Thu, 23 Jun 2016 09:00:00 -0000",
        "Thu, 23 Jun 2016 09:00:00",
        "Mon, 23 Jun 2016 09:00:00 GMT",
        "23 Jun 16 09:00 Z",
        "Thu,23 June 2016 09:00:00 UTC",
        "Thursday, 23-Jun-2016 09:00:00 GMT",
        "  Thu,  23  Jun  2016  9:00:00  Etc/GMT ",
        "Thu, 23 Jun 2016 10:00:00 BST",
        "Thu, 23 Jun 2016 10:00:00 +0100 (BST)",
        "Thu, 23 Jun 2016 10:00:00 WEST",
        "23 Jun 2016 11:00:00 CEST",
        "Thu, 23 Jun 2016 12:00:00 EEST",
        "Thu, 23 Jun 2016 14:30:00 IST",
        "Thu, 23 Jun 2016 05:00:00 EDT",
        "Thu, 23 Jun 2016 02:00:00 PDT",
        "Thu, 23 Jun 2016 19:00:00 AEST",
        "Thu, 23 Jun 2016 09:00:00 A",
        "Thu, 23 Jun 2016 09:00:00 NOWHERE",
        "Thu, 23 Jun 2016 10:00:00 GMT+1",
        "Thu, 23 Jun 2016 10:00:00 GMT+01:00",
        "Thu, 23 Jun 2016 04:00:00 UTC-5",
        "Thu, 23 Jun 2016 10:00:00 +1",
        # RFC 3339, ISO 8601, and how they are bent.
        "2016-06-23T09:00:00Z",
        "2016-06-23T10:00:00+01:00",
        "2016-06-23T14:30:00+0530",
        "2016-06-23T09:00:00",
        "2016-06-23t09:00z",
        "2016-06-23T09:00:00.999999999Z",
        "2016-06-23T09Z",
        "20160623T090000Z",
        "2016-W25-4T09:00:00Z",
        "2016W254T0900Z",
        "2016-175T09:00:00Z",
        "2016-06-23 09:00:00 UTC",
        "2016-06-23 10:00 BST",
        "2016/06/23 09:00:00",
        "1466672400",
        "1466672400000",
        # Neither.
        "Thu Jun 23 09:00:00 2016",
        "Thu Jun 23 10:00:00 BST 2016",
        "Thursday, June 23, 2016 at 9:00 am",
        "09:00, 23rd June 2016",
        "Thursday 23 June 2016 at 9.00 am",
        "23. Juni 2016 09.00.00",
        "6/23/2016 9:00:00 AM",
        "jeu., 23 juin 2016 11:00:00 +0200",
        "Do, 23. Juni 2016 11:00 MESZ",
        "23 de junio de 2016 9 a.m.",
    ],
)
def test_one_moment_is_read_from_every_way_to_write_it_wherever_that_is_done(written: str) -> None:
    assert read(written) == NINE


@pytest.mark.parametrize(
    ("written", "ahead", "moment"),
    [
        ("23 June 2016 at 10:00", 1, NINE),
        ("23 June 2016 at 10:00 BST", 9, NINE),
        ("23 June 2016 at 09:00 GMT", 9, NINE),
        ("23 June 2016 at 09:00Z", 9, NINE),
        ("23 June 2016", 9, NINE - 9 * 3600),
    ],
)
def test_a_clock_elsewhere_counts_only_where_no_zone_is_named(written: str, ahead: int, moment: int) -> None:
    assert read(written, timedelta(hours=ahead)) == moment


@pytest.mark.parametrize(
    ("written", "hours"),
    [
        ("Thu, 23 Jun 2016 11:00:00 +0200", 2),
        ("Thu, 23 Jun 2016 05:30:00 -0330", -3.5),
        ("Thu, 23 Jun 2016 10:00 BST", 1),
        ("Thu, 23 Jun 2016 10:00", 0),
        ("", 0),
        ("x" * 10_000, 0),
    ],
)
def test_how_far_ahead_a_clock_was(written: str, hours: float) -> None:
    assert zone_of(written) == timedelta(hours=hours)


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("Wed, 22 Jun 2016 24:00:00 GMT", NINE - 9 * 3600),
        ("2016-06-22T24:00:00Z", NINE - 9 * 3600),
        ("Thu, 23 Jun 2016 08:59:60 GMT", NINE),
        ("2016-06-23", NINE - 9 * 3600),
        ("23 Jun 2016", NINE - 9 * 3600),
        ("Thu, 23 Jun 2016 12:30 AM", NINE - 8 * 3600 - 1800),
        ("Thu, 23 Jun 2016 12:30 PM", NINE + 3 * 3600 + 1800),
        ("Mon, 23 Jun 2092 09:00:00 GMT", 3_865_050_000),
    ],
)
def test_ends_of_days_halves_of_days_and_whole_days(written: str, moment: int) -> None:
    assert read(written) == moment


@pytest.mark.parametrize(
    "written",
    [
        *("Fri, 31 Dec 9999 23:59:59 -0500", "Thu, 1 Jan 1970 00:00:00 +0000", "0000-00-00T00:00:00Z", "0001-01-01T00:00:00+05:00"),
        *("9999-12-31T23:59:59-05:00", "Thu, 32 Jun 2016 09:00:00 +0000", "2016-06-31T00:00:00Z", "2016-06-23T25:00:00Z"),
        *("2016-06-23T24:01:00Z", "2016-366000", "2015-366", "01/02/2016 10:00", "12:30", "23 Jun 09:00", "soon", "", " ", "9" * 5000),
    ],
)
def test_a_date_that_is_none_or_cannot_be_true_is_none(written: str) -> None:
    assert read(written) is None


@given(st.text(st.sampled_from("0123456789:-/+., TZWJanpmGMTBST\u0660\u2212"), max_size=40) | st.text(max_size=120))
def test_whatever_stands_for_a_date_gives_a_moment_that_can_be_shown_or_none(written: str) -> None:
    moment = read(written)

    assert moment is None or 631_152_000 <= moment <= 4_102_444_800
