"""Nothing that is kept is larger than news is, whatever a source sends."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from ingest_support import HOSTILE_TEXT

from feeds.ingest.extract import cut, extract_feed
from feeds.ingest.sizes import bounded, first_of, named_shortly
from feeds.model import Article, Split, Story

ARTICLE = Article("guid", "Title", "Body.", is_html=False, origin="entry")
STORY = Story("Title", "Text.", "<p>Text.</p>", "https://a.example/", 1, 1)


def test_news_stays_as_it_is() -> None:
    long_read = replace(STORY, text="x" * 100_000, html="x" * 300_000)
    split = Split((STORY, long_read), "kept whole")
    assert bounded(split) == split
    assert named_shortly(ARTICLE) == ARTICLE
    assert first_of([ARTICLE, ARTICLE]) == (ARTICLE, ARTICLE)


def test_of_a_longer_story_the_beginning_is_kept_as_plain_paragraphs() -> None:
    (story,) = bounded(Split((replace(STORY, text=f"{'a' * 60_000}\n\n<b>&{'b' * 60_000}", html="<p>other</p>"),))).stories

    assert len(story.text) == 100_000
    assert story.html == f"<p>{'a' * 60_000}</p><p>&lt;b&gt;&amp;{'b' * (100_000 - 60_006)}</p>"


def test_a_story_of_more_markup_than_text_keeps_the_text() -> None:
    (story,) = bounded(Split((replace(STORY, html="<p>" * 100_001),))).stories
    assert (story.text, story.html) == ("Text.", "<p>Text.</p>")


def test_names_are_cut_at_a_word_and_long_guids_told_apart_by_their_hashes() -> None:
    one, other = (named_shortly(replace(ARTICLE, title="word " * 1000, author="name " * 1000, guid="x" * 5000 + end)) for end in "ab")
    assert one.title.endswith("word\u2026")
    assert 490 < len(one.title) <= 500
    assert len(one.author or "") <= 500
    assert len(one.guid) == len(other.guid) == 32
    assert one.guid != other.guid


def test_of_a_document_so_many_articles_are_read_and_so_much_but_always_the_first() -> None:
    assert len(first_of([ARTICLE] * 3000)) == 2000
    assert len(first_of([replace(ARTICLE, body="x" * 1_000_000)] * 10)) == 5
    assert len(first_of([replace(ARTICLE, body="x" * 9_000_000), ARTICLE])) == 1


def test_what_is_left_out_of_a_document_is_counted() -> None:
    entry = "<item><guid>%d</guid><title>T</title><description>%s</description></item>"
    body = f"<rss version='2.0'><channel>{''.join(entry % (number, 'x' * 2_000_000) for number in range(4))}</channel></rss>"
    extract = extract_feed(body.encode(), "", "https://a.example/")
    assert (len(extract.cuts), len(extract.marks), extract.dropped) == (2, 4, 2)


def test_an_article_counts_as_another_when_what_was_left_out_of_it_changes() -> None:
    one, other = cut([replace(ARTICLE, body="x" * 200_000 + end) for end in "ab"])
    assert one.article.body == other.article.body
    assert one.split == other.split
    assert one.fingerprint != other.fingerprint


def about(length: int) -> st.SearchStrategy[str]:
    """Texts that are repeated until they are just below, at or just above this length, and some that are not."""
    texts = st.builds(lambda text, end: (text * length)[:end], HOSTILE_TEXT, st.integers(length - 2, length + 2))
    return texts | HOSTILE_TEXT


@given(st.lists(st.builds(lambda title, text: replace(STORY, title=title, text=text), about(500), about(100_000)), max_size=5))
def test_any_stories_are_bounded_without_being_lost(stories: list[Story]) -> None:
    kept = bounded(Split(tuple(stories))).stories
    assert [story.text for story in kept] == [story.text[:100_000] for story in stories]
    assert all(len(story.title) <= 500 and len(story.html) <= 600_000 for story in kept)
