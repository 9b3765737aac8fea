"""Compare enhancement networks on the same photos: `python -m gan_lab.compare input=/photos output=/compared`."""

from __future__ import annotations

import json
import logging
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from omegaconf import DictConfig, ListConfig
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gan_lab.commands.enhance import DECIDING, list_settings, thresholds, worker
from gan_lab.config import Command, parse_trust
from gan_lab.errors import UserError
from gan_lab.evaluation.pairs import COLUMNS, PairFigures, describe_figures, load_judge
from gan_lab.inference import Pretrained, open_checkpoint
from gan_lab.inference.enhancement import Finish
from gan_lab.inference.restoration import Wish, with_channels
from gan_lab.inference.sizes import Scale, plan_size
from gan_lab.jobs import Progress, plan_job, report_job, run_job
from gan_lab.jobs.comparison_page import Compared, write_comparison
from gan_lab.jobs.folder import Plan, output_folder
from gan_lab.jobs.options import check_photo_options
from gan_lab.metrics.no_reference import estimate_noise, measure_sharpness
from gan_lab.networks import PerceptualDistance
from gan_lab.photo_files import UnreadableImage, list_folder, read_image, read_size
from gan_lab.storage import write_atomically
from gan_lab.terminal import printable

log = logging.getLogger("gan_lab.compare")

#: Figures of the guard that the table shows, and of results on their own, in the order of its columns.
GUARDED = ("hue_drift", "colour_drift", "edge_drift", "detail_lost", "detail_invented")
ALONE = {"noise": "noise, levels", "sharpness": "sharpness, levels a pixel"}
#: Names that no network's folder may have: those of what lies beside it, and of pictures on the page.
RESERVED = ("compare.html", "compare.json", "before", "reference")
#: The smallest side that a photo's figures are measured on: SSIM has windows of 7 pixels.
SMALLEST_SIDE = 7


@dataclass
class Contender:
    """A network and how it fared.

    Attributes:
        name: of its folder in `output`.
        tool: the network.
        plan: its job.
        records: of the photos, by their path.
        figures: means over the photos that every contender has a result of, by name.
        measured: figures of each photo, by its path.
    """

    name: str
    tool: Pretrained
    plan: Plan
    records: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    figures: dict[str, float] = field(default_factory=dict)
    measured: dict[str, dict[str, float]] = field(default_factory=dict)


def compare(config: DictConfig) -> None:
    """Enhance the photos of `input` with each of `checkpoints`, measure the results, and write a table and a page."""
    wish = Wish(config.correct, config.scale, config.strength, config.tile)
    check_photo_options(config, guard__enabled=config.guard.enabled)
    guard = thresholds(config.guard)
    output = output_folder(config.output)
    photos = plan_job(config.input, output, config.format)
    references = None if config.reference is None else find_references(photos, config.reference, wish.scale)
    contenders = open_contenders(config, wish, output)
    check_places(photos, contenders, output, config.reference)
    torch.manual_seed(config.seed)
    settings = {name: value for name, value in list_settings(config).items() if name in DECIDING}
    failed = False
    for contender in contenders:
        tool = contender.tool
        log.info("%s: %s", contender.name, tool.choice)
        own = settings | {"command": "compare", "model": tool.name, "model_sha256": tool.sha256}
        work = worker(tool, wish, guard, Finish(), own, config.max_result_pixels)
        outcome = run_job(contender.plan, work, settings=own, verb=f"enhancing with {contender.name}", jobs=config.jobs)
        if outcome.signal is not None:
            report_job(outcome, "enhanced")
        failed = failed or bool(outcome.exit_code)
        contender.records = {str(record["path"]): record for record in outcome.records}
    complete = list_complete(contenders)
    judge = None if references is None else load_judge(contenders[0].tool.device)
    measure(contenders, complete, references, judge)
    distances = {} if references is None else describe_figures(judge)
    write(config, output, photos, contenders, complete, references, distances)
    if failed:
        print("failed       some photos; each folder's manifest.jsonl says which, and why")
        raise SystemExit(1)


def open_contenders(config: DictConfig, wish: Wish, output: Path) -> list[Contender]:
    """Open every network, and plan its job in a folder of its name.

    Raises:
        UserError: there are none, one is given twice, or one cannot do what is asked for.
    """
    given = config.checkpoints
    if not isinstance(given, ListConfig | list) or not given or not all(isinstance(each, str) for each in given):
        raise UserError(f"checkpoints={given}: needs a list of networks, as checkpoints=[faithful,vivid]")
    if twice := [each for each, times in Counter(given).items() if times > 1]:
        raise UserError(f"checkpoints={list(given)}: {twice[0]} is given twice; name each once")
    tools = []
    for each in given:
        tool = open_checkpoint(each, config.device, config.precision, parse_trust(config.trust))
        tool.require("restoration")
        assert tool.restoration is not None
        try:
            tool.restoration.check(wish)
        except UserError as error:
            raise UserError(f"checkpoints: of {each}, {error}") from error
        tools.append(tool)
    return [
        Contender(name, tool, plan_job(config.input, output / name, config.format))
        for name, tool in zip(name_folders(given, tools), tools, strict=True)
    ]


def name_folders(given: Sequence[str], tools: Sequence[Pretrained]) -> list[str]:
    """Return a folder's name for each network: that of its run's folder or file, with a number where it is taken."""
    names: list[str] = []
    for each, tool in zip(given, tools, strict=True):
        path = Path(each).expanduser()
        wanted = path.resolve().name if path.is_dir() else tool.path.stem if tool.model is None else path.stem
        if not wanted or wanted.casefold() in RESERVED:
            wanted = f"{wanted}-network"
        taken = {name.casefold() for name in names}
        name, number = wanted, 1
        while name.casefold() in taken:
            number += 1
            name = f"{wanted}-{number}"
        names.append(name)
    return names


def check_places(photos: Plan, contenders: Sequence[Contender], output: Path, reference: str | None) -> None:
    """Check that nothing that is written takes the place of a photo or a reference.

    Raises:
        UserError: it would.
    """
    sources = {os.path.realpath(task.source) for task in photos.tasks}
    for name in ("compare.html", "compare.json"):
        if os.path.realpath(output / name) in sources:
            raise UserError(f"output={output}: {name} would replace a photo of the input; name another folder")
    if reference is None:
        return
    truth = Path(os.path.realpath(Path(reference).expanduser()))
    for contender in contenders:
        own = Path(os.path.realpath(contender.plan.output))
        if own.is_relative_to(truth) or truth.is_relative_to(own):
            raise UserError(
                f"output={output}: the results of {contender.name} would lie among the pictures of reference={reference}; name "
                "another folder"
            )


def find_references(photos: Plan, folder: str, scale: Scale) -> dict[str, Path]:
    """Return the reference of each photo that has one, by the photo's path.

    Raises:
        UserError: there is no such folder, it has a reference for none of the photos, or one of another size than results.
    """
    root = Path(folder).expanduser()
    if not root.is_dir():
        raise UserError(f"reference={folder}: is no folder; name one with pictures of the photos' names")
    by_stem: dict[str, list[str]] = {}
    for name in list_folder(root).photos:
        by_stem.setdefault(fold_stem(name), []).append(name)
    references = {}
    for task in photos.tasks:
        there = by_stem.get(fold_stem(task.name), [])
        there = [task.name] if task.name in there else there
        if len(there) > 1:
            raise UserError(f"reference={folder}: {there[0]} and {there[1]} are both of {task.name}; leave one there")
        if there:
            references[task.name] = root / there[0]
    if not references:
        raise UserError(f"reference={folder}: has a picture for none of the {len(photos.tasks)} photos; name another")
    for photo, path in references.items():
        try:
            wide, high = read_size(path)
        except UnreadableImage as error:
            raise UserError(f"reference={folder}: {error}; repair it, or take it out") from error
        try:
            width, height = read_size(photos.root / photo)
        except UnreadableImage:  # its job will say so
            continue
        asked = plan_size(scale, height, width)[1]
        if (high, wide) != asked:
            raise UserError(
                f"reference={folder}: {photo} is {wide}x{high} there, and a result {asked[1]}x{asked[0]}; give "
                "pictures of that size, or another scale="
            )
    if missing := len(photos.tasks) - len(references):
        log.warning("reference=%s: has none for %d photos, which are left out of the figures", folder, missing)
    return references


def fold_stem(name: str | Path) -> str:
    """Return a relative path without its suffix, in lower case."""
    return Path(name).with_suffix("").as_posix().casefold()


def list_complete(contenders: Sequence[Contender]) -> list[str]:
    """Return the photos that every network has a result of."""
    return [
        path
        for path in contenders[0].records
        if all(contender.records.get(path, {}).get("status") == "done" for contender in contenders)
    ]


def measure(
    contenders: Sequence[Contender],
    complete: Sequence[str],
    references: Mapping[str, Path] | None,
    judge: PerceptualDistance | None,
) -> None:
    """Measure the results, against the references if there are any, and average each figure over the photos."""
    paths = [path for path in complete if references is None or path in references]
    with Progress("measuring", len(paths) * len(contenders)) as progress:
        for contender in contenders:
            for path in paths:
                record = contender.records[path]
                pixels = read_image(contender.plan.output / record["output"])
                figures = {name: float(value) for name, value in record["figures"].items()}
                if min(pixels.shape[:2]) >= SMALLEST_SIDE:
                    if references is not None:
                        figures |= compare_with(references[path], pixels, judge)
                    figures |= {"noise": estimate_noise(pixels), "sharpness": measure_sharpness(pixels)}
                contender.measured[path] = figures
                progress.advance()
            names = {name for figures in contender.measured.values() for name in figures}
            for name in names:
                values = [figures[name] for figures in contender.measured.values() if name in figures]
                contender.figures[name] = sum(values) / len(values)


def compare_with(reference: Path, pixels: NDArray[np.uint8], judge: PerceptualDistance | None) -> dict[str, float]:
    """Return the distances of a result to its reference, by name; none where that cannot be read, which is said."""
    try:
        gt = with_channels(read_image(reference), pixels.shape[2])
    except UnreadableImage as error:
        log.warning("%s; left out of the figures", error)
        return {}
    pair = PairFigures(judge)
    pair.update(*(torch.from_numpy(each).permute(2, 0, 1)[None] for each in (pixels, gt)))
    found = pair.compute()
    return {name: found[name] for name in COLUMNS if name in found}


def write(
    config: DictConfig,
    output: Path,
    photos: Plan,
    contenders: Sequence[Contender],
    complete: Sequence[str],
    references: Mapping[str, Path] | None,
    distances: Mapping[str, object],
) -> None:
    """Print the table, and write it to `compare.json` and `compare.html`."""
    judged = [name for name in COLUMNS if any(name in each.figures for each in contenders)]
    shown = [*judged, *(name for name in GUARDED if config.guard.enabled and not judged), *ALONE]
    heads = {name: COLUMNS[name][0] for name in judged} | ALONE
    columns = [heads.get(name, name.replace("_", " ")) for name in shown]
    rows = [
        [
            each.name,
            *count_verdicts(each, complete),
            seconds_of(each, complete),
            *(cell(each.figures, name) for name in shown),
        ]
        for each in contenders
    ]
    head = ["", "accepted", "softened", "kept", "seconds a photo", *columns]
    title = f"{len(complete)} photos, scale {config.scale}, correct {config.correct}"
    table = Table(title=title)
    for name in head:
        table.add_column(name, justify="left" if not name else "right")
    for row in rows:
        table.add_row(*map(escape, row))  # a name may look like Rich's markup
    Console(width=max(120, 14 * len(head))).print(table)
    settings = list_settings(config)
    protocol = {
        "photos": len(complete),
        "left_out": sorted({task.name for task in photos.tasks} - set(complete)),
        "references": None if references is None else len(references),
        "seconds": "reading and writing included, of the call that made the photo: "
        f"{config.jobs} at once and {torch.get_num_threads()} threads in this one",
        "noise": "Immerkaer 1996, levels of 255; texture counts as noise",
        "sharpness": "mean gradient of the steepest 2 % of places, levels of 255 a pixel",
        **distances,
    }
    content = {
        "protocol": protocol,
        "settings": settings,
        "contenders": [
            {
                "name": each.name,
                "checkpoint": given,
                "sha256": each.tool.sha256,
                "figures": each.figures,
                "photos": each.measured,
            }
            for each, given in zip(contenders, config.checkpoints, strict=True)
        ],
    }
    with write_atomically(output / "compare.json") as file:
        file.write(json.dumps(content, indent=1, allow_nan=False).encode())
    page = write_comparison(
        output,
        photos.root,
        [Compared(each.name, each.plan.output, each.records, each.measured) for each in contenders],
        references or {},
        title=f"Compared: {', '.join(each.name for each in contenders)}",
        head=head,
        rows=rows,
        columns=dict(zip(shown, columns, strict=True)),
        settings=settings | {"protocol": protocol},
    )
    print(f"figures      {printable(str(output / 'compare.json'))}")
    print(f"page         {printable(str(page))}", flush=True)


def count_verdicts(contender: Contender, complete: Sequence[str]) -> list[str]:
    """Return how many photos the guard accepted, softened and kept; nothing without a guard."""
    counts = Counter(contender.records[path]["verdict"] for path in complete)
    if counts["unguarded"]:
        return ["", "", ""]
    return [f"{counts['accept']} of {len(complete)}", str(counts["softened"]), str(counts["kept"])]


def seconds_of(contender: Contender, complete: Sequence[str]) -> str:
    """Return the mean of the seconds that a photo took; empty where there is none."""
    seconds = [float(contender.records[path]["seconds"]) for path in complete]
    return f"{sum(seconds) / len(seconds):.2f}" if seconds else ""


def cell(figures: Mapping[str, float], name: str) -> str:
    """Return a figure with as many digits as its column has; empty where there is none."""
    if name not in figures:
        return ""
    return f"{figures[name]:.{COLUMNS[name][1] if name in COLUMNS else 3}f}"


COMMAND = Command(compare)
