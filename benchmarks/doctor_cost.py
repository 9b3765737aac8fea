"""Print which share of a run's time the training doctor takes.

    python -m benchmarks.doctor_cost [--root /photos] [--iterations 600] [dcgan r3gan]

Each run is at 64x64 on the CPU, with every default but its length, its batch and where the data are, and long enough for
terms to be diagnosed and pictures to be looked at. The share is by CPU time as well as by the clock: both of this process,
the doctor's part of it being all that its callback does. Probes are limited by the clock to 1 % of a run, so a share grows
towards that and no further; the rest are diagnoses.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.generate_quality import NARROW_R3GAN
from gan_lab import train
from gan_lab.callbacks import Doctor

RUNS = {"dcgan": ["model=dcgan"], "r3gan": ["model=r3gan", "model/augment=ada", *NARROW_R3GAN]}


class Stopwatch:
    """CPU and wall seconds of a whole run's iterations, and of the doctor's part."""

    def __init__(self) -> None:
        self.cpu = self.wall = self.doctor_cpu = self.doctor_wall = 0.0

    def watch(self) -> None:
        start, end = Doctor.on_train_start, Doctor.on_train_batch_end

        def on_train_start(doctor: Doctor, *arguments: Any) -> None:
            self._begun = time.process_time(), time.perf_counter()
            start(doctor, *arguments)

        def on_train_batch_end(doctor: Doctor, *arguments: Any) -> None:
            cpu, wall = time.process_time(), time.perf_counter()
            end(doctor, *arguments)
            now = time.process_time(), time.perf_counter()
            self.doctor_cpu += now[0] - cpu
            self.doctor_wall += now[1] - wall
            self.cpu, self.wall = now[0] - self._begun[0], now[1] - self._begun[1]

        Doctor.on_train_start, Doctor.on_train_batch_end = on_train_start, on_train_batch_end  # type: ignore[method-assign]
        self._originals = start, end

    def leave(self) -> None:
        Doctor.on_train_start, Doctor.on_train_batch_end = self._originals  # type: ignore[method-assign]


def measured(name: str, options: list[str], folder: Path) -> tuple[Stopwatch, dict[str, Any]]:
    """Run one and return its times and its doctor.json."""
    stopwatch = Stopwatch()
    stopwatch.watch()
    sys.argv = ["gan_lab.train", *RUNS[name], *options, f"runs_dir={folder}", f"name={name}"]
    try:
        train.main()
    finally:
        stopwatch.leave()
    return stopwatch, json.loads((folder / name / "doctor.json").read_text())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="*", default=list(RUNS), help=f"of {', '.join(RUNS)}")
    parser.add_argument("--root", help="folder of photos; without it the demo catalogue")
    parser.add_argument("--iterations", type=int, default=600)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--option", action="append", default=[], help="any of train's, for instance data.num_workers=0")
    arguments = parser.parse_args()
    options = ["data.image_size=64", f"data.batch_size={arguments.batch}", "device=cpu", "trainer.max_epochs=null"]
    options += [f"trainer.max_iterations={arguments.iterations}", "trainer.max_minutes=null", *arguments.option]
    options += [f"data.root={arguments.root}"] if arguments.root else []
    table = Table(title=f"64x64, batch {arguments.batch}, {arguments.iterations} iterations")
    for column in ("run", "s", "CPU s", "doctor, share of s", "share of CPU s", "verdict"):
        table.add_column(column, justify="right")
    with tempfile.TemporaryDirectory() as folder:
        for name in arguments.runs:
            times, diary = measured(name, options, Path(folder))
            shares = [f"{times.doctor_wall / times.wall:.2%}", f"{times.doctor_cpu / times.cpu:.2%}"]
            table.add_row(name, f"{times.wall:.0f}", f"{times.cpu:.0f}", *shares, diary["verdict"])
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
