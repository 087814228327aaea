"""Who a curator is: a bearer token (RFC 6750) on requests of programs, a signed cookie for people."""

from __future__ import annotations

from flask import request, session
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Forbidden, Unauthorized

from feeds.web.parts import WebParts, parts

_KEY = "curator"


def curator_of_program() -> str:
    """The name on the request's token.

    Raises:
        Unauthorized: there is no token, or it is not valid.
    """
    given = request.authorization
    if given is None or given.type != "bearer" or not given.token:
        raise Unauthorized(
            "send a curator's token: Authorization: Bearer TOKEN; an operator makes one with: healthwire token create NAME",
            www_authenticate=WWWAuthenticate("bearer", {"realm": "Healthwire"}),
        )
    token = parts().store.tokens.of_secret(given.token)
    if token is None:
        raise Unauthorized(
            "this token is not valid, or was revoked",
            www_authenticate=WWWAuthenticate("bearer", {"realm": "Healthwire", "error": "invalid_token"}),
        )
    return token.name


def curator_of_person() -> str | None:
    """The name that the visitor signed in under, if the token is still valid."""
    # Not the token itself: the cookie is signed, but anyone can read it.
    token_id = session.get(_KEY)
    token = parts().store.tokens.of_id(token_id) if isinstance(token_id, int) else None
    return token.name if token else None


def sign_in(secret: str) -> bool:
    """Remembers the visitor if the token is valid."""
    session.clear()
    token = parts().store.tokens.of_secret(secret)
    if token is None:
        return False
    session[_KEY] = token.id
    return True


def sign_out() -> None:
    session.clear()


def check_same_site(site: WebParts) -> None:
    """Lets forms act only when they were sent from our own pages.

    Raises:
        Forbidden: another site's page sent it (OWASP: verifying origin with standard headers).
    """
    origin = request.headers.get("Origin")
    fetched_from = request.headers.get("Sec-Fetch-Site", "same-origin")
    if fetched_from not in ("same-origin", "none") or (origin and origin not in (site.base_url, request.host_url.rstrip("/"))):
        raise Forbidden("this form was sent from another site; open the page here and try again")
