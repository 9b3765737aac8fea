"""FID, KID and the Inception score by torchmetrics, computed so that small and unequal sets have their figure too.

This module imports all of torchmetrics, SciPy and matplotlib among it, which takes a second.
"""

from __future__ import annotations

import warnings
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.inception import InceptionScore as InceptionScoreInParts
from torchmetrics.image.kid import KernelInceptionDistance
from torchmetrics.utilities.data import dim_zero_cat

from gan_lab.metrics.generation import (
    frechet_distance,
    frechet_distance_of_moments,
    inception_score,
    kernel_distance,
)
from gan_lab.metrics.sets import ANY, POSITIVE, Limits


class GivenFeatures(nn.Module):
    """Stand in the place of a feature network for metrics that are updated with features.

    Args:
        num_features: the width of the features.
    """

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.num_features = num_features

    def forward(self, features: Tensor) -> Tensor:
        """Return the features, [N, num_features]."""
        return features


class KernelDistance(KernelInceptionDistance):
    """The unbiased squared kernel distance of two whole sets: KID without random subsets.

    torchmetrics takes the mean over subsets that it draws from the global generator, in float32 and of equal size. One
    subset of a whole set is the same figure; it also exists for sets of unequal size.

    Args:
        feature: images to features [N, D].
        options: of `torchmetrics.Metric`.

    Source: Binkowski et al. 2018, arXiv:1801.01401, eq. 4.
    """

    limits: Limits = MappingProxyType({"kernel_distance": ANY})  # unbiased, so it falls below 0 by chance

    def __init__(self, feature: nn.Module, **options: Any) -> None:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Metric `Kernel Inception Distance` will save all")
            super().__init__(feature, subsets=1, **options)
        # torchmetrics gathers list by list, which waits for ever where processes have different numbers of batches
        self.add_state("real_features", [], dist_reduce_fx="cat")
        self.add_state("fake_features", [], dist_reduce_fx="cat")

    def compute(self) -> Tensor:  # type: ignore[override]
        """Return the distance, a float64 scalar.

        Raises:
            ValueError: a set has fewer than 2 images, or the features are not finite.
        """
        (value,) = self.measure(dim_zero_cat(self.real_features), dim_zero_cat(self.fake_features)).values()
        return torch.tensor(value, dtype=torch.float64, device=self.device)

    def measure(self, f_real: Tensor, f_fake: Tensor) -> dict[str, float]:
        """Return the distance of two sets of features, [N, D] and [M, D], by its name."""
        return {"kernel_distance": kernel_distance(f_real, f_fake, subsets=None)[0]}

    @property
    def smallest(self) -> int:
        """The number of images in the smaller set, of those of this process."""
        return min(sum(map(len, features)) for features in (self.real_features, self.fake_features))


class FrechetDistance(FrechetInceptionDistance):
    """The squared Frechet distance of two Gaussians fitted to features: FID on Inception's pool features.

    torchmetrics takes the eigenvalues of the covariances' product, whose roots are inexact where there are fewer images
    than features. Here they are singular values, of the same sums.

    Args:
        feature: images to features [N, D]; has `num_features`, which is D.
        options: of `torchmetrics.Metric`.

    Source: Heusel et al. 2017, arXiv:1706.08500, eq. 6.
    """

    limits: Limits = MappingProxyType({"frechet_distance": POSITIVE})

    def __init__(self, feature: nn.Module, **options: Any) -> None:
        super().__init__(feature, **options)

    def compute(self) -> Tensor:
        """Return the distance, a float64 scalar.

        Raises:
            ValueError: a set has fewer than 2 images.
        """
        real = _fit(self.real_features_sum, self.real_features_cov_sum, int(self.real_features_num_samples))
        fake = _fit(self.fake_features_sum, self.fake_features_cov_sum, int(self.fake_features_num_samples))
        value = frechet_distance_of_moments(*real, *fake)
        return torch.tensor(value, dtype=torch.float64, device=self.device)

    def measure(self, f_real: Tensor, f_fake: Tensor) -> dict[str, float]:
        """Return the distance of two sets of features, [N, D] and [M, D], by its name."""
        return {"frechet_distance": frechet_distance(f_real, f_fake)}


class InceptionScore(InceptionScoreInParts):
    """The Inception score over consecutive parts.

    torchmetrics shuffles the images by the global generator first, and takes the deviation of a sample of parts.

    Args:
        feature: images to logits [N, classes].
        splits: how many parts.
        options: of `torchmetrics.Metric`.

    Source: Salimans et al. 2016, arXiv:1606.03498, sec. 4.
    """

    def __init__(self, feature: nn.Module, splits: int = 10, **options: Any) -> None:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Metric `InceptionScore` will save all")
            super().__init__(feature, splits=splits, **options)
        self.add_state("features", [], dist_reduce_fx="cat")

    def compute(self) -> tuple[Tensor, Tensor]:
        """Return the mean over the parts and their standard deviation, float64 scalars.

        Raises:
            ValueError: there are no images, or the logits are not finite.
        """
        mean, deviation = inception_score(dim_zero_cat(self.features), self.splits)
        return tuple(torch.tensor(value, dtype=torch.float64, device=self.device) for value in (mean, deviation))  # type: ignore[return-value]


def _fit(total: Tensor, products: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return mean [D] and covariance [D, D] of features, given their sum, the sum of their products and their number."""
    if count < 2:
        raise ValueError(f"{count} images: a Frechet distance needs 2 of each kind")
    mean = total / count
    return mean, (products - count * torch.outer(mean, mean)) / (count - 1)
