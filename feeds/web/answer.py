"""How a document is answered: validators, codings, caching (RFC 9110 sections 8, 12, 13; RFC 9111)."""

from __future__ import annotations

from flask import Request, Response
from werkzeug.http import http_date, parse_etags

from feeds.publish.documents import Document

_CACHING = "public, max-age=300, stale-if-error=86400"


def answer(request: Request, document: Document, headers: dict[str, str] | None = None) -> Response:
    """200 with the document in the coding the client likes, or 304 if it has it already."""
    packed = document.gzip_body if _accepts_gzip(request) else None
    etag = document.gzip_etag if packed else document.etag
    response = Response(status=304) if _has_it(request, document) else Response(packed or document.body, content_type=document.content_type)
    response.set_etag(etag)
    response.headers["Last-Modified"] = http_date(document.modified)
    response.headers["Cache-Control"] = _CACHING
    response.headers["Vary"] = "Accept-Encoding"
    if response.status_code == 304:
        response.headers.pop("Content-Type", None)
    elif packed:
        response.headers["Content-Encoding"] = "gzip"
    response.headers.update(headers or {})
    return response


def revalidated(request: Request, response: Response) -> Response:
    """The response, which caches may keep but must ask about each time: it can change without a story's change."""
    response.headers["Cache-Control"] = "no-cache"
    response.add_etag()
    response.make_conditional(request)
    return response


def _accepts_gzip(request: Request) -> bool:
    accepted = request.accept_encodings
    return accepted.quality("gzip") > 0 and accepted.quality("gzip") >= accepted.quality("identity")


def _has_it(request: Request, document: Document) -> bool:
    """Whether the client's validators match; the ETag outranks the date (RFC 9110 section 13.2.2)."""
    if "If-None-Match" in request.headers:
        tags = parse_etags(request.headers["If-None-Match"])
        return tags.star_tag or tags.contains_weak(document.etag) or tags.contains_weak(document.gzip_etag)
    since = request.if_modified_since
    return since is not None and document.modified <= since.timestamp()
