"""Checks of options: each names the option, its value, and what to do."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from gan_lab.errors import UserError

#: The size of images, in pixels: the side of a square, or (height, width).
ImageSize = int | tuple[int, int]


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


def check_whole(option: str, value: Any, *, at_least: int, at_most: int | None = None) -> int:
    """Return `value`. Raises UserError, naming the option, when it is no whole number, too small, or too large to run."""
    if isinstance(value, bool) or not isinstance(value, int) or value < at_least:
        raise UserError(f"{option}={format_value(value)}: needs a whole number from {at_least}")
    if at_most is not None and value > at_most:
        raise UserError(f"{option}={value}: is too much for this machine; give at most {at_most}")
    return value


def check_image_size(option: str, value: Any, *, at_least: int = 1) -> ImageSize:
    """Return the side of a square, or (height, width); a square by two equal sides is one by its side.

    Args:
        option: its name, for the message.
        value: a side, or two in a list.
        at_least: pixels of each side.

    Raises:
        UserError: it is neither, or a side is too small.
    """
    sides = list(value) if isinstance(value, Sequence) and not isinstance(value, str) else [value, value]
    whole = all(isinstance(side, int) and not isinstance(side, bool) and side >= at_least for side in sides)
    if len(sides) != 2 or not whole:
        given = format_value(tuple(sides) if isinstance(value, Sequence) and not isinstance(value, str) else value)
        raise UserError(
            f"{option}={given}: needs a whole number from {at_least}, the side of a square, or two, [height,width]"
        )
    return join_sides(*sides)


def split_sides(image_size: ImageSize) -> tuple[int, int]:
    """Return the height and the width of images of a size."""
    return (image_size, image_size) if isinstance(image_size, int) else (image_size[0], image_size[1])


def join_sides(height: int, width: int) -> ImageSize:
    """Return the size of images of a height and a width: the side where they are squares."""
    return height if height == width else (height, width)


def check_choice(option: str, value: Any, choices: Sequence[Any]) -> Any:
    """Return `value`. Raises UserError, naming the option, when it is not one of `choices`."""
    if value not in choices:
        names = ", ".join(map(format_value, choices))
        raise UserError(f"{option}={format_value(value)}: is not a choice; give one of {names}")
    return value


def check_share(option: str, value: Any) -> float:
    """Return `value` as a float in [0, 1). Raises UserError, naming the option, when it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
        raise UserError(f"{option}={format_value(value)}: needs a share from 0 up to, not including, 1")
    return float(value)


def check_path(option: str, value: str | Path | None) -> Path | None:
    """Return `value` as a path, with ~ expanded; None stays.

    Raises:
        UserError: it is empty, or the system refuses to look at it; the message names the option.
    """
    if value is None:
        return None
    if not str(value).strip():  # an unset shell variable: Path("") would be the current folder
        raise UserError(f"{option}={value}: is empty; name a path, or null for none")
    try:
        path = Path(value).expanduser()
        with suppress(FileNotFoundError, NotADirectoryError):
            path.stat()
    except (OSError, RuntimeError, ValueError) as error:  # too long, closed to us, no such user, a zero byte
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"{option}={str(value)[:200]}: cannot be looked at ({reason}); name another path") from error
    return path


def format_value(value: Any) -> str:
    """Return a value as a configuration writes it."""
    if isinstance(value, tuple):
        return f"[{','.join(map(format_value, value))}]"
    return (
        {None: "null", True: "true", False: "false"}[value] if value is None or isinstance(value, bool) else str(value)
    )
