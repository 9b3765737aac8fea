"""Print what `vivid` buys and costs beside `faithful`: the share of the truth's fine detail that is in a result, and PSNR.

    python -m benchmarks.enhance_detail --photos /photos/products/test [--every 8]

Detail is the mean absolute difference between neighbouring pixels, of the result over that of the original: a blurred one has
less than 1, a noisy one more. It says how crisp a picture looks, not whether its detail is the right one; PSNR says that. The
protocol is that of `enhance_quality.py`; `correct=defects`, so that the light, which the two share, does not count.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

import gan_lab
from benchmarks.enhance_protocol import Pixels, degrade, find_photos, read_truth

TASKS = ("noise25", "jpeg20", "dark", "mixed", "clean")
NAMES = ("faithful", "vivid")


def detail(pixels: Pixels) -> float:
    """Return the mean absolute difference between neighbouring pixels, in levels."""
    values = pixels.astype(np.float64)
    return float(np.abs(np.diff(values, axis=0)).mean() + np.abs(np.diff(values, axis=1)).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    home = os.environ.get("GAN_LAB_PHOTOS")
    parser.add_argument(
        "--photos", type=Path, default=Path(home, "products", "test") if home else None, required=not home
    )
    parser.add_argument("--every", type=int, default=8, help="take every k-th photo")
    options = parser.parse_args()
    tools = {name: gan_lab.load(name, device="cpu") for name in NAMES}
    found: dict[tuple[str, str], list[tuple[float, float]]] = {}
    photos = find_photos(options.photos)[:: options.every]
    for place, path in track(photos, "photos", console=Console(stderr=True)):
        truth = read_truth(place, path)
        for task in TASKS:
            given = degrade(truth, task)
            for name, tool in tools.items():
                made = tool.enhance(given.pixels, correct="defects")
                error = np.square(made.astype(np.float64) - truth.pixels).mean()
                psnr = min(60.0, 10 * np.log10(255**2 / max(error, 1e-9)))
                found.setdefault((task, name), []).append((detail(made) / detail(truth.pixels), psnr))
    table = Table(title=f"detail of the truth's (1 is all of it) and PSNR (dB), means over {len(photos)} photos")
    for column in ("task", *(f"{name}, {what}" for name in NAMES for what in ("detail", "PSNR"))):
        table.add_column(column, justify="left" if column == "task" else "right")
    for task in TASKS:
        means = [np.mean(found[task, name], axis=0) for name in NAMES]
        table.add_row(
            task, *(f"{value:.{digits}f}" for mean in means for value, digits in zip(mean, (3, 2), strict=True))
        )
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
