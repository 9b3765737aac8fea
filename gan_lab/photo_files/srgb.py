"""Any Pillow picture as opaque 8-bit sRGB: profiles, transparency, palettes, CMYK and 16-bit values."""

from __future__ import annotations

import functools
import io
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageCms

from gan_lab.photo_files.stated_colour import GREY_MODES

_PROFILED_MODES = ("L", "RGB", "CMYK")


def opaque_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """Return a loaded picture of any mode as 8-bit sRGB (L or RGB), its transparency laid over white.

    Args:
        picture: as Pillow decoded it.
        profile: ICC bytes of its colours, from `read_stated_colour`; None for sRGB.

    Raises:
        ValueError: its values have no known scale (floating point, or integers beyond 16 bits).
    """
    grey = picture.mode in GREY_MODES
    picture = _to_8_bits(picture)
    if picture.mode != "RGBA":
        return _to_srgb(picture, profile)
    colours = _to_srgb(picture.getchannel("R") if grey else picture.convert("RGB"), profile).convert("RGB")
    white = Image.new("RGB", picture.size, "white")
    white.paste(colours, mask=picture.getchannel("A"))
    return white


def _to_8_bits(picture: Image.Image) -> Image.Image:
    """Return the picture with 8-bit channels in a mode that keeps its colours and its transparency."""
    if picture.mode.startswith("I"):  # 16-bit grey: Pillow's convert("L") would clip it. 16-bit RGB arrives as 8-bit
        values = np.asarray(picture).astype(np.int64)
        if values.min() < 0 or values.max() > 65535:
            raise ValueError("its values exceed 16 bits")
        return Image.fromarray(np.rint(values / 257).astype(np.uint8))
    if picture.mode == "F":
        raise ValueError("floating-point pixels: save it with 8 or 16 bits a channel")
    if picture.has_transparency_data:
        return picture.convert("RGBA")
    if picture.mode in _PROFILED_MODES:
        return picture
    return picture.convert("L" if picture.mode == "1" else "RGB")


def _to_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    transform = conversion(profile, picture.mode).transform if profile else None
    if transform is not None:
        return ImageCms.applyTransform(picture, transform) or picture
    return picture.convert("RGB") if picture.mode == "CMYK" else picture


@dataclass(frozen=True)
class Conversion:
    """What a profile asks for: `transform` to sRGB, None where nothing is to be done; `name`, and whether it `fits`."""

    transform: ImageCms.ImageCmsTransform | None
    name: str = ""
    fits: bool = True


@functools.lru_cache(maxsize=32)  # a catalogue has few profiles, and building a transform takes longer than using it
def conversion(profile: bytes, mode: str) -> Conversion:
    """Return how to get from a profile to sRGB (relative colorimetric, so white stays white).

    Args:
        profile: ICC bytes as they stand in a file.
        mode: of the pictures: L, RGB, CMYK or LAB.

    Returns:
        The conversion. It has no transform where the profile is sRGB already, and where it does not fit: damaged, or of
        another colour space than the pictures.
    """
    try:
        source = ImageCms.getOpenProfile(io.BytesIO(profile))
        intent, flags = ImageCms.Intent.RELATIVE_COLORIMETRIC, ImageCms.Flags.BLACKPOINTCOMPENSATION
        transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB", intent, flags)
    except (ImageCms.PyCMSError, OSError):
        return Conversion(None, fits=False)
    name = (source.profile.profile_description or "").strip()
    return Conversion(None if mode != "CMYK" and _changes_nothing(transform, mode) else transform, name)


def _changes_nothing(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    """Tell a profile that is sRGB by its effect: names mislead ("linear sRGB"), and rounding must not touch sRGB."""
    levels = np.arange(0, 256, 15, dtype=np.uint8)
    swatches = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(1, -1, 3)
    chart = Image.fromarray(swatches).convert(mode)
    after = ImageCms.applyTransform(chart, transform) or chart
    change = np.asarray(after, np.int16) - np.asarray(chart.convert("RGB"), np.int16)
    return int(np.abs(change).max()) <= 1
