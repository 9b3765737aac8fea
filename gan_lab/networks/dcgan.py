"""The deep convolutional GAN, at any of the sizes that its doubling allows, plain or conditional."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn

from gan_lab.networks.discriminator import Discriminator, LabelPlane, require_label
from gan_lab.networks.first_map import find_first_map
from gan_lab.networks.initialisation import initialise, initialise_without_norm
from gan_lab.networks.norm import Norm, needs_bias, norm_layer
from gan_lab.networks.spectral_norm import spectral_normalise
from gan_lab.options import ImageSize

_WIDTH_CAP = 8


def _ladder(image_size: ImageSize, width: int) -> tuple[tuple[int, int], list[int]]:
    """Return the smallest map's sides and the channels of every map, from the one next to the image inwards."""
    sides, doublings = find_first_map(image_size)
    return sides, [width * min(2**level, _WIDTH_CAP) for level in range(doublings)]


class DCGANGenerator(nn.Module):
    """Grow an image from noise with 4x4 transposed convolutions, batch norm and ReLU; Tanh at the end.

    With `classes` the label is embedded and concatenated to z. The smallest map is 4x4 at 32, 64, 128 ... pixels, 7x7 at 28,
    6x4 at (96, 64): see `find_first_map`.

    Raises:
        UserError: `image_size` cannot be halved to such a map.

    Source: Radford et al. 2016, arXiv:1511.06434, fig. 1; labels: Mirza & Osindero 2014, arXiv:1411.1784, eq. 2.
    """

    def __init__(
        self, image_size: ImageSize = 64, channels: int = 3, latents: int = 100, width: int = 64, classes: int = 0
    ) -> None:
        super().__init__()
        sides, widths = _ladder(image_size, width)
        self.latents = latents
        self.embedding = nn.Embedding(classes, latents) if classes else None
        entry = 2 * latents if classes else latents
        layers: list[nn.Module] = [
            nn.ConvTranspose2d(entry, widths[-1], sides, bias=False), nn.BatchNorm2d(widths[-1]), nn.ReLU(inplace=True)
        ]  # fmt: skip
        for inner, outer in itertools.pairwise(reversed(widths)):
            layers += [nn.ConvTranspose2d(inner, outer, 4, 2, 1, bias=False), nn.BatchNorm2d(outer)]
            layers += [nn.ReLU(inplace=True)]
        layers += [nn.ConvTranspose2d(widths[0], channels, 4, 2, 1, bias=False), nn.Tanh()]
        self.layers = nn.Sequential(*layers)
        initialise(self)

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """Return images [N, C, H, W] in [-1, 1] for z [N, latents] and, with classes, labels int64 [N]."""
        if self.embedding is not None:
            z = torch.cat([z, self.embedding(require_label(label))], dim=1)
        return self.layers(z[:, :, None, None])


class DCGANDiscriminator(Discriminator):
    """Judge a whole image with 4x4 stride-2 convolutions and LeakyReLU 0.2; no norm next to the image or at the logit.

    With `classes` the label becomes one more image plane. With neither norm nor spectral norm the weights begin as He et al.'s:
    the paper's rely on a norm behind each layer.

    Raises:
        UserError: as the generator.

    Source: Radford et al. 2016, arXiv:1511.06434, section 3; labels: Mirza & Osindero 2014, arXiv:1411.1784, eq. 2.
    """

    def __init__(
        self,
        image_size: ImageSize = 64,
        channels: int = 3,
        width: int = 64,
        norm: Norm = "batch",
        spectral: bool = False,
        classes: int = 0,
    ) -> None:
        sides, widths = _ladder(image_size, width)
        bias = needs_bias(norm)
        stages = [_down(channels + bool(classes), widths[0], "none", bias)]
        stages += [_down(outer, inner, norm, bias) for outer, inner in itertools.pairwise(widths)]
        super().__init__(stages, nn.Conv2d(widths[-1], 1, sides, bias=bias))
        initialise_without_norm(self) if norm == "none" and not spectral else initialise(self)
        if spectral:
            spectral_normalise(self)
        self.plane = LabelPlane(classes, image_size) if classes else None

    def enter(self, x: Tensor, label: Tensor | None) -> Tensor:
        """Return the image, with its label's plane where there are classes."""
        return x if self.plane is None else self.plane(x, label)

    def judge(self, hidden: Tensor, label: Tensor | None) -> Tensor:
        """Return one logit an image, [N]."""
        return self.head(hidden).flatten()


def _down(entry: int, out: int, norm: Norm, bias: bool) -> nn.Sequential:
    convolution = nn.Conv2d(entry, out, 4, 2, 1, bias=bias)
    return nn.Sequential(convolution, norm_layer(norm, out), nn.LeakyReLU(0.2, inplace=True))
