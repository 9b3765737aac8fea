"""The bound of batches, beside that of all images at once."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from gan_lab.metrics import NegativeELBO, negative_elbo


class Coder(nn.Module):
    """An encoder to two latents."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Linear(12, 4)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        mu, logvar = self.layer(image.flatten(1)).chunk(2, dim=1)
        return mu, logvar


def decode(z: Tensor) -> Tensor:
    return torch.tanh(z.repeat(1, 6)).view(-1, 3, 2, 2)


@pytest.mark.parametrize("importance", [False, True])
def test_batches_give_the_bound_of_all_images(importance: bool) -> None:
    images = torch.rand(11, 3, 2, 2, generator=torch.Generator().manual_seed(1)) * 2 - 1
    encoder = Coder()
    expected = negative_elbo(encoder, decode, [images], sigma=0.2, samples=3, importance=importance, seed=5)
    metric = NegativeELBO(encoder, decode, sigma=0.2, samples=3, importance=importance, seed=5)
    for part in images.split(4):
        metric.update(part)
    found = metric.compute()
    assert {name: float(value) for name, value in found.items()} == pytest.approx(expected._asdict(), rel=1e-6)
    assert not list(metric.parameters())  # the networks stay where they are
    assert encoder.training


def test_settings_are_checked() -> None:
    with pytest.raises(ValueError, match="sigma=0"):
        NegativeELBO(Coder(), decode, sigma=0.0)
