"""Letters that somebody forwarded in the text of a mail: the letter itself, and what the mail says of who sent it when."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from lxml import etree

from feeds.ingest.html_blocks import BREAKING, tree_of
from feeds.ingest.plain_blocks import unquoted
from feeds.text import plain_line

_ANSWERS = re.compile(r"\s*(?:re|aw|sv)\s*:", re.I)
_SUBJECT = re.compile(r"\s*(?:\[[^\[\]]{1,60}\]\s*)?(?:fwd?|tr|wg)\s*:", re.I)
_MARKER = re.compile(r"[-\u2013\u2014_=\s]*(?:begin )?forwarded message[-\u2013\u2014_=:\s]*", re.I)
_ORIGINAL = re.compile(r"[-\u2013\u2014_=\s]*original message[-\u2013\u2014_=:\s]*", re.I)
_HEADER = re.compile(r"(from|date|sent|subject|to|cc|bcc|reply-to|importance|organi[sz]ation)\s*:[*_\s]*(.*)", re.I)
_ADDRESSES = re.compile(r"[^<>\s]{0,100}<?[^<>\s@]+@[^<>\s@]+>?[,;]?")
_ATTRIBUTION = re.compile(
    r"On ([^<>]{4,60}?\d{1,2}[:.]\d\d(?:[:.]\d\d)?(?:\s?[AaPp]\.?[Mm]\.?)?(?: [A-Z]{2,5}| [+-]\d{4})?)"
    r"[,;]?\s+([^<>]{0,120}<[^<>\s@]+@[^<>\s@]+>)\s+wrote:"
)
# No line of a block is longer, nor has it more lines.
_LONGEST_LINE = 1000
_LONGEST_BLOCK = 60
# Longer than any newsletter; looking for the block in more would take time that a hostile mail could choose.
_LONGEST_MAIL = 2_000_000
# A mail that does not call itself forwarded, and says more than this before the mark, tells of a mail in a text of its own.
_LONGEST_INTRODUCTION = 100
# What people put above a letter that they forward; more than this is kept.
_LONGEST_NOTE = 50


@dataclass(frozen=True, slots=True)
class Forwarded:
    """A letter taken out of the mail that brought it. ``sender`` and ``date`` are as written there, and so is the ``subject``."""

    text: str
    sender: str
    date: str
    subject: str


def unwrapped(text: str, subject: str, *, is_html: bool) -> Forwarded | None:
    """The letter in the text of a mail with this subject; None if neither marks it as forwarded, or the mail is an answer.

    The block of headers goes, and a short note above it; everything else is kept.
    """
    if len(text) > _LONGEST_MAIL or _ANSWERS.match(subject):
        return None
    marked = bool(_SUBJECT.match(subject))
    return _from_html(text, marked) if is_html else _from_plain(text, marked)


@dataclass(frozen=True, slots=True)
class _Block:
    """The lines from ``first`` to before ``end`` that tell of the forwarded mail, and what they say by lower-case name."""

    first: int
    end: int
    headers: dict[str, str]

    def letter(self, text: str) -> Forwarded:
        date = self.headers.get("date") or self.headers.get("sent", "")
        return Forwarded(text, self.headers["from"], date, self.headers.get("subject", ""))


def _find(lines: Sequence[str], marked: bool) -> _Block | None:
    """The first block that tells of a forwarded mail."""
    words = 0
    for at, line in enumerate(lines):
        bare = _bare(line)
        if _MARKER.fullmatch(bare):
            block = _block(lines, at, at + 1)
            if block and (marked or words <= _LONGEST_INTRODUCTION):
                return block
        elif marked and _ORIGINAL.fullmatch(bare):
            if block := _block(lines, at, at + 1):
                return block
        elif marked and bare[:5].lower() == "from:":
            block = _block(lines, at, at)
            if block and "subject" in block.headers and block.headers.keys() & {"date", "sent"}:
                return block
        elif marked and words <= _LONGEST_INTRODUCTION and bare.startswith("On ") and (block := _attribution(lines, at)):
            return block
        words += len(line.split())
    return None


def _block(lines: Sequence[str], first: int, start: int) -> _Block | None:
    """The headers that begin at ``start``, if they tell a sender and more."""
    found: dict[str, str] = {}
    name, end, blanks = "", start, 0
    for at in range(start, min(len(lines), start + _LONGEST_BLOCK)):
        bare = _bare(lines[at])
        header = _HEADER.fullmatch(bare)
        if not bare:
            blanks += 1
            if blanks > 3 or ("from" in found and "subject" in found and found.keys() & {"date", "sent"}):
                break
            continue
        if header and header[1].lower() not in found:
            name = header[1].lower()
            found[name] = plain_line(header[2])
        elif found and not blanks and not header and _goes_on(found, lines, at):
            found[name] = plain_line(f"{found[name]} {bare}")
        else:
            break
        end, blanks = at + 1, 0
    return _Block(first, end, found) if found.get("from") and found.keys() & {"date", "sent", "subject"} else None


def _goes_on(found: dict[str, str], lines: Sequence[str], at: int) -> bool:
    """Whether a line belongs to the header before it: addresses that follow a comma, or more of it with other headers after."""
    after = [header[1].lower() for line in lines[at + 1 : at + 3] if (header := _HEADER.fullmatch(_bare(line)))]
    return _bare(lines[at - 1]).endswith((",", ";")) or bool(_ADDRESSES.fullmatch(_bare(lines[at]))) or bool(set(after) - found.keys())


def _attribution(lines: Sequence[str], at: int) -> _Block | None:
    """The line, perhaps wrapped, by which a mail program introduces what it quotes."""
    for end in (at + 1, at + 2):
        found = _ATTRIBUTION.fullmatch(" ".join(map(_bare, lines[at:end]))[:_LONGEST_LINE])
        if found:
            return _Block(at, end, {"from": plain_line(found[2]), "date": found[1]})
    return None


def _bare(line: str) -> str:
    """The line without marks of quotation and of bold print around it."""
    return line[:_LONGEST_LINE].lstrip(" \t\u00a0>*_").rstrip(" \t\r\u00a0*_")


def _is_note(lines: Sequence[str]) -> bool:
    return sum(len(line.split()) for line in lines) <= _LONGEST_NOTE


def _from_plain(text: str, marked: bool) -> Forwarded | None:
    lines = text.replace("\r\n", "\n").split("\n")
    block = _find(lines, marked)
    if block is None:
        return None
    above = [] if _is_note(lines[: block.first]) else lines[: block.first]
    return block.letter("\n".join([*above, *unquoted(lines[block.end :])]))


@dataclass
class _Line:
    """One line that HTML shows, with the places in its tree where its words stand."""

    pieces: list[str] = field(default_factory=list)
    places: list[tuple[etree._Element, str]] = field(default_factory=list)
    pictures: list[etree._Element] = field(default_factory=list)


_NEW_LINE = (BREAKING | {"br"}) - {"td", "th"}
_UNSEEN = ("script", "style", "head", "title")


def _from_html(markup: str, marked: bool) -> Forwarded | None:
    if not marked and not re.search(r"forwarded.{1,40}?message", markup, re.I | re.S):
        return None
    tree = tree_of(markup)
    lines = _lines(tree)
    words = ["".join(line.pieces) for line in lines]
    block = _find(words, marked)
    if block is None:
        return None
    going = lines[0 if _is_note(words[: block.first]) else block.first : block.end]
    quotations = _quotations(lines[block.first : block.end]) or _quotations(lines[block.end : block.end + 1])
    # Taken out word by word, so that the letter stays in the shape that it has.
    for element, kind in (place for line in going for place in line.places):
        setattr(element, kind, "")
    for picture in (picture for line in going for picture in line.pictures):
        picture.drop_tree()
    # Some programs set the block as a table, which would be left empty.
    table = next(going[-1].places[-1][0].iterancestors("table"), None)
    if table is not None and table.find(".//img") is None and not any(words.strip() for words in table.itertext()):
        table.drop_tree()
    for quotation in quotations:
        quotation.tag = "div"
    return block.letter(etree.tostring(tree, encoding="unicode", method="html"))


def _quotations(lines: Sequence[_Line]) -> list[etree._Element]:
    """The elements of quotation in which these lines stand."""
    around: set[etree._Element] = set()
    for element, kind in (place for line in lines for place in line.places):
        holder = element if kind == "text" else element.getparent()
        while holder is not None and holder not in around:
            around.add(holder)
            holder = holder.getparent()
    return [element for element in around if element.tag == "blockquote"]


def _lines(tree: etree._Element) -> list[_Line]:
    lines = [_Line()]
    hidden: etree._Element | None = None

    def add(element: etree._Element, kind: str) -> None:
        if words := getattr(element, kind):
            lines[-1].pieces.append(re.sub(r"\s+", " ", words))
            lines[-1].places.append((element, kind))

    for event, element in etree.iterwalk(tree, events=("start", "end", "comment", "pi")):
        if hidden is not None:
            if event == "end" and element is hidden:
                hidden = None
                add(element, "tail")
        elif event in ("comment", "pi"):
            add(element, "tail")
        elif event == "start":
            if element.tag in _UNSEEN:
                hidden = element
                continue
            if element.tag in _NEW_LINE:
                lines.append(_Line())
            elif element.tag in ("td", "th"):
                lines[-1].pieces.append(" ")
            if element.tag in ("img", "hr"):
                lines[-1].pictures.append(element)
            add(element, "text")
        else:
            if element.tag in _NEW_LINE and element.tag != "br":
                lines.append(_Line())
            add(element, "tail")
    return [line for line in lines if line.pictures or "".join(line.pieces).strip()]
