"""Newsletters, articles and feeds that lie in folders: named on the command line, or a folder that is a source."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from urllib.parse import unquote, urlsplit

from feeds.errors import HealthwireError, InputError
from feeds.identity import digest
from feeds.ingest.extract import cut
from feeds.ingest.haul import Letters, Mail
from feeds.ingest.issues import issues_of, words_of
from feeds.ingest.mail import MOST_BYTES, MOST_MAILS
from feeds.ingest.parse import parse_file
from feeds.model import Issue, Source, Subscription, Tally
from feeds.ports import Clock, Tagger
from feeds.store import Store

_SUFFIXES = (".txt", ".html", ".htm", ".eml", ".xml", ".json", ".rss", ".atom")

_NOTHING = Tally()


@dataclass(frozen=True, slots=True)
class Reading:
    """One file that was read: what it holds and what of it was news, or why it could not be read."""

    file: str
    issues: tuple[Issue, ...] = ()
    tally: Tally = _NOTHING
    error: str | None = None


def folder_url(folder: Path) -> str:
    """The address under which a folder is a source."""
    return folder.resolve().as_uri().rstrip("/") + "/"


def read_files(names: Sequence[str], store: Store, tagger: Tagger, clock: Clock, max_bytes: int) -> Iterator[Reading]:
    """Reads each file (``-`` is standard input) into the source of its folder; each is stored before the next is read."""
    for name in names:
        try:
            articles = parse_file(_shown(name), _contents(name, max_bytes)).articles
            # Files that are named together belong together, whoever sent them.
            cuts = cut(replace(article, newsletter=None) for article in articles)
            issues = issues_of(cuts, tagger.tag(words_of(cuts)))
            source = _source_for(name, store)
            yield Reading(_shown(name), issues, store.polls.write(source.id, issues, clock()))
        except HealthwireError as error:
            yield Reading(_shown(name), error=str(error))


def _shown(name: str) -> str:
    """A file's name as text; what is not UTF-8 in it can be neither stored nor printed."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _source_for(name: str, store: Store) -> Source:
    folder = Path.cwd() if name == "-" else Path(name).parent
    url = "file:standard-input" if name == "-" else folder_url(folder)
    title = "Standard input" if name == "-" else f"Files in {_shown(folder.resolve().name) or '/'}"
    store.sources.add([Subscription(url, title)], next_poll=None)
    return store.sources.find(url)


def _contents(name: str, max_bytes: int) -> bytes:
    try:
        if name == "-":
            body = sys.stdin.buffer.read(max_bytes + 1)
        else:
            with Path(name).open("rb") as file:
                body = file.read(max_bytes + 1)
    except OSError as error:
        raise InputError(f"{name}: {(error.strerror or str(error)).lower()}") from error
    if len(body) > max_bytes:
        raise InputError(f"{name}: longer than {max_bytes} bytes (HEALTHWIRE_MAX_BYTES)")
    return body


def list_folder(source: Source, known: frozenset[str], max_bytes: int) -> Letters:
    """The files of a folder source that are new or changed since those ``known``, in the order of their names, and marks to know next time.

    A file that cannot be read is tried again at every look, after those that are new, and complained of until it is mended.

    Raises:
        InputError: the folder is not there, or cannot be read.
    """
    marked = _marked(Path(unquote(urlsplit(source.url).path)))
    marks = {each for mark in marked for each in (mark, failed(mark)) if each in known}
    new = sorted(((mark, path) for mark, path in marked.items() if mark not in known), key=lambda each: failed(each[0]) in known)
    mails: list[Mail] = []
    complaints: list[str] = []
    size = 0
    left = iter(new)
    for mark, path in islice(left, MOST_MAILS):
        try:
            mail = Mail(_shown(path.name), _contents(str(path), max_bytes), mark)
        except HealthwireError as error:
            complaints.append(str(error))
            marks.add(failed(mark))
            continue
        mails.append(mail)
        marks = marks - {failed(mark)} | {mark}
        size += len(mail.body)
        if size > MOST_BYTES:
            break
    more = any(failed(mark) not in known for mark, _ in left)
    return Letters(tuple(mails), digest(*sorted(marks)), tuple(complaints), more, frozenset(marks))


def failed(mark: str) -> str:
    """What stands for the mark of a file that could not be read."""
    return f"!{mark}"


def _marked(folder: Path) -> dict[str, Path]:
    """The files of a folder by their marks, in the order of their names."""
    marked: dict[str, Path] = {}
    try:
        if not folder.is_dir():
            raise InputError(f"there is no folder {folder}")
        for path in sorted(folder.iterdir()):
            # What vanishes meanwhile is no longer there.
            with suppress(FileNotFoundError):
                if path.suffix.lower() in _SUFFIXES and path.is_file():
                    marked[_file_mark(path)] = path
    except OSError as error:
        raise InputError(f"the folder {folder} cannot be read: {(error.strerror or str(error)).lower()}") from error
    return marked


def _file_mark(path: Path) -> str:
    stat = path.stat()
    return digest(_shown(path.name), f"{stat.st_mtime_ns} {stat.st_size}")[:18]
