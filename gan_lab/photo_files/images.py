"""Image files in and out: any photo becomes uint8 [H, W, C] in sRGB, upright and opaque; arrays become PNG files."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

import numpy as np
from PIL import ExifTags, Image

from gan_lab.errors import UserError
from gan_lab.photo_files.access import UnreadableImage as UnreadableImage
from gan_lab.photo_files.access import open_image
from gan_lab.photo_files.srgb import opaque_srgb
from gan_lab.storage import write_atomically

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".avif")

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


def find_images(root: Path, unlisted: Callable[[OSError], None] | None = None) -> list[Path]:
    """Return the image files under a folder and its subfolders, sorted by path; arguments as in `image_names`."""
    return [root / name for name in image_names(root, unlisted)]


def image_names(root: Path, unlisted: Callable[[OSError], None] | None = None) -> list[str]:
    """Return the image files under a folder and its subfolders, relative to it and sorted by path.

    Files go by their suffix (`IMAGE_SUFFIXES`, any case). Hidden files and folders are left out. Links to folders are
    followed; a folder that can be reached in several ways is listed once, at its real place where that is under `root`.

    Args:
        root: the folder.
        unlisted: called with a folder that may not be listed; None refuses it.

    Raises:
        UserError: `root` is not a folder, or a folder in it may not be listed.
    """
    if not root.is_dir():
        raise UserError(f"{root}: no such folder; name another")
    found: list[str] = []
    visited: set[str] = set()
    starts = [str(root)]
    while starts:
        for folder, subfolders, names in os.walk(starts.pop(0), onerror=unlisted or _refuse_folder):
            here = os.path.realpath(folder)
            if here in visited:
                subfolders.clear()
                continue
            visited.add(here)
            subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
            # Links wait until the real folders are done: so a loop ends, and a real path wins over a link to it.
            starts += [link for name in subfolders if os.path.islink(link := os.path.join(folder, name))]
            below = os.path.relpath(folder, root)
            prefix = "" if below == os.curdir else below + os.sep
            found += [prefix + name for name in names if _is_image_name(name)]
    return sorted(found, key=path_order)


def path_order(name: str) -> str:
    """Return a key that sorts names as paths are sorted, part by part: what is in `hat/` comes before what is in `hat-old/`."""
    return os.path.normcase(name).replace(os.sep, "\0")


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
    with open_image(path, MAX_PIXELS, part=part) as picture:
        orientation = orientation_of(picture)  # before loading, which may drop the tag
        if at_least is not None:
            picture.draft(None, (at_least, at_least))
        picture.load()
        colours = opaque_srgb(picture)
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
    with open_image(path, MAX_PIXELS, part=part) as picture:
        width, height = picture.size
        return (height, width) if orientation_of(picture) in SIDEWAYS else (width, height)


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


def _is_image_name(name: str) -> bool:
    return name.lower().endswith(IMAGE_SUFFIXES) and not name.startswith(".")


def _refuse_folder(error: OSError) -> None:
    raise UserError(
        f"{error.filename}: cannot list this folder ({error.strerror}); allow it, or move it away"
    ) from error


def _check_image(array: np.ndarray) -> None:
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] not in (1, 3):
        raise ValueError(f"expected uint8 [H, W, 1 or 3], got {array.dtype} {list(array.shape)}")


def orientation_of(picture: Image.Image) -> int:
    """Return the EXIF orientation that is still to be applied; 1 where there is none or it cannot be read."""
    if picture.format == "TIFF":  # Pillow turns TIFF upright itself, its size included
        return 1
    try:
        return int(picture.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # damaged metadata must not lose the picture
        return 1
