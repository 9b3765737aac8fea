"""A decoded picture taken apart into colours (sRGB or grey) and alpha, a band of rows at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from gan_lab.imaging.bit_depth import split_rows, to_8_bits, to_16_bits
from gan_lab.photo_files.icc import lab_to_srgb_16, shaper, to_srgb_16
from gan_lab.photo_files.sixteen_bit import decode_file
from gan_lab.photo_files.srgb import Conversion, conversion
from gan_lab.photo_files.stated_colour import GREY_MODES
from gan_lab.photo_files.tiff import Tiff
from gan_lab.photo_files.tiff_kinds import BLACK_IS_MOST, CIELAB, COLOURS, ICCLAB, INKS, PREMULTIPLIED

_PROFILED_MODES = ("L", "RGB", "CMYK")


@dataclass(frozen=True)
class Layers:
    """Colours and alpha.

    Args:
        pixels: uint8 or uint16 [H, W, 1 or 3], sRGB or grey.
        alpha: of the same type, [H, W]; None where the picture is opaque throughout.
        notes: what a user should know of how they came about.
    """

    pixels: NDArray[Any]
    alpha: NDArray[Any] | None
    notes: tuple[str, ...] = ()


def layers_of(picture: Image.Image, profile: bytes | None) -> Layers:
    """Return a loaded picture's layers, and close it: a large one and its arrays need not lie in memory together twice.

    Args:
        picture: as Pillow decoded it.
        profile: ICC bytes of its colours, from `read_stated_colour`; None for sRGB.

    Raises:
        ValueError: its values have no known scale (floating point, or integers beyond 16 bits).
    """
    if picture.mode.startswith("I"):
        values = np.asarray(picture)
        if values.min() < 0 or values.max() > 65535:
            raise ValueError("its values exceed 16 bits")
        return in_srgb_16(Layers(values.astype(np.uint16)[..., None], None), profile)
    if picture.mode == "F":
        raise ValueError("floating-point pixels: save it with 8 or 16 bits a channel")
    width, height = picture.size
    grey = picture.mode in GREY_MODES
    found = _gather_layers(width, height, grey, lambda top, bottom: picture.crop((0, top, width, bottom)), profile)
    if picture.mode == "CMYK" and not profile:
        found = replace(found, notes=(*found.notes, "CMYK without a colour profile: converted by the plain formula"))
    picture.close()
    return found


def webp_layers(path: Path, profile: bytes | None) -> Layers:
    """Return the layers of a WebP file of one frame, through OpenCV: Pillow takes five times the picture's memory.

    Raises:
        UnreadableImage: it is damaged.
    """
    pixels = decode_file(path, np.memmap(path, np.uint8, "r"))
    order = [2, 1, 0, 3][: pixels.shape[2]]  # OpenCV's is BGRA
    height, width = pixels.shape[:2]
    return _gather_layers(
        width, height, False, lambda top, bottom: Image.fromarray(pixels[top:bottom, :, order]), profile
    )


def tiff_layers(tiff: Tiff, profile: bytes | None) -> Layers:
    """Return the layers of a TIFF file that Pillow does not read, or not whole; arguments as above.

    Raises:
        UnreadableImage: it is damaged.
    """
    kind, samples = tiff.kind, tiff.read()
    count, deep = COLOURS[kind.photometric], samples.dtype == np.uint16
    alpha = None if kind.alpha is None else np.ascontiguousarray(samples[..., count + kind.alpha])
    colours = samples if samples.shape[2] == count else np.ascontiguousarray(samples[..., :count])
    if kind.photometric in (INKS, CIELAB, ICCLAB):
        notes = ("its 16 bits a channel were read as 8",) if deep and kind.photometric == INKS else ()
        if deep and kind.photometric != INKS:
            lab_to_srgb_16(colours, signed=kind.photometric == CIELAB)
            return Layers(colours, alpha)
        short = to_8_bits(colours) if deep else colours
        if kind.photometric == ICCLAB:
            short[..., 1:] ^= 128  # Pillow's are signed
        mode = "CMYK" if kind.photometric == INKS else "LAB"
        found = layers_of(Image.frombytes(mode, tiff.size, short.tobytes()), profile if mode == "CMYK" else None)
        return Layers(found.pixels, to_8_bits(alpha) if alpha is not None and deep else alpha, notes + found.notes)
    if kind.photometric == BLACK_IS_MOST:
        np.subtract(np.iinfo(colours.dtype).max, colours, out=colours)
    if alpha is not None and kind.extra[kind.alpha or 0] == PREMULTIPLIED:
        undo_premultiplication(colours, alpha)
    if deep:
        return in_srgb_16(Layers(colours, alpha), profile)
    picture = Image.fromarray(colours[..., 0] if count == 1 else colours)
    return replace(layers_of(picture, profile), alpha=alpha)


def undo_premultiplication(colours: NDArray[Any], alpha: NDArray[Any]) -> None:
    """Divide colours [H, W, C] by alpha [H, W] in their place."""
    most = np.iinfo(colours.dtype).max
    for rows in split_rows(colours):
        share = np.maximum(alpha[rows, :, None], 1).astype(np.float32) / most
        colours[rows] = np.rint(np.minimum(colours[rows] / share, most))


def in_srgb_16(layers: Layers, profile: bytes | None) -> Layers:
    """Return 16-bit layers in sRGB; the pixels given may be changed.

    A profile of matrix and curves is computed with 16 bits; of one that works by tables the colours take 8.
    """
    grey = layers.pixels.shape[2] == 1
    asked = conversion(profile, "L" if grey else "RGB") if profile else None
    if asked is None or not asked.fits:
        return replace(layers, notes=(*layers.notes, *_list_notes(asked)))
    if asked.transform is None:
        return layers
    notes = (*layers.notes, *_list_notes(asked))
    source = shaper(profile or b"", 1 if grey else 3)
    if source is not None:
        to_srgb_16(layers.pixels, source)
        return replace(layers, notes=notes)
    for rows in split_rows(layers.pixels):
        short = to_8_bits(layers.pixels[rows])
        band = Image.fromarray(short[..., 0] if grey else short)
        layers.pixels[rows] = to_16_bits(_colours(band, grey, asked.transform))
    return replace(layers, notes=(*notes, "its colour profile works by tables: the colours were converted with 8 bits"))


def _gather_layers(
    width: int, height: int, grey: bool, take: Callable[[int, int], Image.Image], profile: bytes | None
) -> Layers:
    """Return the layers of a picture that `take(top, bottom)` gives by bands of rows."""
    pixels = np.empty((height, width, 1 if grey else 3), np.uint8)
    alpha: NDArray[np.uint8] | None = None
    asked = None
    for rows in split_rows(pixels):
        top, bottom, _ = rows.indices(height)
        band = take(top, bottom)
        if band.has_transparency_data:
            band = band.convert("RGBA")
            alpha = np.empty((height, width), np.uint8) if alpha is None else alpha
            alpha[rows] = np.asarray(band.getchannel("A"))
            band = band.getchannel("R") if grey else band.convert("RGB")
        elif band.mode not in _PROFILED_MODES:
            band = band.convert("L" if grey else "RGB")
        asked = conversion(profile, band.mode) if profile else None
        pixels[rows] = _colours(band, grey, asked.transform if asked else None)
    return Layers(pixels, alpha, _list_notes(asked))


def _colours(band: Image.Image, grey: bool, transform: ImageCms.ImageCmsTransform | None) -> NDArray[np.uint8]:
    if transform is not None:
        band = ImageCms.applyTransform(band, transform) or band
    if grey:
        band = band if band.mode == "L" else band.getchannel("G")
        return np.asarray(band)[..., None]
    return np.asarray(band if band.mode == "RGB" else band.convert("RGB"))


def _list_notes(asked: Conversion | None) -> tuple[str, ...]:
    if asked is None:
        return ()
    if not asked.fits:
        return ("its colour profile is damaged or of another colour space: taken as sRGB",)
    return (f"colours converted from {asked.name or 'an unnamed profile'} to sRGB",) if asked.transform else ()
