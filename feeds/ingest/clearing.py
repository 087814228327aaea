"""Takes away what is no news: forwarding headers, boilerplate, adverts, jobs, contents lists, small print."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from feeds.ingest import boilerplate
from feeds.ingest.blocks import Block, ends_sentence
from feeds.ingest.headings import BOLD, HEADING_WORDS, PLAIN, Line, could_head, ranked, with_following


@dataclass(frozen=True, slots=True)
class Signs:
    """What was seen while clearing away what is no news."""

    mailing: bool = False
    contents: bool = False


def cleared(blocks: Sequence[Block]) -> tuple[list[Line], Signs]:
    """The lines that may be news, with ranks, and what was seen of a newsletter's dress on the way."""
    blocks = _unforwarded(blocks)
    mailing = any(boilerplate.is_mailing(block) and not boilerplate.is_login(block) for block in blocks)
    kept = [block for block in _without_head(_without_tail(blocks)) if not _is_dress(block)]
    lines = ranked(_without_announcements([_without_more(block) for block in kept]))
    lines, contents = _without_contents(_without_side_sections(lines))
    return lines, Signs(mailing, contents)


def _unforwarded(blocks: Sequence[Block]) -> Sequence[Block]:
    """What follows the last header block of a mail that was forwarded in the text; all blocks when there is none."""
    for start in range(len(blocks) - 1, -1, -1):
        block = blocks[start]
        if re.match(r"\W*From:\W", block.text):
            header = list(
                takewhile(lambda item: re.match(r"\W*(?:From|Sent|Date|To|Cc|Bcc|Subject|Reply-To|Importance):", item.text), blocks[start:])
            )
            if len(header) == 1 and len(re.findall(r"\b(?:From|Sent|Date|To|Subject):", block.text)) >= 3:
                return blocks[start + 1 :]
            if len(header) >= 3:
                return blocks[start + len(header) :]
    return blocks


def _is_dress(block: Block) -> bool:
    return bool(block.text) and (
        (not re.search(r"[^\W\d_]", block.text) and block.kind == "text")
        or boilerplate.is_mailing(block)
        or boilerplate.is_page_dressing(block)
        or boilerplate.is_dateline(block)
    )


def _without_head(blocks: Sequence[Block]) -> list[Block]:
    """Drops the small print above the first sentence of news."""
    start = next((index for index, block in enumerate(blocks) if _tells(block)), len(blocks))
    return [block for index, block in enumerate(blocks) if index >= start or not boilerplate.is_small_print(block)]


def _tells(block: Block) -> bool:
    if block.words < 8 or not ends_sentence(block.text):
        return False
    dress = _is_dress(block) or boilerplate.is_small_print(block) or boilerplate.is_blurb(block) or boilerplate.is_greeting(block)
    return not dress


def _without_tail(blocks: Sequence[Block]) -> Sequence[Block]:
    """Cuts the sign-off and the small print at the end: from there on nothing but a few short lines follows."""
    words = 0
    cut = len(blocks)
    for index in range(len(blocks) - 1, -1, -1):
        block = blocks[index]
        if boilerplate.is_mailing(block) or boilerplate.is_farewell(block) or boilerplate.is_small_print(block):
            cut = index
            continue
        words += block.words
        tells = block.words >= 7 and ends_sentence(block.text)
        heads = (block.level or block.bold or block.linked) and not boilerplate.is_side_section(block)
        if words > 40 or tells or heads:
            break
    return blocks[:cut]


def _beckons(block: Block) -> bool:
    """Whether the whole line is one plain link that asks to be followed."""
    whole = block.linked or (len(block.links) == 1 and re.sub(r"^\W+", "", block.text) == block.links[0].text)
    return whole and block.kind == "text" and not block.bold and boilerplate.beckons(block.text)


def _without_more(block: Block) -> Line:
    """Parts a closing "Read more" from its paragraph; a line of nothing else becomes a link line."""
    words = block.text
    for link in block.links:
        words = words.replace(link.url, "")
    words = words.strip(" <>()[]")
    only_links = not words or boilerplate.is_more(words) or _beckons(block)
    if block.links and (only_links or (block.text.endswith(block.links[-1].url) and boilerplate.leads_to_link(words))):
        return Line(block, more=True)
    last = block.links[-1] if block.links else None
    if last and last.text and boilerplate.is_more(last.text) and block.text.endswith(last.text):
        shorter = block.text.removesuffix(last.text).rstrip(" [(\u2013-\u2026")
        anchor = block.html.rfind("<a ")
        kept = (replace(last, text=""),)
        return Line(replace(block, text=shorter, html=block.html[:anchor].rstrip(" [("), links=block.links[:-1] + kept))
    return Line(block)


def _without_announcements(lines: Sequence[Line]) -> list[Line]:
    """Drops lines that only announce the address on the next one ("Available at:")."""
    return [
        line
        for line, after in with_following(lines)
        if not (after and after.more and not after.block.linked and not line.more and boilerplate.leads_to_link(line.block.text))
    ]


def _without_side_sections(lines: Sequence[Line]) -> list[Line]:
    """Drops jobs, events, adverts and the like, each up to where news goes on."""
    kept: list[Line] = []
    side_rank = 0
    advert = False
    for index, line in enumerate(lines):
        if _heads_side_section(line, lines[index + 1 :]):
            side_rank = line.rank or PLAIN
            headed = lines[index + 1 : index + 3]
            advert = boilerplate.is_advert_label(line.block) and len(headed) == 2 and boilerplate.calls_to_buy(headed[1].block.text)
            continue
        if side_rank:
            boxed = line.block.kind == "rule"
            news = line.rank and (line.rank <= min(side_rank, BOLD) or _has_prose(lines[index + 1 : index + 3]))
            if not boxed and (not news or advert):
                advert = advert and not line.rank
                continue
            side_rank = 0
        kept.append(line)
    return kept


def _heads_side_section(line: Line, following: Sequence[Line]) -> bool:
    heads = could_head(line.block) and not line.more
    return heads and (boilerplate.is_side_section(line.block) or _heads_listing(line, following))


def _heads_listing(line: Line, following: Sequence[Line]) -> bool:
    """Whether a short heading stands over a diary or a job list."""
    if line.block.words > 5 or not line.rank:
        return False
    texts = [item.block.text for item in following[:6] if item.block.text and not item.more][:4]
    listings = [boilerplate.is_listing(text) for text in texts]
    return sum(listings) >= 2 and listings[0] and sum(listings) * 2 >= len(texts)


def _has_prose(lines: Iterable[Line]) -> bool:
    return any(line.rank == 0 and line.block.words >= 16 and ends_sentence(line.block.text) for line in lines)


def _without_contents(lines: Sequence[Line]) -> tuple[list[Line], bool]:
    """Drops a list at the top whose lines come again as headings below, with its label."""
    words = [tuple(key(line.block.text).split()) for line in lines]
    last: dict[tuple[str, ...], int] = {}
    for index, line in enumerate(lines):
        if line.rank:
            last |= dict.fromkeys((words[index], words[index][:4], words[index][:3]), index)
    repeated = [
        index
        for index, line in enumerate(lines)
        if not line.more and line.block.words <= HEADING_WORDS and index < _last_heading_alike(words[index], last)
    ]
    if len(repeated) < 2:
        return list(lines), False
    start, end = repeated[0], repeated[-1]
    # The list's other lines (page numbers, "Events") go with it, and so does what leads up to it.
    while end + 1 < len(lines) and lines[end + 1].block.tight and (lines[end + 1].block.kind == "item" or lines[end + 1].rank):
        end += 1
    if end - start > 2 * len(repeated) + 4:
        dropped = set(repeated)
        return [line for index, line in enumerate(lines) if index not in dropped], True
    while start and boilerplate.is_contents_label(lines[start - 1].block):
        start -= 1
    return [line for index, line in enumerate(lines) if not start <= index <= end], True


def _last_heading_alike(words: tuple[str, ...], last: Mapping[tuple[str, ...], int]) -> int:
    """Where the last heading stands that is the same line or, contents lists being short, begins with its first words; -1 if none."""
    whole = last.get(words, -1) if words else -1
    return max(whole, last.get(words[:4], -1)) if len(words) >= 3 else whole


def key(text: str) -> str:
    """The words of a text alone, by which two lines are the same."""
    return " ".join(re.findall(r"\w+", text.casefold()))
