"""Kill runs at random moments, inside writes too, let them go on, and compare them with runs that were never killed.

    python -m tests.chaos.kills --kills 8 [--models cut cyclegan ...] [--seed 0] [--threads 2] [--beside 1]

Every model family trains for `ITERATIONS` on the demo catalogue, once undisturbed and once killed so often by SIGKILL: half of
the kills at a random time, half at a random write (a piece of a checkpoint, a row of metrics.csv, a flush to the disk, a
renaming, for which checkpoints, sample grids and doctor.json are written alike). After each kill every checkpoint must be
whole and no more than `EVERY` iterations may be lost; `resume=auto` goes on. At the end weights, optimisers, random states,
figures and the last grid of samples must be, bit for bit, those of the run that nobody disturbed (on a CPU).
All runs compute with `--threads` threads; `--beside` so many other trainings take turns with them on the same cores.
"""

from __future__ import annotations

import argparse
import csv
import io
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.progress import track

from gan_lab import checkpoint, train
from gan_lab.callbacks import MetricsCSV
from tests.integration.runs import FAMILIES, differences, load, tiny

ITERATIONS, EVERY = 24, 4
#: Figures of the machine, not of the run, and what a torn row holds.
MACHINES = ("train/images_per_s", "train/memory_mb", None)
PARTS = ("state_dict", "optimizer_states", "ranks", "clock")


# ------------------------------------------------------------------------------------------------ in the run's process


class Torn(io.FileIO):
    """A file whose writes are counted; the one that ends the process is written by half."""

    def __init__(self, descriptor: int, count: Callable[[], bool]) -> None:
        super().__init__(descriptor, "wb")
        self.count = count

    def write(self, content: Any) -> int:
        if self.count():
            super().write(memoryview(content)[: len(content) // 2])
            os.fsync(self.fileno())
            os.kill(os.getpid(), signal.SIGKILL)
        return super().write(content) or 0


def run(folder: Path, options: list[str], counter: Any, die_at: int | None) -> None:
    """Train in this process, and die at a write; with None, only count the writes."""
    os.setpgid(0, 0)
    os.chdir(folder)
    with open(folder / "told.txt", "a") as told:
        os.dup2(told.fileno(), 1)
        os.dup2(told.fileno(), 2)

    def due() -> bool:
        counter.value += 1
        return counter.value == die_at

    def dying(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            if due():
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments, **options)

        return call

    os.fsync, os.replace, os.link = dying(os.fsync), dying(os.replace), dying(os.link)  # type: ignore[assignment]
    os.fdopen = lambda descriptor, mode: Torn(descriptor, due)  # type: ignore[assignment]
    writer = MetricsCSV._writer

    def torn_row(self: MetricsCSV, file: Any) -> Any:
        if due():
            file.write("12,0.")
            file.flush()
            os.kill(os.getpid(), signal.SIGKILL)
        return writer(self, file)

    MetricsCSV._writer = torn_row  # type: ignore[method-assign]
    sys.argv = ["gan_lab.train", *options]
    train.main()


# ------------------------------------------------------------------------------------------------ outside it


@dataclass
class Fate:
    """What became of a family's run.

    Attributes:
        kills: how often it was killed, and of these inside a write.
        lost: iterations of each kill that had to be done again.
        damaged: checkpoints that were not whole after a kill.
        different: parts of the end that are not those of the undisturbed run.
    """

    model: str
    kills: int = 0
    in_writes: int = 0
    lost: list[int] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)
    different: list[str] = field(default_factory=list)


def compare_with_kills(model: str, kills: int, seed: int, threads: int, folder: Path) -> Fate:
    """Train a model undisturbed, then once more with so many kills, and compare."""
    rng = np.random.default_rng([seed, FAMILIES.index(model)])
    options = [
        *tiny(model),
        f"trainer.max_iterations={ITERATIONS}",
        f"trainer.checkpoint_every={EVERY}",
        "trainer.checkpoint_every_minutes=null",
        "trainer.sample_every=3",
        "trainer.layout=nchw",  # a busy machine is measured anew by each run, and may be judged otherwise
        f"threads={threads}",
        "resume=auto",
    ]
    context, fate = multiprocessing.get_context("fork"), Fate(model)
    counter, begin = context.Value("q", 0), time.monotonic()
    code = until_the_end(context.Process(target=run, args=(folder, [*options, "name=straight"], counter, None)))
    if code:
        raise SystemExit(f"{model}: the undisturbed run ended with {code}\n{(folder / 'told.txt').read_text()[-2000:]}")
    seconds, writes = time.monotonic() - begin, counter.value
    killed = folder / "runs" / "killed"
    while fate.kills < kills:
        inside = fate.kills % 2 == 0
        counter = context.Value("q", 0)
        die_at = int(rng.integers(1, max(2, writes // 3))) if inside else None
        process = context.Process(target=run, args=(folder, [*options, "name=killed"], counter, die_at))
        code = until_the_end(process, None if inside else float(rng.uniform(0.1, 0.8)) * seconds)
        if code == 0:  # it was done before its time
            if load(killed / "checkpoints" / "last.ckpt")["clock"]["iteration"] == ITERATIONS:
                for path in sorted(killed.rglob("*"), reverse=True):  # so it begins again
                    path.rmdir() if path.is_dir() else path.unlink()
            continue
        if code != -signal.SIGKILL:
            raise SystemExit(
                f"{model}: ended with {code} and was not killed\n{(folder / 'told.txt').read_text()[-2000:]}"
            )
        fate.kills += 1
        fate.in_writes += inside
        reached = last_row(killed / "metrics.csv")
        found = [look(path, fate) for path in sorted((killed / "checkpoints").glob("*.ckpt"))]
        fate.lost.append(reached - max(found, default=0))
    until_the_end(context.Process(target=run, args=(folder, [*options, "name=killed"], context.Value("q", 0), None)))
    fate.different = comparison(folder / "runs" / "straight", killed)
    return fate


def until_the_end(process: Any, seconds: float | None = None) -> int:
    """Return a process's exit code; kill it with all that it has started when the time is over."""
    process.start()
    process.join(seconds)
    if process.exitcode is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.join()
    return int(process.exitcode)


def look(path: Path, fate: Fate) -> int:
    """Return a checkpoint's iteration; 0 for one that is damaged, which is noted."""
    try:
        return int(checkpoint.read_checkpoint(path)["clock"]["iteration"])
    except checkpoint.DamagedError as error:
        fate.damaged.append(str(error))
        return 0


def last_row(path: Path) -> int:
    """Return the last iteration that a metrics.csv knows."""
    if not path.exists():
        return 0
    with path.open(newline="") as file:
        # a torn row says nothing of how far the run had come
        whole = [row for row in csv.DictReader(file) if None not in row.values()]
        rows = [row["iteration"] for row in whole if row["iteration"].isdigit()]
    return int(rows[-1]) if rows else 0


def comparison(straight: Path, killed: Path) -> list[str]:
    """Return what is different at the end of two runs."""
    one, other = (load(run / "checkpoints" / "last.ckpt") for run in (straight, killed))
    found = [where for part in PARTS for where in differences(one[part], other[part], part)]
    if figures(straight) != figures(killed):
        found.append("metrics.csv")
    grids = [sorted((run / "samples").glob("*.png")) for run in (straight, killed)]
    if [path.name for path in grids[0]] != [path.name for path in grids[1]]:
        found.append("names of grids")
    elif any(a.read_bytes() != b.read_bytes() for a, b in zip(*grids, strict=True)):
        found.append("grids")
    return found


def figures(run: Path) -> list[dict[str, str]]:
    """Return the rows of a run's metrics.csv, less what a stopwatch decides."""
    with (run / "metrics.csv").open(newline="") as file:
        rows = [{k: v for k, v in row.items() if k not in MACHINES} for row in csv.DictReader(file)]
    return [{k: v for k, v in row.items() if not k.startswith("doctor/")} for row in rows]


@contextmanager
def load_machine(trainings: int) -> Iterator[None]:
    """Have so many other trainings run meanwhile."""
    options = [
        "model=dcgan",
        "data.batch_size=8",
        "trainer.max_iterations=1000000",
        "trainer.doctor=false",
        "threads=2",
    ]
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "gan_lab.train", *options, "name=beside"]
        others = [
            subprocess.Popen(
                [*command, f"runs_dir={folder}/{index}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            for index in range(trainings)
        ]
        try:
            yield
        finally:
            for other in others:
                other.kill()
                other.wait()


def main() -> None:
    """Kill, print, and fail if anything was lost."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--kills", type=int, default=8, help="of each model's run")
    options.add_argument("--models", nargs="*", choices=FAMILIES, default=FAMILIES)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--beside", type=int, default=0, help="trainings that run on the same cores meanwhile")
    arguments = options.parse_args()
    # A forked process inherits that torch has threads, but not the threads, and waits for them for ever.
    torch.set_num_threads(1)
    fates = []
    print("| model | kills | inside a write | most iterations lost | damaged checkpoints | different at the end |")
    print("| --- | ---: | ---: | ---: | ---: | --- |", flush=True)
    for model in track(arguments.models, "killing", console=Console(stderr=True)):
        with tempfile.TemporaryDirectory() as folder, load_machine(arguments.beside):
            fate = compare_with_kills(model, arguments.kills, arguments.seed, arguments.threads, Path(folder))
        fates.append(fate)
        different = ", ".join(fate.different[:5]) or "nothing"
        row = (fate.model, fate.kills, fate.in_writes, max(fate.lost), len(fate.damaged), different)
        print(f"| {' | '.join(map(str, row))} |", flush=True)
    bad = [fate.model for fate in fates if fate.different or fate.damaged or max(fate.lost) > EVERY]
    end = f"not well: {', '.join(bad)}" if bad else "all went on as if nothing had been"
    print(f"{sum(fate.kills for fate in fates)} kills; {end}")
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
