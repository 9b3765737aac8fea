"""Networks switched to evaluation for a moment."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import torch

from gan_lab.networks import evaluation_mode


def test_networks_evaluated_in_two_threads_leave_what_is_compiled_compiled() -> None:
    """Folder jobs do so: what one thread enters first it leaves first, while the other is still inside."""
    first, second, third = (torch.nn.Linear(2, 2) for _ in range(3))
    graphs: list[torch.fx.GraphModule] = []

    def backend(graph: torch.fx.GraphModule, examples: list[torch.Tensor]) -> Any:
        graphs.append(graph)
        return graph.forward

    third.compile(backend=backend)
    entered, left = threading.Event(), threading.Event()

    def evaluate_longer() -> None:
        with evaluation_mode(second):
            entered.set()
            left.wait(10)

    other = threading.Thread(target=evaluate_longer)
    with evaluation_mode(first):
        other.start()
        entered.wait(10)
    left.set()
    other.join()
    third(torch.zeros(1, 2))
    assert graphs


def test_modes_and_gradients_are_as_before_even_after_an_error() -> None:
    training, evaluated = torch.nn.Dropout(), torch.nn.Dropout().eval()
    seen: list[bool] = []

    def fail() -> None:
        seen.extend([training.training, evaluated.training, torch.is_grad_enabled()])
        raise KeyError

    with pytest.raises(KeyError), evaluation_mode(training, evaluated):
        fail()
    assert seen == [False, False, False]
    assert training.training
    assert not evaluated.training
    assert torch.is_grad_enabled()
