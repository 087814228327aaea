"""Raw documents are kept for a while, in bounds, and what was made of them can be made anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from builders import add_sources, issue, news, newsletter_issue, poll_of, tags
from databases import rows
from fakes import START
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feeds.model import Issue, Raw, StoryQuery, TaggedStory, Tally, Verdict
from feeds.store import Store
from feeds.store.raws import Effect
from feeds.store.schema import change, raw, source, story

DAY = 86_400


def document(name: str, size: int = 10) -> Raw:
    # Text that hardly compresses: every character is another.
    return Raw("feed", name, "text/xml", "".join(chr(0x4E00 + number) for number in range(size)).encode())


def keep(store: Store, source_id: int, *raws: Raw, at: int = START) -> None:
    (lease,) = store.polls.claim(at, 60, 1, [source_id])
    store.polls.finish(lease, replace(poll_of(at=at), raws=raws))


def kept(store: Store, source_id: int, since: int = 0) -> list[Raw]:
    return list(store.raws.of_source(source_id, since))


def test_documents_come_back_as_they_were_oldest_first(store: Store) -> None:
    one, two = add_sources(store, ["a", "b"])
    first, second = (
        Raw("feed", "https://a.example/1", "text/xml", b"<rss>\0\xff</rss>"),
        Raw("page", "https://a.example/2", "", b"x" * 9999),
    )
    keep(store, one, first, at=START)
    keep(store, one, second, at=START + DAY)
    keep(store, two, document("other"), at=START)

    assert kept(store, one) == [first, second]
    assert kept(store, one, since=START + DAY) == [second]
    assert store.raws.sources(START) == [one, two]
    assert store.raws.sources(START + 1) == [one]
    assert max(row["size"] for row in rows(store, raw)) < 100


def test_a_poll_that_lost_its_lease_keeps_nothing(store: Store) -> None:
    (one,) = add_sources(store, ["a"])
    (lease,) = store.polls.claim(START, 60, 1)
    store.polls.claim(START + 61, 60, 1)
    with pytest.raises(Exception, match="taken over"):
        store.polls.finish(lease, replace(poll_of(), raws=(document("late"),)))
    assert kept(store, one) == []


def test_old_documents_are_dropped(store: Store) -> None:
    (one,) = add_sources(store, ["a"])
    for day in range(5):
        keep(store, one, document(str(day)), at=START + day * DAY)
    assert store.raws.prune(START + 2 * DAY, 10**9) == 2
    assert [each.name for each in kept(store, one)] == ["2", "3", "4"]
    assert store.raws.prune(START + 2 * DAY, 10**9) == 0


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
@given(st.lists(st.integers(10, 3000), max_size=8), st.integers(0, 20_000))
def test_no_more_is_kept_than_is_allowed_and_no_more_is_dropped_than_must_be(sqlite_store: Store, sizes: list[int], most: int) -> None:
    store = sqlite_store
    store.raws.prune(START * 2, 0)
    for known in store.sources.list():
        store.sources.remove(known.id, START)
    (one,) = add_sources(store, ["a"])
    for number, size in enumerate(sizes):
        keep(store, one, document(str(number), size), at=START + number)
    stored = [row["size"] for row in rows(store, raw)]

    store.raws.prune(0, most)

    left = [row["size"] for row in rows(store, raw)]
    assert left == stored[len(stored) - len(left) :]
    assert sum(left) <= most
    assert len(left) == len(stored) or sum(stored[len(stored) - len(left) - 1 :]) > most


def test_thousands_are_dropped_in_small_bites(sqlite_store: Store) -> None:
    (one,) = add_sources(sqlite_store, ["a"])
    keep(sqlite_store, one, *(document(str(number)) for number in range(450)))
    assert sqlite_store.raws.prune(START + 1, 0) == 450
    assert rows(sqlite_store, raw) == []


# ---------------------------------------------------------------- replay


def tagged_as(told: TaggedStory, topic: str) -> TaggedStory:
    return replace(told, verdict=Verdict(tags({topic: 0.9})))


@pytest.fixture
def before(store: Store) -> int:
    """A source with two articles: one of a single story, one of two."""
    (one,) = add_sources(store, ["a"])
    store.polls.write(one, [issue("1", news("Deficit")), issue("2", news("Nurses"), news("Beds"))], START)
    return one


def replay(store: Store, source_id: int, *issues: Issue, apply: bool) -> tuple[Tally, list[tuple[str, str]]]:
    tally, effects = store.raws.replay(source_id, issues, START + DAY, apply=apply)
    return tally, [(effect.kind, effect.title) for effect in effects]


def everything(store: Store) -> Sequence[object]:
    return [rows(store, table) for table in (story, change, source)], store.stories.page(StoryQuery())


def test_articles_that_come_out_the_same_change_nothing(store: Store, before: int) -> None:
    same = [issue("1", news("Deficit")), issue("2", news("Nurses"), news("Beds"))]
    state = everything(store)
    assert replay(store, before, *same, apply=True) == (Tally(), [])
    assert everything(store) == state


@pytest.mark.parametrize(
    ("issues", "tally", "effects"),
    [
        pytest.param([issue("1", tagged_as(news("Deficit"), "data"))], Tally(retagged=1), [("retagged", "Deficit")], id="other topics"),
        pytest.param(
            [issue("2", news("Nurses"), news("Beds"), news("Wards"))],
            # The others are now two of three.
            Tally(new=1),
            [("edited", "Beds"), ("edited", "Nurses"), ("new", "Wards")],
            id="cut into more",
        ),
        pytest.param([issue("2", news("Nurses"))], Tally(withdrawn=1), [("edited", "Nurses"), ("withdrawn", "")], id="cut into fewer"),
        pytest.param(
            [issue("1", news("Deficit", "Other words of the same story, read by a better parser."))],
            Tally(edited=1),
            [("edited", "Deficit")],
            id="other words",
        ),
    ],
)
def test_a_rehearsal_tells_what_doing_it_does_and_does_nothing(
    store: Store, before: int, issues: list[Issue], tally: Tally, effects: list[tuple[str, str]]
) -> None:
    state = everything(store)

    rehearsed = replay(store, before, *issues, apply=False)
    assert everything(store) == state

    assert rehearsed == replay(store, before, *issues, apply=True) == (tally, effects)
    assert everything(store) != state
    last = rows(store, change)[len(state[0][1]) :]  # type: ignore[index]
    assert [row["kind"] for row in last] == [kind for kind, _ in effects]
    assert replay(store, before, *issues, apply=True) == (Tally(), [])


def test_what_a_person_decided_stays(store: Store, before: int) -> None:
    (told,) = [each for each in store.stories.page(StoryQuery()) if each.title == "Deficit"]
    store.corrections.decide(told.id, {"data": True}, "Ada", START)
    replay(store, before, issue("1", tagged_as(news("Deficit"), "finance")), apply=True)
    assert {tag.topic: tag.chosen for tag in store.stories.get(told.id).tags} == {"data": True, "finance": True}


def test_a_story_that_another_source_leads_keeps_that_source_s_topics(store: Store, before: int) -> None:
    (other,) = add_sources(store, ["b"])
    store.polls.write(other, [issue("x", news("Deficit"))], START + 1)
    tally, effects = store.raws.replay(other, [issue("x", tagged_as(news("Deficit"), "data"))], START + DAY, apply=True)
    assert (tally, effects) == (Tally(), [])


def test_an_issue_of_a_newsletter_is_replayed_where_it_belongs(store: Store, before: int) -> None:
    weekly = newsletter_issue("m1", "list/weekly.example.org", news("Wards"))
    (lease,) = store.polls.claim(START, 60, 1, [before])
    store.polls.finish(lease, poll_of(weekly))
    retold = replace(weekly, stories=tuple(tagged_as(each, "data") for each in weekly.stories))
    (told,) = [each for each in store.stories.page(StoryQuery()) if each.title == "Wards"]

    assert store.raws.replay(before, [retold], START + DAY, apply=True) == (Tally(retagged=1), [Effect("retagged", told.id, "Wards")])
    assert told.source.url == "newsletter:list/weekly.example.org"
