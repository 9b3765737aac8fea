"""Measure whether copies of training photos are found: by gan_lab.evaluate's features, and by those that it had before.

    python -m benchmarks.copies --root /photos/products [--size 64] [--copies 200] [--markdown out.md]

Training photos are altered as a generator that has memorised them might: recoloured, re-cropped, mirrored, saved as JPEG.
Recall is the share of altered photos that lie nearer to a training photo than 95 % of held-out photos (test and validation)
do; "named" is the share whose nearest training photo is their own. False alarms are held-out photos that a limit set by the
other half of them takes for copies.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from rich.console import Console
from rich.table import Table
from torch import Tensor
from torch.nn import functional

from benchmarks.contest import photo_batches, write
from gan_lab.evaluation.copying import choose_copy_features, embed_sets
from gan_lab.jobs import Progress
from gan_lab.metrics import Memorisation, from_uint8, memorisation, to_uint8
from gan_lab.networks import RandomVGG

#: Share of the sides that a re-cropped photo keeps, JPEG's quality, factor of a darkened photo.
KEPT, QUALITY, DARK = 0.8, 30, 0.7


@dataclass(frozen=True)
class Result:
    """What became of one kind of copies in some features: shares of them, and of held-out photos."""

    features: str
    copies: str
    recall: float
    named: float
    false_alarms: float


def recolour(images: Tensor, generator: torch.Generator) -> Tensor:
    """Turn the hue of each image by at least 60 of 360 degrees."""
    turned = []
    for image in images:
        hsv = np.array(Image.fromarray(image.permute(1, 2, 0).numpy()).convert("HSV"))
        hsv[..., 0] += int(torch.randint(43, 213, (1,), generator=generator))  # uint8: 256 is 360 degrees
        turned.append(np.array(Image.fromarray(hsv, "HSV").convert("RGB")))
    return torch.from_numpy(np.stack(turned)).permute(0, 3, 1, 2)


def crop(images: Tensor, generator: torch.Generator) -> Tensor:
    """Cut a part out of each image and enlarge it to the image's size."""
    sides = images.shape[-2:]
    height, width = (round(KEPT * side) for side in sides)
    cut = []
    for image in images:
        top, left = (
            int(torch.randint(side - part + 1, (1,), generator=generator))
            for side, part in zip(sides, (height, width), strict=True)
        )
        part = image[None, :, top : top + height, left : left + width].float()
        cut.append(functional.interpolate(part, sides, mode="bilinear", antialias=True).round().byte())
    return torch.cat(cut)


def compress(images: Tensor, generator: torch.Generator) -> Tensor:
    """Save each image as JPEG and read it again."""
    read = []
    for image in images:
        file = io.BytesIO()
        Image.fromarray(image.permute(1, 2, 0).numpy()).save(file, "JPEG", quality=QUALITY)
        read.append(np.array(Image.open(file)))
    return torch.from_numpy(np.stack(read)).permute(0, 3, 1, 2)


ALTERATIONS: dict[str, Callable[[Tensor, torch.Generator], Tensor]] = {
    "recoloured (hue)": recolour,
    "grey": lambda x, _: x.float().mean(dim=1, keepdim=True).round().byte().expand(-1, 3, -1, -1),
    "darker (x 0.7)": lambda x, _: (DARK * x).round().byte(),
    "re-cropped to 80 %": crop,
    "mirrored": lambda x, _: x.flip(-1),
    "JPEG, quality 30": compress,
    "re-cropped, mirrored, JPEG": lambda x, generator: compress(crop(x, generator).flip(-1), generator),
}


def look_as_before(training: Tensor, held_out: Tensor, copies: Tensor) -> Memorisation:
    """Compare by a random VGG's features, neither whitened nor mirrored."""
    vgg = RandomVGG()
    with torch.no_grad():
        parts = [
            torch.cat([vgg(from_uint8(part)) for part in images.split(64)]).double()
            for images in (training, held_out, copies)
        ]
    return memorisation(parts[0], parts[1], parts[2])


def find_copies(training: Tensor, held_out: Tensor, count: int) -> list[Result]:
    """Return recall and false alarms for altered training photos, uint8 [N, 3, H, W], in both kinds of features."""
    generator = torch.Generator().manual_seed(0)
    chosen = torch.randperm(len(training), generator=generator)[:count]
    altered = torch.cat([alter(training[chosen], generator) for alter in ALTERATIONS.values()])
    features = choose_copy_features(torch.device("cpu"))
    sets = embed_sets(training, held_out, altered, features)
    found = {
        features.key: memorisation(sets.training, sets.held_out, sets.samples, sets.mirrored),
        "random_vgg, before": look_as_before(training, held_out, altered),
    }
    results = []
    for name, each in found.items():
        for kind, (distances, places) in zip(
            ALTERATIONS,
            zip(each.distances.split(len(chosen)), each.nearest.split(len(chosen)), strict=True),
            strict=True,
        ):
            recall, named = (distances < each.limit).double().mean(), (places == chosen).double().mean()
            results.append(Result(name, kind, float(recall), float(named), each.false_alarms))
    return results


def main() -> None:
    """Read, alter, measure, print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--root", type=Path, required=True, help="the photos, with train/, val/ and test/")
    options.add_argument("--size", type=int, default=64)
    options.add_argument("--copies", type=int, default=200, help="training photos that are altered, each in every way")
    options.add_argument("--training", type=int, default=10_000, help="training photos at most")
    options.add_argument("--json", type=Path)
    options.add_argument("--markdown", type=Path)
    arguments = options.parse_args()
    settings = ["model=vae", f"data.root={arguments.root}", f"data.image_size={arguments.size}"]
    with Progress("reading", 3) as progress:
        pixels = {}
        for split in ("train", "val", "test"):
            pixels[split] = to_uint8(torch.cat(photo_batches(split, settings)))
            progress.advance()
    order = torch.randperm(len(pixels["train"]), generator=torch.Generator().manual_seed(1))
    training, held_out = pixels["train"][order[: arguments.training]], torch.cat([pixels["val"], pixels["test"]])
    results = find_copies(training, held_out, arguments.copies)
    table = Table(title=f"Copies among {len(training)} training photos; limit by {len(held_out)} held-out photos")
    for column in ("features", "copies", "recall", "named", "false alarms"):
        table.add_column(column, justify="left" if column in ("features", "copies") else "right")
    for each in results:
        numbers = (f"{share:.3f}" for share in (each.recall, each.named, each.false_alarms))
        table.add_row(each.features, each.copies, *numbers)
    Console(width=120).print(table)
    write(results, table, arguments)


if __name__ == "__main__":
    main()
