"""How far a figure is to be trusted: a standard error and a 95 % interval."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

Figure = Callable[[Tensor, Tensor], float]
Figures = Callable[[Tensor, Tensor], Sequence[float]]
#: The 97.5 % point of the normal distribution.
NORMAL = 1.959964


@dataclass(frozen=True)
class Interval:
    """A figure and what it is worth.

    Attributes:
        value: of all images.
        error: its standard error.
        low: the lower end of the 95 % interval.
        high: its upper end.
    """

    value: float
    error: float
    low: float
    high: float

    def within(self, least: float, most: float) -> Interval:
        """Return the interval without its parts where the figure cannot be."""
        return replace(self, low=max(self.low, least), high=min(self.high, most))

    def __str__(self) -> str:
        return f"{self.value:.4g} [{self.low:.4g}, {self.high:.4g}]"


def jackknife(
    figure: Figure, f_real: Tensor, f_fake: Tensor, groups: int = 20, seed: int = 0, real_varies: bool = True
) -> Interval:
    """Return one figure of two sets with its 95 % interval; see `jackknives`."""
    return jackknives(lambda real, fake: [figure(real, fake)], f_real, f_fake, groups, seed, real_varies)[0]


def jackknives(
    figures: Figures, f_real: Tensor, f_fake: Tensor, groups: int = 20, seed: int = 0, real_varies: bool = True
) -> list[Interval]:
    """Return figures of two sets with their 95 % intervals, by leaving out one group of images after the other.

    A bootstrap would not do: a resampled set holds images twice, which moves a Frechet distance up and a distance to the
    nearest neighbour to 0. The interval is that of the figure at these numbers of images, whose bias it does not know: a
    Frechet distance of few images is too large, with however narrow an interval. Those of precision, recall, density and
    coverage are wider than need be, by a tenth to two fifths at some hundred images.

    Args:
        figures: takes features [N, D] and [M, D], or [N] and [M]; it is called 2 * groups + 1 times.
        f_real: [N, D] or [N].
        f_fake: [M, D] or [M].
        groups: how many; at most as many as there are images in the smaller set.
        seed: of the choice of groups; torch's global generator is not touched.
        real_varies: False where the real images are not a sample of something but all that there is.

    Raises:
        ValueError: fewer than 2 groups, or fewer than 4 images in a set.

    Source: Shao and Wu 1989, doi:10.1214/aos/1176347263 (the delete-d jackknife), applied to each of two sets.
    """
    if min(len(f_real), len(f_fake)) < 4 or groups < 2:
        raise ValueError(f"{len(f_real)} and {len(f_fake)} images in {groups} groups: needs 4 images, 2 groups")
    groups = min(groups, len(f_real), len(f_fake))
    generator = torch.Generator().manual_seed(seed)

    def variances(features: Tensor, of_kept: Callable[[Tensor], Sequence[float]]) -> Tensor:
        group = (torch.randperm(len(features), generator=generator) % groups).to(features.device)
        values = torch.tensor([of_kept(features[group != left_out]) for left_out in range(groups)]).double()
        return (groups - 1) / groups * (values - values.mean(dim=0)).square().sum(dim=0)

    total = variances(f_fake, lambda kept: figures(f_real, kept))
    if real_varies:
        total = total + variances(f_real, lambda kept: figures(kept, f_fake))
    errors, freedom = total.sqrt().tolist(), groups - 1
    return [make_interval(value, error, freedom) for value, error in zip(figures(f_real, f_fake), errors, strict=True)]


def interval_of_mean(values: Sequence[float]) -> Interval:
    """Return the mean of independent values and its 95 % interval, by Student's distribution.

    Raises:
        ValueError: there are fewer than 2 values.
    """
    if len(values) < 2:
        raise ValueError(f"{len(values)} values: an interval needs 2")
    return make_interval(statistics.fmean(values), statistics.stdev(values) / math.sqrt(len(values)), len(values) - 1)


def interval_of_share(hits: int, count: int) -> Interval:
    """Return the share of hits among independent trials and its 95 % interval, which stays within [0, 1].

    Raises:
        ValueError: there are no trials.

    Source: Wilson 1927, doi:10.1080/01621459.1927.10502953.
    """
    if count < 1:
        raise ValueError(f"{count} trials: a share needs 1")
    share, z2 = hits / count, NORMAL**2
    middle = (share + z2 / (2 * count)) / (1 + z2 / count)
    half = NORMAL * math.sqrt(share * (1 - share) / count + z2 / (4 * count**2)) / (1 + z2 / count)
    return Interval(share, math.sqrt(share * (1 - share) / count), max(0.0, middle - half), min(1.0, middle + half))


def make_interval(value: float, error: float, freedom: int) -> Interval:
    """Return the 95 % interval about a value of a standard error with so many degrees of freedom, by Student."""
    half = student(freedom) * error
    return Interval(value, error, value - half, value + half)


def student(freedom: int) -> float:
    """Return the 97.5 % point of Student's t distribution, to 1 % from 2 degrees of freedom on.

    Source: Abramowitz and Stegun 1964, 26.7.5, the expansion about the normal's.
    """
    z, n = NORMAL, freedom
    return (
        z
        + (z**3 + z) / (4 * n)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * n**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * n**3)
        + (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / (92160 * n**4)
    )
