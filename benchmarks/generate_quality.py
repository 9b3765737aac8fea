"""Train this project's GANs and a tutorial's DCGAN for the same minutes on the same photos, and compare their samples.

    python -m benchmarks.generate_quality --data products --root /photos/products --minutes 20 --work runs/generate_quality
        [--only tutorial dcgan small_catalogue ...] [--share 0.2] [--iterations vae=300 ...] [--json out.json]
        [--markdown out.md]

Every contender trains in a process of its own, one after the other, for so many minutes of wall clock by its own clock, the one
of the tutorial (`tutorial_dcgan.py`) included; preparation (decoding into a cache, importing) does not count for either. Of
each, 64 samples are drawn into a grid, and of gan_lab's runs its first row at four moments. What `--work` holds already is not
trained again, so a command that was stopped goes on where it was. A run that the doctor gives up is judged by what it had. A
contender of two stages has the minutes for both; the minutes of CPU, starts and validation included, say whether others took
some of them.

Samples are compared with the training split of all photos, in the features of EfficientNet-Lite2 trained on ImageNet, at 128
pixels: by which nothing is trained and nothing chosen (ADR 33). The figure is KID; recall says whether there is anything that
photos show, and precision alone says little, for a single picture over and over has one of 1. There is no Frechet distance:
of so few images in 1280 dimensions it would be bias for the most part. Five sets of samples, each of as many as there are
validation photos (at most 2000), are compared each on its own; a figure is their mean, its 95 % interval that of Student's t
over the five: how far other samples of the same network would give the same, not other trainings. The floor is the validation
photos' own, its interval by a jackknife over them. Of gan_lab's runs the checkpoint is taken that its commands take: the best
by the run's own validation, the kernel distance of some hundred samples to the validation photos in the features of
EfficientNet-Lite1, whose minutes count. The tutorial has only its last.

Of a conditional contender the classes take turns, and `named` is the share of its samples that a classifier names as the class
they were made as: a linear probe of those training photos, in the same features. The validation photos' own says what it
can name at best.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from benchmarks.contest import JUDGE_NAME, begin, given_up, parser, run, still_batches, trained, write
from gan_lab.evaluation.extractors import JUDGE_KEY, choose_extractor
from gan_lab.evaluation.probe import fit_probe
from gan_lab.metrics import (
    Interval,
    density_coverage,
    interval_of_mean,
    jackknives,
    kernel_distance,
    precision_recall,
    to_uint8,
)
from gan_lab.options import split_sides
from gan_lab.photo_files import grid, write_png
from gan_lab.photo_files.photo import read_photo

TUTORIAL = "tutorial"
#: Sets of samples, photos in one at most, and training photos that they are compared with at most.
SETS, LARGEST, MOST_TRAINING = 5, 2000, 10_000
#: Moments of a run that are shown.
ROWS = 4
NARROW_DCGAN = ["model.generator.width=32", "model.discriminator.width=32"]
NARROW_R3GAN = [f"model.{one}.{key}" for one in ("generator", "discriminator") for key in ("width=16", "blocks=1")]
NARROW_R3GAN += ["model.penalties.r1.every=4", "model.penalties.r2.every=4"]
#: What each contender adds to the command line of gan_lab.train.
CONTENDERS = {
    "mlp_gan": ["model=mlp_gan"],
    "dcgan": ["model=dcgan", "data.batch_size=64"],
    "dcgan_narrow": ["model=dcgan", "data.batch_size=32", *NARROW_DCGAN],
    "lsgan": ["model=lsgan", "data.batch_size=64"],
    "sngan": ["model=sngan"],
    "wgan_gp": ["model=wgan_gp"],
    "r3gan": ["model=r3gan"],
    "r3gan_narrow": ["model=r3gan", "data.batch_size=32", *NARROW_R3GAN],
    "cgan": ["model=cgan"],
    "narrow_cgan": ["experiment=narrow_r3gan", "model=cgan"],
    "cgan_projection": ["model=cgan_projection"],
    "vae": ["model=vae"],
    "vae_perceptual": ["model=vae", "model.lambda_perceptual=0.1"],
    "code_prior": ["model=code_prior"],
    "small_catalogue": ["experiment=small_catalogue"],
    "small_catalogue_classes": ["experiment=small_catalogue", "model=drifting_classes"],
    "narrow_r3gan": ["experiment=narrow_r3gan"],
    "narrow_r3gan_constant_rates": ["experiment=narrow_r3gan", "model.schedule=null"],
    "narrow_r3gan_ada": ["experiment=narrow_r3gan", "model/augment=ada"],
    "narrow_r3gan_diffaugment": ["experiment=narrow_r3gan", "model/augment=diffaugment"],
}
#: What comes before a contender, the command line of its training, and its share of the minutes.
CODES = ["model=vq_vae", "data.batch_size=16", "model.lambda_perceptual=0.1"]
CODES += ["model.encoder.levels=3", "model.encoder.width=64", "model.quantizer.codes=256"]
FIRST_STAGES = {"code_prior": (CODES, 0.5)}


@dataclass(frozen=True)
class Result:
    """What a contender reached; `trained` says in how many iterations, `named` stands for a conditional one alone."""

    name: str
    trained: str
    figures: dict[str, Interval]
    named: Interval | None = None


# ------------------------------------------------------------------------------------------------ the photos


def data_options(arguments: argparse.Namespace, root: Path) -> list[str]:
    """Return what every run of gan_lab is told of the data; Fashion-MNIST's goods look one way, and are not mirrored."""
    if arguments.data == "fashion_mnist":
        return ["data=fashion_mnist", f"data.root={root}", "data.image_size=32", "data.flip=0"]
    return [f"data.root={root}", "data.image_size=64", "data.flip=0.5"]


def read_photos(split: str, data: Sequence[str], most: int) -> tuple[Tensor, Tensor]:
    """Return at most so many photos of a split, [N, C, H, W] in [-1, 1], evenly spread over it, and their labels int64 [N]."""
    batches = still_batches(split, data, "images")
    images, labels = (torch.cat([batch[name] for batch in batches]) for name in ("image", "label"))
    rows = torch.linspace(0, len(images) - 1, min(most, len(images))).round().long()
    return images[rows], labels[rows]


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


def train_own(
    name: str, arguments: argparse.Namespace, data: Sequence[str], n: int
) -> tuple[np.ndarray, str, Tensor | None]:
    """Return samples of a run of gan_lab.train, how long it trained, and the samples' classes, None without."""
    limits = {stage: [f"trainer.max_iterations={n}"] for stage, n in arguments.iterations}
    options, minutes, stages = [*CONTENDERS[name], *data, *limits.get(name, [])], arguments.minutes, [name]
    if name in FIRST_STAGES:
        first, share = FIRST_STAGES[name]
        stages = [f"{name}_codes", name]
        own = [*first, *data, *limits.get(stages[0], [])]
        trained(stages[0], own, arguments, share * minutes)
        options, minutes = [*options, f"model.codes={arguments.work / stages[0]}"], (1 - share) * minutes
    tool = trained(name, options, arguments, minutes)
    last = torch.load(arguments.work / name / "checkpoints" / "last.ckpt", weights_only=True)["clock"]["iteration"]
    height, _ = split_sides(tool.image_size)
    write_png(arguments.work / f"{name}_over_time.png", over_time(arguments.work / name / "samples", height))
    length = f"{last} iterations of {tool.config['data']['batch_size']}, best at {tool.model.iteration}"
    cpu = sum(float((arguments.work / stage / "done").read_text() or "nan") for stage in stages)
    length += f", {cpu:.1f} minutes of CPU"
    if given_up(arguments.work / name):
        length += ", given up by the doctor"
    assert tool.generation is not None
    turns = tool.generation.classes(None)
    classes = torch.tensor(turns).repeat(n // len(turns) + 1)[:n] if tool.generation.conditional else None
    return np.concatenate(list(tool.samples(n, seed=1))), length, classes


def over_time(samples: Path, size: int) -> np.ndarray:
    """Return the first row of `ROWS` of a run's sample grids, the first and the last among them: the same latents."""
    files = sorted(samples.glob("*.png"))
    chosen = np.unique(np.geomspace(1, len(files), ROWS).round().astype(int)) - 1
    return grid([read_photo(files[index]).pixels[:size] for index in chosen], 1)


# ------------------------------------------------------------------------------------------------ the figures


def figures(real: Tensor, fake: Tensor) -> list[float]:
    """Return kernel distance, precision, recall, density and coverage of two sets of features [N, D] and [M, D]."""
    distance = kernel_distance(real, fake, subsets=None)[0]
    return [distance, *precision_recall(real, fake), *density_coverage(real, fake)]


NAMES = ("kid", "precision", "recall", "density", "coverage")


def judged(sets: Sequence[Tensor], real: Tensor) -> dict[str, Interval]:
    """Return the mean of each figure over sets of features, with the interval of that mean."""
    columns = zip(*(figures(real, features) for features in sets), strict=True)
    return {name: interval_of_mean(values) for name, values in zip(NAMES, columns, strict=True)}


def results(arguments: argparse.Namespace) -> Iterator[Result]:
    """Yield the floor, then each contender when it has trained."""
    extractor, data = choose_extractor(JUDGE_KEY, torch.device("cpu")), data_options(arguments, arguments.root)

    def embed(images: Tensor) -> Tensor:
        return extractor(images)[0]

    (held_out, wanted), (training, labels) = (
        read_photos(split, data, most) for split, most in (("val", LARGEST), ("train", MOST_TRAINING))
    )
    real = torch.cat([embed(batch) for batch in training.split(64)])
    probe = fit_probe(real.double(), labels, int(labels.max()) + 1)

    def count_named(features: Tensor, classes: Tensor | None) -> Interval | None:
        if classes is None:
            return None
        hits = (probe.classify(features.double()) == classes).double()
        return interval_of_mean([float(part.mean()) for part in hits.split(len(hits) // SETS)][:SETS])

    size, spread = len(held_out), np.linspace(0, len(held_out) - 1, 64).astype(int)
    write_png(arguments.work / "photos.png", grid(to_uint8(held_out[spread]).permute(0, 2, 3, 1).numpy(), 8))
    f_held_out = torch.cat([embed(batch) for batch in held_out.split(64)])
    floor = jackknives(figures, real, f_held_out, groups=10, real_varies=False)
    labelled = wanted if wanted.max() > 0 else None
    named = count_named(f_held_out, labelled)
    yield Result("validation photos", f"{size} against {len(real)}", dict(zip(NAMES, floor, strict=True)), named)
    root = few(arguments.root, arguments.share, arguments.work) if arguments.share < 1 else arguments.root
    for name in arguments.only or [TUTORIAL, *CONTENDERS]:
        if name == TUTORIAL:
            (images, length), classes = train_tutorial(arguments, root, SETS * size), None
        else:
            images, length, classes = train_own(name, arguments, data_options(arguments, root), SETS * size)
        write_png(arguments.work / f"{name}.png", grid(images[:64], 8))
        parts = torch.from_numpy(images).permute(0, 3, 1, 2).split(64)
        features = torch.cat([embed(part.float() / 127.5 - 1) for part in parts])
        yield Result(name, length, judged(features.split(size), real), count_named(features, classes))


def shown(figure: Interval | None, factor: float = 1.0) -> str:
    """Return a figure and half of its interval; nothing for None."""
    if figure is None:
        return ""
    value, half = factor * figure.value, factor * (figure.high - figure.value)
    return f"{value:.0f} ± {half:.0f}" if abs(value) >= 100 else f"{value:.3g} ± {half:.2g}"


def table(found: Sequence[Result]) -> Table:
    """Return the results, each with the share of the tutorial's excess over the floor that is left."""
    floor = found[0].figures["kid"].value
    tutorial = next((each.figures["kid"].value for each in found if each.name == TUTORIAL), None)
    made = Table(title=f"Samples against the training photos, features: {JUDGE_NAME}")
    for column in ("", "trained", "KID x 1000", "excess, of the tutorial's", *NAMES[1:], "named as its class"):
        made.add_column(column)
    for each in found:
        f = each.figures
        excess = f["kid"].value - floor
        left = "" if tutorial is None or each is found[0] else f"{excess / (tutorial - floor):.2f}"
        made.add_row(
            each.name,
            each.trained,
            shown(f["kid"], 1000),
            left,
            *(shown(f[name]) for name in NAMES[1:]),
            shown(each.named),
        )
    return made


def parse_limit(given: str) -> tuple[str, int]:
    """Return a run's name and its iterations, given as name=iterations."""
    name, _, iterations = given.partition("=")
    return name, int(iterations)


def main() -> None:
    """Train, measure, print."""
    options = parser(__doc__, "the photos, with train/, val/ and test/, or the folder of Fashion-MNIST's files")
    options.add_argument("--data", choices=("products", "fashion_mnist"), default="products")
    options.add_argument("--share", type=float, default=1.0, help="of the training photos that every contender gets")
    options.add_argument("--only", nargs="*", choices=(TUTORIAL, *CONTENDERS))
    options.add_argument(
        "--iterations",
        nargs="*",
        type=parse_limit,
        default=[],
        help="of a run, beside the minutes: where other work shares the CPU",
    )
    arguments = options.parse_args()
    begin(arguments)
    console, start, found = Console(width=160), time.monotonic(), []
    for each in results(arguments):
        found.append(each)
        console.print(f"{each.name}: {each.trained}; " + ", ".join(f"{k} {shown(v)}" for k, v in each.figures.items()))
    made = table(found)
    console.print(made, f"{(time.monotonic() - start) / 60:.0f} minutes in all; {torch.get_num_threads()} threads")
    write(found, made, arguments)


if __name__ == "__main__":
    main()
