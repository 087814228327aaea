"""Cuts an article into its stories.

The road: blocks -> without what is no news -> headings with ranks -> sections -> one story or several.
A document is cut only when more speaks for a round-up than for one article with sub-headings; in doubt it stays
whole and the doubt is told. The weights of that decision stand together in ``_verdict``.
"""

from __future__ import annotations

import html as htmllib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, takewhile

from feeds.ingest import boilerplate
from feeds.ingest.blocks import Block, Link, html_blocks, text_blocks
from feeds.model import Article, Split, Story
from feeds.text import clean_html, web_url

# Ranks of headings, strongest first: explicit levels take 1-6.
_BIG, _CAPS, _BOLD, _NUMBERED, _MARKED, _LEAD, _LINKED, _PLAIN = range(7, 15)
_HEADING_WORDS = 18
# How many blocks at the top may be a newsletter's dress.
_HEAD = 8
_HEADING_CHARS = 130


@dataclass(frozen=True, slots=True)
class _Line:
    """A block with the part it plays: ``rank`` > 0 for a heading candidate, ``more`` for a line that only links on."""

    block: Block
    rank: int = 0
    more: bool = False


@dataclass(frozen=True, slots=True)
class _Section:
    """A heading with what stands under it, up to the next heading of its rank or above."""

    title: str
    body: tuple[Block, ...]
    heading: Block | None = None
    url: str | None = None

    @property
    def prose(self) -> str:
        return " ".join(block.text for block in self.body)


@dataclass(frozen=True, slots=True)
class _Layout:
    """What the document looks like when read as a round-up."""

    preamble: tuple[_Line, ...]
    sections: tuple[_Section, ...]
    labels: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class _Signs:
    """What was seen while clearing away what is no news."""

    mailing: bool = False
    contents: bool = False
    side_sections: bool = False


def split(article: Article) -> Split:
    """The stories of an article, in order; none when it holds nothing but boilerplate."""
    blocks = html_blocks(article.body, article.base or article.url) if article.is_html else text_blocks(article.body)
    lines, signs = _cleared(blocks)
    if not any(line.block.text for line in lines):
        return Split(())
    layout = _layout(lines)
    score = _verdict(article, layout, signs)
    if score > 0:
        sections = _without_masthead(layout)
        if len(sections) > 1:
            return Split(tuple(_stories(sections, article)))
    doubt = None
    if score in (-1, 0) and len(layout.sections) > 1:
        doubt = f"kept whole: it has {len(layout.sections)} headings, but nothing else says that it is a round-up"
    whole = _whole(article, lines, signs)
    return Split(tuple(_stories([whole], article)) if whole else (), doubt if whole else None)


# ---------------------------------------------------------------- clearing


def _cleared(blocks: Sequence[Block]) -> tuple[list[_Line], _Signs]:
    """The lines that may be news, with ranks, and what was seen of a newsletter's dress on the way."""
    blocks = _unforwarded(blocks)
    mailing = any(boilerplate.is_mailing(block) and not boilerplate.is_login(block) for block in blocks)
    kept = [
        block
        for index, block in enumerate(_without_tail(blocks))
        if not _is_dress(block) and not (index < _HEAD and block.kind == "text" and boilerplate.is_small_print(block))
    ]
    lines = _ranked([_without_more(block) for block in kept])
    lines, side = _without_side_sections(lines)
    lines, contents = _without_contents(lines)
    return lines, _Signs(mailing, contents, side)


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
        tells = block.words >= 12 and _ends_sentence(block.text)
        heads = (block.level or block.bold or block.linked) and not boilerplate.is_side_section(block)
        if words > 40 or tells or heads:
            break
    return blocks[:cut]


def _without_more(block: Block) -> _Line:
    """Parts a closing "Read more" from its paragraph; a line of nothing else becomes a link line."""
    words = block.text
    for link in block.links:
        words = words.replace(link.url, "")
    words = words.strip(" <>()[]")
    if block.links and (not words or boilerplate.is_more(words)):
        return _Line(block, more=True)
    last = block.links[-1] if block.links else None
    if last and last.text and boilerplate.is_more(last.text) and block.text.endswith(last.text):
        shorter = block.text.removesuffix(last.text).rstrip(" [(\u2013-\u2026")
        anchor = block.html.rfind("<a ")
        kept = (replace(last, text=""),)
        return _Line(replace(block, text=shorter, html=block.html[:anchor].rstrip(" [("), links=block.links[:-1] + kept))
    return _Line(block)


def _without_side_sections(lines: Sequence[_Line]) -> tuple[list[_Line], bool]:
    """Drops jobs, events, adverts and the like, each up to where news goes on."""
    kept: list[_Line] = []
    side_rank = 0
    found = advert = False
    for index, line in enumerate(lines):
        if boilerplate.is_side_section(line.block) and _could_head(line.block) and not line.more:
            side_rank, found = line.rank or _PLAIN, True
            headed = lines[index + 1 : index + 3]
            advert = boilerplate.is_advert_label(line.block) and len(headed) == 2 and boilerplate.calls_to_buy(headed[1].block.text)
            continue
        if side_rank:
            boxed = line.block.kind == "rule"
            news = line.rank and (line.rank <= min(side_rank, _BOLD) or _has_prose(lines[index + 1 : index + 3]))
            if not boxed and (not news or advert):
                advert = advert and not line.rank
                continue
            side_rank = 0
        kept.append(line)
    return kept, found


def _has_prose(lines: Iterable[_Line]) -> bool:
    return any(line.rank == 0 and line.block.words >= 16 and _ends_sentence(line.block.text) for line in lines)


def _without_contents(lines: Sequence[_Line]) -> tuple[list[_Line], bool]:
    """Drops a list at the top whose lines come again as headings below, with its label."""
    headings = [(index, _key(line.block.text)) for index, line in enumerate(lines) if line.rank]
    recurs = [
        any(index < later and (key == heading or (len(key.split()) >= 3 and _begins_alike(key, heading))) for later, heading in headings)
        for index, key in ((index, _key(line.block.text)) for index, line in enumerate(lines))
    ]
    repeated = [index for index, line in enumerate(lines) if recurs[index] and not line.more and line.block.words <= _HEADING_WORDS]
    if len(repeated) < 2:
        return list(lines), False
    start, end = repeated[0], repeated[-1]
    # The list's other lines (page numbers, "Events") go with it, and so does what leads up to it.
    while end + 1 < len(lines) and lines[end + 1].block.tight and (lines[end + 1].block.kind == "item" or lines[end + 1].rank):
        end += 1
    if end - start > 2 * len(repeated) + 4:
        return [line for index, line in enumerate(lines) if index not in repeated], True
    while start and boilerplate.is_contents_label(lines[start - 1].block):
        start -= 1
    return [line for index, line in enumerate(lines) if not start <= index <= end], True


def _begins_alike(one: str, other: str) -> bool:
    return other.startswith(one) or one.split()[:4] == other.split()[:4]


def _key(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))


# ---------------------------------------------------------------- headings


def _ranked(lines: Sequence[_Line]) -> list[_Line]:
    """Gives each line that may be a heading its rank."""
    usual = Counter(line.block.size for line in lines for _ in range(line.block.words)).most_common(1)
    size = usual[0][0] if usual else 0
    ranked = [line if line.more else replace(line, rank=_look(line.block, size)) for line in lines]
    ranked = _with_list_items_settled(ranked)
    return [
        replace(line, rank=0) if line.rank == _PLAIN and not line.block.links and not _introduces(ranked, index) else line
        for index, line in enumerate(ranked)
    ]


def _look(block: Block, usual_size: int) -> int:
    """The rank that the look of a block alone suggests; 0 for prose."""
    if block.kind == "heading":
        return block.level if block.words <= 40 else 0
    if block.kind not in ("text", "item") or not _could_head(block):
        return _LEAD if block.lead and _is_run_in(block) else 0
    if block.kind == "item" and not block.marker.startswith("#"):
        emphasised = block.bold or block.linked
        if _is_emoji(block.marker):
            return _MARKED
        return (_BOLD if block.bold else _LINKED) if emphasised else _NUMBERED if re.search(r"\w", block.marker) else _MARKED
    if block.size >= (usual_size or 14) * 1.2:
        return _BIG
    if _is_capitals(block.text):
        return _CAPS
    if block.bold:
        return _BOLD
    if block.linked:
        return _LINKED
    if block.lead and _is_run_in(block):
        return _LEAD
    return _PLAIN


def _could_head(block: Block) -> bool:
    text = block.text.strip("*_ ")
    if not text or block.words > _HEADING_WORDS or len(text) > _HEADING_CHARS or not re.search(r"[^\W\d_]", text):
        return False
    first = re.search(r"\w", text)
    if not first or (first[0].islower() and not re.match(r"i[A-Z]|e-", text[first.start() :])):
        return False
    strong = block.bold or block.linked or block.kind == "heading" or bool(block.size)
    return not re.search(r"[;,]$|(?<!\.)\.[\"'\u2019\u201d)]*$" if not strong else r"[;,]$", text) and not (
        text.endswith(":") and not strong
    )


def _is_run_in(block: Block) -> bool:
    """A bold or linked beginning that reads as a headline of its own."""
    rest = block.text[len(block.lead) :] if block.text.startswith(block.lead) else ""
    return (
        (1 if block.lead.endswith((":", ".", "?")) else 2) <= len(block.lead.split()) <= _HEADING_WORDS
        and len(rest.split()) >= 3
        and bool(
            re.match(r"\s*[-\u2013\u2014:|.]|.*[.?!:]$", rest[:2] + "") or re.search(r"[.?!:]$", block.lead) or rest.lstrip()[:1].isupper()
        )
    )


def _is_capitals(text: str) -> bool:
    letters = re.sub(r"[^A-Za-z]", "", re.sub(r"\b(?:NHS|CCG|ICB|STP|GP|BMA|RCN|CQC)s?\b", "", text))
    return len(letters) >= 4 and letters.isupper()


def _is_emoji(marker: str) -> bool:
    return bool(marker) and ord(marker[0]) >= 0x2600


def _ends_sentence(text: str) -> bool:
    return bool(re.search(r"[.!?\u2026]['\"\u2019\u201d)\]]*$", text))


def _with_list_items_settled(lines: Sequence[_Line]) -> list[_Line]:
    """Bullets and numbers mark headings only if prose follows most of them; else they are a list inside a story.

    Lines of one kind of which most read "Headline - text" or "Headline | paper | text" are items with run-in headlines.
    """
    heads: Counter[str] = Counter()
    leads: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for line, after in zip(lines, [*lines[1:], None], strict=True):
        kind = _item_kind(line.block)
        total[kind] += 1
        heads[kind] += bool(line.rank and after and after.rank in (0, _PLAIN) and not after.block.marker and after.block.text)
        leads[kind] += bool(_headline_and_rest(line.block.text))
    settled = []
    for line in lines:
        kind = _item_kind(line.block)
        if kind and leads[kind] >= 2 and leads[kind] * 3 >= total[kind] * 2 and heads[kind] * 2 < total[kind] and not line.block.lead:
            settled.append(replace(line, rank=_LEAD if _headline_and_rest(line.block.text) else 0))
        elif line.rank in (_NUMBERED, _MARKED) and line.block.kind == "item" and heads[kind] * 2 < total[kind]:
            settled.append(replace(line, rank=0))
        else:
            settled.append(line)
    return settled


def _item_kind(block: Block) -> str:
    """Which lines belong to one list by their look; empty for ordinary prose."""
    marker = block.marker
    if block.kind == "item" and marker:
        return "1" if re.search(r"\d", marker) else "a" if re.search(r"\w", marker) else "e" if _is_emoji(marker) else marker
    return "|" if " | " in block.text and block.kind == "text" else ""


def _introduces(lines: Sequence[_Line], index: int) -> bool:
    """Whether a plain short line is followed by prose, or by another heading that is."""
    for line in lines[index + 1 : index + 4]:
        if line.more:
            return index > 0 or not lines[index].block.tight
        if line.block.kind in ("image", "rule"):
            continue
        if line.rank == 0:
            return line.block.kind in ("item", "table") or (
                line.block.words >= 6 and (_ends_sentence(line.block.text) or line.block.words >= 12 or line.block.text.endswith(":"))
            )
    return False


# ---------------------------------------------------------------- sections


def _layout(lines: Sequence[_Line]) -> _Layout:
    """Reads the lines as a round-up: which rank of heading begins stories, and what each story holds."""
    rank = _story_rank(lines)
    builder = _Builder(rank, by_rules=_rules_part_stories(lines, rank))
    for index, line in enumerate(lines):
        builder.take(line, lines[index + 1 :])
    return builder.layout()


def _rules_part_stories(lines: Sequence[_Line], rank: int) -> bool:
    before = [above.block.kind == "rule" for above, line in pairwise(lines) if line.rank and line.rank <= rank]
    return sum(before) >= 3 and sum(before) * 2 >= len(before)


def _story_rank(lines: Sequence[_Line]) -> int:
    """The strongest rank of which at least two headings stand right above content; else the strongest with one."""
    direct: Counter[int] = Counter()
    for line, after in zip(lines, [*lines[1:], None], strict=True):
        if boilerplate.is_shorts_label(line.block):
            continue
        stands_over_text = (
            after and (not after.rank or after.rank == _LEAD or line.rank in (_NUMBERED, _MARKED)) and after.block.kind != "rule"
        )
        if line.rank == _LEAD or (line.rank and stands_over_text) or (line.rank and line.block.links):
            direct[line.rank] += 1
    several = [rank for rank, count in direct.items() if count >= 2]
    return min(several) if several else min(direct, default=_PLAIN)


class _Builder:
    """Walks the lines once and gathers sections."""

    def __init__(self, rank: int, *, by_rules: bool) -> None:
        self._rank = rank
        self._by_rules = by_rules
        self._ruled = True
        self._preamble: list[_Line] = []
        self._sections: list[_Section] = []
        self._labels: list[Block] = []
        self._label_ranks: set[int] = set()
        self._section_rank = 0
        self._label: Block | None = None
        self._open = False

    def layout(self) -> _Layout:
        return _Layout(tuple(self._preamble), tuple(self._sections), tuple(self._labels))

    def take(self, line: _Line, following: Sequence[_Line]) -> None:
        block = line.block
        if line.rank and line.rank != _LEAD and self._is_label(line, following):
            self._labels.append(block)
            self._label_ranks.add(line.rank)
            self._label, self._open = block, False
        elif line.rank and line.rank != _LEAD and line.rank <= self._rank and not self._is_subheading(line):
            self._heading(line)
        elif (line.rank == _LEAD and (self._rank == _LEAD or self._label is not None)) or (
            self._label is not None and self._is_news_item(line)
        ):
            title, rest = _run_in(block)
            self._start(title, block, [rest] if rest.text else [])
        elif block.kind == "rule":
            self._ruled = True
            return
        elif self._sections and (self._open or not self._label):
            self._open = True
            self._append(line)
        else:
            self._preamble.append(line)
        self._ruled = False

    def _is_label(self, line: _Line, following: Sequence[_Line]) -> bool:
        """A heading that only groups what follows: by its words, or because no text of its own stands under it."""
        block = line.block
        after = next((item for item in following if item.block.kind not in ("image", "rule")), None)
        if block.links and block.words > 3:
            return False
        listed = after is not None and (after.block.kind == "item" or after.rank in (_LEAD, _LINKED))
        if (boilerplate.is_shorts_label(block) or boilerplate.is_contents_label(block)) and (listed or line.rank <= self._rank):
            return True
        strict = line.rank > self._rank and line.rank not in self._label_ranks and not _is_capitals(block.text)
        if after is None:
            return not strict
        if (after.block.kind == "item" and not after.rank) or (after.rank in (_LEAD, _LINKED) and line.rank < _LEAD):
            return _is_list_of_news(following, strict=strict)
        bare = bool(after.rank) and after.rank <= max(line.rank, self._rank)
        # A long line under which another heading stands is a headline with a second deck.
        return (
            bare
            and not strict
            and (block.words <= 3 or line.rank < after.rank or _is_capitals(block.text) or bool(after.block.links))
            and not (after.block.tight and after.rank == line.rank == _PLAIN)
        )

    def _is_subheading(self, line: _Line) -> bool:
        """Whether a heading of the stories' rank stays inside the open story.

        It does where rules part the stories and none precedes it, and in a story with a stronger, linked headline.
        """
        if not self._sections or self._label is not None:
            return False
        section = self._sections[-1].heading
        within = self._open and self._section_rank < line.rank and section is not None and section.links and not line.block.links
        return bool(within) or (self._by_rules and not self._ruled)

    def _heading(self, line: _Line) -> None:
        if line.rank < self._rank and not self._sections and not line.block.links:
            self._preamble.append(line)
        else:
            self._label = None
            self._section_rank = line.rank
            self._start(line.block.text, line.block, [])

    def _is_news_item(self, line: _Line) -> bool:
        block = line.block
        if line.more or block.kind not in ("item", "text") or not self._label:
            return False
        if block.kind == "item" or line.rank in (_LINKED, _LEAD):
            return True
        return boilerplate.is_shorts_label(self._label) and block.words >= 4 and not (block.tight and self._open)

    def _start(self, title: str, heading: Block, body: list[Block]) -> None:
        url = heading.links[0].url if heading.links else None
        self._sections.append(_Section(_bare(title), tuple(body), heading, url))
        self._open = True

    def _append(self, line: _Line) -> None:
        section = self._sections[-1]
        if line.more:
            url = section.url or line.block.links[0].url
            self._sections[-1] = replace(section, url=url)
        elif line.block.text or line.block.html:
            self._sections[-1] = replace(section, body=(*section.body, line.block))


def _is_list_of_news(following: Sequence[_Line], *, strict: bool) -> bool:
    """Whether the list that follows holds news items (run-in headlines, links, sentences) and not a story's points."""
    kind = _item_kind(following[0].block)
    listed = takewhile(
        lambda line: line.more or line.rank in (_LEAD, _LINKED) or (not line.rank and (line.block.kind == "item" or line.block.tight)),
        following,
    )
    items = [item for item in listed if _item_kind(item.block) == kind and not item.more]
    if not items:
        return False
    newsy = [item for item in items if item.block.links or item.rank == _LEAD or (item.block.words >= 12 and not strict)]
    return len(newsy) * 3 >= len(items) * 2 and not any(re.search(r"[;,]$|; and$", item.block.text) for item in items)


def _headline_and_rest(text: str) -> tuple[str, str] | None:
    """Cuts "Headline - text", "Headline: text" and "Headline | paper | text"; None when there is no headline."""
    fields = [part.strip() for part in text.split(" | ")]
    if len(fields) > 1:
        return (
            (fields[0], fields[-1] if len(fields) > 2 or len(fields[-1].split()) > 8 else "") if 2 <= len(fields[0].split()) <= 20 else None
        )
    for found in re.finditer(r"\s+[-\u2013\u2014]\s+|:\s+", text):
        head, rest = text[: found.start()], text[found.end() :]
        if len(head.split()) > 14 or re.search(r"[.;]\s", head):
            return None
        begins = rest[:1].isupper() or rest[:1] in "\"'\u2018\u201c\u00a3"
        if len(rest.split()) >= 4 and begins and (len(head.split()) >= 2 or len(rest.split()) >= 8):
            # "Headline: more headline - text" breaks at the dash.
            later = re.match(r"(.{0,80}?)\s+[-\u2013\u2014]\s+(?=[A-Z])(.+)", rest) if found[0].strip() == ":" else None
            if later and not re.search(r"[.;]\s", later[1]) and len(later[2].split()) >= 5:
                return f"{head}{found[0]}{later[1]}", later[2]
            return head, rest
    return None


def _run_in(block: Block) -> tuple[str, Block]:
    """The headline and the rest of an item; plain prose without one is headed by its first sentence and kept whole."""
    if block.lead and block.text.startswith(block.lead):
        rest = re.sub(r"^\s*[-\u2013\u2014|:]\s*", "", block.text[len(block.lead) :]).strip()
        if rest:
            return block.lead.rstrip(" :-\u2013\u2014|"), _prose(rest, block.links)
    if block.bold or block.linked:
        return block.text, replace(block, text="", html="")
    if parts := _headline_and_rest(block.text):
        return parts[0], _prose(parts[1], block.links)
    if block.words <= _HEADING_WORDS and not _ends_sentence(block.text):
        return block.text, replace(block, text="", html="")
    first = re.match(r".+?[.?!][\"'\u2019\u201d]?(?=\s+[A-Z\u2018\u201c\u00a3\"'(0-9]|$)", block.text)
    return (first[0] if first else block.text), replace(block, kind="text", marker="")


def _prose(text: str, links: tuple[Link, ...] = ()) -> Block:
    return Block("text", text, htmllib.escape(text, quote=False), links=links)


def _bare(title: str) -> str:
    return re.sub(r"^[*_#\s]+|[*_#\s]+$", "", title).strip()


# ---------------------------------------------------------------- one story or several


def _verdict(article: Article, layout: _Layout, signs: _Signs) -> int:
    """Above 0: a round-up. Each line is one sign a reader would go by, with its weight."""
    sections = layout.sections
    if not sections or (len(sections) == 1 and not layout.preamble):
        return 0
    titles = [section.title for section in sections]
    top = (
        [line.block for line in layout.preamble[:8]]
        + list(layout.labels[:3])
        + [block for section in sections[:1] for block in section.body[:2]]
    )
    words_per_title = sum(len(title.split()) for title in titles) / len(titles)
    links = {section.url for section in sections if section.url}
    lead = _lead_prose(layout.preamble)
    follow_up = _share(_follows_up(sections))
    dressed = signs.mailing or signs.contents or len(layout.labels) >= 2
    named = (
        boilerplate.names_roundup(article.title)
        or any(boilerplate.names_roundup(block.text) for block in top if block.words <= 12 and not _ends_sentence(block.text))
        or any(boilerplate.is_blurb(block) or boilerplate.is_greeting(block) for block in top)
        or any(boilerplate.names_roundup(title) for title in titles[:1])
    )
    score = 0
    score += 3 * named
    score += 2 * dressed
    score += 3 * (len(sections) >= 2 and len(links) * 10 >= len(sections) * 6)
    score += 2 * (len(sections) >= 8)
    score += 2 * (len(sections) >= 3 and follow_up < 0.25 and words_per_title >= 3.2)
    score -= 3 * (lead and not named)
    heads = [section.heading for section in sections if section.heading]
    score -= 4 * any(boilerplate.is_address(block) for block in (*top, *heads))
    score -= 4 * any(boilerplate.announces_list(text) for text in (article.title, *(block.text for block in top[:3]), titles[0]))
    score -= 3 * (_share([boilerplate.is_generic_subheading(title) for title in titles]) >= 0.3)
    score -= 4 * (len(titles) >= 3 and _share([title.endswith("?") for title in titles]) >= 0.6)
    score -= 2 * (follow_up >= 0.5)
    score -= 2 * (len(titles) >= 2 and len(titles[0].split()) >= 6 and all(len(title.split()) <= 5 for title in titles[1:]))
    score -= 2 * (article.origin == "entry")
    return score


def _share(flags: Sequence[bool]) -> float:
    return sum(flags) / len(flags) if flags else 0.0


def _lead_prose(preamble: Sequence[_Line]) -> bool:
    """Whether news is told before the first heading: a lead paragraph, not a blurb and not an editor's letter."""
    prose = [
        line.block
        for line in preamble
        if not line.rank and not line.more and line.block.words >= 12 and not boilerplate.is_blurb(line.block)
    ]
    return bool(prose) and not boilerplate.speaks_to_reader(" ".join(block.text for block in prose))


_COMMON = frozenset(
    [
        "NHS",
        "England",
        "English",
        "UK",
        "Britain",
        "British",
        "Department",
        "Health",
        "Social",
        "Care",
        "Trust",
        "Trusts",
        "Foundation",
        "Hospital",
        "Hospitals",
        "CCG",
        "CCGs",
        "ICB",
        "ICBs",
        "STP",
        "STPs",
        "GP",
        "GPs",
        "The",
        "A",
        "An",
        "In",
        "On",
        "At",
        "It",
        "But",
        "And",
        "For",
        "From",
        "Mr",
        "Mrs",
        "Ms",
        "Dr",
        "Sir",
        "Lord",
        "Baroness",
        "Professor",
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
        "Monday",
        "Tuesday",
        "Wednesday",
        "Thursday",
        "Friday",
        "Saturday",
        "Sunday",
        "Commission",
        "Quality",
        "Commons",
        "Parliament",
        "Government",
        "Board",
        "Boards",
        "University",
        "National",
        "Royal",
        "College",
        "Improvement",
        "Service",
        "Services",
        "Secretary",
        "Council",
        "London",
    ]
)
_REFERS_BACK = re.compile(
    r"^[\"'\u2018\u201c]?(?:He|She|They|It|This|That|These|Those|Its|His|Her|Their|But|And|However|Asked|Speaking|Meanwhile|Instead|Also|Similarly|Another|Such)\b"
    r"|^(?:The|These) (?:report|study|review|document|paper|authors?|findings?|researchers|committee|inquiry|letter|figures|programme|scheme|pilot|evaluation|survey|analysis)\b"
    r"|^(?:Mr|Mrs|Ms|Dr|Prof|Professor|Sir|Dame) [A-Z]\w+ (?:said|told|added|argued|warned|says|has|was|is)\b"
)


def _names(text: str) -> set[str]:
    """Proper names and acronyms that could tie one section to another."""
    return {
        name
        for name in re.findall(r"(?<![.?!\u201c\"'] )(?<!^)\b[A-Z][\w'\u2019-]*[A-Za-z]", text)
        if name not in _COMMON and len(name) > 2
    }


def _follows_up(sections: Sequence[_Section]) -> list[bool]:
    """For each section but the first: does it go on with what was told above rather than begin anew?"""
    flags: list[bool] = []
    known = _names(sections[0].prose)
    for section in sections[1:]:
        names = _names(section.prose)
        shared = len(names & known)
        flags.append(bool(_REFERS_BACK.match(section.prose)) or (shared >= 2 and shared * 4 >= len(names)))
        known |= names
    return flags


def _without_masthead(layout: _Layout) -> list[_Section]:
    """The stories of a round-up: without its name, blurb and greeting, with a lead story that stands above them."""
    sections = list(layout.sections)
    speaks = [bool(section.body) for section in sections]
    if sum(speaks) * 2 >= len(speaks) > 0:
        # The newsletter's name and its issue's title stand above the first story that says anything.
        sections = sections[speaks.index(True) :]
    while sections and _is_masthead(sections[0]):
        sections.pop(0)
    if sections:
        sections[-1] = replace(sections[-1], body=_without_signature(sections[-1].body))
    lead = [line for line in layout.preamble if not line.more]
    heading = next((line for line in lead if line.rank), None)
    prose = [line.block for line in lead if line is not heading and line.block.text and not _introduces_issue(line.block)]
    told = " ".join(block.text for block in prose)
    if len(told.split()) >= 45 and not boilerplate.speaks_to_reader(told):
        title = heading.block.text if heading else _run_in(prose[0])[0]
        more = next((line.block.links[0].url for line in layout.preamble if line.more), None)
        sections.insert(0, _Section(_bare(title), tuple(prose), heading.block if heading else None, more))
    return sections


def _without_signature(body: tuple[Block, ...]) -> tuple[Block, ...]:
    """Cuts the names and offices that close a letter: several short lines without a sentence among them."""
    end = len(body)
    while (
        end
        and body[end - 1].kind == "text"
        and body[end - 1].words <= 9
        and not re.search(r"[.!?:;,]['\"\u2019\u201d)]*$", body[end - 1].text)
    ):
        end -= 1
    return body[:end] if end and len(body) - end >= 2 else body


def _introduces_issue(block: Block) -> bool:
    return boilerplate.is_blurb(block) or boilerplate.is_greeting(block) or boilerplate.is_dateline(block)


def _is_masthead(section: _Section) -> bool:
    """Whether a first section is the newsletter's own name with what it says of itself."""
    prose = [block for block in section.body if block.words >= 8 and _ends_sentence(block.text)]
    letter = boilerplate.names_roundup(section.title) or boilerplate.is_person(section.title)
    if not all(_introduces_issue(block) or (letter and boilerplate.speaks_to_reader(block.text)) for block in prose):
        return False
    if sum(block.words for block in section.body if block not in prose) > 30:
        return False
    lines = [section.title, *(block.text for block in section.body[:2])]
    told = sum(block.words for block in prose)
    if prose and not letter:
        return not section.url and not (told > 40 and len(section.title.split()) >= 5)
    return letter or (not section.url and (len(section.body) != 1 or boilerplate.names_roundup(" ".join(lines))))


def _whole(article: Article, lines: Sequence[_Line], signs: _Signs) -> _Section | None:
    """The document as one story under its own headline; None when it only speaks of itself."""
    content = [line for line in lines if line.block.kind != "rule"]
    url = next((line.block.links[0].url for line in content if line.more), None)
    content = [line for line in content if not line.more]
    if article.origin == "entry":
        body = [line.block for line in content]
        if body and _key(body[0].text) == _key(article.title):
            body.pop(0)
        return _Section(article.title, tuple(body), None, article.url or url)
    start = _headline(content)
    heading = content[start].block if start is not None else None
    above = [line.block for line in content[: start or 0] if line.block.words >= 16]
    body = [*above, *_without_author([line.block for line in content[(start + 1 if start is not None else 0) :]])]
    told = [block for block in body if not _introduces_issue(block)]
    if not told or (signs.mailing and not any(block.words >= 12 and not boilerplate.speaks_to_reader(block.text) for block in told)):
        return None
    title = heading.text if heading else article.title or _run_in(told[0])[0]
    link = heading.links[0].url if heading and heading.links else url
    return _Section(_bare(title), tuple(block for block in body if block in told or block not in body[:2]), heading, link)


def _without_author(body: list[Block]) -> list[Block]:
    """Cuts the author's name and office from between the headline and the text."""
    start = 0
    while start < len(body) and (
        boilerplate.is_person(body[start].text)
        or boilerplate.is_address(body[start])
        or (start and body[start].tight and body[start].words <= 10 and not _ends_sentence(body[start].text))
    ):
        start += 1
    return body[start:]


def _headline(content: Sequence[_Line]) -> int | None:
    """Where the article's headline stands: its strongest explicit heading, else the first line near the top that can be one."""
    explicit = [(line.rank, index) for index, line in enumerate(content) if 0 < line.rank <= 6]
    if explicit:
        return min(explicit)[1]
    for index, line in enumerate(content[:8]):
        label = (boilerplate.names_roundup(line.block.text) and line.block.words <= 10) or boilerplate.is_address(line.block)
        if line.rank and line.block.words >= 3 and not label and not _introduces_issue(line.block):
            return index
        if line.block.words >= 16 and _ends_sentence(line.block.text) and not _introduces_issue(line.block):
            return None
    return None


# ---------------------------------------------------------------- stories


def _stories(sections: Sequence[_Section], article: Article) -> list[Story]:
    stories = []
    for position, section in enumerate(sections, 1):
        body = [block for block in section.body if block.kind != "rule"]
        url = section.url or _only_link(body) or (article.url if len(sections) == 1 else None)
        text = "\n\n".join(_with_marker(block) for block in body if block.text)
        stories.append(Story(section.title, text, _markup(body), web_url(url), position, len(sections)))
    return stories


def _only_link(body: Sequence[Block]) -> str | None:
    links = {link.url for block in body for link in block.links}
    return links.pop() if len(links) == 1 else None


def _with_marker(block: Block) -> str:
    return f"{block.marker} {block.text}" if block.kind == "item" and block.marker else block.text


def _markup(body: Sequence[Block]) -> str:
    """The body as clean HTML: paragraphs, lists, sub-headings, quotations."""
    parts: list[str] = []
    items: list[str] = []

    def end_list() -> None:
        if items:
            parts.append(f"<ul>{''.join(items)}</ul>")
            items.clear()

    for block in body:
        if block.kind == "item":
            items.append(f"<li>{block.html}</li>")
            continue
        end_list()
        if block.kind in ("table", "image"):
            parts.append(block.html if block.kind == "table" else f"<p>{block.html}</p>")
        elif block.kind == "heading":
            parts.append(f"<h3>{block.html}</h3>")
        elif block.quoted:
            parts.append(f"<blockquote><p>{block.html}</p></blockquote>")
        elif block.html:
            parts.append(f"<p>{block.html}</p>")
    end_list()
    return clean_html("\n".join(parts))
