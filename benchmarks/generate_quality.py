"""Train this project's GANs and a tutorial's DCGAN for the same minutes on the same photos, and compare their samples.

    python benchmarks/generate_quality.py --data products --root /photos/products --minutes 20 --work runs/generate_quality
        [--only tutorial dcgan small_catalogue ...] [--share 0.2] [--json out.json] [--markdown out.md]

Every contender trains in a process of its own, one after the other, for so many minutes of wall clock by its own clock, the
one of the tutorial (`tutorial_dcgan.py`) included; preparation (decoding into a cache, importing) does not count for either.
What `--work` holds already is not trained again, so a command that was stopped goes on where it was.

Samples are compared with the training split of all photos, in the features of a random VGG with a fixed seed (Naeem et al.
2020): its distances tell colour, texture and coarse shape apart and are no FID. Five sets of samples, each of as many as
there are validation photos (at most 2000), are compared each on its own; a figure is their mean, its 95 % interval that of
Student's t over the five: how far other samples of the same network would give the same, not other trainings. The floor is
the distance of the validation photos themselves. The last checkpoint is taken, not the best: the tutorial has none.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from omegaconf import OmegaConf
from rich.console import Console
from rich.table import Table
from torch import Tensor
from torch.utils.data import DataLoader

from gan_lab import load
from gan_lab.config import compose, instantiate
from gan_lab.data.base import FACTS, ImageDataModule
from gan_lab.imaging import grid, write_png
from gan_lab.metrics import density_coverage, frechet_distance, kernel_distance
from gan_lab.metrics.intervals import student
from gan_lab.networks import RandomVGG

TUTORIAL = "tutorial"
SETS, LARGEST = 5, 2000
#: What each contender adds to the command line of gan_lab.train.
CONTENDERS = {
    "dcgan": ["model=dcgan", "data.batch_size=64"],
    "dcgan_ada": ["model=dcgan", "data.batch_size=64", "model/augment=ada"],
    "dcgan_diffaugment": ["model=dcgan", "data.batch_size=64", "model/augment=diffaugment"],
    "mlp_gan": ["model=mlp_gan"],
    "lsgan": ["model=lsgan", "data.batch_size=64"],
    "sngan": ["model=sngan"],
    "wgan_gp": ["model=wgan_gp"],
    "r3gan": ["model=r3gan"],
    "small_catalogue": ["experiment=small_catalogue"],
    "small_catalogue_diffaugment": ["experiment=small_catalogue", "model/augment=diffaugment"],
    "small_catalogue_none": ["experiment=small_catalogue", "model/augment=none"],
}
FLIPS = "data.flip=0.5"
Figure = Callable[[Tensor, Tensor], float]
FIGURES: dict[str, Figure] = {
    "frechet": frechet_distance,
    "kid": lambda real, fake: kernel_distance(real, fake, subsets=None)[0],
    "density": lambda real, fake: density_coverage(real, fake)[0],
    "coverage": lambda real, fake: density_coverage(real, fake)[1],
}


@dataclass(frozen=True)
class Mean:
    """A mean and half of its 95 % interval."""

    value: float
    half: float

    def __str__(self) -> str:
        return f"{self.value:.3g} ± {self.half:.2g}"


@dataclass(frozen=True)
class Result:
    """What a contender reached; `trained` says in how many iterations."""

    name: str
    trained: str
    figures: dict[str, Mean]


# ------------------------------------------------------------------------------------------------ the photos


def data_overrides(arguments: argparse.Namespace) -> list[str]:
    """Return what every run of gan_lab is told of the data."""
    if arguments.data == "fashion_mnist":
        return ["data=fashion_mnist", f"data.root={arguments.root}", "data.image_size=32"]
    return [f"data.root={arguments.root}", "data.image_size=64"]


def photo_features(arguments: argparse.Namespace, embed: RandomVGG) -> tuple[Tensor, Tensor, np.ndarray]:
    """Return the features of the training and of the validation photos, unaugmented, and some of the latter to look at."""
    plain = [] if arguments.data == "fashion_mnist" else ["data.crop=false", "data.scale=[1,1]", "data.rotation=0"]
    config = compose("train", [*data_overrides(arguments), *plain, "data.flip=0", "name=photos"])
    settings = OmegaConf.to_container(config.data, resolve=True)
    assert isinstance(settings, dict)
    wanted = {str(key): value for key, value in settings.items() if key not in FACTS}
    datamodule: ImageDataModule = instantiate(wanted | {"batch_size": 64}, batch_kind="images")
    datamodule.prepare()
    train = datamodule.train_dataloader()
    count = min(len(train.dataset), 10_000)  # type: ignore[arg-type]
    ordered = DataLoader(train.dataset, batch_size=64, sampler=range(count), collate_fn=train.collate_fn)
    real = torch.cat([embed(batch["image"]) for batch in ordered])
    held = datamodule.val_dataloader()
    assert isinstance(held, DataLoader)
    images = torch.cat([batch["image"] for batch in held])[:LARGEST]
    return real, torch.cat([embed(part) for part in images.split(64)]), as_pixels(images)


def few(root: Path, share: float, work: Path) -> Path:
    """Return a copy, by links, of a folder of photos with only a share of its training photos, class by class."""
    fewer = work / f"photos_{share:g}"
    for split in ("train", "val", "test"):
        for folder in sorted(path for path in (root / split).iterdir() if path.is_dir()):
            (fewer / split / folder.name).mkdir(parents=True, exist_ok=True)
            files = sorted(folder.iterdir())
            kept = files[:: round(1 / share)] if split == "train" else files
            for file in kept:
                link = fewer / split / folder.name / file.name
                if not link.exists():
                    link.symlink_to(file.resolve())
    return fewer


def as_pixels(images: Tensor) -> np.ndarray:
    """Return [N, C, H, W] in [-1, 1] as uint8 [N, H, W, C]."""
    return ((images + 1) * 127.5).round().clamp(0, 255).byte().permute(0, 2, 3, 1).numpy()


# ------------------------------------------------------------------------------------------------ the contenders


def train_tutorial(arguments: argparse.Namespace, root: Path, n: int) -> tuple[np.ndarray, str]:
    """Return samples of the tutorial's DCGAN, and how long it trained."""
    out, log = arguments.work / f"{TUTORIAL}.npy", arguments.work / f"{TUTORIAL}.log"
    if not out.exists():
        photos = root if arguments.data == "fashion_mnist" else root / "train"
        size = 32 if arguments.data == "fashion_mnist" else 64
        script = Path(__file__).with_name("tutorial_dcgan.py")
        command = [str(script), "--photos", str(photos), "--minutes", str(arguments.minutes), "--out", str(out)]
        run([*command, "--size", str(size), "--n", str(n), "--seed", str(arguments.seed)], log)
    return np.load(out), log.read_text().strip().splitlines()[-1]


def train_own(name: str, arguments: argparse.Namespace, data: Sequence[str], n: int) -> tuple[np.ndarray, str]:
    """Return samples of a run of gan_lab.train, and how long it trained."""
    folder = arguments.work / name
    options = [*CONTENDERS[name], *data, FLIPS, f"seed={arguments.seed}", "trainer.max_epochs=null", "resume=auto"]
    options += [f"name={name}", f"runs_dir={arguments.work}", f"trainer.max_minutes={arguments.minutes}"]
    if not (folder / "done").exists():
        run(["-m", "gan_lab.train", *options], arguments.work / f"{name}.log")
        (folder / "done").touch()
    model = load(folder / "checkpoints" / "last.ckpt", device="cpu")
    iterations = model.model.iteration
    images = iterations * int(OmegaConf.load(folder / "config.yaml").data.batch_size)
    return np.concatenate(list(model.samples(n, seed=1))), f"{iterations} iterations, {images} images"


def run(command: Sequence[str], log: Path) -> None:
    """Run Python on a command line, and keep what it says."""
    with open(log, "a") as file:
        code = subprocess.run([sys.executable, *command], stdout=file, stderr=subprocess.STDOUT).returncode
    if code:
        raise SystemExit(f"{' '.join(command)}: exit code {code}, see {log}")


# ------------------------------------------------------------------------------------------------ the figures


def judged(sets: Sequence[Tensor], real: Tensor) -> dict[str, Mean]:
    """Return each figure's mean over sets of features, and what the mean is worth."""
    found = {}
    for name, figure in FIGURES.items():
        values = np.array([figure(real, features) for features in sets])
        error = float(values.std(ddof=1)) / len(values) ** 0.5 if len(values) > 1 else 0.0
        found[name] = Mean(float(values.mean()), student(len(values) - 1) * error if len(values) > 1 else 0.0)
    return found


def results(arguments: argparse.Namespace) -> Iterator[Result]:
    """Yield the floor, then each contender when it has trained."""
    embed = RandomVGG()
    real, held_out, pictures = photo_features(arguments, embed)
    write_png(arguments.work / "photos.png", grid(pictures[np.linspace(0, len(pictures) - 1, 64).astype(int)], 8))
    yield Result("validation photos", f"{len(held_out)} against {len(real)}", judged([held_out], real))
    root = few(arguments.root, arguments.share, arguments.work) if arguments.share < 1 else arguments.root
    data = [f"data.root={root}" if one.startswith("data.root=") else one for one in data_overrides(arguments)]
    size = len(held_out)
    for name in arguments.only or [TUTORIAL, *CONTENDERS]:
        if name == TUTORIAL:
            images, trained = train_tutorial(arguments, root, SETS * size)
        else:
            images, trained = train_own(name, arguments, data, SETS * size)
        write_png(arguments.work / f"{name}.png", grid(images[:64], 8))
        features = torch.cat(
            [embed(torch.from_numpy(part).permute(0, 3, 1, 2).float() / 127.5 - 1) for part in batches(images)]
        )
        yield Result(name, trained, judged(features.split(size), real))


def batches(images: np.ndarray, size: int = 64) -> Iterator[np.ndarray]:
    """Yield rows in parts."""
    for at in range(0, len(images), size):
        yield images[at : at + size]


def table(found: Sequence[Result]) -> Table:
    """Return the results, each with the share of the tutorial's excess over the floor that is left."""
    floor = found[0].figures["frechet"].value
    tutorial = next((each.figures["frechet"].value for each in found if each.name == TUTORIAL), None)
    made = Table(title="Samples against the training photos, random VGG features (no FID)")
    for column in ("", "trained", "Frechet distance", "excess, of the tutorial's", "KID x 1000", "density", "coverage"):
        made.add_column(column)
    for each in found:
        f = each.figures
        over = (
            "" if tutorial is None or each is found[0] else f"{(f['frechet'].value - floor) / (tutorial - floor):.2f}"
        )
        kid = Mean(1000 * f["kid"].value, 1000 * f["kid"].half)
        made.add_row(each.name, each.trained, str(f["frechet"]), over, str(kid), str(f["density"]), str(f["coverage"]))
    return made


def markdown(made: Table) -> str:
    """Return a table in Markdown."""
    columns = [list(column.cells) for column in made.columns]
    head = [str(column.header) for column in made.columns]
    rows = [head, ["---", *["---:"] * (len(head) - 1)], *zip(*columns, strict=True)]
    return "\n".join("| " + " | ".join(map(str, row)) + " |" for row in rows) + "\n"


def main() -> None:
    """Train, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", choices=("products", "fashion_mnist"), default="products")
    parser.add_argument("--root", type=Path, required=True, help="the photos, with train/, val/ and test/")
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--share", type=float, default=1.0, help="of the training photos that every contender gets")
    parser.add_argument("--only", nargs="*", choices=(TUTORIAL, *CONTENDERS))
    parser.add_argument("--work", type=Path, required=True, help="where the runs are kept")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", type=Path)
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    console, start, found = Console(width=160), time.monotonic(), []
    for each in results(arguments):
        found.append(each)
        console.print(f"{each.name}: {each.trained}; " + ", ".join(f"{k} {v}" for k, v in each.figures.items()))
    made = table(found)
    console.print(made, f"{(time.monotonic() - start) / 60:.0f} minutes in all; {torch.get_num_threads()} threads")
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(each) for each in found], indent=1))
    if arguments.markdown:
        arguments.markdown.write_text(markdown(made))


if __name__ == "__main__":
    main()
