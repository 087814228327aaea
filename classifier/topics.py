"""The topics that stories are sorted into."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from classifier.errors import ClassifierError
from classifier.files import read_toml

NAME = re.compile(r"[a-z][a-z0-9-]*")
RESERVED = frozenset({"all", "untagged"})


@dataclass(frozen=True)
class Topic:
    """A topic: ``name`` in addresses and data, ``title`` and ``meaning`` for people."""

    name: str
    title: str
    meaning: str


def load_topics(path: Path) -> tuple[Topic, ...]:
    """Read the ``[[topic]]`` tables of a TOML file, in their order.

    Raises ClassifierError, naming every fault, if the file is unreadable, holds no topic, or a topic lacks a text,
    has a name that cannot stand in an address, a reserved name (all, untagged) or the name of another topic.
    """
    tables = read_toml(path).get("topic")
    if not isinstance(tables, list) or not tables:
        raise ClassifierError(f"{path} holds no [[topic]] table; add one with name, title and meaning")
    faults = [fault for number, table in enumerate(tables, 1) for fault in _faults(number, table)]
    names = [str(table.get("name")) for table in tables if isinstance(table, dict)]
    faults += [f"the name {name!r} is given twice" for name in sorted(set(names)) if names.count(name) > 1]
    if faults:
        raise ClassifierError(f"{path}: " + "; ".join(faults))
    return tuple(Topic(table["name"], table["title"], " ".join(table["meaning"].split())) for table in tables)


def _faults(number: int, table: Mapping[str, Any] | Any) -> Iterator[str]:
    if not isinstance(table, dict):
        yield f"topic {number} must be a table with name, title and meaning"
        return
    for key in ("name", "title", "meaning"):
        if not isinstance(table.get(key), str) or not table[key].strip():
            yield f"topic {number} needs a {key}"
    name = table.get("name")
    if isinstance(name, str) and name in RESERVED:
        yield f"the name {name!r} is reserved, choose another"
    elif isinstance(name, str) and name and not NAME.fullmatch(name):
        yield f"the name {name!r} must be small letters, digits and hyphens, starting with a letter"
