"""Lists of sources as OPML: what goes out comes in again, and a list from a stranger opens nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ingest_support import ENTITY_BOMB
from lxml import etree
from web_server import WebServer, web_server

from feeds.errors import InputError
from feeds.ingest.files import folder_url
from feeds.ingest.opml import read_opml, write_opml
from feeds.model import Source, Subscription
from feeds.text import plain_line


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Where a list lies: beside a folder of letters, and above it lies what is none of its business."""
    home = tmp_path / "home"
    (home / "letters" / "2017").mkdir(parents=True)
    (home / "file.txt").touch()
    (tmp_path / "secrets").mkdir()
    (home / "way out").symlink_to(tmp_path / "secrets")
    return home


def opml(*outlines: str, before: str = "") -> bytes:
    return f"<?xml version='1.0'?>{before}\n<opml version='2.0'><body>\n{chr(10).join(outlines)}\n</body></opml>".encode()


def outline(address: str, **attributes: str) -> str:
    return "<outline " + " ".join(f"{name}='{value}'" for name, value in ({"xmlUrl": address} | attributes).items()) + "/>"


def test_a_list_gives_addresses_titles_and_folders(home: Path) -> None:
    body = opml(
        "<outline text='Trade &amp; press'>",
        outline("https://a.example/feed", title="A title", text="a text"),
        outline(" http://b.example/feed?x=1&amp;y=2 ", text=" Text\n only "),
        "<outline text='Inner'>",
        outline("https://c.example/"),
        "</outline></outline>",
        outline("https://d.example/feed", text="On its own"),
        "<outline text='An empty folder'/>",
        "<outline xmlurl='https://e.example/feed' text='Small letters'/>",
    )

    assert read_opml(body, home) == (
        [
            Subscription("https://a.example/feed", "A title", "Trade & press"),
            Subscription("http://b.example/feed?x=1&y=2", "Text only", "Trade & press"),
            Subscription("https://c.example/", "https://c.example/", "Inner"),
            Subscription("https://d.example/feed", "On its own", ""),
            Subscription("https://e.example/feed", "Small letters", ""),
        ],
        [],
    )


@pytest.mark.parametrize(
    ("address", "folder"), [("letters/", "letters"), ("letters", "letters"), ("./letters/2017/", "letters/2017"), (".", "")]
)
def test_a_relative_address_names_a_folder_beside_the_list(home: Path, address: str, folder: str) -> None:
    found, complaints = read_opml(opml(outline(address, text="Letters")), home)
    assert (found, complaints) == ([Subscription(folder_url(home / folder), "Letters")], [])


@pytest.mark.parametrize(
    "address",
    [
        *("../", "../secrets", "letters/../../secrets", "way out", "/etc", "/", "//etc/", "~", "~root", "file.txt", "no such folder"),
        *(
            "file:///etc/",
            "file:/etc/",
            "file:letters/",
            "FILE:///etc/",
            "file://localhost/etc/",
            "ftp://a.example/",
            "javascript:alert(1)",
        ),
        *("https://", "http:///feed", "https://a.example/a b", "x" * 300, "x/" * 3000),
    ],
)
def test_no_other_folder_and_no_other_scheme_can_be_named(home: Path, address: str) -> None:
    found, complaints = read_opml(opml(outline("https://good.example/feed", text="Good"), outline(address, text="Bad")), home)

    assert found == [Subscription("https://good.example/feed", "Good")]
    assert complaints == [f"line 4: {address!r} is neither an http(s) address nor a folder beside this file"]


@pytest.mark.parametrize("body", [b"", b"not xml", b"<opml><body>", b"<html><body/></html>", b"<rss version='2.0'/>", b"\x89PNG", b"{}"])
def test_what_is_no_opml_is_refused(home: Path, body: bytes) -> None:
    with pytest.raises(InputError, match="this is not OPML"):
        read_opml(body, home)


@pytest.fixture
def server() -> Iterator[WebServer]:
    with web_server() as running:
        yield running


def test_entity_attacks_are_harmless(home: Path, server: WebServer) -> None:
    secret = home / "file.txt"
    secret.write_text("<outline xmlUrl='https://swordfish.example/' text='swordfish'/>")
    outlines = {
        "in an attribute": outline("https://a.example/", text="&i;"),
        "in the text": f"&i;{outline('https://a.example/', text='A')}",
    }
    doctypes = [
        f"<!DOCTYPE opml [{ENTITY_BOMB}]>",
        f"<!DOCTYPE opml [<!ENTITY i SYSTEM '{secret.as_uri()}'>]>",
        f"<!DOCTYPE opml [<!ENTITY i SYSTEM '{server.url('/entity')}'>]>",
        f"<!DOCTYPE opml SYSTEM '{server.url('/dtd')}' [<!ENTITY i 'x'>]>",
        f"<!DOCTYPE opml [<!ENTITY % p SYSTEM '{server.url('/parameter')}'> %p; <!ENTITY i 'x'>]>",
    ]

    for doctype in doctypes:
        for where in outlines.values():
            try:
                found, _ = read_opml(opml(where, before=doctype), home)
            except InputError:
                continue
            assert [(each.url, len(each.title) < 1000, "swordfish" in each.title) for each in found] == [
                ("https://a.example/", True, False)
            ]
    assert server.requests == []


names = st.text(max_size=20).map(plain_line)
sources = st.lists(
    st.builds(
        Source,
        id=st.integers(1, 9),
        url=st.from_regex(r"https://[a-z]{1,5}\.example/[a-z]{0,3}(\?a=1&b=[a-z%'é]{0,3})?", fullmatch=True),
        title=names.filter(bool),
        folder=names,
        home_url=st.none() | st.just("https://home.example/?a=1&b=<2>"),
    ),
    max_size=8,
)


@given(sources)
def test_what_is_exported_can_be_imported(known: list[Source]) -> None:
    exported = write_opml([*known, Source(10, "file:///srv/letters/", "Our own letters", "Private")])

    found, complaints = read_opml(exported, Path("/nowhere"))

    assert complaints == []
    assert sorted(map(repr, found)) == sorted(repr(Subscription(source.url, source.title, source.folder)) for source in known)
    assert b"letters" not in exported


def test_an_export_is_opml_with_every_folder_once() -> None:
    known = [
        Source(1, "https://a.example/feed", "A", "Press", home_url="https://a.example/"),
        Source(2, "https://b.example/feed", "B"),
        Source(3, "https://c.example/feed", "C", "Press"),
    ]

    root = etree.fromstring(write_opml(known))

    assert (root.tag, root.get("version"), [child.tag for child in root]) == ("opml", "2.0", ["head", "body"])
    assert [(each.get("text"), [inner.get("xmlUrl") for inner in each]) for each in root.find("body")] == [
        ("Press", ["https://a.example/feed", "https://c.example/feed"]),
        ("B", []),
    ]
    assert all(each.get("text") for each in root.iter("outline"))
    assert {each.get("type") for each in root.iter("outline") if each.get("xmlUrl")} == {"rss"}
    assert [each.get("htmlUrl") for each in root.iter("outline") if each.get("htmlUrl")] == ["https://a.example/"]
