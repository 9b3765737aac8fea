"""Print how validation figures rose with training time, for runs of different sizes or data.

    python -m benchmarks.training_curve runs/restorer runs/restorer_32 [--figure val/psnr] [--points 8] [--json out.json]

Of each run: its generator's parameters, and the figure at even steps of its time, with the iteration. Time is what the
iterations took, from the logged images per second: validation and start-up do not count. A run whose learning rate falls
to 0 at its end is done there; the middle of a longer run is not what a shorter run would have reached.

Of a generator `--figure val/kid_efficientnet_lite1`, by which its best checkpoint is chosen, says how it went; what it is worth
is what gan_lab.evaluate says in the features of EfficientNet-Lite2, by which nothing was chosen (ADR 33).
"""

from __future__ import annotations

import argparse
import csv
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from omegaconf import OmegaConf
from rich.console import Console
from rich.table import Table

from gan_lab.config import instantiate


@dataclass(frozen=True)
class Point:
    """A validation: when, and its figure."""

    minutes: float
    iteration: int
    figure: float


@dataclass(frozen=True)
class Curve:
    """A run's validations in order."""

    run: str
    parameters: int
    points: list[Point]


def curve_of(run: Path, figure: str) -> Curve:
    """Read a run's metrics.csv and config.yaml."""
    config = OmegaConf.load(run / "config.yaml")
    network = instantiate(config.model.generator)
    points, minutes, done = [], 0.0, 0
    with open(run / "metrics.csv", newline="") as file:
        for row in csv.DictReader(file):
            iteration = int(row["iteration"])
            if row["train/images_per_s"]:
                minutes += (iteration - done) * config.data.batch_size / float(row["train/images_per_s"]) / 60
                done = iteration
            if row.get(figure):
                points.append(Point(minutes, iteration, float(row[figure])))
    return Curve(run.name, sum(p.numel() for p in network.parameters()), points)


def spread(points: list[Point], count: int) -> list[Point]:
    """Return at most so many points at even steps, the last among them."""
    if len(points) <= count:
        return points
    return [points[round((k + 1) * len(points) / count) - 1] for k in range(count)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, help="folders of runs")
    parser.add_argument("--figure", default="val/psnr")
    parser.add_argument("--points", type=int, default=8, help="of each run")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    curves = [curve_of(run, options.figure) for run in options.runs]
    table = Table(title=f"{options.figure} by minutes of training (iteration)")
    for column in ("run", "parameters", "curve"):
        table.add_column(column)
    for curve in curves:
        steps = (
            f"{each.figure:.4g} at {each.minutes:.0f} ({each.iteration})"
            for each in spread(curve.points, options.points)
        )
        table.add_row(curve.run, f"{curve.parameters / 1e6:.2f} M", ", ".join(steps))
    Console(width=150).print(table)
    if options.json:
        options.json.write_text(json.dumps([asdict(curve) for curve in curves], indent=1))


if __name__ == "__main__":
    main()
