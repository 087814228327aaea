"""Reading the data files that people write, and writing files whole."""

import json
import os
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from classifier.errors import ClassifierError


def read_bytes(path: Path) -> bytes:
    """The content of ``path``. Raises ClassifierError if it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise ClassifierError(f"cannot read {path}: {error.strerror}; check the path and its permissions") from error


def read_text(path: Path) -> str:
    """The UTF-8 text of ``path``. Raises ClassifierError if it cannot be read."""
    try:
        return read_bytes(path).decode("utf-8")
    except UnicodeDecodeError as error:
        raise ClassifierError(f"{path} is not UTF-8 text (byte {error.start}); save it as UTF-8") from error


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of the TOML file ``path``. Raises ClassifierError if it cannot be read or is no TOML."""
    try:
        return tomllib.loads(read_text(path))
    except tomllib.TOMLDecodeError as error:
        raise ClassifierError(f"{path} is not valid TOML: {error}; mend that line") from error


def read_json(path: Path) -> Any:
    """What the JSON file ``path`` holds. Raises ClassifierError if it cannot be read or is no JSON."""
    try:
        return json.loads(read_text(path))
    except ValueError as error:
        raise ClassifierError(f"{path} is not valid JSON: {error}") from error


def write_whole(path: Path, content: bytes) -> None:
    """Write ``path`` whole or, if that fails, not at all. Raises ClassifierError if it cannot."""
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink()
            raise
    except OSError as error:
        raise ClassifierError(f"cannot write {path}: {error.strerror}; check the folder and its permissions") from error
