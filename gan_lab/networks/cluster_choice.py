"""Which cluster of photos a latent vector stands for, so that an unconditional generator can have a mode for each."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from gan_lab.networks.discriminator import require_label

#: Numbers in which photos are told apart, as the method that finds the clusters describes them.
DIMENSIONS = 128
#: The largest angle, as a share of the circle, that is not yet the first one again.
_BELOW_ONE = 1 - 2**-24


class ClusterChoice(nn.Module):
    """Divide the circle of angles of a latent vector's first two numbers among clusters, each by its share.

    For z of a normal distribution a cluster comes up as often as its share says, and a scaled z, as truncation makes it,
    stays in its cluster. With classes each one has a circle of its own, among whose clusters the angle chooses.

    Args:
        clusters: at most, of all classes together; all have the same share at first.
        classes: number of labels, 0 for none.
        dimensions: of their centres.

    Attributes:
        centres: where the method that trains the generator has found them, [K, dimensions]; no rows before that.
        owners: the class of each cluster, int64 [clusters]; 0 without classes.
    """

    bounds: Tensor
    owners: Tensor
    found: Tensor

    def __init__(self, clusters: int, classes: int = 0, dimensions: int = DIMENSIONS) -> None:
        super().__init__()
        self.clusters, self.classes = clusters, classes
        self.register_buffer("bounds", (torch.arange(1, clusters + 1) / clusters).repeat(max(1, classes), 1))
        self.register_buffer("all_centres", torch.zeros(clusters, dimensions))
        self.register_buffer("owners", torch.zeros(clusters, dtype=torch.int64))
        self.register_buffer("found", torch.zeros((), dtype=torch.int64))

    @property
    def centres(self) -> Tensor:
        """Return the centres that were found; see above."""
        return self.get_buffer("all_centres")[: int(self.found)]

    def set_clusters(self, centres: Tensor, owners: Tensor, counts: Tensor) -> None:
        """Take the clusters that were found: their centres [K, dimensions], classes and numbers of photos, int64 [K] each."""
        found = len(centres)
        for label, bounds in enumerate(self.bounds):
            own = counts.cpu().double() * (owners.cpu() == label)
            ends = (own / own.sum()).cumsum(0)  # in double precision: the last one is 1 when it is rounded
            bounds.fill_(1)
            bounds[:found] = ends.float()
        self.get_buffer("all_centres")[:found] = centres
        self.owners[:found] = owners
        self.found.fill_(found)

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """Return the clusters, int64 [N], of z [N, latents] and, with classes, of labels int64 [N]."""
        angle = (torch.atan2(z[:, 1].float(), z[:, 0].float()) / math.tau + 0.5).clamp(max=_BELOW_ONE)
        bounds = self.bounds[require_label(label)] if self.classes else self.bounds
        return (angle[:, None] >= bounds).sum(dim=1)

    @staticmethod
    def keep(z: Tensor, like: Tensor) -> Tensor:
        """Return z [N, latents] in the clusters of other latents, [N, latents] or [latents]."""
        return torch.cat([like[..., :2].expand(len(z), 2), z[:, 2:]], dim=1)

    def turn(self, z: Tensor, clusters: Tensor) -> Tensor:
        """Return z [N, latents] with the first two numbers turned by a random angle into clusters, int64 [N]."""
        bounds = torch.cat([self.bounds.new_zeros(len(self.bounds), 1), self.bounds], dim=1)
        own = bounds[self.owners[clusters]]
        low, high = (own.gather(1, number[:, None])[:, 0] for number in (clusters, clusters + 1))
        # within its part of the circle by more than what rounding moves an angle
        share = low + (high - low) * (0.001 + 0.998 * torch.rand(len(z), device=z.device))
        angle, radius = (share - 0.5) * math.tau, z[:, :2].norm(dim=1)
        return torch.cat([torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1), z[:, 2:]], dim=1)
