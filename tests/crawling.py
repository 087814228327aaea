"""A feed reader that follows the archive of a feed to its end (RFC 5005 section 4), in each of the formats."""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass

from flask.testing import FlaskClient
from lxml import etree

_ATOM = "{http://www.w3.org/2005/Atom}"
_HISTORY = "{http://purl.org/syndication/history/1.0}"


@dataclass(frozen=True, slots=True)
class Page:
    """One document as it was met; ``older`` and ``current`` are the addresses that it links, if any."""

    address: str
    body: bytes
    ids: tuple[str, ...]
    titles: tuple[str, ...]
    older: str | None
    current: str | None = None
    is_archive: bool = False


def crawl(client: FlaskClient, address: str, known: Container[str] = ()) -> list[Page]:
    """The document at an address and the older ones that it leads to, up to one whose address is known."""
    pages: list[Page] = []
    following: str | None = address
    while following and following not in known:
        assert following not in [page.address for page in pages]
        pages.append(read(client, following))
        following = pages[-1].older
    return pages


def read(client: FlaskClient, address: str) -> Page:
    body = fetched(client, address)
    suffix = address.partition("?")[0].rpartition(".")[2]
    return _READERS[suffix](address, body)


def fetched(client: FlaskClient, address: str) -> bytes:
    response = client.get(address)
    assert response.status_code == 200, response.text
    return bytes(response.data)


def rebuilt(pages: Iterable[Page]) -> list[str]:
    """The titles of all stories that a reader of these documents has then, newest first."""
    stories = {story_id: title for page in pages for story_id, title in zip(page.ids, page.titles, strict=True)}
    return list(stories.values())


def _atom(address: str, body: bytes) -> Page:
    feed = _xml(body)
    links = {link.get("rel"): link.get("href") for link in feed.iterfind(f"{_ATOM}link")}
    entries = feed.findall(f"{_ATOM}entry")
    return Page(
        address,
        body,
        tuple(entry.findtext(f"{_ATOM}id") for entry in entries),
        tuple(entry.findtext(f"{_ATOM}title") for entry in entries),
        links.get("prev-archive"),
        links.get("current"),
        feed.find(f"{_HISTORY}archive") is not None,
    )


def _rss(address: str, body: bytes) -> Page:
    channel = _xml(body).find("channel")
    links = {link.get("rel"): link.get("href") for link in channel.iterfind(f"{_ATOM}link")}
    items = channel.findall("item")
    return Page(
        address,
        body,
        tuple(item.findtext("guid") for item in items),
        tuple(item.findtext("title") for item in items),
        links.get("prev-archive"),
        links.get("current"),
        channel.find(f"{_HISTORY}archive") is not None,
    )


def _json(address: str, body: bytes) -> Page:
    feed = json.loads(body)
    items = feed["items"]
    return Page(
        address,
        body,
        tuple(item["id"] for item in items),
        tuple(item["title"] for item in items),
        feed.get("next_url"),
    )


def _xml(body: bytes) -> etree._Element:
    return etree.fromstring(body, etree.XMLParser(resolve_entities=False, no_network=True))


_READERS: dict[str, Callable[[str, bytes], Page]] = {"atom": _atom, "rss": _rss, "json": _json}
