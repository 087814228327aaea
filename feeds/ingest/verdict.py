"""Is a document one story or several?

It is cut only when more speaks for a round-up than for one article with sub-headings. The signs that a reader would go by
stand together in ``verdict``, each with its weight.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from feeds.ingest import boilerplate
from feeds.ingest.blocks import ends_sentence
from feeds.ingest.clearing import Signs
from feeds.ingest.headings import Line
from feeds.ingest.sections import Layout, Section
from feeds.model import Article


def verdict(article: Article, layout: Layout, signs: Signs) -> int:
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
        or any(boilerplate.names_roundup(block.text) for block in top if block.words <= 20 and not ends_sentence(block.text))
        or any(boilerplate.is_blurb(block) or boilerplate.is_greeting(block) for block in top)
        or any(boilerplate.names_roundup(title) for title in titles[:1])
    )
    score = 0
    score += 3 * named
    score += 2 * dressed
    score += 3 * (len(sections) >= 2 and len(links) * 10 >= len(sections) * 6)
    score += 2 * (len(sections) >= 8)
    score += 2 * (len(sections) >= 4 and _share([_is_itemised(section) for section in sections]) >= 0.75)
    score += 2 * (len(sections) >= 3 and follow_up < 0.25 and words_per_title >= 3.2)
    score -= 3 * (lead and not named)
    score -= 8 * (_headline_over_lead(layout.preamble) and len(links) * 10 < len(sections) * 6)
    score -= 4 * (all(title.endswith(".") for title in titles) and not named)
    heads = [section.heading for section in sections if section.heading]
    score -= 4 * any(boilerplate.is_address(block) for block in (*top, *heads))
    score -= 4 * any(boilerplate.announces_list(text) for text in (article.title, *(block.text for block in top[:3]), titles[0]))
    score -= 3 * (_share([boilerplate.is_generic_subheading(title) for title in titles]) >= 0.3)
    score -= 4 * (len(titles) >= 3 and _share([title.endswith("?") for title in titles]) >= 0.6)
    score -= 2 * (follow_up >= 0.5)
    score -= (
        2
        * min(len(titles) - 1, 2)
        * (len(titles) >= 2 and len(titles[0].split()) >= 6 and all(len(title.split()) <= 5 for title in titles[1:]))
    )
    score -= 2 * (article.origin == "entry")
    return score


def _is_itemised(section: Section) -> bool:
    """A story that is numbered, or whose headline runs into its text."""
    heading = section.heading
    return heading is not None and bool(heading.lead or re.match(r"\d", heading.marker))


def _share(flags: Sequence[bool]) -> float:
    return sum(flags) / len(flags) if flags else 0.0


def _lead_prose(preamble: Sequence[Line]) -> bool:
    """Whether news is told before the first heading: a lead paragraph, not a blurb and not an editor's letter."""
    prose = [
        line.block
        for line in preamble
        if not line.rank and not line.more and line.block.words >= 12 and not boilerplate.is_blurb(line.block)
    ]
    return bool(prose) and not boilerplate.speaks_to_reader(" ".join(block.text for block in prose))


def _headline_over_lead(preamble: Sequence[Line]) -> bool:
    """Whether a stronger heading than those of the sections stands right above news: an article's headline."""
    for index, line in enumerate(preamble):
        told = [item.block for item in preamble[index + 1 :] if not item.rank and not item.more and item.block.words >= 12]
        news = told and not any(boilerplate.is_blurb(block) or boilerplate.is_greeting(block) for block in told[:2])
        if line.rank and line.block.words >= 3 and not boilerplate.names_roundup(line.block.text) and news:
            return sum(block.words for block in told) >= 25
    return False


def _names(text: str) -> set[str]:
    """Proper names and acronyms that could tie one section to another."""
    return {
        name
        for name in re.findall(r"(?<![.?!\u201c\"'] )(?<!^)\b[A-Z][\w'\u2019-]*[A-Za-z]", text)
        if not boilerplate.is_common_name(name) and len(name) > 2
    }


def _follows_up(sections: Sequence[Section]) -> list[bool]:
    """For each section but the first: does it go on with what was told above rather than begin anew?"""
    flags: list[bool] = []
    known = _names(sections[0].prose)
    for section in sections[1:]:
        names = _names(section.prose)
        shared = len(names & known)
        flags.append(boilerplate.refers_back(section.prose) or (shared >= 2 and shared * 4 >= len(names)))
        known |= names
    return flags
