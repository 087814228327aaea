"""Child processes that a benchmark talks to by lines, and the virtual environment of peers."""

from __future__ import annotations

import hashlib
import os
import socket
import subprocess
import sys
import venv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

ROOT = Path(__file__).parents[1]
_PEERS = ROOT / ".venv-bench"
_PINS = Path(__file__).with_name("requirements-peers.txt")


class Helper:
    """A child that answers each line on its standard input with one on its standard output."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    @property
    def pid(self) -> int:
        return self._process.pid

    def hear(self) -> str:
        """Its next line.

        Raises:
            RuntimeError: it ended instead.
        """
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            raise RuntimeError(f"{self._process.args!r} ended early; see above for why")
        return line.rstrip("\n")

    def ask(self, line: str) -> str:
        if self._process.stdin:
            self._process.stdin.write(f"{line}\n")
            self._process.stdin.flush()
        return self.hear()


@contextmanager
def helper(command: Sequence[str], settings: Mapping[str, str] | None = None, log: IO[str] | None = None) -> Iterator[Helper]:
    """Runs a command beside this one until the context ends; ``settings`` are added to its environment, ``log`` is where its
    standard error goes."""
    environ = {**os.environ, **(settings or {})}
    process = subprocess.Popen(  # noqa: S603
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, cwd=ROOT, env=environ
    )
    try:
        yield Helper(process)
    finally:
        if process.stdin:
            process.stdin.close()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout:
            process.stdout.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def peers_python() -> Path | None:
    """The interpreter that has the peers installed, which takes a moment at first; None, and said so, when they cannot be."""
    python, stamp = _PEERS / "bin" / "python", _PEERS / "installed"
    pins = hashlib.sha256(_PINS.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == pins:
        return python
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r", str(_PINS)]
    try:
        venv.create(_PEERS, with_pip=True, clear=True)
        subprocess.run(pip, check=True, capture_output=True, text=True)  # noqa: S603
    except (OSError, subprocess.CalledProcessError) as error:
        said = (getattr(error, "stderr", "") or str(error)).strip().splitlines()
        print(f"The peer cannot be installed, so only our own figures follow: {said[-1] if said else error}", file=sys.stderr)
        return None
    stamp.write_text(pins)
    return python
