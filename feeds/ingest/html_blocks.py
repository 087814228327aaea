"""HTML as blocks: what a browser would show as lines, with their looks; hidden text, navigation and scripts left out."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from typing import Any

import lxml.html
from lxml import etree

from feeds.ingest.blocks import BULLETS, EMOJI, MARKER, Block, Kind, Link
from feeds.ingest.links import detracked
from feeds.text import absolute_url, clean_html, plain_line, scrub

BREAKING = frozenset(
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
# Style sheets and attributes of mails are shorter; in longer ones looking for fonts would take time that a hostile text could choose.
_LONGEST_STYLES = 20_000
_LONGEST_STYLE = 1000
_FONT_SIZES = {"1": 10, "2": 13, "3": 16, "4": 18, "5": 24, "6": 32, "7": 48}
# Nobody writes such a tag, and the parser's time grows with the square of its attributes.
_LONG_TAG = re.compile(r"<[a-zA-Z][^<>]{10000,}>")
_ANY_TAG = re.compile(r"<[^<>]*>")
_HEADINGS = frozenset(("h1", "h2", "h3", "h4", "h5", "h6"))
_INLINE = {"em": "em", "i": "em", "code": "code", "sub": "sub", "sup": "sup"}


@dataclass(slots=True)
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

    def inside(self, tag: str) -> _Look:
        """The look that an element inside inherits; written out, as it is asked for at every element."""
        return _Look(self.bold, self.size, self.href, self.quoted, self.level, self.marker, self.item, tag)


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
        if text and text in BULLETS:
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
            found = MARKER.match(text) or EMOJI.match(text)
            if found and not found[0].startswith("#"):
                marker, body = found[0].strip(), text[found.end() :]
                inner = inner.replace(_plain(found[0].rstrip()), "", 1).strip()
        if first.level:
            body = MARKER.sub("", EMOJI.sub("", body)) if EMOJI.match(body) or re.match(r"\d", body) else body
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
            piece = _plain(re.sub(r"\s+", " ", run.text))
            if run.open:
                piece = f"<{run.open}>{piece}</{run.open}>"
            if run.look.bold and not run.look.level and run.text.strip():
                piece = f"<strong>{piece}</strong>"
            if run.look.href:
                piece = f'<a href="{html.escape(run.look.href)}">{piece}</a>'
            out += piece
        return out.strip()


def _plain(text: str) -> str:
    return html.escape(text, quote=False)


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

    Relative links are made absolute with ``base`` and click trackers that can be seen through left out; links that are not
    web addresses become plain words.
    """
    tree = tree_of(markup)
    found = tree.find(".//base[@href]")
    styles = " ".join(element.text or "" for element in tree.iter("style"))[:_LONGEST_STYLES]
    collector = _Collector(absolute_url(found.get("href"), base) if found is not None else base, dict(_CLASS_RULE.findall(styles)))
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
                if element.tag in BREAKING:
                    collector.end()
                continue
            if _is_data_table(element):
                collector.end()
                collector.blocks.append(_table(element, collector.base))
                skipping = element
                continue
            looks.append(_enter(element, looks[-1], collector))
        else:
            _leave(element, collector)
            looks.pop()
            collector.text(element.tail, looks[-1], _INLINE.get(looks[-1].tag, ""))
    collector.end()
    return collector.blocks


def tree_of(markup: str) -> etree._Element:
    """The document's tree; of one nested deeper than the parser goes, only its words in a flat document."""
    # NUL and other control characters make libxml2 stop early.
    markup = scrub(_LONG_TAG.sub("", markup))
    parser = lxml.html.HTMLParser()
    tree = lxml.html.document_fromstring(f"<div>{markup}</div>" if markup.strip() else "<div></div>", parser, ensure_head_body=True)
    if any(entry.type_name == "ERR_RESOURCE_LIMIT" for entry in parser.error_log):
        words = _ANY_TAG.sub(" ", markup)
        tree = lxml.html.document_fromstring(f"<div>{words}</div>", ensure_head_body=True)
    return tree


def _is_left_out(element: etree._Element) -> bool:
    if not element.attrib:
        return element.tag in _SKIPPED
    names = f"{element.get('class', '')} {element.get('id', '')} {element.get('role', '')}"
    return (
        element.tag in _SKIPPED
        or element.get("hidden") is not None
        or element.get("aria-hidden") == "true"
        or bool(_HIDDEN.search(element.get("style", "")[:_LONGEST_STYLE]))
        or (element.tag not in ("body", "html", "main", "article") and bool(_FURNITURE.search(names)))
    )


def _enter(element: etree._Element, around: _Look, collector: _Collector) -> _Look:
    tag = str(element.tag)
    changes: dict[str, Any] = {}
    if tag in BREAKING:
        collector.end()
    if tag == "br":
        collector.end(tight=True)
    elif tag == "hr":
        collector.blocks.append(Block("rule", ""))
    elif tag == "img":
        _image(element, collector)
    elif tag in _HEADINGS:
        changes |= {"level": int(tag[1]), "marker": ""}
    elif tag == "li":
        parent = element.getparent()
        changes |= {"marker": "1." if parent is not None and parent.tag == "ol" else "•", "item": id(element)}
    elif tag in ("b", "strong", "th"):
        changes["bold"] = True
    elif tag == "font" and element.get("size", "") in _FONT_SIZES:
        changes["size"] = _FONT_SIZES[element.get("size")]
    elif tag == "blockquote":
        changes["quoted"] = True
    elif tag == "a":
        changes["href"] = _target(collector.base, element)
    look = around.inside(tag)
    for name, value in (changes | _style(element, collector)).items():
        setattr(look, name, value)
    collector.text(element.text, look, _INLINE.get(tag, ""))
    return look


def _style(element: etree._Element, collector: _Collector) -> dict[str, Any]:
    """What the element's style sheet and attribute change of its look."""
    own, names = element.get("style", ""), element.get("class", "")
    if not own and not (names and collector.classes):
        return {}
    style = ";".join([*(collector.classes.get(name, "") for name in names.split()), own])[:_LONGEST_STYLE]
    changes: dict[str, Any] = {"bold": True} if _BOLD.search(style) else {}
    if size := _SIZE.search(style):
        factor = {"px": 1.0, "pt": 1.33, "em": 16.0, "rem": 16.0, "%": 0.16}[size[2].lower()]
        changes["size"] = round(float(size[1]) * factor)
    return changes


def _target(base: str | None, anchor: etree._Element) -> str | None:
    """Where a link leads, past the click trackers that can be seen through."""
    address = absolute_url(anchor.get("href", ""), base)
    return detracked(address) if address else None


def _leave(element: etree._Element, collector: _Collector) -> None:
    if element.tag in BREAKING:
        collector.end()


def _image(element: etree._Element, collector: _Collector) -> None:
    """A picture of the story is kept as its own block; spacers and tracking pixels are not."""
    source = absolute_url(element.get("src", ""), collector.base)
    sizes = [element.get("width", "100"), element.get("height", "100")]
    if source and all(not size.isdecimal() or int(size) > 40 for size in sizes) and not collector.runs:
        alt = html.escape(plain_line(element.get("alt", "")))
        collector.blocks.append(Block("image", "", f'<img src="{html.escape(source)}" alt="{alt}">'))


def _is_data_table(element: etree._Element) -> bool:
    """A table of figures, not one that only lays out the page."""
    if element.tag != "table" or element.find(".//table") is not None or element.get("role") == "presentation":
        return False
    rows = [[plain_line(cell.text_content()) for cell in row if cell.tag in ("td", "th")] for row in element.iter("tr")]
    if len(rows) < 2 or max(map(len, rows)) < 2:
        return False
    plain = element.find(".//a") is None and element.find(".//img") is None
    return element.find(".//th") is not None or (plain and all(len(cell) <= 40 for row in rows for cell in row))


def _table(element: etree._Element, base: str | None) -> Block:
    rows = [" | ".join(plain_line(cell.text_content()) for cell in row if cell.tag in ("td", "th")) for row in element.iter("tr")]
    for anchor in element.iter("a"):
        if target := _target(base, anchor):
            anchor.set("href", target)
    markup = clean_html(etree.tostring(element, encoding="unicode", with_tail=False, method="html"))
    return Block("table", "\n".join(row for row in rows if row.strip(" |")), markup)
