"""How many threads there are: as many as others leave cores for."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator

import pytest
import torch

from gan_lab import cores
from gan_lab.cores import Times
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


def test_a_system_that_says_nothing_leaves_all_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "read_times", lambda: None)
    settle_threads("auto")
    fit_threads()
    assert torch.get_num_threads() == 4
