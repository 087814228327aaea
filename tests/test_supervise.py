"""Processes that start together end together, however they end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from program import PATIENCE, Service, eventually

from feeds.errors import SettingsError
from feeds.supervise import check_free

# Roles as a program has them: functions of a module that the children import again. Each says that it runs by a file.
SCRIPT = """
import os, signal, sys, time
from functools import partial
from pathlib import Path

from feeds.errors import HealthwireError
from feeds.supervise import run_together

HERE = Path(__file__).parent

def steady(name):
    (HERE / name).write_text(str(os.getpid()))
    time.sleep(600)

def stubborn(name):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    steady(name)

def tidy(name):
    signal.signal(signal.SIGTERM, lambda *_: (HERE / "tidied").touch() or sys.exit(0))
    steady(name)

def brief(status):
    deadline = time.monotonic() + 60
    while not (HERE / "long").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    os._exit(status)

if __name__ == "__main__":
    roles = {name: partial(globals()[kind], name if kind != "brief" else int(name)) for name, kind in zip(sys.argv[1::2], sys.argv[2::2])}
    try:
        run_together(roles)
    except HealthwireError as error:
        sys.exit(str(error))
"""

# What has to be done first, and in which process.
FIRST = """
import os, signal, sys, time
from functools import partial
from pathlib import Path

from feeds.errors import HealthwireError, SettingsError
from feeds.supervise import run_first

HERE = Path(__file__).parent

def quick():
    (HERE / "quick").write_text(str(os.getpid()))

def endless():
    try:
        (HERE / "endless").write_text(str(os.getpid()))
        time.sleep(600)
    finally:
        (HERE / "tidied").touch()

def stubborn():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    (HERE / "stubborn").write_text(str(os.getpid()))
    time.sleep(600)

def mistaken():
    raise SettingsError("there is no such seed")

def broken():
    os._exit(3)

def faulty():
    raise ValueError("never thought of")

if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        run_first(globals()[sys.argv[1]])
    except KeyboardInterrupt:
        sys.exit(130)
    except HealthwireError as error:
        sys.exit(f"{type(error).__name__}: {error}")
    print("first", (HERE / sys.argv[1]).read_text(), "then", os.getpid())
"""


@contextmanager
def running(folder: Path, *arguments: str, text: str = SCRIPT) -> Iterator[Service]:
    """A script, by default of roles: their names and kinds in turn."""
    script, log = folder / "script.py", folder / "log"
    script.write_text(text)
    with log.open("wb") as file:
        process = subprocess.Popen([sys.executable, str(script), *arguments], stdout=file, stderr=file, start_new_session=True)
    service = Service(process, "", log)
    try:
        yield service
    finally:
        service.kill()


def started(folder: Path, *names: str) -> list[int]:
    """The process ids of the roles, once they run."""
    files = [folder / name for name in names]
    eventually(lambda: all(file.exists() and file.read_text() for file in files))
    return [int(file.read_text()) for file in files]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_one_signal_ends_all_in_order(tmp_path: Path, number: signal.Signals) -> None:
    with running(tmp_path, "one", "tidy", "two", "steady") as service:
        started(tmp_path, "one", "two")
        service.send(number)
        assert service.ended(PATIENCE) == 0
        eventually(lambda: not service.living())
    assert (tmp_path / "tidied").exists(), "it was asked to end, not killed"


@pytest.mark.parametrize("status", [0, 3])
def test_a_role_that_ends_by_itself_ends_the_others_and_is_named(tmp_path: Path, status: int) -> None:
    with running(tmp_path, "long", "steady", str(status), "brief") as service:
        assert service.ended(PATIENCE) == 1
        eventually(lambda: not service.living())
    assert f"ended unexpectedly: {status} (status {status})" in service.log.read_text()


def test_a_role_that_is_killed_ends_the_others_and_is_named(tmp_path: Path) -> None:
    with running(tmp_path, "one", "steady", "two", "steady") as service:
        _, two = started(tmp_path, "one", "two")
        os.kill(two, signal.SIGKILL)
        assert service.ended(PATIENCE) == 1
        eventually(lambda: not service.living())
    assert "ended unexpectedly: two (status -9)" in service.log.read_text()


def test_a_role_that_will_not_end_is_killed_within_the_ten_seconds_that_containers_are_given(tmp_path: Path) -> None:
    with running(tmp_path, "one", "stubborn", "two", "stubborn") as service:
        started(tmp_path, "one", "two")
        service.send(signal.SIGTERM)
        # One after the other they would be given 16 s.
        assert service.ended(15) == 1
        eventually(lambda: not service.living())
    assert "had to be killed, for it did not end within 8 s: one, two" in service.log.read_text()


def test_roles_do_not_outlive_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    with running(tmp_path, "one", "steady", "two", "tidy") as service:
        started(tmp_path, "one", "two")
        service.send(signal.SIGKILL)
        assert service.ended(PATIENCE) == -signal.SIGKILL
        eventually(lambda: not service.living())
    assert (tmp_path / "tidied").exists()


def test_what_is_done_first_leaves_nothing_in_the_process_that_goes_on(tmp_path: Path) -> None:
    with running(tmp_path, "quick", text=FIRST) as service:
        assert service.ended(PATIENCE) == 0
    _, first, _, then = service.log.read_text().split()
    assert first != then == str(service.process.pid)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("mistaken", "SettingsError: there is no such seed\n"),
        ("broken", "HealthwireError: could not start (status 3); the log above says why\n"),
        ("faulty", "ValueError: never thought of\nHealthwireError: could not start (status 1); the log above says why\n"),
    ],
)
def test_what_goes_wrong_first_is_told(tmp_path: Path, kind: str, said: str) -> None:
    with running(tmp_path, kind, text=FIRST) as service:
        assert service.ended(PATIENCE) == 1
    assert service.log.read_text().endswith(said)
    assert ("Traceback" in service.log.read_text()) == (kind == "faulty")


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 0), (signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)])
@pytest.mark.parametrize("reaches_all", [False, True])
def test_what_is_done_first_is_given_back_by_whoever_is_ended_meanwhile(
    tmp_path: Path, number: signal.Signals, status: int, reaches_all: bool
) -> None:
    with running(tmp_path, "endless", text=FIRST) as service:
        started(tmp_path, "endless")
        if reaches_all and number != signal.SIGKILL:
            # As a terminal does.
            os.killpg(service.process.pid, number)
        else:
            service.send(number)
        assert service.ended(PATIENCE) == status
        eventually(lambda: not service.living())
        assert service.log.read_text() == ""
    assert (tmp_path / "tidied").exists()


def test_what_will_not_end_first_is_killed_soon(tmp_path: Path) -> None:
    with running(tmp_path, "stubborn", text=FIRST) as service:
        started(tmp_path, "stubborn")
        service.send(signal.SIGTERM)
        assert service.ended(9) == 0
        eventually(lambda: not service.living())


def test_a_port_is_free_until_somebody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(SettingsError, match="address already in use; set HEALTHWIRE_BIND"):
            check_free("127.0.0.1", port)
    check_free("127.0.0.1", port)


def test_an_address_that_is_not_ours_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"cannot listen on 203\.0\.113\.1:8000"):
        check_free("203.0.113.1", 8000)
