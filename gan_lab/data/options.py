"""Checks of single options, at the boundary: each names the option, its value and the mend."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from gan_lab.errors import UserError


def whole(option: str, value: Any, *, at_least: int, at_most: int | None = None) -> int:
    """Return `value` as an int. Raises UserError, naming data.`option`, when it is none, too small or too large."""
    if isinstance(value, bool) or not isinstance(value, int) or value < at_least:
        raise UserError(f"data.{option}: {value!r} will not do; give a whole number from {at_least} up.")
    if at_most is not None and value > at_most:
        raise UserError(f"data.{option}: {value} will not do on this machine; give at most {at_most}.")
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


def place(option: str, value: str | Path | None) -> Path | None:
    """Return `value` as a path, with ~ expanded; None stays.

    Raises:
        UserError: it is empty, or the system refuses to look at it; the message names data.`option`.
    """
    if value is None:
        return None
    if not str(value).strip():  # an unset shell variable: Path("") would be the current folder
        raise UserError(f"data.{option}: it is empty; name a path, or null for none.")
    try:
        path = Path(value).expanduser()
        with suppress(FileNotFoundError, NotADirectoryError):
            path.stat()
    except (
        OSError,
        RuntimeError,
        ValueError,
    ) as error:  # too long a name, a folder closed to us, no such user, a zero byte
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"data.{option}: {str(value)[:200]!r} will not do ({reason}); name another path.") from error
    return path


def degradations(option: str, value: Any) -> list[Callable[..., Any]]:
    """Return one degradation, a list of them or None as a list. Raises UserError, naming data.`option`, for others."""
    if value is None:
        return []
    steps = list(value) if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    for step in steps:
        if not callable(step):
            group = "data/degradation" if option == "degradation" else f"+data/degradation@data.{option}"
            shown = (
                f"a mapping without _target_ ({', '.join(map(str, step))})" if isinstance(step, dict) else repr(step)
            )
            raise UserError(f"data.{option}: {shown} is not a degradation; choose one with a slash: {group}=blur.")
    return steps
