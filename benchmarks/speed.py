"""Time a training step: a plain loop, a tuned loop without a framework, and gan_lab's, over the same networks.

    python benchmarks/speed.py [dcgan vae sngan cyclegan cyclegan256 ...] [--seconds 15] [--rounds 3] [--compile]
        [--json out.json] [--markdown out.md]

Each side is a process of its own, the sides in turns, so that its peak memory is its own and the noise of the machine meets
all. The loops are those of `loops.py`; gan_lab's side is Lightning's loop with what gan_lab.train sets (channels last,
trainer.precision=auto, the model's own optimisers). With --compile, the tuned loop and gan_lab's are timed compiled as well
(`dynamic=False`); compiling is not timed. Every side takes one batch, made once, again and again: what is timed is the step
and not the data. A figure is the median of a process's steps, then over rounds; ratios are of the same round. They travel
between machines; the milliseconds do not. Memory is the process's peak, on a GPU that of its tensors.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from contest import write
from lightning.pytorch import Callback, Trainer
from loops import CycleGANLoop, GANLoop, Loop, VAELoop
from rich.console import Console
from rich.table import Table
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader, IterableDataset

from gan_lab.config import compose, instantiate
from gan_lab.training import precision_for, quieten

PLAIN, TUNED, OWN = "plain", "tuned", "gan_lab"
COMPILED = " compiled"


@dataclass(frozen=True)
class Case:
    """What is timed: a model's options, the loop that stands beside it, and one batch."""

    options: list[str]
    loop: Callable[..., Loop]
    batch: int
    size: int


CASES = {
    "dcgan": Case(["model=dcgan"], GANLoop, 64, 64),
    "vae": Case(["model=vae"], VAELoop, 64, 64),
    "sngan": Case(["model=sngan", "model.n_critic=1"], GANLoop, 16, 64),
    "cyclegan": Case(["model=cyclegan"], CycleGANLoop, 1, 128),
    "cyclegan256": Case(["model=cyclegan"], CycleGANLoop, 1, 256),
}


@dataclass(frozen=True)
class Result:
    """A side of a case: median ms of a step, of each round; peak memory in MB, the highest."""

    case: str
    side: str
    ms: list[float]
    peak_mb: int


# ------------------------------------------------------------------------------------------------ in a side's process


def built(case: Case) -> Any:
    """Return the model at its own size, from a fixed seed."""
    torch.manual_seed(0)
    config = compose("train", [*case.options, f"data.image_size={case.size}", "name=benchmark"])
    return instantiate(config.model)


def batch_for(case: Case, kind: str, device: str) -> dict[str, Tensor]:
    """Return one batch of smooth random pictures: on white noise a discriminator saturates at once."""
    small = torch.rand(2 * case.batch, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1
    one, two = F.interpolate(small, size=case.size, mode="bilinear").to(device).chunk(2)
    if kind == "unpaired":
        return {"A": one, "B": two}
    return {"image": one, "label": torch.zeros(case.batch, dtype=torch.int64, device=device)}


def timed(case: Case, side: str, seconds: float) -> dict[str, float]:
    """Time a side in this process: the median of its steps in ms, and the peak memory in MB."""
    quieten()
    torch.set_flush_denormal(True)  # for every side: without it the plain one can be several times slower
    model, compiled = built(case), side.endswith(COMPILED)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    batch = batch_for(case, model.batch_kind, device)
    warm_up = 6 if compiled else 3
    if side.startswith(OWN):
        times = steps_of_lightning(model, batch, seconds, warm_up, compiled)
    else:
        times = steps(case.loop(model, batch, side.startswith(TUNED), compiled), seconds, warm_up, device)
    on_cpu = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    peak = torch.cuda.max_memory_allocated() // 2**20 if device == "cuda" else on_cpu
    return {"ms": 1e3 * statistics.median(times), "peak_mb": peak}


def steps(step: Loop, seconds: float, warm_up: int, device: str) -> list[float]:
    """Return the seconds of each step of a loop, after those of the warm-up."""
    times: list[float] = []
    while len(times) < warm_up + 3 or sum(times[warm_up:]) < seconds:
        before = time.perf_counter()
        step()
        if device == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - before)
    return times[warm_up:]


class Timed(Callback):
    """Time iterations until the seconds are over."""

    def __init__(self, seconds: float, warm_up: int) -> None:
        self.seconds, self.warm_up = seconds, warm_up
        self.times: list[float] = []

    def on_train_batch_end(self, trainer: Trainer, pl_module: Any, *args: Any) -> None:
        if pl_module.device.type == "cuda":
            torch.cuda.synchronize()
        now = time.perf_counter()
        if pl_module.iteration > self.warm_up:
            self.times.append(now - self.last)
            trainer.should_stop = sum(self.times) > self.seconds and len(self.times) >= 3
        self.last = now


class Repeat(IterableDataset[Any]):
    """One batch, for ever."""

    def __init__(self, batch: dict[str, Tensor]) -> None:
        self.batch = batch

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        while True:
            yield self.batch


def steps_of_lightning(
    model: Any, batch: dict[str, Tensor], seconds: float, warm_up: int, compiled: bool
) -> list[float]:
    """Return the seconds of each iteration of gan_lab's, after those of the warm-up."""
    model.to(memory_format=torch.channels_last)
    if compiled:
        for network in model.compilable():
            network.compile(dynamic=False)
    accelerator = "gpu" if torch.cuda.is_available() else "cpu"
    callback = Timed(seconds, warm_up)
    trainer = Trainer(
        accelerator=accelerator,
        devices=1,
        precision=precision_for("auto", accelerator),  # type: ignore[arg-type]
        max_epochs=-1,
        callbacks=[callback],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(model, DataLoader(Repeat(batch), batch_size=None))
    return callback.times


# ------------------------------------------------------------------------------------------------ the comparison


def in_a_process(name: str, side: str, seconds: float) -> dict[str, float]:
    """Time a side in a process of its own."""
    command = [sys.executable, __file__, name, "--side", side, "--seconds", str(seconds)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{name}, {side}: exit code {done.returncode}\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def results(name: str, arguments: argparse.Namespace, console: Console) -> list[Result]:
    """Return every side of a case."""
    sides = [PLAIN, TUNED, OWN] + ([TUNED + COMPILED, OWN + COMPILED] if arguments.compile else [])
    found: dict[str, list[dict[str, float]]] = {side: [] for side in sides}
    for number in range(arguments.rounds):
        for side in sides:
            with console.status(f"{name}, round {number + 1} of {arguments.rounds}: {side}"):
                found[side].append(in_a_process(name, side, arguments.seconds))
    return [
        Result(name, side, [each["ms"] for each in rounds], max(int(each["peak_mb"]) for each in rounds))
        for side, rounds in found.items()
    ]


def ratio(one: Result, other: Result) -> str:
    """Return how many times slower one side is than another, round by round, the median."""
    return f"{statistics.median(a / b for a, b in zip(one.ms, other.ms, strict=True)):.2f}"


def main() -> None:
    """Time, print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("cases", nargs="*", metavar="case", help=f"of {', '.join(CASES)}; all unless named")
    options.add_argument("--seconds", type=float, default=15, help="per side and round (default %(default)s)")
    options.add_argument("--rounds", type=int, default=3, help="turns of every side (default %(default)s)")
    options.add_argument("--compile", action="store_true", help="time the tuned loop and gan_lab compiled as well")
    options.add_argument("--side", help=argparse.SUPPRESS)
    options.add_argument("--json", type=Path)
    options.add_argument("--markdown", type=Path)
    arguments = options.parse_args()
    unknown = [name for name in arguments.cases if name not in CASES]
    if unknown:
        options.error(f"{unknown[0]} is no case; there are {', '.join(CASES)}")
    if arguments.side:
        print(json.dumps(timed(CASES[arguments.cases[0]], arguments.side, arguments.seconds)))
        return
    console, found = Console(), []
    for name in arguments.cases or CASES:
        found += results(name, arguments, console)
    precision = precision_for("auto", "gpu" if torch.cuda.is_available() else "cpu")
    made = Table(title=f"A training step, gan_lab in {precision}; {torch.get_num_threads()} threads")
    columns = ("", "side", "ms a step", "plain is slower by", "tuned takes, of its time", "peak MB")
    for number, column in enumerate(columns):
        made.add_column(column, justify="left" if number < 2 else "right")
    for each in found:
        beside = {other.side: other for other in found if other.case == each.case}
        tuned = beside[TUNED + (COMPILED if each.side.endswith(COMPILED) else "")]
        share = ratio(tuned, each) if each.side.startswith(OWN) else ""
        ms = f"{statistics.median(each.ms):.0f}"
        made.add_row(each.case, each.side, ms, ratio(beside[PLAIN], each), share, str(each.peak_mb))
    console.print(made)
    write(found, made, arguments)


if __name__ == "__main__":
    main()
