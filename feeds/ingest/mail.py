"""What mailboxes are called, and what a look into one gives, whether it lies on a server or on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args
from urllib.parse import parse_qsl, unquote, urlsplit

from feeds.errors import InputError
from feeds.ingest import letter

Scheme = Literal["imap", "imaps", "maildir"]

FIRST_SECONDS = 30 * 86_400
"""How far back the first look into a mailbox goes."""

MOST_MAILS = 200
MOST_BYTES = 64 * 1024 * 1024
"""What one look reads at most; the next one goes on from there."""

_PORTS = {"imap": 143, "imaps": 993}
_EXPECTED = "expected imaps://USER@HOST/MAILBOX or maildir:/PATH, each with ?list=LIST-ID or ?from=SENDER if wanted"


@dataclass(frozen=True, slots=True)
class MailboxAddress:
    """A mailbox. ``folder`` is its name on the server, or the path of a maildir, which has no host, port and user.

    Only mails of the mailing list ``list_id`` and of ``sender`` are wanted, where they are given; both are in lower case.
    """

    scheme: Scheme
    folder: str
    host: str = ""
    port: int = 0
    user: str = ""
    list_id: str | None = None
    sender: str | None = None

    @property
    def account(self) -> str:
        """What its password is filed under."""
        return f"{self.user}@{self.host}"

    def wants(self, body: bytes) -> bool:
        """Whether a mail is from the list and the sender that are wanted."""
        if self.list_id is None and self.sender is None:
            return True
        headers = letter.headers_of(body)
        return self.list_id in (None, letter.list_id(headers)) and self.sender in (None, letter.sender_of(headers).address)


def is_mailbox(url: str) -> bool:
    """Whether an address is that of a mailbox, by its scheme."""
    return url.partition(":")[0].lower() in get_args(Scheme)


def mailbox_address(url: str) -> MailboxAddress:
    """The mailbox that an address names: ``imaps://user@host:port/Mailbox?list=…&from=…`` or ``maildir:/path?…``.

    User, mailbox and path are percent-encoded; without a mailbox it is INBOX.

    Raises:
        InputError: it cannot be used; the message never shows a password.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        parts = None
    # Outside of the handler, as what was caught may hold a password.
    if parts is None:
        raise InputError(f"this is no address of a mailbox; {_EXPECTED}")
    if parts.password is not None:
        raise InputError(
            "an address must not hold a password, as addresses are shown and stored; leave it out and write the line "
            '"USER@HOST" = "PASSWORD" into the file that HEALTHWIRE_SECRETS_FILE names'
        )
    scheme = next((known for known in get_args(Scheme) if known == parts.scheme), None)
    user, path = unquote(parts.username or ""), unquote(parts.path)
    filters = dict(parse_qsl(parts.query, keep_blank_values=True))
    if scheme is None or parts.fragment or not "".join((user, host, path, *filters.values())).isprintable():
        raise InputError(f"this is no address of a mailbox; {_EXPECTED}")
    if wrong := sorted(filters.keys() - {"list", "from"}):
        raise InputError(f"a mailbox knows no {wrong[0]!r}; {_EXPECTED}")
    list_id, sender = (filters.get(name, "").strip(" <>").lower() or None for name in ("list", "from"))
    if scheme == "maildir":
        if parts.netloc or not path.startswith("/"):
            raise InputError("a maildir needs its whole path, e.g. maildir:/home/news/Maildir")
        return MailboxAddress(scheme, path, list_id=list_id, sender=sender)
    if not user or not host:
        raise InputError("a mailbox needs a user and a host, e.g. imaps://news%40example.org@imap.example.org/INBOX")
    return MailboxAddress(scheme, path.strip("/") or "INBOX", host, port or _PORTS[scheme], user, list_id, sender)
