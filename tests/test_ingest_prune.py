"""Known entries are taken out of a document before it is parsed, and what is parsed of the others stays the same."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ingest_support import item, rss

from feeds.errors import ParseError
from feeds.ingest.extract import Extract, extract_feed
from feeds.ingest.prune import MOST_ENTRIES, Pruned, prune

FEEDS = Path(__file__).parent / "data" / "feeds"
DOCUMENTS = sorted(path for path in FEEDS.iterdir() if not path.name.endswith(".expected.json"))
URL = "https://press.example.org/feed"
NOTHING: frozenset[str] = frozenset()
# Those whose entries cannot be told apart, those without any, and those that are not well-formed without their entries.
READ_WHOLE = {
    "atom-1.0-among-noise",
    "atom-1.0-utf-16",
    "atom-1.0-utf-16-no-mark",
    "cdf",
    "json-feed-odd-utf-16",
    "json-feed-text",
    "rss-2.0-loose-ends",
    "rss-2.0-malformed",
    "rss-2.0-no-wishes",
    "rss-2.0-undeclared-cyrillic",
    "rss-2.0-utf-32",
}


def extract(body: bytes, known: frozenset[str] = NOTHING) -> Extract:
    return extract_feed(body, "", URL, known)


def guids(found: Extract) -> list[str]:
    return [cut.article.guid for cut in found.cuts]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_a_document_that_was_read_before_holds_nothing_new(document: Path) -> None:
    body = document.read_bytes()
    first = extract(body)
    assert extract(body, first.marks) == (first if document.stem in READ_WHOLE else Extract(marks=first.marks))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_each_entry_comes_out_the_same_alone_as_among_the_others(document: Path) -> None:
    body = document.read_bytes()
    whole = extract(body)
    alone = {cut for mark in whole.marks for cut in extract(body, whole.marks - {mark}).cuts}
    assert alone == ({*whole.cuts} if whole.marks else set())


def test_only_the_new_entry_is_parsed_and_kept_as_raw() -> None:
    before = rss(item("1", "Old", "Old news."), item("2", "Older", "Older news."))
    after = rss(item("3", "New", "New news."), item("1", "Old", "Old news."), item("2", "Older", "Older news."))

    found = extract(after, extract(before).marks)

    assert guids(found) == ["3"]
    assert (found.title, len(found.marks)) == ("Harbour Health News", 3)
    assert found.raw is not None
    assert b"New news." in found.raw.body
    assert b"Older" not in found.raw.body


def test_an_edited_entry_is_parsed_again() -> None:
    before = rss(item("1", "Title", "Text."), item("2", "Other", "Text."))
    after = rss(item("1", "Title, corrected", "Text."), item("2", "Other", "Text."))
    assert [cut.article.title for cut in extract(after, extract(before).marks).cuts] == ["Title, corrected"]


def test_entries_that_share_an_id_come_together_so_that_they_can_be_told_apart() -> None:
    """Alone, the new one would take over the id of the old one, and with it its story."""
    first, second = item("same", "One", "First."), item("same", "Two", "Second.")
    both = rss(second, first)
    assert guids(extract(both, extract(rss(first)).marks)) == guids(extract(both))
    assert len(set(guids(extract(both)))) == 2


@pytest.mark.parametrize(
    "body",
    [b"", b"\xff\xfe\x00", b"{not json", b'{"items": "none"}', b"[1, 2]", rss().decode().encode("utf-16"), b"<item><item><item>"],
)
def test_what_has_no_entries_to_be_told_apart_stays_whole(body: bytes) -> None:
    assert prune(body, frozenset({"abc"})) == Pruned(body)


@pytest.mark.parametrize(
    "other",
    [
        item("2", "Example", "<![CDATA[An item: <item><title>x</title></item> and so on.]]>"),
        item("2", "Example", "It ends here: <![CDATA[</item>]]>"),
        "<!-- <item><title>x</title> --><item><guid>2</guid><title>Example</title></item>",
    ],
)
def test_tags_that_are_none_lead_nobody_astray(other: str) -> None:
    new = item("3", "New", "New news.")
    before, after = extract(rss(other)), extract(rss(new, other), extract(rss(other)).marks)
    assert "3" in guids(after)
    assert {cut.article.title for cut in after.cuts} <= {"New", "Example"}
    assert {cut.article.title for cut in before.cuts} == {"Example"}


def test_entities_of_its_own_and_broken_known_entries_do_not_matter() -> None:
    head = b"<!DOCTYPE rss [<!ENTITY trust 'Harrow'>]>"
    old, new = item("1", "Old &amp; broken", "A <b>bold word."), item("2", "New at &trust;", "Text.")
    before, after = head + rss(old), head + rss(new, old)
    assert guids(extract(after, extract(before).marks)) == ["2"]


def test_letters_survive_whatever_charset_the_document_was_in() -> None:
    one, two = "<item><guid>1</guid><title>Caf\xe9</title></item>", "<item><guid>2</guid><title>\xdcber</title></item>"
    document = "<?xml version='1.0' encoding='iso-8859-1'?><rss version='2.0'><channel>{}</channel></rss>"
    before, after = document.format(one).encode("latin-1"), document.format(two + one).encode("latin-1")
    assert [cut.article.title for cut in extract(after, extract(before).marks).cuts] == ["\xdcber"]


def test_of_too_many_entries_the_first_are_read_and_the_others_counted() -> None:
    body = rss(*(item(str(number), f"Title {number}", "Text.") for number in range(MOST_ENTRIES + 30)))
    pruned = prune(body, NOTHING)
    assert (pruned.dropped, len(pruned.marks)) == (30, MOST_ENTRIES + 30)
    assert pruned.body is not None
    assert pruned.body.count(b"<item>") == MOST_ENTRIES


@pytest.mark.parametrize("as_json", [False, True])
def test_no_more_than_a_bounded_number_of_entries_is_remembered(as_json: bool) -> None:
    """The others are left out at every poll, even those that stand there again."""
    number = 10 * MOST_ENTRIES + 7
    if as_json:
        body = json.dumps({"version": "https://jsonfeed.org/version/1.1", "items": [{"id": each} for each in range(number)]}).encode()
    else:
        body = b"<rss><channel>%b</channel></rss>" % b"".join(b"<item>%d</item>" % each for each in range(number))

    first = prune(body, frozenset())
    second = prune(body, first.marks)

    assert (len(first.marks), first.dropped) == (10 * MOST_ENTRIES, 9 * MOST_ENTRIES + 7)
    assert (second.body, second.marks, second.dropped) == (None, first.marks, 7)


@given(st.lists(st.sampled_from("abcdefghijkl"), unique=True), st.sets(st.sampled_from("abcdefghijkl")), st.booleans())
def test_exactly_the_unknown_entries_are_left(entries: list[str], known: set[str], as_json: bool) -> None:
    def document(names: list[str]) -> bytes:
        if as_json:
            items = [{"id": name, "title": f"Title {name}", "content_text": f"Text {name}."} for name in names]
            return json.dumps({"version": "https://jsonfeed.org/version/1.1", "title": "T", "items": items}).encode()
        return rss(*(item(name, f"Title {name}", f"Text {name}.") for name in names))

    marks = prune(document(sorted(known)), NOTHING).marks
    found = prune(document(entries), marks)
    left = [name for name in entries if name not in known]
    if found.body is None:
        assert entries
        assert left == []
    else:
        assert guids(extract(document(entries), marks)) == left


@given(st.binary(max_size=300))
def test_any_bytes_are_pruned_or_left_whole(noise: bytes) -> None:
    whole = rss(item("1", "A", "B"))
    for body in (noise, whole[: len(noise)] + noise, whole + noise):
        pruned = prune(body, NOTHING)
        assert pruned.body == body or pruned.marks
        with suppress(ParseError):
            extract(body)
