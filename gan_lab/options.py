"""Checks of options: each names the option, its value, and what to do."""

from __future__ import annotations

import math

from gan_lab.errors import UserError


def check_weights(**weights: float) -> None:
    """Check that the weights of a loss's terms are numbers from 0.

    Args:
        weights: by the option's name, without `model.`.

    Raises:
        UserError: one is below 0, infinite or no number: it would silently drop its term, or increase what should be small.
    """
    for name, weight in weights.items():
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight < math.inf:
            raise UserError(f"model.{name}={weight}: needs a number from 0, which leaves its term out")
