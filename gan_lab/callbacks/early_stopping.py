"""A run that ends when it no longer improves."""

from __future__ import annotations

import itertools
import logging
import math
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from gan_lab.callbacks.figures import Validation
from gan_lab.errors import UserError
from gan_lab.options import check_whole

log = logging.getLogger(__name__)


class EarlyStopping(Callback):
    """End a run after some validations in which the monitored figure has not improved.

    The figure is the method's own, which `best.ckpt` follows. A continued run goes on counting.

    Args:
        patience: validations without an improvement.
        min_change: by how much a figure must be better to count as improved.

    Raises:
        UserError: an argument is no such number.
    """

    def __init__(self, patience: int = 5, min_change: float = 0.0) -> None:
        check_whole("callbacks.early_stopping.patience", patience, at_least=1)
        if isinstance(min_change, bool) or not isinstance(min_change, int | float) or not 0 <= min_change < math.inf:
            raise UserError(f"callbacks.early_stopping.min_change={min_change}: needs a number from 0")
        self.patience = patience
        self.min_change = min_change
        self.best = math.inf
        self.waited = 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Refuse a run that never validates.

        Raises:
            UserError: no `Validation` comes before this callback.
        """
        earlier = itertools.takewhile(lambda each: each is not self, trainer.callbacks)  # type: ignore[attr-defined]
        if not any(isinstance(each, Validation) for each in earlier):
            raise UserError("callbacks.early_stopping: needs a callbacks.validation before it; take callbacks=default")

    def on_train_batch_end(self, trainer: Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Look at fresh figures, and ask the trainer to stop when they have not improved for too long."""
        name, direction = pl_module.monitor
        value = pl_module.fresh_figures.get(name)
        if value is None or not math.isfinite(value):
            return
        cost = value if direction == "min" else -value
        if cost < self.best - self.min_change:
            self.best, self.waited = cost, 0
            return
        self.waited += 1
        if self.waited >= self.patience:
            log.info(
                "iteration %d: %s has not improved for %d validations; the run ends",
                pl_module.iteration,
                name,
                self.waited,
            )
            trainer.should_stop = True

    def state_dict(self) -> dict[str, Any]:
        """Return the best figure so far, as a cost, and how many validations it is old."""
        return {"best": self.best, "waited": self.waited}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from what was seen before."""
        self.best, self.waited = float(state_dict["best"]), int(state_dict["waited"])
