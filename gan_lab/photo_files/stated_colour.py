"""What a file states of its colours, by a profile or without one, as the one ICC profile that they are converted from."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from typing import IO, Any

import numpy as np
from PIL import ExifTags, Image, ImageFile

from gan_lab.photo_files.boxes import read_statements
from gan_lab.photo_files.colour_spaces import ADOBE_RGB, CURVES, HDR, PRIMARIES, SRGB_CURVE, SRGB_POINTS, make_profile
from gan_lab.photo_files.icc import code_points

GREY_MODES = ("1", "L", "LA", "La")

#: Keys of a picture's `info`, beside those that Pillow gives: what its boxes say, and its code points of H.273.
BOXES, _CICP = "boxes", "cicp"
_UNSPECIFIED, _SRGB, _BT_709 = 2, 13, 1
_ADOBE_RGB, _UNCALIBRATED = 2, 65535
_2_2, _NEAR = 0.45455, 0.0005


@dataclass(frozen=True)
class StatedColour:
    """What a picture's values mean.

    Attributes:
        profile: ICC bytes; None where nothing is stated, or sRGB.
        stated: the file says what its colours are, so that what is made of it shall say so too.
        notes: what a user should know.
    """

    profile: bytes | None = None
    stated: bool = False
    notes: tuple[str, ...] = ()


def find_statements(picture: Image.Image, file: IO[bytes]) -> None:
    """Put what Pillow passes over of an opened picture's colours and companions into its `info`.

    Args:
        picture: not loaded yet.
        file: its bytes; the position is left where it was.

    Raises:
        ValueError: its values are of more light than a screen's white (HDR), or of a narrowed range.
    """
    if picture.format == "PNG":
        picture.info[_CICP] = _find_cicp_chunk(file)
    elif picture.format in ("AVIF", "HEIF", "JPEG2000"):
        boxes = read_statements(file)
        picture.info[BOXES], picture.info[_CICP] = boxes, boxes.cicp
    points = picture.info.get(_CICP) or code_points(picture.info.get("icc_profile") or b"")
    if points and points[1] in HDR:
        raise ValueError(
            f"an HDR photo ({HDR[points[1]]}), whose light is more than a screen's white: save it as SDR, in sRGB or Display P3"
        )
    if picture.format == "PNG" and points and points[3] == 0 and picture.info.get(_CICP):
        raise ValueError("its cICP chunk says that black is 16 and white 235, as in video: save it with the full range")


def read_stated_colour(picture: Image.Image, grey: bool | None = None) -> StatedColour:
    """Return the colour space of a picture's values, by the first of the statements that its format has.

    PNG: cICP, iCCP, sRGB, gAMA and cHRM. AVIF, HEIF: an ICC profile, nclx. JPEG: an ICC profile, EXIF. Others: a profile.

    Args:
        picture: as Pillow opened it.
        grey: whether it is to be converted as a grey one; None: by its mode.

    Raises:
        ValueError: it is HDR.

    Source: Portable Network Graphics (Third Edition), 4.3.
    """
    if _CICP not in picture.info and isinstance(picture, ImageFile.ImageFile) and picture.filename:  # by Pillow alone
        with contextlib.suppress(OSError), open(picture.filename, "rb") as file:
            find_statements(picture, file)
    info = picture.info
    if grey is None:
        grey = picture.mode in GREY_MODES or picture.mode.startswith("I")
    found = _by_code_points(info[_CICP], BOXES in info, grey) if info.get(_CICP) else StatedColour()
    if found.stated and BOXES not in info:
        return found
    if profile := info.get("icc_profile"):
        return StatedColour(profile, stated=True, notes=() if BOXES in info else found.notes)
    if found.stated:
        return found
    other = StatedColour()
    if "srgb" in info:
        other = StatedColour(stated=True)
    elif "gamma" in info or "chromaticity" in info:
        other = _by_gamma(info, grey)
    elif picture.format in ("JPEG", "MPO"):
        other = _by_exif(picture, grey)
    return replace(other, notes=found.notes + other.notes)


def _by_code_points(points: tuple[int, int, int, int], boxed: bool, grey: bool) -> StatedColour:
    primaries, transfer = points[:2]
    if primaries == transfer == _UNSPECIFIED:
        return StatedColour()
    where = "nclx box" if boxed else "cICP chunk"
    primaries = _BT_709 if primaries == _UNSPECIFIED else primaries
    transfer = _SRGB if transfer == _UNSPECIFIED else transfer
    if primaries not in PRIMARIES or transfer not in CURVES or (not boxed and points[2] != 0):
        unknown = f"its {where} states colours that are not known ({'-'.join(map(str, points))}): passed over"
        return StatedColour(notes=(unknown,))
    if boxed and primaries == _BT_709 and CURVES[transfer] is CURVES[_BT_709]:
        return StatedColour(stated=True, notes=(f"its {where} states BT.709, as video encoders do: taken as sRGB",))
    name, chromaticities = PRIMARIES[primaries]
    if transfer != _SRGB:
        name += f" with transfer {transfer}"
    return StatedColour(make_profile(f"{name} ({where})", chromaticities, CURVES[transfer], grey), stated=True)


def _by_gamma(info: dict[str | tuple[int, int], Any], grey: bool) -> StatedColour:
    """Return the colours of PNG's gAMA and cHRM; a gamma of 1/2.2 with sRGB's primaries, or none, is how sRGB is written."""
    gamma, points = info.get("gamma"), SRGB_POINTS
    if "chromaticity" in info:
        x, y = info["chromaticity"][::2], info["chromaticity"][1::2]
        points = (x[0], y[0]), (x[1], y[1]), (x[2], y[2]), (x[3], y[3])
    is_srgb = np.allclose(points, SRGB_POINTS, atol=0.002)
    if is_srgb and (gamma is None or abs(gamma - _2_2) <= _NEAR):
        return StatedColour(stated=True)
    try:
        curve = SRGB_CURVE if gamma is None else (1 / gamma,)
        name = f"a gamma of {gamma:g}" if gamma is not None else "primaries"
        return StatedColour(make_profile(f"{name} (gAMA and cHRM chunks)", points, curve, grey), stated=True)
    except (ValueError, ZeroDivisionError) as error:
        return StatedColour(notes=(f"its gAMA and cHRM chunks make no sense ({error}): taken as sRGB",))


def _by_exif(picture: Image.Image, grey: bool) -> StatedColour:
    space = index = None
    with contextlib.suppress(Exception):  # damaged metadata must not lose the picture
        exif = picture.getexif()
        space = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.ColorSpace)
        index = str(exif.get_ifd(ExifTags.IFD.Interop).get(ExifTags.Interop.InteropIndex, ""))[:3]
    if picture.mode == "CMYK" or space not in (_ADOBE_RGB, _UNCALIBRATED):
        return StatedColour()
    if space == _ADOBE_RGB or index == "R03":
        return StatedColour(make_profile("Adobe RGB (EXIF)", *ADOBE_RGB, grey), stated=True)
    return StatedColour(
        notes=("its EXIF block says that its colours are not sRGB, and not what they are: taken as sRGB",)
    )


def _find_cicp_chunk(file: IO[bytes]) -> tuple[int, int, int, int] | None:
    """Return the code points of a PNG's cICP chunk, which stands before the pixels; None where there is none."""
    position = file.tell()
    try:
        file.seek(8)
        while len(head := file.read(8)) == 8 and head[4:] not in (b"IDAT", b"IEND"):
            length = int.from_bytes(head[:4], "big")
            if head[4:] == b"cICP" and length == 4:
                primaries, transfer, matrix, full = file.read(4)
                return primaries, transfer, matrix, full
            file.seek(length + 4, 1)
    finally:
        file.seek(position)
    return None
