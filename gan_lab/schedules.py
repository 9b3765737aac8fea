"""Factors on learning rates and other settings, as functions of the share of the budget that is spent."""

from __future__ import annotations

import math
from collections.abc import Callable

#: Takes the share of the budget that is spent, in [0, 1].
Schedule = Callable[[float], float]


def linear_decay(start: float = 0.5) -> Schedule:
    """Return a schedule: 1 until the share `start` of the budget is spent, then linearly to 0 at its end.

    Source: Zhu et al. 2017, arXiv:1703.10593, appendix 7.1 (100 epochs constant, 100 decaying: start = 0.5).
    """

    def schedule(progress: float) -> float:
        return 1.0 if progress <= start else max(0.0, (1.0 - progress) / (1.0 - start))

    return schedule


def cosine(warm_up: float = 0.0, floor: float = 0.0) -> Schedule:
    """Return a schedule: linearly up over the share `warm_up` of the budget, then down to `floor` along a cosine.

    Source: Loshchilov and Hutter 2017, arXiv:1608.03983, eq. 5, without restarts.
    """

    def schedule(progress: float) -> float:
        if progress < warm_up:
            return max(progress / warm_up, 0.01)
        along = min(1.0, (progress - warm_up) / (1 - warm_up))
        return floor + (1 - floor) * (1 + math.cos(math.pi * along)) / 2

    return schedule


def burn_in(first: float, last: float, share: float = 0.2) -> Schedule:
    """Return a schedule: from `first` to `last` along half a cosine over the share `share` of the budget, then `last`.

    Source: the schedules of the code of Huang et al. 2024, arXiv:2501.05441.
    Differs from paper: a share of the budget, where theirs is a number of images.
    """

    def schedule(progress: float) -> float:
        along = min(1.0, progress / share)
        return last + (first - last) * (1 + math.cos(math.pi * along)) / 2

    return schedule
