"""Tokens: who may decide in a curator's name, or read. Only their digests are stored."""

from __future__ import annotations

import hashlib
import secrets
from typing import Any

import sqlalchemy as sa

from feeds.errors import InputError, NotFound
from feeds.model import Token
from feeds.store.engine import reading, writing
from feeds.store.schema import subscriber, token
from feeds.store.status import note_edited
from feeds.store.subscribers import new_claim

_PREFIX = "hw_"


class Tokens:
    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def create(self, name: str, now: int, *, only_reads: bool = False) -> str:
        """A new token for that name, a curator's unless it ``only_reads``; it cannot be shown again.

        Raises:
            InputError: the name is empty, too long, or taken.
        """
        if not 0 < len(name.strip()) <= len(name) <= 100 or not name.isprintable():
            raise InputError("a token's name must have 1 to 100 printable characters, e.g. the curator's name")
        secret = _PREFIX + secrets.token_urlsafe(32)
        with writing(self._engine) as connection:
            if connection.scalar(sa.select(token.c.id).where(token.c.name == name)) is not None:
                raise InputError(f"there is a token called {name!r} already; choose another name, it stands beside every decision")
            connection.execute(token.insert().values(name=name, digest=_digest(secret), created=now, only_reads=only_reads))
        return secret

    def list(self) -> list[Token]:
        with reading(self._engine) as connection:
            return [_token(row) for row in connection.execute(sa.select(token).order_by(token.c.id))]

    def revoke(self, name: str, now: int) -> None:
        """Ends a token for good, and with it the webhooks that were made with it.

        Raises:
            NotFound: there is no valid token of that name.
        """
        with writing(self._engine) as connection:
            ended = token.update().where(token.c.name == name, token.c.revoked.is_(None)).values(revoked=now)
            if connection.execute(ended).rowcount == 0:
                raise NotFound(f"no valid token called {name!r}; see: healthwire token list")
            # What was made for whoever had it must not be kept.
            note_edited(connection)
            stopped = {"state": "stopped", "error": "its token was revoked", "claim": new_claim()}
            connection.execute(subscriber.update().where(subscriber.c.owner == name).values(stopped))

    def of_secret(self, secret: str) -> Token | None:
        """The valid token that this is."""
        return self._valid(token.c.digest == _digest(secret))

    def of_id(self, token_id: int) -> Token | None:
        """The token of that id, if it is still valid."""
        return self._valid(token.c.id == token_id)

    def _valid(self, this: sa.ColumnElement[bool]) -> Token | None:
        with reading(self._engine) as connection:
            row = connection.execute(sa.select(token).where(this, token.c.revoked.is_(None))).first()
        return _token(row) if row else None


def _token(row: Any) -> Token:
    return Token(row.id, row.name, row.created, row.revoked, row.only_reads)


def _digest(secret: str) -> str:
    # A token is 256 random bits, so a plain hash cannot be reversed by guessing.
    return hashlib.sha256(secret.encode()).hexdigest()
