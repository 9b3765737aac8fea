"""How weights start."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from gan_lab.networks.initialisation import initialise, initialise_without_norm


def test_the_papers_weights() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(32, 32, 3),
        nn.BatchNorm2d(2000),
        nn.ConvTranspose2d(32, 32, 4),
        nn.Linear(99, 99),
        nn.Embedding(99, 99),
    )
    initialise(network)
    convolution, norm, transposed, linear, embedding = network
    for layer in (convolution, transposed, linear):
        assert layer.weight.std().item() == pytest.approx(0.02, rel=0.05)
        assert not layer.bias.any()
    assert (norm.weight.mean().item(), norm.weight.std().item()) == (
        pytest.approx(1, abs=2e-3),
        pytest.approx(0.02, rel=0.1),
    )
    assert not norm.bias.any()
    assert embedding.weight.std().item() == pytest.approx(1, rel=0.05)  # beside an image in [-1, 1] it has to be seen


@pytest.mark.parametrize("layer", [nn.Conv2d(64, 16, 3), nn.ConvTranspose2d(64, 16, 3), nn.Linear(64 * 9, 16)])
def test_without_norms_a_signal_keeps_its_size(layer: nn.Module) -> None:
    torch.manual_seed(0)
    initialise_without_norm(layer)
    assert layer.weight.std().item() == pytest.approx((2 / (64 * 9)) ** 0.5, rel=0.05)  # of what enters a value
    assert not layer.bias.any()  # type: ignore[operator, union-attr]
