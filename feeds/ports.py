"""What the rooms need from outside, as small protocols owned by their callers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from feeds.model import Fetched, Source, Tag

Clock = Callable[[], int]
"""Tells the present moment as UTC epoch seconds."""


class Fetcher(Protocol):
    """Called by polls."""

    async def fetch(self, source: Source) -> Fetched:
        """Ask the source for its document, with the validators it gave last time.

        Raises:
            FetchError: it did not deliver.
        """
        ...


class Tagger(Protocol):
    """Called by polls and by the reading of files; knows nothing of feeds."""

    def tag(self, stories: Sequence[tuple[str, str]]) -> list[tuple[Tag, ...]]:
        """One tag per known topic, chosen or not, for each (title, text)."""
        ...
