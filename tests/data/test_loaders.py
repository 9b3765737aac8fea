"""The loaders: order, resume, ranks, processes."""

from __future__ import annotations

import errno
import gc
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from lightning import LightningModule, Trainer
from torch import Tensor

from gan_lab.data import Products
from gan_lab.data import workers as workers_module
from gan_lab.data.workers import WatchedLoader, choose_workers, explain_worker_failure
from gan_lab.errors import UserError
from gan_lab.imaging import GaussianNoise

from .conftest import Write

Batch = dict[str, Tensor]


def module(
    root: Path, *, iteration: int = 0, rank: int = 0, world_size: int = 1, batch_size: int = 3, **options: Any
) -> Products:
    """Return a datamodule as it stands in a trainer at some iteration of a run."""
    data = Products(
        root,
        **{"image_size": 32, "num_workers": 0, "rotation": 5, "scale": (0.9, 1.2), "degradation": GaussianNoise()}
        | options,
        batch_size=batch_size,
    )
    device = SimpleNamespace(root_device=torch.device("cpu"))
    data.trainer = SimpleNamespace(  # type: ignore[assignment]
        lightning_module=SimpleNamespace(iteration=iteration), global_rank=rank, world_size=world_size, strategy=device
    )
    return data


def take(data: Products, count: int) -> list[Batch]:
    return list(islice(data.train_dataloader(), count))


def equal(first: Batch, other: Batch) -> bool:
    return first.keys() == other.keys() and all(torch.equal(first[key], other[key]) for key in first)


@pytest.fixture
def root(tmp_path: Path, write: Write) -> Path:
    for folder, count in (("trainA", 7), ("trainB", 5), ("testA", 5), ("testB", 4)):
        write(folder, count)
    return tmp_path


KINDS = [{"batch_kind": "unpaired"}, {"batch_kind": "paired", "domain": "A"}, {"batch_kind": "images", "domain": "A"}]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind["batch_kind"])
def test_a_resumed_stream_goes_on_as_if_it_had_never_stopped(root: Path, kind: dict[str, Any]) -> None:
    straight = take(module(root, **kind), 8)  # several epochs, whose borders lie inside batches
    assert all(map(equal, take(module(root, iteration=3, **kind), 5), straight[3:]))
    assert all(map(equal, take(module(root, iteration=3, num_workers=2, **kind), 5), straight[3:]))
    assert all(map(equal, take(module(root, num_workers=2, cache_mb=0, **kind), 8), straight))
    assert not any(map(equal, take(module(root, seed=1, **kind), 8), straight))
    assert not any(map(equal, straight[:4], straight[4:]))


def test_two_ranks_see_what_one_rank_with_twice_the_batch_sees(root: Path) -> None:
    kind = {"batch_kind": "paired", "domain": "A"}
    one = take(module(root, batch_size=4, iteration=2, **kind), 4)
    ranks = [take(module(root, batch_size=2, iteration=2, rank=r, world_size=2, **kind), 4) for r in (0, 1)]
    for whole, *halves in zip(one, *ranks, strict=True):
        assert equal(whole, {key: torch.cat([half[key] for half in halves]) for key in whole})


def test_a_loader_that_is_iterated_again_goes_on_where_the_model_is(root: Path) -> None:
    data = module(root, batch_kind="unpaired", num_workers=1)
    straight = take(module(root, batch_kind="unpaired"), 4)
    loader = data.train_dataloader()
    assert equal(next(iter(loader)), straight[0])
    data.trainer.lightning_module.iteration = 2  # type: ignore[union-attr]
    assert equal(next(iter(loader)), straight[2])


@pytest.mark.parametrize("workers", [0, 2])
def test_loading_leaves_the_global_generators_alone(root: Path, workers: int) -> None:
    data = module(root, batch_kind="paired", domain="A", num_workers=workers)
    torch.manual_seed(0)
    np.random.seed(0)
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # type: ignore[index,union-attr]
    take(data, 3)
    list(data.val_dataloader())
    assert torch.equal(before[0], torch.get_rng_state())
    assert np.array_equal(before[1], np.random.get_state()[1])  # type: ignore[index]


def test_validation_is_the_same_each_time_and_drops_nothing(root: Path) -> None:
    data = module(root, batch_kind="paired", domain="A")
    first, second = list(data.test_dataloader()), list(data.test_dataloader())
    assert all(map(equal, first, second))
    assert [len(batch["gt"]) for batch in first] == [3, 2]


def test_every_rank_sees_all_validation_photos(root: Path) -> None:
    """All take the same figures, and so agree on which checkpoint is the best without asking each other."""

    def photos(**rank: int) -> list[bytes]:
        data = module(root, batch_kind="images", domain="A", **rank)
        return [image.numpy().tobytes() for batch in data.test_dataloader() for image in batch["image"]]

    assert photos(rank=0, world_size=2) == photos(rank=1, world_size=2) == photos()
    assert len(photos()) == 5


def test_the_unpaired_test_shows_every_photo_of_both_domains(root: Path) -> None:
    batches = list(module(root, batch_kind="unpaired").test_dataloader())
    for role, count in (("A", 5), ("B", 4)):
        shown = [image.numpy().tobytes() for batch in batches for image in batch[role]]
        assert len(shown) == 5
        assert len(set(shown)) == count
        rows = [row for batch in batches for row in batch[f"row_{role}"].tolist()]
        assert sorted(set(rows)) == list(range(count))
        assert len(set(zip(rows, shown, strict=True))) == count
    assert not any(
        name.startswith("row") for name in next(iter(module(root, batch_kind="unpaired").train_dataloader()))
    )


class Reader(LightningModule):
    """Only counts, and remembers what it was given."""

    def __init__(self, iteration: int = 0) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.iteration = iteration
        self.seen: list[Batch] = []

    def training_step(self, batch: Batch, _: int) -> None:
        self.seen.append({key: value.clone() for key, value in batch.items()})
        self.iteration += 1

    def configure_optimizers(self) -> None:
        return None


@pytest.mark.parametrize("workers", [0, 2])
def test_a_trainer_reads_the_stream_from_the_model_s_iteration(root: Path, workers: int) -> None:
    def read(iteration: int) -> list[Batch]:
        data = Products(
            root, image_size=32, batch_size=3, num_workers=workers, batch_kind="unpaired", degradation=GaussianNoise()
        )
        reader = Reader(iteration)
        trainer = Trainer(
            accelerator="cpu",
            max_epochs=1,
            limit_train_batches=5 - iteration,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
        )
        trainer.fit(reader, datamodule=data)
        return reader.seen

    assert all(map(equal, read(2), read(0)[2:]))


def alive(pid: int) -> bool:
    """Return whether a process runs; a dead one that nobody has waited for does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not (status.exists() and status.read_text().rsplit(") ", 1)[1].startswith("Z"))


def gone(pids: list[int], seconds: float = 20) -> bool:
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


def test_signals_to_all_leave_the_workers_to_the_program_which_ends_with_them(root: Path) -> None:
    program = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(SCRIPT), str(root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert program.stdin is not None
        assert program.stdout is not None
        workers = [int(pid) for pid in program.stdout.readline().split()]
        assert len(workers) == 2
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
    finally:
        program.kill()


def _stream(root: Path, report: Any) -> None:
    stream = iter(module(root, batch_kind="unpaired", num_workers=2).train_dataloader())
    next(stream)
    report.send([worker.pid for worker in stream._workers])  # type: ignore[attr-defined]
    time.sleep(60)


def test_workers_end_when_the_program_is_killed(root: Path) -> None:
    fork = multiprocessing.get_context("fork")
    receive, report = fork.Pipe()
    program = fork.Process(target=_stream, args=(root, report))
    program.start()
    assert receive.poll(30)
    workers = receive.recv()
    program.kill()
    program.join(10)
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


# ---------------------------------------------------------------------------------------------------- workers that fail


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
