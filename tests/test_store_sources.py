"""Adding, finding and removing sources."""

from __future__ import annotations

import pytest
from builders import add_sources, issue, news
from databases import rows
from fakes import START

from feeds.errors import NotFound
from feeds.model import StoryQuery, Subscription, Tally
from feeds.store import Store
from feeds.store.schema import article, report


def test_only_addresses_that_are_not_known_are_added(store: Store) -> None:
    first = [Subscription("https://a.example/feed", "A", "News"), Subscription("https://b.example/feed", "B")]
    added = store.sources.add(first, START)
    assert [(each.url, each.title, each.folder, each.next_poll) for each in added] == [
        ("https://a.example/feed", "A", "News", START),
        ("https://b.example/feed", "B", "", START),
    ]
    more = [
        Subscription("https://c.example/feed", "C"),
        Subscription("https://a.example/feed", "Other"),
        Subscription("https://c.example/feed", "C2"),
    ]
    assert [each.title for each in store.sources.add(more, None)] == ["C"]
    assert [(each.title, each.next_poll) for each in store.sources.list()] == [("A", START), ("B", START), ("C", None)]


@pytest.mark.parametrize("name", ["1", "https://a.example/feed", "The Herald", "the HERALD"])
def test_a_source_is_found_by_id_address_or_title(store: Store, name: str) -> None:
    store.sources.add([Subscription("https://a.example/feed", "The Herald"), Subscription("https://b.example/feed", "2026")], START)
    assert store.sources.find(name).url == "https://a.example/feed"
    assert store.sources.find("2026").url == "https://b.example/feed"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Herald", "no source called 'Herald'"),
        ("9", "no source called '9'"),
        ("Twin", "several sources called 'Twin'"),
        ("9" * 30, "no source"),
    ],
)
def test_a_source_that_is_not_clear_is_not_found(store: Store, name: str, message: str) -> None:
    twins = [Subscription(f"https://{name}.example/feed", "Twin") for name in "ab"]
    store.sources.add(twins, START)
    with pytest.raises(NotFound, match=f"{message}.*see: healthwire sources list"):
        store.sources.find(name)


def test_removing_a_source_takes_along_its_articles_and_the_stories_that_only_it_told(store: Store) -> None:
    one, two = add_sources(store, ["A", "B"])
    store.polls.write(one, [issue("one", news("Only A"), news("Both"))], START)
    store.polls.write(two, [issue("two", news("Only B"), news("Both"))], START)
    assert store.sources.remove(one, START + 60) == Tally(edited=1, withdrawn=1)
    assert [(each.title, each.source.title, each.also_reported) for each in store.stories.page(StoryQuery())] == [
        ("Only B", "B", ()),
        ("Both", "B", ()),
    ]
    assert {row["source_id"] for row in rows(store, article) + rows(store, report)} == {two}
    assert [each.id for each in store.sources.list()] == [two]


def test_a_source_that_is_not_there_cannot_be_removed(store: Store) -> None:
    [source_id] = add_sources(store, ["A"])
    with pytest.raises(NotFound, match="no source 99"):
        store.sources.remove(99, START)
    store.sources.remove(source_id, START)
    with pytest.raises(NotFound):
        store.sources.remove(source_id, START)


def test_the_id_of_a_removed_source_is_never_given_to_another(store: Store) -> None:
    [old] = add_sources(store, ["A"])
    store.sources.remove(old, START)
    [new] = add_sources(store, ["B"])
    assert new > old
