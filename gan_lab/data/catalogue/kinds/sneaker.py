"""Sneakers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gan_lab.data.catalogue import textures
from gan_lab.data.catalogue.canvas import CLOTH, LEATHER, MATT, SATIN, Canvas
from gan_lab.data.catalogue.kinds.cut import line, panel, roughen, sheet, stitches
from gan_lab.data.catalogue.palette import DYES, Colour, dim, linear, pick
from gan_lab.data.catalogue.surfaces import Patch, Points, curve, flat, polygon, round_off, stroke

WHITE = linear(238, 236, 228)


@dataclass
class _Shoe:
    upper: Colour
    other: Colour
    trim: Colour
    high: float  # how far the shaft reaches above an ordinary one
    sole: Colour
    cap: Colour
    leather: bool
    style: int
    thick: float


def sneaker(canvas: Canvas, rng: np.random.Generator) -> None:
    """Paint a sneaker from the side: sole, upper, toe cap, laces and a stripe."""
    upper, other, trim = pick(rng, DYES), pick(rng, DYES), pick(rng, DYES)
    high = rng.uniform(0.0, 0.1)
    sole = WHITE if rng.random() < 0.7 else (linear(196, 146, 92) if rng.random() < 0.5 else other)
    cap = (upper, WHITE, other)[rng.integers(3)]
    leather, style, thick = bool(rng.random() < 0.5), int(rng.integers(3)), rng.uniform(0.075, 0.1)
    shoe = _Shoe(upper, other, trim, high, sole, cap, leather, style, thick)
    body = _upper(canvas, shoe)
    _patches(canvas, shoe, body)
    collar = [(-0.445, 0.44 + high), (-0.37, 0.44 + high), (-0.33, 0.365 + high), (-0.24, 0.335 + high * 0.9),
              (-0.12, 0.375 + high * 0.9)]
    line(canvas, curve(collar), 0.035, trim, CLOTH, 0.008)
    lace = WHITE if sum(upper) < 2 else trim
    for t in (0.0, 0.25, 0.5, 0.75, 1.0):
        x, y = -0.075 + 0.26 * t, 0.43 + high * 0.7 - 0.185 * t - high * 0.6 * t
        bow = curve([(x - 0.045, y - 0.07), (x - 0.01, y - 0.012), (x + 0.03, y + 0.012)], 4)
        line(canvas, bow, 0.028, lace, CLOTH, 0.006)
    _sole(canvas, shoe)
    seam = curve([(-0.32, 0.14), (-0.37, 0.245), (-0.44, 0.285 + high * 0.8)], 8)
    stitches(canvas, seam, dim(other, 0.6, 0.1), 0.005, 0.014)


def _upper(canvas: Canvas, shoe: _Shoe) -> Patch:
    high = shoe.high
    lining = [(-0.36, 0.42 + high), (-0.24, 0.45 + high), (-0.1, 0.43 + high * 0.8), (-0.12, 0.36), (-0.34, 0.36)]
    panel(canvas, curve(lining, closed=True), 0.03, 0, shoe.trim, CLOTH, shade=0.42)
    tongue = [(-0.11, 0.38 + high), (-0.125, 0.45 + high), (-0.09, 0.485 + high), (-0.04, 0.47 + high * 0.9),
              (0.03, 0.37 + high * 0.4), (-0.04, 0.33)]
    panel(canvas, curve(tongue, closed=True), 0.03, 0, shoe.upper, CLOTH, shade=0.9)
    placed = polygon(canvas.place(curve([
        (-0.485, 0.06), (-0.475, 0.2), (-0.46, 0.34 + high * 0.7), (-0.44, 0.44 + high), (-0.375, 0.445 + high),
        (-0.335, 0.37 + high), (-0.24, 0.34 + high * 0.9), (-0.12, 0.375 + high * 0.9), (-0.06, 0.42 + high * 0.8),
        (0.0, 0.375 + high * 0.5), (0.14, 0.28), (0.28, 0.232), (0.41, 0.21), (0.485, 0.14), (0.49, 0.06),
    ])))
    canvas.darken(placed, 0.015, 0.4)
    body = round_off(placed, 0.11 * canvas.unit, 0.1).tilt(0.0, 0.12)
    zoom, depth = (1.5, 0.03) if shoe.leather else (3.0, 0.08)
    roughen(body, textures.grain(), canvas.grid(body), zoom, depth)
    canvas.paint(body, shoe.upper, LEATHER if shoe.leather else CLOTH)
    return body


def _patch(canvas: Canvas, body: Patch, points: Points, colour: Colour, edge: float = 0.016) -> None:
    """Paint a piece sewn on the upper: cut off at its outline, and bent as it is."""
    placed = polygon(canvas.place(curve(points, 7, closed=True)))
    canvas.darken(placed, 0.008, 0.4)
    part = round_off(placed, edge * canvas.unit, 0.45)
    left, top = part.x - body.x, part.y - body.y
    (h, w), (height, width) = part.alpha.shape, body.alpha.shape
    x0, y0, x1, y1 = max(0, left), max(0, top), min(width, left + w), min(height, top + h)
    there, here = (slice(y0, y1), slice(x0, x1)), (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))
    alpha, right, up = np.zeros((3, h, w), np.float32)
    alpha[here] = part.alpha[here] * body.alpha[there]
    right[here], up[here] = body.nx[there] * 0.8, body.ny[there] * 0.8
    part.alpha = alpha
    canvas.paint(part.tilt(right, up), colour, LEATHER)


def _patches(canvas: Canvas, shoe: _Shoe, body: Patch) -> None:
    high, trim = shoe.high, shoe.trim
    _patch(canvas, body, [(0.25, 0.02), (0.27, 0.14), (0.33, 0.25), (0.52, 0.22), (0.55, 0.02)], shoe.cap)
    heel = [(-0.55, 0.02), (-0.56, 0.3), (-0.46, 0.3 + high), (-0.38, 0.26), (-0.33, 0.14), (-0.28, 0.02)]
    _patch(canvas, body, heel, shoe.other)
    eyelets = [(-0.1, 0.42 + high), (0.0, 0.43), (0.16, 0.28), (0.3, 0.235), (0.26, 0.18), (0.12, 0.2), (-0.02, 0.27),
               (-0.13, 0.34)]
    _patch(canvas, body, eyelets, shoe.cap if shoe.style else shoe.upper)
    if shoe.style == 0:
        swoosh = [(-0.3, 0.2), (-0.18, 0.11), (0.0, 0.14), (0.2, 0.24), (0.02, 0.185), (-0.16, 0.165)]
        _patch(canvas, body, swoosh, trim, 0.02)
    elif shoe.style == 1:
        for x in (-0.16, -0.075, 0.01):
            _patch(canvas, body, [(x, 0.08), (x + 0.045, 0.08), (x + 0.12, 0.25), (x + 0.075, 0.27)], trim, 0.012)
    else:
        _patch(canvas, body, [(-0.2, 0.12), (-0.03, 0.12), (0.02, 0.2), (-0.05, 0.26), (-0.18, 0.22)], trim, 0.02)


def _sole(canvas: Canvas, shoe: _Shoe) -> None:
    thick, colour = shoe.thick, shoe.sole
    edge = np.concatenate([
        curve([(-0.5, 0.02), (-0.508, thick), (-0.49, thick + 0.035)], 4),
        curve([(-0.3, thick + 0.01), (0.0, thick - 0.012), (0.25, thick - 0.005)], 6),
        curve([(0.4, thick + 0.012), (0.49, thick + 0.03), (0.515, thick), (0.5, 0.03), (0.44, 0.0)], 5),
        [(-0.46, 0.0)],
    ])
    panel(canvas, edge, 0.035, 0.15, colour, SATIN, 0.014, 0.45)
    groove = curve([(-0.49, thick * 0.62), (0.0, thick * 0.52), (0.5, thick * 0.62)], 8)
    tint = dim(shoe.trim if shoe.style == 1 else colour, 0.6)
    canvas.paint(flat(stroke(0.008 * canvas.unit, canvas.place(groove))), tint, MATT)
    sheet(canvas, [(-0.495, 0.03), (-0.46, -0.002), (0.44, -0.002), (0.5, 0.03)], -0.7, dim(colour, 0.62), MATT)
