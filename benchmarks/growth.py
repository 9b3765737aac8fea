"""Draw how a training step grows: with the batch, with the resolution, with the processes.

    python -m benchmarks.growth [batch resolution processes ...] [--seconds 10] [--device auto|cpu|cuda]
        [--json out.json] [--markdown out.md] [--plot growth.png]

`--plot` needs matplotlib: pip install --group plots (or pip install matplotlib).

Sides and protocol are those of `speed.py`, a process for each point, one round: plain and tuned loops on one batch, gan_lab's
whole training from JPEG files. The batch and the processes are DCGAN's at 64x64, the resolution is CycleGAN's at batch 1.
Processes share the cores that there are, as many threads each as leaves none idle; the batch is that of one process.
How a start grows with the number of files is `catalogue_start.py`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

from benchmarks.contest import write
from benchmarks.speed import peak
from benchmarks.speed_training import CASES, OWN, PLAIN, TUNED, Measured, write_photos
from gan_lab.hardware import keep_freed_memory

BATCHES = (16, 32, 64, 128)
RESOLUTIONS = (64, 128, 256)
SIDES = (PLAIN, TUNED, OWN)
COLOURS = {PLAIN: "#999999", TUNED: "#e69f00", OWN: "#0072b2"}


@dataclass(frozen=True)
class Point:
    """What one process, or a group of them, measured.

    Attributes:
        growth: "batch", "resolution" or "processes".
        value: of that.
        side: as in `speed.py`.
        ms: of a step, the median.
        per_second: images in a second, of all processes together.
        peak_mb: of a process.
    """

    growth: str
    value: int
    side: str
    ms: float
    per_second: float
    peak_mb: int


def measure(growth: str, value: int, side: str, arguments: argparse.Namespace, photos: Path) -> None:
    """Measure a point in this process and print it."""
    if side != PLAIN:
        keep_freed_memory()
    case = replace(CASES["dcgan"], batch=value) if growth == "batch" else replace(CASES["cyclegan"], size=value)
    measured = case.measure(side, arguments.seconds, photos, arguments.device)
    print(json.dumps({"measured": asdict(measured), "peak_mb": peak()}))


def point(growth: str, value: int, side: str, arguments: argparse.Namespace, photos: Path) -> Point:
    """Measure a point in a process of its own."""
    own = ["--point", growth, str(value), side, "--photos", str(photos), "--seconds", str(arguments.seconds)]
    found = json.loads(output(["-m", "benchmarks.growth", *own, "--device", arguments.device]).splitlines()[-1])
    measured = Measured(**found["measured"])
    return Point(growth, value, side, measured.ms, measured.per_second, found["peak_mb"])


def together(processes: int, arguments: argparse.Namespace, photos: Path) -> Point:
    """Train in so many processes with DistributedDataParallel; the figures are those that the run logs."""
    with tempfile.TemporaryDirectory(prefix="gan_lab_growth_") as runs:
        budget = [f"trainer.max_minutes={max(arguments.seconds, 20) / 60}", "trainer.max_epochs=null"]
        own = [
            "model=dcgan",
            "data.batch_size=64",
            f"data.root={photos}/B",
            "data.near_duplicates=null",
            f"runs_dir={runs}",
            "name=growth",
        ]
        apart = ["trainer=ddp", f"trainer.devices={processes}", f"device={arguments.device}", "trainer.doctor=false"]
        never = [f"trainer.{each}=1000000" for each in ("validate_every", "sample_every", "checkpoint_every")]
        threads = str(max(1, (os.cpu_count() or 1) // processes))
        output(["-m", "gan_lab.train", *own, *apart, *budget, *never], OMP_NUM_THREADS=threads)
        head, *rows = [line.split(",") for line in (Path(runs) / "growth" / "metrics.csv").read_text().splitlines()]
        logged = [dict(zip(head, row, strict=True)) for row in rows[len(rows) // 2 :]]
    per_second = sum(float(row["train/images_per_s"]) for row in logged) / len(logged)
    memory = max(float(row["train/memory_mb"]) for row in logged)
    return Point("processes", processes, OWN, 1e3 * 64 * processes / per_second, per_second, round(memory))


def output(command: list[str], **environment: str) -> str:
    """Return what Python prints; end with its errors if it fails."""
    done = subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, env=os.environ | environment, check=False
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: exit code {done.returncode}\n{done.stderr[-2000:]}")
    return done.stdout


def points(arguments: argparse.Namespace, photos: Path) -> Iterator[Point]:
    """Yield every point asked for."""
    devices = (
        torch.cuda.device_count() if torch.cuda.is_available() and arguments.device != "cpu" else os.cpu_count() or 1
    )
    for growth in arguments.growths:
        if growth == "processes":
            counts = sorted({1, *(n for n in (2, 4, 8) if n <= devices)})
            yield from (together(count, arguments, photos) for count in counts)
            continue
        for value in BATCHES if growth == "batch" else RESOLUTIONS:
            yield from (point(growth, value, side, arguments, photos) for side in SIDES)


def table(found: list[Point]) -> Table:
    """Return the points, a row each."""
    made = Table(title=f"{torch.get_num_threads()} threads")
    for column in ("", "value", "side", "ms a step", "images/s", "peak MB"):
        made.add_column(column)
    for each in found:
        cells = (each.growth, each.value, each.side, f"{each.ms:.0f}", f"{each.per_second:.3g}", each.peak_mb)
        made.add_row(*map(str, cells))
    return made


def plot(found: list[Point], file: Path) -> None:
    """Draw images per second over the batch and the processes, the step over the resolution, and each one's memory."""
    titles = {
        "batch": "DCGAN 64x64: batch",
        "resolution": "CycleGAN, batch 1: side in pixels",
        "processes": "DCGAN 64x64, batch 64 each: processes",
    }
    growths = [growth for growth in titles if any(each.growth == growth for each in found)]
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(2, len(growths), figsize=(4.2 * len(growths), 6.4), squeeze=False)
    for column, growth in enumerate(growths):
        for row, name in enumerate(("ms" if growth == "resolution" else "per_second", "peak_mb")):
            axis = axes[row][column]
            for side in SIDES:
                line = [each for each in found if each.growth == growth and each.side == side]
                if line:
                    values = [each.value for each in line]
                    axis.plot(values, [getattr(each, name) for each in line], "o-", label=side, color=COLOURS[side])
                    axis.set_xticks(values)
            axis.set_xlabel(titles[growth])
            axis.set_ylabel({"ms": "ms a step", "per_second": "images a second", "peak_mb": "peak memory, MB"}[name])
            axis.set_ylim(0, 1.08 * max(getattr(each, name) for each in found if each.growth == growth))
            axis.grid(alpha=0.3)
    axes[0][0].legend()
    figure.tight_layout()
    figure.savefig(file, dpi=110)


def main() -> None:
    """Measure, print, draw."""
    options = argparse.ArgumentParser(
        prog="python -m benchmarks.growth", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    growths = ("batch", "resolution", "processes")
    options.add_argument("growths", nargs="*", metavar="growth", help=f"of {', '.join(growths)}; all unless named")
    options.add_argument("--seconds", type=float, default=10, help="of a point (default %(default)s)")
    options.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    options.add_argument("--json", type=Path)
    options.add_argument("--markdown", type=Path)
    options.add_argument("--plot", type=Path)
    options.add_argument("--point", nargs=3, help=argparse.SUPPRESS)
    options.add_argument("--photos", type=Path, help=argparse.SUPPRESS)
    arguments = options.parse_args()
    if arguments.point:
        growth, value, side = arguments.point
        measure(growth, int(value), side, arguments, arguments.photos)
        return
    arguments.growths = arguments.growths or growths
    if unknown := [name for name in arguments.growths if name not in growths]:
        options.error(f"{unknown[0]}: there are {', '.join(growths)}")
    console, found = Console(), []
    with tempfile.TemporaryDirectory(prefix="gan_lab_photos_") as photos:
        write_photos(Path(photos), 2 * max(BATCHES))
        for each in points(arguments, Path(photos)):
            found.append(each)
            console.print(f"{each.growth} {each.value}, {each.side}: {each.ms:.0f} ms, {each.per_second:.3g} images/s")
            write(found, table(found), arguments)
            if arguments.plot:
                plot(found, arguments.plot)
    console.print(table(found))


if __name__ == "__main__":
    main()
