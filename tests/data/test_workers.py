"""The processes that prepare batches: how many, how they end, and what is said where they fail."""

from __future__ import annotations

import errno
import gc
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gan_lab.data import Products
from gan_lab.data import workers as workers_module
from gan_lab.data.workers import WatchedLoader, choose_workers, explain_worker_failure
from gan_lab.errors import UserError

from .conftest import Write
from .test_base import module


def alive(pid: int) -> bool:
    """Return whether a process runs; a dead one that nobody has waited for does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not (status.exists() and status.read_text().rsplit(") ", 1)[1].startswith("Z"))


def gone(pids: list[int], seconds: float = 60) -> bool:
    end = time.monotonic() + seconds
    while any(map(alive, pids)) and time.monotonic() < end:
        time.sleep(0.2)
    return not any(map(alive, pids))


SCRIPT = """
    import os, signal, sys, time
    from gan_lab.data import Products
    data = Products(sys.argv[1], image_size=32, batch_size=3, num_workers=2, batch_kind="unpaired")
    signal.signal(signal.SIGTERM, lambda *_: print("the program's own answer", flush=True))
    stream = iter(data.train_dataloader())
    next(stream)
    print(*(worker.pid for worker in stream._workers), flush=True)
    sys.stdin.readline()
    for _ in range(20):
        next(stream)
    print("still fed", flush=True)
    raise SystemExit(3)
"""


@pytest.fixture
def program(root: Path) -> Iterator[subprocess.Popen[str]]:
    """A program of its own, for one that is forked from pytest's process inherits what the tests before left there."""
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(SCRIPT), str(root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    yield process
    process.kill()
    process.communicate()


def read_workers(program: subprocess.Popen[str]) -> list[int]:
    """Return the two workers' process numbers, which a program prints as soon as they feed it."""
    assert program.stdout is not None
    workers = [int(pid) for pid in program.stdout.readline().split()]
    assert len(workers) == 2
    return workers


def test_signals_to_all_leave_the_workers_to_the_program_which_ends_with_them(program: subprocess.Popen[str]) -> None:
    workers = read_workers(program)
    for pid in workers:
        os.kill(pid, signal.SIGTERM)
        os.kill(pid, signal.SIGINT)
        os.kill(pid, signal.SIGHUP)
    time.sleep(0.5)
    assert all(map(alive, workers))
    output, _ = program.communicate("go on\n", timeout=60)  # it ends in the middle of the stream
    assert output.split("\n") == ["still fed", ""]
    assert program.returncode == 3
    assert gone(workers)


def test_workers_end_when_the_program_is_killed(program: subprocess.Popen[str]) -> None:
    workers = read_workers(program)
    program.kill()
    assert program.wait(10) == -signal.SIGKILL
    assert gone(workers)


@pytest.mark.parametrize(
    ("cores", "cheap", "shared_mb", "expected"),
    [(1, False, 9999, 0), (2, False, 9999, 1), (16, False, 9999, 8), (16, True, 9999, 0), (16, False, 64, 0)],
)
def test_workers_are_chosen_by_cores_work_and_shared_memory(
    monkeypatch: pytest.MonkeyPatch, cores: int, cheap: bool, shared_mb: int, expected: int
) -> None:
    monkeypatch.setattr(workers_module.os, "sched_getaffinity", lambda _: set(range(cores)), raising=False)
    usage = SimpleNamespace(total=shared_mb * 2**20)
    monkeypatch.setattr(workers_module.shutil, "disk_usage", lambda _: usage)
    assert choose_workers(cheap=cheap) == expected


@pytest.mark.parametrize(
    ("cores", "gpu", "options", "expected"),
    [
        (2, False, {}, 0),
        (2, True, {}, 1),
        (3, False, {}, 2),
        (2, False, {"cache_mb": 0}, 1),
        (2, False, {"masks": True, "batch_kind": "unpaired", "class_a": "hat", "class_b": "shoe"}, 1),
    ],
)
def test_two_cores_without_a_gpu_take_no_worker_for_photos_that_are_decoded_once(
    monkeypatch: pytest.MonkeyPatch,
    root: Path,
    write: Write,
    cores: int,
    gpu: bool,
    options: dict[str, Any],
    expected: int,
) -> None:
    write("photos/hat", 4), write("photos/shoe", 4)
    monkeypatch.setattr(workers_module.os, "sched_getaffinity", lambda _: set(range(cores)), raising=False)
    monkeypatch.setattr(workers_module.torch.cuda, "is_available", lambda: gpu)
    data = Products(root / "photos", image_size=32, batch_size=2, near_duplicates=None, **options)
    data.prepare()
    assert f"{expected} workers" in data.describe()


class Photos:
    """Samples whose third one does something else."""

    def __init__(self, third: Any) -> None:
        self.third = third

    def __len__(self) -> int:
        return 6

    def __getitem__(self, index: int) -> Any:
        return self.third() if index == 2 else index


class Unsendable:
    """A batch that finds no room in shared memory."""

    def __reduce__(self) -> Any:
        raise RuntimeError(
            "unable to allocate shared memory(shm) for file </torch_1_2_3>: No space left on device (28)"
        )


def make_watched_loader(third: Any, **options: Any) -> WatchedLoader:
    workers = {"num_workers": 2, "worker_init_fn": workers_module.start_worker, "multiprocessing_context": "fork"}
    return WatchedLoader(Photos(third), batch_size=None, **({"worker_timeout": 20.0} | workers | options))


@pytest.mark.parametrize(
    ("third", "message"),
    [
        (
            Unsendable,
            r"data\.num_workers=2: shared memory, .* is full \(\d+ MB are free\); free /dev/shm, give",
        ),
        (
            lambda: os.kill(os.getpid(), signal.SIGKILL),
            r"data\.num_workers=2: a worker has died \(.*\); if the system has ended it",
        ),
        (lambda: os._exit(7), r"data\.num_workers=2: a worker has died \(.*exited unexpectedly.*\)"),
    ],
)
def test_what_ends_a_worker_is_said(third: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        list(make_watched_loader(third))


def test_a_worker_that_does_not_answer_is_named_and_ended() -> None:
    stream = iter(make_watched_loader(lambda: time.sleep(300), worker_timeout=1.0))
    pids = [worker.pid for worker in stream._workers]
    assert [next(stream), next(stream)] == [0, 1]
    os.kill(pids[0], signal.SIGSTOP)
    message = rf"data\.worker_timeout=1: worker 0 of 2 \(process {pids[0]}\) has not answered for so many seconds; see whether"
    with pytest.raises(UserError, match=message):
        next(stream)
    del stream
    assert gone(pids)


def test_a_slow_worker_has_all_of_its_time() -> None:
    assert list(make_watched_loader(lambda: time.sleep(0.5) or 2, worker_timeout=3.0)) == list(range(6))


def test_without_a_limit_workers_are_waited_for(root: Path) -> None:
    assert module(root, domain="A", num_workers=2, worker_timeout=None).train_dataloader().timeout == 0
    assert module(root, domain="A", num_workers=2, worker_timeout=50).train_dataloader().timeout == 5
    assert module(root, domain="A", num_workers=0).train_dataloader().timeout == 0
    with pytest.raises(UserError, match=r"data\.worker_timeout=0: needs seconds above 0, or null"):
        module(root, worker_timeout=0)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # torch's, of a half-made iterator
def test_workers_that_cannot_be_started_are_told_apart_from_bad_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    fork, pids = os.fork, []

    def one_only() -> int:
        if pids:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        pids.append(fork())
        return pids[0]

    monkeypatch.setattr(os, "fork", one_only)
    message = r"data\.num_workers=2: workers cannot be started \(Resource temporarily unavailable\); raise the limit"
    with pytest.raises(UserError, match=message):
        iter(make_watched_loader(int))
    gc.collect()
    assert gone(pids)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "shared memory, through which"),
        (RuntimeError("DataLoader worker (pid 3) is killed by signal: Bus error. It is possible"), "shared memory"),
        (RuntimeError("can't start new thread"), r"workers cannot be started \(can't start new thread\)"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), r"workers cannot be started \(Cannot allocate memory\)"),
        (RuntimeError("Too many open files. Communication with the workers"), "too many files are open; raise their"),
        (RuntimeError("received 0 items of ancdata"), "too many files are open"),
    ],
)
def test_the_cause_of_a_failure_is_told(error: Exception, message: str) -> None:
    assert re.match(f"data.num_workers=auto: {message}", str(explain_worker_failure(error, "auto")))


def test_an_error_of_the_photos_is_not_the_workers() -> None:
    def fail() -> None:
        raise ValueError("of the photo")

    assert explain_worker_failure(RuntimeError("shapes differ"), 2) is None
    assert explain_worker_failure(FileNotFoundError(errno.ENOENT, "x"), 2) is None
    with pytest.raises(ValueError, match="of the photo"):
        list(make_watched_loader(fail))
