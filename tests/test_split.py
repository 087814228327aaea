from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.newsletters import Labelled, found, labelled
from feeds.ingest.parse import parse_file
from feeds.ingest.split import split
from feeds.model import Article

SEEDS = Path(__file__).resolve().parents[2] / "shared" / "seeds"

# What the program does not get right yet, and why. Each stays in the score that `make bench` prints.
KNOWN_GAPS = {
    "a12-masthead-one-story": "a boxed masthead of several centred lines is taken for the headline",
    "b08-board-papers": "the numbers of papers under each heading are kept as text",
    "b14-marketing-suite": "an advert set exactly like a story is kept as text of the story above it",
    "d02_trade_weekly_nomasthead_2014": "a sub-heading that looks like the headings of stories begins a story",
    "d05_library_alert_2016": "a headline that fills its line is joined to its text; training dates in a story's form are kept",
    "d08_board_summary_2013": "who was present is kept as text of the last story",
    "d16_runin_briefing_2024": "a story below an advert is taken for part of the advert",
}


def cases() -> list[object]:
    return [
        pytest.param(case, id=case.name, marks=[pytest.mark.xfail(reason=KNOWN_GAPS[case.name])] if case.name in KNOWN_GAPS else [])
        for case in labelled()
    ]


@pytest.mark.parametrize("case", cases())
def test_a_document_is_cut_into_the_stories_that_a_person_finds(case: Labelled) -> None:
    assert found(case.file) == case.stories, case.note


SEED_STORIES = {
    "000_49b3906abf666e15.txt": ["Deficit deterioration", "County-wide CCG shake-up?"],
    "001_ff25edba847f65e6.txt": [
        "Trusts will miss deficit target",
        "NHS’s top chief executives 2017",
        "CCG shake-ups revealed",
        "Trusts chosen for new Carter review",
        "Sir Robert Francis: NHS facing ‘existential crisis’",
    ],
    "002_ef662478a5cb8661.txt": [
        "Trusts almost on track with financial plans",
        "Deadlines for STP leaders confirmed",
        "Data sharing platform revealed",
        "Raised eyebrows over Bath contract",
        "New concerns at Stafford",
        "CSU redundancy bill revealed",
        "Oxfordshire CCG goes again",
        "Four trusts given power to lead",
    ],
    "003_16fe5d3534aab1b1.txt": ["A three pronged plan", "A permanent temporary problem"],
    "004_46319baf96def003.txt": ["Quarter of CCGs set to miss 1% surplus target"],
}


@pytest.mark.skipif(not SEEDS.is_dir(), reason="the real newsletters do not lie beside this checkout")
@pytest.mark.parametrize(("name", "titles"), SEED_STORIES.items(), ids=lambda value: str(value)[:3])
def test_real_newsletters_are_cut_into_their_stories(name: str, titles: list[str]) -> None:
    assert [story.title for story in found(SEEDS / name)] == titles


@pytest.mark.skipif(not SEEDS.is_dir(), reason="the real newsletters do not lie beside this checkout")
@pytest.mark.parametrize("name", SEED_STORIES, ids=lambda name: name[:3])
def test_every_paragraph_of_a_real_newsletter_is_kept_or_is_furniture(name: str) -> None:
    furniture = ("essential update", "Catch Up", "round-up of", "must read", "sign up", "registered", "Register", "Sign in", "Funding:")
    kept = " ".join(text for story in found(SEEDS / name) for text in (story.title, *story.paragraphs))
    for line in (SEEDS / name).read_text("utf-8").split("\n"):
        words = " ".join(line.replace("•", " ").split())
        assert words in kept or any(phrase in words for phrase in furniture), words


def letter(body: str, *, is_html: bool = False, title: str = "") -> Article:
    return Article(guid="x", title=title, body=body, is_html=is_html, origin="letter")


def titles(article: Article) -> list[str]:
    return [story.title for story in split(article).stories]


def test_two_hundred_stories_in_one_document() -> None:
    stories = [
        (f"Trust number {n} opens its ward", f"The ward at site {n} opened on Monday with {n} beds and a queue.") for n in range(200)
    ]
    body = "The weekly health bulletin\n\n" + "\n\n".join(f"{title}\n\n{text}" for title, text in stories)

    cut = split(letter(body)).stories

    assert [(story.title, story.text) for story in cut] == stories
    assert [(story.position, story.of) for story in cut] == [(n, 200) for n in range(1, 201)]


def test_an_article_of_a_feed_with_sub_headings_stays_one_story_under_its_own_title() -> None:
    body = (
        "<p>The trust published its plan on Monday and said that it would take three years to carry out.</p>"
        "<h2>Background</h2><p>The plan was drafted in 2019 and shelved during the pandemic.</p>"
        "<h2>What happens next</h2><p>The board will vote on it in March, after a public meeting.</p>"
    )
    article = Article("g", "Trust plan at last", body, is_html=True, origin="entry", url="https://trust.example/plan")

    (story,) = split(article).stories

    assert (story.title, story.url) == ("Trust plan at last", "https://trust.example/plan")
    assert "Background" in story.text
    assert "after a public meeting." in story.text
    assert "<h3>Background</h3>" in story.html


def test_a_document_in_doubt_stays_whole_and_says_so() -> None:
    body = (
        "Mergers in the north\n\nThree trusts in the north have agreed to share a board, their chief executives said on Friday.\n\n"
        "Nurses in the south\n\nA survey of nurses found that half of them would leave within a year if pay did not rise.\n"
    )

    result = split(letter(body))

    assert len(result.stories) == 1
    assert result.doubt is not None
    assert "2 headings" in result.doubt
    assert "would leave within a year" in result.stories[0].text


@pytest.mark.parametrize(
    "sentence",
    [
        "Surgeries that subscribe to a reminder service lost fewer appointments than those that do not.",
        "The trust’s weekly round-up of missed appointments, pinned up in waiting rooms, will end in April.",
        "Patients were told to register with another practice by the end of the month or lose their place.",
        "The message was sent to 840 patients by mistake, and the trust has written to all of them to apologise.",
        "To change the culture of its wards the trust will ask every manager to spend a day a month on one.",
        "The report was published by the department on Monday and says that the savings have been counted twice.",
        "Next year the board will have to find another nine million pounds from a budget that has not grown.",
        "Copyright in the risk score belongs to the company, which has asked the board for a licence fee.",
        "Contact with families broke down in the first weeks, the inquiry heard, and was never put right.",
        "Updated guidance was sent to trusts on Monday, three days after the old guidance had been withdrawn.",
    ],
)
def test_prose_that_sounds_like_boilerplate_is_kept(sentence: str) -> None:
    body = (
        "The weekly health bulletin\n\nBoard meets in Oxley\n\nThe board of the trust met on Tuesday to hear from its auditors.\n\n"
        f"{sentence}\n\nAnother question was put off.\n\nClinic opens in Tarrow\n\nThe clinic has nine rooms and a garden with a pond.\n"
    )

    assert sentence in split(letter(body)).stories[0].text


def test_links_of_stories_come_from_their_headings_or_their_read_more_lines() -> None:
    body = (
        "<h1>Weekly round-up</h1>"
        '<h2><a href="/one">Trust merges with neighbour</a></h2><p>Two boards met in one room and came out as one board.</p>'
        "<h2>Nurses walk out in Oxley</h2><p>Four hundred nurses left the wards at seven in the morning.</p>"
        '<p><a href="https://other.example/two?utm_source=mail">Read more</a></p>'
    )
    article = Article("x", "", body, is_html=True, origin="letter", base="https://news.example/weekly")

    assert [story.url for story in split(article).stories] == ["https://news.example/one", "https://other.example/two?utm_source=mail"]


def test_a_link_that_leads_nowhere_is_plain_words() -> None:
    body = '<p>The <a href="http://[x">board</a> and the <a href="javascript:alert(1)">trust</a> met on a bridge over the river.</p>'

    (story,) = split(letter(body, is_html=True, title="A meeting")).stories

    assert story.html == "<p>The board and the trust met on a bridge over the river.</p>"
    assert story.url is None


@pytest.mark.parametrize("body", ["", " \n\t ", "\x00\x01", "<html><body></body></html>", "-----\n=====\n", "•\n\n•", "<p>" * 3000])
def test_a_document_without_words_has_no_stories(body: str) -> None:
    assert split(letter(body, is_html="<" in body)).stories == ()


WORDS = st.sampled_from("board trust nurse ward clinic council patients funding waiting review winter report staff beds".split())
SENTENCES = st.builds(lambda words: " ".join(words).capitalize() + ".", st.lists(WORDS, min_size=9, max_size=16))


@given(st.lists(st.lists(SENTENCES, min_size=1, max_size=4), min_size=2, max_size=9))
@settings(max_examples=60, deadline=None)
def test_no_sentence_of_a_round_up_is_lost_or_told_twice(stories: list[list[str]]) -> None:
    headed = [(f"News from district {chr(65 + n)}", paragraphs) for n, paragraphs in enumerate(stories)]
    body = "This week in health: the weekly bulletin\n\n" + "\n\n".join("\n\n".join([title, *paragraphs]) for title, paragraphs in headed)

    assert [(story.title, story.text.split("\n\n")) for story in split(letter(body)).stories] == headed


@given(st.text(max_size=600), st.booleans())
@settings(max_examples=150, deadline=None)
def test_any_text_gives_a_result_whose_html_is_safe(body: str, is_html: bool) -> None:
    for story in split(letter(body, is_html=is_html)).stories:
        assert story.title
        assert "<script" not in story.html.lower()


PIECES = st.sampled_from(
    [
        "<p>",
        "</p>",
        "<b>",
        "</b>",
        "<br>",
        "<li>",
        "<ul>",
        "<td>",
        "<table>",
        "<tr>",
        "<h2>",
        "</h2>",
        '<a href="x">',
        "</a>",
        "<!-- x -->",
        "text ",
        "• ",
        "\n\n",
    ]
)


@given(st.lists(PIECES, max_size=60).map("".join))
@settings(max_examples=150, deadline=None)
def test_any_markup_gives_a_result(markup: str) -> None:
    stories = split(letter(markup, is_html=True)).stories

    assert all(story.of == len(stories) for story in stories)


def test_a_newsletter_file_may_be_read_from_bytes_to_stories() -> None:
    body = b"The weekly health digest\r\n\r\nFirst headline here\r\n\r\nThe first story says a thing.\r\n\r\n"
    body += b"Second headline here\r\n\r\nThe second story says another."

    (article,) = parse_file("digest.txt", body).articles

    assert titles(article) == ["First headline here", "Second headline here"]


HOSTILE = {
    "a rule with a word": ("-" * 200_000 + "x", False),
    "one endless word": ("a" * 1_000_000, False),
    "emoji": ("\U0001f600" * 100_000 + " end", False),
    "quotation marks": ("He said. " + "'\"" * 100_000, False),
    "short lines": ("News of the day\n" * 60_000, False),
    "bullets": ("- an item of a list\n" * 60_000, False),
    "fonts": (f'<p style="{"font:" * 100_000}">The board met on Tuesday.</p>', True),
    "style sheet": ("<style>" + ".a{" * 100_000 + "</style><p>The board met on Tuesday.</p>", True),
    "paragraphs": ("<p>The board met on Tuesday.</p>" * 40_000, True),
    "nested": ("<div>" * 50_000 + "The board met on Tuesday.", True),
    "line breaks": ("<br>" * 100_000 + "The board met on Tuesday.", True),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_document_made_to_hang_the_splitter_is_read_like_any_other(name: str) -> None:
    body, is_html = HOSTILE[name]

    (story,) = split(letter(body, is_html=is_html, title="Hostile")).stories

    assert story.title
    assert len(story.text) + len(story.title) >= len("The board met on Tuesday.")
