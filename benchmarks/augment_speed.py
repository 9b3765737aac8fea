"""Time the discriminator's augmentations beside kornia's nearest equivalents, forward and with the gradient by the images.

    python -m benchmarks.augment_speed [--size 64] [--batches 32 64] [--rounds 15] [--device cpu|cuda]

On the CPU both have one thread, and its processor time counts, so that other work on the machine does not. The two sides
take turns in one process; the figures are medians. Beside the time: what a turn by 30 degrees and back leaves of drawn
products. kornia is spared the conversion between [-1, 1] and its [0, 1]. What
its classes do is near, not equal: its affine map is bilinear at the images' own size (gan_lab interpolates to twice that
first), and its colours are clipped.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from collections.abc import Callable

import kornia
import numpy as np
import torch
from kornia import augmentation as K
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from gan_lab.augment import ADA, DiffAugment
from gan_lab.augment.geometry import rotation, warp
from gan_lab.data.catalogue import draw

Augment = Callable[[Tensor], Tensor]
OFF = {"brightness": 0.0, "saturation": 0.0, "contrast": 0.0, "translation": 0.0, "cutout": 0.0}


def ada(p: float = 1.0, **groups: bool) -> ADA:
    chosen = groups or {"blitting": True, "geometric": True, "colour": True}
    return ADA(**({"blitting": False, "geometric": False, "colour": False} | chosen), target=None, p=p)  # type: ignore[arg-type]


def diff(**strengths: float) -> DiffAugment:
    return DiffAugment(**(OFF | strengths))


def kornia_blitting(p: float) -> list[nn.Module]:
    turn = K.RandomRotation90(times=(0, 3), p=p)
    move = K.RandomTranslate((-0.125, 0.125), (-0.125, 0.125), padding_mode="reflection", p=p)
    return [K.RandomHorizontalFlip(p=p / 2), turn, move]


def kornia_geometric(p: float) -> nn.Module:
    scale = (0.76, 1.32, 0.76, 1.32)  # two standard deviations of ADA's logarithm
    return K.RandomAffine(180.0, (0.125, 0.125), scale, padding_mode="reflection", p=p)


def kornia_colour(p: float) -> nn.Module:
    return K.ColorJiggle(brightness=(0.8, 1.2), contrast=(0.7, 1.4), saturation=(0.5, 2.0), hue=(-0.5, 0.5), p=p)


def pairs() -> dict[str, tuple[Augment, Augment]]:
    """Return each augmentation twice, gan_lab's first."""
    colour = K.ColorJiggle(brightness=(0.5, 1.5), contrast=(0.5, 1.5), saturation=(0.0, 2.0), p=1.0)
    move = K.RandomTranslate((-0.125, 0.125), (-0.125, 0.125), p=1.0)
    cut = K.RandomErasing((0.25, 0.25), (1.0, 1.0), value=0.5, p=1.0)
    rows: dict[str, tuple[Augment, Augment]] = {
        "DiffAugment, colour": (diff(brightness=0.5, saturation=1.0, contrast=0.5), colour),
        "DiffAugment, translation": (diff(translation=0.125), move),
        "DiffAugment, cutout": (diff(cutout=0.5), cut),
        "DiffAugment, all": (DiffAugment(), nn.Sequential(colour, move, cut)),
        "ADA, blitting, p=1": (ada(blitting=True), nn.Sequential(*kornia_blitting(1.0))),
        "ADA, geometric, p=1": (ada(geometric=True), kornia_geometric(1.0)),
        "ADA, colour, p=1": (ada(colour=True), kornia_colour(1.0)),
    }
    for p in (0.2, 0.6, 1.0):
        both = nn.Sequential(*kornia_blitting(p), kornia_geometric(p), kornia_colour(p))
        rows[f"ADA, all, p={p:g}"] = (ada(p), both)
    return rows


def milliseconds(call: Augment, images: Tensor, backward: bool) -> float:
    """Return the time of one call."""
    clock = time.process_time if images.device.type == "cpu" else time.perf_counter
    x = images.detach().requires_grad_(backward)
    start = clock()
    with torch.set_grad_enabled(backward):
        out = call(x)
    if backward:
        torch.autograd.grad(out, x, torch.ones_like(out))
    if images.device.type == "cuda":
        torch.cuda.synchronize()
    return 1e3 * (clock() - start)


def turned_and_back(size: int) -> tuple[float, float]:
    """Return the PSNR in dB of the middle of 64 drawn products after two turns, by gan_lab and by kornia."""
    drawn = np.stack([draw(index, "studio", size) for index in range(64)])
    images = torch.from_numpy(drawn).permute(0, 3, 1, 2).float() / 127.5 - 1
    angle = torch.full((64,), 30.0)
    ours = warp(warp(images, rotation(angle * math.pi / 180)), rotation(-angle * math.pi / 180))
    theirs = kornia.geometry.rotate(kornia.geometry.rotate(images, angle), -angle)
    inside = slice(size // 4, -(size // 4))

    def psnr(x: Tensor) -> float:
        error = (x - images)[..., inside, inside].square().mean((1, 2, 3))
        return float((10 * torch.log10(4 / error)).mean())

    return psnr(ours), psnr(theirs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=64, help="side of the images in pixels")
    parser.add_argument("--batches", type=int, nargs="+", default=[32, 64], help="images in a batch")
    parser.add_argument("--rounds", type=int, default=15, help="calls of either side; the median counts")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    torch.manual_seed(0)
    where = "one CPU thread" if options.device == "cpu" else torch.cuda.get_device_name()
    for batch in options.batches:
        images = torch.rand(batch, 3, options.size, options.size, device=options.device)
        title = f"ms a batch of {batch} at {options.size}x{options.size}, {where}; kornia / gan_lab above 1: gan_lab is faster"
        table = Table(title=title, title_justify="left")
        table.add_column("augmentation")
        for kind in ("forward", "with backward"):
            for column in ("gan_lab", "kornia", "ratio"):
                table.add_column(f"{kind}\n{column}", justify="right")
        for name, (ours, theirs) in pairs().items():
            if options.device == "cuda":
                ours, theirs = (side.to(options.device) for side in (ours, theirs))  # type: ignore[attr-defined]
            cells: list[str] = []
            for backward in (False, True):
                times: tuple[list[float], list[float]] = ([], [])
                for turn in range(options.rounds + 2):
                    for side, call in zip(times, (ours, theirs), strict=True):
                        took = milliseconds(call, images, backward)
                        if turn >= 2:
                            side.append(took)
                mine, other = map(statistics.median, times)
                ratio = statistics.median(o / m for m, o in zip(*times, strict=True))
                cells += [f"{mine:.1f}", f"{other:.1f}", f"{ratio:.1f}"]
            table.add_row(name, *cells)
        Console(width=110).print(table)
    print(
        "turned by 30 degrees and back, PSNR: gan_lab {:.1f} dB, kornia {:.1f} dB".format(
            *turned_and_back(options.size)
        )
    )


if __name__ == "__main__":
    main()
