"""The progress bar: iteration, ETA, images per second and the loss terms."""

from __future__ import annotations

import sys
import time
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from gan_lab.callbacks.budget import Budget
from gan_lab.callbacks.figures import TermsLogger


class ProgressBar(Callback):
    """Show on stderr how far the run is; a bar on a terminal, a line now and then in a log file.

    Args:
        every_n_seconds: pause between two lines where stderr is no terminal.
    """

    def __init__(self, every_n_seconds: float = 30.0) -> None:
        self.every_n_seconds = every_n_seconds
        self._bar: Progress | None = None
        self._task = TaskID(0)
        self._start = (0.0, 0.0)
        self._line_at = 0.0

    def on_train_start(self, trainer: Trainer, pl_module: Any) -> None:
        """Open the bar."""
        self._budget = next(c for c in trainer.callbacks if isinstance(c, Budget))  # type: ignore[attr-defined]
        self._terms = next(c for c in trainer.callbacks if isinstance(c, TermsLogger))  # type: ignore[attr-defined]
        self._start = (time.monotonic(), self._budget.progress(pl_module.iteration))
        self._line_at = time.monotonic()
        if trainer.is_global_zero and sys.stderr.isatty():
            columns = (BarColumn(bar_width=24), TextColumn("{task.description}", markup=False))
            self._bar = Progress(*columns, console=Console(stderr=True), transient=False)
            self._task = self._bar.add_task("starting", total=1.0)
            self._bar.start()

    def on_train_batch_end(self, trainer: Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Move the bar, or print a line when it is time."""
        if not trainer.is_global_zero:
            return
        progress = self._budget.progress(pl_module.iteration)
        if self._bar is not None:
            self._bar.update(self._task, completed=progress, description=self._describe(pl_module.iteration, progress))
        elif time.monotonic() - self._line_at > self.every_n_seconds or trainer.should_stop:
            self._line_at = time.monotonic()
            print(f"{progress:4.0%} {self._describe(pl_module.iteration, progress)}", file=sys.stderr, flush=True)

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Close the bar."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Close the bar: Lightning tears no callback down after an error."""
        self.teardown(trainer, pl_module, "fit")

    def _describe(self, iteration: int, progress: float) -> str:
        start, done_before = self._start
        done = progress - done_before
        left = (time.monotonic() - start) * (1 - progress) / done if done > 0 else 0.0
        total = "" if self._budget.total is None else f"/{self._budget.total}"
        latest = self._terms.latest
        losses = [f"{name[6:]} {value:.3g}" for name, value in latest.items() if name.startswith("train/loss")]
        speed = f"{latest['train/images_per_s']:.1f} images/s" if latest else ""
        return "  ".join([f"iteration {iteration}{total}", f"ETA {clock(left)}", speed, *losses[:5]])


def clock(seconds: float) -> str:
    """Format seconds as h:mm:ss or m:ss."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"
