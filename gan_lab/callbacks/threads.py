"""Threads that fit what other processes leave of the machine while a run trains."""

from __future__ import annotations

from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from gan_lab.hardware import fit_threads


class FittedThreads(Callback):
    """Fit the number of threads between two iterations; see `gan_lab.hardware.threads`."""

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *args: Any) -> None:
        """Look at what others do, where the last look is some seconds old."""
        fit_threads()
