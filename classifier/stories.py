"""Stories to be classified, as people hand them in."""

import json
from collections.abc import Iterator

from classifier.errors import ClassifierError


def stories_in(text: str, name: str) -> Iterator[tuple[str, str]]:
    """The (title, text) of each story: one whose title is its first line, or JSON lines with ``title`` and ``text``.

    Raises ClassifierError that names ``name`` and the line if a JSON line cannot be used.
    """
    if not text.lstrip().startswith("{"):
        title, _, rest = text.strip().partition("\n")
        yield title.strip(), rest.strip()
        return
    # Not splitlines(): JSON may hold U+2028 and its like as they are.
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield _story(line, f"{name}, line {number}")


def _story(line: str, place: str) -> tuple[str, str]:
    try:
        row = json.loads(line)
        title, text = row.get("title", ""), row.get("text", "")
    except (ValueError, AttributeError) as error:
        raise ClassifierError(f"{place}: not a JSON object with title and text") from error
    if not isinstance(title, str) or not isinstance(text, str):
        raise ClassifierError(f"{place}: title and text must be strings")
    return title, text
