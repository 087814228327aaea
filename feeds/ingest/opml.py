"""Lists of sources as OPML 2.0, in and out.

A source's folder is one string: the names of nested folders with ``/`` between them. A slash that belongs to a name
stands there as ``\\/``, a backslash as ``\\\\``. What OPML has no word for stands in attributes of our own namespace, which other
readers pass over: ``interval`` (seconds between polls that a person set) and ``fullText`` (``true`` or ``false``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lxml import etree

from feeds.errors import InputError
from feeds.ingest.addresses import network_address, shown
from feeds.ingest.files import folder_url
from feeds.ingest.mending_opml import mended
from feeds.model import Source, Subscription
from feeds.text import plain_line, scrub

_NAMESPACE = "tag:healthwire.invalid,2026:opml"
_INTERVAL = f"{{{_NAMESPACE}}}interval"
_FULL_TEXT = f"{{{_NAMESPACE}}}fullText"

_FEED_TYPES = ("rss", "atom")
# Outlines of these types are something of their own, and no folder, even without an address.
_LEAF_TYPES = (*_FEED_TYPES, "link", "include")
_MAILBOXES = ("imap", "imaps")
_ATTRIBUTES = {"xmlurl", "url", "htmlurl", "type", "title", "text", "category"}
_YEAR = 31_536_000

_MOST_ELEMENTS = 100_000
# Deeper folders count as the last of these; what is cut from a name is no name any more.
_DEEPEST = 10
_LONGEST_NAME = 500
# To the end of the first line that ends a tag, but no more than memory should hold of it at once.
_PIECE = re.compile(rb"(?s:.)[^>]{0,65536}[^\n]{0,65536}\n?")
# Bytes without a whole element, after which the rest is not looked at.
_LONGEST_SILENCE = 1_000_000

# Faults of XML that lose nothing of an outline.
_HARMLESS = {"ERR_LT_IN_ATTRIBUTE", "ERR_INVALID_CHAR", "ERR_INVALID_ENCODING", "ERR_UNSUPPORTED_ENCODING", "NS_ERR_UNDEFINED_NAMESPACE"}
# One missing end tag leads to several of these.
_UNCLOSED = {"ERR_TAG_NAME_MISMATCH", "ERR_TAG_NOT_FINISHED"}
# libxml2 tells no more.
_MOST_FAULTS = 100


@dataclass(frozen=True, slots=True)
class SourceList:
    """What a list holds: each address once, in its order, and a complaint for each line that cannot be used.

    ``repeated``: how many outlines named an address that an earlier one had named. ``is_own``: Healthwire wrote the list, so
    that a setting that it does not name has its default, while another program's list says nothing of settings.
    """

    subscriptions: tuple[Subscription, ...]
    complaints: tuple[str, ...] = ()
    repeated: int = 0
    is_own: bool = False


def folder_names(folder: str) -> tuple[str, ...]:
    """The names of the nested folders that a source's folder stands for, outermost first."""
    parts = re.findall(r"(?:\\[\\/]|[^/])+", folder)
    names = (plain_line(re.sub(r"\\([\\/])", r"\1", part)) for part in parts)
    return tuple(name for name in names if name)


def folder_path(names: Iterable[str]) -> str:
    """Nested folders, outermost first, as one string that ``folder_names`` takes apart again."""
    return "/".join(name.replace("\\", "\\\\").replace("/", "\\/") for name in names)


def read_opml(body: bytes, home: Path | None) -> SourceList:
    """The sources that an OPML document names; what is broken in it costs no more than the lines that are broken.

    A relative ``xmlUrl`` names a folder of newsletters beside or below the document, which lies in ``home``; no
    other local folder can be named, so that a list from a stranger cannot publish the operator's files.

    Raises:
        InputError: it is not OPML, or too long or too broken to be read.
    """
    try:
        return _read(body, None, home, recover=False)
    except etree.XMLSyntaxError:
        pass
    try:
        return _read(*mended(body), home, recover=True)
    except etree.XMLSyntaxError as error:
        raise InputError("this is not OPML: there is no XML in it") from error


def _read(body: bytes, encoding: str | None, home: Path | None, *, recover: bool) -> SourceList:
    parser = etree.XMLPullParser(
        events=("start",),
        encoding=encoding,
        recover=recover,
        remove_comments=True,
        remove_pis=True,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
    )
    reader = _Reader(home)
    line, heard = 1, 0
    # Piece by piece, since lxml knows lines only up to 65,535, and so that a document that would eat memory is given up in time.
    for match in _PIECE.finditer(body):
        piece = match[0]
        parser.feed(piece)
        line += piece.count(b"\n")
        if reader.take(parser.read_events(), line - piece.endswith(b"\n")):
            heard = match.end()
        if match.end() - heard > _LONGEST_SILENCE:
            break
    parser.close()
    reader.take(parser.read_events(), line)
    return reader.result(_faults(parser.feed_error_log))


def _faults(errors: Sequence[etree._LogEntry]) -> Iterator[tuple[int, str]]:
    """Where XML was so broken that something may be missing, and how; each line once."""
    told: set[int] = set()
    unclosed = False
    for error in errors:
        if error.level_name == "WARNING" or error.type_name in _HARMLESS or error.line in told:
            continue
        if error.type_name in _UNCLOSED and unclosed:
            continue
        unclosed = unclosed or error.type_name in _UNCLOSED
        told.add(error.line)
        if error.type_name == "ERR_RESOURCE_LIMIT":
            yield error.line, f"nothing is read from here on ({re.split(', (?:use|try|see) ', error.message)[0].strip()})"
        else:
            yield error.line, f"the XML is broken ({error.message.strip()}); what stands here may be missing"
    if len(errors) >= _MOST_FAULTS:
        yield errors[-1].line, "whatever is broken in the XML from here on is not told; repair the lines above first"


class _Reader:
    """Takes outlines as they begin and end, and keeps what they name."""

    def __init__(self, home: Path | None) -> None:
        self._home = home
        self._found: dict[str, Subscription] = {}
        self._complaints: list[tuple[int, str]] = []
        self._repeated = 0
        self._is_own = False
        self._elements = 0
        # For each outline the folders that what lies in it is in, itself the innermost if it is one.
        self._folders: dict[etree._Element | None, tuple[str, ...]] = {}

    def take(self, events: Iterable[tuple[str, etree._Element]], line: int) -> bool:
        """Reads what began in a line; whether anything did."""
        element = None
        for _, element in events:
            name = str(element.tag).rpartition("}")[2].lower()
            self._elements += 1
            if self._elements == 1:
                self._begin(element, name)
            if self._elements > _MOST_ELEMENTS:
                raise InputError(f"this list has more than {_MOST_ELEMENTS:,} elements; import it in parts")
            if name == "outline":
                self._outline(element, line)
        return element is not None

    def result(self, faults: Iterable[tuple[int, str]]) -> SourceList:
        if not self._elements:
            raise InputError("this is not OPML: there is no XML in it")
        complaints = sorted([*self._complaints, *faults], key=lambda complaint: complaint[0])
        told = tuple(f"line {line}: {text}" for line, text in complaints)
        return SourceList(tuple(self._found.values()), told, self._repeated, self._is_own)

    def _begin(self, root: etree._Element, name: str) -> None:
        if name != "opml":
            raise InputError(f"this is not OPML: its outermost element is <{name}>")
        self._is_own = _NAMESPACE in root.nsmap.values()

    def _outline(self, outline: etree._Element, line: int) -> None:
        given = _attributes(outline)
        kind = given.get("type", "").strip().lower()
        name = plain_line(given.get("title") or given.get("text") or "")[:_LONGEST_NAME]
        address = (given.get("xmlurl") or (given.get("url", "") if kind in _FEED_TYPES else "")).strip()
        around = self._folders.get(outline.getparent(), ())
        if address:
            self._source(outline, line, address, name, around or _category(given.get("category", "")))
        elif kind in _LEAF_TYPES or "htmlurl" in given:
            self._complaints.append((line, f"{shown(name)} has no address of a feed (xmlUrl)"))
        is_folder = name and not address and len(around) < _DEEPEST
        self._folders[outline] = (*around, name) if is_folder else around

    def _source(self, outline: etree._Element, line: int, address: str, name: str, folder: tuple[str, ...]) -> None:
        try:
            url = _usable(address, self._home)
            interval, full_text = _interval(outline.get(_INTERVAL)), _full_text(outline.get(_FULL_TEXT))
        except InputError as error:
            self._complaints.append((line, str(error)))
            return
        if url in self._found:
            self._repeated += 1
            return
        # Written where there is no name, as an outline must have one.
        title = "" if name in (address, url) else name
        self._found[url] = Subscription(url, title, folder_path(folder), interval, full_text)


def _attributes(outline: etree._Element) -> dict[str, str]:
    """The attributes that matter, under their names in small letters: XMLURL and xmlurl are about."""
    # Asked for one by one, as lxml takes minutes for all the values of an outline with a million of them.
    return {name.lower(): outline.get(name) for name in outline.keys() if name.lower() in _ATTRIBUTES}  # noqa: SIM118


def _category(categories: str) -> tuple[str, ...]:
    """The first of some categories as folders: ``/Press/Trade,/UK`` (OPML 2.0, "category")."""
    names = (plain_line(name)[:_LONGEST_NAME] for name in categories.partition(",")[0].split("/"))
    return tuple(name for name in names if name)[:_DEEPEST]


def _interval(value: str | None) -> int | None:
    if value is None:
        return None
    if not re.fullmatch(r"[0-9]{1,8}", value) or not 1 <= int(value) <= _YEAR:
        raise InputError(f"the interval {shown(value)} is not a number of seconds from 1 to {_YEAR}")
    return int(value)


def _full_text(value: str | None) -> bool:
    if value not in (None, "true", "false"):
        raise InputError(f"fullText is {shown(value)} and neither 'true' nor 'false'")
    return value == "true"


def _usable(address: str, home: Path | None) -> str:
    """The address of the source that an outline names.

    Raises:
        InputError: it names none that may be read.
    """
    known = network_address(address) or _folder(address, home)
    if known is None:
        raise InputError(f"{shown(address)} is neither an http(s) address nor a mailbox (imaps://…) nor a folder beside this file")
    return known


def _folder(address: str, home: Path | None) -> str | None:
    if ":" in address or home is None:
        return None
    try:
        folder = (home / address).resolve()
        is_usable = folder.is_relative_to(home.resolve()) and folder.is_dir()
    except (OSError, RuntimeError, ValueError):  # e.g. a name too long for the file system, a circle of links
        return None
    return folder_url(folder) if is_usable else None


def write_opml(sources: Iterable[Source], title: str = "Healthwire sources") -> bytes:
    """The feeds and mailboxes as an OPML document, in their folders; what lies on this machine is left out.

    Titles, folders, home pages, intervals and full-text settings are in it; how the sources do is not, nor that one is stopped.
    """
    root = etree.Element("opml", version="2.0", nsmap={"healthwire": _NAMESPACE})
    etree.SubElement(etree.SubElement(root, "head"), "title").text = title
    folders: dict[tuple[str, ...], etree._Element] = {(): etree.SubElement(root, "body")}
    for source in sources:
        if source.is_public or source.scheme in _MAILBOXES:
            _write_source(_folder_element(folders, folder_names(source.folder)), source)
    return bytes(etree.tostring(root, encoding="utf-8", xml_declaration=True, pretty_print=True))


def _folder_element(folders: dict[tuple[str, ...], etree._Element], names: tuple[str, ...]) -> etree._Element:
    for depth in range(1, len(names) + 1):
        path = names[:depth]
        if path not in folders:
            folders[path] = etree.SubElement(folders[path[:-1]], "outline", text=path[-1])
    return folders[names]


def _write_source(folder: etree._Element, source: Source) -> None:
    name = plain_line(source.title) or source.url
    outline = etree.SubElement(folder, "outline", type="rss", text=name, title=name, xmlUrl=source.url)
    if source.home_url:
        outline.set("htmlUrl", scrub(source.home_url))
    if source.interval is not None:
        outline.set(_INTERVAL, str(source.interval))
    if source.full_text:
        outline.set(_FULL_TEXT, "true")
