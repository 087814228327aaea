"""Feeds by wish: the same words mean the same in every feed, page and program's request, and addresses say exactly what was asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote, unquote, urlsplit

import pytest
from builders import issue, news
from crawling import fetched, read
from hypothesis import given
from hypothesis import strategies as st
from lxml import html as lxml_html
from website import BASE, Site, open_site, topics

from feeds.model import StoryQuery
from feeds.publish.selection import feed_address, feed_name, page_address
from feeds.text import plain_line

# ---------------------------------------------------------------- the same stories everywhere


@dataclass(frozen=True)
class Told:
    words: str
    finance: float
    workforce: float
    by_letter: bool


_WORDS = ("Ward beds", "Beds of the ward", "Caf\u00e9 staff", "Staff plan", "Well-being plan", "R&D 100% done")
TOLD = [
    Told(f"{words} no{letter}", finance, workforce, by_letter)
    for words in _WORDS
    for letter, finance, workforce, by_letter in [
        ("a", 0.9, 0.6, True),
        ("b", 0.6, 0.1, False),
        ("c", 0.2, 0.95, False),
        ("d", 0.1, 0.2, True),
    ]
]


@pytest.fixture(scope="module")
def various(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site of stories that differ in all that can be chosen by, for reading only."""
    with open_site(tmp_path_factory.mktemp("various"), filled=False) as site:
        for each in TOLD:
            story = news(each.words, "Nothing more.", topics=topics(finance=each.finance, workforce=each.workforce))
            site.tell(site.letters if each.by_letter else site.press, issue(each.words, story))
        yield site


# What is asked for, and the words of the stories that it finds, worked out by hand.
_SEARCHES: dict[str, Sequence[str]] = {
    "": _WORDS,
    "ward": _WORDS[:2],
    "BED  wards": _WORDS[:2],
    '"ward beds"': _WORDS[:1],
    "ward+bed": _WORDS[:1],
    "cafe": _WORDS[2:3],
    "caf\u00e9": _WORDS[2:3],
    "staff -plan": _WORDS[2:3],
    "well-being": _WORDS[4:5],
    "R&D": _WORDS[5:],
    "100%": _WORDS[5:],
    "100%25": (),
    "done # of?": (),
    "q=ward": (),
}


@dataclass(frozen=True)
class Asked:
    """What somebody asks for, spelled as people spell it."""

    names: tuple[str, ...]
    joined_by: str
    search: str
    source: int | None
    share: str | None

    @property
    def feed(self) -> str:
        return self.joined_by.join(self.names)

    @property
    def words(self) -> str:
        given = {"q": self.search, "source": self.source, "min_confidence": self.share}
        return "&".join(f"{name}={quote(str(value), safe='')}" for name, value in given.items() if value not in ("", None))

    @property
    def page(self) -> str:
        return f"/search?topic={self.feed}&{self.words}" if self.search else f"/topics/{self.feed}?{self.words}"

    def fits(self, told: Told) -> bool:
        share = float(self.share or 0)
        sure = {"finance": told.finance, "workforce": told.workforce}
        about = {name for name, confidence in sure.items() if confidence >= 0.5}
        surely = {name for name in about if sure[name] >= share}
        # A share is one of some topic, and what has none is shown by those who ask for it.
        named = ("all" in self.names and (bool(surely) or not share)) or (
            "untagged" in self.names and "all" not in self.names and not about
        )
        return (
            (named or bool(surely.intersection(self.names)))
            and told.words.rpartition(" ")[0] in _SEARCHES[self.search]
            and self.source in (None, 2 if told.by_letter else 1)
        )


_ASKED = st.builds(
    Asked,
    names=st.lists(st.sampled_from(["finance", "workforce", "untagged", "all"]), min_size=1, max_size=4).map(tuple),
    joined_by=st.sampled_from(["+", "%20", ",", ",%20", "%2B", "+,+"]),
    search=st.sampled_from([*_SEARCHES, "", ""]),
    source=st.sampled_from([None, None, 1, 2, 3]),
    share=st.sampled_from([None, None, "0", "0.0", ".7", "0.70", "0.6", "0.600000001", "0.95", "1", "1.0", "0.00001"]),
)


def _shown(site: Site, address: str) -> list[str]:
    page = lxml_html.document_fromstring(fetched(site.client, address).decode())
    return [heading.text_content() for heading in page.xpath("//article/h2")]


@given(asked=_ASKED)
def test_a_choice_gives_the_same_stories_in_all_formats_in_the_api_and_on_the_page(various: Site, asked: Asked) -> None:
    expected = [told.words for told in reversed(TOLD) if asked.fits(told)]
    for suffix in ("atom", "rss", "json"):
        assert list(read(various.client, f"{BASE}/feeds/{asked.feed}.{suffix}?{asked.words}").titles) == expected
    assert [item["title"] for item in various.json(f"/api/v1/stories?topic={asked.feed}&{asked.words}")["items"]] == expected
    assert _shown(various, asked.page) == expected


@given(asked=_ASKED)
def test_the_addresses_that_a_feed_tells_of_itself_and_its_page_show_the_same(various: Site, asked: Asked) -> None:
    body = fetched(various.client, f"{BASE}/feeds/{asked.feed}.json?{asked.words}")
    feed = json.loads(body)
    assert fetched(various.client, feed["feed_url"]) == body
    assert _shown(various, feed["home_page_url"]) == [item["title"] for item in feed["items"]]


@pytest.mark.parametrize("words", ["min_confidence=0.000001", "q=ward%2Bbed", "q=%22caf%C3%A9+staff%22", "source=2&q=100%25"])
def test_every_address_in_a_feed_is_the_address_of_what_was_asked_for(various: Site, words: str) -> None:
    """The archive as well goes on with the same words."""
    asked = dict(_parsed(words))
    feed = json.loads(fetched(various.client, f"{BASE}/feeds/all.json?limit=1&{words}"))
    for address in (feed["feed_url"], feed.get("next_url", feed["feed_url"])):
        told = dict(_parsed(urlsplit(address).query))
        assert {name: told[name] for name in asked} == asked


def _parsed(words: str) -> list[tuple[str, str]]:
    pairs = (word.partition("=") for word in words.split("&"))
    return [(name, unquote(value.replace("+", " "))) for name, _, value in pairs]


# ---------------------------------------------------------------- names of combined feeds


@pytest.mark.parametrize(
    ("names", "canonical"),
    [
        ("finance", "finance"),
        ("workforce+finance", "finance+workforce"),
        ("workforce finance", "finance+workforce"),
        ("workforce,finance", "finance+workforce"),
        ("workforce, finance", "finance+workforce"),
        ("finance+finance", "finance"),
        ("untagged+workforce+untagged", "workforce+untagged"),
        ("all+finance", "all"),
        ("finance+untagged+all", "all"),
    ],
)
def test_each_combination_of_topics_has_one_name(still: Site, names: str, canonical: str) -> None:
    assert still.restarted().canonical(names) == canonical
    feed = json.loads(fetched(still.client, f"/feeds/{quote(names)}.json"))
    assert feed["feed_url"] == f"{BASE}/feeds/{canonical}.json"
    [atom_id] = {_feed_id(still, f"/feeds/{quote(spelled)}.atom") for spelled in (names, canonical)}
    assert atom_id.endswith(f"/feeds/{canonical}")


def _feed_id(site: Site, address: str) -> str:
    body = fetched(site.client, address).decode()
    return body.partition("<id>")[2].partition("</id>")[0]


def test_the_id_of_a_feed_is_that_of_all_its_documents_and_of_no_other_choice(still: Site) -> None:
    place = still.ids()["Nurses leave for Leeds"]
    own = _feed_id(still, "/feeds/all.atom?q=trust")
    assert own == _feed_id(still, f"/feeds/all.atom?q=trust&before={place}") == _feed_id(still, "/feeds/all.atom?q=+trust&limit=2")
    others = ("all.atom", "finance.atom?q=trust", "all.atom?q=board", "all.atom?q=trust&source=1", "all.atom?q=trust&min_confidence=0.5")
    assert len({own, *(_feed_id(still, f"/feeds/{other}") for other in others)}) == 1 + len(others)


# ---------------------------------------------------------------- queries as addresses

_QUERIES = st.builds(
    StoryQuery,
    feed=st.sampled_from(["all", "finance", "finance+workforce", "untagged"]),
    words=st.text(st.characters(codec="utf-8"), max_size=20).map(plain_line),
    source=st.none() | st.integers(1, 2**62),
    min_confidence=st.integers(0, 10**9).map(lambda billionths: billionths / 10**9),
    before=st.none() | st.just("01J00000000000000000000000"),
    limit=st.integers(1, 100),
)


def _read_again(address: str) -> StoryQuery:
    """What Flask reads from an address."""
    path, _, words = address.partition("?")
    told = dict(_parsed(words)) if words else {}
    return StoryQuery(
        feed=told.get("topic", path.rpartition("/")[2].partition(".")[0] or "all").replace(" ", "+"),
        words=told.get("q", ""),
        source=int(told["source"]) if "source" in told else None,
        min_confidence=float(told.get("min_confidence", "0")),
        before=told.get("before"),
        limit=int(told.get("limit", "50")),
    )


@given(_QUERIES, st.sampled_from(["atom", "rss", "json"]))
def test_the_address_of_a_feed_says_all_of_the_query(query: StoryQuery, suffix: str) -> None:
    address = feed_address(query, suffix)
    assert _read_again(address) == query
    assert address.isascii()
    assert quote(address, safe="/?&=%+.") == address
    assert "e-" not in address.partition("min_confidence=")[2].partition("&")[0]


@given(_QUERIES)
def test_the_address_of_a_page_says_what_chooses(query: StoryQuery) -> None:
    address = page_address(query)
    path = address.partition("?")[0]
    assert path == ("/search" if query.words else "/" if query.feed == "all" else f"/topics/{query.feed}")
    shown = _read_again(address)
    feed = query.feed if path == "/search" and "topic=" not in address else shown.feed
    assert replace(shown, feed=feed) == replace(query, before=None)


@given(_QUERIES, _QUERIES)
def test_feeds_have_one_name_exactly_if_they_choose_the_same(one: StoryQuery, other: StoryQuery) -> None:
    plain = [replace(query, before=None, limit=50) for query in (one, other)]
    assert (feed_name(one) == feed_name(other)) == (plain[0] == plain[1])
    assert feed_name(one) == feed_name(plain[0])
