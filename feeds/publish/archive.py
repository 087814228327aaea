"""Where the archive documents of a feed begin and end (RFC 5005 section 4): places that stay, however many stories come.

A feed is cut at round numbers: of all ids between two stories, and of all places that leave a page between half full and full, the
one with the most zeros at its end. Where a page begins thus depends on the stories before its end alone, so a new story changes no
page, nobody has to remember where the cuts are, and any combination of topics and words has its archive, too.
"""

from __future__ import annotations

from collections.abc import Sequence

from ulid import ULID

MOST = 100
"""Stories in one archive document; there are at least half as many, but for the oldest."""

LOWEST = "0" * 26
"""An id that no story is below."""


def cut(ids: Sequence[str], most: int) -> str | None:
    """The id at which a page of at most ``most`` stories begins that has the first of these: all from it on are its own.

    ``ids`` are of stories, newest first; None if there are no more than fit on one page.
    """
    if len(ids) <= most:
        return None
    return str(ULID.from_int(_roundest(int(ULID.from_str(ids[most])), int(ULID.from_str(ids[(most - 1) // 2])))))


def _roundest(low: int, high: int) -> int:
    """The number above ``low`` and up to ``high`` with the most zeros at its end, in base 2."""
    zeros = (low ^ high).bit_length() - 1
    return high >> zeros << zeros
