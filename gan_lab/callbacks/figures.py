"""What a run writes while it trains: loss terms, validation figures and sample grids."""

from __future__ import annotations

import time
from collections import defaultdict
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor
from torch.utils.data import DataLoader

from gan_lab.callbacks.spared import get_logger_name, survive_errors
from gan_lab.data.table import spread_rows
from gan_lab.hardware import peak_memory
from gan_lab.options import check_whole
from gan_lab.photo_files import grid, write_png
from gan_lab.rng import preserve_rng


@runtime_checkable
class LogsImages(Protocol):
    """A logger that takes images."""

    def log_image(self, key: str, images: list[Any], step: int | None = None) -> None:
        """Log uint8 images [H, W, C] of an iteration."""


class TermsLogger(Callback):
    """Log the loss terms, averaged over the iterations since the last time, learning rates, throughput and memory.

    Args:
        every_n_iterations: how often; terms stay on the device in between.
    """

    def __init__(self, every_n_iterations: int = 10) -> None:
        check_whole("callbacks.terms.every_n_iterations", every_n_iterations, at_least=1)
        self.every_n_iterations = every_n_iterations
        self.latest: dict[str, float] = {}
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, int] = defaultdict(int)
        self._images = 0
        self._since = 0.0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the stopwatch."""
        self._since = time.monotonic()

    def on_train_batch_end(self, trainer: Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Add up, and log when it is time."""
        for name, value in pl_module.terms.items():
            self._sums[name] = self._sums[name] + value if name in self._sums else value
            self._counts[name] += 1
        self._images += len(next(value for value in batch.values() if isinstance(value, Tensor))) * trainer.world_size
        if pl_module.iteration % self.every_n_iterations and not trainer.should_stop:
            return
        pl_module.assert_finite()
        figures = {f"train/{name}": float(total) / self._counts[name] for name, total in self._sums.items()}
        for number, optimizer in enumerate(trainer.optimizers):
            figures[f"train/lr_{number}"] = optimizer.param_groups[0]["lr"]
        now = time.monotonic()
        figures["train/images_per_s"] = self._images / max(now - self._since, 1e-9)
        figures["train/memory_mb"] = peak_memory()
        self.latest = figures
        self._sums, self._counts, self._images, self._since = {}, defaultdict(int), 0, now
        log_figures(trainer, figures, pl_module.iteration)


class Validation(Callback):
    """Take the model's figures over the held-out images every n iterations and at the end.

    Lightning's own loop is not used: it counts in its own way, and a resumed run would validate at other iterations.
    Every process goes over the same images, and takes the first one's figures: running statistics differ from process
    to process, and a figure that improves in one of them alone would let it save a checkpoint without the others.

    Args:
        every_n_iterations: how often.
        max_images: held-out images to use at most.
    """

    def __init__(self, every_n_iterations: int = 500, max_images: int = 256) -> None:
        check_whole("callbacks.validation.every_n_iterations", every_n_iterations, at_least=1)
        check_whole("callbacks.validation.max_images", max_images, at_least=1)
        self.every_n_iterations = every_n_iterations
        self.max_images = max_images

    def on_train_batch_end(self, trainer: Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Validate when it is time; `fresh_figures` holds the figures for one iteration."""
        pl_module.fresh_figures = {}
        if pl_module.iteration % self.every_n_iterations and not trainer.should_stop:
            return
        batches = load_held_out(trainer, self.max_images)
        if not batches:
            return
        with preserve_rng():  # a run that happens to stop here must go on as if it had not
            pl_module.fresh_figures = trainer.strategy.broadcast(pl_module.validate(batches))
        log_figures(trainer, pl_module.fresh_figures, pl_module.iteration)


class SampleGrid(Callback):
    """Write a grid of pictures at fixed inputs every n iterations and at the end.

    Args:
        folder: where they go; None: `samples` in the run's folder.
        every_n_iterations: how often.
        keep: how many of the newest stay; None for all.

    Raises:
        UserError: a number is below 1.
    """

    def __init__(
        self, folder: str | Path | None = None, every_n_iterations: int = 500, keep: int | None = None
    ) -> None:
        check_whole("callbacks.samples.every_n_iterations", every_n_iterations, at_least=1)
        if keep is not None:
            check_whole("callbacks.samples.keep", keep, at_least=1)
        self.folder = None if folder is None else Path(folder)
        self.every_n_iterations = every_n_iterations
        self.keep = keep
        self._fixed: dict[str, Any] | None = None

    def on_train_batch_end(self, trainer: Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Write the grid when it is time."""
        if pl_module.iteration % self.every_n_iterations and not trainer.should_stop:
            return
        if not trainer.is_global_zero:
            return
        with preserve_rng():
            if self._fixed is None:
                parts = list(load_held_out(trainer, 32))
                self._fixed = {name: torch.cat([part[name] for part in parts]) for name in (parts[0] if parts else ())}
            if not self._fixed and pl_module.task != "generation":
                return
            images, columns = pl_module.sample_grid(self._fixed)
        pixels = ((images.float().cpu().clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1)
        picture = grid(pixels.numpy(), columns)
        folder = self.folder or Path(trainer.default_root_dir) / "samples"
        with survive_errors("a grid of samples"):
            write_png(folder / f"{pl_module.iteration:06d}.png", picture)
            if self.keep is not None:
                written = [path for path in folder.glob("*.png") if path.stem.isdigit()]
                for path in sorted(written, key=lambda path: int(path.stem))[: -self.keep]:
                    path.unlink(missing_ok=True)
        for logger in trainer.loggers:
            if isinstance(logger, LogsImages):
                with survive_errors(f"pictures of {get_logger_name(logger)}", Exception):
                    logger.log_image("samples", [picture], step=pl_module.iteration)


def load_held_out(trainer: Trainer, images: int) -> DataLoader[Any] | list[Any]:
    """Return batches of held-out samples, at most `images`, spread evenly: folders are read class by class.

    Empty if the data have none to spare.
    """
    loader = trainer.datamodule.val_dataloader()  # type: ignore[attr-defined]
    if not loader:
        return []
    rows = spread_rows(len(loader.dataset), images).tolist()
    return DataLoader(loader.dataset, batch_size=loader.batch_size, sampler=rows, collate_fn=loader.collate_fn)


def log_figures(trainer: Trainer, figures: dict[str, float], iteration: int) -> None:
    """Hand figures to every logger, at the iteration (not Lightning's global step)."""
    if trainer.is_global_zero:
        for logger in trainer.loggers:
            with survive_errors(f"figures of {get_logger_name(logger)}", Exception):  # a service fails in its own ways
                logger.log_metrics(figures, step=iteration)
