"""Chairs and armchairs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gan_lab.data.catalogue import textures
from gan_lab.data.catalogue.canvas import CLOTH, LEATHER, SATIN, Canvas
from gan_lab.data.catalogue.kinds.boxes import box
from gan_lab.data.catalogue.palette import DYES, HIDES, Colour, pick
from gan_lab.data.catalogue.surfaces import Array


@dataclass
class _Frame:
    wood: Array  # grain across, then upright
    upright: Array
    wide: float  # half the width
    seat: float
    deep: float  # half the depth
    tall: float
    leg: float


def chair(canvas: Canvas, rng: np.random.Generator) -> None:
    """Paint a chair: wood with slats or a panel and perhaps a cushion, or an upholstered armchair."""
    style, board = rng.integers(3), textures.boards()[rng.integers(4)]
    cloth = pick(rng, (*DYES[1:], *HIDES[:3], (196, 186, 168)))
    wide, seat = rng.uniform(0.24, 0.28), rng.uniform(0.4, 0.46)
    deep, tall = rng.uniform(0.23, 0.26), rng.uniform(0.9, 1.02)
    start = int(rng.integers(200))
    wood = np.ascontiguousarray(board[start : start + 200, :400])
    slats, leg = int(rng.integers(3, 6)), rng.uniform(0.03, 0.042)
    cushion = rng.random() < 0.6
    if style == 2:
        red, green, blue = wood.mean((0, 1)).tolist()
        _armchair(canvas, cloth, (red, green, blue), tall * 0.84, leather=bool(rng.random() < 0.4))
        return
    frame = _Frame(wood, np.ascontiguousarray(np.rot90(wood)), wide, seat, deep, tall, leg)
    _back(canvas, frame, slats if style == 0 else 0, cloth if cushion else None)
    _seat(canvas, frame, cloth if cushion else None)


def _back(canvas: Canvas, frame: _Frame, slats: int, cloth: Colour | None) -> None:
    wide, seat, deep, tall, leg = frame.wide, frame.seat, frame.deep, frame.tall, frame.leg
    for x in (-wide, wide - leg):
        box(canvas, (x, 0, -deep), (x + leg, tall, -deep + leg), frame.upright, SATIN, taper=0.004, shade=0.9)
    for y in (seat * 0.35, seat * 0.65):
        end = (wide - leg, y + 0.022, -deep + leg - 0.006)
        box(canvas, (-wide + leg, y, -deep + 0.006), end, frame.wood, SATIN, shade=0.6)
    for k in range(slats):
        y = seat + 0.13 + (tall - seat - 0.13) * k / slats
        end = (wide - leg * 0.6, y + (tall - seat - 0.15) / slats * 0.6, -deep + leg - 0.01)
        box(canvas, (-wide + leg * 0.6, y, -deep + 0.008), end, frame.wood, SATIN, 0.006)
    if not slats:
        end = (wide - leg * 0.4, tall + 0.01, -deep + leg)
        stuff, look = (cloth, CLOTH) if cloth else (frame.wood, SATIN)
        box(canvas, (-wide + leg * 0.4, seat + 0.2, -deep + 0.005), end, stuff, look, 0.012)


def _seat(canvas: Canvas, frame: _Frame, cloth: Colour | None) -> None:
    wide, seat, deep, leg, low, rim = frame.wide, frame.seat, frame.deep, frame.leg, frame.seat - 0.075, 0.014
    for x in (-wide, wide - leg):
        end = (x + leg - 0.004, seat - 0.02, deep - leg)
        box(canvas, (x + 0.004, low, -deep + leg), end, frame.upright, SATIN, shade=0.8)
    for x in (-wide, wide - leg) if canvas.pose.yaw < 0 else (wide - leg, -wide):
        box(canvas, (x, 0, deep - leg), (x + leg, seat - 0.02, deep), frame.upright, SATIN, taper=0.006)
    end = (wide - leg, seat - 0.02, deep - 0.004)
    box(canvas, (-wide + leg, low, deep - leg + 0.004), end, frame.wood, SATIN, shade=0.78)
    end = (wide + rim, seat, deep + rim)
    box(canvas, (-wide - rim, seat - 0.03, -deep + leg * 0.4), end, frame.wood, SATIN, 0.006)
    if cloth:
        end = (wide - 0.012, seat + 0.04, deep - 0.006)
        box(canvas, (-wide + 0.012, seat, -deep + leg + 0.01), end, cloth, CLOTH, 0.022)


def _armchair(canvas: Canvas, cloth: Colour, wood: Colour, tall: float, leather: bool) -> None:
    wide, deep, seat, arm, foot = 0.4, 0.3, 0.34, 0.11, 0.1
    material = LEATHER if leather else CLOTH
    for x in (-wide + 0.04, wide - 0.08):
        for z in (-deep + 0.03, deep - 0.07):
            box(canvas, (x, 0, z), (x + 0.04, foot + 0.02, z + 0.04), wood, SATIN, taper=0.008)
    box(canvas, (-wide + arm * 0.5, foot, -deep), (wide - arm * 0.5, tall, -deep + 0.15), cloth, material, 0.05)
    end = (wide - arm * 0.6, seat - 0.1, deep - 0.015)
    box(canvas, (-wide + arm * 0.6, foot, -deep + 0.13), end, cloth, material, 0.02, 0.9)
    arms = [(-wide, -wide + arm), (wide - arm, wide)]
    far, near = arms if canvas.pose.yaw < 0 else arms[::-1]
    box(canvas, (far[0], foot, -deep + 0.02), (far[1], seat + 0.17, deep), cloth, material, 0.035, 0.95)
    end = (wide - arm, seat + 0.03, deep + 0.012)
    box(canvas, (-wide + arm, seat - 0.1, -deep + 0.14), end, cloth, material, 0.04, 1.05)
    box(canvas, (near[0], foot, -deep + 0.02), (near[1], seat + 0.17, deep), cloth, material, 0.035)
