"""A sheet to paint on, for the tests of this folder."""

from __future__ import annotations

import numpy as np

from gan_lab.data.catalogue.canvas import Canvas, Pose
from gan_lab.data.catalogue.light import Lamp, light

SIZE = 96


def make_canvas(
    yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0, side: int = 1, lamp: Lamp | None = None
) -> Canvas:
    """Return an empty sheet, whose product stands in the middle and is half as high as it."""
    return Canvas(SIZE, lamp or light("studio", 0), Pose(0.5, 0.75, 0.5, yaw, pitch, roll, side))


def find_painted_box(canvas: Canvas) -> tuple[int, int, int, int]:
    """Return the left, top, right and bottom pixel of what is painted."""
    rows, columns = np.nonzero(canvas.alpha > 0.5)
    return int(columns.min()), int(rows.min()), int(columns.max()), int(rows.max())
