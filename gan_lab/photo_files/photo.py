"""Photos as shops have them: read with colour, alpha, depth and metadata, and written back with all of it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gan_lab.errors import UserError
from gan_lab.imaging.alpha import over_white
from gan_lab.imaging.bit_depth import to_8_bits
from gan_lab.photo_files.access import UnreadableImage, name_faults, open_image, unlimited_size
from gan_lab.photo_files.companions import find_companions
from gan_lab.photo_files.formats import NAMES, has_suffix
from gan_lab.photo_files.images import MAX_PIXELS, SIDEWAYS, orientation_of
from gan_lab.photo_files.layers import Layers, in_srgb_16, layers_of, tiff_layers, webp_layers
from gan_lab.photo_files.metadata import Metadata, metadata_of, tiff_metadata
from gan_lab.photo_files.outputs import OUTPUTS, Output, carry_metadata
from gan_lab.photo_files.provenance import Provenance
from gan_lab.photo_files.sixteen_bit import read_png16
from gan_lab.photo_files.stated_colour import read_stated_colour
from gan_lab.photo_files.tiff import Tiff, open_tiff
from gan_lab.storage import write_atomically

#: Suffixes that a photo can be written as; others (BMP and GIF among them) have no place for what must go along.
PHOTO_SUFFIXES = tuple(OUTPUTS)

_FORMATS = (*NAMES, "DIB")
_NAMES = NAMES | dict.fromkeys(("JPEG", "MPO"), (*NAMES["JPEG"], *NAMES["MPO"])) | {"DIB": NAMES["BMP"]}


@dataclass(frozen=True)
class Photo:
    """A photo, upright and in sRGB.

    Args:
        pixels: uint8 or uint16 [H, W, C]; C is 1 for grey, 3 for colour.
        alpha: of the same type, [H, W], 0 for transparent; None for a photo without.
        metadata: what came with it.
    """

    pixels: NDArray[Any]
    alpha: NDArray[Any] | None
    metadata: Metadata


def read_photo(path: Path, max_pixels: int = MAX_PIXELS) -> Photo:
    """Return the first picture of an image file of any kind that shops have; the content tells the format.

    The orientation is applied once, a colour profile converted to sRGB, palettes, CMYK and Lab are resolved, grey stays
    grey, 16 bits stay 16 bits (of PNG and TIFF), transparency becomes alpha. Pixels that need no conversion come as
    they are. Damaged metadata is left out; `metadata.notes` says so, as it says all that a user should know.

    Args:
        path: the file.
        max_pixels: a file that says it has more is refused before it is decoded.

    Raises:
        UnreadableImage: the file is missing, no image, damaged, or too large.
    """
    with name_faults(path, max_pixels):
        tiff = open_tiff(path)
        if tiff is not None and (tiff.deep or tiff.odd):
            return _read_tiff(path, tiff, max_pixels)
    with open_image(path, max_pixels, _FORMATS) as picture, unlimited_size:
        return _read_with_pillow(path, picture, tiff)


def write_photo(
    path: Path, photo: Photo, *, provenance: Provenance | None = None, drop_gps: bool = False, quality: int = 95
) -> tuple[str, ...]:
    """Write a photo with its metadata, whole or not at all; the suffix of `path` tells the format.

    PNG and TIFF keep 16 bits; other formats take 8. JPEG has no transparency: white is laid under it. A photo that came
    with a colour profile leaves with sRGB's (or the grey one of the same curve). The same photo and arguments give the
    same bytes.

    Args:
        path: one of `PHOTO_SUFFIXES`, in any case; its folder is made.
        photo: what to write; its metadata may be of another format.
        provenance: the record to put in; None for none.
        drop_gps: leave out where the photo was taken.
        quality: 1 to 100, of JPEG (without chroma subsampling), WebP and AVIF.

    Returns:
        What could not be kept, each in a sentence.

    Raises:
        UserError: the suffix is another, or the format cannot hold a photo of this size.
    """
    pixels, alpha, notes = photo.pixels, photo.alpha, []
    _check(pixels, alpha)
    output = choose_output(path, pixels.shape[1], pixels.shape[0])
    if alpha is not None and not output.alpha:
        if alpha.min() < np.iinfo(alpha.dtype).max:
            notes.append(f"{output.name} has no transparency: laid over white")
            pixels = over_white(pixels, alpha)
        alpha = None
    if pixels.dtype == np.uint16 and not output.deep:
        notes.append(f"{output.name} has 8 bits a channel: rounded from 16")
        pixels, alpha = to_8_bits(pixels), None if alpha is None else to_8_bits(alpha)
    extras, dropped = carry_metadata(photo.metadata, output, pixels.shape, provenance, drop_gps)
    with write_atomically(path) as file:
        output.write(file, pixels, alpha, extras, quality)
    return (*notes, *dropped)


def choose_output(path: Path, width: int, height: int) -> Output:
    """Return the format in which a photo is to be written; asked before the work, as not every one holds every size.

    Raises:
        UserError: the suffix is that of none, the installation lacks it, or it cannot hold a photo of this size.
    """
    output = OUTPUTS.get(path.suffix.lower())
    if output is None:
        raise UserError(
            f"{path}: no photo can be written as {path.suffix or 'a file without suffix'}; "
            f"choose {' '.join(PHOTO_SUFFIXES)}"
        )
    Image.init()
    if output.name == "AVIF" and "AVIF" not in Image.SAVE:
        raise UserError("format=avif: this installation's Pillow cannot write AVIF; choose png, jpg or webp")
    if max(width, height) > output.longest or width * height > output.most:
        most = f"{output.longest} a side" + (f" and {output.most} in all" if output.name == "AVIF" else "")
        raise UserError(f"{path}: {width}x{height} pixels; {output.name} holds at most {most}; choose png")
    return output


def check_result(path: Path, before: tuple[int, int], after: tuple[int, int], most: int) -> None:
    """Refuse, before it is made, a result that its format cannot hold, or that is larger than is allowed.

    Args:
        path: of the result.
        before: width and height of the photo.
        after: of the result, or of what is computed on the way to it.
        most: `max_result_pixels`; a result that is no larger than its photo may have more.

    Raises:
        UserError: it is so.
    """
    choose_output(path, *after)
    if math.prod(after) > max(most, math.prod(before)):
        raise UserError(
            f"max_result_pixels={most}: this photo of {before[0]}x{before[1]} would become {after[0]}x{after[1]}; "
            "give more, or ask for a smaller result"
        )


def _read_with_pillow(path: Path, picture: Image.Image, tiff: Tiff | None) -> Photo:
    frames = getattr(picture, "n_frames", 1)
    notes = _note_wrong_suffix(path, picture.format or "")
    notes += tiff.notes if tiff else (f"the first of {frames} pictures in the file",) if frames > 1 else ()
    turn = 1 if picture.format == "PNG" else orientation_of(picture)  # before loading, which may drop the tag
    profile = read_stated_colour(picture).profile
    if picture.format == "WEBP" and frames == 1:
        return _upright(webp_layers(path, profile), turn, metadata_of(picture, notes))
    picture.load()
    if tiff is not None:
        deep = 16 in tiff.kind.bits and not picture.mode.startswith("I")
        lost = ("its 16 bits a channel were read as 8",) if deep else ()
        metadata, _ = tiff_metadata(tiff.block, notes + _note_unused(tiff) + lost)
    else:
        metadata = metadata_of(picture, notes, find_companions(path, picture))
    if picture.format == "PNG":
        turn = orientation_of(picture)  # it may stand after the pixels
        if _png_depth(path) == 16:
            layers = Layers(*read_png16(path, picture.info.get("transparency")))
            profile = read_stated_colour(
                picture, grey=layers.pixels.shape[2] == 1
            ).profile  # Pillow calls some greys RGB
            return _upright(in_srgb_16(layers, profile), turn, metadata)
    return _upright(layers_of(picture, profile), turn, metadata)


def _read_tiff(path: Path, tiff: Tiff, max_pixels: int) -> Photo:
    if math.prod(tiff.size) > max_pixels:
        raise UnreadableImage(path, f"more than {max_pixels} pixels (max_pixels)")
    metadata, profile = tiff_metadata(tiff.block, _note_wrong_suffix(path, "TIFF") + tiff.notes + _note_unused(tiff))
    return _upright(tiff_layers(tiff, profile), tiff.orientation, metadata)


def _upright(layers: Layers, turn: int, metadata: Metadata) -> Photo:
    turned = [None if one is None else _turn(one, turn) for one in (layers.pixels, layers.alpha)]
    assert turned[0] is not None
    dpi = metadata.dpi[::-1] if metadata.dpi and turn in SIDEWAYS else metadata.dpi
    return Photo(turned[0], turned[1], replace(metadata, dpi=dpi, notes=metadata.notes + layers.notes))


def _turn(array: NDArray[Any], turn: int) -> NDArray[Any]:
    """Return [H, W] or [H, W, C] as it should be seen under an EXIF orientation."""
    if turn not in range(2, 9):
        return array
    turned = array
    if turn in SIDEWAYS:  # 5 to 8 are 1 to 4, turned about the main diagonal first
        turned = cv2.transpose(array)
        turn = {5: 1, 6: 2, 7: 3, 8: 4}[turn]
    if turn > 1:
        turned = cv2.flip(turned, {2: 1, 3: -1, 4: 0}[turn])
    return turned.reshape(*turned.shape[:2], *array.shape[2:])  # OpenCV drops an axis of one


def _note_wrong_suffix(path: Path, kind: str) -> tuple[str, ...]:
    fits = path.suffix.lower() in _NAMES[kind] or not has_suffix(path.name)
    return () if fits else (f"it is a {kind}, whatever its name says",)


def _note_unused(tiff: Tiff) -> tuple[str, ...]:
    count = tiff.kind.spare_samples
    return (f"channels beside its colours (spot colours, masks) left out: {count}",) if count else ()


def _png_depth(path: Path) -> int:
    with path.open("rb") as file:
        return file.read(25)[24]


def _check(pixels: NDArray[Any], alpha: NDArray[Any] | None) -> None:
    if pixels.dtype not in (np.uint8, np.uint16) or pixels.ndim != 3 or pixels.shape[2] not in (1, 3):
        raise ValueError(f"expected uint8 or uint16 [H, W, 1 or 3], got {pixels.dtype} {list(pixels.shape)}")
    if alpha is not None and (alpha.dtype != pixels.dtype or alpha.shape != pixels.shape[:2]):
        raise ValueError(f"alpha is {alpha.dtype} {list(alpha.shape)}, pixels {pixels.dtype} {list(pixels.shape)}")
