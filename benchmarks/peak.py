"""How near a training step comes to what the machine can compute.

    python -m benchmarks.peak [dcgan vae sngan r3gan enhancer cyclegan ...] [--seconds 6] [--rounds 2] [--markdown out.md]

The peak is the best of large products of matrices (2048x2048) and of a convolution of 3x3 over 256 channels of 64x64 pixels,
in fp32, forward and backward. A step's operations are those of its convolutions and products of matrices, as
torch.utils.flop_counter counts them; `of the peak` is what a step would take at the peak, of what it takes. Loops: those of
`loops.py`, plain, and by hand in fp32 and the faster memory layout; in turns, each a process of its own. What a loop does more
of than another is not in that figure: the last column counts its operations.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.contest import write
from benchmarks.growth import output
from benchmarks.speed_training import CASES, PLAIN, TUNED, steps, write_photos
from gan_lab.hardware import Way, keep_freed_memory
from gan_lab.run.device import prepare_process
from gan_lab.run.parts import build_parts

PEAK = "peak"


@dataclass(frozen=True)
class Result:
    """What a side measured: operations of a step, seconds of each round, operations a second at the peak."""

    case: str
    side: str
    operations: float
    seconds: list[float]
    peak: float


def best(call: Callable[[], object], operations: float, seconds: float) -> float:
    """Return operations a second of the fastest call."""
    times: list[float] = []
    while sum(times) < seconds or len(times) < 4:
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return operations / min(times)


def peak(seconds: float) -> float:
    """Return the most operations a second that this machine computes in fp32."""
    a, b = torch.randn(2048, 2048), torch.randn(2048, 2048)
    found = [best(lambda: a @ b, 2 * 2048**3, seconds / 3)]
    for last in (False, True):
        layout = torch.channels_last if last else torch.contiguous_format
        layer = nn.Conv2d(256, 256, 3, padding=1).to(memory_format=layout)
        x = torch.randn(2, 256, 64, 64).contiguous(memory_format=layout).requires_grad_()
        gradient = torch.randn(2, 256, 64, 64).contiguous(memory_format=layout)
        operations = 3 * 2 * 2 * 256 * 256 * 9 * 64 * 64
        found.append(best(lambda layer=layer, x=x, g=gradient: layer(x).backward(g), operations, seconds / 3))  # type: ignore[misc]
    return max(found)


def measure(case: str, side: str, photos: Path, seconds: float) -> dict[str, float]:
    """Return the operations and the median seconds of a step, of the better layout for a tuned loop."""
    training = CASES[case]
    with tempfile.TemporaryDirectory() as runs:
        config = training.config(photos, runs, "cpu", False)
        prepare_process(config)
        datamodule, model = build_parts(config)
        batch = next(iter(datamodule.train_dataloader()))
        ways = [None] if side == PLAIN else [Way(torch.float32, last) for last in (False, True)]
        found = []
        for way in ways:
            loop = training.loop(model, batch, way, False)
            times, _ = steps(loop, seconds / len(ways), 2, "cpu", 0.0)
            found.append(statistics.median(times))
        with FlopCounterMode(display=False) as counter:
            loop()
    return {"operations": float(counter.get_total_flops()), "seconds": min(found)}


def table(found: list[Result]) -> Table:
    """Return a row for each side of each case."""
    made = Table(title=f"fp32, {torch.get_num_threads()} threads")
    for column in ("", "side", "ms a step", "GFLOP/s", "peak, GFLOP/s", "of the peak", "GFLOP a step"):
        made.add_column(column, justify="left" if column in ("", "side") else "right")
    for each in found:
        seconds = statistics.median(each.seconds)
        rate = each.operations / seconds
        made.add_row(
            *(each.case, each.side, f"{1e3 * seconds:.0f}", f"{rate / 1e9:.1f}", f"{each.peak / 1e9:.1f}"),
            *(f"{rate / each.peak:.0%}", f"{each.operations / 1e9:.1f}"),
        )
    return made


def main() -> None:
    """Time, print."""
    options = argparse.ArgumentParser(
        prog="python -m benchmarks.peak", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("cases", nargs="*", metavar="case", help=f"of {', '.join(CASES)}; all unless named")
    options.add_argument("--seconds", type=float, default=6)
    options.add_argument("--rounds", type=int, default=2)
    options.add_argument("--side", help=argparse.SUPPRESS)
    options.add_argument("--photos", help=argparse.SUPPRESS)
    options.add_argument("--json", type=Path)
    options.add_argument("--markdown", type=Path)
    arguments = options.parse_args()
    if unknown := [name for name in arguments.cases if name not in CASES]:
        options.error(f"{unknown[0]} is no case; there are {', '.join(CASES)}")
    if arguments.side:
        if arguments.side == PEAK:
            print(json.dumps({"peak": peak(arguments.seconds)}))
            return
        if arguments.side == TUNED:
            keep_freed_memory()
        print(json.dumps(measure(arguments.cases[0], arguments.side, Path(arguments.photos), arguments.seconds)))
        return
    console, found = Console(), []
    with tempfile.TemporaryDirectory(prefix="gan_lab_photos_") as photos:
        write_photos(Path(photos))
        own = [f"--photos={photos}", f"--seconds={arguments.seconds}"]

        def run(case: str, side: str) -> dict[str, float]:
            made: dict[str, float] = json.loads(
                output(["-m", "benchmarks.peak", case, "--side", side, *own]).splitlines()[-1]
            )
            return made

        for case in arguments.cases or CASES:
            rounds: dict[str, list[dict[str, float]]] = {side: [] for side in (PEAK, PLAIN, TUNED)}
            for number in range(arguments.rounds):
                for side in list(rounds)[:: 1 if number % 2 == 0 else -1]:
                    with console.status(f"{case}, round {number + 1} of {arguments.rounds}: {side}"):
                        rounds[side].append(run(case, side))
            most = max(each["peak"] for each in rounds[PEAK])
            found += [
                Result(case, side, rounds[side][0]["operations"], [each["seconds"] for each in rounds[side]], most)
                for side in (PLAIN, TUNED)
            ]
            write(found, table(found), arguments)
    console.print(table(found))


if __name__ == "__main__":
    main()
