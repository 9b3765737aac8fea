"""Time the enhancement of a photo, in megapixels a second, beside the plain forward of its network and traditional methods.

    python -m benchmarks.enhance_speed [--megapixels 0.25 1 12] [--rounds 5] [--checkpoint faithful] [--no-bm3d]

In turns in one process, on as many threads as torch takes: the product (`gan_lab.load().enhance`, tiles, light and rounding
included, precision=auto), the restorer alone as the product runs it, the restorer's plain forward (fp32, NCHW, eager, one
pass), non-local means and BM3D. The photo is drawn by the demo catalogue and given noise of sigma 15. Medians; a ratio
travels between machines, megapixels per second do not. Memory is the largest resident size of the whole process.
"""

from __future__ import annotations

import argparse
import importlib.util
import resource
import statistics
import time
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import torch
from rich.console import Console
from rich.table import Table

import gan_lab
from gan_lab.imaging.traditional import non_local_means
from gan_lab.inference import bundle

#: Above it a method is not run: BM3D takes a minute a megapixel, the plain forward the memory of all its features at once.
LIMITS = {"BM3D": 0.3, "plain fp32 forward": 4.0, "non-local means": 13.0}


def photo(megapixels: float) -> np.ndarray:
    """Return a noisy picture of this size, uint8 [H, W, 3], three parts high and four wide."""
    height = round((megapixels * 1e6 * 3 / 4) ** 0.5)
    width = round(height * 4 / 3)
    rng = np.random.default_rng(0)
    base = cv2.resize(rng.integers(30, 220, (24, 32, 3), np.uint8), (width, height), interpolation=cv2.INTER_CUBIC)
    noise = np.concatenate([rng.normal(0, 15, (min(256, height), width, 3))] * (height // 256 + 1))[:height]
    return np.clip(np.rint(base + noise), 0, 255).astype(np.uint8)


def contenders(checkpoint: str, bm3d: bool) -> dict[str, Callable[[np.ndarray], Any]]:
    """Return what is timed, by name."""
    tool = gan_lab.load(checkpoint, device="cpu")
    parts = bundle.read_bundle(tool.path)
    plain = bundle.network("restorer", parts["restorer"]).eval().requires_grad_(False)

    def forward(pixels: np.ndarray) -> torch.Tensor:
        with torch.inference_mode():
            return plain(torch.from_numpy(pixels).permute(2, 0, 1)[None].float().contiguous() / 127.5 - 1)

    found: dict[str, Callable[[np.ndarray], Any]] = {
        "plain fp32 forward": forward,
        "gan_lab, defects": lambda p: tool.enhance(p, correct="defects"),
        "gan_lab, all": tool.enhance,
        "gan_lab, defects and x2": lambda p: tool.enhance(p, correct="defects", scale=2),
        "gan_lab, all, guarded": lambda p: tool.enhance(p, guard=True),
        "non-local means": non_local_means,
    }
    if bm3d and importlib.util.find_spec("bm3d") is not None:
        import bm3d as library

        found["BM3D"] = lambda p: library.bm3d_rgb(p / 255.0, 15 / 255)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megapixels", nargs="+", type=float, default=[0.25, 1, 12])
    parser.add_argument("--rounds", type=int, default=5, help="turns of each; the median counts")
    parser.add_argument("--checkpoint", default="faithful")
    parser.add_argument("--no-bm3d", action="store_true")
    options = parser.parse_args()
    methods = contenders(options.checkpoint, not options.no_bm3d)
    table = Table(title=f"Megapixels per second, medians of {options.rounds}; {torch.get_num_threads()} threads")
    for column in ("method", *(f"{size:g} Mpx" for size in options.megapixels), "against the plain forward"):
        table.add_column(column, justify="left" if column == "method" else "right")
    speeds: dict[str, dict[float, float]] = {name: {} for name in methods}
    for size in options.megapixels:
        pixels = photo(size)
        times: dict[str, list[float]] = {name: [] for name in methods if size <= LIMITS.get(name, np.inf)}
        for turn in range(options.rounds + 1):
            for name in times:
                start = time.perf_counter()
                methods[name](pixels)
                if turn:  # the first one warms up
                    times[name].append(time.perf_counter() - start)
        for name, seconds in times.items():
            speeds[name][size] = pixels.shape[0] * pixels.shape[1] / 1e6 / statistics.median(seconds)
    plain = speeds["plain fp32 forward"]
    for name, by_size in speeds.items():
        ratios = ", ".join(f"{by_size[size] / plain[size]:.2f}x at {size:g}" for size in by_size if size in plain)
        cells = (f"{by_size[size]:.3g}" if size in by_size else "-" for size in options.megapixels)
        table.add_row(name, *cells, ratios)
    Console(width=150).print(table)
    print(f"largest resident size: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB")


if __name__ == "__main__":
    main()
