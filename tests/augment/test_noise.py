from __future__ import annotations

import pytest
import torch

from gan_lab.augment import InstanceNoise
from gan_lab.errors import UserError


@pytest.mark.parametrize(("progress", "sigma"), [(0.0, 0.4), (0.25, 0.2), (0.4, 0.08), (0.5, 0.0), (1.0, 0.0)])
def test_sigma_falls_linearly(progress: float, sigma: float) -> None:
    torch.manual_seed(0)
    noise = InstanceNoise(sigma=0.4, until=0.5)
    noise.progress = progress
    images = torch.ones(20, 3, 20, 20)
    added = noise(images) - images
    assert added.std().item() == pytest.approx(sigma, rel=0.02)
    assert added.mean().item() == pytest.approx(0, abs=0.01)


def test_the_gradient_passes_everywhere() -> None:
    images = torch.ones(2, 3, 4, 4, requires_grad=True)  # at the end of their range
    InstanceNoise(sigma=1.0)(images).sum().backward()
    assert torch.equal(images.grad, torch.ones_like(images))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sigma": -1.0}, "augment.sigma=-1.0"),
        ({"until": 0.0}, "augment.until=0.0"),
        ({"until": 2.0}, "augment.until=2.0"),
    ],
)
def test_nonsense_is_refused(options: dict[str, float], message: str) -> None:
    with pytest.raises(UserError, match=message):
        InstanceNoise(**options)
