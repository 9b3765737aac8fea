"""Between 8 and 16 bits a channel, and large pictures a few rows at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Pixels that are converted together.
_BAND = 1 << 20


def split_rows(array: NDArray[Any]) -> list[slice]:
    """Return slices of rows that cover [H, W, ...] a million pixels at a time: copies of whole large photos do not fit."""
    step = max(1, _BAND // array.shape[1])
    return [slice(start, start + step) for start in range(0, array.shape[0], step)]


def to_8_bits(values: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """Return 16-bit values, rounded to 8 bits; 65535 becomes 255."""
    short = np.empty(values.shape, np.uint8)
    for rows in split_rows(values):
        short[rows] = (values[rows].astype(np.uint32) + 128) // 257
    return short


def to_16_bits(values: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """Return 8-bit values as 16-bit ones; 255 becomes 65535."""
    return values.astype(np.uint16) * 257
