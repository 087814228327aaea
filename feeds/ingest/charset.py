"""The text of a document from the web, whatever charset it claims to be in."""

from __future__ import annotations

import codecs
import re

import charset_normalizer

# UTF-32 first: its little-endian mark begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# How a document begins that is not in a superset of ASCII: where its zeros are (RFC 4627 section 3), or "<?xm" in EBCDIC.
_BEGINNINGS = (
    (re.compile(rb"\0\0\0[^\0]"), "utf-32-be"),
    (re.compile(rb"[^\0]\0\0\0"), "utf-32-le"),
    (re.compile(rb"\0[^\0]\0[^\0]"), "utf-16-be"),
    (re.compile(rb"[^\0]\0[^\0]\0"), "utf-16-le"),
    (re.compile(rb"\x4c\x6f\xa7\x94"), "cp037"),
)
_HTTP_CHARSET = re.compile(r"charset\s*=\s*[\"']?\s*([\w.:-]+)", re.I)
# In an XML declaration, or in a page's meta element.
_OWN_CHARSET = re.compile(rb"<(?:\?xml|meta)\b[^>]{0,300}?(?:encoding|charset)\s*=\s*[\"']?\s*([\w.:-]+)", re.I)

# What browsers take a name for (WHATWG Encoding section 4.2): the wider charset that its users really write.
_MEANT = {
    name: meant
    for meant, names in {
        "cp1252": "ascii iso8859-1",
        "cp1254": "iso8859-9",
        "cp874": "tis-620 iso8859-11",
        "cp932": "shift_jis",
        "cp949": "euc_kr",
        "gb18030": "gb2312 gbk",
    }.items()
    for name in names.split()
}
# Windows-1252 leaves five bytes undefined; browsers let them stand as control characters.
_WINDOWS = {byte: bytes([byte]).decode("cp1252", "replace").replace("\ufffd", chr(byte)) for byte in range(0x80, 0xA0)}
_STRAY_BYTES = {0xDC00 + byte: _WINDOWS.get(byte, chr(byte)) for byte in range(0x80, 0x100)}
_STRAY = re.compile("[\udc80-\udcff]")
_SOUND = re.compile("[\u0080-\ud7ff\ue000-\U0010ffff]")
# Western text has single letters beyond ASCII; other scripts have them in rows.
_ROWS = re.compile("[\udc80-\udcff]{3,}")
_SAMPLE = 20_000


def to_text(body: bytes, content_type: str = "") -> str:
    """The characters of a document; never raises.

    A byte order mark wins, then valid UTF-8, which text in other charsets is not by chance, then the charset of the header, then the
    document's own word. Where all of them are wrong it is UTF-8 with bytes of Windows-1252 in it, or another charset by its looks.
    """
    for mark, charset in _MARKS:
        if body.startswith(mark):
            return body[len(mark) :].decode(charset, "surrogateescape" if charset == "utf-8" else "replace").translate(_STRAY_BYTES)
    for beginning, charset in _BEGINNINGS:
        if beginning.match(body):
            return body.decode(charset, "replace")
    declared = _declared(body, content_type)
    if body.isascii():
        # Charsets that write everything in seven bits look like ASCII.
        return _strictly(body, [charset for charset in declared if charset.startswith(("iso2022", "hz"))]) or body.decode("ascii")
    text = _strictly(body, ["utf-8", *declared])
    return _mixed(body) if text is None else text


def _declared(body: bytes, content_type: str) -> list[str]:
    """The charsets that the header and the document name, as Python calls them, as far as they can be true of this document."""
    http, own = _HTTP_CHARSET.search(content_type), _OWN_CHARSET.search(body[:2000])
    names = [http[1]] if http else []
    names += [own[1].decode("ascii", "replace")] if own else []
    found = []
    for name in names:
        try:
            charset = codecs.lookup(name).name
            if "<".encode(charset) == b"<" and charset != "utf-8":
                found.append(_MEANT.get(charset, charset))
        except (LookupError, ValueError):
            continue
    return found


def _strictly(body: bytes, charsets: list[str]) -> str | None:
    for charset in charsets:
        if charset == "cp1252":
            return body.decode("latin-1").translate(_WINDOWS)
        try:
            return body.decode(charset)
        except (LookupError, ValueError):
            continue
    return None


def _mixed(body: bytes) -> str:
    """UTF-8 with stray bytes in it, or, if most of it is none and stands in rows, the charset of another script by its looks."""
    text = body.decode("utf-8", "surrogateescape")
    strays = len(_STRAY.findall(text))
    sound = len(_SOUND.findall(text))
    if strays > sound and 2 * sum(map(len, _ROWS.findall(text))) > strays:
        best = charset_normalizer.from_bytes(body[:_SAMPLE]).best()
        guessed = _strictly(body, [best.encoding]) if best else None
        if guessed is not None:
            return guessed
    return text.translate(_STRAY_BYTES)
