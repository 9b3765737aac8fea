"""The CPU cores that this process may use, and how busy others keep them. Knows no torch: a command looks before it loads."""

from __future__ import annotations

import math
import os
import time
from dataclasses import dataclass
from pathlib import Path

#: Where Linux says what the machine's cores have done, and what a container may use of them.
PROC, CGROUP = Path("/proc"), Path("/sys/fs/cgroup")
#: Columns of a line of /proc/stat: user, nice, system, idle, iowait, irq, softirq, steal.
_NICE, _IDLE, _WAITING, _ALL = 1, 3, 4, 8


@dataclass(frozen=True)
class Times:
    """CPU time in seconds since some moment.

    Attributes:
        wall: the time of day.
        busy: what everybody has used of this process's cores, without what runs at a lower priority.
        own: what this process and its children have used.
    """

    wall: float
    busy: float
    own: float

    def others_since(self, before: Times) -> float:
        """Return how many cores others have kept busy, on average, since `before`."""
        passed = self.wall - before.wall
        return max(0.0, (self.busy - before.busy) - (self.own - before.own)) / passed if passed > 0 else 0.0


def list_cores() -> set[int]:
    """Return the numbers of the cores that this process may run on."""
    try:
        return os.sched_getaffinity(0)
    except AttributeError:  # macOS, Windows
        return set(range(os.cpu_count() or 1))


def read_quota() -> float:
    """Return how many cores the process's control groups let it use; infinite without a limit."""
    try:
        lines = (PROC / "self" / "cgroup").read_text().splitlines()
    except OSError:
        return math.inf
    quotas = [math.inf]
    for line in lines:
        _, controllers, group = line.split(":", 2)
        if not controllers:  # cgroup v2
            quotas += [_divide_quota(folder, "cpu.max") for folder in _upwards(CGROUP, group)]
        elif "cpu" in controllers.split(","):
            folders = _upwards(CGROUP / "cpu", group)
            quotas += [_divide_quota(folder, "cpu.cfs_quota_us", "cpu.cfs_period_us") for folder in folders]
    return min(quotas)


def read_times() -> Times | None:
    """Return the CPU time used so far; None where the system does not say."""
    try:
        lines = (PROC / "stat").read_text().splitlines()
        ticks = os.sysconf("SC_CLK_TCK")
        allowed = {f"cpu{number}" for number in list_cores()}
        busy = 0.0
        polite = os.nice(0) > 0
        for line in lines:
            name, *columns = line.split()
            if name in allowed:
                counts = [int(column) for column in columns[:_ALL]]
                left_out = {_IDLE, _WAITING} if polite else {_IDLE, _WAITING, _NICE}
                busy += sum(count for index, count in enumerate(counts) if index not in left_out) / ticks
    except (OSError, ValueError, AttributeError):
        return None
    return Times(time.monotonic(), busy, _own_seconds(ticks))


def _own_seconds(ticks: int) -> float:
    """Return the CPU time of this process and its children: those that have ended, and those that live."""
    total = sum(os.times()[:4])
    try:
        children = [pid for file in (PROC / "self" / "task").glob("*/children") for pid in file.read_text().split()]
    except OSError:
        children = []
    for child in children:
        try:
            columns = (PROC / child / "stat").read_text().rpartition(")")[2].split()
            total += sum(map(int, columns[11:15])) / ticks  # utime, stime, cutime, cstime
        except (OSError, ValueError):  # it has ended meanwhile
            continue
    return total


def _upwards(root: Path, group: str) -> list[Path]:
    """Return the folders of a control group and of those that it is in."""
    own = root / group.strip("/")
    return [own, *(folder for folder in own.parents if folder.is_relative_to(root))]


def _divide_quota(folder: Path, *names: str) -> float:
    """Return a quota by its period, from the file of both or from one of each; infinite without a limit."""
    try:
        quota, period = " ".join((folder / name).read_text() for name in names).split()
        return math.inf if quota == "max" or int(quota) <= 0 else int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return math.inf
