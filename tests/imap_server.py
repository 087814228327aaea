"""IMAP servers on loopback: a real one with an empty mailbox, and one that says what a test makes it say."""

from __future__ import annotations

import asyncio
import imaplib
import re
import socket
import ssl
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from email.utils import formatdate
from pathlib import Path
from threading import Event, Thread
from types import MappingProxyType
from typing import Any

from proxyprotocol.reader import ProxyProtocolReader
from pymap.backend.dict import DictBackend
from pymap.imap import IMAPServer
from pysasl.hashing import BuiltinHash

USER = "ada@example.org"
PASSWORD = 's3cret "pass\\word" ü'  # noqa: S105 - of the servers here only

_HERE = Path(__file__).parent / "data" / "imap"
CERTIFICATE = _HERE / "certificate.pem"  # for localhost and 127.0.0.1, signed by itself, good until 2126
_KEY = _HERE / "key.pem"


def tls_context() -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(CERTIFICATE, _KEY)
    return context


class ImapServer:
    """pymap with one user, in a thread with a loop of its own; ``url`` is its address as a source."""

    def __init__(self, *, tls: bool = False, starttls: bool = False) -> None:
        self._tls = tls
        self._starttls = starttls
        self._ready, self._port = Event(), 0
        self._loop = asyncio.new_event_loop()
        self._end = asyncio.Event()
        self._thread = Thread(target=self._run)
        self._thread.start()
        self._ready.wait(30)

    def url(self, rest: str = "", host: str = "127.0.0.1") -> str:
        return f"{'imaps' if self._tls else 'imap'}://ada%40example.org@{host}:{self._port}{rest}"

    @contextmanager
    def client(self, mailbox: str | None = None) -> Iterator[imaplib.IMAP4]:
        """A connection of somebody else to the mailbox."""
        with imaplib.IMAP4("127.0.0.1", self._port, timeout=30) as client:
            client.authenticate("PLAIN", lambda _: f"\0{USER}\0{PASSWORD}".encode())
            if mailbox:
                client.select(mailbox)
            yield client

    def deliver(self, *bodies: bytes, mailbox: str = "INBOX", at: float | None = None) -> None:
        with self.client() as client:
            for body in bodies:
                answer, _ = client.append(mailbox, "", imaplib.Time2Internaldate(time.time() if at is None else at), body)
                assert answer == "OK"

    def flags(self) -> list[bytes]:
        """The flags of each mail; \\Recent goes when any client but a reading one opens INBOX."""
        with self.client() as client:
            client.select(readonly=True)
            _, data = client.fetch("1:*", "(FLAGS)")
            return [found[1] for part in data if isinstance(part, bytes) and (found := re.search(rb"FLAGS \(([^)]*)\)", part))]

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        about = {"host": "127.0.0.1", "port": 0, "debug": False, "proxy_protocol": "noop", "passlib_cfg": None}
        user = {"demo_data": False, "demo_user": USER, "demo_password": PASSWORD}
        args = Namespace(**about, **user, cert=CERTIFICATE, key=_KEY, tls=self._starttls)
        backend, config = await DictBackend.init(args, invalid_user_sleep=0.0, hash_context=BuiltinHash(rounds=1))
        config.apply_context()
        answer = ProxyProtocolReader(config.proxy_protocol).get_callback(IMAPServer(backend.login, config))
        server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=tls_context() if self._tls else None)
        async with server:
            self._port = server.sockets[0].getsockname()[1]
            self._ready.set()
            await self._end.wait()


@contextmanager
def imap_server(**options: Any) -> Iterator[ImapServer]:
    server = ImapServer(**options)
    try:
        yield server
    finally:
        server.close()


Answer = bytes | Callable[["Talk"], None]


class Talk:
    """One conversation with a client of the scripted server."""

    def __init__(self, connection: socket.socket, closing: Event) -> None:
        self._connection = connection
        self._closing = closing

    def say(self, words: bytes) -> None:
        self._connection.sendall(words)

    def drip(self, words: bytes) -> None:
        """Says a byte every 20 ms, again and again."""
        while not self._closing.wait(0.02):
            for byte in words:
                self.say(bytes([byte]))
                if self._closing.wait(0.02):
                    return

    def flood(self, words: bytes) -> None:
        """Says it again and again, as fast as the client takes it."""
        while not self._closing.is_set():
            self.say(words)

    def be_silent(self) -> None:
        self._closing.wait()

    def wait(self, seconds: float) -> None:
        self._closing.wait(seconds)

    def hang_up(self) -> None:
        self._connection.shutdown(socket.SHUT_RDWR)


GREETING = b"* OK ready\r\n"
_ANSWERS: Mapping[str, Answer] = {
    "GREETING": GREETING,
    "CAPABILITY": b"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n",
    "EXAMINE": b"* OK [UIDVALIDITY 7] ok\r\n* OK [UIDNEXT 10] ok\r\n",
    "SEARCH": b"* SEARCH 9\r\n",
    "SIZES": b"* 1 FETCH (UID 9 RFC822.SIZE 21)\r\n",
    "MAIL": b"* 1 FETCH (UID 9 BODY[] {21}\r\nSubject: x\r\n\r\nWords\r\n)\r\n",
    "LOGOUT": b"* BYE\r\n",
}


class ScriptedServer:
    """Answers each command with what is set for it, and then with OK; an answer that holds ``{tag}`` ends the command itself.

    GREETING is the connection; SIZES and MAIL are the two FETCH. ``heard`` is what clients sent, line by line.
    """

    def __init__(self, answers: Mapping[str, Answer], host: str) -> None:
        self.heard: list[bytes] = []
        self._answers = answers
        self._closing = Event()
        self._socket = socket.create_server((host, 0))
        self._socket.settimeout(0.02)
        self._thread = Thread(target=self._serve)
        self._thread.start()

    def url(self, rest: str = "") -> str:
        host, port = self._socket.getsockname()
        return f"imap://ada%40example.org@{host}:{port}{rest}"

    def close(self) -> None:
        self._closing.set()
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while not self._closing.is_set():
            try:
                connection, _ = self._socket.accept()
            except TimeoutError:
                continue
            with connection, suppress(OSError):
                connection.settimeout(10)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._talk(connection)

    def _talk(self, connection: socket.socket) -> None:
        talk = Talk(connection, self._closing)
        self._answer(talk, "GREETING", b"")
        with connection.makefile("rb") as lines:
            while line := lines.readline():
                self.heard.append(line)
                tag, *words = line.decode("latin-1").split() or [""]
                name = words[min(len(words) - 1, words[0] == "UID")] if words else ""
                if name == "FETCH":
                    name = "SIZES" if b"RFC822.SIZE" in line else "MAIL"
                if name == "AUTHENTICATE":
                    talk.say(b"+ \r\n")
                    self.heard.append(lines.readline())
                self._answer(talk, name, tag.encode())

    def _answer(self, talk: Talk, name: str, tag: bytes) -> None:
        answer = self._answers.get(name, b"")
        if not isinstance(answer, bytes):
            answer(talk)
            return
        done = tag + b" OK done\r\n" if tag and b"{tag}" not in answer else b""
        talk.say(answer.replace(b"{tag}", tag) + done)


@contextmanager
def scripted_server(answers: Mapping[str, Answer] = MappingProxyType({}), host: str = "127.0.0.1") -> Iterator[ScriptedServer]:
    server = ScriptedServer({**_ANSWERS, **answers}, host)
    try:
        yield server
    finally:
        server.close()


def letter(number: int, *headers: str, text: str = "Words") -> bytes:
    fixed = (
        f"From: News Desk <desk@example.org>\r\nSubject: Issue {number}\r\nMessage-ID: <{number}@example.org>",
        f"Date: {formatdate(0)}",
    )
    return "\r\n".join((*fixed, *headers, "", text, "")).encode()
