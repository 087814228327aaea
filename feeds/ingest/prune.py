"""Takes the entries that are known out of a feed document before it is parsed: parsing costs far more than knowing them again.

An entry is known again by a hash of its bytes. What cannot be taken apart safely stays whole.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from lxml import etree

# More entries of one document are not read: nobody publishes so much at once, and an archive of years is no news.
MOST_ENTRIES = 2000
# Of so many it is remembered that they are known; what follows them is left out every time.
_MOST_MARKS = 10 * MOST_ENTRIES

_BEGIN = re.compile(rb"<((?:\w{1,40}:)?(?:item|entry))(?=[\s>])")
_ID = re.compile(rb"<(?:\w{1,40}:)?(?:guid|id)(?:\s[^>]{0,300})?>([^<]{1,2000})<|\brdf:about\s*=\s*[\"']([^\"']{1,2000})")
_LINK = re.compile(
    rb"<(?:\w{1,40}:)?link(?:\s[^>]{0,300})?>([^<]{1,2000})<|<(?:\w{1,40}:)?link\s[^>]{0,300}href\s*=\s*[\"']([^\"']{1,2000})"
)


@dataclass(frozen=True, slots=True)
class Pruned:
    """A document with its unknown entries; None when there are none. ``marks`` are the hashes of all its entries, as far as they could
    be told apart. ``dropped`` entries were too many.
    """

    body: bytes | None
    marks: frozenset[str] = frozenset()
    dropped: int = 0


def prune(body: bytes, known: frozenset[str]) -> Pruned:
    """A feed document of any format without the entries whose hashes are ``known``."""
    is_json = body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{"
    return _prune_json(body, known) if is_json else _prune_xml(body, known)


def _prune_xml(body: bytes, known: frozenset[str]) -> Pruned:
    """Entries are found by their tags alone; where that leads astray, what is left over is not well-formed."""
    spans = list(_entries(body))
    entries = [body[start:end] for start, end in spans]
    looked_at = entries[:_MOST_MARKS]
    marks = [_mark(entry) for entry in looked_at]
    keep, dropped = _choose(marks, [_identity(entry) for entry in looked_at], known)
    dropped += len(entries) - len(looked_at)
    if len(keep) == len(entries):
        return Pruned(body, frozenset(marks))
    rest = bytearray()
    last = 0
    for index, (start, end) in enumerate(spans):
        if index not in keep:
            rest += body[last:start]
            last = end
    rest += body[last:]
    if not _is_well_formed(bytes(rest)):
        return Pruned(body, frozenset(marks))
    return Pruned(bytes(rest) if keep else None, frozenset(marks), dropped)


def _entries(body: bytes) -> Iterator[tuple[int, int]]:
    """Where each entry begins and ends."""
    at = 0
    while begin := _BEGIN.search(body, at):
        close = body.find(b"</" + begin[1], begin.end())
        end = body.find(b">", close)
        if close < 0 or end < 0:
            return
        yield begin.start(), end + 1
        at = end + 1


def _is_well_formed(document: bytes) -> bool:
    try:
        etree.fromstring(document, etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False))
    except (etree.XMLSyntaxError, ValueError):
        return False
    return True


def _prune_json(body: bytes, known: frozenset[str]) -> Pruned:
    try:
        data = json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return Pruned(body)
    items = data.get("items") if isinstance(data, dict) else None
    if not isinstance(items, list) or not items:
        return Pruned(body)
    looked_at = items[:_MOST_MARKS]
    marks = [_mark(json.dumps(item, sort_keys=True).encode()) for item in looked_at]
    keep, dropped = _choose(marks, [_json_identity(item) for item in looked_at], known)
    dropped += len(items) - len(looked_at)
    if len(keep) == len(items):
        return Pruned(body, frozenset(marks))
    rest = json.dumps(data | {"items": [item for index, item in enumerate(items) if index in keep]}).encode() if keep else None
    return Pruned(rest, frozenset(marks), dropped)


def _choose(marks: Sequence[str], identities: Sequence[Hashable], known: frozenset[str]) -> tuple[set[int], int]:
    """The places of the entries to parse, and how many more there were.

    Entries that share an identity are told apart by looking at all of them, so a new one brings the others along.
    """
    new = [index for index, mark in enumerate(marks) if mark not in known]
    kept = new[:MOST_ENTRIES]
    shared = {identity for identity, number in Counter(identities).items() if number > 1}
    wanted = {identities[index] for index in kept} & shared
    if not wanted:
        return set(kept), len(new) - len(kept)
    together = [index for index, identity in enumerate(identities) if identity in wanted]
    return {*kept, *together[:MOST_ENTRIES]}, len(new) - len(kept)


def _mark(entry: bytes) -> str:
    return hashlib.blake2b(entry, digest_size=9).hexdigest()


def _identity(entry: bytes) -> Hashable:
    """What a parser would take for the entry's id, roughly; all of the entry if it has neither id nor link."""
    found = _ID.search(entry) or _LINK.search(entry)
    return (found[1] or found[2]).strip() if found else entry


def _json_identity(item: Any) -> Hashable:
    return str(item.get("id") or item.get("url") or id(item)) if isinstance(item, dict) else id(item)
