"""What a process and its children have used, measured from outside. Linux only."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Usage:
    """``cpu`` and ``wall`` are seconds. ``memory`` is the sum of the most that each living process had resident, ``largest`` the
    greatest of these, in bytes."""

    cpu: float
    wall: float
    memory: int
    largest: int

    def since(self, before: Usage) -> Usage:
        """The time used since ``before``, and the memory so far."""
        return Usage(self.cpu - before.cpu, self.wall - before.wall, self.memory, self.largest)


def usage(pid: int) -> Usage:
    """What a process and its descendants have used so far, those that ended and were waited for included."""
    tree = list(_tree(pid))
    peaks = [_peak(each) for each in tree]
    return Usage(sum(map(_cpu, tree)), time.monotonic(), sum(peaks), max(peaks))


def _tree(pid: int) -> Iterator[int]:
    yield pid
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield from _tree(int(child))


def _cpu(pid: int) -> float:
    # The kernel's clock of another process, as clock_getcpuclockid(3) makes it; finer than the ticks in /proc.
    own = time.clock_gettime((~pid << 3) | 2)
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return own + (int(fields[13]) + int(fields[14])) / _TICKS


def _peak(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), 0)
