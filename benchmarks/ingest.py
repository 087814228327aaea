"""How much processor time ingest takes, beside the Python package reader on the same feeds, and how it bears too much work: prints
tables.

Run it from the project's folder: ``python -m benchmarks.ingest``.
"""

from __future__ import annotations

import json
import shutil
import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import feedparser

import service
from benchmarks import scale
from benchmarks.corpus import document
from benchmarks.helpers import Helper, helper, peers_python
from benchmarks.usage import Usage, usage
from feeds.settings import Settings

FEEDS = 200
REPEATS = 3
OURS, PEER = "ours", "reader"


@dataclass(frozen=True, slots=True)
class Round:
    """What the publishers show meanwhile, and how many times less than the peer we want to take, processor time and wall time."""

    name: str
    shown: str
    target: float
    wall_target: float | None = None


ROUNDS = (
    Round("cold", "0", 2.2, 4),
    Round("all 304", "0", 12),
    Round("unchanged 200", "0 renewed", 60),
    Round("one new each", "1 renewed", 15),
)
MOST_FOR_304 = 0.6


class Contest:
    """Rounds of polls by both sides in turn; ``python`` is the peer's interpreter."""

    def __init__(self, website: Helper, models: Path, python: Path | None) -> None:
        self._website = website
        self._told = website.hear()
        self.addresses: list[str] = json.loads(self._told)
        self._models = models
        self._python = python
        self.used: dict[tuple[Round, str], list[Usage]] = defaultdict(list)
        self.start: dict[str, list[float]] = defaultdict(list)
        self.entries: dict[str, int] = {}

    def repeat(self, folder: Path) -> None:
        """All rounds once, from empty databases in an empty folder."""
        with ExitStack() as stack:
            sides = {OURS: stack.enter_context(helper(_module("ours"), settings_in(folder / "data", self._models)))}
            if self._python:
                command = [str(self._python), str(Path(__file__).with_name("peer_reader.py")), str(folder / "peer.db")]
                sides[PEER] = stack.enter_context(helper(command))
            for name, side in sides.items():
                side.hear()
                self.start[name].append(usage(side.pid).cpu)
                side.ask(self._told)
            for this in ROUNDS:
                self._website.ask(this.shown)
                sides[OURS].ask("due")
                for name, side in sides.items():
                    before = usage(side.pid)
                    answer = json.loads(side.ask("poll"))
                    self.used[this, name].append(usage(side.pid).since(before))
                    if answer["failed"]:
                        print(f"{this.name}: {answer['failed']} polls by {name} failed", file=sys.stderr)
                    if name == OURS and this is ROUNDS[0]:
                        self.entries = answer["entries"]


def settings_in(data: Path, models: Path) -> dict[str, str]:
    """Settings that poll this machine with a fresh database in the folder ``data``."""
    shutil.copytree(models, data / "models")
    return {"HEALTHWIRE_DATA_DIR": str(data), "HEALTHWIRE_ALLOW_ADDRESSES": "127.0.0.0/8"}


def trained(folder: Path) -> Path:
    """The models made by ``make train``, else one that is trained now in ``folder``."""
    register = Settings().models
    if register.is_dir():
        shutil.copytree(register, folder / "models")
    service.usable_model(Settings(data_dir=folder))
    return folder / "models"


def _module(name: str, *arguments: object) -> list[str]:
    return [sys.executable, "-m", f"benchmarks.{name}", *map(str, arguments)]


def _spread(values: Sequence[float], form: str) -> str:
    """The median with the range, if there are values."""
    return f"{statistics.median(values):{form}} [{min(values):{form}}-{max(values):{form}}]" if values else "-"


def _ratios(ours: Sequence[Usage], peers: Sequence[Usage], of: Callable[[Usage], float]) -> list[float]:
    return [of(peer) / of(own) for own, peer in zip(ours, peers, strict=bool(peers))]


def print_rounds(contest: Contest) -> None:
    row = "{:<14}{:>24}{:>21}{:>7}{:>8}{:>19}{:>8}{:>19}{:>8}".format
    print(row("", "CPU ms a feed", "", "feeds a", "CPU-s", "CPU ratio", "target", "wall ratio", "target"))
    print(row("", OURS, PEER, OURS, PEER, "", "", "", ""))
    for this in ROUNDS:
        ours, peers = contest.used[this, OURS], contest.used[this, PEER]
        costs = [_spread([1000 * used.cpu / FEEDS for used in side], ".2f") for side in (ours, peers)]
        rates = [f"{FEEDS / statistics.median(used.cpu for used in side):.0f}" if side else "-" for side in (ours, peers)]
        ratio = _spread(_ratios(ours, peers, lambda used: used.cpu), ".1f")
        wall = _spread(_ratios(ours, peers, lambda used: used.wall), ".1f")
        wanted = f"{this.wall_target:g}" if this.wall_target else ""
        print(row(this.name, *costs, *rates, ratio, f"{this.target:g}", wall, wanted))
    print(f"Ratios are the peer's time by ours: more is better for us. All 304 shall take us at most {MOST_FOR_304} ms a feed.")


def print_memory(contest: Contest) -> None:
    for name, started in contest.start.items():
        used = [usage for this in ROUNDS for usage in contest.used[this, name]]
        most, largest = max(usage.memory for usage in used) / 2**20, max(usage.largest for usage in used) / 2**20
        print(
            f"{name}: peak memory {most:.0f} MB, {largest:.0f} MB in its largest process;"
            f" its start took {statistics.median(started):.2f} CPU-s, not counted above"
        )


def print_entries(contest: Contest) -> None:
    fewer = []
    for address in contest.addresses:
        found = contest.entries.get(address, 0)
        body = document(int(address.rpartition("/")[2]))
        by_feedparser = len(feedparser.parse(body, sanitize_html=False, resolve_relative_uris=False).entries)
        if found < by_feedparser:
            fewer.append(f"  {address}: {found} entries, feedparser finds {by_feedparser}")
    enough, total = FEEDS - len(fewer), sum(contest.entries.values())
    print(f"Entries: {total}; at least as many as feedparser finds in {enough} of {FEEDS} documents (target: all)")
    for line in fewer:
        print(line)


def main(repeats: int = REPEATS) -> None:
    if not sys.platform.startswith("linux"):
        print("Ingest: left out, as it reads Linux's /proc and needs its loopback network")
        return
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        models = trained(Path(folder) / "trained")
        website = stack.enter_context(helper(_module("website", 0, FEEDS, 1)))
        contest = Contest(website, models, peers_python())
        for number in range(repeats):
            contest.repeat(Path(folder) / str(number))
        size = sum(len(document(feed)) for feed in range(FEEDS)) / FEEDS / 1000
        print(f"Ingest: {FEEDS} feeds of {size:.0f} kB on average on 50 hosts; median [range] of {repeats}")
        print_rounds(contest)
        print_memory(contest)
        print_entries(contest)
        print()
        scale.main(Path(folder), models)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
