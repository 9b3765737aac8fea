"""Figures of sets of images as torchmetrics' metrics: updated batch by batch, reduced over processes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal, Protocol

import torch
from torch import Tensor, nn
from torchmetrics.metric import Metric
from torchmetrics.utilities.data import dim_zero_cat

from gan_lab.metrics.copies import Memorisation, memorisation
from gan_lab.metrics.generation import density_coverage, precision_recall
from gan_lab.metrics.intervals import Interval, jackknives

#: The least and the largest value that a figure can have, by its name.
Limits = Mapping[str, tuple[float, float]]
SHARE, POSITIVE, ANY = (0.0, 1.0), (0.0, math.inf), (-math.inf, math.inf)


class SetFigure(Protocol):
    """A metric of two sets of images that can measure any two sets of features, whatever it was updated with."""

    @property
    def limits(self) -> Limits:
        """The least and the largest value of each figure, by its name."""

    def measure(self, f_real: Tensor, f_fake: Tensor) -> dict[str, float]:
        """Return the figures of two sets of features, [N, D] and [M, D], by name."""


class FeatureSets(Metric):
    """Hold the features of real and of generated images; a subclass defines `limits` and `measure`.

    Args:
        feature: images to features [N, D]; None where `update` is given features.
        options: of `torchmetrics.Metric`.
    """

    full_state_update = False
    is_differentiable = False
    limits: Limits = MappingProxyType({})
    real_features: list[Tensor] | Tensor
    fake_features: list[Tensor] | Tensor

    def __init__(self, feature: nn.Module | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.feature = nn.Identity() if feature is None else feature
        self.add_state("real_features", [], dist_reduce_fx="cat")
        self.add_state("fake_features", [], dist_reduce_fx="cat")

    def measure(self, f_real: Tensor, f_fake: Tensor) -> dict[str, float]:
        """Return the figures of two sets of features, [N, D] and [M, D], by name."""
        raise NotImplementedError

    def update(self, imgs: Tensor, real: bool) -> None:
        """Add a batch of images, or of features, to one of the sets."""
        features = self.real_features if real else self.fake_features
        assert isinstance(features, list)
        features.append(self.feature(imgs))

    def get_features(self) -> tuple[Tensor, Tensor]:
        """Return the features of both sets, [N, D] and [M, D]."""
        return dim_zero_cat(self.real_features), dim_zero_cat(self.fake_features)

    def compute(self) -> dict[str, Tensor]:
        """Return the figures by name, float64 scalars."""
        return {name: self.make_scalar(value) for name, value in self.measure(*self.get_features()).items()}

    def make_scalar(self, value: float) -> Tensor:
        """Return a number as a float64 scalar on the metric's device."""
        return torch.tensor(value, dtype=torch.float64, device=self.device)


class PrecisionRecall(FeatureSets):
    """Precision and recall; see `gan_lab.metrics.precision_recall`.

    Args:
        feature: see `FeatureSets`.
        k: which neighbour sets the radius.
        options: of `torchmetrics.Metric`.
    """

    higher_is_better = True
    limits: Limits = MappingProxyType({"precision": SHARE, "recall": SHARE})

    def __init__(self, feature: nn.Module | None = None, k: int = 3, **options: Any) -> None:
        super().__init__(feature, **options)
        self.k = k

    def measure(self, f_real: Tensor, f_fake: Tensor) -> dict[str, float]:
        """Return both of two sets of features, [N, D] and [M, D]."""
        return dict(zip(self.limits, precision_recall(f_real, f_fake, self.k), strict=True))


class DensityCoverage(FeatureSets):
    """Density and coverage; see `gan_lab.metrics.density_coverage`.

    Args:
        feature: see `FeatureSets`.
        k: which neighbour sets the radius.
        options: of `torchmetrics.Metric`.
    """

    higher_is_better = True
    limits: Limits = MappingProxyType({"density": POSITIVE, "coverage": SHARE})

    def __init__(self, feature: nn.Module | None = None, k: int = 5, **options: Any) -> None:
        super().__init__(feature, **options)
        self.k = k

    def measure(self, f_real: Tensor, f_fake: Tensor) -> dict[str, float]:
        """Return both of two sets of features, [N, D] and [M, D]."""
        return dict(zip(self.limits, density_coverage(f_real, f_fake, self.k), strict=True))


class JackknifeIntervals(FeatureSets):
    """Figures of two sets with their 95 % intervals, by leaving out one group of images after the other.

    It wraps other metrics, as torchmetrics' BootStrapper does; a bootstrap would not do, see `gan_lab.metrics.jackknives`.

    Args:
        figures: metrics of sets, which measure the features of all images and of all but one group. They hold no images.
        feature: see `FeatureSets`.
        groups: how many; at most as many as there are images in the smaller set.
        seed: of the choice of groups; torch's global generator is not touched.
        on_comparison: called each time that the figures are taken, 2 * groups + 1 times.
        options: of `torchmetrics.Metric`.
    """

    def __init__(
        self,
        figures: Sequence[SetFigure],
        feature: nn.Module | None = None,
        *,
        groups: int = 20,
        seed: int = 0,
        on_comparison: Callable[[], object] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(feature, **options)
        self.figures = tuple(figures)
        self.groups = groups
        self.seed = seed
        self.on_comparison = on_comparison or (lambda: None)

    @property
    def limits(self) -> Limits:  # type: ignore[override]
        """The least and the largest value of each figure, by its name."""
        return {name: limit for figure in self.figures for name, limit in figure.limits.items()}

    def measure(self, f_real: Tensor, f_fake: Tensor) -> dict[str, float]:
        """Return all figures of two sets of features, [N, D] and [M, D]."""
        self.on_comparison()
        return {name: value for figure in self.figures for name, value in figure.measure(f_real, f_fake).items()}

    def compute(self) -> dict[str, Tensor]:
        """Return for each figure `name`, `name_error`, `name_low` and `name_high`, float64 scalars."""
        found: dict[str, Tensor] = {}
        f_real, f_fake = self.get_features()
        measured = jackknives(
            lambda real, fake: list(self.measure(real, fake).values()), f_real, f_fake, self.groups, self.seed
        )
        for (name, limit), interval in zip(self.limits.items(), measured, strict=True):
            interval = interval.within(*limit)
            parts = {"": interval.value, "_error": interval.error, "_low": interval.low, "_high": interval.high}
            found |= {f"{name}{part}": self.make_scalar(number) for part, number in parts.items()}
        return found

    def compute_intervals(self) -> dict[str, Interval]:
        """Return the figures with their intervals, by name."""
        found = {name: float(value) for name, value in self.compute().items()}
        parts = ("", "_error", "_low", "_high")
        return {name: Interval(*(found[f"{name}{part}"] for part in parts)) for name in self.limits}


class MemorisationShare(Metric):
    """How near samples are to training photos, beside how near held-out photos are; see `gan_lab.metrics.memorisation`.

    Args:
        feature: images to features [N, D]; None where `update` is given features.
        options: of `torchmetrics.Metric`.
    """

    full_state_update = False
    is_differentiable = False
    higher_is_better = False

    def __init__(self, feature: nn.Module | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.feature = nn.Identity() if feature is None else feature
        for kind in ("training", "held_out", "samples"):
            self.add_state(kind, [], dist_reduce_fx="cat")

    def update(self, imgs: Tensor, kind: Literal["training", "held_out", "samples"]) -> None:
        """Add a batch of images, or of features, to one of the three sets."""
        getattr(self, kind).append(self.feature(imgs))

    def find_neighbours(self) -> Memorisation:
        """Return the figures with the nearest training photo of each sample, of the images of this process."""
        training, held_out, samples = (
            dim_zero_cat(getattr(self, kind)) for kind in ("training", "held_out", "samples")
        )
        return memorisation(training, held_out, samples)

    def compute(self) -> dict[str, Tensor]:
        """Return the share of near samples, the limit, and both median distances, float64 scalars."""
        found = self.find_neighbours()
        names = ("share", "limit", "distance_samples", "distance_held_out")
        return {name: torch.tensor(getattr(found, name), dtype=torch.float64, device=self.device) for name in names}
