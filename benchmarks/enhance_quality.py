"""Print the quality of enhancement on photos never trained on, beside the traditional methods and the figures to reach.

    python -m benchmarks.enhance_quality --photos /photos/products/test [--every 4] [--traditional-every 20]
        [--checkpoint faithful vivid] [--tasks noise25 sr2] [--json out.json] [--markdown out.md] [--examples out/]

The protocol is in `enhance_protocol.py`, the methods in `enhance_methods.py`. One blind model serves every task: it is
given the pixels, the scale and in `holes` the mask, never the task. Figures are means over the photos of PSNR in dB,
SSIM (uniform 7x7 windows) and CIEDE2000 on 8-bit sRGB; a photo that comes out untouched counts with 60 dB. Photos are
taken at even steps of the list and keep their place in it, so a subset sees what the whole does. BM3D takes seconds a
photo: `--traditional-every` takes fewer photos for the traditional methods; the model's figures on these stand beside them.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image
from rich.console import Console
from rich.progress import track

from benchmarks.enhance_methods import OPTIONAL, enlarged, methods_for, missing
from benchmarks.enhance_protocol import TASKS, Degraded, Pixels, degrade, find_photos, read_truth
from benchmarks.enhance_tables import Figure, Row, print_tables, write_markdown
from gan_lab import load, metrics
from gan_lab.errors import UserError

UNTOUCHED = 60.0  # dB, the figure of a photo that equals its original
AS_IS = "as is"

Model = Callable[[Degraded, str], Pixels]  # what to enhance, and the value of `correct=`
Measured = tuple[float, float, float]
Scores = dict[tuple[str, str, str], Measured]  # by line, kind (as is, traditional, model) and name


@dataclass(frozen=True)
class Line:
    """A line of the table: a task, and what the model is asked to correct in it."""

    name: str
    task: str
    correct: str


@dataclass(frozen=True)
class Job:
    """What to score on one photo."""

    place: int
    path: Path
    lines: Sequence[Line]
    traditional: bool


_models: dict[str, Model] = {}  # one set for each process, opened once


def open_models(checkpoints: Sequence[str], device: str, threads: int | None) -> None:
    """Prepare a process: its threads, and its models by the product's own path."""
    if threads:
        cv2.setNumThreads(threads)
        torch.set_num_threads(threads)
    _models.update({checkpoint: shipped(checkpoint, device) for checkpoint in checkpoints})


def shipped(checkpoint: str, device: str) -> Model:
    """Return a checkpoint as the user has it from Python, with the fidelity guard off: it would hide failures."""
    enhancer = load(checkpoint, device=device)

    def enhance(degraded: Degraded, correct: str) -> Pixels:
        options = {"scale": degraded.scale, "correct": correct, "mask": degraded.mask, "strength": 1.0, "guard": False}
        return np.asarray(enhancer.enhance(degraded.pixels, **options))

    return enhance


def score(job: Job) -> Scores:
    """Return the figures of one photo on every line."""
    truth = read_truth(job.place, job.path)
    scores: Scores = {}
    for line in job.lines:
        degraded = degrade(truth, line.task)
        scores[line.name, AS_IS, AS_IS] = measure(enlarged(degraded), truth.pixels)
        for name, method in methods_for(line.task).items() if job.traditional else ():
            scores[line.name, "traditional", name] = measure(method(degraded), truth.pixels)
        for name, model in _models.items():
            scores[line.name, "model", name] = measure(model(degraded, line.correct), truth.pixels)
    return scores


def measure(pixels: Pixels, truth: Pixels) -> Measured:
    """Return PSNR, SSIM and CIEDE2000 of an image against its original."""
    pred, gt = (torch.from_numpy(np.array(image)).permute(2, 0, 1)[None] for image in (pixels, truth))
    psnr = min(UNTOUCHED, float(metrics.psnr(pred, gt)))
    return psnr, float(metrics.ssim(pred, gt)), float(metrics.ciede2000(pred, gt))


def scored(jobs: Sequence[Job], options: argparse.Namespace) -> Iterator[Scores]:
    """Yield the figures photo by photo, from one process or several."""
    if options.jobs == 1:
        open_models(options.checkpoint, options.device, None)
        yield from map(score, jobs)
        return
    setup = (options.checkpoint, options.device, max(1, (os.cpu_count() or 1) // options.jobs))
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(options.jobs, context, initializer=open_models, initargs=setup) as pool:
        yield from pool.map(score, jobs)


def rows_of(lines: Sequence[Line], all_scores: Sequence[Scores]) -> list[Row]:
    """Return the means over the photos, line by line."""
    gathered: dict[tuple[str, str, str], list[Measured]] = defaultdict(list)
    for scores in all_scores:
        with_traditional = {line for line, kind, _ in scores if kind == "traditional"}
        for (line, kind, name), measured in scores.items():
            gathered[line, kind, name].append(measured)
            if kind == "model" and line in with_traditional:
                gathered[line, "model there", name].append(measured)
    figures = {key: Figure(*np.mean(values, axis=0).tolist(), len(values)) for key, values in gathered.items()}

    def those(line: Line, kind: str) -> dict[str, Figure]:
        return {name: figure for (of, what, name), figure in figures.items() if of == line.name and what == kind}

    rows = []
    for line in lines:
        traditional = sorted(those(line, "traditional").items(), key=lambda item: -item[1].psnr)
        models, there = those(line, "model"), those(line, "model there")
        rows.append(Row(line.name, those(line, AS_IS)[AS_IS], dict(traditional), models, there))
    return rows


def write_examples(folder: Path, jobs: Sequence[Job], rows: Sequence[Row], lines: Sequence[Line]) -> None:
    """Write strips of the first photos, one file a line: before, the best traditional, each model, the truth."""
    folder.mkdir(parents=True, exist_ok=True)
    for row, line in zip(rows, lines, strict=True):
        best = row.best()
        strips = []
        for job in jobs[:4]:
            truth = read_truth(job.place, job.path)
            degraded = degrade(truth, line.task)
            cells = [enlarged(degraded), *([methods_for(line.task)[best[0]](degraded)] if best else [])]
            cells += [model(degraded, line.correct) for model in _models.values()]
            strips.append(np.hstack([*cells, truth.pixels]))
        Image.fromarray(np.vstack(strips)).save(folder / f"{line.name.replace(', correct=', '-')}.png")


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    home = os.environ.get("GAN_LAB_PHOTOS")
    default = Path(home, "products", "test") if home else None
    parser.add_argument("--photos", type=Path, default=default, help="default: products/test in GAN_LAB_PHOTOS")
    parser.add_argument("--every", type=int, default=1, help="take every k-th photo")
    parser.add_argument("--traditional-every", type=int, help="for the traditional methods; default: as --every")
    parser.add_argument("--checkpoint", nargs="+", default=["faithful"], help="names, runs or files")
    parser.add_argument("--correct", default="all", help="what the model corrects in every task but clean")
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--no-traditional", action="store_true")
    parser.add_argument("--no-model", action="store_const", const=[], dest="checkpoint")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", type=Path)
    parser.add_argument("--examples", type=Path, help="a folder for strips of the first four photos")
    return parser.parse_args()


def lines_of(options: argparse.Namespace) -> list[Line]:
    """Return the lines asked for; a clean photo is one line for each kind of correction."""
    lines = [Line(task, task, options.correct) for task in options.tasks if task != "clean"]
    kinds = ("all", "defects") if "clean" in options.tasks else ()
    return lines + [Line(f"clean, correct={kind}", "clean", kind) for kind in kinds]


def jobs_of(options: argparse.Namespace, lines: Sequence[Line]) -> list[Job]:
    """Return the photos to score, each with whether the traditional methods see it too."""
    if options.photos is None or not options.photos.is_dir():
        raise UserError(f"--photos: {options.photos} (name a folder of photos, or set GAN_LAB_PHOTOS)")
    rare = options.traditional_every or options.every
    if options.every < 1 or rare % options.every:
        raise UserError(f"--traditional-every: {rare} (give a multiple of --every, which is {options.every})")
    found = find_photos(options.photos)
    taken = [
        Job(place, path, lines, place % rare == 0 and not options.no_traditional)
        for place, path in found
        if place % options.every == 0
    ]
    if not taken:
        raise UserError(f"--photos: {options.photos} (no .jpg below it)")
    return taken


def notes_of(options: argparse.Namespace, jobs: Sequence[Job]) -> list[str]:
    notes = [
        f"{len(jobs)} photos of {options.photos.name} (every {options.every}), "
        f"{sum(job.traditional for job in jobs)} of them for the traditional methods; PSNR (dB) / SSIM / CIEDE2000, "
        f"means over the photos, 256x256, 8 bits; an untouched photo counts with {UNTOUCHED:.0f} dB."
    ]
    return notes + ([] if options.no_traditional else missing(OPTIONAL))


def main() -> None:
    options = parsed()
    err = Console(stderr=True)
    try:
        lines = lines_of(options)
        jobs = jobs_of(options, lines)
        results = list(track(scored(jobs, options), "photos", total=len(jobs), console=err))
    except UserError as error:
        err.print(str(error), style="red", markup=False, highlight=False)
        raise SystemExit(1) from None
    rows, notes = rows_of(lines, results), notes_of(options, jobs)
    print_tables(rows, options.checkpoint, notes)
    if options.json:
        options.json.write_text(json.dumps({"notes": notes, "rows": [asdict(row) for row in rows]}, indent=1) + "\n")
    if options.markdown:
        write_markdown(options.markdown, rows, options.checkpoint, notes)
    if options.examples:
        if options.jobs > 1:
            open_models(options.checkpoint, options.device, None)
        write_examples(options.examples, jobs, rows, lines)


if __name__ == "__main__":
    main()
