"""Labelled stories: what the model learns from and is measured on."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from classifier.errors import ClassifierError
from classifier.files import read_text


@dataclass(frozen=True)
class Example:
    """A story with the topics that a person gave it (possibly none).

    ``decided`` is None when the person thought of every topic; a correction names those that it decides on.
    """

    title: str
    text: str
    topics: frozenset[str]
    id: str = ""
    decided: frozenset[str] | None = None


def load_examples(path: Path, topic_names: Collection[str], *, drop_others: bool = False) -> list[Example]:
    """Read labelled stories, one JSON object a line with title, text and topics; other keys are ignored.

    ``drop_others`` leaves out labels of topics that are not named, e.g. of one that was given up. Raises ClassifierError
    that names every faulty line with its number, if there is one, or if there are no rows.
    """
    examples: list[Example] = []
    faults: list[str] = []
    for number, line in enumerate(read_text(path).split("\n"), 1):
        if line.strip():
            try:
                examples.append(_example(json.loads(line), topic_names, drop_others=drop_others))
            except ValueError as error:
                what = "not valid JSON" if isinstance(error, json.JSONDecodeError) else error
                faults.append(f"line {number}: {what}")
    if faults:
        raise ClassifierError(f"{path}: " + "; ".join(faults))
    if not examples:
        raise ClassifierError(f"{path} holds no labelled stories; add rows with title, text and topics")
    return examples


def _example(row: Any, topic_names: Collection[str], *, drop_others: bool) -> Example:
    if not isinstance(row, dict):
        raise ValueError("not a JSON object")
    missing = [key for key in ("title", "text", "topics") if key not in row]
    if missing:
        raise ValueError("lacks " + ", ".join(missing))
    title, text, topics = row["title"], row["text"], row["topics"]
    if not isinstance(title, str) or not isinstance(text, str):
        raise ValueError("title and text must be strings")
    if not isinstance(topics, list) or not all(isinstance(topic, str) for topic in topics):
        raise ValueError("topics must be a list of names")
    unknown = sorted(set(topics) - set(topic_names))
    if unknown and not drop_others:
        raise ValueError("unknown topic " + ", ".join(unknown))
    return Example(title, text, frozenset(topics) & frozenset(topic_names), str(row.get("id", "")))
