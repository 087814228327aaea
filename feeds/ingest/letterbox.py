"""Looks at folders and mailboxes: each new mail or file is taken apart by itself, so that a bad one costs the others nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from feeds.errors import HealthwireError
from feeds.ingest.extract import Extract, extract_file
from feeds.ingest.files import failed, list_folder
from feeds.ingest.haul import Haul, Letters
from feeds.ingest.sandbox import Sandbox
from feeds.model import Source

# Whoever reads a mailbox waits for its server. In threads of their own they hold up nobody who only needs the database, such as those
# who renew leases. What each brings is held until it is stored, up to 64 MiB.
_READERS = 4


def _readers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_READERS, thread_name_prefix="letterbox")


@dataclass(frozen=True, slots=True)
class Letterbox:
    """``marks`` tells which files of a folder have been read; ``open_mailbox`` fetches the new mails of a mailbox."""

    sandbox: Sandbox
    marks: Callable[[int], frozenset[str]]
    open_mailbox: Callable[[Source], Letters]
    max_bytes: int
    _threads: ThreadPoolExecutor = field(default_factory=_readers, init=False, repr=False, compare=False)
    _room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_READERS), init=False, repr=False, compare=False)

    @asynccontextmanager
    async def look(self, source: Source) -> AsyncIterator[Haul]:
        """What lies there that is new. Only a few are looked at at once: leave the context as soon as it is stored.

        Raises:
            FetchError: the mailbox did not deliver.
            InputError: there is no such folder.
        """
        async with self._room:
            letters = await asyncio.get_running_loop().run_in_executor(self._threads, self._letters, source)
            extracts: list[Extract] = []
            complaints = list(letters.complaints)
            unread: set[str] = set()
            for mail in letters.mails:
                try:
                    extracts.append(await self.sandbox.run(extract_file, mail.name, mail.body))
                except HealthwireError as error:
                    complaints.append(str(error) if mail.name in str(error) else f"{mail.name}: {error}")
                    unread |= {mail.mark} if mail.mark else set()
            marks = None if letters.marks is None else letters.marks - unread | {failed(mark) for mark in unread}
            yield Haul(tuple(extracts), etag=letters.state, marks=marks, complaints=tuple(complaints), more=letters.more)

    def _letters(self, source: Source) -> Letters:
        if source.scheme == "file":
            return list_folder(source, self.marks(source.id), self.max_bytes)
        return self.open_mailbox(source)
