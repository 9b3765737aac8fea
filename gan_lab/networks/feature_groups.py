"""What a frozen network says of images at several scales, as groups of vectors that are compared each for itself."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from gan_lab.networks.efficientnet_lite import TRAINER, Version, efficientnet_lite
from gan_lab.networks.features import as_colour

#: Below it a channel's deviation has no gradient to speak of: a flat image must not divide by nothing.
VARIANCE_FLOOR = 1e-4


class FeatureGroups(nn.Module):
    """Describe images by EfficientNet-Lite's stages and by their own colours, in vectors of several kinds.

    Of each stage: the mean and the deviation of every channel, the vector at every place of a grid, and all places at once.
    Of the image: its colours on a grid. The network takes images at their own size.

    Args:
        version: of EfficientNet-Lite.
        grid: places a side of a stage, at most.
        colours: places a side of the image.

    Raises:
        UserError: the network's package is not installed, or its file is damaged.

    Source: Deng et al. 2026, arXiv:2602.04770, appendix on the features of the drifting loss.
    Differs from paper: EfficientNet-Lite's stages on pixels, for an autoencoder's on latents; colours are a group.
    """

    def __init__(self, version: Version = TRAINER, grid: int = 4, colours: int = 8) -> None:
        super().__init__()
        self.grid, self.colours = grid, colours
        # In a list, torch does not see it: constants stay out of checkpoints, optimisers and DDP's broadcasts.
        self._hidden = [
            efficientnet_lite(version, size=None, option="model.features").to(memory_format=torch.channels_last)
        ]

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return groups [P, N, D] float32: N vectors of length D at each of P places.

        Args:
            images: [N, 1 or 3, H, W] in [-1, 1], sides of at least 16.
        """
        return self.group(images, self.extract_stages(images))

    def extract_stages(self, images: Tensor) -> list[Tensor]:
        """Return the maps of the network's stages, the finest first, [N, C', H', W'] float32 each; see `forward`."""
        return self._hidden[0].to(images.device).extract_stages(images.float())

    def group(self, images: Tensor, stages: Sequence[Tensor]) -> list[Tensor]:
        """Return the groups of images of which `extract_stages` has given the stages; see `forward`."""
        groups = [_pool(as_colour(images.float()), self.colours).flatten(1)[None]]
        for stage in stages:
            deviation = (stage.var(dim=(2, 3), correction=0) + VARIANCE_FLOOR).sqrt()
            places = _pool(stage, self.grid)
            groups += [
                stage.mean(dim=(2, 3))[None],
                deviation[None],
                places.flatten(2).permute(2, 0, 1),
                places.flatten(1)[None],
            ]
        return groups


def _pool(maps: Tensor, side: int) -> Tensor:
    """Return maps [N, C, H, W] averaged onto a grid of at most `side` places a side."""
    height, width = (min(side, size) for size in maps.shape[-2:])
    return functional.adaptive_avg_pool2d(maps, (height, width))
