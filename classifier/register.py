"""Every model that was ever made, in one folder, and which of them is in use.

Model 3 lies in ``0003.model``, what is known of it in ``0003.json``. ``in-use.json`` names the model in use and those before
it. A model's file is believed only if its hash is the one that was written down when it was made.
"""

import fcntl
import hashlib
import json
import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from classifier.errors import ClassifierError
from classifier.files import read_bytes, read_json, write_whole
from classifier.model import Model
from classifier.storage import from_bytes, maker, to_bytes

IN_USE = "in-use.json"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Entry:
    """What is known of a model.

    ``made`` is UTC epoch seconds; ``made_by`` are the hash of the code and the versions of the libraries, ``made_from`` the
    hash of the seeds, how many labelled stories and corrections there were and the last correction's number (``through``).
    ``metrics`` are those of ``evaluate`` on stories held out in turn. ``refused`` says why it was not put to use, if so.
    """

    number: int
    version: str
    made: int
    made_by: Mapping[str, str]
    made_from: Mapping[str, Any]
    topics: tuple[str, ...]
    thresholds: Mapping[str, float]
    metrics: Mapping[str, Any]
    sha256: str
    refused: tuple[str, ...] = ()


@dataclass(frozen=True)
class InUse:
    """The number of the model in use and of those before it, oldest first. ``pinned``: a person chose it, so that no model
    replaces it unless a person says so."""

    number: int
    before: tuple[int, ...] = ()
    pinned: bool = False


class Register:
    """The models in a folder, which is made when the first one is added."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def entries(self) -> list[Entry]:
        """All models, oldest first; one whose entry is damaged is left out, and said so in the log."""
        found = []
        for number in self._numbers():
            try:
                found.append(self.entry(number))
            except ClassifierError as error:
                _log.warning("%s", error)
        return found

    def entry(self, number: int) -> Entry:
        """What is known of a model. Raises ClassifierError if there is no such model or its entry is damaged."""
        path = self._path(number, "json")
        if not path.is_file():
            raise ClassifierError(f"there is no model {number}; see: healthwire model list")
        content = read_json(path)
        try:
            return Entry(**(content | {name: tuple(content[name]) for name in ("topics", "refused")}))
        except (KeyError, TypeError) as error:
            raise ClassifierError(f"{path} is damaged; delete it and {path.stem}.model, and train again") from error

    def in_use(self) -> InUse | None:
        """Which model is in use; None before the first. Raises ClassifierError if the note of it is damaged."""
        path = self._folder / IN_USE
        if not path.is_file():
            return None
        content = read_json(path)
        try:
            return InUse(int(content["number"]), tuple(content["before"]), bool(content["pinned"]))
        except (KeyError, TypeError, ValueError) as error:
            raise ClassifierError(f"{path} is damaged; choose a model with: healthwire model use N") from error

    def stamp(self) -> tuple[int, int] | None:
        """Changes whenever another model is put to use; cheap to ask."""
        try:
            stat = (self._folder / IN_USE).stat()
        except OSError:
            return None
        return stat.st_mtime_ns, stat.st_ino

    def add(self, model: Model, made: int, made_from: Mapping[str, Any], refused: tuple[str, ...] = ()) -> Entry:
        """Keep a model under the next number. Raises ClassifierError if the folder cannot be written."""
        self._make_folder()
        number = max(self._numbers(), default=0) + 1
        content = to_bytes(model)
        entry = Entry(
            number,
            model.version,
            made,
            maker(),
            made_from,
            tuple(topic.name for topic in model.topics),
            model.thresholds,
            model.metrics,
            hashlib.sha256(content).hexdigest(),
            refused,
        )
        # The entry last: a model without one is never looked at, should we be killed in between.
        write_whole(self._path(number, "model"), content)
        write_whole(self._path(number, "json"), json.dumps(asdict(entry), indent=1).encode())
        return entry

    def load(self, number: int) -> Model:
        """The model of that number.

        Raises ClassifierError if there is none, its file is not the one that was written, or another version made it.
        """
        entry, path = self.entry(number), self._path(number, "model")
        content = read_bytes(path)
        if hashlib.sha256(content).hexdigest() != entry.sha256:
            raise ClassifierError(f"{path} is not the file that was written when model {number} was made; it is not used")
        return from_bytes(content, str(path))

    def use(self, number: int, *, pinned: bool = False) -> None:
        """Put a model to use. Raises ClassifierError if it cannot be loaded."""
        self.load(number)
        try:
            current = self.in_use()
        except ClassifierError:
            current = None
        before = current.before if current else ()
        if current and current.number != number:
            before = (*before, current.number)
        self._make_folder()
        write_whole(self._folder / IN_USE, json.dumps(asdict(InUse(number, before, pinned))).encode())

    def former(self) -> int:
        """The model that was in use before the present one. Raises ClassifierError if there was none."""
        current = self.in_use()
        others = [number for number in current.before if number != current.number] if current else []
        if not others:
            raise ClassifierError("no other model was in use before this one; see: healthwire model list")
        return others[-1]

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keeps other processes from making models in this folder at the same time; waits for one that does."""
        self._make_folder()
        with (self._folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _numbers(self) -> list[int]:
        return sorted(int(path.stem) for path in self._folder.glob("*.json") if re.fullmatch(r"\d{4,9}", path.stem))

    def _path(self, number: int, suffix: str) -> Path:
        return self._folder / f"{number:04}.{suffix}"

    def _make_folder(self) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ClassifierError(f"cannot make {self._folder}: {error.strerror}; check the folder and its permissions") from error
