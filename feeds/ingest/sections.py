"""Reads a document as a round-up: which headings begin stories, and what stands under each."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, takewhile

from feeds.ingest import boilerplate
from feeds.ingest.blocks import Block, ends_sentence
from feeds.ingest.headings import LEAD, LINKED, MARKED, NUMBERED, PLAIN, Line, is_capitals, item_kind, with_following
from feeds.ingest.run_in import bare, run_in


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with what stands under it, up to the next heading of its rank or above."""

    title: str
    body: tuple[Block, ...]
    heading: Block | None = None
    url: str | None = None

    @property
    def prose(self) -> str:
        return " ".join(block.text for block in self.body)


@dataclass(frozen=True, slots=True)
class Layout:
    """What the document looks like when read as a round-up."""

    preamble: tuple[Line, ...]
    sections: tuple[Section, ...]
    labels: tuple[Block, ...]


def layout_of(lines: Sequence[Line]) -> Layout:
    """Reads the lines as a round-up: which rank of heading begins stories, and what each story holds."""
    rank = _story_rank(lines)
    builder = _Builder(rank, by_rules=_rules_part_stories(lines, rank))
    for index, line in enumerate(lines):
        builder.take(line, lines[index + 1 :])
    return builder.layout()


def _rules_part_stories(lines: Sequence[Line], rank: int) -> bool:
    before = [above.block.kind == "rule" for above, line in pairwise(lines) if line.rank and line.rank <= rank]
    return sum(before) >= 3 and sum(before) * 2 >= len(before)


def _story_rank(lines: Sequence[Line]) -> int:
    """The strongest rank of which at least two headings stand right above content; else the strongest with one."""
    direct: Counter[int] = Counter()
    shown = [line for line in lines if line.block.kind != "image"]
    for line, after in with_following(shown):
        if boilerplate.is_shorts_label(line.block):
            continue
        stands_over_text = (
            after and (not after.rank or after.rank == LEAD or line.rank in (NUMBERED, MARKED)) and after.block.kind != "rule"
        )
        if line.rank == LEAD or (line.rank and stands_over_text) or (line.rank and line.block.links):
            direct[line.rank] += 1
    several = [rank for rank, count in direct.items() if count >= 2]
    return min(several) if several else min(direct, default=PLAIN)


class _Builder:
    """Walks the lines once and gathers sections."""

    def __init__(self, rank: int, *, by_rules: bool) -> None:
        self._rank = rank
        self._by_rules = by_rules
        self._ruled = True
        self._preamble: list[Line] = []
        self._sections: list[Section] = []
        self._labels: list[Block] = []
        self._label_ranks: set[int] = set()
        self._section_rank = 0
        self._label: Block | None = None
        self._open = False

    def layout(self) -> Layout:
        return Layout(tuple(self._preamble), tuple(self._sections), tuple(self._labels))

    def take(self, line: Line, following: Sequence[Line]) -> None:
        block = line.block
        if line.rank and line.rank != LEAD and self._is_label(line, following):
            self._labels.append(block)
            self._label_ranks.add(line.rank)
            self._label, self._open = block, False
        elif line.rank and line.rank != LEAD and line.rank <= self._rank and not self._is_subheading(line):
            self._heading(line)
        elif (line.rank == LEAD and (self._rank == LEAD or self._label is not None)) or (
            self._label is not None and self._is_news_item(line)
        ):
            title, rest = run_in(block)
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

    def _is_label(self, line: Line, following: Sequence[Line]) -> bool:
        """A heading that only groups what follows: by its words, or because no text of its own stands under it."""
        block = line.block
        after = next((item for item in following if item.block.kind not in ("image", "rule")), None)
        if block.links and block.words > 3:
            return False
        listed = after is not None and (after.block.kind == "item" or after.rank in (LEAD, LINKED))
        named = boilerplate.is_shorts_label(block) or boilerplate.is_contents_label(block)
        if named and (listed or (line.rank <= self._rank and not re.match(r"\d", block.marker))):
            return True
        strict = line.rank > self._rank and line.rank not in self._label_ranks and not is_capitals(block.text)
        if after is None:
            return not strict
        if (after.block.kind == "item" and not after.rank) or (after.rank in (LEAD, LINKED) and line.rank < LEAD):
            return _is_list_of_news(following, strict=strict)
        if line.rank > self._rank and block.words <= 4 and after.rank and after.rank <= self._rank:
            return True
        bare = bool(after.rank) and after.rank <= max(line.rank, self._rank)
        # A long line under which another heading stands is a headline with a second deck.
        return (
            bare
            and not strict
            and (
                block.words <= (5 if len(self._labels) >= 2 and line.rank in self._label_ranks else 3)
                or line.rank < after.rank
                or is_capitals(block.text)
                or bool(after.block.links)
            )
            and not (after.block.tight and after.rank == line.rank == PLAIN)
        )

    def _is_subheading(self, line: Line) -> bool:
        """Whether a heading of the stories' rank stays inside the open story.

        It does where rules part the stories and none precedes it, and in a story with a stronger, linked headline.
        """
        if not self._sections or self._label is not None:
            return False
        section = self._sections[-1].heading
        within = self._open and self._section_rank < line.rank and section is not None and section.links and not line.block.links
        return bool(within) or (self._by_rules and not self._ruled)

    def _heading(self, line: Line) -> None:
        names_issue = not line.block.links or boilerplate.names_roundup(line.block.text)
        if line.rank < self._rank and not self._sections and names_issue:
            self._preamble.append(line)
        else:
            self._label = None
            self._section_rank = line.rank
            self._start(line.block.text, line.block, [])

    def _is_news_item(self, line: Line) -> bool:
        block = line.block
        if line.more or block.kind not in ("item", "text") or not self._label:
            return False
        if block.kind == "item" or line.rank in (LINKED, LEAD):
            return True
        return boilerplate.is_shorts_label(self._label) and block.words >= 4 and not (block.tight and self._open)

    def _start(self, title: str, heading: Block, body: list[Block]) -> None:
        url = heading.links[0].url if heading.links else None
        self._sections.append(Section(bare(title), tuple(body), heading, url))
        self._open = True

    def _append(self, line: Line) -> None:
        section = self._sections[-1]
        if line.more:
            url = section.url or line.block.links[0].url
            self._sections[-1] = replace(section, url=url)
        elif line.block.text or line.block.html:
            self._sections[-1] = replace(section, body=(*section.body, line.block))


def _is_list_of_news(following: Sequence[Line], *, strict: bool) -> bool:
    """Whether the list that follows holds news items (run-in headlines, links, sentences) and not a story's points."""
    first = next((line for line in following if line.block.kind not in ("image", "rule")), following[0])
    kind = item_kind(first.block)
    listed = takewhile(
        lambda line: line.more or line.rank in (LEAD, LINKED) or (not line.rank and (line.block.kind == "item" or line.block.tight)),
        following,
    )
    items = [item for item in listed if item_kind(item.block) == kind and not item.more]
    if first.rank:
        items = [item for item in items if item.rank == first.rank]
    if not items:
        return False
    newsy = [item for item in items if item.block.links or item.rank == LEAD or (item.block.words >= 12 and not strict)]
    return len(newsy) * 3 >= len(items) * 2 and not any(re.search(r"[;,]$|; and$", item.block.text) for item in items)


def without_masthead(layout: Layout) -> list[Section]:
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
    prose = [line.block for line in lead if line is not heading and line.block.text and not introduces_issue(line.block)]
    told = " ".join(block.text for block in prose)
    if len(told.split()) >= 45 and not boilerplate.speaks_to_reader(told):
        title = heading.block.text if heading else run_in(prose[0])[0]
        more = next((line.block.links[0].url for line in layout.preamble if line.more), None)
        sections.insert(0, Section(bare(title), tuple(prose), heading.block if heading else None, more))
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


def introduces_issue(block: Block) -> bool:
    return boilerplate.is_blurb(block) or boilerplate.is_greeting(block) or boilerplate.is_dateline(block)


def _is_masthead(section: Section) -> bool:
    """Whether a first section is the newsletter's own name with what it says of itself."""
    prose = [block for block in section.body if block.words >= 8 and ends_sentence(block.text)]
    letter = boilerplate.names_roundup(section.title) or boilerplate.is_person(section.title)
    if not all(introduces_issue(block) or (letter and boilerplate.speaks_to_reader(block.text)) for block in prose):
        return False
    if sum(block.words for block in section.body if block not in prose) > 30:
        return False
    lines = [section.title, *(block.text for block in section.body[:2])]
    told = sum(block.words for block in prose)
    if prose and not letter:
        return not section.url and not (told > 40 and len(section.title.split()) >= 5)
    return letter or (not section.url and (len(section.body) != 1 or boilerplate.names_roundup(" ".join(lines))))
