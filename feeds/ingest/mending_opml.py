"""Broken XML made readable as far as that can be done without a guess at its structure. Lines keep their numbers."""

from __future__ import annotations

import codecs
import re
from html.entities import html5

_DECLARED = re.compile(rb"""\A\s*<\?xml\b[^<>]{0,200}?\bencoding\s*=\s*["']([\w.:-]+)""")
_NO_UTF_8 = re.compile(rb"(?!utf-?8\Z)", re.I)
# What stands before the declaration, where nothing may stand (XML 1.0 section 2.8).
_BEFORE_DECLARATION = re.compile(rb"\A(?:\xef\xbb\xbf)*(\s*)(<\?xml\b[^<>]{0,200}\?>)?")
# Control characters that XML 1.0 section 2.2 does not allow.
_CONTROLS = bytes(number for number in range(32) if number not in b"\t\n\r")
_BARE_AMPERSAND = re.compile(rb"&(?!(?:#[0-9]{1,7}|#x[0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});)")
_NAMED = re.compile(rb"&(?!(?:amp|lt|gt|quot|apos);)([A-Za-z][A-Za-z0-9]{1,31});")

# So many cost 100 MB to put right; a list of 100,000 sources has no more.
_MOST_REFERENCES = 1_000_000


def mended(body: bytes) -> tuple[bytes, str | None]:
    """The document, and its encoding where that is not what it declares.

    White space before the declaration goes behind it, control characters go, an ampersand that begins no reference stands for
    itself, and names that only HTML knows (``&nbsp;``) become numbers.
    """
    if body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        body = body.decode("utf-16", "replace").encode("utf-8", "replace")
    encoding = _encoding(body)
    body = _BEFORE_DECLARATION.sub(rb"\2\1", body, count=1).translate(None, _CONTROLS)
    if body.count(b"&") <= _MOST_REFERENCES:
        body = _NAMED.sub(_number, _BARE_AMPERSAND.sub(b"&amp;", body))
    return body, encoding


def _encoding(body: bytes) -> str | None:
    """UTF-8 where it is; Windows-1252, the usual mistake, where it was to be; else None for what is declared."""
    try:
        body.decode()
    except UnicodeDecodeError:
        declared = _DECLARED.match(body)
        return None if declared and _NO_UTF_8.match(declared[1]) else "windows-1252"
    return "utf-8"


def _number(reference: re.Match[bytes]) -> bytes:
    meant = html5.get(f"{reference[1].decode()};")
    return "".join(f"&#{ord(character)};" for character in meant).encode() if meant else b"&amp;" + reference[0][1:]
