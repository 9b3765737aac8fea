"""Time gan_lab beside a plain loop and a tuned loop without a framework, over the same networks.

    python -m benchmarks.speed [dcgan vae sngan r3gan enhancer cyclegan cyclegan256
        enhance_0.25 enhance_1 enhance_12 enhance_100 generate_1000 ...] [--device auto|cpu|cuda] [--seconds 15] [--rounds 3]
        [--compile] [--json out.json] [--markdown out.md]

Every side of a case is a process of its own, the sides in turns and each round in another order, so that peak memory is its
own and the noise of the machine meets all. A figure is the median of a process's steps, then over rounds; a ratio is taken
within a round, then the median. Ratios travel between machines; milliseconds do not.
But for the plain loops' processes glibc keeps freed memory, as in gan_lab's commands.

Training: the loops are those of `loops.py`, on one batch of photos in memory, again and again. gan_lab's side is its whole
training as gan_lab.train runs it, from JPEG files of 512x512 on disk that are drawn at the start, augmentation, workers,
callbacks, doctor and log included; `waiting` is the share of its time between two steps, for data and for Lightning's loop.
With --compile the tuned loop and gan_lab's training are timed compiled as well. `ready` is the time from the end of the
imports to the first step that counts: building, warm-up and compilation.

Tools: photos from JPEG to JPEG by the shipped restorer, and 1,000 images of a DCGAN to PNG; seconds are of a photo, of an
image. Plain: decoded, computed (fp32, NCHW, eager; tiles of 512 pixels) and encoded one after the other. Tuned: bf16,
channels last, tiles of 1024, decoding and encoding by threads meanwhile. gan_lab: its command with the same work; as
shipped: with all that it does unless told otherwise (light, guard, marks, manifest).
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import statistics
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from benchmarks.contest import write
from benchmarks.speed_tools import CASES as TOOLS
from benchmarks.speed_training import CASES as TRAININGS
from benchmarks.speed_training import COMPILED, OWN, PLAIN, TUNED, Measured, write_photos
from gan_lab.hardware import keep_freed_memory
from gan_lab.training import precision_for

CASES: dict[str, Any] = {**TRAININGS, **TOOLS}


@dataclass(frozen=True)
class Result:
    """A side of a case: what each round measured, and the process's peak memory in MB, the highest."""

    case: str
    side: str
    rounds: list[Measured]
    peak_mb: int

    def median(self, name: str) -> float:
        """Return the median over rounds."""
        return statistics.median(getattr(each, name) for each in self.rounds)


def in_a_process(name: str, side: str, photos: str, arguments: argparse.Namespace) -> dict[str, float]:
    """Time a side in a process of its own."""
    own = ["--side", side, "--photos", photos, "--seconds", str(arguments.seconds), "--device", arguments.device]
    done = subprocess.run([sys.executable, "-m", "benchmarks.speed", name, *own], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{name}, {side}: exit code {done.returncode}\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def peak() -> int:
    """Return the peak memory of this process in MB: on a GPU that of its tensors."""
    if torch.cuda.is_available() and torch.cuda.max_memory_allocated():
        return torch.cuda.max_memory_allocated() // 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def results(name: str, photos: str, arguments: argparse.Namespace, console: Console) -> list[Result]:
    """Return every side of a case."""
    sides = CASES[name].sides(arguments.compile)
    found: dict[str, list[dict[str, Any]]] = {side: [] for side in sides}
    for number in range(arguments.rounds):
        for side in sides[number % len(sides) :] + sides[: number % len(sides)]:
            with console.status(f"{name}, round {number + 1} of {arguments.rounds}: {side}"):
                found[side].append(in_a_process(name, side, photos, arguments))
    return [
        Result(name, side, [Measured(**each["measured"]) for each in rounds], max(each["peak_mb"] for each in rounds))
        for side, rounds in found.items()
    ]


def ratio(one: Result, other: Result) -> str:
    """Return how many times slower one side is than another, round by round, the median."""
    return f"{statistics.median(a.ms / b.ms for a, b in zip(one.rounds, other.rounds, strict=True)):.2f}"


def table(found: list[Result], title: str) -> Table:
    """Return what was found, a row for each side of each case."""
    made = Table(title=title)
    heads = (
        "",
        "side",
        "ms",
        "of a",
        "images/s",
        "plain is slower by",
        "tuned takes, of its time",
        "waiting",
        "ready, s",
    )
    for number, column in enumerate((*heads, "peak MB")):
        made.add_column(column, justify="left" if number < 2 else "right")
    for each in found:
        beside = {other.side: other for other in found if other.case == each.case}
        tuned = beside[TUNED + (COMPILED if each.side.endswith(COMPILED) else "")]
        share = ratio(tuned, each) if each.side.startswith(OWN) else ""
        waiting = each.median("waiting")
        made.add_row(
            *(
                each.case,
                each.side,
                f"{each.median('ms'):.3g}" if each.median("ms") < 100 else f"{each.median('ms'):.0f}",
            ),
            *(CASES[each.case].unit, f"{each.median('per_second'):.3g}", ratio(beside[PLAIN], each), share),
            *("" if math.isnan(waiting) else f"{waiting:.1%}", f"{each.median('ready'):.1f}", str(each.peak_mb)),
        )
    return made


def main() -> None:
    """Time, print."""
    options = argparse.ArgumentParser(
        prog="python -m benchmarks.speed", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("cases", nargs="*", metavar="case", help=f"of {', '.join(CASES)}; all unless named")
    options.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    options.add_argument(
        "--seconds", type=float, default=15, help="of training, per side and round (default %(default)s)"
    )
    options.add_argument("--rounds", type=int, default=3, help="turns of every side (default %(default)s)")
    options.add_argument("--compile", action="store_true", help="time trainings compiled as well")
    options.add_argument("--side", help=argparse.SUPPRESS)
    options.add_argument("--photos", help=argparse.SUPPRESS)
    options.add_argument("--json", type=Path)
    options.add_argument("--markdown", type=Path)
    arguments = options.parse_args()
    unknown = [name for name in arguments.cases if name not in CASES]
    if unknown:
        options.error(f"{unknown[0]} is no case; there are {', '.join(CASES)}")
    if arguments.side:
        case = CASES[arguments.cases[0]]
        if arguments.side != PLAIN:
            keep_freed_memory()
        measured = case.measure(arguments.side, arguments.seconds, Path(arguments.photos), arguments.device)
        print(json.dumps({"measured": asdict(measured), "peak_mb": peak()}))
        return
    console, found = Console(), []
    accelerator = "gpu" if torch.cuda.is_available() and arguments.device != "cpu" else "cpu"
    title = f"gan_lab in {precision_for('auto', accelerator)} on {'a GPU' if accelerator == 'gpu' else 'a CPU'}"
    title += f", {torch.get_num_threads()} threads"
    with tempfile.TemporaryDirectory(prefix="gan_lab_photos_") as photos:
        write_photos(Path(photos))
        for name in arguments.cases or CASES:
            found += results(name, photos, arguments, console)
            made = table(found, title)
            write(found, made, arguments)  # a long table, stopped, is not lost
    console.print(made)


if __name__ == "__main__":
    main()
