"""How far a figure of two sets of images is to be trusted: a standard error and a 95 % interval."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Figure = Callable[[Tensor, Tensor], float]


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

    def __str__(self) -> str:
        return f"{self.value:.4g} [{self.low:.4g}, {self.high:.4g}]"


def jackknife(
    figure: Figure, f_real: Tensor, f_fake: Tensor, groups: int = 20, seed: int = 0, real_varies: bool = True
) -> Interval:
    """Return a figure of two sets with its 95 % interval, by leaving out one group of images after the other.

    A bootstrap would not do: a resampled set holds images twice, which moves a Frechet distance up and a distance to the
    nearest neighbour to 0. The interval is that of the figure at these numbers of images, whose bias it does not know: a
    Frechet distance of few images is too large, with however narrow an interval.

    Args:
        figure: takes features [N, D] and [M, D].
        f_real: [N, D].
        f_fake: [M, D].
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

    def variance(features: Tensor, of_kept: Callable[[Tensor], float]) -> float:
        group = (torch.randperm(len(features), generator=generator) % groups).to(features.device)
        values = torch.tensor([of_kept(features[group != left_out]) for left_out in range(groups)]).double()
        return (groups - 1) / groups * (values - values.mean()).square().sum().item()

    total = variance(f_fake, lambda kept: figure(f_real, kept))
    if real_varies:
        total += variance(f_real, lambda kept: figure(kept, f_fake))
    value, error = figure(f_real, f_fake), math.sqrt(total)
    half = student(groups - 1) * error
    return Interval(value, error, value - half, value + half)


def student(freedom: int) -> float:
    """Return the 97.5 % point of Student's t distribution, to 0.01 from 7 degrees of freedom on.

    Source: Abramowitz and Stegun 1964, 26.7.5, the first two terms of the expansion about the normal's.
    """
    z = 1.959964
    return z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
