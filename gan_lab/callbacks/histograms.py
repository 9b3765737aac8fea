"""Distributions of weights and gradients, for the loggers that take them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from lightning.pytorch import Callback, Trainer

from gan_lab.callbacks.spared import get_logger_name, survive_errors
from gan_lab.options import check_whole


@runtime_checkable
class LogsHistograms(Protocol):
    """A logger that takes distributions."""

    def log_histograms(self, tensors: Mapping[str, np.ndarray], step: int) -> None:
        """Log the distributions of values at an iteration."""


class Histograms(Callback):
    """Log how the weights of each trained layer, and the gradients of its last update, are distributed.

    W&B and TensorBoard take them; `metrics.csv` does not.

    Args:
        every_n_iterations: how often.

    Raises:
        UserError: the number is below 1.
    """

    def __init__(self, every_n_iterations: int = 500) -> None:
        check_whole("callbacks.histograms.every_n_iterations", every_n_iterations, at_least=1)
        self.every_n_iterations = every_n_iterations

    def on_train_batch_end(self, trainer: Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Log them when it is time; values that are not finite are left out."""
        loggers = [logger for logger in trainer.loggers if isinstance(logger, LogsHistograms)]
        if not loggers or not trainer.is_global_zero or pl_module.iteration % self.every_n_iterations:
            return
        found: dict[str, np.ndarray] = {}
        for name, parameter in pl_module.named_parameters():
            if parameter.requires_grad:
                found[f"weights/{name}"] = select_finite(parameter)
                if parameter.grad is not None:
                    found[f"gradients/{name}"] = select_finite(parameter.grad)
        found = {name: values for name, values in found.items() if values.size}
        for logger in loggers:
            with survive_errors(f"histograms of {get_logger_name(logger)}", Exception):
                logger.log_histograms(found, pl_module.iteration)


def select_finite(tensor: torch.Tensor) -> np.ndarray:
    """Return the finite values of a tensor, float32 [N]."""
    values: np.ndarray = tensor.detach().float().cpu().numpy().ravel()
    return values[np.isfinite(values)]
