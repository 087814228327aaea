"""Newsletters in mailboxes, on real servers on loopback and in maildirs: nothing is missed, read twice, changed or given away."""

from __future__ import annotations

import base64
import json
import logging
import os
import socket
import time
import traceback
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from threading import Thread

import pytest
from imap_server import CERTIFICATE, GREETING, PASSWORD, USER, Answer, ImapServer, Talk, imap_server, letter, scripted_server
from ingest_support import LOOPBACK

from feeds.errors import FetchError, InputError, RefusedAddress
from feeds.ingest import imap, maildir
from feeds.ingest.guard import Guard
from feeds.ingest.haul import Letters
from feeds.ingest.mail import MailboxAddress, is_mailbox, mailbox_address
from feeds.ingest.mailbox import fetch_mailbox
from feeds.ingest.parse import parse_file
from feeds.ingest.secrets import Secrets
from feeds.model import Newsletter, Source

DAY = 86_400
PLAIN = base64.b64encode(f"\0{USER}\0{PASSWORD}".encode()).decode()


@dataclass(frozen=True)
class Reader:
    """Looks into mailboxes; ``allowed`` are the networks that it may connect to."""

    secrets: Secrets
    allowed: tuple[str, ...] = LOOPBACK

    def look(self, url: str, state: str | None = None, *, timeout: int = 20, max_bytes: int = 100_000, now: int | None = None) -> Letters:
        source = Source(1, url, "Mail", etag=state)
        guard = Guard([ip_network(network) for network in self.allowed])
        moment = int(time.time()) if now is None else now
        return fetch_mailbox(source, secrets=self.secrets, guard=guard, timeout=timeout, max_bytes=max_bytes, now=moment)

    def subjects(self, url: str, state: str | None = None) -> list[str]:
        return subjects(self.look(url, state))


def subjects(letters: Letters) -> list[str]:
    return [parse_file(mail.name, mail.body).articles[0].title for mail in letters.mails]


def write_secrets(file: Path, password: str = PASSWORD) -> Secrets:
    hosts = ("127.0.0.1", "localhost")
    file.write_text("".join(f"{json.dumps(f'{USER}@{host}')} = {json.dumps(password)}\n" for host in hosts), "utf-8")
    return Secrets(file)


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    return Reader(write_secrets(tmp_path / "secrets.toml"))


@pytest.fixture(scope="module")
def running() -> Iterator[ImapServer]:
    with imap_server() as server:
        yield server


@pytest.fixture
def server(running: ImapServer) -> ImapServer:
    """The running server with nothing in its mailboxes."""
    with running.client("INBOX") as client:
        client.store("1:*", "+FLAGS", r"(\Deleted)")
        client.expunge()
    return running


# Addresses


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("imaps://ada@imap.example.org", MailboxAddress("imaps", "INBOX", "imap.example.org", 993, "ada")),
        ("imap://ada@imap.example.org/", MailboxAddress("imap", "INBOX", "imap.example.org", 143, "ada")),
        (
            "imaps://ada%40example.org@IMAP.example.org:1993/News%2Fb%C3%A9ds?list=Beds.Example.org&from=News@example.org",
            MailboxAddress("imaps", "News/béds", "imap.example.org", 1993, "ada@example.org", "beds.example.org", "news@example.org"),
        ),
        ("imaps://ada@[2001:db8::1]/a", MailboxAddress("imaps", "a", "2001:db8::1", 993, "ada")),
        ("imaps://ada@example.org?list=%3Cw.example%3E", MailboxAddress("imaps", "INBOX", "example.org", 993, "ada", "w.example")),
        ("maildir:/home/ada/My%20Mail", MailboxAddress("maildir", "/home/ada/My Mail")),
        ("maildir:///home/ada?from=a@example.org", MailboxAddress("maildir", "/home/ada", sender="a@example.org")),
    ],
)  # fmt: skip
def test_an_address_names_a_mailbox(url: str, address: MailboxAddress) -> None:
    assert is_mailbox(url)
    assert mailbox_address(url) == address


def test_an_account_is_the_user_at_the_host_whatever_the_port() -> None:
    assert mailbox_address("imaps://ada%40example.org@imap.example.org:1993/x").account == "ada@example.org@imap.example.org"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("imaps://imap.example.org/INBOX", "needs a user and a host"),
        ("imaps://ada@/INBOX", "needs a user and a host"),
        ("imaps://ada@imap.example.org:99999/", "no address of a mailbox"),
        ("imaps://ada@imap.example.org/INBOX#x", "no address of a mailbox"),
        ("imaps://ada%0D%0Ax@imap.example.org/", "no address of a mailbox"),
        ("imaps://ada@imap.example.org/a%0Ab", "no address of a mailbox"),
        ("imaps://ada@imap.example.org/?from=a%0D%0AX", "no address of a mailbox"),
        ("imaps://ada@imap.example.org/?subject=x", "knows no 'subject'"),
        ("imaps://[", "no address of a mailbox"),
        ("maildir:Mail", "needs its whole path"),
        ("maildir://host/Mail", "needs its whole path"),
        ("https://example.org/", "no address of a mailbox"),
        ("pop3://ada@example.org", "no address of a mailbox"),
        ("", "no address of a mailbox"),
    ],
)
def test_what_is_no_mailbox_is_refused(url: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        mailbox_address(url)


@pytest.mark.parametrize(
    "url",
    ["imaps://ada:hunter2@imap.example.org/", "imaps://ada:@imap.example.org/", "imap://ada:hunter2/x@imap.example.org/", "imaps://:hunter2@x/"],
)  # fmt: skip
def test_a_password_in_an_address_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(InputError) as caught:
        mailbox_address(url)
    assert "hunter2" not in everything_of(caught.value)
    if "/x@" not in url:
        assert "HEALTHWIRE_SECRETS_FILE" in str(caught.value)


def test_other_schemes_are_no_mailboxes() -> None:
    assert not any(map(is_mailbox, ("https://example.org", "file:///mail/", "newsletter:list/x", "imapx://a", "")))


# Secrets


def everything_of(error: BaseException) -> str:
    """All that a log could show of an error, of what it came from and of what it holds."""
    shown = "".join(traceback.format_exception(error))
    link: BaseException | None = error
    while link:
        shown += f"{link!r} {link.args!r} {vars(link)!r} {link.__notes__ if hasattr(link, '__notes__') else ''}"
        link = link.__context__
    return shown


def test_a_password_is_found_by_account_and_a_new_line_counts_at_once(tmp_path: Path) -> None:
    file = tmp_path / "secrets.toml"
    file.write_text('# mail\n"ada@imap.example.org" = "hunter2"\n', "utf-8")
    secrets = Secrets(file)

    assert secrets.password("ada@imap.example.org") == "hunter2"
    with pytest.raises(
        FetchError, match=r'add the line "bob@imap\.example\.org" = "PASSWORD" to .*secrets\.toml \(HEALTHWIRE_SECRETS_FILE\)'
    ):
        secrets.password("bob@imap.example.org")
    file.write_text('"bob@imap.example.org" = "other"\n', "utf-8")
    assert secrets.password("bob@imap.example.org") == "other"


def test_without_a_file_the_setting_is_named(tmp_path: Path) -> None:
    with pytest.raises(FetchError, match='set HEALTHWIRE_SECRETS_FILE to a file with the line "a@b" = '):
        Secrets(None).password("a@b")
    with pytest.raises(FetchError, match=r"gone\.toml \(HEALTHWIRE_SECRETS_FILE\) cannot be read: no such file"):
        Secrets(tmp_path / "gone.toml").password("a@b")


@pytest.mark.parametrize(
    "text",
    [
        b"a@b = hunter2",
        b'"a@b" = hunter2',
        b'"a@b" = "hunter2',
        b'"a@b" = "hunter2"\n"a@b" = "hunter2"',
        b'"a@b" = ["hunter2"]',
        b'"a@b" = "hunter2\\nhunter2"',
        b'"a@b" = ""',
        b'"a@b" = "hunter2\xff"',
        b'"a@b" = "hunter2\\q"',
        b"\xff\xfehunter2",
        b"hunter2 = " + b"[" * 5000,
    ],
)
def test_a_broken_file_is_named_and_nothing_of_it_shown(tmp_path: Path, text: bytes) -> None:
    file = tmp_path / "secrets.toml"
    file.write_bytes(text)

    with pytest.raises(FetchError, match="HEALTHWIRE_SECRETS_FILE") as caught:
        Secrets(file).password("a@b")

    assert "hunter" not in everything_of(caught.value) + repr(Secrets(file))


# Reading from a server


def test_mails_are_read_in_order_and_nothing_is_marked(reader: Reader, server: ImapServer) -> None:
    server.deliver(*(letter(number) for number in (1, 2, 3)))

    letters = reader.look(server.url())

    assert subjects(letters) == ["Issue 1", "Issue 2", "Issue 3"]
    assert letters.mails[0].body == letter(1)
    assert (letters.complaints, letters.more) == ((), False)
    assert server.flags() == [b"", b"", b""]


def test_only_what_is_new_is_read_and_without_news_the_state_stays(reader: Reader, server: ImapServer) -> None:
    server.deliver(letter(1))
    first = reader.look(server.url())

    assert reader.look(server.url(), first.state) == Letters((), first.state)
    server.deliver(letter(2))
    second = reader.look(server.url(), first.state)
    assert subjects(second) == ["Issue 2"]
    assert reader.look(server.url(), second.state) == Letters((), second.state)


def test_an_empty_mailbox_is_no_reason_to_miss_the_first_mail(reader: Reader, server: ImapServer) -> None:
    empty = reader.look(server.url())
    assert empty.mails == ()
    server.deliver(letter(1), at=time.time() - 90 * DAY)
    assert reader.subjects(server.url(), empty.state) == ["Issue 1"]


def test_a_first_look_goes_back_thirty_days(reader: Reader, server: ImapServer) -> None:
    server.deliver(letter(1), at=time.time() - 32 * DAY)
    server.deliver(letter(2), at=time.time() - 28 * DAY)

    letters = reader.look(server.url())

    assert subjects(letters) == ["Issue 2"]
    assert reader.look(server.url(), letters.state).mails == ()


def test_when_the_server_numbers_its_mails_anew_the_last_thirty_days_are_read_again(reader: Reader, server: ImapServer) -> None:
    with server.client() as client:
        client.create("Renumbered")
    server.deliver(letter(1), letter(2), mailbox="Renumbered")
    before = reader.look(server.url("/Renumbered"))
    with server.client() as client:
        client.delete("Renumbered")
        client.create("Renumbered")
    server.deliver(letter(2), letter(3), mailbox="Renumbered")

    after = reader.look(server.url("/Renumbered"), before.state)

    assert subjects(after) == ["Issue 2", "Issue 3"]
    assert after.state.split()[0] != before.state.split()[0]


@pytest.mark.parametrize("state", ["", "nonsense", "7", "7 8 9", "-1 5", "99999999999999999999 1"])
def test_a_state_that_means_nothing_counts_as_none(reader: Reader, server: ImapServer, state: str) -> None:
    server.deliver(letter(1))
    assert reader.subjects(server.url(), state) == ["Issue 1"]


LISTED = letter(1, "List-Id: Weekly <weekly.example.org>")
LOOKALIKES = [
    letter(2, "List-Id: Other <not-weekly.example.org>"),
    letter(3, "X-Note: weekly.example.org"),
    letter(4, text="List-Id: <weekly.example.org>"),
    letter(5).replace(b"desk@example.org", b"newsdesk@example.org"),
]


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("?list=weekly.example.org", ["Issue 1"]),
        ("?from=desk@example.org", ["Issue 1", "Issue 2", "Issue 3", "Issue 4"]),
        ("?from=newsdesk@example.org", ["Issue 5"]),
        ("?list=weekly.example.org&from=newsdesk@example.org", []),
    ],
)
def test_only_mails_of_the_list_and_sender_that_are_asked_for_are_read(
    reader: Reader, server: ImapServer, query: str, wanted: list[str]
) -> None:
    server.deliver(LISTED, *LOOKALIKES)
    assert reader.subjects(server.url("/INBOX" + query)) == wanted


def test_a_mail_in_copy_to_two_addresses_is_one_article(reader: Reader, server: ImapServer) -> None:
    server.deliver(letter(1, "To: ada@example.org"), letter(1, "Cc: ada@example.org"))
    mails = reader.look(server.url()).mails
    assert len({parse_file(mail.name, mail.body).articles[0].guid for mail in mails}) == 1
    assert parse_file(mails[0].name, mails[0].body).articles[0].newsletter == Newsletter("from/desk@example.org", "News Desk")


def test_a_mail_that_is_too_long_is_left_out_once_and_told_of(reader: Reader, server: ImapServer) -> None:
    server.deliver(letter(1), letter(2, text="x" * 5000), letter(3))

    letters = reader.look(server.url(), max_bytes=2000)

    assert subjects(letters) == ["Issue 1", "Issue 3"]
    (complaint,) = letters.complaints
    assert complaint.startswith("INBOX mail ")
    assert "bytes, more than 2000 (HEALTHWIRE_MAX_BYTES)" in complaint
    assert reader.look(server.url(), letters.state) == Letters((), letters.state)


@pytest.mark.parametrize(("limit", "value"), [("MOST_MAILS", 2), ("MOST_BYTES", 2 * len(letter(1)))])
def test_a_full_mailbox_is_read_in_portions(
    reader: Reader, server: ImapServer, monkeypatch: pytest.MonkeyPatch, limit: str, value: int
) -> None:
    monkeypatch.setattr(imap, limit, value)
    server.deliver(*(letter(number) for number in (1, 2, 3, 4, 5)))

    first = reader.look(server.url())
    second = reader.look(server.url(), first.state)
    third = reader.look(server.url(), second.state)

    assert [subjects(letters) for letters in (first, second, third)] == [["Issue 1", "Issue 2"], ["Issue 3", "Issue 4"], ["Issue 5"]]
    assert [letters.more for letters in (first, second, third)] == [True, True, False]


@pytest.mark.parametrize("name", ["News/Weekly", "Béd news & more", 'a "quoted" \\ name'])
def test_mailboxes_of_any_name_are_found(reader: Reader, server: ImapServer, name: str) -> None:
    quoted = imap._quoted(imap._utf7(name))
    with server.client() as client:
        client.create(quoted)
    server.deliver(letter(1), mailbox=quoted)

    path = "".join(f"%{byte:02x}" for byte in name.encode())
    assert reader.subjects(server.url(f"/{path}")) == ["Issue 1"]
    with server.client() as client:
        client.delete(quoted)


def test_names_are_coded_as_the_standard_tells() -> None:
    """The second is the example of RFC 3501 section 5.1.3."""
    assert imap._utf7("News & more") == "News &- more"
    assert imap._utf7("~peter/mail/台北/日本語") == "~peter/mail/&U,BTFw-/&ZeVnLIqe-"


def test_a_missing_mailbox_is_told_by_name(reader: Reader, server: ImapServer) -> None:
    with pytest.raises(FetchError, match="there is no mailbox Nowhere at"):
        reader.look(server.url("/Nowhere"))


# Errors, and what they keep to themselves


def assert_keeps_secret(error: BaseException, log: str = "") -> None:
    shown = everything_of(error) + log
    for form in (PASSWORD, PASSWORD.replace("\\", "\\\\"), "s3cret", PLAIN):
        assert form not in shown


def test_a_wrong_password_is_told_without_it(tmp_path: Path, server: ImapServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    secrets = write_secrets(tmp_path / "s.toml", "wr0ng")
    with pytest.raises(FetchError, match=f"did not accept the user {USER} with the password .*HEALTHWIRE_SECRETS_FILE") as caught:
        Reader(secrets).look(server.url())
    assert "wr0ng" not in everything_of(caught.value) + caplog.text


def echoes(talk: Talk) -> None:
    talk.say(b"* BAD you said " + PLAIN.encode() + b" or " + PASSWORD.encode() + b"\r\n* BYE " + PASSWORD.encode() + b"\r\n")
    talk.be_silent()


@pytest.mark.parametrize(
    "answers",
    [
        {"AUTHENTICATE": b'{tag} NO what is AUTHENTICATE PLAIN ' + PLAIN.encode() + b"\r\n"},
        {"AUTHENTICATE": b"{tag} BAD " + PASSWORD.encode() + b"\r\n"},
        {"AUTHENTICATE": b"* BYE " + PASSWORD.encode() + b"\r\n{tag} NO " + PASSWORD.encode() + b"\r\n"},
        {"AUTHENTICATE": b"garbage " + PASSWORD.encode() + b"\r\n"},
        {"EXAMINE": b"{tag} BAD " + PASSWORD.encode() + b"\r\n"},
        {"EXAMINE": b"{tag} BAD " + PASSWORD.upper().encode() + b"\r\n"},
        {"EXAMINE": b"{tag} BAD " + PLAIN.encode() + b"\r\n"},
        {"SEARCH": b"garbage " + PASSWORD.encode() + b"\r\n"},
        {"SIZES": b"* BYE " + PASSWORD.encode() + b"\r\n"},
        {"AUTHENTICATE": echoes},
        {"EXAMINE": echoes},
    ],
)  # fmt: skip
def test_a_server_that_repeats_the_password_does_not_get_it_into_errors(
    reader: Reader, answers: dict[str, Answer], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with scripted_server(answers) as server, pytest.raises(FetchError) as caught:
        reader.look(server.url(), timeout=1)
    assert_keeps_secret(caught.value, caplog.text)
    assert PASSWORD.upper() not in everything_of(caught.value)


def test_of_what_a_server_says_the_standard_words_are_told(reader: Reader) -> None:
    with (
        scripted_server({"EXAMINE": b"{tag} BAD [SERVERBUG] The disk is full\r\n"}) as server,
        pytest.raises(FetchError, match=r"\(SERVERBUG\)$"),
    ):
        reader.look(server.url())


def test_without_a_password_nobody_is_asked(server: ImapServer) -> None:
    with pytest.raises(FetchError, match=r"there is no password for ada@example\.org@127\.0\.0\.1"):
        Reader(Secrets(None)).look(server.url())


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0x7f000001"])
def test_loopback_is_refused_where_it_is_not_allowed(tmp_path: Path, host: str) -> None:
    secrets = tmp_path / "s.toml"
    secrets.write_text(f'"{USER}@{host}" = "x"', "utf-8")
    with scripted_server() as server:
        with pytest.raises(RefusedAddress, match="HEALTHWIRE_ALLOW_ADDRESSES"):
            Reader(Secrets(secrets), allowed=()).look(server.url().replace("127.0.0.1", host))
        assert server.heard == []


def test_unreachable_servers_are_told_in_plain_words(reader: Reader, tmp_path: Path) -> None:
    with scripted_server() as server:
        closed = server.url()
    with pytest.raises(FetchError, match=r"no connection to 127\.0\.0\.1:\d+: Connection refused"):
        reader.look(closed)
    secrets = tmp_path / "s.toml"
    secrets.write_text(f'"{USER}@nowhere.invalid" = "x"\n"{USER}@{"x" * 70}.invalid" = "x"', "utf-8")
    for host in ("nowhere.invalid", f"{'x' * 70}.invalid"):
        with pytest.raises(FetchError, match=f"the host name {host} could not be found"):
            Reader(Secrets(secrets)).look(f"imap://ada%40example.org@{host}/")


# Encryption


def test_mails_are_read_over_tls_from_a_server_whose_certificate_is_trusted(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    with imap_server(tls=True) as server:
        with pytest.raises(FetchError, match=r"the certificate of 127\.0\.0\.1 is not trusted: self-signed certificate"):
            reader.look(server.url())
        monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
        assert reader.look(server.url()).mails == ()
        assert reader.look(server.url(host="localhost")).mails == ()


def test_a_certificate_for_another_name_is_not_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    secrets = tmp_path / "s.toml"
    secrets.write_text(f'"{USER}@127.0.0.2" = "x"', "utf-8")
    with imap_server(tls=True) as server, socket.create_server(("127.0.0.2", 0)) as other:
        # The server listens on one address only, so that the other leads to it by a relay.
        relay = relaying(other, int(server.url().rpartition(":")[2]))
        url = f"imaps://ada%40example.org@127.0.0.2:{other.getsockname()[1]}/"
        with pytest.raises(FetchError, match=r"the certificate of 127\.0\.0\.2 is not trusted: IP address mismatch"):
            Reader(Secrets(secrets)).look(url)
        relay()


def relaying(listener: socket.socket, port: int) -> Callable[[], None]:
    """Relays one connection to a port on 127.0.0.1 until either side ends it; the result waits for that."""

    def relay() -> None:
        inner, _ = listener.accept()
        with inner, socket.create_connection(("127.0.0.1", port)) as outer:

            def pump(source: socket.socket, sink: socket.socket) -> None:
                try:
                    while data := source.recv(65536):
                        sink.sendall(data)
                    sink.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

            back = Thread(target=pump, args=(outer, inner))
            back.start()
            pump(inner, outer)
            back.join()

    thread = Thread(target=relay)
    thread.start()
    return thread.join


def test_a_server_that_offers_encryption_gets_no_password_without_it(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    with imap_server(starttls=True) as server:
        with pytest.raises(FetchError, match="is not trusted"):
            reader.look(server.url())
        monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
        assert reader.look(server.url()).mails == ()


@pytest.mark.parametrize("answer", [b"{tag} NO not now\r\n", b"{tag} OK go on\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n"])
def test_encryption_that_is_offered_and_not_started_ends_the_look(reader: Reader, answer: bytes) -> None:
    """Words that stand behind the answer unencrypted would else count as encrypted."""
    with scripted_server({"CAPABILITY": b"* CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN\r\n", "STARTTLS": answer}) as server:
        with pytest.raises(FetchError, match="offered encryption and did not start it"):
            reader.look(server.url())
        assert not any(b"AUTHENTICATE" in line for line in server.heard)


def test_a_server_that_does_not_speak_tls_is_told_so(reader: Reader) -> None:
    with scripted_server() as server, pytest.raises(FetchError, match=r"the secure connection to .* failed"):
        reader.look(server.url().replace("imap:", "imaps:"))


def test_over_a_network_no_password_is_sent_in_clear(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no address but loopback")
        own = probe.getsockname()[0]
    if own.startswith("127."):
        pytest.skip("this machine has no address but loopback")
    secrets = tmp_path / "s.toml"
    secrets.write_text(f'"{USER}@{own}" = "x"', "utf-8")
    with scripted_server(host=own) as server:
        with pytest.raises(FetchError, match="offers no encryption, so no password was sent; use imaps://"):
            Reader(Secrets(secrets), allowed=(f"{own}/32",)).look(server.url())
        assert [line.split()[1] for line in server.heard] == [b"CAPABILITY"]


# Other servers


def test_a_server_without_sasl_gets_a_login_in_quotation_marks(tmp_path: Path) -> None:
    reader = Reader(write_secrets(tmp_path / "s.toml", 'pass"wo\\rd'))
    with scripted_server({"CAPABILITY": b"* CAPABILITY IMAP4rev1\r\n"}) as server:
        assert len(reader.look(server.url()).mails) == 1
    (login,) = (line for line in server.heard if b"LOGIN" in line)
    assert login.split(b" ", 1)[1] == b'LOGIN "ada@example.org" "pass\\"wo\\\\rd"\r\n'


@pytest.mark.parametrize(
    ("capabilities", "words"),
    [(b"IMAP4rev1 LOGINDISABLED", "lets nobody sign in with a password"), (b"IMAP4rev1", "did not accept the user")],
)
def test_a_password_that_a_server_cannot_take_is_not_sent(reader: Reader, capabilities: bytes, words: str) -> None:
    with scripted_server({"CAPABILITY": b"* CAPABILITY " + capabilities + b"\r\n"}) as server:
        with pytest.raises(FetchError, match=words):
            reader.look(server.url())
        assert [line.split()[1] for line in server.heard] == [b"CAPABILITY"]


@pytest.mark.parametrize("answer", [b"{tag} NO no such search\r\n", b"{tag} BAD what?\r\n"])
def test_a_server_that_cannot_search_headers_is_asked_without(reader: Reader, answer: bytes) -> None:
    def search(talk: Talk) -> None:
        tag, *words = scripted.heard[-1].split()
        talk.say(answer.replace(b"{tag}", tag) if b"HEADER" in words else b"* SEARCH 9\r\n" + tag + b" OK done\r\n")

    with scripted_server({"SEARCH": search}) as scripted:
        assert reader.look(scripted.url("/INBOX?list=w.example.org")).mails == ()
    assert sum(b"BODY.PEEK[]" in line for line in scripted.heard) == 1


def test_the_last_mail_that_a_server_always_names_is_not_read_twice(reader: Reader) -> None:
    with scripted_server({"EXAMINE": b"* OK [UIDVALIDITY 7]\r\n"}) as server:
        assert reader.look(server.url(), "7 9") == Letters((), "7 9")
    assert any(b"UID SEARCH UID 10:*" in line for line in server.heard)


def test_a_server_that_gives_its_mails_no_lasting_numbers_is_asked_by_date_every_time(reader: Reader) -> None:
    with scripted_server({"EXAMINE": b"* 1 EXISTS\r\n"}) as server:
        first = reader.look(server.url())
        assert len(reader.look(server.url(), first.state).mails) == 1


def test_of_a_full_mailbox_without_lasting_numbers_the_newest_mails_are_read_and_then_no_more(reader: Reader) -> None:
    uids = " ".join(str(uid) for uid in range(1, 260)).encode()
    sizes = b"".join(b"* %d FETCH (UID %d RFC822.SIZE 10)\r\n" % (uid, uid) for uid in range(60, 260))
    answers = {"EXAMINE": b"* 259 EXISTS\r\n", "SEARCH": b"* SEARCH " + uids + b"\r\n", "SIZES": sizes, "MAIL": b""}
    with scripted_server(answers) as server:
        assert not reader.look(server.url()).more
    assert b"UID FETCH 60," in b"".join(server.heard)


def test_dates_are_named_in_english_whatever_the_day(reader: Reader) -> None:
    with scripted_server() as server:
        reader.look(server.url(), now=1_490_000_000)  # 20 March 2017
    assert any(b"SEARCH SINCE 18-Feb-2017\r\n" in line for line in server.heard)


def test_a_mail_that_is_longer_than_was_said_is_left_out(reader: Reader) -> None:
    long = b"* 1 FETCH (UID 9 BODY[] {3000}\r\n" + b"x" * 3000 + b")\r\n"
    with scripted_server({"SIZES": b"* 1 FETCH (UID 9 RFC822.SIZE 1000)\r\n", "MAIL": long}) as server:
        letters = reader.look(server.url(), max_bytes=2000)
    assert (letters.mails, len(letters.complaints)) == ((), 1)


def test_a_mail_that_is_gone_in_the_meantime_is_nothing_to_complain_of(reader: Reader) -> None:
    for answers in ({"SIZES": b""}, {"MAIL": b""}, {"MAIL": b"* 1 FETCH (UID 9 BODY[] NIL)\r\n"}):
        with scripted_server(answers) as server:
            assert reader.look(server.url()) == Letters((), "7 9")


def test_a_mail_that_the_server_cannot_give_is_told_of_and_stops_nothing(reader: Reader) -> None:
    with scripted_server({"MAIL": b"{tag} NO [CORRUPTION] broken\r\n"}) as server:
        letters = reader.look(server.url())
    assert letters == Letters((), "7 9", ("INBOX mail 9.eml: the server does not give this mail out; left out",))


def test_only_commands_that_change_nothing_are_sent(reader: Reader) -> None:
    with scripted_server() as server:
        reader.look(server.url("/INBOX?list=w.example.org"))
    commands = [line.split(b" ", 1)[1] for line in server.heard if b" " in line]
    assert [b" ".join(command.split()[: 2 if command.startswith(b"UID") else 1]) for command in commands] == [
        *(b"CAPABILITY", b"AUTHENTICATE", b"EXAMINE", b"UID SEARCH", b"UID FETCH", b"UID FETCH", b"LOGOUT"),
    ]
    assert commands[5] == b"UID FETCH 9 (UID BODY.PEEK[])\r\n"


def drip(talk: Talk) -> None:
    talk.drip(b"* OK dripping\r\n")


def drip_line(talk: Talk) -> None:
    talk.drip(b"* OK without an end ")


def flood_lines(talk: Talk) -> None:
    talk.flood(b"* OK again\r\n" * 5000)


def flood_line(talk: Talk) -> None:
    talk.flood(b"* OK x" * 10_000)


def flood_literals(talk: Talk) -> None:
    talk.flood(b"* 1 FETCH (UID 9 BODY[] {100000}\r\n" + b"x" * 100_000 + b")\r\n")


def drip_literal(talk: Talk) -> None:
    talk.say(b"* 1 FETCH (UID 9 BODY[] {20}\r\n")
    talk.drip(b"x")


@pytest.mark.parametrize(
    ("when", "answer"),
    [("GREETING", Talk.be_silent), ("CAPABILITY", drip_line), ("AUTHENTICATE", drip), ("SEARCH", drip_line), ("MAIL", drip_literal)],
)
def test_a_slow_server_is_left_at_the_deadline(reader: Reader, when: str, answer: Answer) -> None:
    started = time.monotonic()
    with scripted_server({when: answer}) as server, pytest.raises(FetchError, match="no complete answer within 1 s"):
        reader.look(server.url(), timeout=1)
    assert time.monotonic() - started < 20


@pytest.mark.parametrize(
    ("when", "answer"), [("GREETING", flood_lines), ("AUTHENTICATE", flood_line), ("SEARCH", flood_literals), ("MAIL", flood_lines)]
)
def test_a_flood_is_left_within_bounds_of_time_and_memory(reader: Reader, when: str, answer: Answer) -> None:
    started = time.monotonic()
    tracemalloc.start()
    try:
        with scripted_server({when: answer}) as server, pytest.raises(FetchError):
            reader.look(server.url(), timeout=2)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 64 * 1024 * 1024
    assert time.monotonic() - started < 20


@pytest.mark.parametrize(("when", "size"), [("MAIL", 200_000), ("GREETING", 10**12), ("SEARCH", 10**30), ("MAIL", int("9" * 4000))])
def test_a_literal_of_any_claimed_size_takes_no_memory(reader: Reader, when: str, size: int) -> None:
    claimed = GREETING if when == "GREETING" else b""
    claimed += b"* 1 FETCH (UID 9 BODY[] {%d}\r\n" % size
    with scripted_server({when: claimed}) as server, pytest.raises(FetchError):
        reader.look(server.url(), timeout=1)


@pytest.mark.parametrize("when", ["GREETING", "CAPABILITY", "AUTHENTICATE", "EXAMINE", "SEARCH", "SIZES", "MAIL"])
@pytest.mark.parametrize(
    "garbage",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\x16\x03\x01\x00\xff" + bytes(range(256)) + b"\r\n",
        b"\r\n\r\n\r\n",
        b"* \xff\xfe\r\n",
        b"* CAPABILITY \xff\r\n",
        b"+ more\r\n" * 50,
        b"{tag}x OK other\r\n",
        b"* BYE go away\r\n",
        b"* 1 FETCH (UID 9 BODY[] {-5}\r\n",
        b"* SEARCH 1 x 2 99999999999999999999\r\n* SEARCH (\r\n",
        b"* 1 FETCH (UID 99999999999999999999 RFC822.SIZE 99999999999999999999)\r\n",
        b"* 1 FETCH (RFC822.SIZE -1 UID 9)\r\n",
    ],
)
def test_garbage_ends_in_letters_or_an_error_in_time(reader: Reader, when: str, garbage: bytes) -> None:
    started = time.monotonic()
    with scripted_server({when: garbage}) as server:
        try:
            reader.look(server.url(), timeout=1)
        except FetchError as error:
            assert_keeps_secret(error)
            assert "\n" not in str(error)
    assert time.monotonic() - started < 20


def test_a_connection_that_ends_in_the_middle_is_an_error(reader: Reader) -> None:
    for when in ("GREETING", "AUTHENTICATE", "EXAMINE", "SEARCH", "SIZES", "MAIL"):
        with scripted_server({when: Talk.hang_up}) as server, pytest.raises(FetchError, match="connection"):
            reader.look(server.url(), timeout=5)


def test_a_look_that_takes_long_is_content_with_what_it_has(reader: Reader) -> None:
    mails = 0

    def mail(talk: Talk) -> None:
        nonlocal mails
        mails += 1
        if mails > 1:
            talk.wait(1.6)
        tag, _, _, uid, *_ = scripted.heard[-1].split()
        talk.say(b"* 1 FETCH (UID " + uid + b" BODY[] {8}\r\nA: b\r\n\r\n)\r\n" + tag + b" OK done\r\n")

    sizes = b"".join(b"* %d FETCH (UID %d RFC822.SIZE 8)\r\n" % (uid, uid) for uid in (7, 8, 9))
    with scripted_server({"SEARCH": b"* SEARCH 7 8 9\r\n", "SIZES": sizes, "MAIL": mail}) as scripted:
        letters = reader.look(scripted.url(), timeout=3)

    assert [mail.name for mail in letters.mails] == ["INBOX mail 7.eml", "INBOX mail 8.eml"]
    assert (letters.state, letters.more) == ("7 8", True)


# Maildirs


@pytest.fixture
def box(tmp_path: Path) -> Path:
    for inner in ("new", "cur", "tmp"):
        (tmp_path / "Mail" / inner).mkdir(parents=True)
    return tmp_path / "Mail"


NOW = 1_500_000_000


def drop(box: Path, name: str, body: bytes, age: int = 0) -> Path:
    file = box / name
    file.write_bytes(body)
    os.utime(file, (NOW - age, NOW - age))
    return file


def maildir_look(box: Path, state: str | None = None, query: str = "", max_bytes: int = 100_000) -> Letters:
    return Reader(Secrets(None)).look(f"maildir:{box}{query}", state, now=NOW, max_bytes=max_bytes)


def test_a_maildir_is_read_oldest_first_from_both_folders_and_nothing_is_changed(box: Path) -> None:
    drop(box, "cur/2.host:2,S", letter(2), age=20)
    drop(box, "new/1.host", letter(1), age=30)
    drop(box, "new/3.host", letter(3), age=10)
    drop(box, "tmp/4.host", letter(4))
    drop(box, "new/.hidden", letter(5))
    (box / "new" / "link").symlink_to(box / "tmp" / "4.host")
    os.mkfifo(box / "cur" / "pipe")
    before = sorted((str(path), path.lstat().st_mtime_ns) for path in box.rglob("*"))

    letters = maildir_look(box)

    assert subjects(letters) == ["Issue 1", "Issue 2", "Issue 3"]
    assert [mail.name for mail in letters.mails] == ["1.host.eml", "2.host.eml", "3.host.eml"]
    assert sorted((str(path), path.lstat().st_mtime_ns) for path in box.rglob("*")) == before


def test_of_a_maildir_only_what_is_new_is_read_however_files_are_moved(box: Path) -> None:
    first_file = drop(box, "new/1.host", letter(1), age=100)
    first = maildir_look(box)

    assert maildir_look(box, first.state) == Letters((), first.state)
    first_file.rename(box / "cur" / "1.host:2,RS")
    assert maildir_look(box, first.state) == Letters((), first.state)
    drop(box, "new/2.host", letter(2), age=50)
    second = maildir_look(box, first.state)
    assert subjects(second) == ["Issue 2"]
    (box / "cur" / "1.host:2,RS").unlink()
    assert maildir_look(box, second.state).mails == ()


def test_a_mail_that_comes_late_or_with_the_time_of_another_is_not_missed(box: Path) -> None:
    drop(box, "new/5.host", letter(5), age=50)
    state = maildir_look(box).state
    drop(box, "new/4.host", letter(4), age=5000)
    drop(box, "new/6.host", letter(6), age=50)
    assert subjects(maildir_look(box, state)) == ["Issue 4", "Issue 6"]


def test_a_first_look_into_a_maildir_goes_back_thirty_days(box: Path) -> None:
    drop(box, "cur/1.host", letter(1), age=31 * DAY)
    drop(box, "cur/2.host", letter(2), age=29 * DAY)
    letters = maildir_look(box)
    assert subjects(letters) == ["Issue 2"]
    assert maildir_look(box, letters.state).mails == ()


def test_a_full_maildir_is_read_in_portions_and_remembered_in_little_space(box: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maildir, "MOST_MAILS", 200)
    for number in range(650):
        # Three mails each have the same time.
        drop(box, f"new/{number:04}.host", letter(number), age=5000 - number // 3)
    state, seen, portions = "", [], 0
    while True:
        letters = maildir_look(box, state)
        state, portions = letters.state, portions + 1
        seen += [mail.name for mail in letters.mails]
        assert len(state) < 4000
        if not letters.more:
            break

    assert sorted(seen) == [f"{number:04}.host.eml" for number in range(650)]
    assert portions == 4
    assert maildir_look(box, state) == Letters((), state)


def test_filters_and_the_cap_hold_for_maildirs_too(box: Path) -> None:
    for number, body in enumerate([LISTED, *LOOKALIKES, letter(6, "List-Id: <weekly.example.org>", text="x" * 9000)]):
        drop(box, f"new/{number}.host", body, age=100 - number)

    letters = maildir_look(box, query="?list=weekly.example.org", max_bytes=5000)

    assert subjects(letters) == ["Issue 1"]
    (complaint,) = letters.complaints
    assert complaint.startswith("5.host.eml: the mail has ")
    assert maildir_look(box, letters.state, "?list=weekly.example.org", 5000) == Letters((), letters.state)


@pytest.mark.parametrize("state", ["nonsense", "1", "99999999999999999999999999 x", "-5 -"])
def test_a_state_that_means_nothing_counts_as_none_for_maildirs(box: Path, state: str) -> None:
    drop(box, "new/1.host", letter(1), age=100)
    assert subjects(maildir_look(box, state)) == ["Issue 1"]


def test_names_that_are_no_text_can_be_stored(box: Path) -> None:
    (box / "new" / os.fsdecode(b"caf\xe9\n.host")).write_bytes(letter(1))
    (mail,) = maildir_look(box).mails
    mail.name.encode()
    assert "\n" not in mail.name


def test_what_is_no_maildir_is_told_by_its_path(tmp_path: Path) -> None:
    with pytest.raises(FetchError, match=r"there is no maildir .*/Nowhere: it must hold the folders new and cur"):
        maildir_look(tmp_path / "Nowhere")
