"""How a document is answered: validators, codings, caching (RFC 9110 sections 8, 12, 13; RFC 9111).

The same for the application and for the memory in front of it, so it knows requests only as WSGI (PEP 3333) describes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache
from http import HTTPStatus
from typing import Any

from flask import Request, Response
from werkzeug.datastructures import Accept
from werkzeug.http import http_date, parse_accept_header, parse_date, parse_etags

from feeds.publish.document import Document
from feeds.web.parts import parts

# Feed readers need not ask more often.
RESTING = "max-age=300, stale-if-error=86400"
# Who decides, or follows the change log, must see what is there now.
CURRENT = "no-cache"
# Scripts of every site may read what everybody may (WHATWG Fetch section 3.2).
CORS = {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "ETag, Last-Modified, Link, Retry-After"}
_CSP = "default-src 'none'; style-src 'self'; img-src 'self' https:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
# Of everything that a browser shows as a page.
PAGE_HEADERS = (("Content-Security-Policy", _CSP), ("Referrer-Policy", "no-referrer"))
# Where the application leaves the document that it answered with.
DOCUMENT = "healthwire.document"
# Where it says that the request changed what others see.
CHANGED = "healthwire.changed"


Sent = tuple[str, list[tuple[str, str]], bytes]
"""Status, headers and body."""


@dataclass(frozen=True)
class Answer:
    """All answers to requests for one document; ``headers`` are those of its own kind. What is ``private`` no cache may share."""

    document: Document
    headers: tuple[tuple[str, str], ...] = ()
    caching: str = CURRENT
    private: bool = False

    def is_like(self, other: Answer) -> bool:
        """Whether nobody could tell them apart but by the date."""
        mine, theirs = self.document, other.document
        return (mine.etag, mine.content_type, self.headers, self.caching) == (
            theirs.etag,
            theirs.content_type,
            other.headers,
            other.caching,
        )

    def to(self, environ: Mapping[str, Any]) -> Sent:
        """Status, headers and body: 200 in the coding the client likes, 304 if it has the document already, or 412 if it wants another."""
        packed = self.document.gzip_body is not None and _likes_gzip(environ.get("HTTP_ACCEPT_ENCODING", ""))
        if ("HTTP_IF_MATCH" in environ or "HTTP_IF_UNMODIFIED_SINCE" in environ) and not self._is_wanted(environ):
            return _FAILED, self._known_packed if packed else self._known_plain, b""
        if self._is_known(environ):
            return _NOT_MODIFIED, self._known_packed if packed else self._known_plain, b""
        if packed:
            return _OK, self._packed, self.document.gzip_body or b""
        return _OK, self._plain, self.document.body

    def _is_known(self, environ: Mapping[str, Any]) -> bool:
        """Whether the client's validators match; the ETag outranks the date (RFC 9110 section 13.2.2)."""
        document = self.document
        named = environ.get("HTTP_IF_NONE_MATCH")
        if named is not None:
            if named in (f'"{document.gzip_etag}"', f'"{document.etag}"'):
                return True
            tags = parse_etags(named)
            return tags.star_tag or tags.contains_weak(document.etag) or tags.contains_weak(document.gzip_etag)
        since = _date(environ.get("HTTP_IF_MODIFIED_SINCE"))
        return since is not None and document.modified is not None and document.modified <= since.timestamp()

    def _is_wanted(self, environ: Mapping[str, Any]) -> bool:
        """Whether it is what the client had when it asked (RFC 9110 sections 13.1.1 and 13.1.4)."""
        named = environ.get("HTTP_IF_MATCH")
        if named is not None:
            tags = parse_etags(named)
            return not tags or tags.star_tag or tags.is_strong(self.document.etag) or tags.is_strong(self.document.gzip_etag)
        date, modified = _date(environ.get("HTTP_IF_UNMODIFIED_SINCE")), self.document.modified
        return date is None or modified is None or modified <= date.timestamp()

    @cached_property
    def _known_plain(self) -> list[tuple[str, str]]:
        return self._validators(self.document.etag)

    @cached_property
    def _known_packed(self) -> list[tuple[str, str]]:
        return self._validators(self.document.gzip_etag)

    @cached_property
    def _plain(self) -> list[tuple[str, str]]:
        return [*self._known_plain, *self._content(len(self.document.body))]

    @cached_property
    def _packed(self) -> list[tuple[str, str]]:
        return [*self._known_packed, *self._content(len(self.document.gzip_body or b"")), ("Content-Encoding", "gzip")]

    def _validators(self, etag: str) -> list[tuple[str, str]]:
        return [
            ("ETag", f'"{etag}"'),
            ("Cache-Control", f"{'private' if self.private else 'public'}, {self.caching}"),
            ("Vary", "Accept-Encoding"),
            ("X-Content-Type-Options", "nosniff"),
            *self.headers,
        ]

    def _content(self, length: int) -> list[tuple[str, str]]:
        """What a 304 leaves out, as whoever gets one has it already (RFC 9110 section 15.4.5)."""
        kind = self.document.content_type
        return [
            ("Content-Type", kind),
            ("Content-Length", str(length)),
            *([] if self.document.modified is None else [("Last-Modified", http_date(self.document.modified))]),
            *(PAGE_HEADERS if kind.startswith("text/html") else ()),
        ]


def _status(status: HTTPStatus) -> str:
    return f"{status.value} {status.phrase}"


_OK, _NOT_MODIFIED, _FAILED = map(_status, (HTTPStatus.OK, HTTPStatus.NOT_MODIFIED, HTTPStatus.PRECONDITION_FAILED))


def answer(request: Request, document: Document, headers: Mapping[str, str] | None = None, caching: str = CURRENT) -> Response:
    """The application's answer with a document, which may be kept until the next change."""
    made = request.environ[DOCUMENT] = Answer(document, tuple((headers or {}).items()), caching, parts().private)
    return _response(request, made)


def answer_once(request: Request, document: Document, headers: Mapping[str, str] | None = None) -> Response:
    """The same with a document that can change without a story's change, so that it is made for each request."""
    return _response(request, Answer(document, tuple((headers or {}).items()), private=parts().private))


def _response(request: Request, made: Answer) -> Response:
    status, sent, body = made.to(request.environ)
    response = Response(body, status=status, headers=sent)
    if status != _OK:
        response.headers.pop("Content-Type", None)
    return response


def _date(value: str | None) -> datetime | None:
    """The date that a header tells; None if it is none."""
    try:
        return parse_date(value)
    except OverflowError:
        # The year is no number for a computer.
        return None


# Clients send few different ones; whoever sends others gains nothing by it.
@lru_cache(maxsize=256)
def _likes_gzip(accepted: str) -> bool:
    codings = parse_accept_header(accepted, Accept)
    gzip, plain = float(codings.quality("gzip")), float(codings.quality("identity"))
    return gzip > 0 and gzip >= plain
