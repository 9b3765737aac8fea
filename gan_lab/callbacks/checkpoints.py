"""When checkpoints are written: `last`, `best`, and ones that are kept."""

from __future__ import annotations

import logging
import math
import time
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

log = logging.getLogger(__name__)


class Checkpoints(Callback):
    """Save `last.ckpt` regularly and at the end, `best.ckpt` when the monitored figure improves.

    `CrashSafeIO` keeps the one before as `previous.ckpt`: a disk may damage what it was given whole.

    Between two iterations nothing is half done, so a run that continues from any of them continues bit for bit.
    Lightning's ModelCheckpoint counts optimiser steps and never saves by time under manual optimisation, hence this one.

    Args:
        folder: the run's checkpoints folder.
        every_n_iterations: iterations between two saves of `last`; None for none.
        every_n_minutes: minutes between two saves of `last`; None for none. One process only: clocks differ.
        keep_every_n_iterations: iterations between checkpoints that stay, as `iteration-000500.ckpt`; None for none.
    """

    def __init__(
        self,
        folder: str | Path,
        every_n_iterations: int | None = 500,
        every_n_minutes: float | None = 10.0,
        keep_every_n_iterations: int | None = None,
    ) -> None:
        self.folder = Path(folder)
        self.every_n_iterations = every_n_iterations
        self.every_n_minutes = every_n_minutes
        self.keep_every_n_iterations = keep_every_n_iterations
        self.best: float | None = None
        self._saved_at = 0.0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the minutes."""
        self._saved_at = time.monotonic()

    def on_train_batch_end(self, trainer: Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Save what is due. Runs after validation (the callbacks' order), so that its figure is known."""
        iteration = pl_module.iteration
        if self._has_improved(trainer, pl_module):
            self._save(trainer, "best")
        if self.keep_every_n_iterations and iteration % self.keep_every_n_iterations == 0:
            self._save(trainer, f"iteration-{iteration:06d}")
        due = self.every_n_iterations is not None and iteration % self.every_n_iterations == 0
        if self.every_n_minutes is not None and trainer.world_size == 1:
            due = due or time.monotonic() - self._saved_at >= 60 * self.every_n_minutes
        if due or trainer.should_stop:
            self._save(trainer, "last")
            self._saved_at = time.monotonic()

    def _has_improved(self, trainer: Trainer, pl_module: Any) -> bool:
        name, direction = pl_module.monitor
        figures: dict[str, float] = pl_module.fresh_figures
        value = figures.get(name)
        if value is None or not math.isfinite(value):
            return False
        better = self.best is None or (value < self.best if direction == "min" else value > self.best)
        if better:
            self.best = value
        return better

    def _save(self, trainer: Trainer, name: str) -> None:
        trainer.save_checkpoint(self.folder / f"{name}.ckpt", weights_only=False)

    def state_dict(self) -> dict[str, Any]:
        """Return the best figure so far."""
        return {"best": self.best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from the best figure so far."""
        self.best = state_dict["best"]
