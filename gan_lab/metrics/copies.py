"""Whether generated images are copies: how near they are to training photos, beside how near held-out photos are."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from gan_lab.metrics.generation import ROWS, check_features

#: The share of held-out photos that are nearer to a training photo than the rest are: what no copying gives samples too.
CLOSE = 0.05
#: Directions of a whitened space at most.
DIRECTIONS = 256


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
        false_alarms: the share of held-out photos that would count as copies by a limit that other held-out photos set.
    """

    share: float
    limit: float
    distance_samples: float
    distance_held_out: float
    nearest: Tensor
    distances: Tensor
    held_out: Tensor
    false_alarms: float

    def closest(self, count: int) -> list[tuple[int, int, float]]:
        """Return the likeliest copies, the nearest first: sample, training photo, distance."""
        order = self.distances.argsort(stable=True)[:count]
        return [(int(i), int(self.nearest[i]), float(self.distances[i])) for i in order]


@dataclass(frozen=True)
class WhitenedSpace:
    """Directions in which a set of features varies, each scaled to deviation 1; vectors in it have length 1.

    What all photos of a shop share takes most of their features' variance: whitened, the rest tells one from another.

    Attributes:
        mean: of the features, [D].
        directions: [D, d].
    """

    mean: Tensor
    directions: Tensor

    def embed(self, features: Tensor) -> Tensor:
        """Return float64 [N, d] of length 1, for features [N, D]."""
        return functional.normalize((features.double() - self.mean) @ self.directions, dim=1)


def fit_whitened_space(features: Tensor) -> WhitenedSpace:
    """Return the space of features [N, D], of 256 directions at most, and no more than a quarter of N.

    Source: Jegou & Chum 2012, doi:10.1007/978-3-642-33709-3_55, section 3.
    """
    features = features.double()
    mean = features.mean(dim=0)
    variances, axes = torch.linalg.eigh((features - mean).T @ (features - mean) / len(features))
    count = min(DIRECTIONS, max(1, len(features) // 4), len(mean))
    kept, directions = variances[-count:], axes[:, -count:]
    floor = 1e-9 * float(variances[-1].clamp(min=0)) + 1e-12  # of features that do not vary
    return WhitenedSpace(mean, directions / kept.clamp(min=floor).sqrt())


def memorisation(
    f_train: Tensor, f_held_out: Tensor, f_samples: Tensor, mirrored: tuple[Tensor, Tensor] | None = None
) -> Memorisation:
    """Return how near samples are to training photos, by the distance of features.

    Held-out photos say how near a photo comes that is no copy; they must not show what training photos show, for
    instance the same product by the same seller: then copies hide behind them.

    Args:
        f_train: [N, D] features of all training photos.
        f_held_out: [M, D].
        f_samples: [K, D].
        mirrored: features of the held-out photos and of the samples mirrored; the nearer of both is taken.

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
    if mirrored is not None:
        usual = usual.minimum(nearest_neighbours(mirrored[0].to(f_train), f_train)[0])
        turned, others = nearest_neighbours(mirrored[1].to(f_train), f_train)
        places, distances = torch.where(turned < distances, others, places), turned.minimum(distances)
    limit = usual.quantile(CLOSE).item()
    return Memorisation(
        share=share_nearer(usual, distances),
        limit=limit,
        distance_samples=distances.median().item(),
        distance_held_out=usual.median().item(),
        nearest=places,
        distances=distances,
        held_out=usual,
        false_alarms=cross_check_limit(usual),
    )


def cross_check_limit(held_out: Tensor) -> float:
    """Return the share of held-out photos that are nearer than all but 5 % of the other half are, halves taken in turn.

    Args:
        held_out: distances to the nearest training photo, [M]; of one photo the share is 0.
    """
    halves = held_out[::2], held_out[1::2]
    if not len(halves[1]):
        return 0.0
    near = [(own < other.quantile(CLOSE)).double() for own, other in (halves, halves[::-1])]
    return torch.cat(near).mean().item()


def share_nearer(held_out: Tensor, samples: Tensor) -> float:
    """Return the share of samples that are nearer than all but 5 % of held-out photos, given both sets' distances."""
    return (samples < held_out.quantile(CLOSE)).double().mean().item()


def nearest_neighbours(points: Tensor, references: Tensor) -> tuple[Tensor, Tensor]:
    """Return the distance from each point [N, D] to the nearest reference [M, D], and that reference's place."""
    found = [torch.cdist(part, references).min(dim=1) for part in points.split(ROWS)]
    return torch.cat([each.values for each in found]), torch.cat([each.indices for each in found])
