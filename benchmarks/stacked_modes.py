"""Count the modes that GANs cover on stacked Fashion-MNIST: three random pictures as the colours of one, 1000 combinations.

    python -m benchmarks.stacked_modes --root /photos/fashion_mnist --minutes 20 --work runs/stacked [--only dcgan r3gan]

Each contender trains for so many minutes of wall clock on the same 20,000 stacks at 32x32. Of 10,000 samples a classifier,
trained here on the training pictures, names each colour's class; the three are the mode. Printed: how many of 1000 modes occur
and the Kullback-Leibler divergence of their shares from even ones, in nats, beside those of 10,000 stacks of test pictures
(labels by the same classifier), which are what a perfect generator reaches. Source: Srivastava et al. 2017, arXiv:1705.07761,
section 4.2, for digits. What `--work` holds is not trained again; of a run its best checkpoint is taken.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.contest import begin, parser, trained, write
from benchmarks.small_classifier import Classifier, to_values, train_classifier
from gan_lab.data.fashion_mnist import CLASSES, read_idx
from gan_lab.jobs import Progress
from gan_lab.photo_files import grid, write_png

SIZE, STACKS, HELD_OUT, SAMPLES = 32, 20_000, 500, 10_000
CONTENDERS = {
    "dcgan": ["model=dcgan", "data.batch_size=64"],
    "r3gan": ["model=r3gan", "model.generator.width=16", "model.discriminator.width=16"],
}


@dataclass(frozen=True)
class Modes:
    """How many of 1000 modes occur in samples, and how far their shares are from even ones, in nats."""

    name: str
    trained: str
    covered: int
    divergence: float


def pictures(root: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Return Fashion-MNIST at 32x32: uint8 [N, 32, 32], and the labels."""
    images, labels = (
        read_idx(root / f"{split}-{kind}-ubyte", n) for kind, n in (("images-idx3", 3), ("labels-idx1", 1))
    )
    return np.stack([cv2.resize(image, (SIZE, SIZE), interpolation=cv2.INTER_LINEAR) for image in images]), labels


def stacks(images: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Return random stacks, uint8 [count, 32, 32, 3]."""
    chosen = np.random.default_rng(seed).integers(0, len(images), (count, 3))
    return np.stack([images[chosen[:, colour]] for colour in range(3)], axis=-1)


def write_stacks(images: np.ndarray, folder: Path, count: int, seed: int) -> None:
    """Write stacks as PNGs, unless they are there."""
    if folder.is_dir() and len(list(folder.iterdir())) == count:
        return
    folder.mkdir(parents=True, exist_ok=True)
    for number, stack in enumerate(track(stacks(images, count, seed), f"writing {folder}")):
        write_png(folder / f"{number:05d}.png", stack)


def judge(root: Path) -> Classifier:
    """Return a classifier of single pictures, trained on the training pictures, and print how good it is."""
    images, labels = (torch.from_numpy(np.array(part)) for part in pictures(root, "train"))
    with Progress("training the classifier", 1500, unit="updates") as progress:
        classifier = train_classifier(
            images[:, None], labels.long(), len(CLASSES), seed=0, mirror=False, device=torch.device("cpu"),
            progress=progress, iterations=1500,
        )  # fmt: skip
    test, named = pictures(root, "t10k")
    print(
        f"the classifier names {(classes(classifier, test) == named).mean():.1%} of the test pictures right", flush=True
    )
    return classifier


def classes(classifier: Classifier, images: np.ndarray) -> np.ndarray:
    """Return the classes of grey pictures uint8 [N, 32, 32]."""
    with torch.no_grad():
        parts = torch.from_numpy(images)[:, None].split(256)
        return torch.cat([classifier(to_values(part)).argmax(1) for part in parts]).numpy()


def modes(name: str, trained: str, samples: np.ndarray, classifier: Classifier) -> Modes:
    """Return the modes of stacks uint8 [N, 32, 32, 3]."""
    digits = [classes(classifier, np.ascontiguousarray(samples[..., colour])) for colour in range(3)]
    counts = np.bincount(digits[0] * 100 + digits[1] * 10 + digits[2], minlength=1000)
    shares = counts[counts > 0] / counts.sum()
    return Modes(name, trained, len(shares), float((shares * np.log(shares * 1000)).sum()))


def results(arguments: argparse.Namespace) -> Iterator[Modes]:
    """Yield what test pictures give, then each contender when it has trained."""
    train, test = (pictures(arguments.root, split)[0] for split in ("train", "t10k"))
    photos = arguments.work / "data"
    write_stacks(train, photos / "train", STACKS, arguments.seed)
    write_stacks(test, photos / "val", HELD_OUT, arguments.seed)
    classifier = judge(arguments.root)
    yield modes("test pictures", "", stacks(test, SAMPLES, 1), classifier)
    for name in arguments.only or CONTENDERS:
        data = [f"data.root={photos}", f"data.image_size={SIZE}", "data.crop=false", "data.scale=[1,1]", "data.flip=0"]
        tool = trained(name, [*CONTENDERS[name], *data], arguments)
        samples = np.concatenate(list(tool.samples(SAMPLES, seed=1)))
        write_png(arguments.work / f"{name}.png", grid(samples[:64], 8))
        yield modes(name, f"{tool.model.iteration} iterations", samples, classifier)


def main() -> None:
    """Train, count, print."""
    options = parser(__doc__, "the folder of Fashion-MNIST's files")
    options.add_argument("--only", nargs="*", choices=tuple(CONTENDERS))
    arguments = options.parse_args()
    begin(arguments)
    made = Table(title=f"Modes in {SAMPLES} samples, of 1000")
    for column in ("", "trained", "modes", "divergence from even shares, nats"):
        made.add_column(column)
    found = []
    for each in results(arguments):
        found.append(each)
        made.add_row(each.name, each.trained, str(each.covered), f"{each.divergence:.3f}")
    Console(width=120).print(made)
    write(found, made, arguments)


if __name__ == "__main__":
    main()
