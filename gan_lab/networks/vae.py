"""The convolutional variational autoencoder's two halves."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from torch import Tensor, nn

from gan_lab.options import ImageSize, split_sides


def _sides(image_size: ImageSize, levels: int) -> list[tuple[int, int]]:
    """Return the sides of the feature maps from the image inwards; each stride-2 convolution halves and rounds up."""
    sides = [split_sides(image_size)]
    for _ in range(levels):
        height, width = sides[-1]
        sides.append(((height + 1) // 2, (width + 1) // 2))
    return sides


class ConvEncoder(nn.Module):
    """Encode an image of any size as the mean and log-variance of its latent: 3x3 stride-2 convolutions and batch norm.

    Args:
        image_size: the side of the image, or (height, width), any.
        channels: of the image.
        latents: length of the latent.
        widths: output channels of each convolution, from the image inwards.

    Source: Kingma & Welling 2014, arXiv:1312.6114, appendix C.2; convolutional as Hou et al. 2017, arXiv:1610.00291.
    """

    def __init__(
        self,
        image_size: ImageSize = 64,
        channels: int = 3,
        latents: int = 128,
        widths: Sequence[int] = (32, 64, 128, 256, 512),
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for entry, out in itertools.pairwise((channels, *widths)):
            layers += [nn.Conv2d(entry, out, 3, 2, 1, bias=False), nn.BatchNorm2d(out), nn.LeakyReLU(inplace=True)]
        self.layers = nn.Sequential(*layers)
        self.latents = latents
        self.head = nn.Linear(widths[-1] * math.prod(_sides(image_size, len(widths))[-1]), 2 * latents)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return (mu, logvar), each [N, latents] float32, for images [N, C, H, W] in [-1, 1]."""
        mu, logvar = self.head(self.layers(x).flatten(1)).float().chunk(2, dim=1)
        return mu, logvar


class ConvDecoder(nn.Module):
    """Decode latents to images: the encoder's mirror with transposed convolutions, a 3x3 convolution and Tanh.

    Args:
        image_size: the side of the image, or (height, width), any.
        channels: of the image.
        latents: length of the latent.
        widths: the encoder's, from the image inwards.
    """

    def __init__(
        self,
        image_size: ImageSize = 64,
        channels: int = 3,
        latents: int = 128,
        widths: Sequence[int] = (32, 64, 128, 256, 512),
    ) -> None:
        super().__init__()
        self.latents = latents
        sides = _sides(image_size, len(widths))
        self.dense_shape = (widths[-1], *sides[-1])
        self.dense = nn.Linear(latents, math.prod(self.dense_shape))
        layers: list[nn.Module] = []
        outs = (*reversed(widths[:-1]), widths[0])
        for level, (entry, out) in enumerate(zip(reversed(widths), outs, strict=True)):
            small, large = sides[-1 - level], sides[-2 - level]
            odd = (large[0] - (2 * small[0] - 1), large[1] - (2 * small[1] - 1))  # 0 where the encoder rounded up
            layers += [nn.ConvTranspose2d(entry, out, 3, 2, 1, output_padding=odd, bias=False)]
            layers += [nn.BatchNorm2d(out), nn.LeakyReLU(inplace=True)]
        layers += [nn.Conv2d(widths[0], channels, 3, padding=1), nn.Tanh()]
        self.layers = nn.Sequential(*layers)

    def forward(self, z: Tensor) -> Tensor:
        """Return images [N, C, H, W] in [-1, 1] for z [N, latents]."""
        return self.layers(self.dense(z).view(-1, *self.dense_shape))
