"""Mailboxes on a server, read over IMAP4rev1 (RFC 3501) by commands that change and mark nothing.

A server may be slow, broken or hostile: one deadline holds for a whole look, every answer has a cap on its bytes, and no
word of it gets into an error, as it may repeat the password.
"""

from __future__ import annotations

import base64
import imaplib
import ipaddress
import re
import socket
import ssl
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from feeds.errors import FetchError, RefusedAddress
from feeds.ingest.guard import REFUSAL, Guard
from feeds.ingest.haul import Letters, Mail
from feeds.ingest.mail import FIRST_SECONDS, MOST_BYTES, MOST_MAILS, MailboxAddress

# The longest answer to a command that does not ask for a mail.
_ANSWER = 4 * 1024 * 1024
# What an answer with a mail may hold besides it.
_AROUND_MAIL = 64 * 1024
_GOODBYE_SECONDS = 2.0
# What a server may say of an error in one word (RFC 5530 section 3).
_CODES = frozenset(
    "UNAVAILABLE AUTHENTICATIONFAILED AUTHORIZATIONFAILED EXPIRED PRIVACYREQUIRED CONTACTADMIN NOPERM INUSE CORRUPTION SERVERBUG"
    " CLIENTBUG CANNOT LIMIT OVERQUOTA NONEXISTENT".split()
)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def read_imap(
    address: MailboxAddress, state: str | None, password: str, *, guard: Guard, timeout: int, max_bytes: int, now: int
) -> Letters:
    """The mails that are new since ``state``, at first and when the server has numbered them anew those of the last 30 days.

    Raises:
        RefusedAddress: the server lies in a network that is not allowed.
        FetchError: it did not deliver, in plain words.
    """
    started = time.monotonic()
    connection = None
    # What is caught may hold the password, so that errors are raised outside of the handlers.
    try:
        connection = _Connection(address, guard, timeout)
        connection.enter(address.user, password)
        look = _Look(connection, address, max_bytes, enough=started + timeout / 2)
        letters = look.letters(state, now)
        connection.leave()
        return letters
    except FetchError as error:
        failure = error
    except Exception as error:
        # Answers that make no sense break the standard library's client in ways of all kinds.
        failure = _in_plain_words(error, address, timeout)
    finally:
        if connection:
            connection.shutdown()
    raise failure.with_traceback(None)


class _Connection(imaplib.IMAP4):
    """The standard library's client on a socket that the guard permits, with a deadline, and a cap on each answer."""

    def __init__(self, address: MailboxAddress, guard: Guard, timeout: int) -> None:
        self._guard = guard
        self._timeout = timeout
        self._deadline = time.monotonic() + timeout
        self._buffer = bytearray()
        self._allowance = _ANSWER
        self._is_safe = False
        self._encrypted = address.scheme == "imaps"
        super().__init__(address.host, address.port)

    def open(self, host: str = "", port: int = 0, timeout: float | None = None) -> None:
        """Connects; overrides that of the library."""
        self.host, self.port = host, port
        self.sock = self._connected()
        try:
            peer = ipaddress.ip_address(self.sock.getpeername()[0].partition("%")[0])
            self._is_safe = self._encrypted or peer.is_loopback
            if self._encrypted:
                self._encrypt()
        except OSError:
            self.shutdown()
            raise

    def _connected(self) -> socket.socket:
        found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        permitted = [entry for entry in found if self._guard.permits(str(entry[4][0]))]
        if not permitted:
            raise RefusedAddress(REFUSAL)
        for left, (family, kind, protocol, _, target) in zip(range(len(permitted), 0, -1), permitted, strict=True):
            made = socket.socket(family, kind, protocol)
            try:
                made.settimeout(self._remaining() / left)
                made.connect(target)
            except OSError:
                made.close()
                if left == 1:
                    raise
            else:
                return made
        raise AssertionError("the loop above returns or raises")

    def _encrypt(self) -> None:
        self.sock.settimeout(self._remaining())
        self.sock = ssl.create_default_context().wrap_socket(self.sock, server_hostname=self.host)

    def _remaining(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise _too_slow(self._timeout)
        return left

    def _receive(self) -> None:
        self.sock.settimeout(self._remaining())
        received = self.sock.recv(64 * 1024)
        if not received:
            raise FetchError("the server closed the connection")
        self._buffer += received

    def _taken(self, size: int) -> bytes:
        self._allowance -= size
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken

    def read(self, size: int) -> bytes:
        """As many bytes of the answer; overrides that of the library."""
        if size > self._allowance:
            raise FetchError("the server sent more than it was asked for")
        while len(self._buffer) < size:
            self._receive()
        return self._taken(size)

    def readline(self) -> bytes:
        """The next line of the answer; overrides that of the library."""
        searched = 0
        while (end := self._buffer.find(b"\n", searched)) < 0:
            searched = len(self._buffer)
            if searched > self._allowance:
                raise FetchError("the server sent more than it was asked for")
            self._receive()
        if end >= self._allowance:
            raise FetchError("the server sent more than it was asked for")
        return self._taken(end + 1)

    def send(self, data: Any) -> None:
        """Sends a command; overrides that of the library, which would keep only the words of what goes wrong."""
        self.sock.settimeout(self._remaining())
        try:
            self.sock.sendall(data)
        except TimeoutError as error:
            raise _too_slow(self._timeout) from error
        except OSError as error:
            raise FetchError(f"the connection failed: {error.strerror or 'it was broken off'}") from error

    def shutdown(self) -> None:
        """Closes the socket."""
        sock: socket.socket | None = getattr(self, "sock", None)
        if sock:
            with suppress(OSError):
                sock.close()

    def enter(self, user: str, password: str) -> None:
        """Signs in, encrypted wherever the server can; never in clear over a network."""
        offers = set(self.capabilities)
        if not self._encrypted and "STARTTLS" in offers:
            offers = self._start_encryption()
        if not self._is_safe:
            raise FetchError(f"{self.host} offers no encryption, so no password was sent; use imaps:// if the server has it")
        if "LOGINDISABLED" in offers and "AUTH=PLAIN" not in offers:
            raise FetchError(f"{self.host} lets nobody sign in with a password over this connection")
        accepted, code = False, ""
        try:
            if "AUTH=PLAIN" in offers:
                # RFC 4616; unlike LOGIN it takes any characters.
                self.authenticate("PLAIN", lambda _: f"\0{user}\0{password}".encode())
                accepted = True
            elif (user + password).isascii():
                accepted = self.xatom("LOGIN", _quoted(user), _quoted(password))[0] == "OK"
                self.state = "AUTH"
        except imaplib.IMAP4.error as error:
            code = _code(error)
        if not accepted:
            raise FetchError(
                f"{self.host} did not accept the user {user} with the password that stands under "
                f'"{user}@{self.host}" in the file that HEALTHWIRE_SECRETS_FILE names{code}'
            )

    def _start_encryption(self) -> set[str]:
        """Encrypts the connection (RFC 3501 section 6.2.1) and returns what the server offers then."""
        answer, _ = self.xatom("STARTTLS")
        if answer != "OK" or self._buffer:
            # What comes behind the answer was put there by somebody else, to count as encrypted.
            raise FetchError(f"{self.host} offered encryption and did not start it")
        self._encrypt()
        self._is_safe = self._encrypted = True
        _, offers = self.capability()
        return set(offers[-1].decode("ascii", "replace").upper().split())

    def examine(self, name: str) -> tuple[int, int]:
        """Opens a mailbox for reading only; its UIDVALIDITY and UIDNEXT, 0 where the server does not tell."""
        self._allowance = _ANSWER
        if self.select(_quoted(_utf7(name)), readonly=True)[0] != "OK":
            raise FetchError(f"there is no mailbox {name} at {self.host}, or {name} may not be read")
        return self._figure("UIDVALIDITY"), self._figure("UIDNEXT")

    def _figure(self, name: str) -> int:
        data = self.response(name)[1][-1]
        return int(data) if isinstance(data, bytes) and re.fullmatch(rb"\d{1,10}", data) else 0

    def uids(self, *criteria: str) -> list[int] | None:
        """The UIDs of mails, ascending; None if the server does not search by that."""
        self._allowance = _ANSWER
        try:
            answer, data = self.uid("SEARCH", *criteria)
        except imaplib.IMAP4.abort:
            raise
        except imaplib.IMAP4.error:
            return None
        if answer != "OK":
            return None
        return sorted({int(uid) for part in data if isinstance(part, bytes) for uid in re.findall(rb"\b\d{1,10}\b", part)})

    def sizes(self, uids: Sequence[int]) -> dict[int, int]:
        """The sizes of those mails that are still there."""
        self._allowance = _ANSWER
        answer, data = self.uid("FETCH", ",".join(map(str, uids)), "(UID RFC822.SIZE)")
        if answer != "OK":
            raise FetchError(f"{self.host} does not tell the sizes of mails")
        sizes = {}
        for part in data:
            if isinstance(part, bytes):
                uid, size = re.search(rb"\bUID (\d{1,10})\b", part), re.search(rb"\bRFC822\.SIZE (\d{1,15})\b", part)
                if uid and size:
                    sizes[int(uid[1])] = int(size[1])
        return sizes

    def mail(self, uid: int, size: int) -> bytes | None:
        """A mail without marking it as seen; None if it is gone, nothing if it is refused. Some servers only estimate the size."""
        self._allowance = 2 * size + _AROUND_MAIL
        answer, data = self.uid("FETCH", str(uid), "(UID BODY.PEEK[])")
        if answer != "OK":
            return b""
        return next((part[1] for part in data if isinstance(part, tuple) and re.search(rb"\bBODY\[\] ", part[0])), None)

    def leave(self) -> None:
        """Takes leave of the server, as long as that takes no time."""
        self._deadline = min(self._deadline, time.monotonic() + _GOODBYE_SECONDS)
        self._allowance = _ANSWER
        with suppress(Exception):
            self.logout()


class _Look:
    """One look into a mailbox; after the moment ``enough`` it is content with what it has."""

    def __init__(self, connection: _Connection, address: MailboxAddress, max_bytes: int, enough: float) -> None:
        self._connection = connection
        self._address = address
        self._max_bytes = max_bytes
        self._enough = enough
        self._mails: list[Mail] = []
        self._complaints: list[str] = []

    def letters(self, state: str | None, now: int) -> Letters:
        validity, following = self._connection.examine(self._address.folder)
        last = _last_read(state, validity)
        if last is not None and following == last + 1:
            return Letters((), f"{validity} {last}")
        uids = self._uids(last, now)
        # Of a server that tells no validity nothing can be remembered, so each look takes the newest.
        read = self._read(uids[:MOST_MAILS] if validity else uids[-MOST_MAILS:])
        more = bool(validity) and read < len(uids)
        reached = max(uids[read - 1] if read else 0, last or 0)
        if not more:
            reached = max(reached, following - 1)
        return Letters(tuple(self._mails), f"{validity} {reached}" if following or reached else "", tuple(self._complaints), more)

    def _uids(self, last: int | None, now: int) -> list[int]:
        """The UIDs of the mails that may be wanted, ascending. Not every server searches headers, and none compares them exactly."""
        when = ("SINCE", _day(now - FIRST_SECONDS)) if last is None else ("UID", f"{last + 1}:*")
        filters: list[str] = []
        for names, value in ((("HEADER", "List-Id"), self._address.list_id), (("FROM",), self._address.sender)):
            if value and value.isascii():
                filters += [*names, _quoted(value)]
        uids = self._connection.uids(*when, *filters)
        if uids is None and filters:
            uids = self._connection.uids(*when)
        if uids is None:
            raise FetchError(f"{self._address.host} does not search the mailbox {self._address.folder}")
        # "5:*" always names the last mail, whatever its number (RFC 3501 section 9, seq-range).
        return [uid for uid in uids if uid > (last or 0)]

    def _read(self, uids: Sequence[int]) -> int:
        """Reads mails as long as there is room and time, and returns how many it got through."""
        sizes = self._connection.sizes(uids) if uids else {}
        taken = 0
        for index, uid in enumerate(uids):
            size = sizes.get(uid, 0)
            if index and (taken + size > MOST_BYTES or time.monotonic() > self._enough):
                return index
            name = f"{self._address.folder} mail {uid}.eml"
            body = self._connection.mail(uid, size) if uid in sizes and size <= self._max_bytes else None
            longest = max(size, len(body or b""))
            if longest > self._max_bytes:
                self._complaints.append(
                    f"{name}: the mail has {longest} bytes, more than {self._max_bytes} (HEALTHWIRE_MAX_BYTES); left out"
                )
            elif body == b"":
                self._complaints.append(f"{name}: the server does not give this mail out; left out")
            elif body and self._address.wants(body):
                self._mails.append(Mail(name, body))
            taken += len(body or b"")
        return len(uids)


def _last_read(state: str | None, validity: int) -> int | None:
    """The UID up to which the mailbox was read; None if it never was, or its mails have new numbers since."""
    found = re.fullmatch(r"(\d{1,10}) (\d{1,10})", state or "")
    return int(found[2]) if found and validity and int(found[1]) == validity else None


def _day(moment: int) -> str:
    year, month, day, *_ = time.gmtime(moment)
    return f"{day}-{_MONTHS[month - 1]}-{year}"


def _quoted(text: str) -> str:
    """A quoted string (RFC 3501 section 9)."""
    return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'


def _utf7(name: str) -> str:
    """A mailbox's name as servers write it (RFC 3501 section 5.1.3)."""

    def shifted(found: re.Match[str]) -> str:
        coded = base64.b64encode(found[0].encode("utf-16-be")).decode().rstrip("=").replace("/", ",")
        return "&-" if found[0] == "&" else f"&{coded}-"

    return re.sub(r"&|[^\x20-\x7e]+", shifted, name)


def _in_plain_words(error: Exception, address: MailboxAddress, timeout: int) -> FetchError:
    match error:
        case TimeoutError():
            return _too_slow(timeout)
        case ssl.SSLCertVerificationError():
            return FetchError(f"the certificate of {address.host} is not trusted: {error.verify_message}")
        case ssl.SSLError():
            return FetchError(f"the secure connection to {address.host}:{address.port} failed: {error.reason or 'no reason was given'}")
        case socket.gaierror() | UnicodeError():
            return FetchError(f"the host name {address.host} could not be found")
        case OSError():
            return FetchError(f"no connection to {address.host}:{address.port}: {error.strerror or 'it was broken off'}")
        case imaplib.IMAP4.error():
            return FetchError(f"{address.host} broke off, or does not speak IMAP{_code(error)}")
    return FetchError(f"{address.host} answered what is no IMAP")


def _too_slow(timeout: int) -> FetchError:
    return FetchError(f"no complete answer within {timeout} s (HEALTHWIRE_FETCH_TIMEOUT)")


def _code(error: Exception) -> str:
    """The standard's word for what is wrong, if the server said one. Its own words may repeat the password in any form."""
    said = next((code for code in re.findall(r"\[([A-Z]{4,24})\]", str(error)) if code in _CODES), None)
    return f" ({said})" if said else ""
