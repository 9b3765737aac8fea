"""Checks of options: each names the option, its value, and what to do."""

from __future__ import annotations

import math
from typing import Any

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


def check_count(option: str, value: Any) -> None:
    """Check that a value is a whole number from 1.

    Args:
        option: its dotted key, for the message.

    Raises:
        UserError: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise UserError(f"{option}={value}: needs a whole number from 1")
