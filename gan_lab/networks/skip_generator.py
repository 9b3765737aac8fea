"""A light generator for few photos: resize-convolutions, and a skip connection that lets the first map scale the last one."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn

from gan_lab.errors import UserError
from gan_lab.networks.cluster_choice import ClusterChoice
from gan_lab.networks.discriminator import require_label
from gan_lab.networks.first_map import find_first_map
from gan_lab.networks.resampling import ResizeConv2d
from gan_lab.options import ImageSize

#: Channels of each map, inwards from the one next to the image, in multiples of `width`.
MULTIPLES = (2, 4, 8, 8)
#: Pixels of the smallest map's shorter side, at least.
SHORTEST = 3


class SkipGenerator(nn.Module):
    """Grow an image from noise by resize-convolutions; the smallest map scales the channels of the largest one.

    With `classes` the label is embedded and concatenated to z; with `clusters` the number of the cluster which z stands for,
    among those of its label where there are classes, too.

    Args:
        image_size: a side, or (height, width); the shorter one is 3 to 7 doubled as often as the longer: see `find_first_map`.
        channels: of the image.
        latents: length of z.
        width: half the channels of the map next to the image.
        classes: number of labels, 0 for none.
        clusters: kinds of image that it has a mode for, 0 for none; see `ClusterChoice`.

    Raises:
        UserError: `image_size` is none of those, there are fewer clusters than classes, or clusters without two latents.

    Source: Liu et al. 2021, arXiv:2101.04775, section 3.1 (skip-layer excitation).
    Differs from paper: one skip for three, ReLU for gated units, one convolution for two at each size: a CPU's pace.
    """

    def __init__(
        self,
        image_size: ImageSize = 64,
        channels: int = 3,
        latents: int = 128,
        width: int = 32,
        classes: int = 0,
        clusters: int = 0,
    ) -> None:
        super().__init__()
        if clusters and (clusters < classes or latents < 2):
            raise UserError(
                f"model.generator.clusters={clusters}: each of {classes} classes needs one, and they take two latents; give "
                f"at least {classes}, or 0 for none"
            )
        self.side, doublings = find_first_map(image_size, SHORTEST)
        widths = [width * MULTIPLES[min(level, len(MULTIPLES) - 1)] for level in reversed(range(doublings))]
        self.latents = latents
        self.choice = ClusterChoice(clusters, classes) if clusters else None
        kinds = clusters or classes
        self.embedding = nn.Embedding(kinds, latents) if kinds else None
        self.first = nn.Linear(2 * latents if kinds else latents, widths[0] * self.side[0] * self.side[1], bias=False)
        self.first_norm = nn.BatchNorm2d(widths[0])
        self.stages = nn.ModuleList(
            nn.Sequential(ResizeConv2d(inner, outer, bias=False), nn.BatchNorm2d(outer), nn.ReLU(inplace=True))
            for inner, outer in itertools.pairwise(widths)
        )
        self.excitation = nn.Sequential(
            nn.Conv2d(widths[0], widths[-1], self.side),
            nn.LeakyReLU(0.1),
            nn.Conv2d(widths[-1], widths[-1], 1),
            nn.Sigmoid(),
        )
        self.out = ResizeConv2d(widths[-1], channels)

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """Return images [N, C, H, W] in [-1, 1] for z [N, latents] and, with classes, labels int64 [N]."""
        if self.choice is not None:
            label = self.choice(z, label)
        if self.embedding is not None:
            z = torch.cat([z, self.embedding(require_label(label))], dim=1)
        first = hidden = self.first_norm(self.first(z).unflatten(1, (-1, *self.side))).relu()
        for stage in self.stages:
            hidden = stage(hidden)
        return self.out(hidden * self.excitation(first)).tanh()
