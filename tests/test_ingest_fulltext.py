"""Full text from pages. Each document in data/pages has beside it what a reader would say that it is."""

from __future__ import annotations

import json
import logging
import re
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ingest_support import HOSTILE_TEXT

from feeds.ingest.fulltext import is_teaser, with_page
from feeds.ingest.split import split
from feeds.model import Article

PAGES = Path(__file__).parent / "data" / "pages"
EXPECTED = sorted(PAGES.glob("*.expected.json"))
URL = "https://press.example.org/news/board"


def name(expected: Path) -> str:
    return expected.name.removesuffix(".expected.json")


def entry(body: str = "", *, title: str = "Board meets in secret", is_html: bool = False, url: str | None = URL) -> Article:
    return Article("g1", title, body, is_html, "entry", url, url, published=1_700_000_000)


def read(expected: Path) -> tuple[dict[str, Any], Article, Article, str | None]:
    """What is expected, the article as the feed has it, and what became of it."""
    want = json.loads(expected.read_text(encoding="utf-8"))
    article = replace(
        entry(want["teaser"], title=want["title"], is_html=want["teaser"].startswith("<"), url=want["url"]),
        base=want.get("base", want["url"]),
    )
    page = (PAGES / f"{name(expected)}.html").read_bytes()
    return want, article, *with_page(article, page, want.get("content_type", "text/html; charset=utf-8"), want["url"])


@pytest.mark.parametrize("expected", EXPECTED, ids=name)
def test_a_page_is_taken_for_the_article_or_not_as_a_reader_would_say(expected: Path) -> None:
    want, article, got, reason = read(expected)

    assert reason == want["reason"], want["about"]
    if reason:
        assert got is article
        return
    (story,) = split(got).stories
    words = " ".join(story.text.split())
    assert want["title"] not in words
    assert words.startswith(want["begins"])
    assert [phrase for phrase in want["text"] if words.count(phrase) != 1] == []
    assert [phrase for phrase in want["absent"] if phrase in words] == []
    assert [markup for markup in want.get("html", []) if markup not in got.body] == []


@pytest.mark.parametrize("expected", EXPECTED, ids=name)
def test_a_page_changes_nothing_but_the_body_and_its_base(expected: Path) -> None:
    want, article, got, reason = read(expected)

    assert got == replace(article, body=got.body, is_html=got.is_html, base=got.base)
    assert got.base == (article.base if reason else want["url"])


@pytest.mark.parametrize("expected", EXPECTED, ids=name)
def test_every_entry_of_these_pages_is_a_teaser(expected: Path) -> None:
    assert is_teaser(read(expected)[1])


FORTY = " ".join(["The board met on Tuesday to hear what its auditors had found in the accounts."] * 3)
HUNDRED = " ".join(["The board met on Tuesday to hear what its auditors had found in the accounts."] * 8)
LONG = " ".join(["The board met on Tuesday to hear what its auditors had found in the accounts."] * 20)


@pytest.mark.parametrize(
    ("body", "teaser"),
    [
        ("", True),
        ("<img src='https://press.example.org/a.jpg'>", True),
        (FORTY, True),
        (HUNDRED, False),
        (f"{HUNDRED}…", True),
        (f"{HUNDRED} [...]", True),
        (f"{HUNDRED} and then the […]", True),
        (f"{HUNDRED} and then Read more", True),
        (f"{HUNDRED} Continue reading →", True),
        (f"<p>{HUNDRED}</p><p><a href='{URL}'>Read the full story</a></p>", True),
        (f"<p>{HUNDRED} <a href='{URL}'>More</a></p>", True),
        (f"<p>{HUNDRED}</p><p>The post <a href='{URL}'>Board meets</a> appeared first on <a href='/'>The Board Room</a>.</p>", True),
        (f"<p>{HUNDRED}</p><p>He said… nothing.</p>", False),
        (f"<p>{HUNDRED}</p><p>The chair would not say more.</p>", False),
        (f"{LONG}…", False),
        (f"<p>{LONG}</p><p><a href='{URL}'>Read more</a></p>", False),
        (f"<p>{LONG}</p><p>The post <a href='{URL}'>Board meets</a> appeared first on <a href='/'>The Board Room</a>.</p>", False),
    ],
)  # fmt: skip
def test_a_teaser_is_short_or_breaks_off(body: str, teaser: bool) -> None:
    assert is_teaser(entry(body, is_html=body.startswith("<"))) is teaser


def test_a_short_round_up_is_no_teaser() -> None:
    body = "".join(
        f"<h2><a href='https://{n}.example/story'>Trust number {n} opens its ward</a></h2><p>The ward opened on Monday with {n} beds.</p>"
        for n in range(4)
    )

    assert not is_teaser(entry(f"<p>This week in health:</p>{body}", title="The weekly round-up", is_html=True))


@pytest.mark.parametrize(
    "article",
    [
        replace(entry("Short."), origin="letter"),
        entry("Short.", url=None),
        entry("Short.", url="mailto:desk@example.org"),
        entry("<p>" + "<br>" * 20_000 + "Short.", is_html=True),
    ],
    ids=["letter", "no address", "no web page", "much markup"],
)
def test_what_has_no_page_to_read_is_no_teaser(article: Article) -> None:
    assert not is_teaser(article)


PARAGRAPHS = [
    "The board of Wexcombe Infirmary met in secret for the third time this month, and again no minutes were taken.",
    "Two governors who had not been invited waited in the corridor until midnight, when a porter told them that the room was empty.",
    "What was decided is known only in part: the pathology contract, worth eleven million pounds a year, goes to a firm from abroad.",
    "The chair, who signed it, has since left for a post at the same firm, and nobody has been asked to follow him in the role so far.",
]
PARAGRAPHS += [
    "Patients’ groups say that blood will now travel two hundred miles before anybody looks at it, and that results which came in "
    "the afternoon will come in the morning of the day after, if the motorway is clear.",
    "A spokeswoman would not say whether the staff of the laboratory, of whom there are sixty, will be offered work elsewhere. Their "
    "union has asked a judge to look at the way in which the contract was let.",
]
STORY = "".join(f"<p>{text}</p>" for text in PARAGRAPHS)


def page(main: str, *, title: str = "Board meets in secret", head: str = "") -> bytes:
    return f"<!doctype html><html><head><title>{title}</title>{head}</head><body><main>{main}</main></body></html>".encode()


def refusal(main: str, *, content_type: str = "text/html", head: str = "", title: str = "Board meets in secret") -> str | None:
    return with_page(entry("A meeting behind doors."), page(main, head=head, title=title), content_type, URL)[1]


@pytest.mark.parametrize(
    ("content_type", "reason"),
    [
        ("text/html", None),
        ("Text/HTML;charset=UTF-8", None),
        ("application/xhtml+xml", None),
        ("", None),
        ("application/pdf", "the page is no HTML but application/pdf"),
        ("text/plain", "the page is no HTML but text/plain"),
    ],
)
def test_only_html_is_read(content_type: str, reason: str | None) -> None:
    assert refusal(STORY, content_type=content_type) == reason


@pytest.mark.parametrize(
    "head",
    [
        '<meta property="article:content_tier" content="locked">',
        '<script type="application/ld+json">{"@type": "Article", "isAccessibleForFree": "http://schema.org/False"}</script>',
        '<script type="application/ld+json">[{"mainEntity": [{"isAccessibleForFree": false}]}]</script>',
    ],
)
def test_a_page_that_says_in_its_data_that_it_is_not_free_is_not_taken(head: str) -> None:
    assert refusal(STORY, head=head) == "the page asks for a subscription"


@pytest.mark.parametrize(
    "head",
    [
        '<meta property="article:content_tier" content="free">',
        '<script type="application/ld+json">{"isAccessibleForFree": true}</script>',
        '<script type="application/ld+json">{"itemListElement": [{"isAccessibleForFree": false}]}</script>',
        '<script type="application/ld+json">{"isAccessibleForFree": false</script>',
        '<script>var x = {"isAccessibleForFree": false}</script>',
    ],
)
def test_what_data_says_of_other_pages_or_cannot_say_does_not_matter(head: str) -> None:
    assert refusal(STORY, head=head) is None


@pytest.mark.parametrize(
    "box",
    [
        "Subscribe to continue reading",
        "To read the full story, become a member.",
        "Sign in or register to read this article in full.",
        "This content is only available to subscribers.",
        "The rest of this analysis is for members.",
        "You’ve reached your limit of free articles.",
        "Unlock this article with a free trial",
        "Subscriber-only content",
    ],
)
@pytest.mark.parametrize("inside", [True, False], ids=["inside", "below"])
def test_a_box_below_the_text_that_bars_the_rest_means_that_there_is_a_rest(box: str, inside: bool) -> None:
    barred = (
        f"<article>{STORY * 3}<p>{box}</p></article>"
        if inside
        else f"<article>{STORY}</article><div><form><label>{box}</label></form></div>"
    )

    assert refusal(barred) == "the page asks for a subscription"


@pytest.mark.parametrize(
    "box",
    [
        "<div style='display: none'>{}</div>",
        "<div hidden>{}</div>",
        "<div aria-hidden='true'>{}</div>",
        "<footer>{}</footer>",
        "<nav>{}</nav>",
        "<template>{}</template>",
        f"<div class='related'>{'<p><a href=x>Another piece</a></p>' * 60}</div><div>{{}}</div>",
    ],
)
def test_a_box_that_is_hidden_or_far_from_the_text_bars_nothing(box: str) -> None:
    assert refusal(f"<article>{STORY}</article>{box.format('Subscribe to continue reading')}") is None


def test_a_short_text_with_a_prompt_to_pay_is_not_taken_though_it_holds_the_teaser() -> None:
    short = f"<p>{PARAGRAPHS[0]}</p><p>{PARAGRAPHS[1]}</p><p>{PARAGRAPHS[2]}</p>"

    def reason(main: str) -> str | None:
        return with_page(entry(PARAGRAPHS[0]), page(main), "text/html", URL)[1]

    assert reason(short) is None
    assert reason(f"{short}<div>Already a subscriber? <a href='/in'>Log in</a></div>") == "the page asks for a subscription"
    assert reason(f"{short}<form>User name <input> Password <input> <button>Log in</button></form>") == "the page asks to sign in"


def test_a_short_text_in_other_words_than_the_feed_is_not_taken() -> None:
    short = f"<p>{PARAGRAPHS[3]}</p><p>{PARAGRAPHS[2]}</p>"

    assert refusal(short) == "the page is about something else"


def test_notices_within_the_text_are_left_out() -> None:
    notice = "You can change your cookie settings at any time, as our partners set some of them."

    got, reason = with_page(entry(), page(f"<article>{STORY}<p>{notice}</p>{STORY.upper()}</article>"), "text/html", URL)

    assert reason is None
    assert PARAGRAPHS[-1].upper() in got.body
    assert notice not in got.body


@pytest.mark.parametrize("paragraphs", [2, 6])
@pytest.mark.parametrize("box", ["<article>{}</article>", "<div class='post'>{}</div>", "<div>{}</div>"])
def test_boxes_that_lead_to_other_articles_are_not_the_article(paragraphs: int, box: str) -> None:
    text = "".join(f"<p>{text}</p>" for text in PARAGRAPHS[:paragraphs])
    cards = "".join(
        f"<div class='card'><h3><a href='/{n}'>Headline {n} of the week</a></h3><p>In {n} words what another article tells, at the length "
        f"which a reader would call a sentence or two, and then some more of them.</p></div>"
        for n in range(60)
    )

    got, reason = with_page(entry(PARAGRAPHS[0]), page(f"{box.format(text)}<div class='grid'>{cards}</div>"), "text/html", URL)

    assert reason is None
    assert PARAGRAPHS[paragraphs - 1] in got.body
    assert "another article" not in got.body


def test_boxes_without_headings_do_not_take_the_place_of_the_article() -> None:
    cards = "".join(
        f"<div class='card'><b><a href='/{n}'>Headline {n} of the week</a></b><p>In {n} words what another article tells, at the length "
        f"which a reader would call a sentence or two, and then some more of them.</p></div>"
        for n in range(90)
    )

    got, _ = with_page(entry(PARAGRAPHS[0]), page(f"<article>{STORY}</article><div class='grid'>{cards}</div>"), "text/html", URL)

    assert PARAGRAPHS[-1] in got.body
    assert "another article" not in got.body


@pytest.mark.parametrize("box", ["{}", "<div>{}</div>"], ids=["one below another", "in boxes"])
def test_a_round_up_with_linked_headings_is_no_list_of_boxes(box: str) -> None:
    texts = [f"{text} {' '.join(PARAGRAPHS[-2:])}" for text in PARAGRAPHS[:4]]
    items = "".join(box.format(f"<h3><a href='https://{n}.example/'>Story {n}</a></h3><p>{text}</p>") for n, text in enumerate(texts))

    got, reason = with_page(entry(PARAGRAPHS[0][:60] + "…"), page(f"<article>{items}</article>"), "text/html", URL)

    assert reason is None
    assert all(text in got.body for text in texts)


def test_what_an_article_calls_its_bottom_is_left_out() -> None:
    imprint = "<div class='bottom'><p>Made by Quayside Press, a house in a town with a harbour, a station and a pier.</p></div>"

    got, reason = with_page(entry(), page(f"<article>{STORY}{imprint}</article>"), "text/html", URL)

    assert reason is None
    assert "Quayside" not in got.body


def test_a_live_blog_is_known_by_its_microdata() -> None:
    blog = f"<div itemscope itemtype='https://schema.org/LiveBlogPosting'>{STORY}</div>"

    assert refusal(blog) == "the page is a live blog, which goes on changing"


@pytest.mark.parametrize(
    "sentence",
    [
        "Patients must register with a surgery to view all of their results, and many of them were already registered elsewhere.",
        "The scheme is available to members of the union, who have to sign in with a card to see more of it.",
        "The app sets eleven cookies on the telephones of patients, the privacy commissioner found when she took it apart.",
        "Patients who withdraw consent are not told what became of the records that had been shared before they did.",
        "The page on which waiting times were published was not found by anybody who was asked to look for it.",
        "Access to the fund costs £40 a year, and firms that subscribe to it may bid for work that others never hear of.",
        "The regulator enables JavaScript developers to test their apps against records of patients who were made up.",
    ],
)
def test_news_that_sounds_like_a_notice_is_taken_and_keeps_its_words(sentence: str) -> None:
    got, reason = with_page(
        entry("A meeting behind doors."), page(f"<article>{STORY}<p>{sentence}</p>{STORY.upper()}</article>"), "text/html", URL
    )

    assert reason is None
    assert sentence in " ".join(split(got).stories[0].text.split())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Please verify that you are human to go on.", "the page checks whether its reader is human"),
        ("Access to this page has been denied.", "the page checks whether its reader is human"),
        ("JavaScript is disabled in your browser.", "the page needs JavaScript"),
        ("The article you are looking for doesn’t exist.", "the page says that there is no such article"),
        ("Something went wrong. Try again later.", "the page says that there is no such article"),
        ("Already a member? Log in", "the page asks for a subscription"),
        ("User name Password Log in Forgotten your password?", "the page asks to sign in"),
        ("We value your privacy. Accept all cookies or manage your choices.", "the page shows a cookie notice"),
        ("", "the page has no article text"),
        ("Page 1 of 9", "the page has no article text"),
    ],
)
def test_a_page_of_few_words_is_known_by_what_it_says(text: str, reason: str) -> None:
    assert refusal(f"<p>{text}</p>") == reason


@pytest.mark.parametrize(
    ("title", "reason"),
    [
        ("404 Not Found", "the page says that there is no such article"),
        ("Page not found | Board meets in secret", "the page says that there is no such article"),
        ("Log in - The Board Room", "the page asks to sign in"),
        ("Subscribe | The Board Room", "the page asks for a subscription"),
        ("Just a moment...", "the page checks whether its reader is human"),
        ("Before you continue", "the page shows a cookie notice"),
        ("The Board Room | Board meets in secret", None),
        ("BOARD meets in Secret!", None),
        ("Secret meeting of boards", None),
        ("A garden for the hospice", "the page is about something else"),
    ],
)
def test_a_page_is_known_by_its_name(title: str, reason: str | None) -> None:
    assert refusal(STORY, title=title) == reason


def test_an_article_whose_title_sounds_like_a_notice_is_taken() -> None:
    article = entry("A meeting behind doors.", title="Sign in or be fined, nurses told")

    assert with_page(article, page(STORY + "<p>Nurses who do not sign in are fined.</p>", title=article.title), "text/html", URL)[1] is None


def test_a_page_of_another_name_is_taken_if_it_tells_the_whole_teaser() -> None:
    teaser = f"{PARAGRAPHS[1]} Read more"

    assert with_page(entry(teaser), page(STORY, title="The Board Room"), "text/html", URL)[1] is None
    assert with_page(entry("Two governors waited. " + teaser), page(STORY, title="The Board Room"), "text/html", URL)[1] is not None


def test_a_title_alone_does_not_make_any_page_the_article() -> None:
    assert with_page(entry(""), page(STORY, title="The Board Room"), "text/html", URL)[1] == "the page is about something else"


@pytest.mark.parametrize(
    ("teaser", "kept"),
    [
        (PARAGRAPHS[0], []),
        (PARAGRAPHS[0].upper().replace(",", " –"), []),
        (PARAGRAPHS[0][:70] + "…", []),
        (PARAGRAPHS[0][:70] + " [...] Continue reading", []),
        (f"<p>{PARAGRAPHS[0]}</p><p>The post <a href='x'>Board</a> appeared first on <a href='y'>The Board Room</a>.</p>", []),
        ("A meeting behind doors.", ["A meeting behind doors."]),
        (f"<p>{PARAGRAPHS[2]}</p><p>A <b>meeting</b> behind doors.</p>", ["A meeting behind doors."]),
    ],
)
def test_of_the_teaser_stays_what_the_page_does_not_say(teaser: str, kept: list[str]) -> None:
    got, reason = with_page(entry(teaser, is_html=teaser.startswith("<")), page(STORY), "text/html", URL)

    assert reason is None
    assert split(got).stories[0].text.split("\n\n") == [*kept, *PARAGRAPHS]


def test_links_lead_where_they_led_on_the_page_and_nothing_runs() -> None:
    links = (
        '<p>More in <a href="../papers?id=1&amp;x=2" onclick="steal()">the papers</a> and <a href="javascript:steal()">elsewhere</a>.</p>'
    )
    got, reason = with_page(
        entry(), page(f"{STORY}{links}<script>steal()</script><iframe src='https://evil.example'></iframe>"), "text/html", URL
    )

    assert reason is None
    assert 'href="https://press.example.org/papers?id=1&amp;x=2"' in got.body
    assert "elsewhere" in got.body
    assert not re.search(r"steal|<iframe|<script|onclick", got.body)


@pytest.mark.parametrize(
    "markup",
    [
        f"<div class='x'>{'<br><br>'.join(PARAGRAPHS)}</div>",
        f"<table><tr><td><a href='/1'>News</a></td><td><font size=2>{'<br>'.join(PARAGRAPHS)}</font></td></tr></table>",
        f"<div>{''.join(f'<div>{text}</div>' for text in PARAGRAPHS)}</div>",
        f"<div>{''.join(f'<span>{text}</span> ' for text in PARAGRAPHS)}</div>",
        f"<div class='page-widget'><div class='author-column'>{STORY}</div></div>",
        f"<section><dl>{''.join(f'<dt>Why?</dt><dd>{text}</dd>' for text in PARAGRAPHS)}</dl></section>",
        "".join(f"<div class='group'><div class='column'><p>{text}</p></div></div>" for text in PARAGRAPHS),
    ],
    ids=["breaks", "fonts in tables", "divisions", "spans", "odd names", "definitions", "columns"],
)  # fmt: skip
def test_the_text_is_found_in_markup_of_any_fashion(markup: str) -> None:
    menu = "".join(f"<a href='/{n}'>Section {n}</a> " for n in range(20))

    got, reason = with_page(entry(), page(f"<div>{menu}</div><h1>Board meets in secret</h1>{markup}"), "text/html", URL)

    assert reason is None
    words = split(got).stories[0].text
    assert [text for text in PARAGRAPHS if text not in words] == []
    assert "Section 3" not in words


@pytest.mark.parametrize(
    ("content_type", "charset", "head"),
    [
        ("text/html; charset=windows-1252", "cp1252", ""),
        ("text/html", "cp1252", '<meta charset="iso-8859-1">'),
        ("text/html; charset=utf-8", "cp1252", '<meta charset="windows-1252">'),
        ("text/html", "utf-16", ""),
        ("text/html; charset=utf-16", "utf-16", ""),
        ("text/html; charset=iso-8859-1", "utf-8", ""),
        ("text/html; charset=rot13", "utf-8", ""),
    ],
)
def test_pages_of_any_charset_are_read(content_type: str, charset: str, head: str) -> None:
    body = page(f"{STORY}<p>“Zoë’s café” cost £40, a visitor said.</p>", head=head).decode().encode(charset)

    got, reason = with_page(entry(), body, content_type, URL)

    assert reason is None
    assert "“Zoë’s café” cost £40" in got.body


def test_a_charset_that_only_the_header_names_is_believed() -> None:
    body = page(f"{STORY}<p>Zażółć gęślą jaźń, said the matron.</p>").decode().replace("’", "'").encode("iso-8859-2")

    assert "Zażółć gęślą jaźń" in with_page(entry(), body, "text/html; charset=ISO-8859-2", URL)[0].body


@pytest.mark.parametrize("main", ["<div>" * 130 + STORY, STORY + "<br>" * 10_000, STORY + " " * 2_000_000], ids=["deep", "parts", "long"])
def test_a_page_that_is_too_large_is_refused(main: str) -> None:
    assert refusal(main) == "the page is too large to be read"


def test_nothing_is_logged(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    with caplog.at_level(logging.DEBUG):
        for body in (b"", b"<html></html>", b"<html><body><p>x", page("<table>" * 60 + STORY)):
            with_page(entry(), body, "text/html", URL)

    assert [record for record in caplog.records if record.name.startswith("trafilatura")] == []
    assert capfd.readouterr() == ("", "")


HOSTILE = {
    "deep": "<div>" * 100_000 + STORY,
    "as deep as may be": "<div>" * 100 + STORY * 500,
    "unclosed links": "<a href=x>y" * 4500,
    "attributes": "<p " + " ".join(f"a{n}=1" for n in range(150_000)) + f">{STORY}",
    "one attribute": f"<p class='{'comment-x ' * 100_000}'>{STORY}",
    "ten megabytes": "word " * 2_000_000,
    "just small enough": "word " * 390_000,
    "one word": "a" * 1_900_000,
    "headlines": "<h1>" * 100 + "x " * 500_000,
    "paragraphs": "".join(f"<p>{n} {text}</p>" for n in range(1500) for text in PARAGRAPHS),
    "line breaks": "text<br>" * 9000,
    "lists": "<ul><li>x" * 50 + "<li>y" * 9000,
    "tables": "<table><tr><td>" * 30 + STORY * 500,
    "comments": "<!-- x -->" * 150_000 + STORY,
    "entities": "&amp;" * 390_000,
    "deep data": f"<script type='application/ld+json'>{'[' * 1_000_000}</script>{STORY}",
    "much data": f"<script type='application/ld+json'>[{'{},' * 500_000}{{}}]</script>{STORY}",
    "calls": "subscribe to read this " * 80_000,
    "dots": "… " * 300_000,
    "articles": f"<article>{STORY}</article>" * 1500,
    "bad links": "".join(f"<p><a href='http://[{n}'>{text}</a></p>" for n in range(700) for text in PARAGRAPHS),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_page_made_to_hang_the_reader_is_read_or_refused_in_seconds(kind: str) -> None:
    started = time.process_time()

    got, reason = with_page(entry("A meeting behind doors."), page(HOSTILE[kind]), "text/html", URL)

    assert time.process_time() - started < 6
    assert reason != "the page cannot be read"
    assert got.body == "A meeting behind doors." if reason else PARAGRAPHS[0][:80] in got.body
    assert len(got.body) < 400_000


PIECES = st.sampled_from(
    [
        *("<p>", "</p>", "<div>", "</div>", "<article>", "</article>", "<b>", "</b>", "<ul><li>", "</ul>", "<table><tr><td>", "</table>"),
        *("<h1>", "<h2>", "</h2>", '<a href="x">', "</a>", "<script>", "</script>", "<style>", "<svg>", "<iframe>", "<noscript>", "<br>"),
        *(
            "<!--",
            "-->",
            "<![CDATA[",
            "<?x?>",
            "<base href='//[x'>",
            "&#0;&#1;&#xd800;",
            '<p onload="x" style="display:none">',
            *PARAGRAPHS,
        ),
    ]
)


@given(st.lists(PIECES | HOSTILE_TEXT, max_size=40).map("".join), st.sampled_from(["A meeting behind doors.", f"<p>{PARAGRAPHS[1]}</p>"]))
@settings(max_examples=150, deadline=None)
def test_any_page_leaves_the_teaser_as_it_was_or_adds_to_it(markup: str, teaser: str) -> None:
    article = entry(teaser, is_html=teaser.startswith("<"))

    got, reason = with_page(article, page(markup).replace(b"\0", b""), "text/html", URL)

    assert (got is article) is (reason is not None)
    words = " ".join(re.findall(r"\w+", re.sub(r"<[^>]*>", " ", got.body)))
    assert " ".join(re.findall(r"\w+", re.sub(r"<[^>]*>", " ", teaser))) in words
    assert not re.search(r"<(?:script|style|iframe|svg)|\son\w+=|javascript:", got.body, re.I)


@given(st.binary(max_size=400), st.sampled_from(["", "text/html", "text/html; charset=utf-16", "text/html;charset=punycode", "image/png"]))
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_refused_in_words(body: bytes, content_type: str) -> None:
    article = entry("A meeting behind doors.")

    got, reason = with_page(article, body, content_type, URL)

    assert got is article
    assert reason
    assert reason.startswith("the ")


@given(st.lists(st.sampled_from(PARAGRAPHS), unique=True, min_size=1), st.text(st.characters(categories=["L", "P", "Zs"]), max_size=80))
@settings(max_examples=60, deadline=None)
def test_the_words_of_the_teaser_are_in_the_result(paragraphs: list[str], own: str) -> None:
    teaser = "\n\n".join([own, *paragraphs])

    got, _ = with_page(entry(teaser), page(STORY), "text/html", URL)

    said = " ".join(re.findall(r"\w+", split(got).stories[0].text.casefold()))
    for text in split(entry(teaser)).stories[0].text.split("\n\n"):
        assert " ".join(re.findall(r"\w+", text.casefold())) in said
