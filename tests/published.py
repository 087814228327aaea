"""Stories and channels as the renderers get them, of which a test says only what it is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fakes import START
from hypothesis import strategies as st
from ulid import ULID

from feeds.model import AlsoReported, ArticleRef, PublishedStory, Source, Tag, Tombstone
from feeds.publish.channel import Channel

TITLES = {"data": "Data & records", "finance": "Finance", "workforce": "Workforce"}
PRESS = Source(1, "https://press.example.org/feed.xml", "Press & Journal", home_url="https://press.example.org/")
LETTERS = Source(2, "file:///srv/letters/", "Letters")
GONE = Tombstone("0000000000000000000000000A", START - 60)
# The number 7, so that the story's time is 8 µs before it was stored.
ID = "00000000000000000000000007"

SUBSCRIPTION = Channel(
    name="finance+workforce",
    title="Healthwire: Finance or Workforce",
    subtitle="Money & people",
    instance="01INSTANCE",
    updated=START,
    base_url="https://news.example.org",
    self_url="https://news.example.org/feeds/finance+workforce.atom",
    page_url="https://news.example.org/topics/finance+workforce",
    prev_archive="https://news.example.org/feeds/finance+workforce.atom?page=2",
    hub_url="https://hub.example.net/",
)
ARCHIVE = replace(
    SUBSCRIPTION,
    self_url="https://news.example.org/feeds/finance+workforce.atom?page=2",
    current_url="https://news.example.org/feeds/finance+workforce.atom",
    prev_archive="https://news.example.org/feeds/finance+workforce.atom?page=1",
)


def chosen(curator: str | None = None, **confidences: float) -> tuple[Tag, ...]:
    return tuple(Tag(topic, confidence, True, "model-1", curator=curator) for topic, confidence in confidences.items())


def story(**told: Any) -> PublishedStory:
    """The second story of a round-up, told elsewhere as well, unless ``told`` says otherwise."""
    usual: dict[str, Any] = {
        "id": ID,
        "title": "Deficit grows at Harrow",
        "text": "The trust is £9m short.",
        "html": "<p>The trust is £9m short.</p>",
        "url": "https://press.example.org/deficit",
        "author": "Ada Wren",
        "published": START - 3600,
        "first_seen": START,
        "updated": START,
        "seq": 1,
        "source": PRESS,
        "article": ArticleRef("01ARTICLE", "Catch-up & more", "https://press.example.org/catch-up?a=1&b=2", 2, 5),
        "tags": (*chosen(workforce=0.61234567, finance=0.93), Tag("data", 0.2, False, "model-1")),
        "also_reported": (
            report("Harrow in the red", "https://b.example/harrow"),
            report("Deficit", "https://www.press.example.org/deficit/?utm_source=letter"),
            report("Told without an address", None),
        ),
    }
    return PublishedStory(**usual | told)


def report(title: str, url: str | None, source: Source = LETTERS) -> AlsoReported:
    return AlsoReported("01REPORT", source, title, url, START)


_MARKS = st.sampled_from(["<b>", "&amp;", "]]>", "<!--", "\x00", "\x0b", "\x1b", "\ud800", "\uffff", "\u2028", "\x85", "\r\n", " ", "🩺"])
WORDS = st.lists(st.one_of(_MARKS, st.text(st.characters(), max_size=8)), max_size=4).map("".join)
_ADDRESSES = st.one_of(
    st.none(),
    st.sampled_from(
        ["https://a.example/1", "http://www.a.example/1/", "https://b.example/?x=1&y=%20", "javascript:alert(1)", "https://a b/"]
    ),
    # feedparser takes the entities in a link for what they mean, also where RSS means them literally.
    WORDS.map(lambda words: "https://c.example/" + words.replace("&", "%26")),
)
_SOURCES = st.builds(
    Source,
    id=st.integers(1, 3),
    url=st.sampled_from(["https://s.example/feed?a=1&b=2", "https://ada:secret@s.example/feed", "file:///srv/x/", "imap://mail.example/"]),
    title=WORDS,
    home_url=_ADDRESSES,
)
_TAGS = st.dictionaries(st.sampled_from([*TITLES, "given-up"]), st.tuples(st.floats(0, 1), st.booleans(), st.sampled_from([None, "ada"])))


def _tags(said: Mapping[str, tuple[float, bool, str | None]]) -> tuple[Tag, ...]:
    return tuple(Tag(topic, confidence, about, "model-1", curator=curator) for topic, (confidence, about, curator) in said.items())


_TIMES = st.integers(0, 4_000_000_000)
_STORIES = st.builds(
    PublishedStory,
    id=st.integers(0, 2**128 - 1).map(lambda number: str(ULID.from_int(number))),
    title=WORDS,
    text=WORDS,
    html=WORDS,
    url=_ADDRESSES,
    author=st.one_of(st.none(), WORDS),
    published=_TIMES,
    first_seen=_TIMES,
    updated=_TIMES,
    seq=st.integers(1, 100),
    source=_SOURCES,
    article=st.builds(ArticleRef, st.just("01ARTICLE"), WORDS, _ADDRESSES, st.integers(1, 3), st.integers(1, 3)),
    tags=_TAGS.map(_tags),
    also_reported=st.lists(st.builds(report, WORDS, _ADDRESSES, _SOURCES), max_size=3).map(tuple),
)
ANY_STORIES = st.lists(_STORIES, max_size=3, unique_by=lambda story: story.id)
ANY_CHANNEL = st.builds(
    replace, st.sampled_from([SUBSCRIPTION, ARCHIVE]), title=WORDS.map("Healthwire: {}".format), subtitle=WORDS, name=WORDS, updated=_TIMES
)
