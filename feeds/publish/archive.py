"""Where the archive documents of a feed begin and end (RFC 5005 section 4): places that stay, however many stories come and go.

A page ends at the first story from the middle on whose id is one of the few where pages may end, and if there is none it ends full.
Where a page begins thus follows from where it ends and from its own stories alone: what is new or taken back elsewhere changes it
not, nobody has to remember where the pages are, and any combination of topics and words has its archive, too. As the same ids end
the pages of all who walk, whoever begins elsewhere soon meets pages that are known.
"""

from __future__ import annotations

from collections.abc import Sequence
from zlib import crc32

MOST = 100
"""Stories in one archive document; there are at least half as many, but for the oldest."""

LOWEST = "0" * 26
"""An id that no story is below."""


def cut(ids: Sequence[str], most: int) -> str | None:
    """The id at which a page of at most ``most`` stories begins that has the first of these: all from it on are its own.

    ``ids`` are of stories, newest first; None if the page has all of them.
    """
    for size in range((most + 1) // 2, min(most, len(ids) - 1) + 1):
        if size == most or _may_end(ids[size - 1], most):
            return ids[size - 1]
    return None


def _may_end(story_id: str, most: int) -> bool:
    """Whether it is one of those few, of which about three stand in a full page; those of large pages are also those of small ones."""
    few = 1 << max(1, most // 3).bit_length() - 1
    return crc32(story_id.encode()) % few == 0
