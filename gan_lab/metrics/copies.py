"""Whether generated images are copies: how near they are to training photos, beside how near held-out photos are."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from gan_lab.metrics.generation import ROWS, check_features

#: The share of held-out photos that are nearer to a training photo than the rest are: what no copying gives samples too.
CLOSE = 0.05


@dataclass(frozen=True)
class Memorisation:
    """How near samples are to training photos.

    Attributes:
        share: of the samples, that are nearer to a training photo than all but 5 % of the held-out photos are; about 0.05
            without copying.
        limit: that distance.
        distance_samples: the median sample's distance to its nearest training photo.
        distance_held_out: the median held-out photo's.
        nearest: for each sample, the place of its nearest training photo, int64 [N].
        distances: to it, float64 [N].
        held_out: each held-out photo's distance to its nearest training photo, float64 [M].
    """

    share: float
    limit: float
    distance_samples: float
    distance_held_out: float
    nearest: Tensor
    distances: Tensor
    held_out: Tensor

    def closest(self, count: int) -> list[tuple[int, int, float]]:
        """Return the likeliest copies, the nearest first: sample, training photo, distance."""
        order = self.distances.argsort(stable=True)[:count]
        return [(int(i), int(self.nearest[i]), float(self.distances[i])) for i in order]


def memorisation(f_train: Tensor, f_held_out: Tensor, f_samples: Tensor) -> Memorisation:
    """Return how near samples are to training photos, by the distance of features.

    Held-out photos say how near a photo comes that is no copy; they must not show what training photos show, for
    instance the same product by the same seller: then copies hide behind them.

    Args:
        f_train: [N, D] features of all training photos.
        f_held_out: [M, D].
        f_samples: [K, D].

    Raises:
        ValueError: a set is empty, or the features cannot be compared.

    Source: the comparison is Meehan et al. 2020, arXiv:2004.05675, sec. 3, with a quantile in place of its rank test.
    """
    f_train, f_held_out, f_samples = (
        check_features(name, values, fewest=1)
        for name, values in (("f_train", f_train), ("f_held_out", f_held_out), ("f_samples", f_samples))
    )
    usual, _ = nearest_neighbours(f_held_out, f_train)
    distances, places = nearest_neighbours(f_samples, f_train)
    limit = usual.quantile(CLOSE).item()
    return Memorisation(
        share=share_nearer(usual, distances),
        limit=limit,
        distance_samples=distances.median().item(),
        distance_held_out=usual.median().item(),
        nearest=places,
        distances=distances,
        held_out=usual,
    )


def share_nearer(held_out: Tensor, samples: Tensor) -> float:
    """Return the share of samples that are nearer than all but 5 % of held-out photos, given both sets' distances."""
    return (samples < held_out.quantile(CLOSE)).double().mean().item()


def nearest_neighbours(points: Tensor, references: Tensor) -> tuple[Tensor, Tensor]:
    """Return the distance from each point [N, D] to the nearest reference [M, D], and that reference's place."""
    found = [torch.cdist(part, references).min(dim=1) for part in points.split(ROWS)]
    return torch.cat([each.values for each in found]), torch.cat([each.indices for each in found])
