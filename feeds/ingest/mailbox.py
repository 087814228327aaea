"""Newsletters in a mailbox: what is new in it since the last look. Nothing in a mailbox is ever changed or marked."""

from __future__ import annotations

from feeds.ingest.guard import Guard
from feeds.ingest.haul import Letters
from feeds.ingest.imap import read_imap
from feeds.ingest.mail import mailbox_address
from feeds.ingest.maildir import read_maildir
from feeds.ingest.secrets import Secrets
from feeds.model import Source


def fetch_mailbox(source: Source, *, secrets: Secrets, guard: Guard, timeout: int, max_bytes: int, now: int) -> Letters:
    """The mails that came since the look whose state is the source's ``etag``, at first those of the last 30 days.

    Blocks for at most ``timeout`` seconds, and the time that this machine takes to look up a host name. Mails that are
    longer than ``max_bytes`` are left out with a complaint. ``now`` is in UTC epoch seconds.

    Raises:
        InputError: the source's address names no mailbox.
        RefusedAddress: the server lies in a network that is not allowed.
        FetchError: the mailbox cannot be read, in plain words that never hold a password.
    """
    address = mailbox_address(source.url)
    if address.scheme == "maildir":
        return read_maildir(address, source.etag, timeout=timeout, max_bytes=max_bytes, now=now)
    password = secrets.password(address.account)
    return read_imap(address, source.etag, password, guard=guard, timeout=timeout, max_bytes=max_bytes, now=now)
