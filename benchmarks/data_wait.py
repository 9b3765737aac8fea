"""What share of a training step waits for data?

    python -m benchmarks.data_wait [--root /path/to/photos] [--step-ms 100] [--steps 40] [--busy]

A step is a pause, as when a GPU works; with --busy it is matrix products on every core, as when the CPU itself trains.
The share is the time that the loop spends in `next(batches)`: in the first epoch, in which photos are decoded (or, in
the demo catalogue, drawn), and in later ones. Without workers nothing is prepared during the step: the share is all the
work.
"""

from __future__ import annotations

import argparse
import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf

from gan_lab.data import Products
from gan_lab.data.workers import choose_workers

PHOTO = Path(__file__).parents[1] / "conf" / "data" / "degradation" / "photo.yaml"
CASES = {
    "images, 16 of 64": {"image_size": 64, "batch_size": 16},
    "images, 64 of 64": {"image_size": 64, "batch_size": 64},
    "images, 16 of 256": {"image_size": 256, "batch_size": 16},
    "degraded pairs, 16 of 64": {"image_size": 64, "batch_size": 16, "batch_kind": "paired"},
    "degraded pairs, 16 of 256": {"image_size": 256, "batch_size": 16, "batch_kind": "paired"},
}
SIDE = 512


def step(milliseconds: float, busy: bool) -> None:
    end = time.perf_counter() + milliseconds / 1000
    if not busy:
        time.sleep(milliseconds / 1000)
    while time.perf_counter() < end:
        torch.mm(torch.ones(SIDE, SIDE), torch.ones(SIDE, SIDE))


def waiting(batches: Iterator[Any], steps: int, milliseconds: float, busy: bool) -> str:
    """Return the share of wall time that `steps` steps wait for their batch, and the length of a step with its wait."""
    waited, start = 0.0, time.perf_counter()
    for _ in range(steps):
        before = time.perf_counter()
        next(batches)
        waited += time.perf_counter() - before
        step(milliseconds, busy)
    whole = time.perf_counter() - start
    return f"{waited / whole:6.1%} of {1000 * whole / steps:5.0f} ms"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", help="a folder of photos; else the demo catalogue")
    parser.add_argument("--step-ms", type=float, default=100)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--busy", action="store_true")
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    degradation = instantiate(OmegaConf.load(PHOTO))
    how = "busy" if options.busy else "idle"
    print(f"steps of {options.step_ms:g} ms, {how}; share of a step that waits, and its whole length")
    print(f"{'batch':26}{'workers':>8}{'cache':>6}{'first epoch':>20}{'later':>20}")
    beside = choose_workers(cheap=False)  # what a GPU has beside it
    for name, case in CASES.items():
        for workers in (0, beside):
            for cache_mb in (0, 2048):
                data = Products(
                    options.root,
                    degradation=degradation,
                    num_workers=workers,
                    cache_mb=cache_mb,
                    near_duplicates=None,
                    catalogue_images=400,
                    **case,  # type: ignore[arg-type]
                )
                batches = iter(data.train_dataloader())
                next(batches)  # the workers start
                first = waiting(batches, min(options.steps, data.iterations_per_epoch()), options.step_ms, options.busy)
                later = "the same"
                if cache_mb:
                    for _ in range(data.iterations_per_epoch()):
                        next(batches)
                    later = waiting(batches, options.steps, options.step_ms, options.busy)
                print(f"{name:26}{workers!s:>8}{'on' if cache_mb else 'off':>6}{first:>20}{later:>20}", flush=True)


if __name__ == "__main__":
    main()
