"""What makes two articles or two stories the same one."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds.identity import StoryKeys, digest, fingerprint, host_of, pair_up, same_story, story_keys
from feeds.model import Article, Story

ARTICLE = Article("guid", "Title", "Body", is_html=False, origin="entry", url="https://a.example/1", author="Ann", published=1_700_000_000)
TWELVE_WORDS = "one two three four five six seven eight nine ten eleven twelve"


def story(title: str = "", text: str = "", url: str | None = None) -> Story:
    return Story(title, text, f"<p>{text}</p>", url, 1, 1)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://News.Example:8443/feed?host=other.example", "news.example"),
        ("http://news.example./", "news.example"),
        ("https://ada@news.example/", "news.example"),
        ("http://[2001:DB8::1]:80/", "2001:db8::1"),
        ("imaps://ada@mail.example/INBOX", "mail.example"),
        ("imap://mail.example:143/", "mail.example"),
        ("file:///srv/letters/", ""),
        ("file://localhost/srv/", ""),
        ("maildir://mail/", ""),
        ("newsletter://list.example/", ""),
        ("https://[broken/", ""),
        ("", ""),
    ],
)
def test_the_host_of_a_source_is_the_one_that_is_asked(url: str, host: str) -> None:
    assert host_of(url) == host


@pytest.mark.parametrize(
    "edited",
    [
        replace(ARTICLE, title="Title!"),
        replace(ARTICLE, body="Body, edited"),
        replace(ARTICLE, url="https://a.example/2"),
        replace(ARTICLE, author=None),
        replace(ARTICLE, published=1_700_000_001),
        replace(ARTICLE, title="Title\nBody", body=""),
        replace(ARTICLE, title="", body="TitleBody"),
    ],
)
def test_a_fingerprint_changes_with_anything_that_a_reader_sees(edited: Article) -> None:
    assert fingerprint(edited) != fingerprint(ARTICLE)


def test_a_fingerprint_is_that_of_the_content_not_of_where_it_was_found() -> None:
    assert fingerprint(replace(ARTICLE, guid="other", base="https://b.example/", origin="letter")) == fingerprint(ARTICLE)


def test_a_digest_tells_apart_strings_that_join_to_the_same_one() -> None:
    assert len({digest("ab", "c"), digest("a", "bc"), digest("abc"), digest("abc", "")}) == 4
    assert len(digest("\ud800 lone surrogates do not stop it")) == 32


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("https://www.a.example/news/1/?utm_source=letter#top", "https://a.example/news/1"),
        ("HTTP://A.example:80/news?b=2&a=1", "https://a.example/news?a=1&b=2"),
        ("https://a.example/?id=7", "https://a.example?id=7"),
        ("https://a.example/", None),
        ("https://a.example/?utm_source=letter", None),
        ("mailto:press@a.example", None),
        (None, None),
    ],
)
def test_a_link_identifies_a_story_when_it_leads_to_more_than_a_front_page(url: str | None, key: str | None) -> None:
    assert story_keys([story(url=url)])[0].link == key


def test_a_link_that_two_stories_of_an_article_share_identifies_neither() -> None:
    told = [story("A", url="https://a.example/1"), story("B", url="https://a.example/2"), story("C", url="https://www.a.example/1#c")]
    assert [keys.link for keys in story_keys(told)] == [None, "https://a.example/2", None]


@pytest.mark.parametrize(
    ("title", "text", "identifies"),
    [
        ("", TWELVE_WORDS, True),
        ("One two three", "four five six seven eight nine ten eleven twelve", True),
        ("", TWELVE_WORDS.rsplit(" ", 1)[0], False),
        ("Weekly figures out today", "", False),
        ("", "", False),
    ],
)
def test_words_identify_a_story_from_twelve_on(title: str, text: str, identifies: bool) -> None:
    assert (story_keys([story(title, text)])[0].text is not None) is identifies


def test_case_punctuation_and_spacing_do_not_make_other_words() -> None:
    plain, dressed = story("One two", TWELVE_WORDS), story("ONE — two!", TWELVE_WORDS.replace(" ", ",\n  "))
    assert story_keys([plain])[0].text == story_keys([dressed])[0].text
    assert story_keys([plain])[0].text != story_keys([story("One two", TWELVE_WORDS + " thirteen")])[0].text


@pytest.mark.parametrize(
    ("one", "other", "within_a_source", "between_sources"),
    [
        (StoryKeys("l", "t"), StoryKeys("l", "t"), True, True),
        (StoryKeys("l", "t"), StoryKeys("l", "u"), False, True),
        (StoryKeys("l", "t"), StoryKeys("m", "t"), False, True),
        (StoryKeys(None, "t"), StoryKeys(None, "t"), True, True),
        (StoryKeys("l", "t"), StoryKeys(None, "t"), True, True),
        (StoryKeys("l", None), StoryKeys("l", None), False, True),
        (StoryKeys(None, "t"), StoryKeys(None, "u"), False, False),
        (StoryKeys(None, None), StoryKeys(None, None), False, False),
    ],
)
def test_what_is_the_same_story(one: StoryKeys, other: StoryKeys, within_a_source: bool, between_sources: bool) -> None:
    for left, right in ((one, other), (other, one)):
        assert same_story(left, right, same_source=True) is within_a_source
        assert same_story(left, right, same_source=False) is between_sources


# ---------------------------------------------------------------- an edited article's stories

# Few words, so that titles and texts often recur.
_words = st.lists(st.sampled_from(["beds", "nurses", "budget", "winter", "merger"]), max_size=4).map(" ".join)
_told = st.lists(st.tuples(_words, _words), max_size=6)
_distinct = st.lists(st.tuples(_words, _words), max_size=6, unique=True)


@given(_told, _told)
def test_no_two_new_stories_continue_the_same_old_one(old: list[tuple[str, str]], new: list[tuple[str, str]]) -> None:
    pairs = pair_up(old, new)
    continued = [pair for pair in pairs if pair is not None]
    assert len(pairs) == len(new)
    assert len(continued) == len(set(continued))
    assert all(0 <= pair < len(old) for pair in continued)


@given(_told)
def test_unedited_stories_continue_themselves(told: list[tuple[str, str]]) -> None:
    assert pair_up(told, told) == list(range(len(told)))


@given(_distinct, st.randoms(use_true_random=False), st.integers(0, 6))
def test_stories_that_only_moved_or_lost_neighbours_continue_themselves(old: list[tuple[str, str]], random: Random, kept: int) -> None:
    order = random.sample(range(len(old)), min(kept, len(old)))
    assert pair_up(old, [old[index] for index in order]) == order


@given(_distinct, _told)
def test_a_new_story_never_takes_the_place_of_one_that_is_still_told(old: list[tuple[str, str]], extra: list[tuple[str, str]]) -> None:
    new = [*extra, *old]
    pairs = pair_up(old, new)
    assert [pairs.index(index) for index in range(len(old))] == [new.index(each) for each in old]


BEDS = ("Beds shut", "Sixty beds were closed on Friday after the boiler failed")
PAY = ("Pay offer", "Unions weigh an offer of three per cent for nurses")
DATA = ("Records lost", "A laboratory lost the records of nine patients overnight")


@pytest.mark.parametrize(
    ("old", "new", "pairs"),
    [
        pytest.param([BEDS], [PAY], [0], id="an article that is one story stays the same one"),
        pytest.param([], [BEDS], [None], id="the first story"),
        pytest.param([BEDS], [], [], id="the last one gone"),
        pytest.param([BEDS, DATA], [BEDS, PAY, DATA], [0, None, 1], id="one added between"),
        pytest.param([BEDS, PAY, DATA], [BEDS, DATA], [0, 2], id="one removed"),
        pytest.param([BEDS, PAY], [BEDS, DATA], [0, None], id="one replaced by other news"),
        pytest.param([BEDS, PAY], [("BEDS SHUT", "Reopened"), PAY], [0, 1], id="same title, other text"),
        pytest.param([BEDS, PAY], [BEDS, ("Unions undecided", PAY[1])], [0, 1], id="same text, other title"),
        pytest.param(
            [BEDS, PAY],
            [("Beds reopen", "The sixty beds closed on Friday after the boiler failed are open"), PAY],
            [0, 1],
            id="title and text rewritten in its place",
        ),
        pytest.param(
            [PAY, BEDS, DATA],
            [BEDS, ("More lost", "The laboratory that lost records of patients overnight found them")],
            [1, 2],
            id="rewritten in its place behind a neighbour that stayed",
        ),
        pytest.param([("In brief", "One"), ("In brief", "Two")], [("In brief", "Two"), PAY], [1, None], id="one title twice"),
        pytest.param([("Beds", ""), ("Pay", "")], [("Data", ""), ("Pay", "")], [None, 1], id="headlines without text are not alike"),
    ],
)
def test_which_story_continues_which(old: list[tuple[str, str]], new: list[tuple[str, str]], pairs: list[int | None]) -> None:
    assert pair_up(old, new) == pairs
