"""The fully connected GAN, plain or conditional."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from gan_lab.networks.discriminator import Discriminator, require_label
from gan_lab.options import ImageSize, split_sides

_LABEL_FEATURES = 50  # as the discriminator of Mirza & Osindero 2014, section 4.1


class MLPGenerator(nn.Module):
    """Map noise to an image of any size with linear layers and LeakyReLU 0.2; Tanh at the end.

    With `classes` the label is embedded and concatenated to z.

    Source: Goodfellow et al. 2014, arXiv:1406.2661, section 3; labels: Mirza & Osindero 2014, arXiv:1411.1784, eq. 2.
    """

    def __init__(
        self,
        image_size: ImageSize = 64,
        channels: int = 3,
        latents: int = 100,
        widths: Sequence[int] = (256, 512, 1024),
        classes: int = 0,
    ) -> None:
        super().__init__()
        self.latents = latents
        self.image_shape = (channels, *split_sides(image_size))
        self.embedding = nn.Embedding(classes, latents) if classes else None
        layers: list[nn.Module] = []
        for entry, out in itertools.pairwise((2 * latents if classes else latents, *widths)):
            layers += [nn.Linear(entry, out), nn.LeakyReLU(0.2, inplace=True)]
        layers += [nn.Linear(widths[-1], math.prod(self.image_shape)), nn.Tanh()]
        self.layers = nn.Sequential(*layers)

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """Return images [N, C, H, W] in [-1, 1] for z [N, latents] and, with classes, labels int64 [N]."""
        if self.embedding is not None:
            z = torch.cat([z, self.embedding(require_label(label))], dim=1)
        return self.layers(z).view(-1, *self.image_shape)


class MLPDiscriminator(Discriminator):
    """Judge a flattened image with linear layers, LeakyReLU 0.2 and dropout.

    With `classes` the label is embedded and concatenated to the pixels. Features are [N, width], not maps.

    Source: Goodfellow et al. 2014, arXiv:1406.2661, section 5; labels: Mirza & Osindero 2014, arXiv:1411.1784, eq. 2.
    """

    def __init__(
        self,
        image_size: ImageSize = 64,
        channels: int = 3,
        widths: Sequence[int] = (512, 256),
        dropout: float = 0.0,
        classes: int = 0,
    ) -> None:
        entries = (channels * math.prod(split_sides(image_size)) + (_LABEL_FEATURES if classes else 0), *widths)
        stages = [
            nn.Sequential(nn.Linear(entry, out), nn.LeakyReLU(0.2, inplace=True), nn.Dropout(dropout))
            for entry, out in itertools.pairwise(entries)
        ]
        super().__init__(stages, nn.Linear(widths[-1], 1))
        self.embedding = nn.Embedding(classes, _LABEL_FEATURES) if classes else None

    def enter(self, x: Tensor, label: Tensor | None) -> Tensor:
        """Return the pixels [N, C*H*W], followed by the label's embedding where there are classes."""
        pixels = x.flatten(1)
        if self.embedding is None:
            return pixels
        return torch.cat([pixels, self.embedding(require_label(label)).to(pixels.dtype)], dim=1)

    def judge(self, hidden: Tensor, label: Tensor | None) -> Tensor:
        """Return one logit an image, [N]."""
        return self.head(hidden).flatten()
