"""Maildirs, read without changing anything in them.

A mail's file is called ``UNIQUE`` in ``new`` and ``UNIQUE:2,FLAGS`` in ``cur``; programs move and rename it, but UNIQUE stays.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from feeds.errors import FetchError
from feeds.identity import digest
from feeds.ingest.haul import Letters, Mail
from feeds.ingest.mail import FIRST_SECONDS, MOST_BYTES, MOST_MAILS, MailboxAddress
from feeds.text import plain_line

# Mails of the past are known by name, so that one that comes late, with an earlier time, is still read.
_REMEMBERED = 200

Key = tuple[int, str]
"""When a mail was written, in nanoseconds, and a hash of its unique name: an order in which no two are equal."""


@dataclass(frozen=True, slots=True)
class _State:
    """What was read: everything up to ``settled``, and of what came after it the mails with these hashes."""

    settled: Key
    recent: frozenset[str]

    def __str__(self) -> str:
        return " ".join((str(self.settled[0]), self.settled[1] or "-", *sorted(self.recent)))

    def knows(self, key: Key) -> bool:
        return key <= self.settled or key[1] in self.recent


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    name: str
    key: Key
    size: int


def read_maildir(address: MailboxAddress, state: str | None, *, timeout: int, max_bytes: int, now: int) -> Letters:
    """The mails that are new since ``state``, at first those of the last 30 days.

    Raises:
        FetchError: there is no maildir, or it cannot be read.
    """
    enough = time.monotonic() + timeout / 2
    files = _files(Path(address.folder))
    old = _read_state(state, now)
    new = [file for file in files if not old.knows(file.key)]
    mails: list[Mail] = []
    complaints: list[str] = []
    done: set[str] = set()
    taken = 0
    for file in new:
        if done and (len(done) >= MOST_MAILS or taken + file.size > MOST_BYTES or time.monotonic() > enough):
            break
        if file.size > max_bytes:
            complaints.append(f"{file.name}: the mail has {file.size} bytes, more than {max_bytes} (HEALTHWIRE_MAX_BYTES); left out")
        else:
            try:
                body = file.path.read_bytes()
            except FileNotFoundError:
                # Another program has just renamed it; the next look finds it again.
                continue
            except OSError as error:
                raise FetchError(f"{file.path} cannot be read: {(error.strerror or '').lower()}") from error
            taken += len(body)
            if address.wants(body):
                mails.append(Mail(file.name, body))
        done.add(file.key[1])
    left = [file.key for file in new if file.key[1] not in done]
    read = [file.key for file in files if old.knows(file.key) or file.key[1] in done]
    return Letters(tuple(mails), str(_next_state(old, read, left)), tuple(complaints), more=bool(left) and len(done) > 0)


def _files(folder: Path) -> list[_File]:
    """The mails in a maildir, oldest first."""
    found: dict[Key, _File] = {}
    try:
        for inner in ("new", "cur"):
            for entry in os.scandir(folder / inner):
                if entry.name.startswith(".") or not entry.is_file(follow_symlinks=False):
                    continue
                unique = entry.name.partition(":")[0]
                try:
                    about = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    # Renamed since the folder was listed; the next look finds it again.
                    continue
                key = (about.st_mtime_ns, digest(os.fsencode(unique))[:12])
                found[key] = _File(
                    Path(entry.path), f"{plain_line(os.fsencode(unique).decode('utf-8', 'replace'))}.eml", key, about.st_size
                )
    except FileNotFoundError as error:
        raise FetchError(f"there is no maildir {folder}: it must hold the folders new and cur") from error
    except OSError as error:
        raise FetchError(f"the maildir {folder} cannot be read: {(error.strerror or '').lower()}") from error
    return sorted(found.values(), key=lambda file: file.key)


def _read_state(state: str | None, now: int) -> _State:
    match (state or "").split():
        case [moment, last, *recent] if moment.isdecimal() and len(moment) < 25:
            return _State((int(moment), "" if last == "-" else last), frozenset(recent))
    return _State(((now - FIRST_SECONDS) * 10**9, ""), frozenset())


def _next_state(old: _State, read: list[Key], left: list[Key]) -> _State:
    """Settles what lies before the newest that were read, as far as nothing is left there."""
    settled = [key for key in read[:-_REMEMBERED] if not left or key < left[0]]
    border = max([old.settled, *settled[-1:]])
    return _State(border, frozenset(key[1] for key in read if key > border))
