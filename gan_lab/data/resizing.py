"""The sizes that photos are brought to, and how."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gan_lab.options import ImageSize, split_sides

# The photo is kept a little larger than the crop, so that a random crop has room to move.
READING_MARGIN = 1.125
# A JPEG may be decoded at a half, a quarter or an eighth of its size where that leaves so many times the pixels kept:
# what the antialiased reduction makes of them is the same to the eye, and a phone's photo is read several times faster.
DECODED_MARGIN = 3.0
# A photo longer than so many squares of its shorter side is a strip, and none of a product: one of 1x4000 pixels would be
# kept as 144x576000, for the window that is cut out of it.
MOST_SQUARES = 32


def find_reading_sizes(
    sizes: NDArray[np.int64], image_size: ImageSize, fit: str, shorter_side: int | None = None
) -> NDArray[np.int64]:
    """Return the [N, 2] width and height at which photos of `sizes` are kept, at their own aspect ratio.

    `fit="crop"`: a photo is reduced until it just covers the window of `find_reading_window`, and enlarged only when it
    does not cover image_size. Where images are squares, it is the photo's shorter side that covers them.
    `fit="pad"`: the whole photo fits into image_size, and the rest is white.
    """
    window = np.array(split_sides(image_size)[::-1], np.int64)  # width, height
    if fit == "pad":
        return np.full_like(sizes, window)
    most = np.array(find_reading_window(image_size, shorter_side)[::-1], np.int64)
    tight = (sizes / window).argmin(axis=1)  # 0 where the photo's width is what has to cover the window's
    length = sizes[np.arange(len(sizes)), tight]
    target = np.clip(length, window[tight], most[tight])
    kept = np.rint(sizes * (target / length)[:, None]).astype(np.int64)
    return np.maximum(kept, window)


def find_reading_window(image_size: ImageSize, shorter_side: int | None = None) -> tuple[int, int]:
    """Return the height and width that photos are reduced to cover, in the aspect ratio of the images.

    Args:
        image_size: of the images that are cut out.
        shorter_side: of the window; None: 1.125 times that of the images.
    """
    height, width = split_sides(image_size)
    if shorter_side is None:
        return round(height * READING_MARGIN), round(width * READING_MARGIN)
    shorter = min(height, width)
    return round(height * shorter_side / shorter), round(width * shorter_side / shorter)


def count_most_pixels(image_size: ImageSize, shorter_side: int | None = None) -> int:
    """Return how many pixels a photo may have at the size at which it is kept, where nothing else is asked for."""
    height, width = find_reading_window(image_size, shorter_side)
    return MOST_SQUARES * height * width


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


def fit_size(width: int, height: int, image_size: ImageSize) -> tuple[int, int]:
    """Return the width and height at which a photo just fits into images of a size; in squares its longer side does."""
    most_high, most_wide = split_sides(image_size)
    factor = min(most_wide / width, most_high / height)
    return max(1, round(width * factor)), max(1, round(height * factor))


def frame_in_white(image: NDArray[Any], image_size: ImageSize) -> tuple[NDArray[Any], slice, slice]:
    """Return a white image of a size with uint8 or uint16 [H, W, C] in its middle, and the rows and columns of that."""
    (height, width), (framed_height, framed_width) = image.shape[:2], split_sides(image_size)
    top, left = (framed_height - height) // 2, (framed_width - width) // 2
    rows, columns = slice(top, top + height), slice(left, left + width)
    framed = np.full((framed_height, framed_width, image.shape[2]), np.iinfo(image.dtype).max, dtype=image.dtype)
    framed[rows, columns] = image
    return framed, rows, columns


def pad_to_size(image: NDArray[np.uint8], image_size: ImageSize) -> NDArray[np.uint8]:
    """Fit uint8 [H, W, C] into the middle of a white image of a size, whole and undistorted."""
    height, width = image.shape[:2]
    return frame_in_white(resize(image, *fit_size(width, height, image_size)), image_size)[0]
