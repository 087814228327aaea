"""Who a curator is: a bearer token (RFC 6750) on requests of programs, a signed cookie for people."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import request, session
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Forbidden, Unauthorized

from feeds.model import Token
from feeds.web.parts import WebParts, parts

_KEY = "curator"
PASS = "token"  # noqa: S105 - its name
"""The parameter by which an address holds a token."""
ONLY_READS = "your token is for reading; an operator makes one that may decide with: healthwire token create NAME"
"""What is said to who may read and not decide."""
# Of two words, so that it is always sent as a quoted string (RFC 9110 section 11.5).
_REALM = "Healthwire curators"


def curator_of_program() -> str:
    """The name on the request's token.

    Raises:
        Unauthorized: there is no token, or it is not valid.
        Forbidden: it only lets its owner read.
    """
    given = request.authorization
    if given is None or given.type != "bearer" or not given.token:
        raise Unauthorized(
            "send a curator's token: Authorization: Bearer TOKEN; an operator makes one with: healthwire token create NAME",
            www_authenticate=WWWAuthenticate("bearer", {"realm": _REALM}),
        )
    token = parts().store.tokens.of_secret(given.token)
    if token is None:
        raise Unauthorized(
            "this token is not valid, or was revoked",
            www_authenticate=WWWAuthenticate("bearer", {"realm": _REALM, "error": "invalid_token"}),
        )
    if token.only_reads:
        raise Forbidden(ONLY_READS)
    return token.name


def reads() -> bool:
    """Whether the visitor may read where that is not for everybody: by a token as a bearer's, as a password, or in the address (which is
    all that many feed readers can send), or by having signed in.
    """
    given = request.authorization
    secrets = (given.token, given.password) if given else ()
    tokens = parts().store.tokens
    return any(tokens.of_secret(secret) for secret in (*secrets, request.args.get(PASS)) if secret) or _of_session() is not None


def curator_of_person() -> str | None:
    """The name that the visitor signed in under, if the token is still valid."""
    token = _of_session()
    return token.name if token and not token.only_reads else None


def is_signed_in() -> bool:
    """Whether the visitor signed in with a token that is still valid, for whatever it is."""
    return _of_session() is not None


def _of_session() -> Token | None:
    # Not the token itself: the cookie is signed, but anyone can read it.
    token_id = session.get(_KEY)
    return parts().store.tokens.of_id(token_id) if isinstance(token_id, int) else None


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
    own = origin is None or _origin(origin) in (_origin(site.base_url), _origin(request.host_url))
    # Browsers that tell where a request comes from are believed: behind a proxy our own address may look like another.
    fetched_from = request.headers.get("Sec-Fetch-Site")
    ours = fetched_from == "same-origin" if fetched_from else own
    if not ours:
        raise Forbidden("this form was sent from another site; open the page here and try again")


def _origin(address: str) -> tuple[str, str | None, int | None]:
    """Scheme, host and port of an address (RFC 6454 section 4)."""
    parts_of = urlsplit(address)
    try:
        port = parts_of.port
    except ValueError:
        port = None
    return parts_of.scheme, parts_of.hostname, port or {"http": 80, "https": 443}.get(parts_of.scheme)
