"""What a look at a source brings home, before it is compared with what is known."""

from __future__ import annotations

from dataclasses import dataclass

from feeds.ingest.extract import Extract


@dataclass(frozen=True, slots=True)
class Haul:
    """``extracts`` are the documents that are new; ``complaints`` tell of those that could not be read.

    The validators are those to send next time. ``url`` is the source's address from now on, if it is another. ``marks`` None keeps
    those of before. With ``more`` there is more to be read at once.
    """

    extracts: tuple[Extract, ...] = ()
    etag: str | None = None
    last_modified: str | None = None
    body_hash: str | None = None
    fresh_for: int = 0
    url: str | None = None
    moved_to: str | None = None
    moved_times: int = 0
    marks: frozenset[str] | None = None
    complaints: tuple[str, ...] = ()
    more: bool = False


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail, or a file of a folder, by a name that complaints can use. ``mark`` tells that it was read, where marks are kept."""

    name: str
    body: bytes
    mark: str | None = None


@dataclass(frozen=True, slots=True)
class Letters:
    """What a mailbox or folder holds that is new, oldest first.

    ``state`` is handed back at the next look, as ``marks`` are if there are any. ``complaints`` tell of what was left out. With
    ``more`` there is more to be read at once.
    """

    mails: tuple[Mail, ...] = ()
    state: str = ""
    complaints: tuple[str, ...] = ()
    more: bool = False
    marks: frozenset[str] | None = None
