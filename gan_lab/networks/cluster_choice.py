"""Which cluster of photos a latent vector stands for, so that an unconditional generator can have a mode for each."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

#: Numbers in which photos are told apart, as the method that finds the clusters describes them.
DIMENSIONS = 128
#: Numbers in which photos are told apart, as the method that finds the clusters describes them.
DIMENSIONS = 128
#: The largest angle, as a share of the circle, that is not yet the first one again.
_BELOW_ONE = 1 - 2**-24


class ClusterChoice(nn.Module):
    """Divide the circle of angles of a latent vector's first two numbers among clusters, each by its share.

    For z of a normal distribution a cluster comes up as often as its share says, and a scaled z, as truncation makes it,
    stays in its cluster.

    Args:
        clusters: at most; all have the same share at first.
        dimensions: of their centres.

    Attributes:
        centres: where the method that trains the generator has found them, [K, dimensions]; no rows before that.
    """

    bounds: Tensor
    found: Tensor

    def __init__(self, clusters: int, dimensions: int = DIMENSIONS) -> None:
        super().__init__()
        self.clusters = clusters
        self.register_buffer("bounds", torch.arange(1, clusters + 1) / clusters)
        self.register_buffer("all_centres", torch.zeros(clusters, dimensions))
        self.register_buffer("found", torch.zeros((), dtype=torch.int64))

    @property
    def centres(self) -> Tensor:
        """Return the centres that were found; see above."""
        return self.get_buffer("all_centres")[: int(self.found)]

    def set_clusters(self, centres: Tensor, counts: Tensor) -> None:
        """Take the clusters that were found: their centres [K, dimensions], and how many photos each has, [K]."""
        bounds = (counts.double() / counts.sum()).cumsum(0)
        bounds[counts.nonzero()[-1] :] = 1  # the last one that has any has the rest: no angle falls behind it
        self.bounds.fill_(1)
        self.bounds[: len(bounds)] = bounds
        self.get_buffer("all_centres")[: len(centres)] = centres
        self.found.fill_(len(centres))

    def forward(self, z: Tensor) -> Tensor:
        """Return the clusters, int64 [N], of z [N, latents]."""
        angle = (torch.atan2(z[:, 1].float(), z[:, 0].float()) / math.tau + 0.5).clamp(max=_BELOW_ONE)
        return (angle[:, None] >= self.bounds).sum(dim=1)

    @staticmethod
    def keep(z: Tensor, like: Tensor) -> Tensor:
        """Return z [N, latents] in the clusters of other latents, [N, latents] or [latents]."""
        return torch.cat([like[..., :2].expand(len(z), 2), z[:, 2:]], dim=1)

    def turn(self, z: Tensor, clusters: Tensor) -> Tensor:
        """Return z [N, latents] with the first two numbers turned by a random angle into clusters, int64 [N]."""
        bounds = torch.cat([self.bounds.new_zeros(1), self.bounds])
        low, high = bounds[clusters], bounds[clusters + 1]
        # within its part of the circle by more than what rounding moves an angle
        share = low + (high - low) * (0.001 + 0.998 * torch.rand(len(z), device=z.device))
        angle, radius = (share - 0.5) * math.tau, z[:, :2].norm(dim=1)
        return torch.cat([torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1), z[:, 2:]], dim=1)
