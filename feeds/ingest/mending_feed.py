"""What people most often get wrong in the XML of a feed, put right before a parser sees it.

A document that is not well-formed can only be read by guessing, which takes more than twice the time and garbles quotation marks
and ampersands in the entries. Most such documents have few and small faults, and without them they are well-formed.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from xml.parsers import expat
from xml.sax.saxutils import escape

# XML 1.0 section 2.2 forbids these, as they are and as references.
_CONTROLS = bytes({*range(0x20)} - set(b"\t\n\r"))
_NONCHARACTERS = re.compile(rb"\xef\xbf[\xbe\xbf]")
_SPACE = " \t\r\n\ufeff"

_DECLARATION = re.compile(r"<\?xml\s[^>]*>\s*")
_DOCTYPE = re.compile(rb"<!DOCTYPE\s[^<>\[]*>", re.I)
_ROOT = re.compile(rb"<(?:\w+:)?(?:rss|feed|rdf|channel)(?=[\s>/])", re.I)
_FIRST_TAG = re.compile(rb"<[A-Za-z_][\w:.-]*")
_LOOSE = re.compile(rb"&(?!(?:amp|lt|gt|quot|apos);)(?:#(\d{1,7}|[xX][0-9a-fA-F]{1,6});|(\w{2,31};))?|<(?![A-Za-z_:/!?\x80-\xff])")
_PREFIX = re.compile(rb"(?:</?|[\s\"'])([A-Za-z][\w.-]{0,30}):[A-Za-z]")
_DECLARED = re.compile(rb"xmlns:([\w.-]+)\s*=")
_NAMESPACE = re.compile(rb"(\sxmlns(?::[\w.-]+)?\s*=\s*)(\"[^\"<>]*\"|'[^'<>]*')")
_MODULE_TAG = re.compile(rb"</?(?!(?:atom|content|dc|dcterms|feedburner|rdf|sy|xhtml):)[A-Za-z][\w.-]*:[^<>]*>")
_MOST_PREFIXES = 50
_MOST_MENDS = 5

# Modules that feeds use without declaring them.
_MODULES = {
    b"atom": b"http://www.w3.org/2005/Atom",
    b"content": b"http://purl.org/rss/1.0/modules/content/",
    b"dc": b"http://purl.org/dc/elements/1.1/",
    b"dcterms": b"http://purl.org/dc/terms/",
    b"feedburner": b"http://rssnamespace.org/feedburner/ext/1.0",
    b"itunes": b"http://www.itunes.com/dtds/podcast-1.0.dtd",
    b"media": b"http://search.yahoo.com/mrss/",
    b"rdf": b"http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    b"sy": b"http://purl.org/rss/1.0/modules/syndication/",
}


def mended(text: str) -> bytes:
    """The document in UTF-8 and without a declaration, well-formed if that takes no guessing, else as it was."""
    text = text.lstrip(_SPACE)
    declaration = _DECLARATION.match(text)
    document = text[declaration.end() if declaration else 0 :].encode("utf-8", "ignore").translate(None, _CONTROLS)
    root = _ROOT.search(document)
    head = document[: root.start() if root else 0]
    if b"<!ENTITY" in head:
        return document
    # With a document type that it does not fetch, a parser would drop entities without a word.
    document = _DOCTYPE.sub(b"", head) + document[len(head) :]
    attempt = document
    for _ in range(_MOST_MENDS):
        fault = _fault(attempt)
        if fault is None:
            return attempt
        code, offset = fault
        if code not in _MENDS:
            break
        attempt = _MENDS[code](attempt, offset)
    return document


def simplified(document: bytes) -> bytes:
    """The document without tags of modules that no article needs, and without what parsers choke on: for one that broke a parser."""
    document = _NAMESPACE.sub(lambda named: named[1] + b"".join(named[2].split()), document)
    return _escaped(_MODULE_TAG.sub(b"", document), 0)


def _fault(document: bytes) -> tuple[int, int] | None:
    """The code and place of the first thing that keeps the document from being well-formed, if anything does."""
    parser = expat.ParserCreate("utf-8", " ")
    try:
        parser.Parse(document, True)
    except expat.ExpatError as error:
        return error.code, parser.ErrorByteIndex
    return None


def _from_root(document: bytes, _: int) -> bytes:
    """Without what was printed before the feed, such as a program's warnings."""
    root = _ROOT.search(document)
    return document[root.start() :] if root else document


def _until(document: bytes, offset: int) -> bytes:
    """Without what follows the feed, or, if it was none that ended there, without what stands before it."""
    return document[:offset] if _ROOT.search(document, 0, offset) else _from_root(document, offset)


def _escaped(document: bytes, _: int) -> bytes:
    """Ampersands and less-than signs that are no markup escaped, entities of HTML as characters; CDATA sections stay."""
    markup, *sections = _NONCHARACTERS.sub(b"", document).split(b"<![CDATA[")
    pieces = [_LOOSE.sub(_as_xml, markup)]
    for section in sections:
        data, end, markup = section.partition(b"]]>")
        pieces.append(data + end + _LOOSE.sub(_as_xml, markup))
    return b"<![CDATA[".join(pieces)


def _as_xml(loose: re.Match[bytes]) -> bytes:
    number, name = loose.groups()
    if number:
        point = int(number[1:], 16) if number[:1] in b"xX" else int(number)
        allowed = point in (9, 10, 13) or 0x20 <= point < 0xD800 or 0xE000 <= point < 0xFFFE or 0x10000 <= point < 0x110000
        return loose[0] if allowed else b""
    if name:
        written = loose[0].decode("ascii", "replace")
        meant = html.unescape(written)
        return escape(meant if meant != written else written).encode()
    return b"&lt;" if loose[0] == b"<" else b"&amp;"


def _declared(document: bytes, _: int) -> bytes:
    """With the prefixes declared that it uses without saying what they mean."""
    unknown = sorted(set(_PREFIX.findall(document)) - set(_DECLARED.findall(document)) - {b"xml", b"xmlns"})[:_MOST_PREFIXES]
    declarations = b"".join(b' xmlns:%b="%b"' % (prefix, _MODULES.get(prefix, b"urn:undeclared:" + prefix)) for prefix in unknown)
    return _FIRST_TAG.sub(lambda tag: tag[0] + declarations, document, count=1)


_codes = expat.errors.codes
_MENDS: dict[int, Callable[[bytes, int], bytes]] = {
    _codes[expat.errors.XML_ERROR_SYNTAX]: _from_root,
    _codes[expat.errors.XML_ERROR_MISPLACED_XML_PI]: _from_root,
    _codes[expat.errors.XML_ERROR_JUNK_AFTER_DOC_ELEMENT]: _until,
    _codes[expat.errors.XML_ERROR_INVALID_TOKEN]: _escaped,
    _codes[expat.errors.XML_ERROR_UNDEFINED_ENTITY]: _escaped,
    _codes[expat.errors.XML_ERROR_BAD_CHAR_REF]: _escaped,
    _codes[expat.errors.XML_ERROR_UNBOUND_PREFIX]: _declared,
}
