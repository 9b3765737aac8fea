"""Colour spaces that files name by numbers, as ICC profiles, so that they are converted as embedded profiles are.

Source: ITU-T H.273 (2021), tables 2 and 3; IEC 61966-2-1; Adobe RGB (1998), 4.3.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gan_lab.photo_files.icc import assemble_profile, make_text

_D65, _C, _DCI = (0.3127, 0.3290), (0.310, 0.316), (0.314, 0.351)
_BT_709 = ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060))
_SMPTE_170 = ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070))
_P3 = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
Point = tuple[float, float]
#: x and y of white, red, green and blue.
Chromaticities = tuple[Point, Point, Point, Point]

SRGB_POINTS: Chromaticities = (_D65, *_BT_709)
#: By code point: the name and the chromaticities.
PRIMARIES: dict[int, tuple[str, Chromaticities]] = {
    1: ("sRGB", SRGB_POINTS),
    4: ("BT.470 M", (_C, (0.67, 0.33), (0.21, 0.71), (0.14, 0.08))),
    5: ("BT.601 625", (_D65, (0.64, 0.33), (0.29, 0.60), (0.15, 0.06))),
    6: ("BT.601 525", (_D65, *_SMPTE_170)),
    7: ("SMPTE 240M", (_D65, *_SMPTE_170)),
    8: ("film", (_C, (0.681, 0.319), (0.243, 0.692), (0.145, 0.049))),
    9: ("BT.2020", (_D65, (0.708, 0.292), (0.170, 0.797), (0.131, 0.046))),
    11: ("DCI P3", (_DCI, *_P3)),
    12: ("Display P3", (_D65, *_P3)),
    22: ("EBU 3213", (_D65, (0.630, 0.340), (0.295, 0.605), (0.155, 0.077))),
}

#: A curve from stored values x to light: x ** g; or with more numbers (a x + b) ** g from d on, and c x below.
Curve = Sequence[float]
SRGB_CURVE: Curve = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
_BT_709_CURVE: Curve = (1 / 0.45, 1 / 1.099, 0.099 / 1.099, 1 / 4.5, 0.081)
#: By code point.
CURVES: dict[int, Curve] = {
    **dict.fromkeys((1, 6, 11, 12, 14, 15), _BT_709_CURVE),
    4: (2.2,),
    5: (2.8,),
    7: (1 / 0.45, 1 / 1.1115, 0.1115 / 1.1115, 1 / 4, 0.0912),
    8: (1.0,),
    13: SRGB_CURVE,
}
#: Transfers of more light than a screen's white.
HDR = {16: "PQ", 18: "HLG"}

ADOBE_RGB: tuple[Chromaticities, Curve] = ((_D65, (0.64, 0.33), (0.21, 0.71), (0.15, 0.06)), (563 / 256,))

_D50 = np.array([0.9642, 1.0, 0.8249])  # of ICC's connection space
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


@functools.lru_cache(maxsize=32)
def make_profile(name: str, points: Chromaticities, curve: Curve, grey: bool) -> bytes:
    """Return an ICC profile of primaries and one curve.

    Args:
        name: what it is called in notes.
        points: chromaticities of white, red, green and blue.
        curve: see `Curve`.
        grey: for grey pictures, to which the primaries mean nothing.

    Raises:
        ValueError: the chromaticities are those of no space, or the curve falls.
    """
    if not all(np.isfinite(curve)) or not 0.1 <= curve[0] <= 10:
        raise ValueError("its gamma is out of all reason")
    numbers = [round(value * 65536) for value in curve]
    kind = 0 if len(curve) == 1 else 3
    tone = b"para" + bytes(4) + struct.pack(f">HH{len(numbers)}i", kind, 0, *numbers)
    if grey:
        return assemble_profile(b"GRAY", {b"desc": make_text(name), b"kTRC": tone})
    columns = {tag: _encode_xyz(column) for tag, column in zip(_COLUMNS, _adapt(points).T, strict=True)}
    return assemble_profile(
        b"RGB ", {b"desc": make_text(name), **columns, **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), tone)}
    )


_COLUMNS = (b"rXYZ", b"gXYZ", b"bXYZ")


def _adapt(points: Chromaticities) -> NDArray[np.float64]:
    """Return the XYZ of red, green and blue, [3, 3] by columns, adapted to D50 (Bradford)."""
    if any(not 0 < y <= 1 or not -0.5 <= x <= 1.5 for x, y in points):
        raise ValueError("its chromaticities are out of all reason")
    white, *primaries = (np.array([x / y, 1, (1 - x - y) / y]) for x, y in points)
    columns = np.stack(primaries, axis=1)
    if abs(np.linalg.det(columns)) < 1e-3:
        raise ValueError("its primaries lie on a line")
    columns = columns * np.linalg.solve(columns, white)
    cones = np.diag((_BRADFORD @ _D50) / (_BRADFORD @ white))
    adapted: NDArray[np.float64] = np.linalg.solve(_BRADFORD, cones @ _BRADFORD @ columns)
    return adapted


def _encode_xyz(values: NDArray[np.float64]) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(float(value) * 65536) for value in values))
