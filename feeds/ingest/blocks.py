"""Plain text or HTML as one list of blocks: lines and paragraphs with what the eye sees of them.

Splitting needs to know what a reader sees (a bold line, a bullet, a blank line before it), not how it was marked up,
so both kinds of document end here.
"""

from __future__ import annotations

import html as htmllib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal
from urllib.parse import urljoin

import lxml.html
from lxml import etree

from feeds.text import clean_html, plain_line, scrub, web_url

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

    @property
    def words(self) -> int:
        return len(self.text.split())


# ---------------------------------------------------------------- plain text

_BULLETS = "•‣◦▪▸►▶➤→●○■□·✦✔➢⁃∙"
_MARKERS = (
    r"\*\*(?=\s)",
    rf"[{_BULLETS}*+]",
    r"[-\u2013\u2014](?=\s)",
    r"->|=>|>>",
    r"#{1,6}",
    r"\(?\d{1,3}[.)](?!\d)",
    r"o(?=\s+[A-Za-z])",
    r"(?:Agenda )?[Ii]tem \d{1,3}[.:]",
    r"\([a-z]{1,4}\)|[a-z]\)",
)
_MARKER = re.compile(rf"^(?:({'|'.join(_MARKERS)})\s*)(?=\S)")
_COUNT = re.compile(r"^\d{1,2} (?=\S)")
_EMOJI = re.compile("^(?:[\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff][\ufe0f\u200d]*)+(?:[\u2640\u2642]\ufe0f?)?\\s*")
_RULE = re.compile(r"^\s*(?:[-=_*~#.+\u2013\u2014\u2015\u2022\u2500-\u257f]\s*){3,}$")
_RULED_LABEL = re.compile(r"^\s*[-=_*~#\u2500-\u257f]{2,}\s*(\S.*?\S)\s*[-=_*~#\u2500-\u257f]{2,}\s*$")
_URL = re.compile(r"<?\bhttps?://[^\s<>\"')\]]+[^\s<>\"')\].,;:!?]>?")


def text_blocks(text: str) -> list[Block]:
    """The blocks of a plain-text document; hard-wrapped lines are joined, other line ends are kept."""
    lines = scrub(text.replace("\r\n", "\n").replace("\r", "\n")).expandtabs(4).split("\n")
    lines = _unquoted([_BOX.sub(r"\1", line).rstrip() for line in lines])
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


def _unquoted(lines: list[str]) -> list[str]:
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
    lines: list[str] = [paragraph[0]]
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
            lines[-1] += " " + line.strip()
        else:
            lines.append(line)
        last = line
    return lines


def _starts_item(line: str) -> bool:
    return bool(_MARKER.match(line.strip()) or _EMOJI.match(line.strip()))


def _is_columns(line: str) -> bool:
    """Whether the line is a row of a table that is set with spaces."""
    return bool(_COLUMNS.search(line.strip())) and bool(re.search(r"\d", line))


def _is_rule(line: str) -> bool:
    return bool(_RULE.match(line))


def _is_url(line: str) -> bool:
    return bool(_URL.fullmatch(line.strip()))


def _line_block(line: str, tight: bool) -> Block:
    if _is_rule(line):
        return Block("rule", "", tight=tight)
    if _is_columns(line):
        content = re.sub(r" {2,}", " ", line.strip())
        return Block("table", plain_line(content), f"<p>{_escape(plain_line(content))}</p>", tight=tight)
    ruled = _RULED_LABEL.match(line)
    content = plain_line(ruled[1] if ruled else line)
    quoted = content.startswith(">")
    content = content.removeprefix(">").strip() if quoted else content
    found = _MARKER.match(content) or _EMOJI.match(content) or (_COUNT.match(content) if re.match(r"\s*\d{1,2}  ", line) else None)
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
        return Block("heading", body, _escape(body), level=len(marker), links=links, tight=tight)
    bold = bool(ruled) or bool(re.fullmatch(r"([*_]{1,2})\S.*\S\1", body))
    return Block(kind, body, _linkified(body), marker=marker, links=links, tight=tight, quoted=quoted, bold=bold)


def ends_sentence(text: str) -> bool:
    """Whether the text closes as a sentence does, quotation marks and brackets apart."""
    return bool(re.search(r"[.!?\u2026]['\"\u2019\u201d)\]]*$", text))


def _escape(text: str) -> str:
    return htmllib.escape(text, quote=False)


def _linkified(text: str) -> str:
    def anchor(match: re.Match[str]) -> str:
        url = match[0].strip("<>")
        return f'<a href="{htmllib.escape(url)}">{_escape(url)}</a>'

    out, end = "", 0
    for match in _URL.finditer(text):
        out += _escape(text[end : match.start()]) + anchor(match)
        end = match.end()
    return out + _escape(text[end:])


# ---------------------------------------------------------------- HTML

_BREAKING = frozenset(
    "p div h1 h2 h3 h4 h5 h6 li ul ol dl dt dd table tbody thead tfoot tr td th section article main header blockquote figure"
    " figcaption pre hr center address fieldset details summary body html".split()
)
_SKIPPED = frozenset("script style noscript template svg nav footer form button select iframe object head aside title figcaption".split())
_FURNITURE = re.compile(
    r"(?:^|[\s_-])(?:nav|navbar|menu|breadcrumbs?|cookies?|cookie-\w+|related|share|sharing|social|comments?|footer|advert\w*|sidebar"
    r"|skip-link|preheader|most-read|paywall|newsletter-signup)(?:$|[\s_-])",
    re.I,
)
_HIDDEN = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all|font-size\s*:\s*[01](?:px|pt)?\s*(?:;|$)|max-height\s*:\s*0", re.I
)
_BOLD = re.compile(r"font-weight\s*:\s*(?:bold|bolder|[6-9]00)|\bfont\s*:[^;]*\bbold", re.I)
_SIZE = re.compile(r"\bfont(?:-size)?\s*:[^;]*?\b(\d+(?:\.\d+)?)(px|pt|em|rem|%)", re.I)
_CLASS_RULE = re.compile(r"(?:^|[,\s}])(?:[a-z]\w*)?\.([\w-]+)\s*\{([^}]*)\}", re.I)
_FONT_SIZES = {"1": 10, "2": 13, "3": 16, "4": 18, "5": 24, "6": 32, "7": 48}
_INLINE = {"em": "em", "i": "em", "code": "code", "sub": "sub", "sup": "sup"}


@dataclass
class _Look:
    """How text looks at one point of the document; children inherit it."""

    bold: bool = False
    size: int = 0
    href: str | None = None
    quoted: bool = False
    level: int = 0
    marker: str = ""
    item: int = 0
    tag: str = ""


@dataclass
class _Run:
    text: str
    look: _Look
    open: str = ""


@dataclass
class _Collector:
    """Gathers runs of text until a boundary ends the block."""

    base: str | None
    classes: dict[str, str] = field(default_factory=dict)
    blocks: list[Block] = field(default_factory=list)
    runs: list[_Run] = field(default_factory=list)
    tight: bool = False
    marked: int = 0
    bullet: str = ""

    def text(self, text: str | None, look: _Look, tag: str = "") -> None:
        if text:
            self.runs.append(_Run(scrub(text), look, tag))

    def end(self, *, tight: bool = False) -> None:
        text = plain_line("".join(run.text for run in self.runs))
        if text and text in _BULLETS:
            # Some mails set the bullet in a table cell of its own.
            self.bullet = text
        elif text and not re.search(r"\w", text):
            self.blocks.append(Block("rule", ""))
            self.tight = tight
        elif text:
            self.blocks.append(self._block(text))
            self.tight = tight
        elif not tight or (self.runs and not text):
            self.tight = self.tight and tight
        elif tight:
            # A second line break in a row is a blank line.
            self.tight = False
        self.runs = []

    def _block(self, text: str) -> Block:
        runs = [run for run in self.runs if run.text.strip()]
        first = runs[0].look
        links = tuple(
            Link(url, plain_line("".join(run.text for run in runs if run.look.href == url)))
            for url in dict.fromkeys(run.look.href for run in runs)
            if url
        )
        bold, linked = all(run.look.bold for run in runs), all(run.look.href for run in runs)
        lead = "" if bold or linked else _lead(self.runs)
        marker, body, inner = self._marker(first), text, self._html()
        if not marker and not first.level:
            found = _MARKER.match(text) or _EMOJI.match(text)
            if found and not found[0].startswith("#"):
                marker, body = found[0].strip(), text[found.end() :]
                inner = inner.replace(_escape(found[0].rstrip()), "", 1).strip()
        if first.level:
            body = _MARKER.sub("", _EMOJI.sub("", body)) if _EMOJI.match(body) or re.match(r"\d", body) else body
        kind: Kind = "heading" if first.level else "item" if marker else "text"
        size = max(run.look.size for run in runs)
        return Block(kind, body, inner, first.level, marker, links, lead, bold, linked, size, self.tight, first.quoted)

    def _marker(self, look: _Look) -> str:
        """The bullet of a list item, for its first block only."""
        bullet, self.bullet = self.bullet, ""
        if look.marker and look.item != self.marked:
            self.marked = look.item
            return look.marker
        return bullet

    def _html(self) -> str:
        out = ""
        for run in self.runs:
            piece = _escape(re.sub(r"\s+", " ", run.text))
            if run.open:
                piece = f"<{run.open}>{piece}</{run.open}>"
            if run.look.bold and not run.look.level and run.text.strip():
                piece = f"<strong>{piece}</strong>"
            if run.look.href:
                piece = f'<a href="{htmllib.escape(run.look.href)}">{piece}</a>'
            out += piece
        return out.strip()


def _lead(runs: list[_Run]) -> str:
    """The bold or linked words that begin a block whose rest is neither."""
    words = ""
    for run in runs:
        if run.text.strip() and not (run.look.bold or run.look.href):
            break
        words += run.text
    return plain_line(words)


def html_blocks(markup: str, base: str | None = None) -> list[Block]:
    """The blocks of an HTML document or fragment; hidden text, navigation, forms and scripts are left out.

    Relative links are made absolute with ``base``; links that are not web addresses become plain words.
    """
    # NUL and other control characters make libxml2 stop early.
    tree = lxml.html.document_fromstring(f"<div>{scrub(markup)}</div>" if markup.strip() else "<div></div>", ensure_head_body=True)
    found = tree.find(".//base[@href]")
    styles = " ".join(element.text or "" for element in tree.iter("style"))
    collector = _Collector(urljoin(base or "", found.get("href")) if found is not None else base, dict(_CLASS_RULE.findall(styles)))
    looks: list[_Look] = [_Look()]
    skipping: etree._Element | None = None
    for event, element in etree.iterwalk(tree, events=("start", "end", "comment", "pi")):
        if skipping is not None:
            if event == "end" and element is skipping:
                skipping = None
                collector.text(element.tail, looks[-1])
            continue
        if event in ("comment", "pi"):
            collector.text(element.tail, looks[-1])
            continue
        if event == "start":
            if _is_left_out(element):
                skipping = element
                if element.tag in _BREAKING:
                    collector.end()
                continue
            if _is_data_table(element):
                collector.end()
                collector.blocks.append(_table(element))
                skipping = element
                continue
            looks.append(_enter(element, looks[-1], collector))
        else:
            _leave(element, collector)
            looks.pop()
            collector.text(element.tail, looks[-1], _INLINE.get(looks[-1].tag, ""))
    collector.end()
    return collector.blocks


def _is_left_out(element: etree._Element) -> bool:
    names = f"{element.get('class', '')} {element.get('id', '')} {element.get('role', '')}"
    return (
        element.tag in _SKIPPED
        or element.get("hidden") is not None
        or element.get("aria-hidden") == "true"
        or bool(_HIDDEN.search(element.get("style", "")))
        or (element.tag not in ("body", "html", "main", "article") and bool(_FURNITURE.search(names)))
    )


def _enter(element: etree._Element, around: _Look, collector: _Collector) -> _Look:
    tag = str(element.tag)
    style = ";".join([*(collector.classes.get(name, "") for name in element.get("class", "").split()), element.get("style", "")])
    look = replace(around, tag=tag)
    if tag in _BREAKING:
        collector.end()
        look = replace(look, href=around.href)
    if tag == "br":
        collector.end(tight=True)
    elif tag == "hr":
        collector.blocks.append(Block("rule", ""))
    elif tag == "img":
        _image(element, collector)
    elif re.fullmatch("h[1-6]", tag):
        look = replace(look, level=int(tag[1]), marker="")
    elif tag == "li":
        parent = element.getparent()
        look = replace(look, marker="1." if parent is not None and parent.tag == "ol" else "•", item=id(element))
    elif tag in ("b", "strong", "th"):
        look = replace(look, bold=True)
    elif tag == "font" and element.get("size", "") in _FONT_SIZES:
        look = replace(look, size=_FONT_SIZES[element.get("size")])
    elif tag == "blockquote":
        look = replace(look, quoted=True)
    elif tag == "a":
        look = replace(look, href=web_url(urljoin(collector.base or "", element.get("href", "").strip())) or None)
    if _BOLD.search(style):
        look = replace(look, bold=True)
    if size := _SIZE.search(style):
        factor = {"px": 1.0, "pt": 1.33, "em": 16.0, "rem": 16.0, "%": 0.16}[size[2].lower()]
        look = replace(look, size=round(float(size[1]) * factor))
    collector.text(element.text, look, _INLINE.get(tag, ""))
    return look


def _leave(element: etree._Element, collector: _Collector) -> None:
    if element.tag in _BREAKING:
        collector.end()


def _image(element: etree._Element, collector: _Collector) -> None:
    """A picture of the story is kept as its own block; spacers and tracking pixels are not."""
    source = web_url(urljoin(collector.base or "", element.get("src", "").strip()))
    sizes = [element.get("width", "100"), element.get("height", "100")]
    if source and all(not size.isdecimal() or int(size) > 40 for size in sizes) and not collector.runs:
        alt = htmllib.escape(plain_line(element.get("alt", "")))
        collector.blocks.append(Block("image", "", f'<img src="{htmllib.escape(source)}" alt="{alt}">'))


def _is_data_table(element: etree._Element) -> bool:
    """A table of figures, not one that only lays out the page."""
    if element.tag != "table" or element.find(".//table") is not None or element.get("role") == "presentation":
        return False
    rows = [[plain_line(cell.text_content()) for cell in row if cell.tag in ("td", "th")] for row in element.iter("tr")]
    if len(rows) < 2 or max(map(len, rows)) < 2:
        return False
    plain = element.find(".//a") is None and element.find(".//img") is None
    return element.find(".//th") is not None or (plain and all(len(cell) <= 40 for row in rows for cell in row))


def _table(element: etree._Element) -> Block:
    rows = [" | ".join(plain_line(cell.text_content()) for cell in row if cell.tag in ("td", "th")) for row in element.iter("tr")]
    markup = clean_html(etree.tostring(element, encoding="unicode", with_tail=False, method="html"))
    return Block("table", "\n".join(row for row in rows if row.strip(" |")), markup)
