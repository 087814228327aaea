"""Reading the data files that people write."""

import tomllib
from pathlib import Path
from typing import Any

from classifier.errors import ClassifierError


def read_text(path: Path) -> str:
    """The UTF-8 text of ``path``. Raises ClassifierError if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ClassifierError(f"cannot read {path}: {error.strerror}; check the path and its permissions") from error
    except UnicodeDecodeError as error:
        raise ClassifierError(f"{path} is not UTF-8 text (byte {error.start}); save it as UTF-8") from error


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of the TOML file ``path``. Raises ClassifierError if it cannot be read or is no TOML."""
    try:
        return tomllib.loads(read_text(path))
    except tomllib.TOMLDecodeError as error:
        raise ClassifierError(f"{path} is not valid TOML: {error}; mend that line") from error
