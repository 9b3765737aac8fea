"""Plane faces and boxes in space."""

from __future__ import annotations

import cv2
import numpy as np

from gan_lab.data.catalogue.canvas import Canvas, Material
from gan_lab.data.catalogue.palette import Colour
from gan_lab.data.catalogue.surfaces import Array, flat, polygon, round_off

Corner = tuple[float, float, float]


def face(
    canvas: Canvas, corners: list[Corner], normal: Corner, colour: Colour | Array, material: Material,
    shade: float = 1.0, edge: float = 0.0,
) -> None:
    """Paint a plane face if it looks at the viewer.

    Args:
        corners: the face's outline, for a picture from its upper left clockwise.
        normal: its direction, product axes.
        colour: linear, or a picture [h, w, 3] that is spread over the four corners.
        edge: how far the border is rounded off, in product units.
    """
    nx, ny, nz = canvas.facing(*normal)
    if nz <= 0.01:
        return
    points = canvas.project(corners)
    placed = polygon(points)
    patch = round_off(placed, max(1.0, edge * canvas.unit), 0.3) if edge else flat(placed)
    patch.tilt(nx, ny)
    if isinstance(colour, np.ndarray):
        height, width = colour.shape[:2]
        source = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
        view = cv2.getPerspectiveTransform(source, (points - (patch.x, patch.y)).astype(np.float32))
        shape = (patch.alpha.shape[1], patch.alpha.shape[0])
        colour = cv2.warpPerspective(colour, view, shape, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    canvas.paint(patch, colour, material, shade=shade)


def box(
    canvas: Canvas, low: Corner, high: Corner, colour: Colour | Array, material: Material,
    edge: float = 0.0, shade: float = 1.0, taper: float = 0.0,
) -> None:
    """Paint the visible faces of a box between two corners; `taper` narrows its foot."""
    (x0, y0, z0), (x1, y1, z1), t = low, high, taper
    a, b, c, d = (x0 + t, y0, z0 + t), (x1 - t, y0, z0 + t), (x1 - t, y0, z1 - t), (x0 + t, y0, z1 - t)
    e, f, g, h = (x0, y1, z0), (x1, y1, z0), (x1, y1, z1), (x0, y1, z1)
    sides: tuple[tuple[list[Corner], Corner, float], ...] = (
        ([e, h, d, a], (-1, 0, 0), 0.86),
        ([g, f, b, c], (1, 0, 0), 0.86),
        ([h, g, c, d], (0, 0, 1), 0.96),
        ([e, f, g, h], (0, 1, 0), 1.0),
    )
    for corners, normal, light in sides:
        face(canvas, corners, normal, colour, material, shade * light, edge)
