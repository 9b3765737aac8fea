"""Books."""

from __future__ import annotations

import numpy as np

from gan_lab.data.catalogue import prints
from gan_lab.data.catalogue.canvas import MATT, SATIN, Canvas
from gan_lab.data.catalogue.kinds.boxes import Corner, face
from gan_lab.data.catalogue.palette import linear

GILT, PAPER = linear(236, 226, 200), linear(238, 230, 212)


def book(canvas: Canvas, rng: np.random.Generator) -> None:
    """Paint a bound book that stands a little turned, cover to the viewer."""
    picture, base = prints.cover(rng)
    wide, tall, thick = rng.uniform(0.3, 0.36), rng.uniform(0.85, 0.98), rng.uniform(0.06, 0.16)
    finish, cloth = (SATIN, MATT)[rng.integers(2)], linear(*base)
    spine = np.full((256, 40, 3), cloth, np.float32)
    spine[30:36], spine[210:216], spine[80:170, 14:26] = GILT, GILT, GILT
    leaves = np.full((40, 200, 3), PAPER, np.float32) * (0.8 + 0.2 * rng.random((40, 1, 1), np.float32))
    fore = np.ascontiguousarray(np.rot90(leaves))
    back, front, board = -thick / 2, thick / 2, 0.012  # where the pages lie, and the thickness of the covers

    def top(z0: float, z1: float, x1: float, y: float) -> list[Corner]:
        return [(-wide, y, z0), (x1, y, z0), (x1, y, z1), (-wide, y, z1)]

    def right(z0: float, z1: float, x: float, y0: float, y1: float) -> list[Corner]:
        return [(x, y1, z1), (x, y1, z0), (x, y0, z0), (x, y0, z1)]

    def facing(z: float) -> list[Corner]:
        return [(-wide, tall, z), (wide, tall, z), (wide, 0, z), (-wide, 0, z)]

    up, side, page = (0, 1, 0), (1, 0, 0), wide - 0.012
    face(canvas, top(back - board, back, wide, tall), up, cloth, finish)
    face(canvas, top(back, front, page, tall - 0.014), up, leaves, MATT, 0.9)
    face(canvas, right(back, front, page, 0.01, tall - 0.014), side, fore, MATT, 0.85)
    face(canvas, right(back - board, back, wide, 0, tall), side, cloth, finish)
    far, near = back - board, front + board
    left = [(-wide, tall, far), (-wide, tall, near), (-wide, 0.0, near), (-wide, 0.0, far)]
    face(canvas, left, (-1, 0, 0), spine, finish, edge=0.01)
    face(canvas, right(front, front + board, wide, 0, tall), side, cloth, finish)
    face(canvas, top(front, front + board, wide, tall), up, cloth, finish)
    face(canvas, facing(front + board), (0, 0, 1), picture, finish, edge=0.006)
