"""One line or paragraph of a document with what the eye sees of it, whatever format it came in.

Splitting needs to know what a reader sees (a bold line, a bullet, a blank line before it), not how it was marked up.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["text", "heading", "item", "rule", "image", "table"]


@dataclass(frozen=True, slots=True)
class Link:
    url: str
    text: str


@dataclass(frozen=True, slots=True)
class Block:
    """One line or paragraph.

    ``level`` is 1-6 for an explicit heading. ``lead`` is how the block begins when its beginning alone is bold or linked.
    ``tight`` means that no blank line or element boundary parts it from the block before.
    """

    kind: Kind
    text: str
    html: str = ""
    level: int = 0
    marker: str = ""
    links: tuple[Link, ...] = ()
    lead: str = ""
    bold: bool = False
    linked: bool = False
    size: int = 0
    tight: bool = False
    quoted: bool = False
    # Counted once, as every step asks for it.
    words: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "words", len(self.text.split()))


BULLETS = "•‣◦▪▸►▶➤→●○■□·✦✔➢⁃∙"
_MARKERS = (
    r"\*\*(?=\s)",
    rf"[{BULLETS}*+]",
    r"[-\u2013\u2014](?=\s)",
    r"->|=>|>>",
    r"#{1,6}",
    r"\(?\d{1,3}[.)](?!\d)",
    r"o(?=\s+[A-Za-z])",
    r"(?:Agenda )?[Ii]tem \d{1,3}[.:]",
    r"\([a-z]{1,4}\)|[a-z]\)",
)
MARKER = re.compile(rf"^(?:({'|'.join(_MARKERS)})\s*)(?=\S)")
COUNT = re.compile(r"^\d{1,2} (?=\S)")
EMOJI = re.compile("^(?:[\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff][\ufe0f\u200d]*)+(?:[\u2640\u2642]\ufe0f?)?\\s*")


def ends_sentence(text: str) -> bool:
    """Whether the text closes as a sentence does, quotation marks and brackets apart."""
    return bool(re.search(r"[.!?\u2026]['\"\u2019\u201d)\]]*$", text))
