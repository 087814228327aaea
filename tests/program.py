"""The program as its users run it: real processes with a data directory of their own, and what they leave behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError

ROOT = Path(__file__).parents[1]
PROGRAM = [sys.executable, str(ROOT / "service.py")]
# Far more than is needed, so that a slow machine is no failure.
PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Home:
    """A data directory with a trained model, and settings under which no host outside loopback is ever asked."""

    data: Path
    settings: Mapping[str, str]
    root: Path = ROOT

    @property
    def program(self) -> list[str]:
        return [sys.executable, str(self.root / "service.py")]

    def environment(self, **settings: str) -> dict[str, str]:
        mine = {f"HEALTHWIRE_{name}": value for name, value in {**self.settings, **settings}.items()}
        outer = {name: value for name, value in os.environ.items() if not name.startswith("HEALTHWIRE_")}
        return outer | {"HEALTHWIRE_DATA_DIR": str(self.data)} | mine

    def run(self, *arguments: str | Path, stdin: str | bytes = b"", cwd: Path | None = None, **settings: str) -> Result:
        """Runs one command to its end."""
        done = subprocess.run(
            [*self.program, *map(str, arguments)],
            input=stdin.encode() if isinstance(stdin, str) else stdin,
            capture_output=True,
            cwd=cwd or self.data.parent,
            env=self.environment(**settings),
            timeout=PATIENCE,
            check=False,
        )
        return Result(done.returncode, done.stdout.decode(), done.stderr.decode())


@dataclass(frozen=True, slots=True)
class Result:
    status: int
    out: str
    err: str

    def rows(self) -> list[Any]:
        """Its output as JSON lines."""
        assert self.status == 0, self.err
        return [json.loads(line) for line in self.out.split("\n") if line]

    def complaint(self, status: int = 1) -> str:
        """The one line on standard error of a command that failed."""
        assert self.status == status, self.out + self.err
        assert self.err.startswith("Error: ")
        assert self.err.count("\n") == 1, self.err
        return self.err.removeprefix("Error: ").strip()


def make_home(folder: Path, model: Path) -> Home:
    """A home in an empty folder; its only sources are newsletters in ``letters``, of which there are none yet."""
    data = folder / "data"
    data.mkdir()
    shutil.copytree(model, data / "models")
    (folder / "letters").mkdir()
    return Home(data, {"SOURCES": str(write_opml(folder, "letters/"))})


def write_opml(folder: Path, *addresses: str) -> Path:
    file = folder / "sources.opml"
    outlines = "".join(f'<outline text="Source {number}" xmlUrl="{address}"/>' for number, address in enumerate(addresses, 1))
    file.write_text(f'<opml version="2.0"><body>{outlines}</body></opml>')
    return file


def trained_model(shared: Path) -> Path:
    """The register of a model trained by the program; ``train.txt`` beside it is what was said."""
    home = Home(shared / "trained", {})
    home.data.mkdir()
    done = home.run("train")
    assert done.status == 0, done.err
    (home.data / "train.txt").write_text(done.out)
    return home.data / "models"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def eventually(condition: Callable[[], object], patience: float = PATIENCE) -> None:
    """Waits until the condition holds.

    Raises:
        TimeoutError: it did not come to hold.
    """
    deadline = time.monotonic() + patience
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{condition} did not come to hold within {patience} s")
        time.sleep(0.05)


@dataclass(frozen=True, slots=True)
class Service:
    """A running command, the leader of a session of its own."""

    process: subprocess.Popen[bytes]
    address: str
    log: Path

    def get(self, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
        return self.ask("GET", path, None, **headers)

    def ask(self, method: str, path: str, content: Any, **headers: str) -> tuple[int, dict[str, str], bytes]:
        """An answer's status, header and body; ``content`` is sent as JSON."""
        body = None if content is None else json.dumps(content).encode()
        sent = {name.replace("_", "-"): value for name, value in headers.items()} | ({"Content-Type": "application/json"} if body else {})
        request = urllib.request.Request(self.address + path, body, sent, method=method)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310
                return answer.status, {name.lower(): value for name, value in answer.headers.items()}, answer.read()
        except urllib.request.HTTPError as error:
            with error:
                return error.code, {name.lower(): value for name, value in error.headers.items()}, error.read()

    def is_ready(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        try:
            return self.get("/readyz")[0] == 200
        except (URLError, ConnectionError):
            return False

    def children(self) -> list[int]:
        """Its own child processes in the order in which they were started."""
        return [pid for pid in children_of(self.process.pid) if b"resource_tracker" not in _command(pid)]

    def living(self) -> list[int]:
        """All processes that came of it and still run, wherever in the tree they hang now."""
        return sorted(pid for pid in _processes() if _session(pid) == self.process.pid)

    def send(self, number: int) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        """Ends whatever is left."""
        for pid in self.living():
            os.kill(pid, signal.SIGKILL)
        self.process.wait(PATIENCE)

    def ended(self, within: float) -> int:
        """Its exit status, which must come in time."""
        return self.process.wait(within)


@contextmanager
def serving(home: Home, *command: str, **settings: str) -> Iterator[Service]:
    """A command that runs until stopped, ready to answer; whatever it leaves behind is ended afterwards."""
    port = free_port()
    log = home.data.parent / "log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [*home.program, *(command or ("serve",))],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            env=home.environment(**{"BIND": f"127.0.0.1:{port}", "TICK": "1"} | settings),
            cwd=home.data.parent,
            start_new_session=True,
        )
    service = Service(process, f"http://127.0.0.1:{port}", log)
    try:
        eventually(service.is_ready)
        yield service
    finally:
        service.kill()


def children_of(pid: int) -> list[int]:
    """Its child processes that run, in the order in which they were started."""
    return sorted(each for each in _processes() if _parent(each) == pid and is_running(each))


def is_running(pid: int) -> bool:
    return _session(pid) is not None


def _processes() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]


def _stat(pid: int) -> list[str]:
    """State, parent, process group, session and so on (proc(5)); nothing for a process that is gone."""
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _parent(pid: int) -> int | None:
    stat = _stat(pid)
    return int(stat[1]) if stat else None


def _session(pid: int) -> int | None:
    """None for a zombie, which runs no more."""
    stat = _stat(pid)
    return int(stat[3]) if stat and stat[0] not in "ZX" else None


def _command(pid: int) -> bytes:
    try:
        return (Path("/proc") / str(pid) / "cmdline").read_bytes()
    except OSError:
        return b""
