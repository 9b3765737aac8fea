"""Which cores there are, and how busy others keep them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gan_lab import cores
from gan_lab.cores import read_quota, read_times


@pytest.mark.parametrize(
    ("cgroup", "files", "expected"),
    [
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 1.5),
        ("0::/pod/box\n", {"pod/cpu.max": "200000 100000\n", "pod/box/cpu.max": "max 100000\n"}, 2.0),
        ("0::/pod/box\n", {"pod/cpu.max": "200000 100000\n", "pod/box/cpu.max": "50000 100000\n"}, 0.5),
        ("3:cpu,cpuacct:/a\n", {"cpu/a/cpu.cfs_quota_us": "300000", "cpu/a/cpu.cfs_period_us": "100000"}, 3.0),
        ("3:cpu:/a\n", {"cpu/a/cpu.cfs_quota_us": "-1", "cpu/a/cpu.cfs_period_us": "100000"}, float("inf")),
        ("0::/\n", {"cpu.max": "rubbish"}, float("inf")),
        ("0::/\n", {}, float("inf")),
    ],
)
def test_a_containers_quota_is_read(
    cgroup: str, files: dict[str, str], expected: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text(cgroup)
    for name, content in files.items():
        path = tmp_path / "cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    monkeypatch.setattr(cores, "PROC", tmp_path / "proc")
    monkeypatch.setattr(cores, "CGROUP", tmp_path / "cgroup")
    assert read_quota() == expected


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="read from /proc")
def test_others_and_ones_own_work_are_told_apart() -> None:
    """A child's work is one's own; that of a process that has another parent is others'."""
    before = read_times()
    spin = "import time\nwhile time.process_time() < 0.5: pass"
    child = subprocess.Popen([sys.executable, "-c", spin])
    child.wait()
    after = read_times()
    assert before is not None
    assert after is not None
    assert after.own - before.own > 0.4
    assert after.busy - before.busy >= 0.8 * (after.own - before.own)
    assert after.others_since(before) >= 0
