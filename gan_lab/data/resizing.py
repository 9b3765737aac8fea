"""The sizes that photos are brought to, and how."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

# The photo is kept a little larger than the crop, so that a random crop has room to move.
READING_MARGIN = 1.125
# A JPEG may be decoded at a half, a quarter or an eighth of its size where that leaves so many times the pixels kept:
# what the antialiased reduction makes of them is the same to the eye, and a phone's photo is read several times faster.
DECODED_MARGIN = 3.0
# A photo longer than so many squares of its shorter side is a strip, and none of a product: one of 1x4000 pixels would be
# kept as 144x576000, for the square that is cut out of it.
MOST_SQUARES = 32


def find_reading_sizes(
    sizes: NDArray[np.int64], image_size: int, fit: str, shorter_side: int | None = None
) -> NDArray[np.int64]:
    """Return the [N, 2] width and height at which photos of `sizes` are kept.

    `fit="crop"`: the shorter side is reduced to `shorter_side`, 1.125 image_size unless given, and enlarged only when it
    is below image_size.
    `fit="pad"`: the longer side becomes image_size, and the rest of a square is white.
    """
    if fit == "pad":
        return np.full_like(sizes, image_size)
    shorter = sizes.min(axis=1)
    target = np.clip(shorter, image_size, shorter_side or round(image_size * READING_MARGIN))
    kept = np.rint(sizes * (target / shorter)[:, None]).astype(np.int64)
    return np.maximum(kept, image_size)


def count_most_pixels(image_size: int, shorter_side: int | None = None) -> int:
    """Return how many pixels a photo may have at the size at which it is kept, where nothing else is asked for."""
    side: int = shorter_side or round(image_size * READING_MARGIN)
    return MOST_SQUARES * side**2


def resize(image: NDArray[Any], width: int, height: int) -> NDArray[Any]:
    """Resize uint8 or uint16 [H, W, C] to [height, width, C] with an antialiased Lanczos filter."""
    if image.shape[:2] == (height, width):
        return image
    if image.dtype == np.uint16:  # Pillow has no such colours
        planes = [_resize_picture(image[:, :, c].astype(np.float32), width, height) for c in range(image.shape[2])]
        return np.rint(np.stack(planes, axis=2)).clip(0, 65535).astype(np.uint16)
    if image.shape[2] == 1:
        return _resize_picture(image[:, :, 0], width, height)[:, :, None]
    return _resize_picture(image, width, height)


def _resize_picture(image: NDArray[Any], width: int, height: int) -> NDArray[Any]:
    """Resize an array that Pillow takes: uint8 [H, W] or [H, W, 3], or float32 [H, W]."""
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3.0))


def fit_size(width: int, height: int, side: int) -> tuple[int, int]:
    """Return the width and height of a photo whose longer side is brought to `side`."""
    factor = side / max(width, height)
    return max(1, round(width * factor)), max(1, round(height * factor))


def frame_in_white(image: NDArray[Any], side: int) -> tuple[NDArray[Any], slice, slice]:
    """Return a white square [side, side, C] with uint8 or uint16 [H, W, C] in its middle, and the rows and columns of that."""
    height, width = image.shape[:2]
    top, left = (side - height) // 2, (side - width) // 2
    rows, columns = slice(top, top + height), slice(left, left + width)
    square = np.full((side, side, image.shape[2]), np.iinfo(image.dtype).max, dtype=image.dtype)
    square[rows, columns] = image
    return square, rows, columns


def pad_to_square(image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Fit uint8 [H, W, C] into the middle of a white square of `side` pixels, whole and undistorted."""
    height, width = image.shape[:2]
    return frame_in_white(resize(image, *fit_size(width, height, side)), side)[0]
