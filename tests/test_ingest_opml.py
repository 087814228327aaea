"""Lists of sources as OPML: what goes out comes in again, and a list from a stranger opens nothing."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ingest_support import ENTITY_BOMB, HOSTILE_TEXT
from lxml import etree
from web_server import WebServer

from feeds.errors import InputError
from feeds.ingest.files import folder_url
from feeds.ingest.opml import SourceList, folder_names, folder_path, read_opml, write_opml
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
    (home / "circle").symlink_to(home / "circle")
    return home


def opml(*outlines: str, before: str = "") -> bytes:
    return f"<?xml version='1.0'?>{before}\n<opml version='2.0'><body>\n{chr(10).join(outlines)}\n</body></opml>".encode()


def outline(address: str, **attributes: str) -> str:
    return "<outline " + " ".join(f"{name}='{value}'" for name, value in ({"xmlUrl": address} | attributes).items()) + "/>"


LISTS = sorted((Path(__file__).parent / "data" / "opml").glob("*.opml"))


@pytest.mark.parametrize("file", LISTS, ids=lambda file: file.stem)
def test_lists_of_many_programs_and_hands_are_read(file: Path, home: Path) -> None:
    expected = json.loads(file.with_suffix(".expected.json").read_text(encoding="utf-8"))
    given = read_opml(file.read_bytes(), home)

    assert [[each.url, each.title, each.folder] for each in given.subscriptions] == expected["sources"]
    assert list(given.complaints) == expected["complaints"]
    assert given.repeated == expected["repeated"]
    assert not given.is_own
    assert {(each.interval, each.full_text) for each in given.subscriptions} == {(None, False)}


@pytest.mark.parametrize(
    ("address", "folder"), [("letters/", "letters"), ("letters", "letters"), ("./letters/2017/", "letters/2017"), (".", "")]
)
def test_a_relative_address_names_a_folder_beside_the_list(home: Path, address: str, folder: str) -> None:
    body = opml(outline(address, text="Letters"))
    assert read_opml(body, home) == SourceList((Subscription(folder_url(home / folder), "Letters"),))
    assert read_opml(body, None).subscriptions == (), "nothing lies beside standard input"


def shown(address: str) -> str:
    return repr(address if len(address) <= 100 else f"{address[:100]}…")


@pytest.mark.parametrize(
    "address",
    [
        *(
            "../",
            "../secrets",
            "letters/../../secrets",
            "way out",
            "circle",
            "/etc",
            "/",
            "//etc/",
            "~",
            "~root",
            "file.txt",
            "no such folder",
        ),
        *(
            "file:///etc/",
            "file:/etc/",
            "file:letters/",
            "FILE:///etc/",
            "file://localhost/etc/",
            "maildir:/var/mail/",
            "newsletter:someone",
            "ftp://a.example/",
            "javascript:alert(1)",
        ),
        *(
            "https://",
            "http:///feed",
            "https://a.example/a b",
            "https://[a.example/",
        ),
        *("x" * 300, "x/" * 900),
    ],
)
def test_no_other_folder_and_no_other_scheme_can_be_named(home: Path, address: str) -> None:
    given = read_opml(opml(outline("https://good.example/feed", text="Good"), outline(address, text="Bad")), home)

    assert given.subscriptions == (Subscription("https://good.example/feed", "Good"),)
    assert given.complaints == (
        f"line 4: {shown(address)} is neither an http(s) address nor a mailbox (imaps://…) nor a folder beside this file",
    )


@pytest.mark.parametrize("address", ["imaps:///INBOX", "imaps://[a/INBOX", "imap://a.example/IN BOX", "imaps://ada@a.example/?since=1"])
def test_a_mailbox_that_cannot_be_read_is_a_bad_line(home: Path, address: str) -> None:
    given = read_opml(opml(outline(address)), home)
    assert given.subscriptions == ()
    (complaint,) = given.complaints
    assert complaint.startswith("line 3: ")
    assert "mailbox" in complaint


@pytest.mark.parametrize(
    "address", ["https://ada:swordfish@a.example/feed", "IMAPS://ada:swordfish@[mail.example/INBOX", "imaps://ada:@a.example/"]
)
def test_an_address_with_a_password_is_refused_and_not_repeated(home: Path, address: str) -> None:
    given = read_opml(opml(outline(address, text="Secret")), home)
    assert given.subscriptions == ()
    (complaint,) = given.complaints
    assert complaint.startswith("line 3: ")
    assert "swordfish" not in complaint


def test_an_address_may_be_as_long_as_the_database_can_keep_it(home: Path) -> None:
    longest = "https://a.example/".ljust(2000, "x")
    given = read_opml(opml(outline(longest), outline(longest + "x"), outline(longest[:-1] + "é")), home)
    assert [each.url for each in given.subscriptions] == [longest]
    assert [complaint.partition(":")[0] for complaint in given.complaints] == ["line 4", "line 5"]
    assert all("longer than 2000 bytes" in complaint for complaint in given.complaints)


def test_mailboxes_are_read_and_schemes_are_told_in_small_letters(home: Path) -> None:
    given = read_opml(
        opml(outline("imaps://ada@mail.example/INBOX?list=a%20b"), outline("IMAP://bob@mail.example/"), outline("HTTPS://A.example/")), home
    )
    assert [each.url for each in given.subscriptions] == [
        "imaps://ada@mail.example/INBOX?list=a%20b",
        "imap://bob@mail.example/",
        "https://A.example/",
    ]


def own(*attributes: str) -> bytes:
    """A list in our own terms, with an outline for each of these."""
    outlines = "\n".join(f"<outline xmlUrl='https://a.example/{number}' {each}/>" for number, each in enumerate(attributes))
    return f"<opml version='2.0' xmlns:h='tag:healthwire.invalid,2026:opml'><body>\n{outlines}\n</body></opml>".encode()


def test_settings_are_read_from_our_own_attributes_alone(home: Path) -> None:
    given = read_opml(own("h:interval='7200' h:fullText='true'", "h:fullText='false'", "interval='60' fullText='true'"), home)
    assert given.is_own
    assert [(each.interval, each.full_text) for each in given.subscriptions] == [(7200, True), (None, False), (None, False)]


@pytest.mark.parametrize(
    "setting", ["interval=''", "interval='2h'", "interval='0'", "interval='-5'", "interval='31536001'", "interval='٣'", "fullText='maybe'"]
)
def test_a_setting_that_cannot_be_understood_makes_its_line_unusable(home: Path, setting: str) -> None:
    given = read_opml(own("", f"h:{setting}"), home)
    assert [each.url for each in given.subscriptions] == ["https://a.example/0"]
    (complaint,) = given.complaints
    assert complaint.startswith(f"line 3: {'the interval' if 'interval' in setting else 'fullText'}")


@pytest.mark.parametrize(
    "body", [b"", b"\n \n", b"not xml", b"<html><body/></html>", b"<html><p>a & b", b"<rss version='2.0'/>", b"\x89PNG", b"{}", b"\xff\xfe"]
)
def test_what_is_no_opml_is_refused(home: Path, body: bytes) -> None:
    with pytest.raises(InputError, match="this is not OPML"):
        read_opml(body, home)


def test_lines_are_told_beyond_the_sixteen_bits_that_xml_libraries_keep_for_them(home: Path) -> None:
    empty = "\n" * 70_000
    given = read_opml(opml(empty, outline("ftp://a.example/"), "<outline xmlUrl=x />"), home)
    assert [complaint.partition(":")[0] for complaint in given.complaints] == ["line 70004", "line 70005"]


def test_a_list_beyond_all_measure_is_given_up_early(home: Path) -> None:
    most = ["<outline/>"] * 99_997
    assert len(read_opml(opml(*most, outline("https://a.example/")), home).subscriptions) == 1
    with pytest.raises(InputError, match="more than 100,000 elements; import it in parts"):
        read_opml(opml(*most, outline("https://a.example/"), "<outline/>"), home)


def test_where_no_more_faults_are_told_this_is_told(home: Path) -> None:
    good = outline("https://good.example/")
    complaints = read_opml(opml(*["<outline a='1' a='2'/>"] * 99, good), home).complaints
    assert len(complaints) == 99
    given = read_opml(opml(*["<outline a='1' a='2'/>"] * 200, good), home)
    assert len(given.complaints) == 101
    assert given.complaints[-1] == "line 102: whatever is broken in the XML from here on is not told; repair the lines above first"
    assert given.subscriptions == (Subscription("https://good.example/", ""),)


# Each with a good line before it, which must be read.
ATTACKS = {
    "nesting": "<outline text='x'>\n" * 10_000 + "</outline>" * 10_000,
    "attributes": "<outline " + " ".join(f"a{number}=''" for number in range(50_000)) + "/>",
    "an attribute": f"<outline text='{'x' * 3_000_000}'/>",
    "ampersands": f"<outline text='{'&' * 3_000_000}'/>",
    "a comment": f"<!-- {'x' * 3_000_000} -->",
    "end tags": "</outline>" * 300_000,
    "begun tags": "<" * 3_000_000,
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_costs_little_and_not_what_stands_before_it(home: Path, attack: str) -> None:
    body = opml(outline("https://good.example/"), ATTACKS[attack], outline("https://late.example/"))
    began = time.process_time()
    given = read_opml(body, home)
    assert time.process_time() - began < 5
    assert given.subscriptions[0].url == "https://good.example/"
    assert len(given.subscriptions) == 2 or given.complaints, "what is not read is told"


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
                found = read_opml(opml(where, before=doctype), home).subscriptions
            except InputError:
                continue
            assert [(each.url, len(each.title) < 1000, "swordfish" in each.title) for each in found] == [
                ("https://a.example/", True, False)
            ]
    assert server.requests == []


@given(st.binary(max_size=60) | HOSTILE_TEXT.map(lambda text: text.encode("utf-8", "surrogatepass")), st.integers(0, 300))
def test_no_damage_to_a_list_is_more_than_a_complaint(damage: bytes, place: int) -> None:
    body = opml("<outline text='F'>", outline("https://a.example/", text="A"), "</outline>", outline("https://b.example/", text="B"))
    for broken in (body[:place] + damage + body[place:], body[:place] + damage + body[place + len(damage) :], body[:place] + damage):
        try:
            given = read_opml(broken, None)
        except InputError:
            continue
        assert all(each.title == plain_line(each.title) for each in given.subscriptions)


names = HOSTILE_TEXT.map(plain_line)
folders = st.lists(st.text('/\\ ab"<', max_size=4).map(plain_line).filter(bool) | names.filter(bool), max_size=4).map(folder_path)
urls = st.from_regex(r"https://[a-z]{1,5}\.example/[a-z]{0,3}(\?a=1&b=[a-z%'é]{0,3})?", fullmatch=True)
sources = st.lists(
    st.builds(
        Source,
        id=st.integers(1, 9),
        url=urls | st.sampled_from(["imaps://ada@mail.example/INBOX?list=%3Ca.b%3E&from=c", "imap://bob@mail.example/News"]),
        title=names,
        folder=folders,
        home_url=st.none() | st.just("https://home.example/?a=1&b=<2>"),
        interval=st.none() | st.integers(1, 31_536_000),
        full_text=st.booleans(),
        stopped=st.booleans(),
        error=st.none() | st.just("swordfish"),
    ),
    unique_by=lambda source: source.url,
    max_size=8,
)


@given(sources)
def test_what_is_exported_can_be_imported(known: list[Source]) -> None:
    local = [
        Source(10, "file:///srv/letters/", "Our own letters", "Private"),
        Source(11, "maildir:/srv/letters/", "Our letters"),
        Source(12, "newsletter:letters", "Letters"),
    ]
    exported = write_opml([*known, *local])

    given = read_opml(exported, Path("/nowhere"))

    wanted = [Subscription(each.url, each.title, each.folder, each.interval, each.full_text) for each in known]
    assert sorted(map(repr, given.subscriptions)) == sorted(map(repr, wanted))
    assert (given.complaints, given.repeated, given.is_own) == ((), 0, True)
    assert b"etters" not in exported
    assert b"swordfish" not in exported


@given(st.text() | st.text("/\\ a"))
def test_any_text_as_a_folder_has_one_way_to_be_written(text: str) -> None:
    path = folder_path(folder_names(text))
    assert folder_path(folder_names(path)) == path


@given(st.lists(st.text("/\\ab ", min_size=1).map(plain_line).filter(bool)))
def test_names_of_folders_are_found_again_in_their_path(nested: list[str]) -> None:
    assert list(folder_names(folder_path(nested))) == nested


@pytest.mark.parametrize(
    ("text", "nested"),
    [
        ("", ()),
        ("Press", ("Press",)),
        ("Press/UK", ("Press", "UK")),
        (" Press // UK / ", ("Press", "UK")),
        (r"Income \/ spending/UK", ("Income / spending", "UK")),
        (r"A\\/B", ("A\\", "B")),
        (r"AC\DC", (r"AC\DC",)),
    ],
)
def test_a_slash_parts_folders_unless_a_backslash_says_that_it_does_not(text: str, nested: tuple[str, ...]) -> None:
    assert folder_names(text) == nested


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


def test_nested_folders_and_settings_are_written_as_other_programs_can_read_them() -> None:
    known = [
        Source(1, "https://a.example/feed", "", r"Press/UK \/ Ireland", interval=7200, full_text=True),
        Source(2, "https://b.example/feed", "B\x07", "Press"),
    ]

    assert (
        write_opml(known).decode()
        == """<?xml version='1.0' encoding='utf-8'?>
<opml xmlns:healthwire="tag:healthwire.invalid,2026:opml" version="2.0">
  <head>
    <title>Healthwire sources</title>
  </head>
  <body>
    <outline text="Press">
      <outline text="UK / Ireland">
        <outline type="rss" text="https://a.example/feed" title="https://a.example/feed" xmlUrl="https://a.example/feed" \
healthwire:interval="7200" healthwire:fullText="true"/>
      </outline>
      <outline type="rss" text="B" title="B" xmlUrl="https://b.example/feed"/>
    </outline>
  </body>
</opml>
"""
    )
