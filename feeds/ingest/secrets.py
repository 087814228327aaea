"""Passwords of mailboxes, from a file that only the operator and this program read."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

from feeds.errors import FetchError

_SETTING = "HEALTHWIRE_SECRETS_FILE"


class Secrets:
    """A TOML file with lines ``"user@host" = "password"``. It is read at every question, so that a new line counts at once."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def __repr__(self) -> str:
        return f"Secrets({str(self._path)!r})"

    def password(self, account: str) -> str:
        """The password of ``user@host``.

        Raises:
            FetchError: there is none, or the file cannot be read; the message tells what to do and never shows a password.
        """
        line = f'{json.dumps(account, ensure_ascii=False)} = "PASSWORD"'
        if self._path is None:
            raise FetchError(f"there is no password for {account}: set {_SETTING} to a file with the line {line}")
        found = self._passwords(self._path).get(account)
        if found is None:
            raise FetchError(f"there is no password for {account}: add the line {line} to {self._path} ({_SETTING})")
        if not isinstance(found, str) or not found or re.search(r"[\0\r\n]", found):
            raise FetchError(f"the password for {account} in {self._path} ({_SETTING}) must be one line in quotation marks")
        return found

    @staticmethod
    def _passwords(path: Path) -> dict[str, object]:
        # Errors are raised outside of the handlers, as those that are caught may hold pieces of the file.
        mistake = ""
        try:
            return tomllib.loads(path.read_text("utf-8"))
        except OSError as error:
            mistake = f"cannot be read: {(error.strerror or '').lower()}"
        except UnicodeDecodeError:
            mistake = "is not written in UTF-8"
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            place = re.search(r"\(at (line \d+|end of document)", str(error))
            mistake = f"is no valid TOML at {place[1] if place else 'some line'}: its lines must look like " + '"USER@HOST" = "PASSWORD"'
        raise FetchError(f"the file {path} ({_SETTING}) {mistake}")
