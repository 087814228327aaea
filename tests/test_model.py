"""The few words that the travelling types say of themselves."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from feeds.model import ArticleRef, PublishedStory, Source, Tag, Tally


def tag(topic: str, confidence: float, *, chosen: bool) -> Tag:
    return Tag(topic, confidence, chosen, "model-1")


def test_tallies_add_up_kind_by_kind() -> None:
    assert sum([Tally(1, 2, 3, 4), Tally(new=10), Tally(withdrawn=5)], Tally()) == Tally(new=11, edited=2, merged=3, withdrawn=9)


@pytest.mark.parametrize(
    ("url", "public"),
    [
        ("https://a.example/file:", True),
        ("file:///var/letters/", False),
        ("imaps://ada@mail.example/INBOX", False),
        ("newsletter:from/ada@mail.example", False),
        ("https://ada:secret@a.example/feed", False),
        ("https://a.example/@ada/feed", True),
    ],
)
def test_only_web_addresses_are_shown_to_everybody(url: str, public: bool) -> None:
    assert Source(1, url, "A").is_public is public


def test_a_story_shows_its_chosen_topics_surest_first() -> None:
    story = PublishedStory(
        id="01",
        title="Title",
        text="",
        html="",
        url=None,
        author=None,
        published=1,
        first_seen=1,
        updated=1,
        seq=1,
        source=Source(1, "https://a.example/feed", "A"),
        article=ArticleRef("02", "Article", None, 1, 1),
        tags=(tag("commissioning", 0.6, chosen=True), tag("data", 0.99, chosen=False), tag("finance", 0.8, chosen=True)),
    )
    assert [each.topic for each in story.topics] == ["finance", "commissioning"]


def test_what_travels_cannot_be_changed_on_the_way() -> None:
    source = Source(1, "https://a.example/feed", "A")
    with pytest.raises(FrozenInstanceError):
        source.title = "B"  # type: ignore[misc]
    assert source.title == "A"
