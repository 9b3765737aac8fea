"""Shapes cut from a sheet: panels, cords, seams, prints."""

from __future__ import annotations

import cv2
import numpy as np

from gan_lab.data.catalogue.canvas import MATT, Canvas, Material
from gan_lab.data.catalogue.palette import Colour
from gan_lab.data.catalogue.surfaces import Array, Patch, Points, flat, polygon, round_off, stroke


def roughen(patch: Patch, slopes: Array, grid: tuple[Array, Array], zoom: float, depth: float) -> Patch:
    """Tilt a patch's normals by a map of slopes [n, n, 2] laid over the product, `zoom` repeats in a unit."""
    side = np.float32(slopes.shape[0] * zoom)
    way = cv2.INTER_LINEAR if zoom < 1 else cv2.INTER_NEAREST
    bumps = cv2.remap(slopes, grid[0] * side, grid[1] * side, way, borderMode=cv2.BORDER_WRAP)
    return patch.tilt(bumps[..., 0] * np.float32(depth), bumps[..., 1] * np.float32(depth))


def panel(
    canvas: Canvas, outline: Points, edge: float, flatness: float, colour: Colour, material: Material,
    shadow: float = 0.0, dark: float = 0.5, drop: float = 0.0, shade: float = 1.0,
) -> None:
    """Paint a cushioned shape.

    Args:
        outline: closed, product points.
        edge, flatness: of its rounded border, see `round_off`; the edge in product units.
        colour, material, shade: see `Canvas.paint`.
        shadow, dark, drop: softness, depth and shift down of the shadow on what is below; no shadow if 0.
    """
    placed = polygon(canvas.place(outline))
    if shadow:
        canvas.darken(placed, shadow, dark, 0, -drop)
    canvas.paint(round_off(placed, edge * canvas.unit, flatness), colour, material, shade=shade)


def sheet(canvas: Canvas, outline: Points, tilt: float, colour: Colour, material: Material, shade: float = 1.0) -> None:
    """Paint a plane shape that leans back by `tilt`."""
    canvas.paint(flat(polygon(canvas.place(outline)), 0, tilt), colour, material, shade=shade)


def line(canvas: Canvas, points: Points, width: float, colour: Colour, material: Material, lift: float = 0.0) -> None:
    """Paint a round cord along product points; with `lift` it throws a shadow on what is below."""
    placed = stroke(width * canvas.unit, canvas.place(points))
    if lift:
        canvas.darken(placed, lift, 0.5, 0, -lift * 0.6)
    canvas.paint(round_off(placed, max(1.0, width * canvas.unit * 0.5)), colour, material)


def stitches(canvas: Canvas, points: Points, colour: Colour, width: float = 0.008, every: float = 0.022) -> None:
    """Paint a seam of single stitches along product points."""
    p = np.asarray(points, np.float64)
    along = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(p, axis=0).T))])
    starts = np.arange(0, along[-1] - every * 0.5, every)
    ends = [
        canvas.place(np.stack([np.interp(at, along, p[:, 0]), np.interp(at, along, p[:, 1])], 1))
        for at in (starts, starts + every * 0.6)
    ]
    pairs = np.stack(ends, 1)
    canvas.paint(flat(stroke(width * canvas.unit, *pairs), 0, 0.2), colour, MATT)


def square(canvas: Canvas, middle: tuple[float, float], reach: float) -> Patch:
    """Return an upright square, never turned, `reach` product units around a product point."""
    r = reach * canvas.unit
    return flat(polygon(np.array([[-r, -r], [r, -r], [r, r], [-r, r]]) + canvas.place([middle])[0]))


def around(count: int) -> Array:
    """Return points of the unit circle, float64 [count, 2]."""
    angle = np.arange(count) * (2 * np.pi / count)
    return np.stack([np.cos(angle), np.sin(angle)], 1)
