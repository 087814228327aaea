"""What the rooms need from outside, as small protocols owned by their callers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from feeds.model import Fetched, Judged, Source, Verdict

Clock = Callable[[], int]
"""Tells the present moment as UTC epoch seconds."""


class Fetcher(Protocol):
    """Called by polls."""

    def fetch(self, source: Source) -> AbstractAsyncContextManager[Fetched]:
        """Ask the source for its document, with the validators it gave last time.

        Raises, on entering:
            FetchError: it did not deliver.
        """
        ...

    def page(self, url: str) -> AbstractAsyncContextManager[Fetched]:
        """Ask for a web page or text file; raises as ``fetch`` does."""
        ...


class Tagger(Protocol):
    """Called by polls, by the reading of files and by chores; knows nothing of feeds."""

    @property
    def version(self) -> str:
        """Which model tags at the moment."""
        ...

    def tag(self, stories: Sequence[tuple[str, str]]) -> list[Verdict]:
        """One tag per known topic, chosen or not, for each (title, text)."""
        ...

    def knows(self, word: str) -> bool:
        """Whether the model has learned from that word."""
        ...


class Judge(Protocol):
    """Called by requests; knows nothing of feeds."""

    def judge(self, title: str, text: str) -> Judged:
        """What the model in use makes of a text, with everything that led to it."""
        ...

    def about(self) -> Mapping[str, Any]:
        """What is known of the model in use, as plain data; empty when there is none."""
        ...
