"""Files named on the command line, and folders that are sources."""

from __future__ import annotations

import io
import os
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import START, FakeClock, KeywordTagger
from ingest_support import item, rss

from feeds.errors import InputError
from feeds.ingest.files import Reading, folder_url, list_folder, read_files
from feeds.model import Source, StoryQuery, Tally
from feeds.store import Store

NEWS = b"Deficit grows\n\nThe trust has told its board of a deficit of five million pounds.\n"
NOTHING: frozenset[str] = frozenset()
OTHER = b"Nurses wanted\n\nForty more nurses are wanted in the north of the county.\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "news letters"
    folder.mkdir()
    return folder


def read(store: Store, *names: Path | str, max_bytes: int = 10_000) -> list[Reading]:
    return list(read_files([str(name) for name in names], store, KeywordTagger(), FakeClock(), max_bytes))


def titles(store: Store) -> list[str]:
    return [story.title for story in store.stories.page(StoryQuery())]


def put(folder: Path, name: str, body: bytes, changed: int = 0) -> Path:
    """Writes a file whose time of change is told, not left to the clock."""
    file = folder / name
    file.write_bytes(body)
    os.utime(file, (START + changed, START + changed))
    return file


def source_of(folder: Path, state: str | None = None) -> Source:
    return Source(1, folder_url(folder), "Letters", etag=state)


def test_files_are_stored_under_their_folder_each_before_the_next_is_read(folder: Path, sqlite_store: Store) -> None:
    first, second = put(folder, "a.txt", NEWS), put(folder, "b.txt", OTHER)
    readings = read_files([str(first), str(second)], sqlite_store, KeywordTagger(), FakeClock(), 10_000)

    assert next(readings).tally == Tally(new=1)
    assert titles(sqlite_store) == ["Deficit grows"]
    assert next(readings).tally == Tally(new=1)

    (source,) = sqlite_store.sources.list()
    assert (source.url, source.title, source.next_poll, source.last_polled) == (folder_url(folder), "Files in news letters", None, START)


def test_reading_a_file_again_changes_nothing_and_shows_its_stories(folder: Path, sqlite_store: Store) -> None:
    file = put(folder, "a.txt", NEWS)

    (first,), (again,) = read(sqlite_store, file), read(sqlite_store, file)

    assert (first.tally, again.tally) == (Tally(new=1), Tally())
    assert again.issues == first.issues
    assert titles(sqlite_store) == ["Deficit grows"]


def test_a_file_that_was_edited_keeps_its_story(folder: Path, sqlite_store: Store) -> None:
    read(sqlite_store, put(folder, "a.txt", NEWS))
    (before,) = sqlite_store.stories.page(StoryQuery())

    (reading,) = read(sqlite_store, put(folder, "a.txt", NEWS.replace(b"five", b"six")))

    (after,) = sqlite_store.stories.page(StoryQuery())
    assert reading.tally == Tally(edited=1)
    assert after.id == before.id
    assert "six million" in after.text


def test_what_cannot_be_read_is_told_and_the_rest_is_stored(folder: Path, sqlite_store: Store) -> None:
    names = [
        put(folder, "empty.txt", b" \n"),
        put(folder, "scan.txt", bytes(range(256)) * 8),
        put(folder, "long.txt", NEWS * 200),
        folder / "missing.txt",
        folder,
        put(folder, "page.xml", b"<html><body>x</body></html>"),
        put(folder, "a.txt", NEWS),
    ]

    readings = read(sqlite_store, *names)

    assert [reading.file for reading in readings] == [str(name) for name in names]
    reasons = ["the file is empty", "not text", "longer than 10000 bytes", "no such file", "is a directory", "web page"]
    for reading, reason in zip(readings[:-1], reasons, strict=True):
        assert reason in (reading.error or "")
        assert Path(reading.file).name in (reading.error or "")
        assert reading.issues == ()
    assert (readings[-1].error, titles(sqlite_store)) == (None, ["Deficit grows"])


def test_a_feed_in_a_file_gives_its_entries_and_all_formats_may_be_mixed(folder: Path, sqlite_store: Store) -> None:
    feed = put(folder, "feed.xml", rss(item("1", "First", "One thing."), item("2", "Second", "Another thing.")))
    mail = put(
        folder, "mail.eml", b"Subject: Budget letter\nFrom: a@b.example\n\nThe budget was agreed upon by the whole board on Monday.\n"
    )

    readings = read(sqlite_store, feed, mail)

    assert [reading.tally.new for reading in readings] == [2, 1]
    assert len(titles(sqlite_store)) == 3


def test_standard_input_is_a_source_of_its_own(folder: Path, sqlite_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(NEWS)))

    (reading,) = read(sqlite_store, "-")

    assert (reading.file, reading.tally) == ("-", Tally(new=1))
    assert [(source.url, source.title) for source in sqlite_store.sources.list()] == [("file:standard-input", "Standard input")]


def test_a_folder_is_read_in_the_order_of_names_and_only_what_is_news(folder: Path) -> None:
    put(folder, "b.TXT", OTHER)
    put(folder, "a.txt", NEWS)
    put(folder, "picture.png", b"\x89PNG")
    put(folder, "notes.txt~", b"draft")
    (folder / "c.txt").mkdir()

    letters = list_folder(source_of(folder), NOTHING, 10_000)

    assert [mail.name for mail in letters.mails] == ["a.txt", "b.TXT"]
    assert (letters.complaints, letters.more) == ((), False)


def test_a_folder_in_which_nothing_changed_is_not_read_again(folder: Path) -> None:
    put(folder, "a.txt", NEWS)
    first = list_folder(source_of(folder), NOTHING, 10_000)

    again = list_folder(source_of(folder), first.marks or NOTHING, 10_000)

    assert again == replace(first, mails=())


def test_a_full_folder_is_read_in_several_looks(folder: Path) -> None:
    for number in range(401):
        put(folder, f"{number:03}.txt", NEWS)
    known, read = NOTHING, []
    for _ in range(3):
        letters = list_folder(source_of(folder), known, 10_000)
        known = letters.marks or NOTHING
        read.append((len(letters.mails), letters.more))
    assert read == [(200, True), (200, True), (1, False)]


@pytest.mark.parametrize(
    ("change", "read"),
    [("new file", ["c.txt"]), ("edited", ["a.txt"]), ("touched", ["a.txt"]), ("renamed", ["aa.txt"]), ("removed", [])],
)
def test_any_change_in_a_folder_is_seen_and_only_that_is_read(folder: Path, change: str, read: list[str]) -> None:
    file = put(folder, "a.txt", NEWS)
    put(folder, "b.txt", OTHER)
    before = list_folder(source_of(folder), NOTHING, 10_000)

    match change:
        case "new file":
            put(folder, "c.txt", NEWS)
        case "edited":
            put(folder, "a.txt", NEWS + b"More.")
        case "touched":
            put(folder, "a.txt", NEWS, changed=1)
        case "renamed":
            file.rename(folder / "aa.txt")
        case "removed":
            file.unlink()

    after = list_folder(source_of(folder), before.marks or NOTHING, 10_000)
    assert [mail.name for mail in after.mails] == read
    assert after.state != before.state
    assert len(after.marks or NOTHING) == len(list(folder.iterdir()))


def test_a_file_that_cannot_be_read_is_named_at_every_look_while_the_others_are_read(folder: Path) -> None:
    put(folder, "a.txt", NEWS)
    put(folder, "long.txt", OTHER * 500)
    (folder / "loop.txt").symlink_to(folder / "loop.txt")

    first = list_folder(source_of(folder), NOTHING, 10_000)
    again = list_folder(source_of(folder), first.marks or NOTHING, 10_000)

    assert [mail.name for mail in first.mails] == ["a.txt"]
    assert [complaint.split(":")[0].rsplit("/", 1)[-1] for complaint in first.complaints] == ["long.txt"]
    assert (again.mails, again.complaints) == ((), first.complaints)


def test_files_that_cannot_be_read_never_keep_others_waiting(folder: Path) -> None:
    for number in range(250):
        put(folder, f"bad {number:03}.txt", OTHER * 500)
    put(folder, "good.txt", NEWS)

    first = list_folder(source_of(folder), NOTHING, 10_000)
    second = list_folder(source_of(folder), first.marks or NOTHING, 10_000)
    put(folder, "later.txt", NEWS)
    third = list_folder(source_of(folder), second.marks or NOTHING, 10_000)

    assert [[mail.name for mail in each.mails] for each in (first, second, third)] == [[], ["good.txt"], ["later.txt"]]
    assert [each.more for each in (first, second, third)] == [True, False, False]
    assert all(each.complaints for each in (first, second, third))


def test_a_file_that_was_mended_is_read(folder: Path) -> None:
    put(folder, "a.txt", OTHER * 500)
    first = list_folder(source_of(folder), NOTHING, 10_000)
    put(folder, "a.txt", NEWS)
    again = list_folder(source_of(folder), first.marks or NOTHING, 10_000)
    assert ([mail.name for mail in again.mails], again.complaints, len(again.marks or NOTHING)) == (["a.txt"], (), 1)


def test_a_folder_that_no_system_can_have_is_an_error(tmp_path: Path) -> None:
    source = Source(1, f"{tmp_path.as_uri()}/{'a' * 300}/", "Letters")
    with pytest.raises(InputError, match=r"the folder .* cannot be read: file name too long"):
        list_folder(source, NOTHING, 10_000)


def test_a_folder_that_is_gone_is_an_error(folder: Path) -> None:
    source = source_of(folder)
    folder.rmdir()
    with pytest.raises(InputError, match=r"there is no folder .*/news letters"):
        list_folder(source, NOTHING, 10_000)


def test_a_folders_address_leads_back_to_it_whatever_its_name(tmp_path: Path) -> None:
    for name in ("plain", "with space", "100% real #1?", "café", "a;b&c=d"):
        folder = tmp_path / name
        folder.mkdir()
        put(folder, "a.txt", NEWS)
        source = source_of(folder)
        assert source.scheme == "file"
        assert len(list_folder(source, NOTHING, 10_000).mails) == 1
        assert folder_url(tmp_path / name / ".." / name) == source.url
        assert replace(source).url.endswith("/")
