"""Cuts an article into its stories.

The road: blocks -> cleared lines with ranks -> sections -> verdict -> one story or several. In doubt a document stays
whole, and the doubt is told.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from feeds.ingest import boilerplate
from feeds.ingest.blocks import Block, ends_sentence
from feeds.ingest.clearing import Signs, cleared, key
from feeds.ingest.headings import Line, is_capitals, with_following
from feeds.ingest.html_blocks import html_blocks
from feeds.ingest.plain_blocks import text_blocks
from feeds.ingest.run_in import bare, run_in
from feeds.ingest.sections import Section, introduces_issue, layout_of, without_masthead
from feeds.ingest.sizes import bounded
from feeds.ingest.verdict import verdict
from feeds.model import Article, Split, Story
from feeds.text import clean_html, plain_line, title_line, web_url

_log = logging.getLogger(__name__)

# More than any newsletter has; reading sections takes time that grows faster than the document.
_MOST_BLOCKS = 5000


def split_safely(article: Article) -> Split:
    """The stories of an article; one that cannot be cut is kept whole, so that it costs its source nothing else."""
    try:
        return bounded(split(article))
    except Exception:
        _log.exception("could not cut the article %r; it is kept whole", article.title)
        markup = clean_html(article.body) if article.is_html else ""
        text = title_line(markup) if article.is_html else plain_line(article.body)
        return bounded(Split((Story(article.title, text, markup, article.url, 1, 1),), "kept whole: it could not be cut"))


def blocks_of(article: Article) -> list[Block]:
    """The blocks of an article's body, with absolute links."""
    return html_blocks(article.body, article.base or article.url) if article.is_html else text_blocks(article.body)


def split(article: Article) -> Split:
    """The stories of an article, in order; none when a letter holds nothing but boilerplate."""
    blocks = blocks_of(article)
    if len(blocks) > _MOST_BLOCKS:
        return Split(tuple(_stories([_uncut(article, blocks)], article)), f"kept whole: it has more than {_MOST_BLOCKS} paragraphs")
    lines, signs = cleared(blocks)
    if not any(line.block.text for line in lines):
        # Some feeds carry headlines only; a letter without text is nothing.
        headline = [Section(article.title, (), None, article.url)] if article.origin == "entry" else []
        return Split(tuple(_stories(headline, article)))
    layout = layout_of(lines)
    score = verdict(article, layout, signs)
    if score > 0:
        sections = without_masthead(layout)
        if len(sections) > 1:
            return Split(tuple(_stories(sections, article)))
    doubt = None
    if score in (-1, 0) and len(layout.sections) > 1:
        doubt = f"kept whole: it has {len(layout.sections)} headings, but nothing else says that it is a round-up"
    whole = _whole(article, lines, signs)
    return Split(tuple(_stories([whole], article)) if whole else (), doubt if whole else None)


def _uncut(article: Article, blocks: Sequence[Block]) -> Section:
    return Section(article.title, tuple(blocks), None, article.url)


def _whole(article: Article, lines: Sequence[Line], signs: Signs) -> Section | None:
    """The document as one story under its own headline; None when it only speaks of itself."""
    content = [line for line in lines if line.block.kind != "rule"]
    url = next((line.block.links[0].url for line in content if line.more), None)
    content = [line for line in content if not line.more]
    if article.origin == "entry":
        body = [line.block for line in content]
        if body and key(body[0].text) == key(article.title):
            body.pop(0)
        return Section(article.title, tuple(body), None, article.url or url)
    start = _headline(content)
    heading = content[start].block if start is not None else None
    above = [line.block for line in content[: start or 0] if line.block.words >= 16]
    body = [*above, *_without_author([line.block for line in content[(start + 1 if start is not None else 0) :]])]
    told = [block for block in body if not introduces_issue(block)]
    if not told or (signs.mailing and not any(block.words >= 12 and not boilerplate.speaks_to_reader(block.text) for block in told)):
        return None
    title = heading.text if heading else article.title or run_in(told[0])[0]
    link = heading.links[0].url if heading and heading.links else url
    return Section(
        bare(title), tuple(block for index, block in enumerate(body) if index >= 2 or not introduces_issue(block)), heading, link
    )


def _without_author(body: list[Block]) -> list[Block]:
    """Cuts the author's name and office from between the headline and the text."""
    start = 0
    while start < len(body) and (
        boilerplate.is_person(body[start].text)
        or boilerplate.is_address(body[start])
        or (start and body[start].tight and body[start].words <= 10 and not ends_sentence(body[start].text))
    ):
        start += 1
    return body[start:]


def _headline(content: Sequence[Line]) -> int | None:
    """Where the article's headline stands: its strongest explicit heading, else the first line near the top that can be one."""
    explicit = [(line.rank, index) for index, line in enumerate(content) if 0 < line.rank <= 6 and not _is_label(line.block)]
    if explicit:
        return min(explicit)[1]
    for index, (line, after) in enumerate(with_following(content[:8])):
        if is_capitals(line.block.text) and line.block.words <= 6 and after and after.rank:
            # The name of the paper above the headline.
            continue
        if line.rank and line.block.words >= 3 and not _is_label(line.block) and not introduces_issue(line.block):
            return index
        if line.block.words >= 16 and ends_sentence(line.block.text) and not introduces_issue(line.block):
            return None
    return None


def _is_label(block: Block) -> bool:
    """A line above the headline: the newsletter's name, or what kind of text follows."""
    return (boilerplate.names_roundup(block.text) and block.words <= 10) or boilerplate.is_address(block)


def _stories(sections: Sequence[Section], article: Article) -> list[Story]:
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
