"""Pieces of visible surface in pixels: coverage, normals and surface coordinates, from a handful of control points."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]  # float32 unless a docstring says otherwise
Picture = TypeVar("Picture", bound=np.ndarray)
Points = Sequence[tuple[float, float]] | NDArray[np.floating]


@dataclass
class Patch:
    """A rectangle of the canvas covered by one surface.

    Attributes:
        x, y: the rectangle's left and top in pixels.
        alpha: [h, w] in [0, 1], the coverage.
        nx, ny: [h, w], the unit normal's parts to the right and up; the third part looks at the viewer.
    """

    x: int
    y: int
    alpha: Array
    nx: Array
    ny: Array

    def tilt(self, right: Array | float, up: Array | float) -> Patch:
        """Turn the surface a little, short of edge-on: only what really curves away should mirror like an outline."""
        nx, ny = (self.nx + right).astype(np.float32), (self.ny + up).astype(np.float32)
        over = np.maximum(cv2.magnitude(nx, ny) * np.float32(1 / 0.9), 1)
        self.nx, self.ny = nx / over, ny / over
        return self

    def inside(self, size: int) -> Patch:
        """Return the part of the patch that lies on a square canvas."""
        height, width = self.alpha.shape
        left, top = max(0, -self.x), max(0, -self.y)
        right, bottom = min(width, size - self.x), min(height, size - self.y)
        if (left, top, right, bottom) == (0, 0, width, height):
            return self
        cut = (slice(top, max(top, bottom)), slice(left, max(left, right)))
        return Patch(self.x + left, self.y + top, self.alpha[cut], self.nx[cut], self.ny[cut])


@dataclass
class Turned(Patch):
    """A surface of revolution.

    Attributes:
        u: [h, w], how far from the axis: -1 at the left outline, 1 at the right.
        v: [h, w], the height in product units; in a mouth, 0 on the wall and 1 on what fills it.
    """

    u: Array
    v: Array


def soften(picture: Picture, sigma: float) -> Picture:
    """Return a picture blurred like a Gaussian of `sigma` pixels, at a cost that does not grow with it."""
    width = 2 * int((np.sqrt(6 * sigma * sigma + 1)) / 2) + 1  # two boxes of this width have about that deviation
    return picture if width == 1 else cv2.blur(cv2.blur(picture, (width, width)), (width, width))  # type: ignore[return-value]


def curve(points: Points, steps: int = 8, closed: bool = False) -> NDArray[np.float64]:
    """Return a centripetal-looking smooth line through the points (uniform Catmull-Rom), [n, 2]."""
    p = np.asarray(points, np.float64)
    p = np.concatenate([p[-1:], p, p[:2]]) if closed else np.concatenate([2 * p[:1] - p[1:2], p, 2 * p[-1:] - p[-2:-1]])
    t = (np.arange(steps) / steps)[None, :, None]
    a, b, c, d = (p[i : len(p) - 3 + i, None] for i in range(4))
    line = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
    line = line.reshape(-1, 2)
    return line if closed else np.concatenate([line, p[-2:-1]])


Mask = tuple[int, int, NDArray[np.uint8]]  # left, top, coverage [h, w] from 0 to 255


def polygon(*outlines: NDArray[np.floating]) -> Mask:
    """Return the anti-aliased coverage of closed outlines given in pixels, [n, 2] each."""
    return _mask(outlines, 2, lambda mask, lines: [cv2.fillPoly(mask, [line], 255, cv2.LINE_AA, 4) for line in lines])


def stroke(width: float, *lines: NDArray[np.floating]) -> Mask:
    """Return the anti-aliased coverage of lines [n, 2] of the given width, all in pixels."""
    thick = max(1, round(width))
    return _mask(
        lines, thick // 2 + 3, lambda mask, shifted: cv2.polylines(mask, shifted, False, 255, thick, cv2.LINE_AA, 4)
    )


def _mask(
    lines: tuple[NDArray[np.floating], ...],
    margin: int,
    pen: Callable[[NDArray[np.uint8], list[NDArray[np.int32]]], object],
) -> Mask:
    points = np.concatenate(lines)
    low = np.floor(points.min(0)).astype(int) - margin
    width, height = (np.ceil(points.max(0)).astype(int) + margin - low + 1).tolist()
    mask = np.zeros((height, width), np.uint8)
    pen(mask, [np.round((line - low) * 16).astype(np.int32) for line in lines])
    return int(low[0]), int(low[1]), mask


def round_off(placed: Mask, radius: float, flatness: float = 0.0) -> Patch:
    """Return a cushion over a mask: a quarter-round edge of `radius` pixels that runs into a flat middle.

    A radius of half the shape's width makes a tube or a pebble. `flatness` in [0, 1] makes the edge less steep.
    """
    x, y, mask = placed
    step = max(1, int(radius / 7))  # a wide edge is smooth: a coarse grid shows the same and costs less
    size = (max(1, mask.shape[1] // step), max(1, mask.shape[0] // step))
    coarse = mask if step == 1 else cv2.resize(mask, size, interpolation=cv2.INTER_AREA)
    coarse = cv2.copyMakeBorder(coarse, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    reach = max(1.0, radius / step)
    distance: Array = cv2.distanceTransform((coarse > 127).astype(np.uint8), cv2.DIST_L2, 5)
    distance = cv2.GaussianBlur(np.minimum(distance, reach), (0, 0), 0.12 * reach + 0.4)
    gx, gy = cv2.Sobel(distance, cv2.CV_32F, 1, 0, scale=1 / 8), cv2.Sobel(distance, cv2.CV_32F, 0, 1, scale=1 / 8)
    steep = np.clip(1 - distance / reach, 0, 0.93) * np.float32(1 - flatness)
    length = np.maximum(np.sqrt(gx * gx + gy * gy), 0.5)
    nx, ny = (-gx / length * steep)[1:-1, 1:-1], (gy / length * steep)[1:-1, 1:-1]
    if step > 1:
        full = (mask.shape[1], mask.shape[0])
        nx, ny = cv2.resize(nx, full), cv2.resize(ny, full)
    return Patch(x, y, mask.astype(np.float32) / 255, nx, ny)


def flat(placed: Mask, nx: float = 0.0, ny: float = 0.0) -> Patch:
    """Return a plane piece of surface with one normal."""
    x, y, mask = placed
    alpha = mask.astype(np.float32) / 255
    return Patch(x, y, alpha, np.full_like(alpha, nx), np.full_like(alpha, ny))


def revolve(profile: Points, centre: tuple[float, float], unit: float, pitch: float, soft: float = 0.012) -> Turned:
    """Return a surface of revolution around the vertical, seen from `pitch` radians above the horizon.

    Args:
        profile: (radius, height) from the bottom to the top, in product units.
        centre: the pixel where radius 0, height 0 lies.
        unit: pixels in a product unit.
        soft: how much corners of the profile are rounded, in product units.

    Every pixel shows the highest ring that covers it: seen from above, higher means nearer.
    """
    r, h = _even(profile, unit, soft)
    dr, dh = np.gradient(r), np.gradient(h)
    length = np.hypot(dr, dh) + 1e-6
    outward, upward = (dh / length).astype(np.float32), (-dr / length).astype(np.float32)
    sin, cos = np.float32(np.sin(pitch)), np.float32(np.cos(pitch))
    reach = int(r.max()) + 2
    seam = 2 * int(sin * np.sqrt(1.4 * r.max())) + 5  # pixels that part both halves of the innermost ring in a column
    left, top = int(centre[0]) - reach, int(centre[1] - h.max() * cos - r.max() * sin) - seam
    height = int(centre[1] - h.min() * cos + r.max() * sin) + seam - top
    xs = np.arange(left, left + 2 * reach + 1, dtype=np.float32) - np.float32(centre[0])
    chord2 = (r * r)[:, None] - (xs * xs)[None, :]
    missing, chord = chord2 < 0, np.sqrt(np.maximum(chord2, 0))
    middle = (np.float32(centre[1] - top + 0.5) - h * cos)[:, None]
    ring = _rings(middle + sin * chord, missing, np.arange(len(r)), height)
    sign = np.ones_like(ring)
    tops = np.flatnonzero(upward > 0.05)
    if len(tops):  # lids and shoulders also show their far half, as far as it faces up enough
        away = upward[tops, None] * sin * r[tops, None] < outward[tops, None] * chord[tops] * cos
        back = _rings(middle[tops] - sin * chord[tops], missing[tops] | away, tops, height)
        sign[(back >= 0) & (ring < 0)] = -1
        ring = cv2.morphologyEx(np.maximum(ring, back), cv2.MORPH_CLOSE, np.ones((seam, 1), np.uint8))
    alpha = cv2.GaussianBlur((ring >= 0).astype(np.float32), (3, 3), 0)
    index = np.maximum(cv2.dilate(ring, np.ones((3, 3), np.uint8)), 0).astype(np.intp)
    across = np.clip(xs[None, :] / r[index], -1, 1)
    towards = np.sqrt(1 - across * across) * sign
    n_out = outward[index]
    ny = upward[index] * cos - n_out * towards * sin
    return Turned(left, top, alpha, n_out * across, ny, across, h[index] / np.float32(unit))


def _even(profile: Points, unit: float, soft: float) -> tuple[Array, Array]:
    """Return a profile's radii and heights in pixels at even steps below a pixel, its corners rounded."""
    p = np.asarray(profile, np.float64) * unit
    along = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(p, axis=0).T))])
    even = np.linspace(0, along[-1], int(along[-1] / 0.65) + 2)
    line: Array = np.stack([np.interp(even, along, p[:, 0]), np.interp(even, along, p[:, 1])]).astype(np.float32)
    window = max(1, int(soft * unit / 0.65)) * 2 + 1
    for _ in range(2):
        line = cv2.blur(line, (window, 1), borderType=cv2.BORDER_REPLICATE)
    return np.maximum(line[0], 0.01), line[1]


def _rings(rows: Array, missing: Array, numbers: Array, height: int) -> Array:
    """Return the highest ring's number that falls on each pixel [height, w], -1 where there is none.

    Args:
        rows: [rings, w], the row on which a ring crosses a column.
        missing: [rings, w], where it does not.
        numbers: [rings], ascending.
    """
    width = rows.shape[1]
    at = np.where(missing, height, rows).astype(np.int32) * width + np.arange(width, dtype=np.int32)  # a spare row
    ring: Array = np.full((height + 1) * width, -1, np.float32)
    ring[at] = numbers.astype(np.float32)[:, None]  # of repeated indices the last, so the highest, stays
    return cv2.morphologyEx(ring.reshape(height + 1, width)[:height], cv2.MORPH_CLOSE, np.ones((5, 1), np.uint8))


def opening(
    radius: float, height: float, depth: float, centre: tuple[float, float], unit: float, pitch: float
) -> tuple[Turned, Array]:
    """Return the inside of a round vessel as seen through its mouth, and how much light [h, w] reaches it.

    Args:
        radius, height: of the mouth, in product units.
        depth: down to a flat bottom or the level of what is in it, in product units.
    """
    sin, cos = float(np.sin(pitch)), float(np.cos(pitch))
    r = radius * unit
    cx, cy = centre[0], centre[1] - height * unit * cos
    angle = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    x, y, mask = polygon(np.stack([cx + r * np.cos(angle), cy + r * sin * np.sin(angle)], 1))
    xs = ((np.arange(mask.shape[1], dtype=np.float32) + np.float32(x - cx)) / np.float32(r))[None, :]
    ys = (np.arange(mask.shape[0], dtype=np.float32) + np.float32(y - cy))[:, None]
    chord = np.sqrt(np.maximum(1 - xs * xs, 0))
    below = (ys + r * sin * chord) / np.float32(cos * unit)
    bottom = below > depth
    nx = np.where(bottom, 0, -xs).astype(np.float32)
    ny = np.where(bottom, cos, -chord * sin).astype(np.float32)
    reach = np.where(
        bottom, np.minimum(1, 0.45 + 0.4 * (below - depth) / max(radius, 1e-3)), 1 - 0.55 * below / max(depth, 1e-3)
    )
    level = np.clip((below - depth) * np.float32(unit / 2), 0, 1)
    patch = Turned(x, y, mask.astype(np.float32) / 255, nx, ny, np.broadcast_to(xs, nx.shape), level.astype(np.float32))
    reach = np.clip(reach / (1 + depth / radius * 0.35), 0.12, 1).astype(np.float32)
    return patch, reach
