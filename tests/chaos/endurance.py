"""Train a tiny model for a long time and watch what the process holds: memory, open files, threads, what it writes.

    python -m tests.chaos.endurance --iterations 20000 [--models mlp_gan vae ...] [--set trainer.doctor=false]

Everything that a run does beside training happens far more often than it usually does: validation, a grid and a look of the
doctor every 100th iteration, a checkpoint every 200th. Compared are the last tenth of the run and the second tenth, when all
has been met once: resident memory (medians, MB), open files, threads. Of what is written, figures grow with the run by design;
bytes an iteration are printed.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from omegaconf import OmegaConf
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from gan_lab.config import find_config_dir
from tests.integration.runs import tiny

OFTEN = {"log_every": 10, "validate_every": 100, "sample_every": 100, "doctor_every": 100, "checkpoint_every": 200}
KEPT = 5


@dataclass(frozen=True)
class Moment:
    """What a process held at an iteration."""

    iteration: int
    memory: float
    files: int
    threads: int


@dataclass(frozen=True)
class Course:
    """A run's second and last tenth, and what it left."""

    early: Moment
    late: Moment
    iterations: int
    bytes_an_iteration: dict[str, float]
    grids: int


def now(process: int, iteration: int) -> Moment:
    """Return what a process holds."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{process}/status").read_text().splitlines())
    return Moment(
        iteration,
        int(status["VmRSS"].split()[0]) / 1024,
        len(os.listdir(f"/proc/{process}/fd")),
        int(status["Threads"]),
    )


def iteration_of(run: Path) -> int:
    """Return the newest iteration in a run's figures."""
    try:
        with (run / "metrics.csv").open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 4000))
            return int(file.read().splitlines()[-2].split(b",")[0])
    except (OSError, IndexError, ValueError):
        return 0


def typical(moments: list[Moment]) -> Moment:
    """Return the median of moments, and their most files and threads."""
    return Moment(
        moments[-1].iteration,
        median(moment.memory for moment in moments),
        max(moment.files for moment in moments),
        max(moment.threads for moment in moments),
    )


def watched(model: str, iterations: int, folder: Path, show: bool = True, more: Sequence[str] = ()) -> Course:
    """Train a model and watch its process."""
    often = [f"trainer.{name}={value}" for name, value in OFTEN.items()]
    budget = [f"trainer.max_iterations={iterations}", "trainer.max_epochs=null", f"trainer.keep_samples={KEPT}"]
    optimizers = [
        name for name in OmegaConf.load(find_config_dir() / "model" / f"{model}.yaml").model if "optimizer" in name
    ]
    # at its own rates so small a GAN collapses, and the doctor stops it
    budget += [f"model.{name}.lr=1e-6" for name in optimizers]
    command = [sys.executable, "-m", "gan_lab.train", *tiny(model), *often, *budget, *more, "name=long"]
    run, moments = folder / "runs" / "long", []
    with (
        (folder / "log.txt").open("wb") as log,
        Progress(TextColumn(model), BarColumn(), TimeRemainingColumn(), disable=not show) as bar,
    ):
        task = bar.add_task(model, total=iterations)
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, env=environment)
        while process.poll() is None:
            iteration = iteration_of(run)
            if iteration:
                try:
                    moments.append(now(process.pid, iteration))
                except (OSError, KeyError, ValueError):  # it has just ended
                    break
            bar.update(task, completed=iteration)
            time.sleep(0.2)
        if process.wait():
            raise SystemExit(f"{' '.join(command)}: exit code {process.returncode}\n{(folder / 'log.txt').read_text()}")
    early = [moment for moment in moments if 0.1 <= moment.iteration / iterations < 0.2]
    late = [moment for moment in moments if moment.iteration / iterations >= 0.9]
    sizes = {
        name: (run / name).stat().st_size / iterations if (run / name).is_file() else 0  # without a doctor
        for name in ("metrics.csv", "doctor.json")
    }
    sizes["log"] = (folder / "log.txt").stat().st_size / iterations
    return Course(typical(early), typical(late), iterations, sizes, len(list((run / "samples").glob("*.png"))))


def main() -> None:
    """Train, print a table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--iterations", type=int, default=20_000)
    options.add_argument("--models", nargs="*", default=["mlp_gan", "vae"])
    options.add_argument(
        "--set", nargs="*", default=[], help="more options of the run: so small a translator is grey at any rate"
    )
    arguments = options.parse_args()
    print(
        "| model | iterations | memory, MB | open files | threads | bytes an iteration: metrics.csv, doctor.json, log |"
    )
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for model in arguments.models:
        with tempfile.TemporaryDirectory() as name:
            course = watched(model, arguments.iterations, Path(name), more=arguments.set)
        pairs = [(getattr(course.early, what), getattr(course.late, what)) for what in ("memory", "files", "threads")]
        written = ", ".join(f"{size:.1f}" for size in course.bytes_an_iteration.values())
        print(f"| {model} | {course.iterations} | {' | '.join(f'{a:.0f} → {b:.0f}' for a, b in pairs)} | {written} |")


if __name__ == "__main__":
    main()
