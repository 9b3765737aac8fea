"""Print what the fidelity guard lets pass and what it catches: good repairs of degraded photos, and faults made on purpose.

    python -m benchmarks.fidelity_guard --photos /photos/products/val [--every 4] [--checkpoint faithful] [--json out.json]

The photos and their degradations are those of `enhance_protocol.py`, the faults those of `fidelity_cases.py`. A good repair
is the original itself, which no repair reaches; so the alarms on it are more than those on a repair that keeps to what the
degraded photo shows. A fault is made on the original, and the guard sees it beside the original as it is and degraded.
With `--checkpoint` the guard also judges that model's own repairs. The thresholds are the defaults.
"""

from __future__ import annotations

import argparse
import json
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np
import torch
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.enhance_protocol import TASKS, Degraded, Truth, degrade, find_photos, read_truth
from benchmarks.fidelity_cases import FAULTS, Pixels
from gan_lab.fidelity.figures import measure_fidelity
from gan_lab.fidelity.guard import Thresholds, failures, guard
from gan_lab.imaging.traditional import sharpening

Figures = dict[str, float]
#: What the faults are hidden under.
SEEN = ("clean", "noise25", "jpeg20", "dark", "cast", "mixed")


def good_repairs(truth: Truth) -> Iterator[tuple[str, Degraded, Pixels]]:
    """Yield photos with their best repair."""
    for task in TASKS:
        yield task, degrade(truth, task), truth.pixels
    yield "out of focus", Degraded(cv2.GaussianBlur(truth.pixels, (0, 0), 1.0)), truth.pixels
    yield "sharpened", Degraded(truth.pixels), sharpening(truth.pixels)


def faults(truth: Truth) -> Iterator[tuple[str, str, Degraded, Pixels]]:
    """Yield photos with a repair that altered the product."""
    for name, fault in FAULTS.items():
        rng = np.random.default_rng(zlib.crc32(f"{truth.place:03d}/{name}".encode()))
        product, altered = fault(truth.pixels, rng)
        for task in SEEN:
            yield name, task, degrade(Truth(product, truth.place), task), altered


def calibrate(truths: Iterator[Truth]) -> tuple[dict[str, list[Figures]], dict[str, dict[str, list[Figures]]]]:
    """Return the guard's figures of good repairs by kind, and of faults by fault and degradation."""
    good: dict[str, list[Figures]] = defaultdict(list)
    bad: dict[str, dict[str, list[Figures]]] = defaultdict(lambda: defaultdict(list))
    for truth in truths:
        for kind, degraded, after in good_repairs(truth):
            good[kind].append(measure_fidelity(degraded.pixels, after, ignore=degraded.mask))
        for name, task, degraded, after in faults(truth):
            bad[name][task].append(measure_fidelity(degraded.pixels, after))
    return good, bad


def print_good(good: dict[str, list[Figures]], limits: Thresholds, console: Console) -> None:
    names = list(asdict(limits))
    table = Table(title="Good repairs: the share that the guard objects to, and each figure's 98th percentile")
    for heading in (
        "repair",
        "photos",
        "objected to",
        *(f"{name}\n<= {limit:g}" for name, limit in asdict(limits).items()),
    ):
        table.add_column(heading.replace("_", " "), justify="left" if heading == "repair" else "right")
    for kind, figures in good.items():
        high = [f"{np.percentile([each[name] for each in figures], 98):.3g}" for name in names]
        table.add_row(kind, str(len(figures)), share(figures, limits), *high)
    together = [each for figures in good.values() for each in figures]
    table.add_row("all", str(len(together)), share(together, limits), *("" for _ in names))
    console.print(table)


def print_faults(bad: dict[str, dict[str, list[Figures]]], limits: Thresholds, console: Console) -> None:
    table = Table(title="Faults: the share that the guard catches, beside the photo as it is and degraded")
    table.add_column("fault")
    for task in (*SEEN, "all"):
        table.add_column(task, justify="right")
    for name, by_task in bad.items():
        together = [each for figures in by_task.values() for each in figures]
        table.add_row(name, *(share(by_task[task], limits) for task in SEEN), share(together, limits))
    columns = {task: [each for by_task in bad.values() for each in by_task[task]] for task in SEEN}
    together = [each for column in columns.values() for each in column]
    table.add_row("all", *(share(column, limits) for column in columns.values()), share(together, limits))
    console.print(table)


def share(figures: list[Figures], limits: Thresholds) -> str:
    """Return in per cent how many have a figure beyond its limit."""
    return f"{100 * np.mean([bool(failures(each, limits)) for each in figures]):.1f} %"


def print_model(
    truths: Iterator[Truth], model: Callable[[Degraded, str], Pixels], name: str, limits: Thresholds, console: Console
) -> None:
    verdicts: dict[str, list[str]] = defaultdict(list)
    reasons: dict[str, list[str]] = defaultdict(list)
    for truth in truths:
        for task in TASKS:
            degraded = degrade(truth, task)
            judged = guard(degraded.pixels, model(degraded, "all"), limits, ignore=degraded.mask)
            verdicts[task].append(judged.verdict)
            reasons[task] += [" ".join(reason.split()[:2]) for reason in judged.reasons[:1]]
    table = Table(title=f"Repairs by {name}: the guard's verdicts")
    for heading in ("task", "photos", "accept", "softened", "kept", "first reason, mostly"):
        table.add_column(heading, justify="left" if heading in ("task", "first reason, mostly") else "right")
    for task, all_of_them in verdicts.items():
        parts = [
            f"{100 * all_of_them.count(verdict) / len(all_of_them):.1f} %" for verdict in ("accept", "softened", "kept")
        ]
        usual = max(set(reasons[task]), key=reasons[task].count) if reasons[task] else ""
        table.add_row(task, str(len(all_of_them)), *parts, usual)
    console.print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--photos", type=Path, required=True, help="a folder of .jpg product photos, with its subfolders"
    )
    parser.add_argument("--every", type=int, default=1, help="take each n-th photo")
    parser.add_argument(
        "--checkpoint", help="also judge the repairs of this model: a name or a path, as in gan_lab.load"
    )
    parser.add_argument("--device", default="auto", help="of the model")
    parser.add_argument("--json", type=Path, help="write all figures here")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    photos = find_photos(options.photos)[:: options.every]
    if not photos:
        parser.error(f"--photos {options.photos}: no .jpg in it")

    def truths(what: str) -> Iterator[Truth]:
        for place, path in track(photos, what, console=Console(stderr=True)):
            yield read_truth(place, path)

    console, limits = Console(width=150), Thresholds()
    good, bad = calibrate(truths("measuring"))
    if options.json:
        options.json.write_text(json.dumps({"limits": asdict(limits), "good": good, "faults": bad}))
    print_good(good, limits, console)
    print_faults(bad, limits, console)
    if options.checkpoint:
        from enhance_quality import shipped

        print_model(
            truths("repairing"), shipped(options.checkpoint, options.device), options.checkpoint, limits, console
        )


if __name__ == "__main__":
    main()
