"""How many threads there are: as many as others leave cores for."""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from gan_lab import cores
from gan_lab.cores import Times, read_quota, read_times
from gan_lab.errors import UserError
from gan_lab.hardware import fit_threads, keep_threads, settle_threads, threads
from gan_lab.hardware.threads import Threads


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine of four cores without a quota, and the number of threads as it was afterwards."""
    before = torch.get_num_threads()
    monkeypatch.setattr(cores, "list_cores", lambda: {0, 1, 2, 3})
    monkeypatch.setattr(threads, "read_quota", lambda: float("inf"))
    monkeypatch.setattr(threads, "list_cores", cores.list_cores)
    monkeypatch.setattr(threads, "DEFAULT", 4)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    torch.set_num_threads(4)
    yield
    monkeypatch.setattr(threads, "_fitted", None)
    torch.set_num_threads(before)


class Load:
    """Others that keep so many cores busy; every look comes ten seconds after the one before."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, others: float) -> None:
        self.others, self.now, self.busy = others, 100.0, 0.0
        monkeypatch.setattr(threads, "read_times", self.read)
        monkeypatch.setattr(threads.time, "monotonic", lambda: self.now + 10)

    def read(self) -> Times:
        self.now += 10
        self.busy += 10 * (self.others + 1)
        return Times(self.now, self.busy, own=self.now)


@pytest.mark.parametrize(("others", "expected"), [(0.0, 4), (0.4, 4), (1.0, 3), (2.6, 1), (3.0, 1), (9.0, 1)])
def test_threads_are_as_many_as_cores_are_free(others: float, expected: int, monkeypatch: pytest.MonkeyPatch) -> None:
    Load(monkeypatch, others)
    settle_threads("auto", threads.read_times())
    assert torch.get_num_threads() == expected


def test_they_follow_the_load_down_and_up_and_it_is_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    load = Load(monkeypatch, 0.0)
    settle_threads("auto")
    found = [torch.get_num_threads()]
    for load.others in (3.0, 3.0, 1.0, 0.0):
        fit_threads()
        found.append(torch.get_num_threads())
    assert found == [4, 1, 1, 3, 4]
    assert "1 thread in place of 4: other processes keep 3.0 of 4 cores busy" in caplog.text


def test_a_look_is_taken_only_so_often(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []
    monkeypatch.setattr(threads, "read_times", lambda: looked.append(1) or Times(time.monotonic(), 0.0, 0.0))
    fitted = Threads(4, None)
    for _ in range(50):
        fitted.fit()
    assert len(looked) == 1


def test_a_quota_bounds_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "read_quota", lambda: 1.2)
    settle_threads("auto")
    assert torch.get_num_threads() == 1


def test_a_later_job_of_a_sweep_begins_with_all_threads_whatever_the_first_one_had(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    load = Load(monkeypatch, 3.0)
    start = threads.read_times()
    settle_threads("auto", start)
    assert torch.get_num_threads() == 1
    load.now += 1000  # the first job, beside the same load, which has ended since
    load.busy += 1000 * 4
    load.others = 0.0
    settle_threads("auto", start)
    assert torch.get_num_threads() == 4
    settle_threads(2)
    settle_threads("auto", start)
    assert torch.get_num_threads() == 4


def test_a_number_is_kept_whatever_others_do(monkeypatch: pytest.MonkeyPatch) -> None:
    Load(monkeypatch, 3.0)
    settle_threads(2)
    fit_threads()
    assert torch.get_num_threads() == 2


def test_the_environments_own_number_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    torch.set_num_threads(3)
    Load(monkeypatch, 3.0)
    settle_threads("auto", threads.read_times())
    fit_threads()
    assert torch.get_num_threads() == 3


def test_what_must_not_hang_on_the_load_keeps_all_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    Load(monkeypatch, 3.0)
    settle_threads("auto", threads.read_times())
    keep_threads()
    fit_threads()
    assert torch.get_num_threads() == 4


@pytest.mark.parametrize("wrong", [0, -1, True, 1.5, "many", 10**6, None])
def test_what_is_no_number_of_threads_is_refused(wrong: object) -> None:
    with pytest.raises(UserError, match=r"^threads="):
        settle_threads(wrong)


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
def test_others_and_ones_own_work_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """A child's work is one's own; that of a process that has another parent is others'."""
    monkeypatch.undo()
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


def test_a_system_that_says_nothing_leaves_all_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "read_times", lambda: None)
    settle_threads("auto")
    fit_threads()
    assert torch.get_num_threads() == 4
