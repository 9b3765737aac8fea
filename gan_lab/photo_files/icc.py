"""ICC profiles as bytes: 16-bit colours through matrix and curves (Pillow's engine has 8 bits), and profiles for outputs."""

from __future__ import annotations

import contextlib
import functools
import struct
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import ImageCms

from gan_lab.imaging.light import encode

_BAND = 1 << 20  # pixels converted at a time: fp32 copies of a whole large photo would not fit
_D50 = np.array([0.9642, 1.0, 0.8249], np.float32)  # white of the connection space
_CREATED = struct.pack(">6H", 2024, 1, 1, 0, 0, 0)  # else two writings of one photo would differ by the minute
_NAME = "Grey with the curve of sRGB"


@functools.cache
def srgb_profile() -> bytes:
    """Return an sRGB profile, always the same bytes."""
    made = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return made[:24] + _CREATED + made[36:]


@functools.cache
def grey_profile() -> bytes:
    """Return a profile for grey pictures whose values are those of sRGB's greys."""
    return assemble_profile(b"GRAY", {b"desc": make_text(_NAME), b"kTRC": _tags(srgb_profile())[b"rTRC"]})


def assemble_profile(space: bytes, parts: Mapping[bytes, bytes]) -> bytes:
    """Return a profile made of tags, always the same bytes.

    Args:
        space: b"RGB " or b"GRAY".
        parts: its description, its curves, and of colours its primaries, by their signatures.
    """
    srgb = srgb_profile()
    own = _tags(srgb)
    parts = {b"desc": parts[b"desc"], b"cprt": own[b"cprt"], b"wtpt": own[b"wtpt"], **parts}
    table, body = struct.pack(">I", len(parts)), b""
    start = 128 + 4 + 12 * len(parts)
    for signature, data in parts.items():
        table += signature + struct.pack(">II", start + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    head = bytearray(srgb[:128])
    head[0:4] = struct.pack(">I", start + len(body))
    head[16:20] = space
    head[84:100] = bytes(16)  # the other profile's checksum
    return bytes(head) + table + body


def lab_to_srgb_16(pixels: NDArray[np.uint16], signed: bool) -> None:
    """Convert 16-bit L*a*b* (D50) to sRGB in its place; what sRGB cannot show is clipped.

    Args:
        pixels: uint16 [H, W, 3], C-contiguous.
        signed: as TIFF's CIELab has it: a* and b* as signed numbers of 256ths, L* of 100 is 65535. Else as ICC has it: a*
            and b* from -128 on, L* of 100 is 65280.
    """
    srgb = shaper(srgb_profile(), 3)
    assert srgb is not None
    assert srgb.matrix is not None
    from_xyz = np.linalg.inv(srgb.matrix).astype(np.float32)
    white = from_xyz @ _D50
    flat = pixels.reshape(-1, 3)
    for start in range(0, len(flat), _BAND):
        band = flat[start : start + _BAND]
        chroma = band[:, 1:].view(np.int16) / np.float32(256) if signed else band[:, 1:] / np.float32(256) - 128
        y = (band[:, 0] * np.float32(100 / (65535 if signed else 65280)) + 16) / 116
        f = np.stack((y + chroma[:, 0] / 500, y, y - chroma[:, 1] / 200), axis=-1)
        xyz = np.where(f > 6 / 29, f**3, (f - 4 / 29) * np.float32(108 / 841)) * _D50
        flat[start : start + _BAND] = np.rint(encode(xyz @ from_xyz.T / white) * 65535)


def code_points(profile: bytes) -> tuple[int, int, int, int] | None:
    """Return the code points of H.273 that a profile names beside its curves (ICC.1:2022, 9.2.17); None where it names none."""
    with contextlib.suppress(struct.error):
        if len(tag := _tags(profile).get(b"cicp", b"")) >= 12:
            return tag[8], tag[9], tag[10], tag[11]
    return None


def make_text(words: str) -> bytes:
    """Return a text as a profile holds it."""
    text = words.encode("utf-16-be")
    return b"mluc" + struct.pack(">IIIHHII", 0, 1, 12, 0x656E, 0x5553, len(text), 28) + text


@dataclass(frozen=True)
class Shaper:
    """A profile of the matrix-and-curves kind.

    Args:
        curves: per channel 65536 linear values for the 16-bit ones, float32 in [0, 1].
        matrix: linear values to XYZ (D50), [3, 3]; None for grey.
    """

    curves: tuple[NDArray[np.float32], ...]
    matrix: NDArray[np.float64] | None


@functools.lru_cache(maxsize=8)
def shaper(profile: bytes, channels: int) -> Shaper | None:
    """Return a profile's matrix and curves; None where it works by tables, is damaged, or has other channels.

    Args:
        profile: ICC bytes.
        channels: 3 for RGB, 1 for grey.
    """
    wanted = {3: b"RGB ", 1: b"GRAY"}[channels]
    try:
        tags = _tags(profile)
        if profile[16:20] != wanted or profile[20:24] != b"XYZ " or b"A2B0" in tags or b"A2B1" in tags:
            return None
        if channels == 1:
            return Shaper((_curve(tags[b"kTRC"]),), None)
        columns = [struct.unpack(">3i", tags[name][8:20]) for name in (b"rXYZ", b"gXYZ", b"bXYZ")]
        curves = tuple(_curve(tags[name]) for name in (b"rTRC", b"gTRC", b"bTRC"))
    except (KeyError, struct.error, ValueError):
        return None
    return Shaper(curves, np.array(columns).T / 65536)


def to_srgb_16(pixels: NDArray[np.uint16], source: Shaper) -> None:
    """Convert 16-bit colours to sRGB in their place (relative colorimetric; what sRGB cannot show is clipped).

    Args:
        pixels: uint16 [H, W, C], C-contiguous, with as many channels as `source` has.
        source: what the values mean now.
    """
    mix = None
    if source.matrix is not None:
        srgb = shaper(srgb_profile(), 3)
        assert srgb is not None
        assert srgb.matrix is not None
        mix = np.linalg.solve(srgb.matrix, source.matrix)
        white = mix.sum(axis=1, keepdims=True)
        if np.abs(white - 1).max() < 0.02:  # roundings of the profiles' numbers would take white off 65535
            mix /= white
        mix = mix.astype(np.float32)
    flat = pixels.reshape(-1, pixels.shape[2])
    for start in range(0, len(flat), _BAND):
        band = flat[start : start + _BAND]
        linear = np.stack([curve[band[:, c]] for c, curve in enumerate(source.curves)], axis=-1)
        if mix is not None:
            linear = linear @ mix.T
        flat[start : start + _BAND] = np.rint(encode(linear) * 65535)


def _tags(profile: bytes) -> dict[bytes, bytes]:
    tags = {}
    (count,) = struct.unpack_from(">I", profile, 128)
    for index in range(min(count, 100)):
        signature, start, size = struct.unpack_from(">4sII", profile, 132 + 12 * index)
        tags[signature] = profile[start : start + size]
    return tags


def _curve(tag: bytes) -> NDArray[np.float32]:
    """Return a curve's 65536 values (ICC.1:2010, 10.5 and 10.15).

    Raises:
        ValueError: the tag holds no curve that is known.
    """
    x = np.linspace(0, 1, 65536)
    if tag[:4] == b"curv":
        (count,) = struct.unpack_from(">I", tag, 8)
        points = np.frombuffer(tag, ">u2", count, 12)
        if count == 0:
            y = x
        elif count == 1:
            y = x ** (points[0] / 256)
        else:
            y = np.interp(x, np.linspace(0, 1, count), points / 65535)
    elif tag[:4] == b"para":
        y = _parametric(x, tag)
    else:
        raise ValueError(f"curve of type {tag[:4]!r}")
    return np.clip(y, 0, 1).astype(np.float32)


def _parametric(x: NDArray[np.float64], tag: bytes) -> NDArray[np.float64]:
    (kind,) = struct.unpack_from(">H", tag, 8)
    counts = {0: 1, 1: 3, 2: 4, 3: 5, 4: 7}
    if kind not in counts:
        raise ValueError(f"parametric curve of kind {kind}")
    g, *rest = (value / 65536 for value in struct.unpack_from(f">{counts[kind]}i", tag, 12))
    a, b, c, d, e, f = 1.0, 0.0, 0.0, -1.0, 0.0, 0.0  # kind 0: x ** g
    if kind in (1, 2):  # (a x + b) ** g + c from -b / a on, c below
        a, b = rest[:2]
        e = f = rest[2] if kind == 2 else 0.0
        d = -b / a if a else 0.0
    elif kind in (3, 4):  # (a x + b) ** g + e from d on, c x + f below
        a, b, c, d = rest[:4]
        e, f = rest[4:] if kind == 4 else (0.0, 0.0)
    return np.where(x >= d, np.maximum(a * x + b, 0) ** g + e, c * x + f)
