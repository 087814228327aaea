"""Takes the entries that are known out of a feed document before it is parsed: parsing costs far more than knowing them again.

An entry is known again by a hash of its bytes. What cannot be taken apart safely, e.g. what is not well-formed, stays whole.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from lxml import etree

# More entries of one document are not read: nobody publishes so much at once, and an archive of years is no news.
MOST_ENTRIES = 2000
_PRUNED_TYPE = "application/xml; charset=utf-8"
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:-]+)", re.I)


@dataclass(frozen=True, slots=True)
class Pruned:
    """A document with its unknown entries; None when there are none. ``marks`` are the hashes of all its entries; empty when it was
    left whole. ``dropped`` entries were too many.
    """

    body: bytes | None
    content_type: str
    marks: frozenset[str] = frozenset()
    dropped: int = 0


def prune(body: bytes, content_type: str, known: frozenset[str]) -> Pruned:
    """A feed document of any format without the entries whose hashes are ``known``."""
    is_json = body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{"
    return (_prune_json if is_json else _prune_xml)(body, content_type, known)


def _prune_xml(body: bytes, content_type: str, known: frozenset[str]) -> Pruned:
    whole = Pruned(body, content_type)
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError):
        return whole
    document = root.getroottree().docinfo
    # Entities of its own would be lost on the way; a charset that contradicts the document is for the feed parser to judge.
    said = _CHARSET.search(content_type)
    if document.doctype or (said and said[1].lower() != (document.encoding or "utf-8").lower()):
        return whole
    entries = [child for parent in (root, *root.iterchildren("{*}channel")) for child in parent.iterchildren("{*}item", "{*}entry")]
    marks = [_mark(etree.tostring(entry, with_tail=False)) for entry in entries]
    keep, dropped = _choose(marks, [_identity(entry) for entry in entries], known)
    if len(keep) == len(entries):
        return Pruned(body, content_type, frozenset(marks))
    for index, entry in enumerate(entries):
        if index not in keep:
            parent = entry.getparent()
            if parent is not None:
                parent.remove(entry)
    rest = bytes(etree.tostring(root.getroottree(), encoding="utf-8", xml_declaration=True)) if keep else None
    return Pruned(rest, _PRUNED_TYPE, frozenset(marks), dropped)


def _prune_json(body: bytes, content_type: str, known: frozenset[str]) -> Pruned:
    try:
        data = json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return Pruned(body, content_type)
    items = data.get("items") if isinstance(data, dict) else None
    if not isinstance(items, list) or not items:
        return Pruned(body, content_type)
    marks = [_mark(json.dumps(item, sort_keys=True).encode()) for item in items]
    keep, dropped = _choose(marks, [_json_identity(item) for item in items], known)
    if len(keep) == len(items):
        return Pruned(body, content_type, frozenset(marks))
    rest = json.dumps(data | {"items": [item for index, item in enumerate(items) if index in keep]}).encode() if keep else None
    return Pruned(rest, content_type, frozenset(marks), dropped)


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


def _identity(entry: etree._Element) -> Hashable:
    """What a parser would take for the entry's id, roughly; the entry's own address in memory if it has none."""
    link = None
    for child in entry.iterchildren(tag=etree.Element):
        name = etree.QName(child).localname
        if name in ("id", "guid"):
            return "".join(child.itertext()).strip()
        if name == "link" and link is None:
            link = (child.get("href") or child.text or "").strip()
    return entry.get("{http://www.w3.org/1999/02/22-rdf-syntax-ns#}about") or link or id(entry)


def _json_identity(item: Any) -> Hashable:
    return str(item.get("id") or item.get("url") or id(item)) if isinstance(item, dict) else id(item)
