"""Finished documents: rebuilt when their stories change, and otherwise the same bytes for ever."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from builders import issue, news
from hypothesis import given
from hypothesis import strategies as st
from website import BASE, TOPICS, Site, atom, open_site, texts, topics

from feeds.errors import Gone, NotFound
from feeds.model import StoryQuery
from feeds.publish.document import Document, document
from feeds.publish.documents import FeedDocuments
from feeds.store import Store

FEEDS = ("all", "untagged", "finance", "workforce")


def everything(documents: FeedDocuments) -> dict[str, Document]:
    return {name: documents.get(StoryQuery(name)) for name in FEEDS}


def moved(before: dict[str, Document], after: dict[str, Document]) -> set[str]:
    """Which feeds have new bytes; then, and only then, they have a new ETag and a later time as well."""
    for name in FEEDS:
        old, new = before[name], after[name]
        assert (old.body != new.body) == (old.etag != new.etag)
        assert new.modified > old.modified if old.body != new.body else new.modified == old.modified
    return {name for name in FEEDS if before[name].body != after[name].body}


def test_an_unchanged_feed_is_served_from_the_same_bytes(site: Site) -> None:
    documents = site.restarted()
    assert documents.get(StoryQuery("finance")) is documents.get(StoryQuery("finance"))


def test_a_restart_changes_no_byte(site: Site) -> None:
    before = everything(site.restarted())
    site.clock.advance(86_400)
    assert everything(site.restarted()) == before


@pytest.mark.parametrize(
    ("chosen", "touched"),
    [
        (["workforce"], {"all", "workforce"}),
        (["finance", "workforce"], {"all", "finance", "workforce"}),
        ([], {"all", "untagged"}),
    ],
)
def test_a_new_story_moves_the_feeds_of_its_topics_and_no_other(site: Site, chosen: Sequence[str], touched: set[str]) -> None:
    documents = site.restarted()
    before = everything(documents)
    site.tell(site.press, issue("new", news("Ward staff walk out", topics=topics(**dict.fromkeys(chosen, 0.9)))))
    after = everything(documents)
    assert moved(before, after) == touched
    assert {after[name].modified for name in touched} == {site.clock()}
    assert {texts(atom(after[name].body), "a:updated")[0] for name in touched} == {"2026-03-02T09:04:00+00:00"}


def test_counts_follow_the_stories(site: Site) -> None:
    before = site.store.stories.counts()
    site.tell(site.press, issue("new", news("Ward staff walk out", topics=topics(workforce=0.9))))
    after = site.store.stories.counts()
    assert after["all"] == before["all"] + 1
    assert after["workforce"] == before["workforce"] + 1
    assert after["finance"] == before["finance"]


def test_what_is_told_again_unchanged_moves_nothing(site: Site) -> None:
    documents = site.restarted()
    before = everything(documents)
    owls = news("Owls nest at the infirmary", url="https://press.example.org/owls", topics=topics())
    site.tell(site.press, issue("owls", owls))
    site.tell(site.letters, issue("third.txt", owls))
    assert moved(before, everything(documents)) == set()


def test_an_edit_moves_the_feeds_that_a_story_leaves_and_those_that_it_enters(site: Site) -> None:
    documents = site.restarted()
    before = everything(documents)
    site.tell(site.press, issue("owls", news("Owls cost the infirmary a fortune", topics=topics(finance=0.8))))
    after = everything(documents)
    assert moved(before, after) == {"all", "untagged", "finance"}
    assert texts(atom(after["untagged"].body), "a:entry/a:title") == []


def test_whatever_an_edit_changes_in_a_feed_survives_a_restart(site: Site) -> None:
    """What is shown of a story's place in its round-up changes with the others; the cached bytes must not lag behind."""
    documents = site.restarted()
    everything(documents)
    deficit, nurses = (site.store.stories.get(site.ids()[title]) for title in ("Deficit grows at Harrow", "Nurses leave for Leeds"))
    told = [
        news(deficit.title, deficit.text, url=deficit.url, topics=topics(finance=0.93)),
        news(nurses.title, nurses.text, topics=topics(workforce=0.8)),
        news("Bats follow the owls", topics=topics()),
    ]
    site.tell(site.press, issue("catch-up", *told, published=deficit.published, author="Ada Wren", url=deficit.article.url))
    assert everything(site.restarted()) == everything(documents)


def test_a_withdrawn_story_leaves_its_feeds(site: Site) -> None:
    documents = site.restarted()
    before = everything(documents)
    site.clock.advance(60)
    site.store.sources.remove(site.letters.id, site.clock())
    after = everything(documents)
    assert moved(before, after) == {"all", "finance", "workforce"}
    assert texts(atom(after["workforce"].body), "a:entry/a:title") == ["Nurses leave for Leeds"]


def test_a_feed_holds_the_newest_fifty(site: Site) -> None:
    for number in range(60):
        site.tell(site.press, issue(f"n{number}", news(f"Story number {number}")))
    titles = texts(atom(site.restarted().get(StoryQuery("finance")).body), "a:entry/a:title")
    assert titles == [f"Story number {number}" for number in range(59, 9, -1)]


def test_a_feed_without_stories_has_a_time_that_stands_still(tmp_path: Path) -> None:
    with open_site(tmp_path, filled=False) as site:
        before = everything(site.restarted())
        site.tell(site.press, issue("new", news("Ward staff walk out", topics=topics(workforce=0.9))), after=10**6)
        after = everything(site.restarted())
    assert all(one.modified == before["all"].modified > 0 for one in before.values())
    assert after["finance"] == before["finance"]


def test_readers_that_come_at_once_get_the_same_document(site: Site) -> None:
    documents = site.restarted()
    with ThreadPoolExecutor(8) as pool:
        first = list(pool.map(documents.get, [StoryQuery()] * 16))
        site.tell(site.press, issue("new", news("Ward staff walk out")))
        second = list(pool.map(documents.get, [StoryQuery()] * 16))
    assert {one.etag for one in first} != {one.etag for one in second}
    assert len({id(one) for one in first}) == len({id(one) for one in second}) == 1


@pytest.mark.parametrize("name", ["nosuch", "", "Finance", "finance.atom", "../all"])
def test_an_unknown_feed_is_refused_with_the_names_of_those_there_are(site: Site, name: str) -> None:
    with pytest.raises(NotFound, match="finance, workforce, all, untagged"):
        site.restarted().canonical(name)


@pytest.mark.parametrize("name", ["x" * 5000, "'; drop table feed; --", "\0"], ids=["long", "quoted", "nul"])
def test_no_name_is_refused_by_the_database(store: Store, name: str) -> None:
    with pytest.raises(NotFound, match="there is no feed called"):
        FeedDocuments(store, TOPICS, BASE).canonical(name)


def test_a_feed_of_a_topic_given_up_is_gone_and_counts_no_more(site: Site) -> None:
    site.tell(site.press, issue("new", news("Archive opened", topics={**topics(finance=0.9), "archive": 0.9})))
    documents = site.restarted()
    site.clock.advance(60)
    assert site.store.tags.keep_only(documents.names[:-2], site.clock()) == 1
    with pytest.raises(Gone, match="'archive' was given up; there are: finance, workforce, all, untagged"):
        documents.canonical("archive")
    assert site.store.stories.counts() == {"all": 5, "untagged": 1, "finance": 3, "workforce": 2}
    with pytest.raises(NotFound) as never:
        documents.canonical("archives")
    assert not isinstance(never.value, Gone)


@given(st.binary(max_size=2000))
def test_the_compressed_body_is_the_body(body: bytes) -> None:
    made = document(body, "text/plain", 0)
    assert made == document(body, "text/plain", 0)
    assert made.gzip_body is None or gzip.decompress(made.gzip_body) == body
    assert made.gzip_etag != made.etag


def test_only_what_gains_by_it_is_compressed() -> None:
    assert document(b"short", "text/plain", 0).gzip_body is None
    packed = document(b"long " * 1000, "text/plain", 0).gzip_body
    assert packed is not None
    assert len(packed) < 500
    assert packed[4:8] == b"\0\0\0\0", "without the time of packing, the same bytes after a restart (RFC 1952)"


def test_the_etag_follows_the_bytes_and_nothing_else() -> None:
    made = document(b"body", "text/plain", 1)
    assert made.etag == document(b"body", "text/plain", 2).etag
    assert made.etag != document(b"bodz", "text/plain", 1).etag
    assert replace(made, modified=2) == document(b"body", "text/plain", 2)


def test_the_address_of_the_service_is_part_of_its_documents(site: Site) -> None:
    assert site.restarted(BASE).get(StoryQuery("all")).etag != site.restarted("https://elsewhere.example").get(StoryQuery("all")).etag
