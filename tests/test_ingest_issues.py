"""Cut articles become issues: what is new or edited, tagged in one batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from fakes import KeywordTagger

from feeds.identity import fingerprint
from feeds.ingest.extract import cut
from feeds.ingest.issues import issues_of, unknown, words_of
from feeds.model import Article, Issue, Newsletter, Tag, Verdict

NEWS = Article(
    "1",
    "Deficit grows",
    "The trust has told its board of a deficit of five million.",
    is_html=False,
    origin="entry",
    url="https://a.example/1",
)
OTHER = replace(NEWS, guid="2", title="Nurses wanted", body="Forty nurses are wanted in the north, it was said.", url="https://a.example/2")


def issues(*articles: Article) -> tuple[Issue, ...]:
    cuts = cut(articles)
    return issues_of(cuts, KeywordTagger().tag(words_of(cuts)))


def chosen(tags: Sequence[Tag]) -> list[str]:
    return [tag.topic for tag in tags if tag.chosen]


def test_only_articles_that_are_new_or_edited_are_unknown() -> None:
    edited = replace(OTHER, body=OTHER.body + " In the south too.")
    new = replace(NEWS, guid="3")
    known = {("", "1"): fingerprint(NEWS), ("", "2"): fingerprint(OTHER)}

    assert [each.article for each in unknown(cut([NEWS, edited, new]), known)] == [edited, new]


def test_an_issue_of_a_newsletter_is_not_known_by_an_entry_with_the_same_id() -> None:
    letter = replace(NEWS, newsletter=Newsletter("list/weekly.example.org", "Weekly"))
    known = {("", "1"): fingerprint(NEWS)}
    assert [each.article for each in unknown(cut([letter]), known)] == [letter]
    assert unknown(cut([letter]), {("newsletter:list/weekly.example.org", "1"): fingerprint(letter)}) == []


def test_an_issue_keeps_the_fingerprint_that_the_article_came_with() -> None:
    (came,) = cut([NEWS])
    (issue,) = issues_of([replace(came, article=replace(NEWS, body="The whole text."))], [Verdict(())] * 2)
    assert (issue.fingerprint, issue.article.body) == (fingerprint(NEWS), "The whole text.")


def test_each_story_gets_the_verdict_on_its_own_words() -> None:
    assert [title for title, _ in words_of(cut([NEWS, OTHER]))] == ["Deficit grows", "Nurses wanted"]
    assert [[(each.story.title, chosen(each.tags)) for each in issue.stories] for issue in issues(NEWS, OTHER)] == [
        [("Deficit grows", ["finance"])],
        [("Nurses wanted", ["workforce"])],
    ]
    assert issues() == ()


def test_an_entry_that_has_only_a_title_is_a_story() -> None:
    (issue,) = issues(replace(NEWS, body="", is_html=True))
    assert [(each.story.title, each.story.url, chosen(each.tags)) for each in issue.stories] == [
        ("Deficit grows", "https://a.example/1", ["finance"])
    ]
    assert issue.doubt is None


def test_an_article_with_an_address_that_cannot_be_read_loses_nothing_but_that_link() -> None:
    body = "<p>The trust has told its board of <a href='http://[x'>a deficit</a> of five million.</p><script>x()</script>"

    made = issues(replace(NEWS, body=body, is_html=True, base="https://a.example/"), OTHER)

    assert [len(issue.stories) for issue in made] == [1, 1]
    story = made[0].stories[0].story
    assert (story.title, story.url, story.text) == (NEWS.title, NEWS.url, NEWS.body)
    assert "[x" not in story.html
    assert "script" not in story.html
    assert "five million" in story.html
