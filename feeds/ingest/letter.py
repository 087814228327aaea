"""Newsletters and articles that come as mail or as text and HTML files."""

from __future__ import annotations

import email
import email.message
import re
from email.headerregistry import BaseHeader, HeaderRegistry
from email.policy import EmailPolicy
from pathlib import PurePath
from typing import Any, NamedTuple

import charset_normalizer

from feeds.errors import InputError
from feeds.identity import digest
from feeds.ingest import dates, forwards
from feeds.model import Article, Newsletter
from feeds.text import plain_line, title_line

_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_META_CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?\s*([\w.:-]+)", re.I)
_REPLY_PREFIX = re.compile(r"^(?:\s*(?:fwd?|fw|re|tr|wg)\s*:\s*)+", re.I)
# An address in its brackets, as in "News Desk <desk@example.org>" or "News Desk [mailto:desk@example.org]".
_BRACKETED = re.compile(r"[<\[(]\s*(?:mailto:)?([^\s<>\[\]()@,;:\"]+@[^\s<>\[\]()@,;:\"]+)\s*[>\])]", re.I)
_BARE = re.compile(r"[^\s<>\[\]()@,;:\"]+@[^\s<>\[\]()@,;:\"]+")
# A well-known mail service writes the account's number where the list's name should be.
_NUMBERED = re.compile(r"[0-9a-f]{8,}mc list", re.I)

_NESTED = 5
# Mails that people write stay far below; reading others would take time that a hostile mail could choose.
_LONGEST_HEADER = 2000
_MOST_PARTS = 10_000
_MOST_WORK = 10_000_000
_LONGEST_HEAD = 100_000


class _Headers(HeaderRegistry):
    """Reads what can be read of headers on which the standard library's parser fails."""

    def __call__(self, name: str, value: Any) -> BaseHeader:
        value = str(value)[:_LONGEST_HEADER]
        for readable in (value, value.partition(";")[0]):
            try:
                return super().__call__(name, readable)
            except Exception:  # noqa: S112 - it fails with errors of any kind
                continue
        return super().__call__("X-Unreadable", value)


_POLICY = EmailPolicy(header_factory=_Headers())


def sniff(body: bytes) -> str:
    """The file suffix that a document without a telling name should have had."""
    head = body[:4000].lstrip().lower()
    begins_with_header = bool(re.match(rb"[\w-]+:", head))
    if not begins_with_header and re.search(rb"<(?:!doctype html|html|body|table|div|p|h[1-6])\b", head):
        return ".html"
    headers = re.match(rb"(?:[\w-]+:[^\n]*\n(?:[ \t][^\n]*\n)*){3,}", body.lstrip())
    if headers and re.search(rb"^(?:from|subject|mime-version|received):", head, re.M):
        return ".eml"
    return ".txt"


def from_text(name: str, body: bytes, *, is_html: bool) -> Article:
    """A text or HTML file as an article whose guid is the file's name.

    Raises:
        InputError: it is binary.
    """
    text = decode(name, body, is_html=is_html)
    title = _html_title(text) if is_html else _first_line(text)
    guid = plain_line(PurePath(name).name) if name != "-" else digest(text)
    return Article(guid=guid, title=title or _title_from(name), body=text, is_html=is_html, origin="letter")


class Sender(NamedTuple):
    """Who sent a mail: the name as shown, the address in lower case; either may be missing."""

    name: str
    address: str


def from_mail(name: str, body: bytes) -> Article:
    """A mail as an article: the forwarded mail inside it if there is one, HTML rather than plain text.

    Its guid is the Message-ID, else made from its date, sender, subject and text, so that all copies of a mail have one.

    Raises:
        InputError: it has no text part, or more parts inside each other than a mail has.
    """
    if _work(body) > _MOST_WORK:
        raise InputError(f"{name}: the mail has more parts or lines than can be read")
    try:
        message = _innermost(_message(body))
        part = message.get_body(preferencelist=("html", "plain"))
    except RecursionError:
        raise InputError(f"{name}: the mail has too many parts inside each other") from None
    if part is None:
        raise InputError(f"{name}: the mail has no text in it")
    text, is_html = _content(name, part), part.get_content_subtype() == "html"
    subject, sender, written = plain_line(message.get("subject", "")), sender_of(message), plain_line(message.get("date", ""))
    newsletter, published = _newsletter(message), dates.read(written)
    guid = plain_line(message.get("message-id", "")).strip("<> ") and plain_line(message["message-id"])
    guid = guid or digest(written, sender.address, subject, text)
    # Mail programs show dates without a zone, by the clock of whoever forwards.
    sent_from = dates.zone_of(written)
    for _ in range(_NESTED):
        inner = forwards.unwrapped(text, subject, is_html=is_html)
        if inner is None:
            break
        text, subject, sender = inner.text, inner.subject or subject, _sender(inner.sender)
        newsletter, published = _newsletter_from(sender), dates.read(inner.date, sent_from) or published
    return Article(
        guid=guid,
        title=_REPLY_PREFIX.sub("", subject) or _title_from(name),
        body=text,
        is_html=is_html,
        origin="letter",
        author=sender.name or None,
        published=published,
        newsletter=newsletter,
    )


def headers_of(body: bytes) -> email.message.EmailMessage:
    """The headers of a mail, without reading more of it."""
    return _message(re.split(rb"\r?\n\r?\n", body.lstrip()[:_LONGEST_HEAD], maxsplit=1)[0] + b"\r\n\r\n")


def list_id(message: email.message.EmailMessage) -> str | None:
    """The identifier of the mailing list that a mail came through, in lower case (RFC 2919 section 3)."""
    value = plain_line(message.get("list-id", ""))
    found = re.search(r"<\s*([^<>\s]{1,255})\s*>", value) or re.fullmatch(r"([\w-]+(?:\.[\w-]+)+)", value)
    return found[1].lower() if found else None


def sender_of(message: email.message.EmailMessage) -> Sender:
    """Who a mail says that it is from."""
    return _sender(plain_line(message.get("from", "")))


def _message(body: bytes) -> email.message.EmailMessage:
    return email.message_from_bytes(body.lstrip(), policy=_POLICY)


def _work(body: bytes) -> int:
    """How long the standard library's parser takes: it holds each line against the boundaries of all parts around it."""
    lower = body.lower()
    parts = body.count(b"\n--") + (len(re.findall(rb"\n\r?\n", body)) if b"delivery-status" in lower else 0)
    return body.count(b"\n") * (1 + lower.count(b"boundary")) + parts * (_MOST_WORK // _MOST_PARTS)


def _innermost(message: email.message.EmailMessage) -> email.message.EmailMessage:
    """The mail that was forwarded as an attachment, however deep."""
    for _ in range(_NESTED):
        inner = next((part for part in message.walk() if part.get_content_type() == "message/rfc822"), None)
        payload = inner.get_payload() if inner is not None else None
        if not isinstance(payload, list) or not isinstance(payload[0], email.message.EmailMessage):
            break
        message = payload[0]
    return message


def _newsletter(message: email.message.EmailMessage) -> Newsletter | None:
    """Which newsletter a mail is an issue of: that of its mailing list, else that of its sender."""
    sender, key = sender_of(message), list_id(message)
    if key is None:
        return _newsletter_from(sender)
    phrase = plain_line(message["list-id"]).partition("<")[0].strip(" \"'")
    named = "" if _NUMBERED.fullmatch(phrase) or phrase.lower() == key else phrase
    return Newsletter(f"list/{key}", named or sender.name or sender.address or key)


def _newsletter_from(sender: Sender) -> Newsletter | None:
    return Newsletter(f"from/{sender.address}", sender.name or sender.address) if sender.address else None


def _sender(written: str) -> Sender:
    """The name and address in a line such as ``News Desk <desk@example.org>``, where names may look like addresses."""
    bracketed = _BRACKETED.findall(written)
    bare = _BARE.findall(written)
    address = bracketed[-1] if bracketed else bare[0] if bare else ""
    name = re.sub(r"<[^>]*>|\[[^\]]*\]", "", written).strip(" \"'")
    return Sender(name, address.lower())


def _content(name: str, part: email.message.MIMEPart) -> str:
    raw = part.get_payload(decode=True)
    body = raw if isinstance(raw, bytes) else b""
    charset = part.get_content_charset()
    text = _decoded(body, charset) or decode(name, body, is_html=part.get_content_subtype() == "html")
    if str(part.get_param("format", "")).lower() == "flowed":
        text = _unflowed(text, deletes_space=str(part.get_param("delsp", "")).lower() == "yes")
    return text


def _unflowed(text: str, *, deletes_space: bool) -> str:
    """Joins the lines that a mail program broke softly (RFC 3676 section 4)."""
    out: list[str] = []
    for line in text.replace("\r\n", "\n").split("\n"):
        body = line[1:] if line.startswith(" ") else line
        soft = body.endswith(" ") and body != "-- "
        out.append(body[:-1] if soft and deletes_space else body if soft else body + "\n")
    return "".join(out).removesuffix("\n")


def decode(name: str, body: bytes, *, is_html: bool = False) -> str:
    """The text of some bytes: by byte order mark, by its own declaration, as UTF-8, or by the likeliest charset.

    Raises:
        InputError: it is no text.
    """
    for mark, charset in _BOMS:
        if body.startswith(mark):
            return body.decode(charset, "replace")
    declared = _META_CHARSET.search(body[:4000]) if is_html else None
    text = _decoded(body, "utf-8") or (_decoded(body, declared[1].decode("ascii", "replace")) if declared else None)
    if text is None:
        best = charset_normalizer.from_bytes(body[:100_000], cp_isolation=["cp1252", "utf_16_le", "utf_16_be", "mac_roman"]).best()
        text = _decoded(body, best.encoding if best else "cp1252") or body.decode("cp1252", "replace")
    controls = len(re.findall(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]", text))
    if controls > max(2, len(text) // 200):
        raise InputError(f"{name}: this is not text (binary data); expected a .txt, .html, .eml, .xml or .json document")
    return text


def _decoded(body: bytes, charset: str | None) -> str | None:
    # Mail programs that say Latin-1 or ASCII mean Windows-1252, as browsers know (WHATWG Encoding section 4.2).
    name = {"iso-8859-1": "cp1252", "latin-1": "cp1252", "latin1": "cp1252", "us-ascii": "cp1252", "ascii": "cp1252"}.get(
        (charset or "").lower(), charset or ""
    )
    for attempt in ["utf-8", name] if name == "cp1252" else [name]:
        try:
            return body.decode(attempt)
        except (LookupError, UnicodeDecodeError, ValueError):
            continue
    return None


def _first_line(text: str) -> str:
    """A newsletter's name or an article's headline, if the text begins with one."""
    line = plain_line(next((line for line in text.splitlines() if re.search(r"\w", line)), ""))
    return line if len(line.split()) <= 14 else ""


def _html_title(text: str) -> str:
    found = re.search(r"<title[^>]*>(.{1,500}?)</title>", text, re.I | re.S)
    return title_line(found[1]) if found else ""


def _title_from(name: str) -> str:
    return plain_line(PurePath(name).stem.replace("_", " ").replace("-", " ").strip()) or "Newsletter"
