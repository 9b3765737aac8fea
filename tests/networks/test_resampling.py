"""Halving and doubling."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from gan_lab.networks import ResnetGenerator
from gan_lab.networks.resampling import BlurPool2d, ResizeConv2d, up


@pytest.mark.parametrize("resampling", ["strided", "antialiased", "resize"])
@pytest.mark.parametrize("size", [(16, 16), (13, 22)])
def test_a_generator_keeps_any_size(resampling: str, size: tuple[int, int]) -> None:
    generator = ResnetGenerator(width=4, blocks=1, resampling=resampling)  # type: ignore[arg-type]
    assert generator(torch.zeros(1, 3, *size)).shape == (1, 3, *size)


def test_the_blur_is_a_quarter_a_half_a_quarter_with_the_border_mirrored() -> None:
    row = torch.tensor([0.0, 4.0, 8.0, 0.0]).expand(1, 2, 4, 4)
    halved = BlurPool2d(2)(row)
    torch.testing.assert_close(halved, torch.tensor([2.0, 5.0]).expand(1, 2, 2, 2))


def evenness(layers: list[nn.Module]) -> float:
    """Return the standard deviation between pixels, inside, of what a doubling with equal weights makes of an even map."""
    for layer in layers:
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.ones_(layer.weight)
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    with torch.no_grad():
        return float(nn.Sequential(*layers)(torch.ones(1, 1, 8, 8))[..., 2:-2, 2:-2].std())


def test_only_the_strided_doubling_leaves_a_grid_on_an_even_map() -> None:
    assert evenness(up(1, 1, "none", "strided")) > 0.5
    assert evenness(up(1, 1, "none", "antialiased")) == evenness(up(1, 1, "none", "resize")) == 0


def test_another_way_is_refused() -> None:
    with pytest.raises(ValueError, match="resampling must be one of strided, antialiased, resize; got 'bicubic'"):
        ResnetGenerator(width=4, blocks=1, resampling="bicubic")  # type: ignore[arg-type]


def test_a_resize_convolution_is_repetition_and_then_a_convolution() -> None:
    layer, x = ResizeConv2d(3, 5), torch.randn(2, 3, 4, 7)
    nn.init.normal_(layer.bias)  # type: ignore[arg-type]
    # a transposed convolution's kernel is turned, and has its inputs first
    kernel = layer.weight.flip(2, 3).transpose(0, 1)
    expected = functional.conv2d(functional.interpolate(x, scale_factor=2.0), kernel, layer.bias, padding=1)
    torch.testing.assert_close(layer(x), expected, rtol=1e-4, atol=1e-5)
