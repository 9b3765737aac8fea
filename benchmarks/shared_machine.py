"""Time a training that shares its machine with other processes, beside its fair share.

    python -m benchmarks.shared_machine [--beside 0 1 3 training] [--seconds 30] [--rounds 2] [--markdown out.md]

The training is `model=dcgan data.batch_size=8` on drawn photos, as a command, once as shipped (threads=auto) and once
as torch has it unless told otherwise (all cores). Beside it run so many processes
that do nothing but count, or another training of the same kind and setting. Images a second are those of the second half of
--seconds; a round has every side in turn. Of n others on the machine a training's fair share is 1 / (n + 1) of what it passes
alone; `loses` says how many times less it passes than that.
"""

from __future__ import annotations

import argparse
import csv
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.contest import write
from benchmarks.speed_training import write_photos
from gan_lab.cores import list_cores

SHIPPED, USUAL = "as shipped", "torch's own"
#: Seconds of a start: imports, and the first iterations.
START = 15


@dataclass(frozen=True)
class Result:
    """What a side passes beside others: images a second of each round."""

    side: str
    beside: str
    rounds: list[float]


def start(side: str, photos: Path, runs: Path, name: str, seconds: float) -> subprocess.Popen[bytes]:
    """Start a training that ends by itself."""
    usual = ["threads=" + str(len(list_cores()))] if side == USUAL else []
    command = ["model=dcgan", "data.batch_size=8", "data.image_size=64", f"data.root={photos}/B", "device=cpu"]
    command += [f"runs_dir={runs}", f"name={name}", f"trainer.max_minutes={seconds / 60}", "trainer.log_every=1"]
    command += ["data.near_duplicates=null", "trainer.validate_every=100000", "trainer.sample_every=100000", *usual]
    arguments = [sys.executable, "-m", "gan_lab.train", *command]
    return subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def measure(side: str, beside: str, photos: Path, seconds: float) -> float:
    """Return images a second of one training beside others."""
    count = "import itertools\nfor _ in itertools.count(): pass"
    with tempfile.TemporaryDirectory(prefix="gan_lab_shared_") as folder:
        runs, others = Path(folder), []
        try:
            if beside == "training":
                others = [start(side, photos, runs, "other", seconds + 4 * START)]
            else:
                others = [subprocess.Popen([sys.executable, "-c", count]) for _ in range(int(beside))]
            time.sleep(START if others else 0)
            own = start(side, photos, runs, "own", seconds)
            if own.wait():
                raise SystemExit(f"{side}, beside {beside}: the training ended with {own.returncode}")
        finally:
            for other in others:
                other.kill()
                other.wait()
        with (runs / "own" / "metrics.csv").open(newline="") as file:
            rows = [float(row["train/images_per_s"]) for row in csv.DictReader(file) if row.get("train/images_per_s")]
    took, half = 0.0, []
    for each in reversed(rows):  # those of the last half of the time, whatever their number
        took += 8 / each
        half.append(each)
        if took > seconds / 2:
            break
    return len(half) / sum(1 / each for each in half)


def table(found: list[Result]) -> Table:
    """Return the table of results, a row for each side and each load beside it."""
    made = Table(title=f"{len(list_cores())} cores")
    for column in ("", "beside", "images/s", "of alone", "fair share", "loses"):
        made.add_column(column, justify="left" if column in ("", "beside") else "right")
    alone = {each.side: statistics.median(each.rounds) for each in found if each.beside == "0"}
    for each in found:
        own = statistics.median(each.rounds)
        fair = 1 / (1 + (1 if each.beside == "training" else int(each.beside)))
        share = own / alone[each.side] if each.side in alone else float("nan")
        made.add_row(each.side, each.beside, f"{own:.3g}", f"{share:.2f}", f"{fair:.2f}", f"{fair / share:.2f}")
    return made


def main() -> None:
    """Time, print."""
    options = argparse.ArgumentParser(
        prog="python -m benchmarks.shared_machine",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    options.add_argument(
        "--beside", nargs="+", default=["0", "1", "3", "training"], help="0 first: what it passes alone"
    )
    options.add_argument("--seconds", type=float, default=30)
    options.add_argument("--rounds", type=int, default=2)
    options.add_argument("--json", type=Path)
    options.add_argument("--markdown", type=Path)
    arguments = options.parse_args()
    console, found = Console(), []
    with tempfile.TemporaryDirectory(prefix="gan_lab_photos_") as photos:
        write_photos(Path(photos), 64)
        sides = [(side, beside) for beside in arguments.beside for side in (SHIPPED, USUAL)]
        rounds: dict[tuple[str, str], list[float]] = {each: [] for each in sides}
        for number in range(arguments.rounds):
            for side, beside in sides if number % 2 == 0 else sides[::-1]:
                with console.status(f"round {number + 1} of {arguments.rounds}: {side}, beside {beside}"):
                    rounds[side, beside].append(measure(side, beside, Path(photos), arguments.seconds))
        found = [Result(side, beside, each) for (side, beside), each in rounds.items()]
    made = table(found)
    write(found, made, arguments)
    console.print(made)


if __name__ == "__main__":
    main()
