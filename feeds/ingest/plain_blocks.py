"""Plain text as blocks: hard wraps undone, headings that are drawn, bullets, rules and tables seen."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import replace

from feeds.ingest.blocks import COUNT, EMOJI, MARKER, Block, Kind, Link, ends_sentence
from feeds.ingest.links import detracked
from feeds.text import plain_line, scrub, web_url

_RULE = re.compile(r"^\s*(?:[-=_*~#.+\u2013\u2014\u2015\u2022\u2500-\u257f]\s*){3,}$")
_RULED_LABEL = re.compile(r"^\s*[-=_*~#\u2500-\u257f]{2,}\s*(\S.*?\S)\s*[-=_*~#\u2500-\u257f]{2,}\s*$")
_URL = re.compile(r"<?\bhttps?://[^\s<>\"')\]]+[^\s<>\"')\].,;:!?]>?")


def text_blocks(text: str) -> list[Block]:
    """The blocks of a plain-text document; hard-wrapped lines are joined, other line ends are kept.

    Links that go through click trackers that can be seen through are written as those that they lead to.
    """
    lines = scrub(text.replace("\r\n", "\n").replace("\r", "\n")).expandtabs(4).split("\n")
    lines = unquoted([_BOX.sub(r"\1", line).rstrip() for line in lines])
    paragraphs = list(_paragraphs(lines))
    width = _wrap_width(paragraphs)
    blocks: list[Block] = []
    for paragraph in paragraphs:
        tight = False
        for line in _joined(paragraph, width):
            block = _line_block(line, tight)
            boxed = tight and len(blocks) > 1 and blocks[-2].kind == "rule" and blocks[-1].tight
            if tight and block.kind == "rule" and (_underlines(line, blocks[-1]) or (boxed and blocks[-1].kind in ("text", "item"))):
                blocks[-1] = replace(blocks[-1], kind="heading", level=2 if line.strip()[0] == "=" else 3)
            else:
                blocks.append(block)
            tight = True
    return blocks


def unquoted(lines: list[str]) -> list[str]:
    """A mail that was forwarded with ``> `` before its lines, without them."""
    full = [line for line in lines if line.strip()]
    if sum(line.startswith(">") for line in full) * 2 <= len(full):
        return lines
    return [re.sub(r"^> ?", "", line) for line in lines]


def _underlines(rule: str, above: Block) -> bool:
    """Whether a rule is drawn under the words right above it, which makes them a heading, and not across the page."""
    if above.marker == "**":
        # How a well-known mail suite writes headings in its plain-text parts.
        return True
    return above.kind in ("text", "item") and not above.links and 3 <= len(rule.strip()) <= len(above.text) * 1.4 + 4


def _paragraphs(lines: list[str]) -> Iterator[list[str]]:
    paragraph: list[str] = []
    for line in [*lines, ""]:
        if line.strip("\u00a0\u200b \u200c\ufeff"):
            paragraph.append(line)
        elif paragraph:
            yield paragraph
            paragraph = []


_BOX = re.compile(r"^\s*[|\u2502\u2551](.*)[|\u2502\u2551]\s*$")
_COLUMNS = re.compile(r"\S {2,}\S.*?\S {2,}\S")


_UNWRAPPED = 10**9


def _wrap_width(paragraphs: list[list[str]]) -> int:
    """The column at which the document was hard-wrapped, or a figure beyond every line when it was not."""
    lines = [line for paragraph in paragraphs for line in paragraph]
    long_words = sum(len(line.split()) for line in lines if len(line) > 100)
    inner = [
        len(line) for paragraph in paragraphs for line in paragraph[:-1] if len(line) <= 100 and not _is_rule(line) and not _is_url(line)
    ]
    if not inner or long_words * 5 > sum(len(line.split()) for line in lines):
        return _UNWRAPPED
    return max(inner)


def _joined(paragraph: list[str], width: int) -> list[str]:
    """The paragraph's lines with hard wraps undone."""
    # In pieces, as adding to a long line again and again takes time that grows with the square of its length.
    lines: list[list[str]] = [[paragraph[0]]]
    last = paragraph[0]
    if len(paragraph) >= 4 and width <= 100:
        width = min(width, max(map(len, paragraph)))
    for line in paragraph[1:]:
        word = line.split(maxsplit=1)[0]
        speech = line.strip()[0] in "\"'\u2018\u201c" and ends_sentence(last)
        starts_anew = (
            speech or _is_rule(line) or _is_rule(last) or _starts_item(line) or _is_url(line) or _is_columns(line) or _is_columns(last)
        )
        wrapped = len(last) + 1 + len(word) > width
        runs_on = line.strip()[:1].islower() and not re.search(r"[.!?:]['\"\u2019\u201d)]*$", last)
        if not starts_anew and (wrapped or runs_on) and not _is_url(last):
            lines[-1].append(line.strip())
        else:
            lines.append([line])
        last = line
    return [" ".join(pieces) for pieces in lines]


def _starts_item(line: str) -> bool:
    return bool(MARKER.match(line.strip()) or EMOJI.match(line.strip()))


def _is_columns(line: str) -> bool:
    """Whether the line is a row of a table that is set with spaces."""
    return bool(_COLUMNS.search(line.strip())) and bool(re.search(r"\d", line))


def _is_rule(line: str) -> bool:
    return bool(_RULE.match(line))


def _is_url(line: str) -> bool:
    return bool(_URL.fullmatch(line.strip()))


# No heading, bullet or rule is longer; looking for their patterns in more would take time that a hostile text could choose.
_LONGEST_PATTERN = 2000


def _line_block(line: str, tight: bool) -> Block:
    line = _URL.sub(_without_trackers, line)
    if len(line) > _LONGEST_PATTERN:
        return Block("text", plain_line(line), _linkified(plain_line(line)), tight=tight)
    if _is_rule(line):
        return Block("rule", "", tight=tight)
    if _is_columns(line):
        content = re.sub(r" {2,}", " ", line.strip())
        return Block("table", plain_line(content), f"<p>{html.escape(plain_line(content), quote=False)}</p>", tight=tight)
    ruled = _RULED_LABEL.match(line)
    content = plain_line(ruled[1] if ruled else line)
    quoted = content.startswith(">")
    content = content.removeprefix(">").strip() if quoted else content
    found = MARKER.match(content) or EMOJI.match(content) or (COUNT.match(content) if re.match(r"\s*\d{1,2}  ", line) else None)
    marker = found[0].strip() if found else ""
    body = content[found.end() :].strip() if found else content
    # Mail programs write a linked heading as "Heading <address>".
    linked = re.fullmatch(r"(.*\S)\s*(?:<(https?://[^\s<>]+)>|\((https?://[^\s()]+)\))", body)
    if linked and not linked[1].endswith((".", ":")):
        body = linked[1]
        links: tuple[Link, ...] = (Link(linked[2] or linked[3], body),)
    else:
        links = tuple(Link(url.strip("<>"), "") for url in _URL.findall(body) if web_url(url.strip("<>")))
    kind: Kind = "item" if marker else "text"
    if not re.search(r"\w", body):
        return Block("rule", "", tight=tight)
    if marker.startswith("#"):
        body = body.rstrip("# ")
        return Block("heading", body, html.escape(body, quote=False), level=len(marker), links=links, tight=tight)
    bold = bool(ruled) or bool(re.fullmatch(r"([*_]{1,2})\S.*\S\1", body))
    return Block(kind, body, _linkified(body), marker=marker, links=links, tight=tight, quoted=quoted, bold=bold)


def _without_trackers(link: re.Match[str]) -> str:
    url = link[0].strip("<>")
    return link[0].replace(url, detracked(url))


def _linkified(text: str) -> str:
    def anchor(match: re.Match[str]) -> str:
        url = match[0].strip("<>")
        return f'<a href="{html.escape(url)}">{html.escape(url, quote=False)}</a>'

    out, end = "", 0
    for match in _URL.finditer(text):
        out += html.escape(text[end : match.start()], quote=False) + anchor(match)
        end = match.end()
    return out + html.escape(text[end:], quote=False)
