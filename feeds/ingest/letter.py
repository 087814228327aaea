"""Newsletters and articles that come as mail or as text and HTML files."""

from __future__ import annotations

import email
import email.message
import re
from email.headerregistry import BaseHeader, HeaderRegistry
from email.policy import EmailPolicy
from pathlib import PurePath
from typing import Any

import charset_normalizer

from feeds.errors import InputError
from feeds.identity import digest
from feeds.ingest import dates
from feeds.model import Article
from feeds.text import plain_line, title_line

_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_META_CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?\s*([\w.:-]+)", re.I)
_REPLY_PREFIX = re.compile(r"^(?:\s*(?:fwd?|fw|re|tr|wg)\s*:\s*)+", re.I)


class _Headers(HeaderRegistry):
    """Reads what can be read of headers on which the standard library's parser fails."""

    def __call__(self, name: str, value: Any) -> BaseHeader:
        for readable in (value, str(value).partition(";")[0]):
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


def from_mail(name: str, body: bytes) -> Article:
    """A mail as an article: the forwarded mail inside it if there is one, HTML rather than plain text.

    Raises:
        InputError: it has no text part.
    """
    message = _innermost(email.message_from_bytes(body.lstrip(), policy=_POLICY))
    part = message.get_body(preferencelist=("html", "plain"))
    if part is None:
        raise InputError(f"{name}: the mail has no text in it")
    text = _content(name, part)
    is_html = part.get_content_subtype() == "html"
    subject = _REPLY_PREFIX.sub("", plain_line(message.get("subject", "")))
    return Article(
        guid=plain_line(message.get("message-id", "")) or digest(subject, text),
        title=subject or _title_from(name),
        body=text,
        is_html=is_html,
        origin="letter",
        author=_sender(message),
        published=dates.from_mail(message.get("date", "")),
    )


def _innermost(message: email.message.EmailMessage) -> email.message.EmailMessage:
    """The mail that was forwarded as an attachment, however deep."""
    for _ in range(5):
        inner = next((part for part in message.walk() if part.get_content_type() == "message/rfc822"), None)
        payload = inner.get_payload() if inner is not None else None
        if not isinstance(payload, list) or not isinstance(payload[0], email.message.EmailMessage):
            break
        message = payload[0]
    return message


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
    soft = False
    for line in text.replace("\r\n", "\n").split("\n"):
        body = line[1:] if line.startswith(" ") else line
        if soft:
            out[-1] += body
        else:
            out.append(body)
        soft = body.endswith(" ") and body != "-- "
        if soft and deletes_space:
            out[-1] = out[-1][:-1]
    return "\n".join(out)


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


def _sender(message: email.message.EmailMessage) -> str | None:
    name = re.sub(r"<[^>]*>", "", message.get("from", "")).strip(" \"'")
    return plain_line(name) or None


def _first_line(text: str) -> str:
    """A newsletter's name or an article's headline, if the text begins with one."""
    line = plain_line(next((line for line in text.splitlines() if re.search(r"\w", line)), ""))
    return line if len(line.split()) <= 14 else ""


def _html_title(text: str) -> str:
    found = re.search(r"<title[^>]*>(.{1,500}?)</title>", text, re.I | re.S)
    return title_line(found[1]) if found else ""


def _title_from(name: str) -> str:
    return plain_line(PurePath(name).stem.replace("_", " ").replace("-", " ").strip()) or "Newsletter"
