"""Newsletters and articles as mail, text and HTML files: charsets, codings, nesting and what is no letter at all."""

from __future__ import annotations

import base64
import quopri
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ingest_support import item, rss

from feeds.errors import InputError, ParseError
from feeds.ingest.letter import from_mail, headers_of, list_id
from feeds.ingest.parse import parse_file
from feeds.ingest.split import split
from feeds.model import Article, Newsletter

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


@pytest.mark.parametrize(
    ("headers", "key", "title"),
    [
        ("List-Id: Weekly Beds <Weekly.Example.ORG>", "list/weekly.example.org", "Weekly Beds"),
        ('List-ID: "Weekly, Beds" <weekly.example.org>', "list/weekly.example.org", "Weekly, Beds"),
        ("List-Id: =?utf-8?q?Caf=C3=A9_news?=\r\n <weekly.example.org>", "list/weekly.example.org", "Café news"),
        ("List-Id: <weekly.example.org>", "list/weekly.example.org", "News Desk"),
        ("List-Id: weekly.example.org", "list/weekly.example.org", "News Desk"),
        ("List-Id: 0f1e2d3c4b5a69788796a5b4cmc list <0f1e.7.list-id.example.net>", "list/0f1e.7.list-id.example.net", "News Desk"),
        ("List-Id: no identifier here", "from/desk@example.org", "News Desk"),
        (f"List-Id: <{'x' * 300}.example.org>", "from/desk@example.org", "News Desk"),
        ("X-Other: 1", "from/desk@example.org", "News Desk"),
    ],
)
def test_a_newsletter_is_known_by_its_list_and_else_by_its_sender(headers: str, key: str, title: str) -> None:
    assert read("news.eml", mail(b"Words", headers)).newsletter == Newsletter(key, title)


@pytest.mark.parametrize(
    ("sender", "newsletter", "author"),
    [
        ("desk@Example.org", Newsletter("from/desk@example.org", "desk@Example.org"), "desk@Example.org"),
        ("<desk@example.org>", Newsletter("from/desk@example.org", "desk@example.org"), "desk@example.org"),
        ('"Desk, News" <desk@example.org>', Newsletter("from/desk@example.org", "Desk, News"), "Desk, News"),
        ("=?utf-8?b?Q2Fmw6k=?= <desk@example.org>", Newsletter("from/desk@example.org", "Café"), "Café"),
        ('"boss@example.net" <desk@example.org>', Newsletter("from/desk@example.org", "boss@example.net"), "boss@example.net"),
        ("News Desk", None, "News Desk"),
        ("", None, None),
    ],
)
def test_a_sender_is_known_by_address_and_called_by_name(sender: str, newsletter: Newsletter | None, author: str | None) -> None:
    article = read("news.eml", f"Subject: Weekly\r\nDate: Thu, 23 Feb 2017 17:05:00 +0000\r\nFrom: {sender}\r\n\r\nWords".encode())
    assert (article.newsletter, article.author) == (newsletter, author)


def test_copies_of_a_mail_are_one_article_and_different_mails_are_not() -> None:
    lines = b"From: a@example.org\r\nSubject: Weekly\r\nDate: Thu, 23 Feb 2017 17:05:00 +0000\r\n"
    to, cc = (read("x", lines + way + b"\r\n\r\nWords").guid for way in (b"To: ada@example.net\r\nReceived: 1", b"Cc: ada@example.net"))
    assert to == cc
    others = [lines.replace(b"23 Feb", b"24 Feb"), lines.replace(b"a@", b"b@"), lines.replace(b"Weekly", b"Daily")]
    assert len({to, *(read("x", other + b"\r\nWords").guid for other in others), read("x", lines + b"\r\nOthers").guid}) == 5
    assert read("x", lines + b"Message-ID: <>\r\n\r\nWords").guid == to


FORWARDER = (
    "From: Ada <ada@example.net>",
    "Date: Fri, 24 Feb 2017 09:00:00 +0100",
    "Message-ID: <outer@example.net>",
    "MIME-Version: 1.0",
    "Content-Transfer-Encoding: 8bit",
)
LETTER_SENT = 1_487_869_500  # 23 February 2017, 17:05 UTC


def forward(subject: str, body: str, kind: str = "plain") -> Article:
    headers = (*FORWARDER, f"Subject: {subject}", f"Content-Type: text/{kind}; charset=utf-8")
    return read("f.eml", "\r\n".join((*headers, "", body)).encode())


PLAIN_FORWARDS = {
    "named": """FYI

Ada

---------- Forwarded message ---------
From: News Desk <Desk@example.org>
Date: Thu, 23 Feb 2017 at 17:05 GMT
Subject: Fwd: Weekly beds
To: Ada <ada@example.net>, Bob <bob@example.net>,
 Cy <cy@example.net>


Beds are closing.
""",
    "quoted": """Begin forwarded message:

> From: News Desk <desk@example.org>
> Subject: Weekly beds
> Date: 23 February 2017 at 17:05:00 GMT
> To: ada@example.net
>
> Beds are closing.
""",
    "original": """-----Original Message-----
From: News Desk [mailto:desk@example.org]
Sent: 23 February 2017 18:05
To: Ada
Subject: Weekly beds

Beds are closing.
""",
    "headers alone": """________________________________
From: News Desk <desk@example.org>
Sent: Thursday, February 23, 2017 6:05 PM
To: Ada
Subject: Weekly beds

Beds are closing.
""",
    "bold headers": """*From:* News Desk <desk@example.org>
*Sent:* 2017-02-23 18:05
*To:* Ada
*Subject:* Weekly beds

Beds are closing.
""",
    "attributed": """On Thu, 23 Feb 2017 at 18:05, News Desk <desk@example.org>
wrote:

> Beds are closing.
""",
    "subject first": """-------- Forwarded Message --------
Subject: \tWeekly beds
Date: \tThu, 23 Feb 2017 17:05:00 +0000
From: \tNews Desk <desk@example.org>
To: \tAda

Beds are closing.
""",
}


@pytest.mark.parametrize("body", PLAIN_FORWARDS.values(), ids=PLAIN_FORWARDS)
def test_a_letter_forwarded_in_plain_text_is_the_article(body: str) -> None:
    """Times without a zone are those of the forwarder, who is one hour east of Greenwich."""
    article = forward("Fwd: Weekly beds", body)

    assert article.body.strip() == "Beds are closing."
    assert (article.title, article.author, article.published) == ("Weekly beds", "News Desk", LETTER_SENT)
    assert article.newsletter == Newsletter("from/desk@example.org", "News Desk")
    assert article.guid == "<outer@example.net>"


HTML_FORWARDS = {
    "lines": """<div dir="ltr">FYI<br><br><div class="gmail_quote"><div dir="ltr" class="gmail_attr">---------- Forwarded message
---------<br>From: <b dir="auto">News Desk</b> <span>&lt;<a href="mailto:desk@example.org">desk@example.org</a>&gt;</span><br>
Date: Thu, Feb 23, 2017 at 6:05&#8239;PM<br>Subject: Weekly beds<br>To: &lt;ada@example.net&gt;<br></div><br><br>
<h1>Beds</h1><p>They are <b>closing</b>.</p></div></div>""",
    "quotation": """<html><body><div>Begin forwarded message:</div><br><blockquote type="cite"><div><b>From: </b>News Desk
&lt;desk@example.org&gt;<br></div><div><b>Subject: </b><b>Weekly beds</b><br></div><div><b>Date: </b>23 February 2017 at 17:05:00
GMT<br></div><div><b>To: </b>Ada<br></div><br><h1>Beds</h1><p>They are <b>closing</b>.</p></blockquote></body></html>""",
    "paragraph": """<html><body><p>FYI</p><img src="https://example.net/logo.png"><div style="border:none"><p><b><span>From:</span></b>
<span> News Desk &lt;desk@example.org&gt; <br><b>Sent:</b> 23 February 2017 18:05<br><b>To:</b> Ada<br><b>Subject:</b> Weekly beds
</span></p></div><p>&nbsp;</p><h1>Beds</h1><p>They are <b>closing</b>.</p></body></html>""",
    "table": """<html><body><div>-------- Forwarded Message --------<table><tbody><tr><th>Subject: </th><td>Weekly beds</td></tr>
<tr><th>Date: </th><td>Thu, 23 Feb 2017 17:05:00 +0000</td></tr><tr><th>From: </th><td>News Desk &lt;desk@example.org&gt;</td></tr>
<tr><th>To: </th><td>Ada</td></tr></tbody></table><br><h1>Beds</h1><p>They are <b>closing</b>.</p></div></body></html>""",
}


@pytest.mark.parametrize("body", HTML_FORWARDS.values(), ids=HTML_FORWARDS)
def test_a_letter_forwarded_in_html_is_the_article_in_the_shape_that_it_had(body: str) -> None:
    article = forward("FW: Weekly beds", body, "html")

    assert (article.title, article.author, article.published) == ("Weekly beds", "News Desk", LETTER_SENT)
    assert article.newsletter == Newsletter("from/desk@example.org", "News Desk")
    (story,) = split(article).stories
    assert (story.title, story.text, story.html) == ("Beds", "They are closing.", "<p>They are <strong>closing</strong>.</p>")


def test_of_letters_forwarded_again_the_innermost_is_the_article() -> None:
    inner = PLAIN_FORWARDS["original"].replace("Weekly beds", "FW: Weekly beds").replace("News Desk [mailto:desk@example.org]", "Bob")
    article = forward("Fwd: Weekly beds", inner.replace("Beds are closing.", PLAIN_FORWARDS["named"]))

    assert (article.title, article.author, article.body.strip()) == ("Weekly beds", "News Desk", "Beds are closing.")


def test_a_letter_forwarded_without_a_word_in_the_subject_is_known_by_the_mark_above_it() -> None:
    assert forward("Look at this", PLAIN_FORWARDS["named"]).author == "News Desk"


def test_what_somebody_wrote_at_length_above_a_forwarded_letter_is_kept() -> None:
    words = "The board met on Monday and agreed on most of it. " * 7
    for kind, body in (("plain", PLAIN_FORWARDS["named"]), ("html", HTML_FORWARDS["lines"])):
        article = forward("Fwd: Weekly beds", body.replace("FYI", words), kind)
        assert words.strip() in article.body
        assert article.author == "News Desk"
        assert "Forwarded message" not in article.body


MANY_WORDS = "Several trusts told of mails that went astray last week, and one of them is shown here. " * 8


@pytest.mark.parametrize(
    ("subject", "body"),
    [
        ("Re: Fwd: Weekly beds", PLAIN_FORWARDS["named"]),
        ("Re: Weekly beds", PLAIN_FORWARDS["original"]),
        ("Weekly beds", PLAIN_FORWARDS["original"]),
        ("Weekly beds", PLAIN_FORWARDS["headers alone"]),
        ("Weekly beds", PLAIN_FORWARDS["attributed"]),
        ("Forward planning", PLAIN_FORWARDS["headers alone"]),
        ("Weekly beds", MANY_WORDS + "\n\n" + PLAIN_FORWARDS["named"]),
        ("Fwd: Weekly beds", "---------- Forwarded message ---------\n\nNothing is said of it.\n"),
        ("Fwd: Weekly beds", "From: our correspondent\n\nBeds are closing.\n"),
        ("Fwd: Weekly beds", "From: Monday\nTo: Friday\n\nBeds are closing.\n"),
        ("Fwd: Weekly beds", "Beds are closing.\n"),
    ],
)
def test_other_mails_keep_every_word_and_their_own_sender(subject: str, body: str) -> None:
    article = forward(subject, body)
    assert article.body == body
    assert article.newsletter == Newsletter("from/ada@example.net", "Ada")


def test_a_list_that_an_attached_letter_came_through_names_the_newsletter() -> None:
    letter = "From: Editor <ed@example.org>\r\nList-Id: Beds <beds.example.org>\r\nSubject: Beds\r\n\r\nNews inside\r\n"
    body, header = multipart("mixed", part("text/plain", "See this"), part("message/rfc822", letter))

    article = read("f.eml", mail(body, "MIME-Version: 1.0", header, "List-Id: Outer <outer.example.net>"))

    assert article.newsletter == Newsletter("list/beds.example.org", "Beds")


def test_calendars_and_signatures_are_not_read() -> None:
    invitation = part("text/calendar", "BEGIN:VCALENDAR", "Content-Disposition: inline")
    signature = part("application/pgp-signature", "-----BEGIN PGP SIGNATURE-----")
    body, header = multipart("mixed", invitation, part("text/plain", "News"), signature)
    assert read("news.eml", mail(body, "MIME-Version: 1.0", header)).body.strip() == "News"


def nested(depth: int) -> bytes:
    return b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(depth)) + b"\r\nWords"


def one_part(separator: bytes, times: int) -> bytes:
    return b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + separator * times


HOSTILE = {
    "100,000 headers": b"X-H: y\r\n" * 100_000 + b"\r\nWords",
    "a long header": b"From: " + b'"' * 1_000_000 + b"\r\n\r\nWords",
    "many addresses": b"From: " + b"a@b.example, " * 100_000 + b"\r\n\r\nWords",
    "nested 100 deep": nested(100),
    "nested 1,500 deep": nested(1500),
    "nested 50,000 deep": nested(50_000),
    "nested under many lines": nested(200) + b"\r\n" * 400_000,
    "100,000 parts": one_part(b"--b\r\n\r\nx\r\n", 100_000),
    "a long report": b"Content-Type: message/delivery-status\r\n\r\n" + b"A: b\r\n\r\n" * 200_000,
    "mails in mails": b"Content-Type: message/rfc822\r\n\r\n" * 5000 + b"Words",
    "a missing boundary": b"Content-Type: multipart/mixed\r\n\r\n--b\r\n\r\nWords",
    "an unclosed boundary": one_part(b"--b\r\n\r\nWords", 1),
    "nothing but NUL": b"Subject: x\r\n\r\n" + bytes(1_000_000),
    "a NUL in the text": b"Subject: x\r\n\r\nWo\0rds",
    "soft line breaks": b"Content-Type: text/plain; format=flowed\r\n\r\n" + b"words \r\n" * 300_000,
    "marks of forwarding": b"Subject: Fwd: x\r\n\r\n" + b"Forwarded message\nFrom: a,\n" * 60_000,
    "answers": b"Subject: Fwd: x\r\n\r\n" + b"On 1:11 1:11 1:11 1:11 1:11 <a@b> < wrote:\n" * 40_000,
    "quotation marks": b"Subject: Fwd: x\r\n\r\n" + b">" * 1_900_000,
    "quotations": b"Subject: Fwd: x\r\nContent-Type: text/html\r\n\r\n" + b"<blockquote>" * 200 + b"<b> </b>" * 100_000 + b"From: x",
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_hostile_mails_are_read_or_refused_in_little_time(body: bytes) -> None:
    started = time.process_time()
    try:
        from_mail("x.eml", body)
    except InputError as error:
        assert str(error).startswith("x.eml: ")
    assert time.process_time() - started < 3


LINES = (
    "From: a <a@example.org>|Subject: Fwd: x|Date: 1 Feb 2017 10:00|To: b,|Forwarded message|-----Original Message-----||> |words"
    "|On 1 Feb 2017 10:00, a <a@example.org> wrote:|\0|<b>|<br>"
).split("|")


@given(st.lists(st.sampled_from(LINES), max_size=12))
def test_no_word_is_lost_outside_the_blocks_of_forwarded_letters(lines: list[str]) -> None:
    for kind in ("plain", "html"):
        body = "\n".join([*lines, "<p>the last words</p>"])
        assert "the last words" in forward("Fwd: x", body, kind).body


def test_headers_are_read_without_the_rest_of_the_mail() -> None:
    headers = headers_of(b"List-Id: Beds <beds.example.org>\nSubject: x\n\nList-Id: <other.example.org>\n" + b"x" * 1_000_000)
    assert list_id(headers) == "beds.example.org"
