"""Outside text made fit to keep: HTML that runs nothing, words that XML can carry, one address for one page."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from ingest_support import HOSTILE_TEXT
from lxml import etree

from feeds.text import absolute_url, canonical_url, clean_html, plain_line, scrub, summary, title_line, web_url

PAYLOADS = [
    line.replace("\\n", "\n").replace("\\t", "\t").replace("\\x00", "\0").replace("\\x01", "\x01")
    for line in (Path(__file__).parent / "data" / "xss.txt").read_text(encoding="utf-8").splitlines()
]
HARMLESS = frozenset(
    "a abbr b blockquote br cite code dd del dl dt em figcaption figure h2 h3 h4 h5 h6 hr i img ins li ol p pre q s small strong"
    " sub sup table tbody td tfoot th thead tr u ul".split()
)


class Markup(HTMLParser):
    """What a reader of the markup would meet."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.others: list[str] = []
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_comment(self, data: str) -> None:
        self.others.append(data)

    def handle_decl(self, decl: str) -> None:
        self.others.append(decl)

    def handle_pi(self, data: str) -> None:
        self.others.append(data)

    def unknown_decl(self, data: str) -> None:
        self.others.append(data)


def assert_harmless(markup: str) -> None:
    parsed = Markup(markup)
    assert parsed.others == []
    for tag, attributes in parsed.found:
        assert tag in HARMLESS
        assert set(attributes) <= {"href", "src", "alt", "title", "rel", "colspan"}
        for name in ("href", "src"):
            if name in attributes:
                assert urlsplit(attributes[name] or "").scheme in ("http", "https", "mailto", "tel")
        if tag == "a":
            assert attributes["rel"] == "noopener noreferrer"


@pytest.mark.parametrize("payload", PAYLOADS)
def test_nothing_that_runs_survives_cleaning(payload: str) -> None:
    for markup in (payload, f"<p>{payload}</p>", f'<table><tr><td title="{payload}">{payload}', f"<b>{payload}{payload}"):
        cleaned = clean_html(markup)
        assert_harmless(cleaned)
        assert clean_html(cleaned) == cleaned


tokens = st.sampled_from(
    [
        *PAYLOADS,
        "<p>",
        "</p>",
        "<svg>",
        "<math>",
        "<style>",
        "</style>",
        "<!--",
        "-->",
        "<table>",
        "<noscript>",
        "<a href=",
        '"',
        "'",
        ">",
        "&lt;",
    ]
)


@given(st.lists(tokens | HOSTILE_TEXT, max_size=8).map("".join))
def test_no_mixture_of_payloads_survives_cleaning(markup: str) -> None:
    assert_harmless(clean_html(markup))


@pytest.mark.parametrize(
    ("markup", "cleaned"),
    [
        ("<p>Plain &amp; <b>bold</b></p>", "<p>Plain &amp; <b>bold</b></p>"),
        ('<a href="https://a/?b&amp;c" title="t">x</a>', '<a href="https://a/?b&amp;c" title="t" rel="noopener noreferrer">x</a>'),
        ('<a href="mailto:desk@a.example">x</a>', '<a href="mailto:desk@a.example" rel="noopener noreferrer">x</a>'),
        ('<img src="https://a.example/x.png" alt="A chart" width="5">', '<img src="https://a.example/x.png" alt="A chart">'),
        ('<table><tr><th colspan="2">A</th></tr></table>', '<table><tbody><tr><th colspan="2">A</th></tr></tbody></table>'),
        ("<h2>Head</h2><ul><li>one</li></ul>", "<h2>Head</h2><ul><li>one</li></ul>"),
        ("<div><p>Kept <span>words</span></p></div>", "<p>Kept words</p>"),
        ("<style>p{}</style><script>x</script>left", "left"),
        ("a\x00b\x0bc\ud800d", "abcd"),
    ],
)  # fmt: skip
def test_what_a_story_needs_survives_cleaning(markup: str, cleaned: str) -> None:
    assert clean_html(markup) == cleaned


@given(HOSTILE_TEXT)
@example("\x00\x01\x08\x0b\x0c\x0e\x1f\x7f\x80\x9f\ud800\udfff\ufdd0\ufffe\uffff\U0001fffe\U0010ffff")
def test_scrubbed_text_can_be_carried_by_xml_and_keeps_everything_else(text: str) -> None:
    element = etree.Element("title")
    element.text = scrub(text)

    carried = etree.fromstring(etree.tostring(element, encoding="utf-8")).text or ""

    assert carried == scrub(text).replace("\r\n", "\n") or "\r" in text
    assert [char for char in text if char.isprintable() or char in "\t\n\r"] == [
        char for char in scrub(text) if char.isprintable() or char in "\t\n\r"
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("  two\r\n\twords ", "two words"),
        ("no\u00a0break\u2003space", "no break space"),
        ("zero\u200bwidth\ufeff so\u00adft", "zerowidth soft"),
        ("left\u202eright", "leftright"),
        ("AT&amp;T <b>", "AT&amp;T <b>"),
        ("\x00 \ud800", ""),
    ],
)
def test_a_plain_line_is_one_line_of_what_can_be_seen(text: str, line: str) -> None:
    assert plain_line(text) == line


@given(HOSTILE_TEXT)
def test_a_plain_line_stays_as_it_is(text: str) -> None:
    assert plain_line(plain_line(text)) == plain_line(text)
    assert "\n" not in plain_line(text)


@pytest.mark.parametrize(
    ("markup", "title"),
    [
        ("Plain", "Plain"),
        ("R&D", "R&D"),
        ("R&amp;D", "R&D"),
        ("R&amp;amp;D", "R&D"),
        ("<b>Bold</b> news", "Bold news"),
        ("&lt;b&gt;Bold&lt;/b&gt; news", "Bold news"),
        ("5 < 6 and 7 > 3", "5 < 6 and 7 > 3"),
        ("5 &lt; 6 &gt; 2", "5 < 6 > 2"),
        ("It&#8217;s &quot;here&quot;", 'It’s "here"'),
        ("one<br/>two", "one two"),
        ("&lt;p&gt;One&lt;/p&gt;&lt;p&gt;two &amp;amp; th<i>re</i>e&lt;/p&gt;", "One two & three"),
        ("  spaced \n out ", "spaced out"),
        ("bell\x07&#7;", "bell"),
        ("", ""),
    ],
)
def test_a_title_is_plain_text_however_it_was_escaped(markup: str, title: str) -> None:
    assert title_line(markup) == title


@given(HOSTILE_TEXT, st.integers(2, 400))
def test_a_summary_is_never_longer_than_its_limit_and_begins_as_the_text_does(text: str, limit: int) -> None:
    line = plain_line(text)
    told = summary(text, limit)
    assert len(told) <= limit
    assert told == line if len(line) <= limit else told.endswith("…") and line.startswith(told[:-1])


@pytest.mark.parametrize(
    ("text", "limit", "told"),
    [
        ("One two three", 13, "One two three"),
        ("One two three four", 13, "One two…"),
        ("One two, three", 12, "One two…"),
        ("Unbrokenword", 5, "Unbr…"),
        ("One\n\n two", 20, "One two"),
    ],
)
def test_a_summary_ends_at_a_word(text: str, limit: int, told: str) -> None:
    assert summary(text, limit) == told


@pytest.mark.parametrize(
    ("url", "canonical"),
    [
        ("https://A.Example/News/1", "https://a.example/News/1"),
        ("http://www.a.example/news/1/", "https://a.example/news/1"),
        ("https://a.example:443/x", "https://a.example/x"),
        ("http://a.example:80/x", "https://a.example/x"),
        ("http://a.example:8080/x", "https://a.example:8080/x"),
        ("https://a.example/x?b=2&a=1", "https://a.example/x?a=1&b=2"),
        ("https://a.example/x?utm_source=rss&utm_medium=feed&id=7&fbclid=z", "https://a.example/x?id=7"),
        ("https://a.example/x?UTM_Campaign=y#section", "https://a.example/x"),
        ("https://a.example/x?empty=", "https://a.example/x?empty="),
        ("https://a.example/x?q=a%20b", "https://a.example/x?q=a+b"),
        ("https://user:secret@a.example/x", "https://a.example/x"),
        ("https://a.example", "https://a.example"),
        ("https://a.example/", "https://a.example"),
        ("https://[2001:DB8::1]/x", "https://[2001:db8::1]/x"),
        (" https://a.example/x ", "https://a.example/x"),
        ("mailto:a@a.example", None),
        ("javascript:alert(1)", None),
        ("ftp://a.example/", None),
        ("/relative", None),
        ("//a.example/x", None),
        ("https://", None),
        ("https://a.example:port/", None),
        ("https://[::1/", None),
        ("https://a b.example/", None),
        ("", None),
        (None, None),
    ],
)
def test_two_links_to_one_page_have_one_canonical_address(url: str | None, canonical: str | None) -> None:
    assert canonical_url(url) == canonical


hosts = st.sampled_from(
    [
        "a.example",
        "www.www.a.example",
        "WWW.A.EXAMPLE.",
        "[2001:db8::1]",
        "[::1]",
        "user:pw@a.example",
        "xn--caf-dma.example",
        "é.example",
        "a",
        "",
    ]
)
addresses = st.builds(
    lambda scheme, host, port, path, query, fragment: f"{scheme}://{host}{port}/{path}?{query}#{fragment}",
    st.sampled_from(["http", "https", "HTTPS"]),
    hosts | st.text(max_size=8),
    st.sampled_from(["", ":", ":80", ":443", ":0", ":8080", ":99999"]),
    st.text("/ ab%2F.;é\u3000\t", max_size=8) | HOSTILE_TEXT,
    st.text("a=&+;% utm_é", max_size=12) | HOSTILE_TEXT,
    HOSTILE_TEXT,
)


@given(HOSTILE_TEXT | addresses)
@example("http://a.example/x /")
@example("http://www.www.a.example")
@example("http://[::1]/x")
@example("http://a.example/?q=\ud800")
def test_a_canonical_address_is_its_own_canonical_address(url: str) -> None:
    canonical = canonical_url(url)
    assert canonical is None or canonical_url(canonical) == canonical


@given(HOSTILE_TEXT | addresses)
def test_a_web_address_is_kept_as_given_or_not_at_all(url: str) -> None:
    kept = web_url(url)
    assert kept is None or (kept in (url, scrub(url).strip()) and kept.lower().startswith(("http://", "https://")))


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "https://a.example/a b", 'https://a.example/"x', "https://a.example/<x>", "http:///x", "a.example", None, ""],
)
def test_what_is_no_web_address_is_dropped(url: str | None) -> None:
    assert web_url(url) is None


@pytest.mark.parametrize(
    ("href", "base", "address"),
    [
        ("/b?c", "https://a.example/x/y", "https://a.example/b?c"),
        ("b", "https://a.example/x/y", "https://a.example/x/b"),
        ("//b.example/", "http://a.example/", "http://b.example/"),
        ("https://b.example/x", None, "https://b.example/x"),
        (" \n/two\twords and\r\nmore ", "https://a.example/", "https://a.example/twowords%20andmore"),
        ("#part", "https://a.example/x", "https://a.example/x#part"),
        ("", "https://a.example/x", None),
        (" \t", "https://a.example/x", None),
        ("/b", None, None),
        ("javascript:alert(1)", "https://a.example/", None),
        ("https://[::1/", "https://a.example/", None),
        ("/x", "https://[::1/", None),
    ],
)
def test_where_a_link_leads(href: str, base: str | None, address: str | None) -> None:
    assert absolute_url(href, base) == address
