"""Options that are a number or a range to draw from."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from gan_lab.errors import UserError

Range = float | Sequence[float]


def as_range(option: str, value: Range, low: float = -math.inf, high: float = math.inf) -> tuple[float, float]:
    """Return a range as (low, high), from a number, a tuple, a list or a config's list; refuse what makes no sense."""
    try:
        ends = tuple(float(end) for end in ((value, value) if isinstance(value, int | float | str) else value))
    except (TypeError, ValueError):
        ends = ()
    if len(ends) != 2 or not low <= ends[0] <= ends[1] <= high:
        limits = f" within {low:g} to {high:g}" if math.isfinite(low) else ""
        raise UserError(f"{option}={value}: needs a number, or a pair [low, high]{limits}")
    return ends[0], ends[1]


def as_log_range(option: str, value: Range) -> tuple[float, float]:
    """Return a range to be drawn from in the logarithm: as `as_range`, but only a number alone may be 0."""
    ends = as_range(option, value, low=0)
    if ends[0] == 0 < ends[1]:
        raise UserError(f"{option}={value}: is drawn in its logarithm; give a lower end above 0, or 0 alone for none")
    return ends


def as_whole_range(option: str, value: Range, low: int, high: float = math.inf) -> tuple[int, int]:
    """Return a range of whole numbers: as `as_range`, both ends included."""
    ends = as_range(option, value, low, high)
    if not all(end.is_integer() for end in ends):
        raise UserError(f"{option}={value}: needs whole numbers")
    return int(ends[0]), int(ends[1])


def draw_log(ends: tuple[float, float], rng: np.random.Generator) -> float:
    """Return a number drawn uniformly in its logarithm; 0 where the range is 0 alone."""
    return math.exp(rng.uniform(math.log(ends[0]), math.log(ends[1]))) if ends[1] > 0 else 0.0


def draw_whole(ends: tuple[int, int], rng: np.random.Generator) -> int:
    """Return a whole number drawn from a range, both ends included."""
    return int(rng.integers(ends[0], ends[1], endpoint=True))
