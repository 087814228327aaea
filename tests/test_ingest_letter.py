"""Newsletters and articles as mail, text and HTML files: charsets, codings, nesting and what is no letter at all."""

from __future__ import annotations

import base64
import quopri

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ingest_support import item, rss

from feeds.errors import InputError, ParseError
from feeds.ingest.letter import from_mail
from feeds.ingest.parse import parse_file
from feeds.model import Article

WORDS = "The trust’s café – “a £5 deficit”"
WESTERN = "The trust\x92s caf\xe9 \x96 \x93a \xa35 deficit\x94".encode("latin-1")


def read(name: str, body: bytes) -> Article:
    (article,) = parse_file(name, body).articles
    return article


def mail(body: bytes, *headers: str) -> bytes:
    fixed = (
        "From: News Desk <desk@example.org>",
        "Subject: Weekly",
        "Date: Thu, 23 Feb 2017 17:05:00 +0000",
        "Message-ID: <w7@example.org>",
    )
    return "\r\n".join((*fixed, *headers, "", "")).encode() + body


@pytest.mark.parametrize(
    "body",
    [
        WORDS.encode(),
        WORDS.encode("utf-8-sig"),
        WORDS.encode("utf-16"),
        b"\xfe\xff" + WORDS.encode("utf-16-be"),
        WESTERN,
        WORDS.encode("cp1252"),
    ],
    ids=["utf-8", "utf-8 with mark", "utf-16 little", "utf-16 big", "western as bytes", "western"],
)
def test_a_text_file_is_read_in_the_charset_that_it_was_written_in(body: bytes) -> None:
    assert read("news.txt", body).body == WORDS


@pytest.mark.parametrize(
    ("charset", "word", "body"),
    [
        ("iso-8859-1", "café", b"caf\xe9"),
        ("windows-1252", "€", b"\x80"),
        ("ISO-8859-1", "’", b"\x92"),
        ("iso-8859-15", "€", b"\xa4"),
        ("koi8-r", "банк", "банк".encode("koi8-r")),
        ("utf-8", "é", b"\xc3\xa9"),
        ("iso-8859-1", "é", b"\xc3\xa9"),
        ("no-such-charset", "é", b"\xc3\xa9"),
    ],
)
def test_an_html_file_is_read_in_the_charset_that_it_declares_as_browsers_do(charset: str, word: str, body: bytes) -> None:
    """Latin-1 means Windows-1252, and bytes that are good UTF-8 are UTF-8 whatever is declared."""
    markup = b'<html><head><meta charset="' + charset.encode() + b'"><title>T</title></head><p>' + body + b"</p></html>"
    assert f"<p>{word}</p>" in read("news.html", markup).body


@pytest.mark.parametrize(
    ("coding", "encoded"),
    [
        ("quoted-printable", quopri.encodestring(WORDS.encode())),
        ("base64", base64.encodebytes(WORDS.encode())),
        ("8bit", WORDS.encode()),
    ],
)
def test_a_mail_is_decoded_and_says_who_wrote_it_when(coding: str, encoded: bytes) -> None:
    article = read(
        "news.eml", mail(encoded, "MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8", f"Content-Transfer-Encoding: {coding}")
    )

    assert article.body.strip() == WORDS
    assert (article.title, article.author, article.published, article.guid) == ("Weekly", "News Desk", 1_487_869_500, "<w7@example.org>")
    assert (article.is_html, article.origin) == (False, "letter")


@pytest.mark.parametrize(("words", "body"), [(WORDS, WESTERN), ("The trust’s café", "The trust’s café".encode())])
@pytest.mark.parametrize("charset", ["iso-8859-1", "us-ascii", "latin1", "no-such-charset", '""'])
def test_mail_is_readable_although_it_misnames_its_charset(charset: str, words: str, body: bytes) -> None:
    assert read("news.eml", mail(body, f"Content-Type: text/plain; charset={charset}", "Content-Transfer-Encoding: 8bit")).body == words


@pytest.mark.parametrize(
    ("subject", "title"),
    [
        ("Fwd: FW: Re: Weekly round-up", "Weekly round-up"),
        ("=?utf-8?q?Caf=C3=A9_news?=", "Café news"),
        ("=?iso-8859-1?q?Caf=E9?= =?iso-8859-1?q?_news?=", "Café news"),
        ("Regional review", "Regional review"),
        ("Long\r\n subject", "Long subject"),
        ("", "march issue"),
    ],
)
def test_a_mail_is_called_what_its_subject_says_without_marks_of_forwarding(subject: str, title: str) -> None:
    body = f"From: a@example.org\r\nSubject: {subject}\r\n\r\nWords\r\n".encode()
    assert read("march_issue.eml", body).title == title


@pytest.mark.parametrize(
    ("parameters", "sent", "text"),
    [
        ("format=flowed", "A line that \r\ngoes on.\r\n\r\nNext.", "A line that goes on.\n\nNext."),
        ("format=flowed; delsp=yes", "Ver- \r\nwaltung", "Ver-waltung"),
        ("format=flowed", " From the start\r\nnot joined", "From the start\nnot joined"),
        ("format=flowed", "Text\r\n-- \r\nSignature", "Text\n-- \nSignature"),
        ("format=fixed", "Kept \r\nas is", "Kept \r\nas is"),
    ],
)
def test_softly_broken_lines_are_joined_only_where_the_mail_says_so(parameters: str, sent: str, text: str) -> None:
    assert read("a.eml", mail(sent.encode(), f"Content-Type: text/plain; charset=utf-8; {parameters}")).body == text


def part(kind: str, body: str, *headers: str) -> str:
    return "\r\n".join((f"Content-Type: {kind}", *headers, "", body, ""))


def multipart(kind: str, *parts: str) -> tuple[bytes, str]:
    boundary = f"=={kind}=="
    lines = "".join(f"--{boundary}\r\n{each}" for each in parts) + f"--{boundary}--\r\n"
    return lines.encode(), f'Content-Type: multipart/{kind}; boundary="{boundary}"'


def test_html_is_preferred_and_attachments_are_not_read() -> None:
    attachment = part("text/html", "<p>Attached</p>", "Content-Disposition: attachment; filename=a.html")
    body, header = multipart("alternative", part("text/plain", "Plain"), part("text/html", "<p>Rich</p>"), attachment)

    article = read("news.eml", mail(body, header))

    assert (article.body.strip(), article.is_html) == ("<p>Rich</p>", True)


def test_a_mail_that_was_forwarded_as_an_attachment_is_the_article_however_deep() -> None:
    letter = "From: Editor <ed@example.org>\r\nSubject: The letter\r\nMessage-ID: <inner@example.org>\r\n\r\nNews inside\r\n"
    twice, inner_header = multipart("mixed", part("text/plain", "See this"), part("message/rfc822", letter))
    middle = f"From: b@example.org\r\nSubject: Fwd: it\r\nMIME-Version: 1.0\r\n{inner_header}\r\n\r\n{twice.decode()}"
    body, header = multipart("digest", part("text/plain", "FYI"), part("message/rfc822", middle))

    article = read("news.eml", mail(body, "MIME-Version: 1.0", header))

    assert (article.title, article.author, article.guid) == ("The letter", "Editor", "<inner@example.org>")
    assert article.body.strip() == "News inside"


def test_a_mail_without_text_is_refused() -> None:
    body, header = multipart("mixed", part("application/pdf", "JVBERi0=", "Content-Transfer-Encoding: base64"))
    with pytest.raises(InputError, match=r"news\.eml: the mail has no text in it"):
        parse_file("news.eml", mail(body, "MIME-Version: 1.0", header))


@pytest.mark.parametrize(
    "header",
    [
        "Content-Type: text/plain; charset*",
        "Content-Type: text/plain; charset=utf-8; a*0*=x; a*1",
        "Content-Type: ;;;",
        "Content-Type: text",
        "Content-Disposition: inline; filename*",
        "Message-ID: <1@[",
        "Date: yesterday",
        "From: =?utf-8?b?",
        "From: @:,<;>(",
        "To: \"",
        "Content-Transfer-Encoding: rot13",
        "MIME-Version: ((((",
    ],
)  # fmt: skip
def test_broken_headers_do_not_hide_the_text(header: str) -> None:
    body = f"Subject: Weekly\r\nX-Mailer: 1\r\n{header}\r\n\r\nNews of the week\r\n".encode()

    article = read("news.eml", body)

    assert (article.title, article.body.strip()) == ("Weekly", "News of the week")
    assert article.guid


FRAGMENTS = st.sampled_from(
    (
        b"\r\n|\r\n\r\n|Content-Type: |Content-Disposition: |From: |Date: |Message-ID: |multipart/mixed; boundary=b|message/rfc822|--b"
        b'|--b--|; |*=|*0*=|=?utf-8?b?|?=|"|<|>|@|[|(|\0|\xff|text/html; charset=|Thu, 23 Feb 2017 17:05:00'
    ).split(b"|")
)


@given(st.lists(FRAGMENTS | st.binary(max_size=4), max_size=25).map(b"".join))
def test_any_bytes_are_a_mail_or_are_refused(body: bytes) -> None:
    try:
        article = from_mail("x.eml", b"Subject: x\r\n" + body)
    except InputError as error:
        assert str(error).startswith("x.eml: ")
    else:
        assert article.title
        (article.guid + article.title + (article.author or "")).encode()


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("scan.txt", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)) * 8),
        ("letter", b"PK\x03\x04" + bytes(range(256)) * 8),
        ("letter.html", b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n" + bytes(range(200)) * 8),
        ("letter.eml", mail(bytes(range(256)) * 4, "Content-Transfer-Encoding: 8bit")),
    ],
)
def test_binary_data_is_refused_by_name(name: str, body: bytes) -> None:
    with pytest.raises(InputError, match=f"^{name}: this is not text"):
        parse_file(name, body)


@pytest.mark.parametrize("name", ["a.txt", "a.eml", "a.html", "a.xml", "a", "-"])
@pytest.mark.parametrize("body", [b"", b" \r\n\t\n", b"\xef\xbb\xbf", b"\xff\xfe"])
def test_empty_files_are_refused_by_name(name: str, body: bytes) -> None:
    with pytest.raises(InputError, match=f"^{name}: the file is empty"):
        parse_file(name, body)


@pytest.mark.parametrize(
    ("body", "title", "is_html", "origin"),
    [
        (b"Trusts miss target\n\nMost trusts told us so.", "Trusts miss target", False, "letter"),
        (b"<!doctype html>\n<title>Weekly &amp; more</title><p>x", "Weekly & more", True, "letter"),
        (b"<div><p>Fragment</p></div>", "Newsletter", True, "letter"),
        (mail(b"Words"), "Weekly", False, "letter"),
        (b"\n\n" + mail(b"Words"), "Weekly", False, "letter"),
        (mail(b"<html><p>Words", "Content-Type: text/html"), "Weekly", True, "letter"),
        (b"Subject: what the board said\nand more of it\n", "Subject: what the board said", False, "letter"),
        (rss(item("1", "Entry", "Words")), "Entry", True, "entry"),
        (
            b'{"version": "https://jsonfeed.org/version/1.1", "items": [{"id": "1", "title": "Entry", "content_text": "x"}]}',
            "Entry",
            False,
            "entry",
        ),
    ],
    ids=["text", "page", "fragment", "mail", "mail after blank lines", "html mail", "text with a colon", "rss", "json"],
)
def test_a_document_without_a_telling_name_is_told_by_its_content(body: bytes, title: str, is_html: bool, origin: str) -> None:
    article = read("-", body)
    assert (article.title, article.is_html, article.origin) == (title, is_html, origin)


def test_a_file_is_known_again_by_its_name_and_standard_input_by_its_content() -> None:
    assert read("letters/week 7.txt", b"One").guid == read("week 7.txt", b"Other").guid == "week 7.txt"
    assert read("-", b"One").guid != read("-", b"Other").guid


def test_a_name_that_is_no_text_still_gives_a_guid_that_can_be_stored() -> None:
    read("caf\udce9.txt", b"Words").guid.encode()


@pytest.mark.parametrize(("name", "body"), [("a.xml", b"<note/>"), ("a.json", b"[]"), ("a.rss", b"words"), ("a.json", b"{")])
def test_a_file_that_is_called_a_feed_and_is_none_is_refused_by_name(name: str, body: bytes) -> None:
    with pytest.raises(ParseError, match=f"^{name}: "):
        parse_file(name, body)
