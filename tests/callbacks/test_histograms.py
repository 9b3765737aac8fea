"""Distributions of weights and gradients, handed to the loggers that take them."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from gan_lab.callbacks import Histograms
from gan_lab.errors import UserError


class Logger:
    def __init__(self) -> None:
        self.seen: dict[int, Mapping[str, np.ndarray]] = {}

    def log_histograms(self, tensors: Mapping[str, np.ndarray], step: int) -> None:
        self.seen[step] = tensors


def test_trained_weights_and_their_gradients_are_logged_when_it_is_time() -> None:
    model: Any = nn.Sequential(nn.Linear(2, 1, bias=False), nn.Linear(1, 1, bias=False))
    model[0].weight.data = torch.tensor([[1.0, torch.nan]])
    model[0].weight.grad = torch.tensor([[3.0, 4.0]])
    model[1].requires_grad_(False)
    logger = Logger()
    trainer: Any = SimpleNamespace(loggers=[object(), logger], is_global_zero=True)
    for model.iteration in range(1, 5):
        Histograms(every_n_iterations=2).on_train_batch_end(trainer, model, None, {}, 0)
    assert list(logger.seen) == [2, 4]
    assert {name: values.tolist() for name, values in logger.seen[2].items()} == {
        "weights/0.weight": [1.0],
        "gradients/0.weight": [3.0, 4.0],
    }


def test_an_interval_is_a_whole_number() -> None:
    with pytest.raises(UserError, match=r"callbacks\.histograms\.every_n_iterations=0"):
        Histograms(every_n_iterations=0)
