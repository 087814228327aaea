"""The commands that take lists of sources in and out and change a source, run as their users run them."""

from __future__ import annotations

import os
import pty
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner
from program import PATIENCE, Home

from service import main

OWN = """<opml version="2.0" xmlns:healthwire="tag:healthwire.invalid,2026:opml"><body>
<outline text="Press"><outline text="UK / Ireland">
<outline text="Harbour" xmlUrl="https://harbour.example/feed" healthwire:interval="7200" healthwire:fullText="true"/>
</outline></outline>
<outline text="Ward" xmlUrl="https://ward.example/feed"/>
<outline text="Post" xmlUrl="imaps://ada@mail.example/INBOX"/>
</body></opml>
"""
FOREIGN = """<opml version="2.0"><body><outline text="Elsewhere">
<outline text="Other" xmlUrl="https://harbour.example/feed"/>
</outline></body></opml>
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "data", {})


def test_a_list_of_our_own_restores_settings_and_another_leaves_them_alone(home: Home, tmp_path: Path) -> None:
    assert home.run("sources", "import", "-", stdin=OWN, cwd=tmp_path).out == "3 added, 0 known already, 0 not usable\n"
    (tmp_path / "kept.opml").write_text(home.run("sources", "export", cwd=tmp_path).out)

    changed = home.run("sources", "set", "Harbour", "--title", "The\tHarbour", "--folder", "A / B", "--interval", "auto", cwd=tmp_path)
    assert (changed.status, changed.err) == (0, "")
    assert changed.out == "Source 1 (The Harbour): folder A/B, interval by how often it publishes, full text\n"
    foreign = home.run("sources", "import", "-", stdin=FOREIGN, cwd=tmp_path)
    assert (foreign.status, foreign.out) == (0, "0 added, 1 known already, 0 not usable\n")
    changed = home.run("sources", "set", "1", "--no-full-text", cwd=tmp_path)
    assert changed.out == "Source 1 (The Harbour): folder A/B, interval by how often it publishes, no full text\n"

    restored = home.run("sources", "import", "kept.opml", cwd=tmp_path)
    assert (restored.status, restored.out) == (0, "0 added, 3 known already (1 updated), 0 not usable\n")
    assert home.run("sources", "export", cwd=tmp_path).out == (tmp_path / "kept.opml").read_text()
    changed = home.run("sources", "set", "https://ward.example/feed", "--interval", "900", cwd=tmp_path)
    assert changed.out == "Source 2 (Ward): no folder, interval 900 s, no full text\n"


def test_a_source_is_stopped_and_resumed_with_a_word_on_what_comes_next(home: Home, tmp_path: Path) -> None:
    home.run("sources", "import", "-", stdin=FOREIGN, cwd=tmp_path)
    for command, answer in [
        ("resume", "Source 1 (Other) is not stopped\n"),
        ("stop", "Source 1 (Other) is stopped; to poll it again: healthwire sources resume 1\n"),
        ("stop", "Source 1 (Other) was stopped already; to poll it again: healthwire sources resume 1\n"),
        ("resume", "Source 1 (Other) is resumed; it will be polled at the next tick\n"),
    ]:
        done = home.run("sources", command, "OTHER", cwd=tmp_path)
        assert (done.status, done.out, done.err) == (0, answer, "")
    assert "no source called 'Nobody'" in home.run("sources", "stop", "Nobody", cwd=tmp_path).complaint()


@pytest.mark.parametrize(
    ("interval", "words"),
    [
        ("599", "below HEALTHWIRE_POLL_MIN_INTERVAL=600"),
        ("7201", "above HEALTHWIRE_POLL_MAX_INTERVAL=7200"),
        ("2h", "neither a whole number of seconds nor auto"),
        ("-900", "neither a whole number of seconds nor auto"),
    ],
)
def test_an_interval_that_cannot_be_kept_is_refused(home: Home, interval: str, words: str) -> None:
    environment = home.environment(POLL_MIN_INTERVAL="600", POLL_MAX_INTERVAL="7200")
    done = CliRunner().invoke(main, ["sources", "set", "1", "--interval", interval], env=environment)
    assert done.exit_code == 1
    assert words in done.stderr
    assert not home.data.exists(), "nothing is begun"


def test_a_change_of_nothing_and_a_list_that_is_too_long_are_refused(home: Home, tmp_path: Path) -> None:
    nothing = home.run("sources", "set", "1", cwd=tmp_path)
    assert nothing.status == 2
    assert "--interval" in nothing.err
    too_long = home.run("sources", "import", "-", stdin=OWN.ljust(1025), cwd=tmp_path, MAX_BYTES="1024")
    assert "longer than 1024 bytes (HEALTHWIRE_MAX_BYTES)" in too_long.complaint()


def test_an_import_shows_its_progress_on_a_terminal_and_each_bad_line(home: Home, tmp_path: Path) -> None:
    outlines = [f"<outline text='Source {number}' xmlUrl='https://h{number % 20}.example/{number}'/>" for number in range(1000)]
    outlines[600] = "<outline text='Bad' xmlUrl='ftp://bad.example/'/>"
    (tmp_path / "many.opml").write_text("\n".join(["<opml version='2.0'><body>", *outlines, "</body></opml>"]))
    leader, terminal = pty.openpty()
    with subprocess.Popen(
        [*home.program, "sources", "import", "many.opml"], stdout=subprocess.PIPE, stderr=terminal, env=home.environment(), cwd=tmp_path
    ) as process:
        os.close(terminal)
        out, _ = process.communicate(timeout=PATIENCE)
    shown = os.read(leader, 65_536).decode()
    os.close(leader)
    assert (process.returncode, out) == (1, b"999 added, 0 known already, 1 not usable\n")
    assert [f" {share}%" in shown for share in (0, 25, 50, 75, 100)] == [True] * 5
    assert "many.opml: line 602: 'ftp://bad.example/' is neither" in shown
