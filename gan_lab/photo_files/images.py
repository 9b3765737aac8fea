"""Image files in and out: any photo becomes uint8 [H, W, C] in sRGB, upright and opaque; arrays become PNG files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import IO

import numpy as np
from PIL import ExifTags, Image

from gan_lab.imaging.alpha import over_white
from gan_lab.imaging.bit_depth import to_8_bits
from gan_lab.photo_files.access import UnreadableImage as UnreadableImage
from gan_lab.photo_files.access import name_faults, open_image
from gan_lab.photo_files.layers import tiff_layers
from gan_lab.photo_files.metadata import tiff_metadata
from gan_lab.photo_files.srgb import opaque_srgb
from gan_lab.photo_files.stated_colour import read_stated_colour
from gan_lab.photo_files.tiff import Tiff, open_tiff
from gan_lab.storage import write_atomically

# Twice Pillow's warning limit, which is where Pillow itself refuses; stated here so that nothing can switch it off.
MAX_PIXELS = 178_956_970

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
SIDEWAYS = (5, 6, 7, 8)


def read_image(path: Path, channels: int = 3, at_least: int | None = None, part: IO[bytes] | None = None) -> np.ndarray:
    """Return the first picture of an image file, upright, opaque and in sRGB.

    The orientation tag is applied once, an embedded colour profile is converted to sRGB (relative colorimetric, so
    white stays 255), transparency is laid over white, palettes and CMYK are resolved, 16-bit values are scaled.
    The format is known by the content, not by the suffix.

    Args:
        path: the file.
        channels: 3 for RGB, 1 for grey.
        at_least: a JPEG may come reduced 2, 4 or 8 times, as long as its shorter side keeps so many pixels: decoding a
            phone's photo takes a fraction of the time then. None: every file comes at its own size.
        part: what to read where the image is a part of a larger file; `path` is then what messages call it.

    Returns:
        uint8 [H, W, channels] in [0, 255], writable.

    Raises:
        UnreadableImage: the file is missing, not an image, damaged, or too large (`MAX_PIXELS`).
    """
    if channels not in (1, 3):
        raise ValueError(f"channels: {channels} (must be 1 or 3)")
    with name_faults(path, MAX_PIXELS, part):
        tiff = open_tiff(path, part)
        if tiff is not None and tiff.odd:
            return _read_tiff(path, tiff, channels)
    with open_image(path, MAX_PIXELS, part=part) as picture:
        orientation = orientation_of(picture)  # before loading, which may drop the tag
        if at_least is not None:
            picture.draft(None, (at_least, at_least))
        picture.load()
        colours = opaque_srgb(picture, read_stated_colour(picture).profile)
        if orientation in _UPRIGHT:
            colours = colours.transpose(_UPRIGHT[orientation])
        if channels == 1:
            return np.array(colours.convert("L"))[..., None]
        return np.array(colours.convert("RGB"))


def read_size(path: Path, part: IO[bytes] | None = None) -> tuple[int, int]:
    """Return (width, height) of an image file after its orientation is applied, from the header alone; `part` as above.

    Raises:
        UnreadableImage: the file is missing, its header is not that of an image, or it is too large.
    """
    with name_faults(path, MAX_PIXELS, part):
        tiff = open_tiff(path, part)
        if tiff is not None and tiff.odd:
            return _check_size(path, tiff)
    with open_image(path, MAX_PIXELS, part=part) as picture:
        width, height = picture.size
        return (height, width) if orientation_of(picture) in SIDEWAYS else (width, height)


def _read_tiff(path: Path, tiff: Tiff, channels: int) -> np.ndarray:
    _check_size(path, tiff)
    layers = tiff_layers(tiff, tiff_metadata(tiff.block)[1])
    pixels = layers.pixels if layers.alpha is None else over_white(layers.pixels, layers.alpha)
    short = pixels if pixels.dtype == np.uint8 else to_8_bits(pixels)
    picture = Image.fromarray(short[..., 0] if short.shape[2] == 1 else short)
    if tiff.orientation in _UPRIGHT:
        picture = picture.transpose(_UPRIGHT[tiff.orientation])
    return np.array(picture.convert("L"))[..., None] if channels == 1 else np.array(picture.convert("RGB"))


def _check_size(path: Path, tiff: Tiff) -> tuple[int, int]:
    """Return width and height of an upright TIFF picture; refuse a too large one."""
    width, height = tiff.size
    if width * height > MAX_PIXELS:
        raise UnreadableImage(path, f"more than {MAX_PIXELS} pixels (max_pixels)")
    return (height, width) if tiff.orientation in SIDEWAYS else (width, height)


def write_png(path: Path, array: np.ndarray) -> None:
    """Write an image as PNG so that the file is, at any moment, absent, old or whole; make its folder if need be.

    Args:
        path: the file to make or replace.
        array: uint8 [H, W, C] in [0, 255], C = 1 or 3.
    """
    _check_image(array)
    with write_atomically(path) as file:
        Image.fromarray(array[..., 0] if array.shape[2] == 1 else array).save(file, "PNG")


def grid(images: Sequence[np.ndarray] | np.ndarray, columns: int, gap: int = 2) -> np.ndarray:
    """Return one image with the given ones in rows of `columns`, white between them and after the last.

    Args:
        images: uint8 [H, W, C] each, all of one shape; or one array [N, H, W, C].
        columns: images in a row; fewer where there are fewer images.
        gap: pixels between neighbours.

    Returns:
        uint8 [rows * (H + gap) - gap, columns * (W + gap) - gap, C].

    Raises:
        ValueError: there are no images, or their shapes differ, or `columns` is below 1.
    """
    shapes = {image.shape for image in images}
    if len(shapes) != 1 or columns < 1:
        raise ValueError(f"grid needs images of one shape and columns >= 1: shapes {shapes or 'none'}, {columns=}")
    height, width, channels = shapes.pop()
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    sheet = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap, channels), 255, np.uint8)
    for index, image in enumerate(images):
        top, left = index // columns * (height + gap), index % columns * (width + gap)
        sheet[top : top + height, left : left + width] = image
    return sheet


def _check_image(array: np.ndarray) -> None:
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] not in (1, 3):
        raise ValueError(f"expected uint8 [H, W, 1 or 3], got {array.dtype} {list(array.shape)}")


def orientation_of(picture: Image.Image) -> int:
    """Return the EXIF orientation that is still to be applied; 1 where there is none or it cannot be read."""
    if picture.format in ("TIFF", "HEIF"):  # turned upright as they are read, their size included
        return 1
    try:
        return int(picture.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # damaged metadata must not lose the picture
        return 1
