"""A discriminator that looks at images through a frozen network."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

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
