"""Checks of single options, at the boundary: each names the option, its value and the mend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gan_lab.errors import UserError


def whole(option: str, value: Any, *, at_least: int) -> int:
    """Return `value` as an int. Raises UserError, naming data.`option`, when it is none or too small."""
    if isinstance(value, bool) or not isinstance(value, int) or value < at_least:
        raise UserError(f"data.{option}: {value!r} will not do; give a whole number from {at_least} up.")
    return value


def one_of(option: str, value: Any, allowed: Sequence[Any]) -> Any:
    """Return `value`. Raises UserError, naming data.`option`, when it is not one of `allowed`."""
    if value not in allowed:
        names = ", ".join("null" if choice is None else str(choice) for choice in allowed)
        raise UserError(f"data.{option}: {value!r} will not do; choose one of {names}.")
    return value


def share(option: str, value: Any) -> float:
    """Return `value` as a float in [0, 1). Raises UserError, naming data.`option`, when it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
        raise UserError(f"data.{option}: {value!r} will not do; give a share from 0 up to, not including, 1.")
    return float(value)
