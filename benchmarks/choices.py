"""Time what gan_lab does for speed, each with it and without.

    python -m benchmarks.choices [memory spectral_norm checkpointing tools png cache start ...] [--photos folder]
        [--generator run] [--rounds 3] [--seconds 8] [--markdown out.md]

memory: whether glibc keeps what tensors give back, in a VAE's, a DCGAN's and a CycleGAN's training at 128 pixels, and for two
    photos of 12 megapixels enhanced.
spectral_norm: all weights of SNGAN's discriminator, divided once and differentiated once, by torch's and by gan_lab's.
calls: CycleGAN's networks given two domains' images in one call, or in two; batch 1.
fakes: DCGAN's fakes made once for both updates, or once for each.
norm: instance norm of a single image's 256 features of 32x32, forward and backward, as torch's layer, as a group norm with a
    group a channel, and as the batch norm of that image, which `gan_lab.networks.InstanceNorm2d` takes on a CPU.
layout: DCGAN, the VAE and CycleGAN in NCHW and in channels last, in the precision that `auto` chooses.
checkpointing: CycleGAN at 256 pixels, batch 1, with `gradient_checkpointing`.
tools: a photo of 1 megapixel enhanced by the shipped restorer, fp32 and bf16, and how far the results are apart, in levels of
    255; with --generator, 64 images of that run as well.
guard: a photo of 0.25 and of 1 megapixel enhanced with the fidelity guard, and the guard's part of that.
png: levels of PNG's compression on photos of 400 and of 64 pixels.
cache: 400 photos of 512x512 for 128 pixels, read twice: a first start and the next one, decoded to memory and to a file
    (`data.cache`).
start: from the command `gan_lab.train` to its first step and to its end, one iteration of a DCGAN on the photos, with a
    validation, a grid and a checkpoint; its imports alone; and torch alone: its import and a step of an optimiser.
enhance_start: from the command `gan_lab.enhance` to its end, one photo of 200x150; and torch's import alone.

Every side is a process of its own, the sides in turns; medians over rounds, and what each takes of the first side's. Photos:
those of --photos, else pictures that are drawn.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from omegaconf import open_dict
from PIL import Image
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrize import is_parametrized

import gan_lab
from benchmarks.contest import write
from benchmarks.growth import output
from benchmarks.loops import with_torchs_spectral_norm
from benchmarks.speed_tools import CASES as TOOLS
from benchmarks.speed_tools import write_noisy
from benchmarks.speed_training import CASES as TRAININGS
from benchmarks.speed_training import OWN, Timed, steps, train, write_photos
from gan_lab.config import compose, instantiate
from gan_lab.data import Products
from gan_lab.fidelity.guard import guard as judge
from gan_lab.hardware import Way, choose, keep_freed_memory, peak_memory
from gan_lab.run.device import prepare_process
from gan_lab.run.parts import build_parts

Figures = dict[str, float]


@dataclass(frozen=True)
class Result:
    """What a side of a case measured, the median of each figure."""

    case: str
    side: str
    figures: Figures


@dataclass(frozen=True)
class Work:
    """What a side's process is given."""

    photos: Path
    scratch: Path
    seconds: float
    generator: str | None


def training(name: str, work: Work, **settings: Any) -> Figures:
    """Train as gan_lab.train does."""
    with tempfile.TemporaryDirectory() as runs:
        config = TRAININGS[name].config(work.photos, runs, "cpu", False)
        with open_dict(config):
            config.trainer.layout = settings.pop("layout", "auto")
            config.update(settings)
        prepare_process(config)
        timed = Timed(work.seconds, time.perf_counter(), warm_up=3)
        train(config, Path(runs) / "speed", timed)
        return {"ms": timed.measured(1).ms, "peak MB": peak_memory()}


def memory(name: str, side: str, work: Work) -> Figures:
    """Compute with freed memory kept, or returned to the system."""
    if side.endswith("kept"):
        assert keep_freed_memory()
    if name in TRAININGS:
        return training(name, work)
    return {"ms": TOOLS[name].measure(OWN, work.seconds, work.photos, "cpu").ms, "peak MB": peak_memory()}


def laid_out(name: str, side: str, work: Work) -> Figures:
    """Train in a memory layout."""
    keep_freed_memory()
    return training(name, work, layout=side)


def spectral_norm(side: str, work: Work) -> Figures:
    """Divide the weights of SNGAN's discriminator by their largest singular values, and differentiate."""
    keep_freed_memory()
    discriminator = instantiate(compose("train", ["model=sngan"]).model.discriminator)
    if side == "torch's":
        with_torchs_spectral_norm(discriminator)
    discriminator.to(memory_format=torch.channels_last)
    layers = [layer for layer in discriminator.modules() if is_parametrized(layer, "weight")]
    gradients = [torch.randn_like(layer.weight) for layer in layers]
    times: list[tuple[float, float]] = []
    while sum(map(sum, times)) < work.seconds:
        discriminator.zero_grad()
        began = time.perf_counter()
        weights = [layer.weight for layer in layers]
        divided = time.perf_counter()
        torch.autograd.backward(weights, gradients)
        times.append((divided - began, time.perf_counter() - divided))
    forward, backward = (1e3 * statistics.median(column) for column in zip(*times, strict=True))
    return {"ms forward": forward, "ms backward": backward}


def loop(name: str, work: Work, **settings: bool) -> Figures:
    """Step a tuned loop with its choices set."""
    keep_freed_memory()
    with tempfile.TemporaryDirectory() as runs:
        case = TRAININGS[name]
        config = case.config(work.photos, runs, "cpu", False)
        prepare_process(config)
        datamodule, model = build_parts(config)
        batch = next(iter(datamodule.train_dataloader()))
        choice = choose(model.list_trainable_networks(), torch.device("cpu"), batch=case.batch, training=True)
        made = case.loop(model, batch, Way(choice.dtype, choice.channels_last), False)
        for key, value in settings.items():
            setattr(made, key, value)
        times, _ = steps(made, work.seconds, 2, "cpu", 0.0)
    return {"ms": 1e3 * statistics.median(times)}


def norm(side: str, work: Work) -> Figures:
    """Normalise a single image, and differentiate."""
    keep_freed_memory()
    layers: dict[str, Callable[[Tensor], Tensor]] = {
        "torch's": nn.InstanceNorm2d(256),
        "group norm": lambda x: functional.group_norm(x, 256),
        "batch norm": lambda x: functional.batch_norm(x, None, None, training=True),
    }
    found: Figures = {}
    for layout in (torch.contiguous_format, torch.channels_last):
        x = torch.randn(1, 256, 32, 32).contiguous(memory_format=layout).requires_grad_()
        gradient = torch.randn(1, 256, 32, 32).contiguous(memory_format=layout)
        times: list[float] = []
        while sum(times) < work.seconds / 4:
            began = time.perf_counter()
            layers[side](x).backward(gradient)
            times.append(time.perf_counter() - began)
        found[f"ms, {'channels last' if layout is torch.channels_last else 'NCHW'}"] = 1e3 * statistics.median(times)
    return found


def checkpointing(side: str, work: Work) -> Figures:
    """Train with or without gradient checkpointing."""
    keep_freed_memory()
    return training("cyclegan256", work, gradient_checkpointing=side == "again")


def tools(side: str, work: Work) -> Figures:
    """Enhance and generate, and keep what came of it beside the photos, for the other side to compare with."""
    keep_freed_memory()
    found: Figures = {}
    with tempfile.TemporaryDirectory() as folder:
        write_noisy(Path(folder) / "in", 1, 2)
        photos = [Image.open(file) for file in sorted((Path(folder) / "in").iterdir())]
        tool = gan_lab.load("faithful", device="cpu", precision=side)
        tool.enhance(photos[0])
        began = time.perf_counter()
        made = [np.asarray(tool.enhance(photo)) for photo in photos]
        found["ms a photo"] = 1e3 * (time.perf_counter() - began) / len(photos)
        found |= apart(made, work.scratch / "enhanced.npz", "photo")
    if work.generator:
        tool = gan_lab.load(work.generator, device="cpu", precision=side)
        tool.generate(64, seed=1)
        began = time.perf_counter()
        images = [np.asarray(image) for image in tool.generate(64, seed=0)]
        found["ms an image"] = 1e3 * (time.perf_counter() - began) / len(images)
        found |= apart(images, work.scratch / "generated.npz", "image")
    return found


def guard(side: str, work: Work) -> Figures:
    """Enhance photos with the guard, or let the guard look at what was enhanced without it."""
    keep_freed_memory()
    tool = gan_lab.load("faithful", device="cpu")
    found: Figures = {}
    for megapixels in (0.25, 1):
        with tempfile.TemporaryDirectory() as folder:
            write_noisy(Path(folder) / "in", megapixels, 6)
            photos = [np.asarray(Image.open(file)) for file in sorted((Path(folder) / "in").iterdir())]
        repaired = [tool.enhance(photo, guard=False) for photo in photos]
        began = time.perf_counter()
        for photo, after in zip(photos, repaired, strict=True):
            if side == "whole":
                tool.enhance(photo, guard=True)
            else:
                judge(photo, after)
        found[f"ms a photo, {megapixels:g} megapixels"] = 1e3 * (time.perf_counter() - began) / len(photos)
    return found


def apart(made: list[Any], kept: Path, name: str) -> Figures:
    """Return how far uint8 images are from those that the first side left in a file."""
    if not kept.exists():
        np.savez(kept, *made)
    with np.load(kept) as first:
        distances = [np.abs(first[f"arr_{number}"].astype(int) - image) for number, image in enumerate(made)]
    every = np.concatenate([distance.ravel() for distance in distances])
    return {f"mean levels, {name}": float(every.mean()), f"most levels, {name}": float(every.max())}


def png(side: str, work: Work) -> Figures:
    """Encode photos at a level of compression."""
    level = {} if side == "Pillow's own level" else {"compress_level": int(side.split()[-1])}
    found: Figures = {}
    for pixels in (64, 400):
        files = sorted(work.photos.rglob("*.jpg"))[:24]
        pictures = [Image.open(file).convert("RGB").resize((pixels, pixels)) for file in files] * 4
        encoded, began = 0, time.perf_counter()
        for picture in pictures:
            stream = io.BytesIO()
            picture.save(stream, "PNG", **level)
            encoded += stream.tell()
        found[f"ms, {pixels} px"] = 1e3 * (time.perf_counter() - began) / len(pictures)
        found[f"KB, {pixels} px"] = encoded / len(pictures) / 1024
    return found


def cache(side: str, work: Work) -> Figures:
    """Read all photos twice in each of two starts."""
    found: Figures = {}
    with tempfile.TemporaryDirectory() as folder:
        place = None if side == "in memory" else Path(folder) / "cache"
        for start in ("first", "next"):
            data = Products(work.photos, image_size=128, num_workers=0, near_duplicates=None, cache=place, index=False)
            data.prepare()
            for epoch in ("epoch", "epoch after"):
                began = time.perf_counter()
                for _ in data.still_dataloader("train"):
                    pass
                found[f"ms a photo, {start} start, {epoch}"] = (
                    1e3 * (time.perf_counter() - began) / data.counts()["image"]
                )
    return found


def start(side: str, work: Work) -> Figures:
    """Run a command from its start; nothing of it is in this process."""
    began = time.perf_counter()
    if side == "imports":
        deferred = "from gan_lab.deferred import *; defer_torchmetrics(); defer_compiler()"
        output(["-c", f"{deferred}; import gan_lab.commands.train"])
        return {"s to the end": time.perf_counter() - began}
    if side == "torch alone":
        optimiser = "p = torch.nn.Parameter(torch.zeros(1)); o = torch.optim.Adam([p]); p.sum().backward(); o.step()"
        output(["-c", f"import torch; {optimiser}"])
        return {"s to the end": time.perf_counter() - began}
    with tempfile.TemporaryDirectory() as runs:
        options = ["model=dcgan", f"data.root={work.photos}", "data.batch_size=16", "trainer.max_iterations=1"]
        process = subprocess.Popen(
            [sys.executable, "-m", "gan_lab.train", *options, f"runs_dir={runs}", "name=first", "device=cpu"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr is not None
        stepped = 0.0
        for line in process.stderr:
            if "iteration 1/1" in line and not stepped:
                stepped = time.perf_counter() - began
        if process.wait():
            raise SystemExit(f"gan_lab.train {' '.join(options)}: exit code {process.returncode}")
    return {"s to the end": time.perf_counter() - began, "s to the first step": stepped}


def enhance_start(side: str, work: Work) -> Figures:
    """Enhance a small photo, from the command's start."""
    with tempfile.TemporaryDirectory() as folder:
        write_noisy(Path(folder) / "in", 0.03, 1)
        began = time.perf_counter()
        if side == "torch alone":
            output(["-c", "import torch"])
        else:
            output(["-m", "gan_lab.enhance", f"input={folder}/in", f"output={folder}/out", "device=cpu"])
        return {"s to the end": time.perf_counter() - began}


Case = tuple[tuple[str, ...], Callable[[str, Work], Figures]]
CASES: dict[str, list[tuple[str, Case]]] = {
    "memory": [
        (name, (("returned", "kept"), lambda side, work, name=name: memory(name, side, work)))  # type: ignore[misc]
        for name in ("vae", "dcgan", "cyclegan", "enhance_12")
    ],
    "spectral_norm": [("spectral_norm", (("torch's", "gan_lab's"), spectral_norm))],
    "calls": [("cyclegan", (("two", "one"), lambda side, work: loop("cyclegan", work, batched=side == "one")))],
    "fakes": [("dcgan", (("two", "one"), lambda side, work: loop("dcgan", work, shared=side == "one")))],
    "norm": [
        ("against torch's", (("torch's", "batch norm"), norm)),
        ("against group norm", (("group norm", "batch norm"), norm)),
    ],
    "layout": [
        (name, (("nchw", "channels_last"), lambda side, work, name=name: laid_out(name, side, work)))  # type: ignore[misc]
        for name in ("dcgan", "vae", "cyclegan")
    ],
    "checkpointing": [("cyclegan256", (("kept", "again"), checkpointing))],
    "tools": [("tools", (("fp32", "bf16"), tools))],
    "guard": [("guard", (("whole", "guard"), guard))],
    "png": [("png", (("Pillow's own level", "level 3"), png))],
    "cache": [("cache", (("in memory", "in a file"), cache))],
    "start": [("imports", (("a run", "imports"), start)), ("torch", (("a run", "torch alone"), start))],
    "enhance_start": [("enhance_start", (("a photo", "torch alone"), enhance_start))],
}


def in_a_process(group: str, number: int, side: str, arguments: argparse.Namespace) -> Figures:
    """Measure a side in a process of its own."""
    given = {"photos": arguments.photos, "scratch": arguments.scratch, "seconds": arguments.seconds}
    own = ["--side", str(number), side, *(f"--{name}={value}" for name, value in given.items())]
    own += ["--generator", arguments.generator] if arguments.generator else []
    return json.loads(output(["-m", "benchmarks.choices", group, *own]).splitlines()[-1])


def results(group: str, number: int, arguments: argparse.Namespace, console: Console) -> list[Result]:
    """Return both sides of a case, the medians over rounds."""
    name, (sides, _) = CASES[group][number]
    found: dict[str, list[Figures]] = {side: [] for side in sides}
    for turn in range(arguments.rounds):
        for side in sides if turn % 2 == 0 or group == "tools" else sides[::-1]:
            with console.status(f"{group}, {name}, round {turn + 1} of {arguments.rounds}: {side}"):
                found[side].append(in_a_process(group, number, side, arguments))
    label = group if name == group else f"{group}, {name}"
    return [
        Result(label, side, {figure: statistics.median(each[figure] for each in rounds) for figure in rounds[0]})
        for side, rounds in found.items()
    ]


def table(found: list[Result]) -> Table:
    """Return the figures, a row each, the sides beside each other."""
    made = Table(title=f"{torch.get_num_threads()} threads")
    for column in ("", "figure", "without", "with", "with / without"):
        made.add_column(column, justify="left" if column in ("", "figure") else "right")
    for without, with_it in zip(found[::2], found[1::2], strict=True):
        for name, value in without.figures.items():
            other = with_it.figures.get(name)
            share = f"{other / value:.2f}" if other is not None and value else ""
            shown = f"{other:.4g}" if other is not None else ""
            made.add_row(f"{without.case}: {without.side}, {with_it.side}", name, f"{value:.4g}", shown, share)
    return made


def main() -> None:
    """Measure, print."""
    options = argparse.ArgumentParser(
        prog="python -m benchmarks.choices", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("groups", nargs="*", metavar="choice", help=f"of {', '.join(CASES)}; all unless named")
    options.add_argument("--photos", type=Path, help="a folder of JPEG files, with A/ and B/ for memory's CycleGAN")
    options.add_argument("--generator", help="a run that generates")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--seconds", type=float, default=8, help="of a training (default %(default)s)")
    options.add_argument("--scratch", type=Path, help=argparse.SUPPRESS)
    options.add_argument("--side", nargs=2, help=argparse.SUPPRESS)
    options.add_argument("--json", type=Path)
    options.add_argument("--markdown", type=Path)
    arguments = options.parse_args()
    if unknown := [name for name in arguments.groups if name not in CASES]:
        options.error(f"{unknown[0]} is no choice; there are {', '.join(CASES)}")
    if arguments.side:
        number, side = arguments.side
        work = Work(arguments.photos, arguments.scratch, arguments.seconds, arguments.generator)
        with contextlib.redirect_stdout(io.StringIO()):
            figures = CASES[arguments.groups[0]][int(number)][1][1](side, work)
        print(json.dumps(figures))
        return
    console, found = Console(), []
    with tempfile.TemporaryDirectory(prefix="gan_lab_choices_") as folder:
        arguments.scratch = Path(folder)
        if arguments.photos is None:
            arguments.photos = Path(folder) / "photos"
            write_photos(arguments.photos, 200)
        for group in arguments.groups or CASES:
            for number in range(len(CASES[group])):
                found += results(group, number, arguments, console)
                write(found, table(found), arguments)
    console.print(table(found))


if __name__ == "__main__":
    main()
