"""Discriminators that look at images through a frozen network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from gan_lab.networks.efficientnet_lite import TRAINER, Version, efficientnet_lite
from gan_lab.networks.spectral_norm import spectral_normalise

#: What the stages of EfficientNet-Lite0 and Lite1 have, the finest first.
STAGE_CHANNELS = (16, 24, 40, 112, 320)


class FeatureDiscriminator(nn.Module):
    """Judge every place of a frozen network's stages, each stage by three convolutions of its own.

    What the frozen network knows of shapes need not be learnt, so that a few thousand images train it; and a generator
    cannot please one stage at the cost of the others.

    Args:
        stage_channels: of the network's stages, the finest first.
        first: stages, from the finest, that are left out: they are the largest ones, and cost the most.
        width: channels within.

    Source: Sauer et al. 2021, arXiv:2111.01007, section 3 (projected GAN).
    Differs from paper: the stages as they are, not mixed by random convolutions; small heads that keep the stage's size.
    """

    def __init__(self, stage_channels: Sequence[int] = STAGE_CHANNELS, first: int = 1, width: int = 32) -> None:
        super().__init__()
        self.first = first
        self.heads = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(channels, width, 1),
                nn.LeakyReLU(0.2),
                nn.Conv2d(width, width, 3, padding=1),
                nn.LeakyReLU(0.2),
                nn.Conv2d(width, 1, 1),
            )
            for channels in stage_channels[first:]
        )
        spectral_normalise(self)

    def forward(self, stages: Sequence[Tensor]) -> list[Tensor]:
        """Return logits [N, 1, H', W'] of each stage that is judged, for the network's stages [N, C', H', W']."""
        return [head(stage) for head, stage in zip(self.heads, stages[self.first :], strict=True)]


class ProjectedDiscriminator(nn.Module):
    """Judge images by the stages of EfficientNet-Lite, of which only small heads are trained: in the place of any other D.

    Args:
        version: of EfficientNet-Lite.
        first: stages, from the finest, that are left out.
        width: channels within the heads.

    Raises:
        UserError: the network's package is not installed, or its file is damaged.

    Source: see `FeatureDiscriminator`.
    Differs from paper: a loss averages over all places, so a stage counts by how many it has, the finest most.
    """

    def __init__(self, version: Version = TRAINER, first: int = 1, width: int = 32) -> None:
        super().__init__()
        network = efficientnet_lite(version, size=None, option="model.discriminator")
        # In a list, torch does not see it: constants stay out of checkpoints, optimisers and DDP's broadcasts.
        self._hidden = [network.to(memory_format=torch.channels_last)]
        self.heads = FeatureDiscriminator(network.stage_channels, first, width)

    def forward(
        self, x: Tensor, label: Tensor | None = None, *, return_features: bool = False
    ) -> Tensor | tuple[Tensor, list[Tensor]]:
        """Return the logits of images, and on request the frozen stages that are judged; both in float32.

        Args:
            x: [N, 1 or 3, H, W] in [-1, 1], sides of at least 16.
            label: not looked at.
            return_features: also return the stages, [N, C', H', W'] each, shallow to deep.

        Returns:
            [N, places of all stages]; or (logits, features).
        """
        with torch.autocast(x.device.type, enabled=False):
            stages = self._hidden[0].to(x.device).extract_stages(x.float())
            logits = torch.cat([each.flatten(1) for each in self.heads(stages)], dim=1)
        return (logits, stages[self.heads.first :]) if return_features else logits

    def compile(self, *args: Any, **options: Any) -> None:
        """Have the heads compiled alone: the frozen network would take minutes, for as much at a call as it gains."""
        self.heads.compile(*args, **options)
