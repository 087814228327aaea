"""Lists of sources as OPML 2.0."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from lxml import etree

from feeds.errors import InputError
from feeds.ingest.files import folder_url
from feeds.model import Source, Subscription
from feeds.text import plain_line, web_url


def read_opml(body: bytes, home: Path) -> tuple[list[Subscription], list[str]]:
    """The subscriptions in an OPML document, and a complaint for each outline that cannot be used.

    A relative ``xmlUrl`` names a folder of newsletters beside or below the document, which lies in ``home``; no
    other local folder can be named, so that a list from a stranger cannot publish the operator's files.

    Raises:
        InputError: it is not OPML.
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError as error:
        raise InputError(f"this is not OPML: {error}") from error
    if etree.QName(root).localname.lower() != "opml":
        raise InputError(f"this is not OPML: its outermost element is <{etree.QName(root).localname}>")
    found: list[Subscription] = []
    complaints: list[str] = []
    for outline in root.iter("outline"):
        address = (outline.get("xmlUrl") or outline.get("xmlurl") or "").strip()
        if not address:
            continue
        url = web_url(address) or _folder(address, home)
        if url is None:
            complaints.append(f"line {outline.sourceline}: {address!r} is neither an http(s) address nor a folder beside this file")
            continue
        title = plain_line(outline.get("title") or outline.get("text") or url)
        found.append(Subscription(url, title, _parent_folder(outline)))
    return found, complaints


def _folder(address: str, home: Path) -> str | None:
    if ":" in address:
        return None
    folder = (home / address).resolve()
    try:
        is_usable = folder.is_relative_to(home.resolve()) and folder.is_dir()
    except OSError:  # e.g. a name too long for the file system
        return None
    return folder_url(folder) if is_usable else None


def _parent_folder(outline: etree._Element) -> str:
    parent = outline.getparent()
    is_folder = parent is not None and parent.tag == "outline" and not parent.get("xmlUrl")
    return plain_line(parent.get("title") or parent.get("text") or "") if parent is not None and is_folder else ""


def write_opml(sources: Iterable[Source], title: str = "Healthwire sources") -> bytes:
    """The web sources as an OPML document, grouped by folder; local folders are left out."""
    root = etree.Element("opml", version="2.0")
    head = etree.SubElement(root, "head")
    etree.SubElement(head, "title").text = title
    body = etree.SubElement(root, "body")
    groups: dict[str, etree._Element] = {"": body}
    for source in sources:
        if not source.is_public:
            continue
        if source.folder not in groups:
            groups[source.folder] = etree.SubElement(body, "outline", text=source.folder, title=source.folder)
        outline = etree.SubElement(groups[source.folder], "outline", type="rss", text=source.title, title=source.title)
        outline.set("xmlUrl", source.url)
        if source.home_url:
            outline.set("htmlUrl", source.home_url)
    return bytes(etree.tostring(root, encoding="utf-8", xml_declaration=True, pretty_print=True))
