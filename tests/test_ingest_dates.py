"""Dates as feeds and mails write them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest

from feeds.ingest.dates import from_mail, from_rfc3339

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
    ("written", "moment"),
    [
        ("Thu, 23 Jun 2016 09:00:00 +0000", NINE),
        ("Thu, 23 Jun 2016 09:00:00 GMT", NINE),
        ("Thu, 23 Jun 2016 09:00:00 -0000", NINE),
        ("Thu, 23 Jun 2016 09:00:00", NINE),
        ("Thu, 23 Jun 2016 10:00:00 BST", NINE),
        ("23 Jun 2016 11:00:00 CEST", NINE),
        ("Thu, 23 Jun 2016 10:00:00 +0100 (BST)", NINE),
        ("Thu, 23 Jun 2016 05:00:00 EDT", NINE),
        ("Fri, 31 Dec 9999 23:59:59 -0500", None),
        ("Thu, 1 Jan 1970 00:00:00 +0000", None),
        ("Thu, 32 Jun 2016 09:00:00 +0000", None),
        ("soon", None),
        ("", None),
    ],
)
def test_the_date_of_a_mail_does_not_depend_on_where_it_is_read(written: str, moment: int | None) -> None:
    assert from_mail(written) == moment


@pytest.mark.usefixtures("clock_in_new_york")
@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2016-06-23T09:00:00Z", NINE),
        ("2016-06-23T10:00:00+01:00", NINE),
        ("2016-06-23T09:00:00", NINE),
        ("2016-06-23T09:00:00.999Z", NINE),
        ("0001-01-01T00:00:00+05:00", None),
        ("9999-12-31T23:59:59-05:00", None),
        ("2016-06-31T00:00:00Z", None),
        ("", None),
    ],
)
def test_an_internet_date_is_read_as_utc_unless_it_says_otherwise(written: str, moment: int | None) -> None:
    assert from_rfc3339(written) == moment
