"""The Flask application: its rooms, its headers and its errors."""

from __future__ import annotations

import logging
import re
from datetime import timedelta
from urllib.parse import unquote_to_bytes

from flask import Flask, Response, current_app, jsonify, render_template, request
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import (
    BadRequest,
    Forbidden,
    Gone,
    HTTPException,
    InternalServerError,
    MethodNotAllowed,
    NotFound,
    RequestEntityTooLarge,
    ServiceUnavailable,
    TooManyRequests,
    Unauthorized,
)
from werkzeug.http import parse_date

from feeds import errors
from feeds.web import api, curation, docs, feed_views, hub, metrics, model_api, pages, probes, source_views, webhooks
from feeds.web.answer import CORS, PAGE_HEADERS
from feeds.web.curators import PASS, reads
from feeds.web.limiter import client_of
from feeds.web.openapi import check_names
from feeds.web.parts import WebParts, parts
from feeds.web.renewal import OURSELVES

_log = logging.getLogger(__name__)

_BLUEPRINTS = (
    api.blueprint,
    model_api.blueprint,
    curation.blueprint,
    docs.blueprint,
    feed_views.blueprint,
    hub.blueprint,
    metrics.blueprint,
    pages.blueprint,
    probes.blueprint,
    source_views.blueprint,
    webhooks.blueprint,
)
_UNLIMITED = frozenset((probes.blueprint.name, metrics.blueprint.name))
_OPEN = frozenset(("static", "curation.sign_in_page", "curation.signed_in", None))
# No text that anyone would classify is longer, and no form.
_MAX_BODY = 8 * 1024 * 1024
# What scripts of other sites may ask for, and the headers that they may send.
_FOR_PROGRAMS = ("/api", "/feeds", "/openapi.json")
_ASKED = "Authorization, Content-Type, If-None-Match, If-Modified-Since"
_OWN_WORDS: dict[type[HTTPException], str] = {
    NotFound: "there is nothing at this address; what programs may ask for stands in /docs, and all else is linked from the first page",
    RequestEntityTooLarge: f"a body may have at most {_MAX_BODY // 1024**2} MiB",
}


def create_app(site: WebParts, secret_key: str) -> Flask:
    """The application; nothing is read from the environment. ``secret_key`` signs the cookies of curators."""
    app = Flask(__name__)
    app.config.update(
        SECRET_KEY=secret_key,
        MAX_CONTENT_LENGTH=_MAX_BODY,
        SESSION_COOKIE_NAME="healthwire",
        PERMANENT_SESSION_LIFETIME=timedelta(days=7),
        SESSION_COOKIE_SAMESITE="Strict",
        SESSION_COOKIE_SECURE=site.base_url.startswith("https:"),
    )
    app.extensions["healthwire"] = site
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters |= pages.FILTERS
    for blueprint in _BLUEPRINTS:
        app.register_blueprint(blueprint)
    app.register_error_handler(HTTPException, _explain)
    app.register_error_handler(errors.Gone, lambda error: _explain(Gone(str(error))))
    app.register_error_handler(errors.NotFound, lambda error: _explain(NotFound(str(error))))
    app.register_error_handler(errors.Full, lambda error: _explain(Forbidden(str(error))))
    app.register_error_handler(errors.StoreError, _unavailable)
    app.register_error_handler(Exception, _broken)
    app.before_request(_limit)
    app.before_request(_check)
    app.before_request(_admit)
    app.after_request(_protect)
    return app


def _limit() -> None:
    """Lets no client ask for more work than its share; supervisors and monitors may always ask.

    Raises:
        TooManyRequests: it has asked for more.
    """
    site = parts()
    if request.blueprint in _UNLIMITED or request.endpoint == "static" or OURSELVES in request.environ:
        return
    client = client_of(request.remote_addr or "", request.headers.get("X-Forwarded-For", ""), site.proxies)
    if wait := site.limiter.wait(client):
        per_minute = f"more than {site.limiter.per_minute} answers a minute that are not in memory"
        raise TooManyRequests(f"you ask for {per_minute}; ask again in {wait} s", retry_after=wait)


def _check() -> None:
    """Makes sure that nobody stumbles over what a request says of itself.

    Raises:
        BadRequest: its query is no text, or has words that mean nothing where they are.
    """
    try:
        unquote_to_bytes(request.query_string).decode()
    except UnicodeDecodeError:
        raise BadRequest("the query of an address must be UTF-8") from None
    names = request.args.keys() - ({PASS} if parts().private else set())
    check_names(current_app.view_functions.get(request.endpoint or ""), names, request.view_args or ())
    for name in ("HTTP_IF_MODIFIED_SINCE", "HTTP_IF_RANGE"):
        try:
            parse_date(request.environ.get(name))
        except OverflowError:
            # A year beyond all numbers is as good as any other word that is no date.
            request.environ[name] = "0"


def _admit() -> None:
    """Lets only those read who have a token, where an operator wants that.

    Raises:
        Unauthorized: there is none, or it is not valid.
    """
    if request.method == "OPTIONS" or not parts().private or request.endpoint in _OPEN or request.blueprint == probes.blueprint.name:
        return
    if not reads():
        raise Unauthorized(
            f"reading here takes a token, as a password or at the end of the address: ?{PASS}=…; ask whoever runs this service",
            www_authenticate=WWWAuthenticate("basic", {"realm": "Healthwire readers"}),
        )


def _explain(error: HTTPException) -> Response:
    """An error as the client can use it: a problem document (RFC 9457) for programs, a page for people."""
    status, title, detail = error.code or 500, error.name, _detail(error)
    if re.match("/api(/|$)", request.path):
        response = jsonify({"type": "about:blank", "title": title, "status": status, "detail": detail, "instance": request.path})
        response.content_type = "application/problem+json"
    elif request.path.startswith(("/feeds", "/hub")):
        response = Response(f"{status} {title}: {detail}\n", content_type="text/plain; charset=utf-8")
    else:
        response = Response(render_template("error.html", status=status, title=title, detail=detail))
    response.status_code = status
    response.headers["Cache-Control"] = "no-store"
    if request.path.startswith(_FOR_PROGRAMS):
        response.headers.update(CORS)
    for name, value in error.get_headers():
        if name in ("Allow", "Retry-After", "WWW-Authenticate"):
            response.headers[name] = value
    return response


def _unavailable(error: errors.StoreError) -> Response:
    _log.error("%s %s: %s", request.method, request.path, error)
    return _explain(ServiceUnavailable("the database cannot be reached at the moment; try again shortly"))


def _broken(error: Exception) -> Response:
    _log.exception("%s %s failed", request.method, request.path)
    return _explain(InternalServerError("something went wrong on our side; it has been logged"))


def _detail(error: HTTPException) -> str:
    """What happened and what to do, where werkzeug's own words would not help."""
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        return f"this address takes {', '.join(sorted(error.valid_methods))} only"
    said = (error.description or "").strip()
    return _OWN_WORDS.get(type(error), said) if error.description == type(error).description else said


def _protect(response: Response) -> Response:
    if request.method == "OPTIONS" and response.status_code == 200 and request.path.startswith(_FOR_PROGRAMS):
        # Lets scripts of other sites ask (WHATWG Fetch section 3.3).
        methods = ", ".join(sorted(response.allow))
        allow = {"Allow": methods, "Access-Control-Allow-Methods": methods, "Access-Control-Allow-Headers": _ASKED}
        response.headers.update(CORS | allow | {"Access-Control-Max-Age": "86400"})
        response.status_code = 204
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Vary", "Accept-Encoding")
    if response.mimetype == "text/html":
        for name, value in PAGE_HEADERS:
            response.headers.setdefault(name, value)
    return response
