"""Halving and doubling feature maps: by strides as the papers do, by antialiased filters, or by enlarging first."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional

from gan_lab.networks.norm import Norm, needs_bias, norm_layer

Resampling = Literal["strided", "antialiased", "resize"]


class BlurPool2d(nn.Module):
    """Halve both sides of feature maps behind a [1, 2, 1] / 4 blur, with reflected borders.

    Source: Zhang 2019, arXiv:1904.11486, section 3.2 (Tri-3).
    """

    kernel: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        taps = torch.tensor([1.0, 2.0, 1.0]) / 4
        kernel = (taps[:, None] * taps[None, :]).expand(channels, 1, 3, 3)
        self.register_buffer("kernel", kernel.clone(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return [N, C, ceil(H / 2), ceil(W / 2)] for [N, C, H, W]."""
        padded = functional.pad(x, (1, 1, 1, 1), mode="reflect")
        return functional.conv2d(padded, self.kernel.to(x.dtype), stride=2, groups=x.shape[1])


class ResizeConv2d(nn.Module):
    """Double both sides by repetition, then convolve with 3x3 kernels: no grid, at the price of a transposed convolution.

    Each output sees at most four different pixels, so that both steps are one transposed convolution whose 4x4 kernel is the
    3x3 one spread over two pixels each way: four products an output in the place of nine.

    Args:
        entry: channels of the input.
        out: channels of the output.
        bias: whether one is added.

    Source: Odena et al. 2016, doi:10.23915/distill.00003 (resize-convolution).
    """

    def __init__(self, entry: int, out: int, bias: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(entry, out, 3, 3))
        self.bias = nn.Parameter(torch.zeros(out)) if bias else None
        nn.init.normal_(self.weight, std=(9 * entry) ** -0.5)

    def forward(self, x: Tensor) -> Tensor:
        """Return [N, out, 2 H, 2 W] for [N, entry, H, W]."""
        padded = functional.pad(self.weight, (1, 1, 1, 1))
        rows = padded[..., 1:, :] + padded[..., :-1, :]
        return functional.conv_transpose2d(x, rows[..., 1:] + rows[..., :-1], self.bias, stride=2, padding=1)


def down(entry: int, out: int, norm: Norm, resampling: Resampling) -> list[nn.Module]:
    """Return the layers that halve a map: 3x3 convolution, norm, ReLU, and the blur behind them where it is antialiased.

    Raises:
        ValueError: `resampling` is not one of the three.
    """
    check_resampling(resampling)
    stride = 1 if resampling == "antialiased" else 2
    layers = [nn.Conv2d(entry, out, 3, stride, 1, bias=needs_bias(norm)), norm_layer(norm, out), nn.ReLU(inplace=True)]
    return [*layers, BlurPool2d(out)] if resampling == "antialiased" else layers


def up(entry: int, out: int, norm: Norm, resampling: Resampling) -> list[nn.Module]:
    """Return the layers that double a map.

    "strided" is a 3x3 transposed convolution, whose kernel the stride does not divide: neighbouring pixels get unequal
    shares, which shows as a grid. The other two enlarge first, bilinearly or by repetition.

    Raises:
        ValueError: `resampling` is not one of the three.

    Source: Odena et al. 2016, doi:10.23915/distill.00003 (the grid, and resize-convolution).
    """
    check_resampling(resampling)
    bias = needs_bias(norm)
    end = [norm_layer(norm, out), nn.ReLU(inplace=True)]
    if resampling == "strided":
        return [nn.ConvTranspose2d(entry, out, 3, 2, 1, output_padding=1, bias=bias), *end]
    mode = "bilinear" if resampling == "antialiased" else "nearest"
    return [nn.Upsample(scale_factor=2, mode=mode), nn.Conv2d(entry, out, 3, 1, 1, bias=bias), *end]


def check_resampling(resampling: str) -> None:
    """Raise ValueError for what is no way to resample."""
    if resampling not in get_args(Resampling):
        raise ValueError(f"resampling must be one of {', '.join(get_args(Resampling))}; got {resampling!r}")
