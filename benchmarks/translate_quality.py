"""Train this project's translators for the same minutes on the same two folders, and compare what they make of held-out photos.

    python -m benchmarks.translate_quality --root /photos/unpaired_cc0 --minutes 30 --work runs/translate_quality
        [--only cyclegan foreground cut ...] [--size 64] [--width 32] [--blocks 6] [--layers 2] [--markdown out.md]

Every contender is a run of gan_lab.train of so many minutes of wall clock, one after the other, and is measured by
gan_lab.evaluate on the photos held out: the kernel distance to the training photos of the target domain, in the features of
EfficientNet-Lite2 trained on ImageNet, by which nothing is trained and nothing chosen (ADR 33); how far the product moved,
CIEDE2000 where a cut-out of the photo is certain; and the PSNR of photos brought there and back; and, on the way to B, on how
many the border is light and grey, much as `unpaired_cc0`'s B was chosen, and how strong a grid of 2 or 4 pixels lies on the
pictures, in levels of 255 (the doctor's figure). Two baselines stand in the same table: nothing done, and the product cut out
on white. Of a run the checkpoint is taken that the commands take: the best by its own validation, in EfficientNet-Lite1's
features, on a tenth of the training photos that were set apart; testA/ and testB/ are seen at the end alone. Of each run a
grid: A, fake B, back to A, A by the generator that makes A; then the reverse. What `--work` holds already is not trained again.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from benchmarks.contest import JUDGE_NAME, begin, parser, run, still_batches, trained, write
from gan_lab.evaluation.extractors import JUDGE_KEY
from gan_lab.evaluation.translation import place_on_white
from gan_lab.metrics import to_uint8
from gan_lab.metrics.health import grid_levels
from gan_lab.photo_files import grid, write_png

#: Photos of a grid, a row each.
SHOWN = 8
#: A discriminator of ImageNet features in the place of the one of patches.
PROJECTED = "model/discriminator=projected"
#: What each contender adds to the command line of gan_lab.train; CycleGAN is the authors' but for its size.
CONTENDERS = {
    "cyclegan": ["model=cyclegan"],
    "foreground": ["model=cyclegan", "model.lambda_foreground=1"],
    "cut": ["model=cut"],
    "antialiased": ["model=cyclegan", "model.generator.resampling=antialiased"],
    "resize": ["model=cyclegan", "model.generator.resampling=resize"],
    "ema": ["model=cyclegan", "model.ema_half_life=500"],
    "diffaugment": ["model=cyclegan", "model/augment=diffaugment"],
    "hinge_spectral": [
        "model=cyclegan", "model.adversarial._target_=gan_lab.losses.Hinge", "model.discriminator.norm=none",
        "model.discriminator.spectral=true",
    ],
    "foreground_antialiased": [
        "model=cyclegan", "model.lambda_foreground=1", "model.generator.resampling=antialiased", "model.ema_half_life=500"
    ],
    "change_ground": ["experiment=change_ground"],
    "cut_attention": [
        "model=cut", "model.lambda_foreground=10", "model.generator.attention=true", "model.ema_half_life=500",
    ],
    "residual": [
        "model=cyclegan", "model.lambda_foreground=1", "model.generator.resampling=antialiased", "model.ema_half_life=500",
        "++model.generator.global_residual=true",
    ],
    "resize_hinge": [
        "model=cyclegan", "model.generator.resampling=resize", "model.adversarial._target_=gan_lab.losses.Hinge",
        "model.discriminator.norm=none", "model.discriminator.spectral=true",
    ],
    "projected": [
        "model=cyclegan", "model.generator.resampling=resize", "model.adversarial._target_=gan_lab.losses.Hinge",
        PROJECTED, "model.lambda_perceptual=0.5",
    ],
    "change_ground_perceptual": ["experiment=change_ground", "model.lambda_perceptual=0.5"],
    "change_ground_projected": [
        "experiment=change_ground", "model.adversarial._target_=gan_lab.losses.Hinge", PROJECTED, "~model.discriminator.layers",
    ],
    "cut_foreground": [
        "model=cut", "model.lambda_foreground=10", "model.lambda_nce=0.1", "model.ema_half_life=500",
        "++model.generator.global_residual=true", "++model.discriminator.norm=none", "++model.discriminator.spectral=true",
    ],
}  # fmt: skip


@dataclass(frozen=True)
class Result:
    """What a contender reached, or a baseline, by direction: the figures of gan_lab.evaluate with their intervals."""

    name: str
    trained: str
    figures: dict[str, dict[str, dict[str, float]]]
    plain: list[int]  # of translations to B: those with a light grey ground, and all
    grid: float  # of translations to B, in levels of 255


def grounds(images: Tensor) -> list[int]:
    """Return how many of images [N, C, H, W] in [-1, 1] have a light grey ground, and N.

    On a border strip of 5/64 of each side: median brightness > 150, and median of max - min < 25. Medians, because a square
    cut out of a photo has parts of the product at its border.
    """
    pixels = to_uint8(images).float()
    height, width = pixels.shape[-2:]
    inner = torch.ones(height, width, dtype=torch.bool)
    inner[: height * 5 // 64] = inner[-(height * 5 // 64) :] = False
    inner[:, : width * 5 // 64] = inner[:, -(width * 5 // 64) :] = False
    strip = pixels[..., ~inner]
    brightness, saturation = strip.mean(dim=1), strip.amax(dim=1) - strip.amin(dim=1)
    plain = (brightness.median(dim=1).values > 150) & (saturation.median(dim=1).values < 25)
    return [int(plain.sum()), len(plain)]


def evaluated(name: str, arguments: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """Return the figures of a run, by direction."""
    folder = arguments.work / name
    figures = folder / "evaluation" / "metrics.json"
    if not figures.exists():
        command = ["-m", "gan_lab.evaluate", f"checkpoint={folder}", "device=cpu"]
        run([*command, f"output={folder / 'evaluation'}", f"extractor={JUDGE_KEY}"], arguments.work / f"{name}.log")
    return json.loads(figures.read_text())["figures"]


@torch.no_grad()
def picture(model: Any, pairs: list[dict[str, Tensor]], file: Path) -> None:
    """Draw rows of A, fake B, back to A and A kept, then the reverse; without a way back, A, fake B, B and B kept."""
    real = {side: torch.cat([batch[side] for batch in pairs])[:SHOWN] for side in "AB"}
    columns = []
    for there in model.directions:
        source, target = there
        fake = model.translate(real[source], there)
        if there[::-1] in model.directions:
            back = model.translate(fake, there[::-1])
            columns += [real[source], fake, back, model.translate(real[source], there[::-1])]
        else:
            columns += [real[source], fake, real[target], model.translate(real[target], there)]
    cells = torch.stack(columns, dim=1).flatten(0, 1)
    write_png(file, grid(to_uint8(cells).permute(0, 2, 3, 1).numpy(), len(columns)))


def results(arguments: argparse.Namespace) -> Iterator[Result]:
    """Yield each contender when it has trained, the baselines after the first."""
    data = ["data=products", f"data.root={arguments.root}", f"data.image_size={arguments.size}"]
    pairs = still_batches("test", data, "unpaired")
    real = {side: torch.cat([batch[side] for batch in pairs]) for side in "AB"}
    size = [f"model.generator.width={arguments.width}", f"model.generator.blocks={arguments.blocks}"]
    patches = [f"model.discriminator.width={arguments.width}", f"model.discriminator.layers={arguments.layers}"]
    for number, name in enumerate(arguments.only or CONTENDERS):
        options = CONTENDERS[name]
        tool = trained(name, [*options, *data, *size, *([] if PROJECTED in options else patches)], arguments)
        picture(tool.model, pairs, arguments.work / f"{name}.png")
        figures = evaluated(name, arguments)
        if number == 0:
            for method, title, ground in (
                ("as_is", "as it is", real["A"]),
                ("cut_out", "cut out on white", place_on_white(real["A"])),
                ("floor", "target domain itself", real["B"]),
            ):
                ways = {way: of_method(each, method) for way, each in figures.items()}
                yield Result(title, "", ways, grounds(ground), grid_levels(ground))
        ways = {way: of_method(each, "translated") for way, each in figures.items()}
        with torch.no_grad():
            fakes = torch.cat([tool.model.translate(part, "AB") for part in real["A"].split(8)])
        yield Result(name, f"{tool.model.iteration} iterations", ways, grounds(fakes), grid_levels(fakes))


def of_method(figures: dict[str, Any], method: str) -> dict[str, dict[str, float]]:
    """Return the figures of one method, with the upper ends of their intervals, of those that gan_lab.evaluate names."""
    names = {"kid": f"kid_{JUDGE_KEY}_{method}", "drift": f"product_ciede2000_{method}"}
    names |= {"cycle": "cycle_psnr"} if method == "translated" else {}
    high = {name: ends[1] for name, ends in figures["intervals"].items()}
    return {short: {"value": figures[name], "high": high[name]} for short, name in names.items() if name in figures}


def cell(figures: dict[str, dict[str, float]], name: str, factor: float = 1.0) -> str:
    """Return a figure with half of its interval; empty where there is none."""
    if name not in figures:
        return ""
    value, high = figures[name]["value"], figures[name]["high"]
    return f"{factor * value:.2f} ± {factor * (high - value):.2f}"


def table(found: list[Result]) -> Table:
    """Return the results; `share` is the distance in parts of doing nothing's."""
    made = Table(title=f"Translations of photos held out, KID in features of {JUDGE_NAME}")
    columns = ["", "trained"]
    for way in ("A to B", "B to A"):
        columns += [f"KID x 1000, {way}", "of doing nothing's", "product moved, dE", "there and back, dB"]
    columns[6:6] = ["light grey ground", "grid, levels"]
    for column in columns:
        made.add_column(column)
    nothing = {way: each["kid"]["value"] for way, each in found[0].figures.items()}
    for each in found:
        row = [each.name, each.trained]
        for way in ("AB", "BA"):
            figures = each.figures.get(way, {})
            share = f"{figures['kid']['value'] / nothing[way]:.2f}" if "kid" in figures else ""
            row += [cell(figures, "kid", 1000), share, cell(figures, "drift"), cell(figures, "cycle")]
        row[6:6] = [f"{each.plain[0]} of {each.plain[1]}", f"{each.grid:.1f}"]
        made.add_row(*row)
    return made


def main() -> None:
    """Train, measure, print."""
    options = parser(__doc__, "the photos: trainA/, trainB/, testA/ and testB/")
    options.add_argument("--size", type=int, default=64, help="of the photos, in pixels")
    options.add_argument("--width", type=int, default=32, help="of both networks; 64 is the authors'")
    options.add_argument("--blocks", type=int, default=6, help="of the generators; 9 is the authors'")
    options.add_argument(
        "--layers", type=int, default=2, help="of the discriminators; 3, which see 70 pixels, is the authors'"
    )
    options.add_argument("--only", nargs="*", choices=tuple(CONTENDERS))
    arguments = options.parse_args()
    begin(arguments)
    console, found = Console(width=200), []
    for each in results(arguments):
        found.append(each)
        console.print(f"{each.name}: {each.trained}")
    made = table(found)
    console.print(made, f"{torch.get_num_threads()} threads")
    write(found, made, arguments)


if __name__ == "__main__":
    main()
