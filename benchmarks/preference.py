"""Measure whether images by a taste show what is liked, where the taste is for the photos of one class.

    python -m benchmarks.preference --run runs/small_catalogue --root /photos/products [--liked 20] [--n 64] [--candidates 8]
        [--steer 20] [--unlike 20] [--training 1000] [--picture out.png] [--json out.json] [--markdown out.md]

For every class: `gan_lab.generate like=` with validation photos of that class, which neither the generator nor the classifier
was trained on. The share is that of images which a linear probe of the training photos names as that class, in the features of
EfficientNet-Lite2, by which nothing was chosen or steered (ADR 33). Beside it stand plain images of the seed, which is chance,
and test photos of the class, whose share is what the probe can see at best. Distances, in those features scaled as the probe
scales them: from an image to the nearest liked photo, and between two images, which says whether they are still different.
The picture has the liked photos, plain images, chosen and steered ones, the first of each and not selected.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor
from torch.nn import functional

from benchmarks.contest import still_batches, write
from gan_lab import load
from gan_lab.evaluation.extractors import FrozenFeatures
from gan_lab.evaluation.probe import LinearProbe, choose_probe_features, fit_probe
from gan_lab.inference.preference import Candidates, PreferenceSearch, keep_different
from gan_lab.jobs import Progress
from gan_lab.metrics import to_uint8
from gan_lab.options import format_value
from gan_lab.photo_files import grid, write_png

#: Columns of the picture for each kind of images, and classes in it.
SHOWN, ROWS = 6, 10


@dataclass(frozen=True)
class Result:
    """What one kind of images of one taste are: the share named as the class, and distances in the judge's features."""

    liked: str
    images: str
    named: float
    distance: float
    apart: float


class Remembering(PreferenceSearch):
    """Looks at the seed's images once for all tastes."""

    known: ClassVar[dict[bytes, list[Tensor]]] = {}

    def describe(self, pixels: np.ndarray) -> list[Tensor]:
        key = pixels.tobytes()
        if key not in self.known:
            self.known[key] = super().describe(pixels)
        return self.known[key]


class Judge:
    """Names classes and measures distances in features that nothing was chosen by.

    Args:
        pixels: training photos, uint8 [N, C, H, W].
        labels: int64 [N].
        classes: how many.
    """

    def __init__(self, pixels: Tensor, labels: Tensor, classes: int) -> None:
        self.features: FrozenFeatures = choose_probe_features(torch.device("cpu"))
        with Progress("training the probe", len(pixels)) as progress:
            self.probe: LinearProbe = fit_probe(self.features.embed(pixels, progress), labels, classes)

    def compare(self, features: Tensor, wanted: int, liked: Tensor) -> tuple[float, float, float]:
        """Return the share of features [N, D] named as a class, how far they are from the liked ones, and how far apart."""
        named = (self.probe.classify(features) == wanted).double().mean()
        points, goals = (
            functional.normalize((each - self.probe.mean) / self.probe.scale, dim=1) for each in (features, liked)
        )
        between = torch.cdist(points, points).sum() / (len(points) * max(1, len(points) - 1))
        return float(named), float(torch.cdist(points, goals).min(dim=1).values.mean()), float(between)


def read_split(split: str, options: Sequence[str]) -> tuple[Tensor, Tensor]:
    """Return the photos of a split, uint8 [N, C, H, W], and their classes int64 [N]."""
    batches = still_batches(split, options, "images")
    return to_uint8(torch.cat([batch["image"] for batch in batches])), torch.cat([batch["label"] for batch in batches])


def as_arrays(pixels: Tensor) -> np.ndarray:
    """Return images uint8 [N, C, H, W] as an array [N, H, W, C]."""
    return np.ascontiguousarray(pixels.permute(0, 2, 3, 1).numpy())


def make_images(search: PreferenceSearch, kept: Candidates) -> Tensor:
    """Return the images of what was kept, uint8 [N, C, H, W]."""
    made = np.concatenate([images for _, images in search.make(kept, range(len(kept)))])
    return torch.from_numpy(made).permute(0, 3, 1, 2)


def choose(
    search: PreferenceSearch, liked: Tensor, unliked: Tensor, arguments: argparse.Namespace
) -> dict[str, Candidates]:
    """Return chosen and steered images of a taste."""
    looked = range(arguments.n * arguments.candidates)
    photos = (search.describe(as_arrays(each)) for each in (liked, unliked))
    found, _ = search.look(looked, arguments.n, *photos, lambda _: None)
    kept = keep_different(found, arguments.n)
    images = {"chosen": kept}
    if arguments.steer:
        moved = search.steer(kept, arguments.steer, lambda _: None)
        images["steered"] = moved.take(moved.scores.argsort(descending=True, stable=True))
    return images


def main() -> None:
    """Read, choose for each class, judge, print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--run", type=Path, required=True, help="of a generator that was trained on these photos")
    options.add_argument(
        "--root", type=Path, required=True, help="the photos, with train/, val/ and test/ and class folders"
    )
    for name, value in {
        "liked": 20,
        "unlike": 0,
        "n": 64,
        "candidates": 8,
        "steer": 20,
        "training": 1000,
        "seed": 1,
    }.items():
        options.add_argument(f"--{name}", type=int, default=value)
    options.add_argument("--only", type=int, nargs="*", help="numbers of classes")
    for name in ("picture", "json", "markdown"):
        options.add_argument(f"--{name}", type=Path)
    arguments = options.parse_args()
    tool = load(arguments.run, device="cpu")
    assert tool.generation is not None
    data = ["model=cgan", f"data.root={arguments.root}", f"data.image_size={format_value(tool.image_size)}"]
    (training, labels), (validation, kinds), (test, truth) = (
        read_split(split, data) for split in ("train", "val", "test")
    )
    names = sorted(path.name for path in (arguments.root / "train").iterdir() if path.is_dir())
    order = torch.randperm(len(training), generator=torch.Generator().manual_seed(0))[: arguments.training]
    judge = Judge(training[order], labels[order], len(names))
    search = Remembering(
        tool.generation, tool.generation.draw_latents(arguments.seed), [0], "like=", arguments.steer > 0
    )
    plain = torch.from_numpy(tool.generate(arguments.n, arguments.seed)).permute(0, 3, 1, 2)
    embed = judge.features.embed
    f_plain, results, rows = embed(plain), [], []
    with Progress("choosing", len(arguments.only or names), unit="classes") as progress:
        for wanted in arguments.only or range(len(names)):
            name = names[wanted]
            liked, others = validation[kinds == wanted][: arguments.liked], validation[kinds != wanted]
            unliked = others[torch.linspace(0, len(others) - 1, arguments.unlike).long()]
            found = choose(search, liked, unliked, arguments)
            made = {"plain": plain, **{kind: make_images(search, kept) for kind, kept in found.items()}}
            f_liked, f_test = embed(liked), embed(test[truth == wanted])
            features = {"test photos": f_test, "plain": f_plain, **{kind: embed(made[kind]) for kind in found}}
            results += [Result(name, kind, *judge.compare(each, wanted, f_liked)) for kind, each in features.items()]
            rows.append(torch.cat([images[:SHOWN] for images in (liked, *made.values())]))
            progress.advance()
    if arguments.picture:
        write_png(arguments.picture, grid(as_arrays(torch.cat(rows[:ROWS])), len(rows[0])))
    kinds_of_images = list(dict.fromkeys(result.images for result in results))
    everything = [
        Result(
            "mean",
            kind,
            *np.mean([[r.named, r.distance, r.apart] for r in results if r.images == kind], axis=0).tolist(),
        )
        for kind in kinds_of_images
    ]
    table = Table(title=f"{arguments.liked} liked photos of a class; share named as it by {judge.features.name}")
    for column in ("liked", *kinds_of_images):
        table.add_column(column, justify="left" if column == "liked" else "right")
    for name in dict.fromkeys(result.liked for result in (*results, *everything)):
        own = [result for result in (*results, *everything) if result.liked == name]
        table.add_row(name, *(f"{r.named:.2f} ({r.distance:.2f}, {r.apart:.2f})" for r in own))
    Console(width=120).print(table)
    write([*results, *everything], table, arguments)


if __name__ == "__main__":
    main()
