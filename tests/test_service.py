"""The commands, run as their users run them."""

from __future__ import annotations

import json
import socket
import sqlite3
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from os import environ, fsdecode
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from ingest_support import item, rss
from lxml import etree
from program import PROGRAM, ROOT, Home, Result, free_port, make_home, write_opml
from web_server import Answer, web_server

from feeds.model import PublishedStory, StoryQuery, Subscription, Topic
from feeds.publish.documents import FeedDocuments
from feeds.store import Store, migrate, open_store
from service import main

FINANCE = "Deficit doubles\nThe trust's deficit doubled to £40m and its savings plan is £12m behind budget, the finance director said."
WORKFORCE = "Nurses strike\nNurses and midwives will strike over pay after a third of posts stayed vacant, the union said."
NOTHING = "Bake sale\nThe league of friends sold four hundred scones on the lawn in fine weather."
LETTER = ROOT / "seeds" / "newsletters" / "01-monday-briefing.txt"
TOLD = [
    ("Harrowmere tears up its break-even forecast", "finance"),
    ("One chief executive for two boards", "commissioning"),
    ("Nine days on paper after laboratory system fails", "data"),
    ("Children’s ward short of nurses on two nights in five", "workforce"),
    ("Measles clinic sets up between the fish stall and the bank", None),
    ("Patient transport tender starts again from scratch", "commissioning"),
]


@contextmanager
def opened(home: Home) -> Iterator[Store]:
    store = open_store(f"sqlite:///{home.data / 'healthwire.db'}")
    try:
        yield store
    finally:
        store.engine.dispose()


def stories(home: Home) -> list[PublishedStory]:
    with opened(home) as store:
        return store.stories.page(StoryQuery())


def invoke(home: Home | None, *arguments: str | Path, stdin: str | bytes | None = None) -> Result:
    """Runs a command that keeps nothing open in this process, which is a good deal faster than in one of its own."""
    settings: dict[str, str | None] = {name: None for name in environ if name.startswith("HEALTHWIRE_")}
    if home:
        settings["HEALTHWIRE_DATA_DIR"] = str(home.data)
    done = CliRunner().invoke(main, list(map(str, arguments)), input=stdin, env=settings)
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return Result(done.exit_code, done.stdout, done.stderr)


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        yield (*path, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


# ---------------------------------------------------------------- help and settings


def test_the_program_lists_its_commands(home: Home) -> None:
    done = home.run("--help")
    assert (done.status, done.err) == (0, "")
    for name in ("serve", "web", "ingest", "poll", "read", "sources", "classify", "train", "evaluate", "migrate", "backup", "restore"):
        assert f"\n  {name} " in done.out


@pytest.mark.parametrize("path", [(), *commands(main)], ids=" ".join)
def test_every_command_explains_itself(path: Sequence[str]) -> None:
    for option in ("--help", "-h"):
        done = invoke(None, *path, option)
        assert done.status == 0
        usage, _, explanation = done.out.partition("\n\n")
        assert usage.startswith("Usage: ")
        assert len(explanation.split("\n")[0].split()) >= 2


def test_all_mistakes_in_the_settings_are_told_at_once_in_one_line(home: Home) -> None:
    told = home.run("sources", "list", POLL_INTERVALL="60", TICK="soon", BIND="nowhere", SOURCES="/no/such.opml").complaint(2)
    assert "HEALTHWIRE_POLL_INTERVALL is not a setting; did you mean HEALTHWIRE_POLL_INTERVAL?" in told
    for name in ("TICK", "BIND", "SOURCES"):
        assert f"HEALTHWIRE_{name}=" in told
    assert not (home.data / "healthwire.db").exists()


@pytest.mark.parametrize("command", ["classify", "train", "migrate"])
def test_a_data_directory_that_cannot_be_made_is_told(tmp_path: Path, command: str) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    told = invoke(Home(blocked / "data", {}), command, stdin=FINANCE).complaint()
    assert str(blocked / "data") in told
    assert "HEALTHWIRE_DATA_DIR" in told


@pytest.mark.parametrize("command", ["serve", "web"])
def test_a_port_that_is_taken_is_told_before_anything_is_done(tmp_path: Path, command: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        bind = f"127.0.0.1:{taken.getsockname()[1]}"
        told = Home(tmp_path / "data", {}).run(command, cwd=tmp_path, BIND=bind)
    assert told.status == 2
    assert told.err == f"Error: cannot listen on {bind}: address already in use; set HEALTHWIRE_BIND to another address\n"
    assert not (tmp_path / "data").exists()


def test_a_reader_that_has_seen_enough_is_no_error(home: Home) -> None:
    """As in ``healthwire sources export | head -1``."""
    with subprocess.Popen(
        [*PROGRAM, "sources", "export"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=home.environment()
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


# ---------------------------------------------------------------- reading


def test_reading_shows_stories_as_json_lines_and_reading_twice_doubles_nothing(home: Home) -> None:
    first = home.run("read", "--json", LETTER)
    rows = first.rows()
    assert [(row["position"], row["of"], row["title"]) for row in rows] == [(place, 6, title) for place, (title, _) in enumerate(TOLD, 1)]
    for row, (_, topic) in zip(rows, TOLD, strict=True):
        assert row.keys() == {"file", "position", "of", "title", "text", "url", "topics"}
        assert (row["file"], row["url"]) == (str(LETTER), None)
        assert topic in row["topics"] if topic else row["topics"] == []
    assert rows[4]["text"].startswith("Families in Holmsea can now have missed measles vaccinations on market days")
    assert home.run("read", "--json", LETTER) == first
    assert [(story.title, story.source.title) for story in stories(home)] == [(title, "Files in newsletters") for title, _ in TOLD]


def test_files_that_cannot_be_read_are_told_and_the_others_are_read_all_the_same(home: Home, tmp_path: Path) -> None:
    (tmp_path / "binary.txt").write_bytes(bytes(range(256)) * 20)
    (tmp_path / "empty.txt").write_bytes(b"")
    (tmp_path / "folder.txt").mkdir()
    latin = tmp_path / fsdecode(b"caf\xe9.txt")
    latin.write_text(WORKFORCE)
    done = home.run("read", "missing.txt", "binary.txt", "-", "empty.txt", "folder.txt", latin, stdin=FINANCE)
    assert done.status == 1
    complaints = done.err.splitlines()
    assert [line.split(":")[:2] for line in complaints] == [["Error", f" {name}.txt"] for name in ("missing", "binary", "empty", "folder")]
    read, from_latin = done.out.splitlines()
    assert read.startswith("- 1/1: Deficit doubles [finance ")
    assert "Nurses strike [workforce " in from_latin
    assert sorted(story.title for story in stories(home)) == ["Deficit doubles", "Nurses strike"]


# ---------------------------------------------------------------- sources and polling


def subscribe(home: Home, *addresses: str) -> None:
    with opened(home) as store:
        migrate(store.engine)
        store.sources.add([Subscription(address, "") for address in addresses], next_poll=0)
        store.status.mark_done("sources")


def test_sources_are_added_listed_exported_and_removed(home: Home, tmp_path: Path) -> None:
    added = home.run("sources", "add", "https://a.example/feed", "--title", "A \x01 & B\x1b", "--folder", "Press")
    assert (added.status, added.err) == (0, "")
    assert "already" in home.run("sources", "add", "https://a.example/feed").complaint()
    assert home.run("sources", "add", tmp_path / "letters").status == 0
    assert "neither" in invoke(home, "sources", "add", "ftp://a.example/feed").complaint()

    listed = home.run("sources", "list").out.splitlines()
    first, second = (line for line in listed if not line.startswith("      "))
    assert (first.split()[0], first.rpartition(" UTC  ")[2]) == ("1", "A & B  https://a.example/feed")
    assert (second.split()[0], second.split()[-1]) == ("2", f"{(tmp_path / 'letters').as_uri()}/")
    shown = home.run("sources", "show", "A & B").out.splitlines()
    assert [line.split(maxsplit=1) for line in shown[:3]] == [["id", "1"], ["title", "A & B"], ["address", "https://a.example/feed"]]
    assert [" UTC" in line for line in shown if line.startswith("next ")] == [True]
    assert "no source called 'C'" in home.run("sources", "show", "C").complaint()
    exported = etree.fromstring(home.run("sources", "export").out.encode())
    (outline,) = exported.findall(".//outline[@xmlUrl]")
    assert (outline.get("text"), outline.get("xmlUrl")) == ("A & B", "https://a.example/feed")
    assert outline.getparent().get("text") == "Press"

    removed = home.run("sources", "remove", "a & b")
    assert (removed.status, removed.out) == (0, "Removed A & B; 0 stories withdrawn\n")
    with opened(home) as store:
        assert [source.id for source in store.sources.list()] == [2]


def test_a_list_of_sources_is_imported_with_a_word_on_what_cannot_be_used(home: Home, tmp_path: Path) -> None:
    subscribe(home, "https://a.example/1")
    file = write_opml(tmp_path, "https://a.example/1", "https://a.example/2", "file:///etc", "../data")
    done = home.run("sources", "import", file)
    assert done.status == 1
    assert done.out == "1 added, 1 known already, 2 not usable\n"
    assert [line for line in done.err.splitlines() if "'file:///etc'" in line or "'../data'" in line] == done.err.splitlines()
    (tmp_path / "page.opml").write_text("<html>no list</html>")
    assert "not OPML" in home.run("sources", "import", tmp_path / "page.opml").complaint()


def test_polling_tells_what_came_and_fails_if_a_named_source_did(home: Home) -> None:
    with web_server() as server:
        good = server.script(
            "/feed", Answer(body=rss(item("1", "Deficit doubles", FINANCE), item("2", "Nurses strike", WORKFORCE), title=""))
        )
        bad = server.script("/gone", Answer(500))
        subscribe(home, good, bad)
        guarded = home.run("poll", good)
        assert guarded.status == 1
        assert "HEALTHWIRE_ALLOW_ADDRESSES" in guarded.out
        assert server.requests == []

        done = home.run("poll", good, bad, ALLOW_ADDRESSES="127.0.0.0/8")
        assert done.status == 1
        assert "2 new, 0 edited" in done.out
        assert "500" in done.out
        assert done.out.splitlines()[-1] == "2 polled: 2 new stories, 0 edited, 0 known from elsewhere"
        assert sorted(request.path for request in server.requests) == ["/feed", "/gone"]
    assert [story.title for story in stories(home)] == ["Deficit doubles", "Nurses strike"]
    assert {story.source.title for story in stories(home)} == {"127.0.0.1"}, "the host, for a feed that does not say its name"


# ---------------------------------------------------------------- classifying


def test_text_is_classified_with_its_first_line_as_title(home: Home, tmp_path: Path) -> None:
    (tmp_path / "story.txt").write_text(FINANCE)
    lines = invoke(home, "classify", tmp_path / "story.txt").out.splitlines()
    assert lines[0] == "Deficit doubles"
    assert len(lines) == 5
    assert [line.split()[1] for line in lines if line.startswith("  *")] == ["finance"]
    shares = [float(line.split()[-1].rstrip("%")) for line in lines[1:]]
    assert shares == sorted(shares, reverse=True)


def test_json_lines_are_answered_in_order_with_all_confidences(home: Home, models: Path) -> None:
    told = [dict(zip(("title", "text"), text.split("\n"), strict=True)) for text in (WORKFORCE, NOTHING, FINANCE)]
    lines = "\ufeff" + "\n\n".join(json.dumps(story) for story in told) + "\n"
    rows = invoke(home, "classify", "--json", stdin=lines).rows()
    assert [(row["title"], row["topics"]) for row in rows] == [
        ("Nurses strike", ["workforce"]),
        ("Bake sale", []),
        ("Deficit doubles", ["finance"]),
    ]
    version = (models.parent / "train.txt").read_text().split("version ")[1].split(",")[0]
    for row in rows:
        assert row.keys() == {"title", "topics", "confidence", "model"}
        assert row["confidence"].keys() == {"finance", "commissioning", "workforce", "data"}
        assert all(0 <= share <= 1 for share in row["confidence"].values())
        assert row["model"] == version


def test_all_that_json_can_hold_can_be_classified(home: Home) -> None:
    odd = '{"title": "Deficit\u2028doubles\x85", "text": "x"}\r\n{"title": "a\\ud800b\\u0000", "text": "\\uffff"}\n{}'
    rows = invoke(home, "classify", "--json", stdin=odd).rows()
    assert [row["title"] for row in rows] == ["Deficit\u2028doubles\x85", "ab", ""]


def test_the_evidence_adds_up_to_the_score(home: Home) -> None:
    (row,) = invoke(home, "classify", "--json", "--why", stdin=FINANCE).rows()
    for evidence in row["evidence"].values():
        assert evidence["score"] == pytest.approx(evidence["intercept"] + sum(evidence["weights"].values()), abs=1e-3)
    finance = row["evidence"]["finance"]["weights"]
    assert max(finance, key=finance.__getitem__).casefold() == "deficit"
    shown = invoke(home, "classify", "--why", stdin=FINANCE).out
    assert "deficit +" in shown.casefold()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b'{"title": "a", "text": "b"}\n{"title": ', "line 2"),
        (b'{"title": "a"}\n\n[1]', "line 3"),
        (b'{"title": 1, "text": "b"}', "line 1"),
        (b'{"title": "a", "text": null}', "line 1"),
        (b"caf\xe9", "UTF-8"),
    ],
)
def test_stories_that_cannot_be_made_out_are_told_by_line(home: Home, tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "stories").write_bytes(content)
    complaint = invoke(home, "classify", "--json", tmp_path / "stories").complaint()
    assert str(tmp_path / "stories") in complaint
    assert told in complaint


def test_a_file_that_is_not_there_is_told(home: Home) -> None:
    assert "nosuch.txt: no such file" in invoke(home, "classify", "nosuch.txt").complaint()
    assert "nosuch.jsonl" in invoke(home, "evaluate", "nosuch.jsonl").complaint()


def labelled(folder: Path, *rows: tuple[str, list[str]]) -> Path:
    file = folder / "labelled.jsonl"
    lines = [json.dumps(dict(zip(("title", "text"), text.split("\n"), strict=True)) | {"topics": names}) for text, names in rows]
    file.write_text("\n".join(lines))
    return file


def test_a_model_is_scored_on_labelled_stories(home: Home, tmp_path: Path) -> None:
    # The last label is wrong on purpose: of two stories that are chosen for finance one counts as right.
    file = labelled(tmp_path, (FINANCE, ["finance"]), (WORKFORCE, ["workforce"]), (NOTHING, []), (f"Again: {FINANCE}", []))
    figures: dict[str, Any] = json.loads(invoke(home, "evaluate", "--json", file).out)
    assert figures.keys() == {"macro_f1", "micro_f1", "exact_match", "per_topic", "n"}
    assert (figures["n"], figures["exact_match"]) == (4, 0.75)
    # Chosen 3, labelled 2, both of these found.
    assert figures["micro_f1"] == pytest.approx(2 * 2 / (3 + 2))
    for values in figures["per_topic"].values():
        assert values.keys() == {"precision", "recall", "f1", "average_precision", "brier", "ece"}
    assert [figures["per_topic"][topic]["precision"] for topic in ("finance", "workforce")] == [0.5, 1.0]
    assert [figures["per_topic"][topic]["recall"] for topic in ("finance", "workforce")] == [1.0, 1.0]
    shown = invoke(home, "evaluate", file).out
    assert [line.split()[0] for line in shown.splitlines()[1:5]] == ["finance", "commissioning", "workforce", "data"]


def test_a_label_that_is_no_topic_is_told_by_line(home: Home, tmp_path: Path) -> None:
    assert "line 2: unknown topic sport" in invoke(home, "evaluate", labelled(tmp_path, (FINANCE, []), (NOTHING, ["sport"]))).complaint()


def test_training_shows_how_good_the_model_is(models: Path) -> None:
    shown = (models.parent / "train.txt").read_text().splitlines()
    start = next(number for number, line in enumerate(shown) if line.startswith("topic"))
    assert [line.split()[0] for line in shown[start + 1 : start + 5]] == ["finance", "commissioning", "workforce", "data"]
    assert shown[-1].startswith("Model 1 (") and shown[-1].endswith("is in use.")


# ---------------------------------------------------------------- the database


def feed_bytes(home: Home) -> dict[str, bytes]:
    with opened(home) as store:
        documents = FeedDocuments(store, (Topic("finance", "Finance", "Money"),), "https://news.example.org")
        return {name: documents.get(StoryQuery(name)).body for name in documents.names}


def test_a_backup_restored_elsewhere_is_the_same_service(tmp_path: Path, models: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "other").mkdir()
    one, other = make_home(tmp_path / "one", models), make_home(tmp_path / "other", models)
    file = tmp_path / "backup.gz"
    assert one.run("read", LETTER).status == 0
    served = feed_bytes(one)
    assert f"rows written to {file}" in one.run("backup", file).out
    assert f"rows restored from {file}" in other.run("restore", file).out
    assert len(stories(one)) == len(TOLD)
    assert stories(other) == stories(one)
    assert feed_bytes(other) == served

    assert "not empty" in other.run("restore", file).complaint()
    torn = tmp_path / "torn.gz"
    torn.write_bytes(bytes(byte ^ (0xFF if 60 <= place < 90 else 0) for place, byte in enumerate(file.read_bytes())))
    assert "not a readable Healthwire backup" in other.run("restore", torn).complaint()
    assert stories(other) == stories(one)


def test_migrating_makes_a_database_and_leaves_one_that_is_up_to_date_alone(home: Home) -> None:
    assert home.run("migrate") == Result(0, "The database is up to date\n", "")
    subscribe(home, "https://a.example/1")
    assert home.run("migrate") == Result(0, "The database is up to date\n", "")
    with opened(home) as store:
        assert [source.url for source in store.sources.list()] == ["https://a.example/1"]


@pytest.mark.parametrize("command", ["migrate", "serve"])
def test_a_database_of_a_later_version_is_left_alone(home: Home, command: str) -> None:
    subscribe(home)
    database = home.data / "healthwire.db"
    connection = sqlite3.connect(database)
    with connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    before = database.read_bytes()
    told = home.run(command, BIND=f"127.0.0.1:{free_port()}").complaint()
    assert "later version" in told
    assert "9999" in told
    assert database.read_bytes() == before


def test_a_file_that_is_no_database_is_told(home: Home) -> None:
    (home.data / "healthwire.db").write_bytes(b"not a database" * 1000)
    assert "not a database" in home.run("sources", "list").complaint()
