"""The training cases of the speed benchmark: a loop of `loops.py` on one batch, or gan_lab's own training from files."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, Trainer
from omegaconf import DictConfig, open_dict
from PIL import Image

from benchmarks.loops import CycleGANLoop, EnhancerLoop, GANLoop, Loop, VAELoop
from gan_lab.config import compose
from gan_lab.data.catalogue import draw
from gan_lab.hardware import Way, list_ways
from gan_lab.hardware.speeds import PLAIN as PLAIN_WAY
from gan_lab.run.device import prepare_process, settle_computation
from gan_lab.run.fitting import Parts, fit_parts
from gan_lab.run.parts import build_parts
from gan_lab.run.record import resolve_config
from gan_lab.run.run import Run
from gan_lab.run.trainer import build_trainer

PLAIN, TUNED, OWN = "plain", "tuned", "gan_lab"
COMPILED = " compiled"
#: Photos of a domain, and their side in pixels.
PHOTOS, SIDE = 128, 512


@dataclass(frozen=True)
class Measured:
    """What a process measured.

    Attributes:
        ms: of a step, or of a picture, the median.
        per_second: images in a second, over all that was timed.
        waiting: share of the time between steps: for data, and for Lightning's loop. NaN for a loop on one batch.
        ready: seconds until the timing began: building, warm-up and compilation, and not the imports.
        way: precision and memory layout.
    """

    ms: float
    per_second: float
    waiting: float
    ready: float
    way: str = ""


@dataclass(frozen=True)
class Training:
    """What is timed: a model's options, the loop that stands beside it, its batch and the side of its images."""

    options: tuple[str, ...]
    loop: Callable[..., Loop]
    batch: int
    size: int

    unit = "step"

    def sides(self, compiled: bool) -> list[str]:
        """Return what is compared, the baseline first."""
        return [PLAIN, TUNED, OWN, *([TUNED + COMPILED, OWN + COMPILED] if compiled else [])]

    def measure(self, side: str, seconds: float, photos: Path, device: str) -> Measured:
        """Time a side in this process, for so many seconds."""
        began = time.perf_counter()
        compiled = side.endswith(COMPILED)
        with tempfile.TemporaryDirectory(prefix="gan_lab_speed_") as runs:
            config = self.config(photos, runs, device, compiled)
            accelerator = prepare_process(config)
            torch.manual_seed(0)
            if side.startswith(OWN):
                timed = Timed(seconds, began, warm_up=8 if compiled else 3)
                train(config, Path(runs) / "speed", timed)
                own = f"{config.trainer.precision.removesuffix('-mixed').replace('32-true', 'fp32')}, {config.trainer.layout}"
                return replace(timed.measured(self.batch), way=own)
            datamodule, model = build_parts(config)
            where = "cuda" if accelerator == "gpu" else "cpu"
            batch = {name: tensor.to(where) for name, tensor in next(iter(datamodule.train_dataloader())).items()}
            way = self.fastest_way(batch, config) if side.startswith(TUNED) else None
            began = time.perf_counter()
            loop = self.loop(model, batch, way, compiled)
            times, ready = steps(loop, seconds, 6 if compiled else 3, where, began)
            images = self.batch * len(times) / sum(times)
            return Measured(1e3 * statistics.median(times), images, float("nan"), ready, str(way or PLAIN_WAY))

    def fastest_way(self, batch: dict[str, torch.Tensor], config: DictConfig) -> Way:
        """Return the precision and memory layout that two of three steps of the tuned loop are fastest in."""
        where = next(iter(batch.values())).device
        found: dict[Way, float] = {}
        for way in list_ways(where):
            if way.dtype is not torch.float16:
                loop = self.loop(build_parts(config)[1], batch, way, False)
                found[way] = min(steps(loop, 0, 1, where.type, 0.0)[0][:2])
        return min(found, key=found.__getitem__)

    def config(self, photos: Path, runs: str, device: str, compiled: bool) -> DictConfig:
        """Return the run's configuration: the model's yaml, and photos from disk."""
        unpaired = "cyclegan" in self.options[0]
        data = [f"data.domain_a={photos}/A", f"data.domain_b={photos}/B"] if unpaired else [f"data.root={photos}/B"]
        own = [f"data.image_size={self.size}", f"data.batch_size={self.batch}", "data.near_duplicates=null"]
        where = [f"runs_dir={runs}", "name=speed", f"device={device}", f"compile={str(compiled).lower()}"]
        config = compose("train", [*self.options, *data, *own, *where])
        with open_dict(config):  # what a command line would have left there
            config.choices = {"model": self.options[0].split("=")[1]}
            config.overrides = list(self.options)
        return config


CASES: dict[str, Training] = {
    "dcgan": Training(("model=dcgan",), GANLoop, 64, 64),
    "vae": Training(("model=vae",), VAELoop, 64, 64),
    "sngan": Training(("model=sngan", "model.n_critic=1"), GANLoop, 16, 64),
    "r3gan": Training(
        ("model=r3gan", *(f"model.{net}.{key}" for net in ("generator", "discriminator") for key in ("width=16", "blocks=1"))),
        GANLoop,
        16,
        64,
    ),
    "enhancer": Training(("model=enhancer",), EnhancerLoop, 16, 64),
    "cyclegan": Training(("model=cyclegan",), CycleGANLoop, 1, 128),
    "cyclegan256": Training(("model=cyclegan",), CycleGANLoop, 1, 256),
}  # fmt: skip


def train(config: DictConfig, run_dir: Path, timed: Timed) -> None:
    """Train as gan_lab.train does, with a stopwatch beside its callbacks."""
    datamodule, model = build_parts(config)
    settle_computation(config, model, resumed=False)
    resolved = resolve_config(config, model)
    trainer = build_trainer(config, run_dir, resolved, 0)
    trainer.callbacks.append(timed)  # type: ignore[attr-defined]
    fit_parts(Run(config, run_dir), Parts(datamodule, model, trainer, resolved))


class Timed(Callback):
    """Time iterations until the seconds are over, and what of them lies between a step's end and the next one's start."""

    def __init__(self, seconds: float, began: float, warm_up: int) -> None:
        self.seconds, self.began, self.warm_up = seconds, began, warm_up
        self.times: list[float] = []
        self.waited = self.last = self.ready = 0.0

    def on_train_batch_start(self, trainer: Trainer, pl_module: Any, *args: Any) -> None:
        if pl_module.iteration > self.warm_up:
            self.waited += time.perf_counter() - self.last

    def on_train_batch_end(self, trainer: Trainer, pl_module: Any, *args: Any) -> None:
        if pl_module.device.type == "cuda":
            torch.cuda.synchronize()
        now = time.perf_counter()
        if pl_module.iteration > self.warm_up + 1:
            self.times.append(now - self.last)
            trainer.should_stop |= sum(self.times) > self.seconds and len(self.times) >= 3  # or the budget has ended it
        elif pl_module.iteration == self.warm_up + 1:
            self.ready = now - self.began
        self.last = now

    def measured(self, batch: int) -> Measured:
        """Return what was timed."""
        total = sum(self.times)
        return Measured(
            1e3 * statistics.median(self.times), batch * len(self.times) / total, self.waited / total, self.ready
        )


def steps(step: Loop, seconds: float, warm_up: int, device: str, began: float) -> tuple[list[float], float]:
    """Return the seconds of each step of a loop after those of the warm-up, and when that was over."""
    times: list[float] = []
    ready = 0.0
    while len(times) < warm_up + 3 or sum(times[warm_up:]) < seconds:
        before = time.perf_counter()
        if len(times) == warm_up:
            ready = before - began
        step()
        if device == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - before)
    return times[warm_up:], ready


def write_photos(folder: Path, photos: int = PHOTOS) -> None:
    """Draw JPEG files of two domains, A the snapshots and B the studio pictures of other goods."""
    for domain, name, first in (("snapshot", "A", 0), ("studio", "B", photos)):
        (folder / name).mkdir(parents=True)
        for number in range(first, first + photos):
            picture = draw(number, domain, SIDE)  # type: ignore[arg-type]
            Image.fromarray(picture).save(folder / name / f"{number:05d}.jpg", quality=90)
