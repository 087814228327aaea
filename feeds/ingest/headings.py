"""Which lines of a document may be headings, and how strong each looks.

Ranks run from 1 (strongest). Explicit levels take 1-6; the others follow in the order in which readers see them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, zip_longest

from feeds.ingest.blocks import Block, ends_sentence
from feeds.ingest.run_in import headline_and_rest

BIG, CAPS, BOLD, NUMBERED, MARKED, LEAD, LINKED, PLAIN, SENTENCE = range(7, 16)
HEADING_WORDS = 18
_HEADING_CHARS = 130


@dataclass(frozen=True, slots=True)
class Line:
    """A block with the part it plays: ``rank`` > 0 for a heading candidate, ``more`` for a line that only links on."""

    block: Block
    rank: int = 0
    more: bool = False


def with_following(lines: Sequence[Line]) -> Iterator[tuple[Line, Line | None]]:
    """Each line with the one after it; the last with None."""
    return zip_longest(lines, lines[1:])


def ranked(lines: Sequence[Line]) -> list[Line]:
    """Gives each line that may be a heading its rank."""
    usual = Counter(line.block.size for line in lines for _ in range(line.block.words)).most_common(1)
    size = usual[0][0] if usual else 0
    ranked = [line if line.more else replace(line, rank=_look(line.block, size)) for line in lines]
    ranked = _with_list_items_settled(ranked)
    ranked = _with_numbers_above_the_rest(ranked)
    settled = [
        replace(line, rank=0) if line.rank == PLAIN and not line.block.links and not _introduces(ranked, index) else line
        for index, line in enumerate(ranked)
    ]
    return _with_sentence_headings(settled)


def _with_numbers_above_the_rest(lines: Sequence[Line]) -> list[Line]:
    """Where headings of one look are numbered and others not, those without a number stand inside a story."""
    numbered = Counter(line.rank for line in lines if line.rank and re.match(r"\d", line.block.marker))
    return [
        replace(line, rank=PLAIN) if line.rank < PLAIN and numbered[line.rank] >= 3 and not re.match(r"\d", line.block.marker) else line
        for line in lines
    ]


def _look(block: Block, usual_size: int) -> int:
    """The rank that the look of a block alone suggests; 0 for prose."""
    if block.kind == "heading":
        return block.level if block.words <= 40 else 0
    if block.kind not in ("text", "item") or not could_head(block):
        return LEAD if block.lead and _is_run_in(block) else 0
    if block.kind == "item" and not block.marker.startswith("#"):
        emphasised = block.bold or block.linked
        if _is_emoji(block.marker):
            return MARKED
        return (BOLD if block.bold else LINKED) if emphasised else NUMBERED if re.search(r"\w", block.marker) else MARKED
    if block.size >= (usual_size or 14) * 1.2:
        return BIG
    if is_capitals(block.text):
        return CAPS
    if block.bold:
        return BOLD
    if block.linked:
        return LINKED
    if block.lead and _is_run_in(block):
        return LEAD
    return PLAIN


def could_head(block: Block) -> bool:
    text = block.text.strip("*_ ")
    if not text or len(text) > _HEADING_CHARS or block.words > HEADING_WORDS or not re.search(r"[^\W\d_]", text):
        return False
    first = re.search(r"\w", text)
    if not first or (first[0].islower() and not re.match(r"i[A-Z]|e-", text[first.start() :])):
        return False
    strong = block.bold or block.linked or block.kind == "heading"
    return not re.search(r"[;,]$|(?<!\.)\.[\"'\u2019\u201d)]*$" if not strong else r"[;,]$", text) and not (
        text.endswith(":") and not strong
    )


def _is_run_in(block: Block) -> bool:
    """A bold or linked beginning that reads as a headline of its own."""
    rest = block.text[len(block.lead) :] if block.text.startswith(block.lead) else ""
    return (
        (1 if block.lead.endswith((":", ".", "?")) else 2) <= len(block.lead.split()) <= HEADING_WORDS
        and len(rest.split()) >= 3
        and bool(
            re.match(r"\s*[-\u2013\u2014:|.]|.*[.?!:]$", rest[:2] + "") or re.search(r"[.?!:]$", block.lead) or rest.lstrip()[:1].isupper()
        )
    )


def is_capitals(text: str) -> bool:
    letters = re.sub(r"[^A-Za-z]", "", re.sub(r"\b(?:NHS|CCG|ICB|STP|GP|BMA|RCN|CQC)s?\b", "", text))
    return len(letters) >= 4 and letters.isupper()


def _is_emoji(marker: str) -> bool:
    return bool(marker) and ord(marker[0]) >= 0x2600


def _with_list_items_settled(lines: Sequence[Line]) -> list[Line]:
    """Bullets and numbers mark headings only if prose follows most of them; else they are a list inside a story.

    Lines of one kind of which most read "Headline - text" or "Headline | paper | text" are items with run-in headlines.
    """
    heads: Counter[str] = Counter()
    leads: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for line, after in with_following(lines):
        kind = item_kind(line.block)
        total[kind] += 1
        heads[kind] += bool(line.rank and after and after.rank in (0, PLAIN) and not after.block.marker and after.block.text)
        leads[kind] += bool(headline_and_rest(line.block.text))
    settled = []
    for line in lines:
        kind = item_kind(line.block)
        if kind and leads[kind] >= 2 and leads[kind] * 3 >= total[kind] * 2 and heads[kind] * 2 < total[kind] and not line.block.lead:
            settled.append(replace(line, rank=LEAD if headline_and_rest(line.block.text) else 0))
        elif line.rank in (NUMBERED, MARKED) and line.block.kind == "item" and heads[kind] * 2 < total[kind]:
            settled.append(replace(line, rank=0))
        else:
            settled.append(line)
    return settled


def _with_sentence_headings(lines: Sequence[Line]) -> list[Line]:
    """Where nothing else heads the text, short sentences that stand alone above longer paragraphs do."""
    found = [
        index
        for index, (line, after) in enumerate(pairwise(lines))
        if line.rank == 0 and after.rank == 0 and after.block.words >= 14 and _is_sentence_heading(line.block)
    ]
    if len(found) < 3 or len(found) < sum(line.rank > 0 for line in lines):
        return list(lines)
    return [replace(line, rank=SENTENCE) if index in found else line for index, line in enumerate(lines)]


def _is_sentence_heading(block: Block) -> bool:
    alone = block.kind == "text" and not block.tight and not block.links and 3 <= block.words <= 16
    return alone and bool(re.fullmatch(r"[A-Z][^.!?\"\u201c\u2018]*\.", block.text))


def item_kind(block: Block) -> str:
    """Which lines belong to one list by their look; empty for ordinary prose."""
    marker = block.marker
    if block.kind == "item" and marker:
        return "1" if re.search(r"\d", marker) else "a" if re.search(r"\w", marker) else "e" if _is_emoji(marker) else marker
    return "|" if " | " in block.text and block.kind == "text" else ""


def _introduces(lines: Sequence[Line], index: int) -> bool:
    """Whether a plain short line is followed by prose, or by another heading that is."""
    for line in lines[index + 1 : index + 4]:
        if line.more:
            return index > 0 or not lines[index].block.tight
        if line.block.kind in ("image", "rule"):
            continue
        if line.rank == 0:
            return line.block.kind in ("item", "table") or (
                line.block.words >= 4 and (ends_sentence(line.block.text) or line.block.words >= 12 or line.block.text.endswith(":"))
            )
    return False
