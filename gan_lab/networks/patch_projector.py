"""What CUT compares patches by: features of some places, through a small perceptron each."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from gan_lab.networks.initialisation import initialise


class PatchProjector(nn.Module):
    """Turn feature maps at chosen places into unit vectors, by two linear layers a map.

    Args:
        channels: of each feature map.
        width: length of the vectors, and of the hidden layers.
        patches: places to choose, at most.

    Source: Park et al. 2020, arXiv:2007.15651, section 3 and appendix C.
    """

    def __init__(self, channels: Sequence[int], width: int = 256, patches: int = 256) -> None:
        super().__init__()
        self.patches = patches
        self.heads = nn.ModuleList(
            nn.Sequential(nn.Linear(entry, width), nn.ReLU(), nn.Linear(width, width)) for entry in channels
        )
        initialise(self)

    def places(self, features: Sequence[Tensor]) -> list[Tensor]:
        """Choose places at random, the same in every image: int64 [P] into the pixels of each map."""
        return [torch.randperm(one.shape[2] * one.shape[3], device=one.device)[: self.patches] for one in features]

    def forward(self, features: Sequence[Tensor], places: Sequence[Tensor]) -> list[Tensor]:
        """Return unit vectors [N, P, width] for each map [N, C, H, W] and its places [P]."""
        chosen = [one.flatten(2)[:, :, at].transpose(1, 2) for one, at in zip(features, places, strict=True)]
        return [functional.normalize(head(values), dim=2) for head, values in zip(self.heads, chosen, strict=True)]
