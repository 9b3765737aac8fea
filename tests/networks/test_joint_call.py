"""Several batches through one network in one call, where that is the same."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from gan_lab.networks import call_jointly


def test_batch_norm_keeps_batches_apart() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2))
    dark, bright = torch.randn(3, 1, 4, 4) - 5, torch.randn(3, 1, 4, 4) + 5
    for out, batch in zip(call_jointly(network, dark, bright), (dark, bright), strict=True):
        torch.testing.assert_close(out, network(batch))
        torch.testing.assert_close(out.mean(dim=(0, 2, 3)), torch.zeros(2), atol=1e-5, rtol=0)


def test_one_call_for_real_and_fake_gives_each_its_labels() -> None:
    network = nn.Embedding(3, 1)
    real, fake, label = torch.randn(4, 1), torch.randn(4, 1), torch.tensor([0, 1, 2, 1])
    judged = call_jointly(lambda_module(lambda x, y: x + network(y)), real, fake, label=label)
    torch.testing.assert_close(torch.stack(judged), torch.stack([real + network(label), fake + network(label)]))


def lambda_module(function: Any) -> nn.Module:
    """Return a module that calls a function."""
    module = nn.Module()
    module.forward = function  # type: ignore[method-assign]
    return module


def test_of_several_outputs_each_batch_has_its_own() -> None:
    batches = [torch.randn(2, 3), torch.randn(2, 3)]
    made = call_jointly(lambda_module(lambda x, twice: (x, x * (2 if twice else 1))), *batches, twice=True)
    for batch, (same, double) in zip(batches, made, strict=True):
        assert torch.equal(same, batch)
        assert torch.equal(double, 2 * batch)
