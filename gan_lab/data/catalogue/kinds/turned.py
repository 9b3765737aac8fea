"""Surfaces of revolution that stand at a product's base point."""

from __future__ import annotations

import cv2
import numpy as np

from gan_lab.data.catalogue.canvas import Canvas, Material
from gan_lab.data.catalogue.palette import Colour
from gan_lab.data.catalogue.surfaces import Array, Patch, Points, Turned, opening, revolve


def turn(canvas: Canvas, profile: Points, soft: float = 0.012) -> Turned:
    """Return a surface of revolution standing at the product's base point."""
    return revolve(profile, canvas.origin, canvas.unit, canvas.pose.pitch, soft)


def stand(canvas: Canvas, profile: Points, soft: float, colour: Colour, material: Material) -> None:
    """Paint a surface of revolution in one colour."""
    canvas.paint(turn(canvas, profile, soft), colour, material)


def fill(
    canvas: Canvas, radius: float, height: float, depth: float, wall: Colour, content: Colour, material: Material
) -> None:
    """Paint the inside of a product's round mouth, and what fills it up to `depth` below."""
    inside, light = opening(radius, height, depth, canvas.origin, canvas.unit, canvas.pose.pitch)
    dry, wet = np.array(wall, np.float32), np.array(content, np.float32)
    canvas.paint(inside, dry + (wet - dry) * inside.v[..., None], material, shade=light)


def glass(canvas: Canvas, body: Turned, tint: Colour, dense: float) -> None:
    """Paint a clear shell: tinted more where the wall is seen edge-on, with full highlights."""
    edge = np.sqrt(np.clip(body.nx**2 + np.minimum(body.ny, 0) ** 2, 0, 1))
    canvas.paint(body, tint, Material(1.5, 0), opacity=np.clip(dense + 0.75 * edge**4, 0, 0.95).astype(np.float32))


def bands(canvas: Canvas, patch: Turned, edges: list[float], colours: list[Colour]) -> Array:
    """Return colours [h, w, 3] that change at the given heights, from the bottom up."""
    paint = np.empty((*patch.v.shape, 3), np.float32)
    paint[:] = colours[0]
    for edge, colour in zip(edges, colours[1:], strict=True):
        over = np.clip((patch.v - np.float32(edge)) * np.float32(canvas.unit / 2) + 0.5, 0, 1)[..., None]
        paint += (np.array(colour, np.float32) - paint) * over
    return paint


def wrap(
    canvas: Canvas, patch: Turned, low: float, high: float, turned: float, span: float, picture: Array
) -> tuple[Patch, Array]:
    """Return the part of a surface of revolution that a printed picture covers, and its colours [h, w, channels].

    Args:
        low, high: heights of the print's edges, in product units.
        turned: the angle of the print's middle, 0 looks at the viewer.
        span: the angle that the print takes in.
    """
    rows = np.flatnonzero(((patch.v > low) & (patch.v < high) & (patch.alpha > 0.4)).any(1))
    cut = slice(int(rows[0]), int(rows[-1]) + 1) if len(rows) else slice(0, 0)
    u, v = patch.u[cut], patch.v[cut]
    x = (np.arcsin(u) - np.float32(turned)) / np.float32(span) + np.float32(0.5)
    y = (np.float32(high) - v) / np.float32(high - low)
    height, width = picture.shape[:2]
    colours = cv2.remap(picture, x * (width - 1), y * (height - 1), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    sharp_x, sharp_y = np.float32(canvas.unit * 0.2 * span), np.float32(canvas.unit * (high - low))
    inside = np.clip(np.minimum(x, 1 - x) * sharp_x, 0, 1) * np.clip(np.minimum(y, 1 - y) * sharp_y, 0, 1)
    return Patch(patch.x, patch.y + cut.start, patch.alpha[cut] * inside, patch.nx[cut], patch.ny[cut]), colours
