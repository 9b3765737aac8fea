"""Degradations in NumPy and OpenCV, one image at a time, against kornia's, a batch at a time.

    python -m benchmarks.degradations [--size 256] [--batch 16] [--seconds 2]

On the CPU both get one thread, as in a data worker, and its processor time is what counts: cores are what the training
step lacks while the data is made, and the figure does not depend on what else the machine does. Where gan_lab works in
linear light kornia is spared the conversion, so its figures are on the generous side.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import cv2
import kornia
import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from gan_lab.data.catalogue import draw
from gan_lab.imaging import JPEG, Blur, Compose, GaussianNoise, LowResolution, MotionBlur
from gan_lab.imaging.degradations import Degradation

Batched = Callable[[Tensor], Tensor]


def low_resolution(images: Tensor) -> Tensor:
    """Shrink a batch by one drawn factor (kornia's resize has no factor per image) and enlarge it again."""
    side = images.shape[-1]
    small = round(side / float(np.random.default_rng().uniform(1, 4)))
    return kornia.geometry.resize(
        kornia.geometry.resize(images, (small, small), interpolation="area"), (side, side), interpolation="bicubic"
    )


def pairs() -> dict[str, tuple[Degradation, Batched]]:
    """Return each degradation twice, with equal ranges."""
    noise = kornia.augmentation.RandomGaussianNoise(std=12.5 / 255, p=1.0)
    blur = kornia.augmentation.RandomGaussianBlur((17, 17), (0.3, 2.5), p=1.0)
    motion = kornia.augmentation.RandomMotionBlur((3, 13), (0.0, 180.0), (0.0, 0.0), p=1.0)
    jpeg = kornia.augmentation.RandomJPEG((20.0, 90.0), p=1.0)
    ours = [GaussianNoise((0, 25)), Blur((0.3, 2.5)), MotionBlur((2, 12)), LowResolution((1, 4)), JPEG((20, 90))]
    theirs: list[Batched] = [noise, blur, motion, low_resolution, lambda images: jpeg(images.clamp(0, 1))]

    def all_of_them(images: Tensor) -> Tensor:
        for step in theirs:
            images = step(images)
        return images

    names = ["Gaussian noise", "Gaussian blur", "motion blur", "low resolution", "JPEG"]
    rows = dict(zip(names, zip(ours, theirs, strict=True), strict=True))
    return rows | {"all five in a row": (Compose(ours), all_of_them)}


def images_per_second(call: Callable[[], object], images: int, seconds: float, device: str) -> float:
    """Return the median rate over at least five calls and `seconds`, after a warm-up."""
    clock = time.process_time if device == "cpu" else time.perf_counter
    call()
    rates: list[float] = []
    end = time.perf_counter() + seconds
    while len(rates) < 5 or time.perf_counter() < end:
        start = clock()
        call()
        if device == "cuda":
            torch.cuda.synchronize()
        rates.append(images / (clock() - start))
    return float(np.median(rates))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=256, help="side of the images in pixels")
    parser.add_argument("--batch", type=int, default=16, help="images in a batch")
    parser.add_argument("--seconds", type=float, default=2.0, help="time spent on each figure")
    options = parser.parse_args()

    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    images = [draw(index, "studio", options.size) for index in range(options.batch)]
    batch = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float().div(255).contiguous()
    devices = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]

    table = Table(title=f"images/s at {options.size}x{options.size}, batch {options.batch}", title_justify="left")
    table.add_column("degradation")
    table.add_column("NumPy/OpenCV, one core", justify="right")
    for device in devices:
        table.add_column(f"kornia, {'one core' if device == 'cpu' else 'GPU'}", justify="right")
    for name, (ours, theirs) in pairs().items():

        def one_by_one(ours: Degradation = ours) -> None:
            for image in images:
                ours(image, rng)

        row = [images_per_second(one_by_one, options.batch, options.seconds, "cpu")]
        for device in devices:
            there = batch.to(device)
            row.append(images_per_second(lambda t=theirs, b=there: t(b), options.batch, options.seconds, device))
        table.add_row(name, *(f"{rate:.0f}" for rate in row))
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
