from __future__ import annotations

import pytest
import torch
from torch import nn

from gan_lab.networks import ConvDiscriminator

from . import checks


@pytest.mark.parametrize("norm", ["batch", "instance", "none"])
@pytest.mark.parametrize("size", [(32, 32), (37, 50)])
def test_discriminator(norm: str, size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    checks.assert_discriminator(ConvDiscriminator(widths=(4, 8, 8), norm=norm), torch.randn(3, 3, *size), (3,))


def test_defaults_are_the_articles() -> None:
    convolutions = [m for m in ConvDiscriminator().modules() if isinstance(m, nn.Conv2d)]
    assert [m.out_channels for m in convolutions] == [64, 128, 256]
    assert all(m.kernel_size == (5, 5) and m.stride == (2, 2) for m in convolutions)
    assert sum(isinstance(m, nn.BatchNorm2d) for m in ConvDiscriminator().modules()) == 2


def test_spectral_layout_input_and_second_derivative() -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 1, 20, 30)
    build = {"channels": 1, "widths": (4, 8)}
    spectral = ConvDiscriminator(**build, norm="none", spectral=True)
    checks.assert_discriminator(spectral, x, (2,))
    checks.assert_spectral(spectral)
    checks.assert_differentiable_twice(ConvDiscriminator(**build), x)
    checks.assert_input_unchanged(ConvDiscriminator(**build), x)
    checks.assert_same_in_channels_last(ConvDiscriminator(**build), x)
