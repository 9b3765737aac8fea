"""The U-Net generator of pix2pix."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn

from gan_lab.networks.first_map import find_first_map
from gan_lab.networks.initialisation import initialise
from gan_lab.networks.norm import Norm, needs_bias, norm_layer
from gan_lab.networks.padding import pad_to_multiple
from gan_lab.options import ImageSize


class UNetGenerator(nn.Module):
    """Translate images through a bottleneck of 1x1, with a skip connection at every size; Tanh at the end.

    A side that is no multiple of 2 to the number of levels (the side of a square of 32, 64, 128 ...) is extended by reflection
    and cropped at the end; it must be longer than half of that.

    Args:
        image_size: 32, 64, 128, 256 ...; sets the depth. Of other sides, and of (height, width), both are halved as long as
            they are even, (96, 64) to a bottleneck of 3x2: see `find_first_map`.
        channels: of the image, in and out.
        width: channels after the first convolution, doubled per level up to 8 times.
        dropout: share of features dropped in the first three decoder levels, pix2pix's only source of noise.
        norm: "batch", "instance" or "none"; not applied next to the image and at the bottleneck.

    Raises:
        UserError: `image_size` is not one of those.

    Source: Isola et al. 2017, arXiv:1611.07004, appendix 6.1.1.
    """

    def __init__(
        self,
        image_size: ImageSize = 256,
        channels: int = 3,
        width: int = 64,
        dropout: float = 0.5,
        norm: Norm = "batch",
    ) -> None:
        super().__init__()
        _, depth = find_first_map(image_size, shortest=1)
        widths = [width * min(2**level, 8) for level in range(depth)]
        self.multiple = 2**depth
        encoder = [_down(channels, width, "none")]
        for level, (outer, inner) in enumerate(itertools.pairwise(widths), start=1):
            encoder.append(_down(outer, inner, "none" if level == depth - 1 else norm))
        decoder = []
        for level in range(depth - 1, 0, -1):
            entry = widths[level] * (1 if level == depth - 1 else 2)  # below the top, a skip connection joins
            drops = level >= depth - 3 and widths[level - 1] == 8 * width
            decoder.append(_up(entry, widths[level - 1], norm, dropout if drops else 0.0))
        self.encoder = nn.ModuleList(encoder)
        self.decoder = nn.ModuleList(decoder)
        self.out = nn.Sequential(nn.ReLU(), nn.ConvTranspose2d(2 * width, channels, 4, 2, 1), nn.Tanh())
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        """Return [N, C, H, W] in [-1, 1] for images [N, C, H, W] in [-1, 1]."""
        height, width = x.shape[-2:]
        hidden = pad_to_multiple(x, self.multiple)
        skips = []
        for stage in self.encoder:
            hidden = stage(hidden)
            skips.append(hidden)
        hidden = self.decoder[0](skips.pop())
        for stage in self.decoder[1:]:
            hidden = stage(torch.cat([hidden, skips.pop()], dim=1))
        return self.out(torch.cat([hidden, skips.pop()], dim=1))[..., :height, :width]


def _down(entry: int, out: int, norm: Norm) -> nn.Sequential:
    convolution = nn.Conv2d(entry, out, 4, 2, 1, bias=needs_bias(norm))
    return nn.Sequential(convolution, norm_layer(norm, out), nn.LeakyReLU(0.2, inplace=True))


def _up(entry: int, out: int, norm: Norm, dropout: float) -> nn.Sequential:
    # Not in place: the skip connection needs the encoder's output as it was.
    convolution = nn.ConvTranspose2d(entry, out, 4, 2, 1, bias=needs_bias(norm))
    return nn.Sequential(nn.ReLU(), convolution, norm_layer(norm, out), nn.Dropout(dropout))
