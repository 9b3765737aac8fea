"""When a run ends: by iterations, epochs or minutes, whichever comes first, or when it is asked to stop."""

from __future__ import annotations

import logging
import signal
import threading
import time
from types import FrameType
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

log = logging.getLogger(__name__)

#: Under several processes the decision to stop is agreed on every so many iterations: asking costs a synchronisation.
AGREE_EVERY = 10
#: What asks a run to stop: schedulers, Ctrl-C, a terminal that closes, and SLURM's `--signal=USR1@60` ahead of a time limit.
SIGNALS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1") if hasattr(signal, name))
#: What stays ignored where the run was started so: by nohup.
MAY_BE_IGNORED = ("SIGHUP",)


class Budget(Callback):
    """Tell the model which share of its budget is spent, and stop the run when it is, or when a signal asks for it.

    Args:
        max_iterations: batches; None for no limit.
        max_epochs: passes over the training images; None for no limit.
        max_minutes: minutes of training, those before a resume included; None for no limit.

    Attributes:
        total: the number of iterations that iterations and epochs allow, once training has started.
        stopped_by: the signal that ended the run early, or None.
        failure: the error that ended it; what follows may hide it. None where there was none.
    """

    def __init__(
        self, max_iterations: int | None = None, max_epochs: float | None = None, max_minutes: float | None = None
    ) -> None:
        self.max_iterations = max_iterations
        self.max_epochs = max_epochs
        self.max_minutes = max_minutes
        self.stopped_by: signal.Signals | None = None
        self.failure: BaseException | None = None
        self._elapsed_before = 0.0
        self._start = 0.0
        self._agreed: float | None = None
        self.total: int | None = None
        self._handlers: dict[signal.Signals, Any] = {}

    @property
    def elapsed_seconds(self) -> float:
        """Seconds of training so far, those before a resume included."""
        return self._elapsed_before + (time.monotonic() - self._start if self._start else 0.0)

    def total_iterations(self, per_epoch: int) -> int | None:
        """Return the number of iterations that iterations and epochs allow, or None if only minutes count."""
        limits = [] if self.max_iterations is None else [self.max_iterations]
        if self.max_epochs is not None:
            limits.append(max(1, round(self.max_epochs * per_epoch)))
        return min(limits, default=None)

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Give the signals back, unless Lightning has given them back to whoever had them before it."""
        for number, handler in self._handlers.items():
            if signal.getsignal(number) == self._ask_to_stop:
                signal.signal(number, handler)
        self._handlers.clear()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Give the signals back: Lightning tears no callback down after an error, and the run may go on from before it."""
        self.failure = self.failure or exception
        self.teardown(trainer, pl_module, "fit")

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock, and take the signals over: the iteration is finished and saved first.

        Not earlier: Lightning sets its own handler at the start of `fit`, and ends such a run with exit code 0.
        """
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                if number.name in MAY_BE_IGNORED and signal.getsignal(number) == signal.SIG_IGN:
                    continue
                self._handlers[number] = signal.signal(number, self._ask_to_stop)
        self._start = time.monotonic()
        per_epoch = trainer.datamodule.iterations_per_epoch(trainer.world_size)  # type: ignore[attr-defined]
        self.total = self.total_iterations(per_epoch)

    def on_train_batch_start(self, trainer: Trainer, pl_module: Any, batch: Any, batch_idx: int) -> None:
        """Set the model's progress, which its schedules go by; of several processes, by the first one's clock."""
        due = self._agreed is None or pl_module.iteration % AGREE_EVERY == 0
        if trainer.world_size > 1 and self.max_minutes is not None and due:
            self._agreed = float(trainer.strategy.broadcast(self.elapsed_seconds))
        pl_module.progress = self.progress(pl_module.iteration)

    def on_train_batch_end(self, trainer: Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Stop the trainer if the budget is spent."""
        stop = self.progress(pl_module.iteration) >= 1.0 or self.stopped_by is not None
        if trainer.world_size > 1:
            counted = self.total is not None and pl_module.iteration >= self.total
            if not counted and pl_module.iteration % AGREE_EVERY:
                return
            stop = trainer.strategy.reduce_boolean_decision(stop, all=False)
        if stop:
            trainer.should_stop = True

    def progress(self, iteration: int) -> float:
        """Return the share of the budget spent, in [0, 1]."""
        shares = [0.0]
        if self.total is not None:
            shares.append(iteration / self.total)
        if self.max_minutes is not None:
            elapsed = self.elapsed_seconds if self._agreed is None else self._agreed
            shares.append(elapsed / (60 * self.max_minutes))
        return min(1.0, max(shares))

    def state_dict(self) -> dict[str, Any]:
        """Return the seconds spent."""
        return {"elapsed": self.elapsed_seconds}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from the seconds spent before."""
        self._elapsed_before = state_dict["elapsed"]

    def _ask_to_stop(self, number: int, frame: FrameType | None) -> None:
        if self.stopped_by is not None and number == signal.SIGINT:  # a second Ctrl-C does not wait
            raise KeyboardInterrupt
        self.stopped_by = signal.Signals(number)
        log.warning("%s: finishing the iteration and saving a checkpoint", self.stopped_by.name)
