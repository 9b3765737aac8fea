"""Wristwatches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gan_lab.data.catalogue import textures
from gan_lab.data.catalogue.canvas import BRUSHED, CLOTH, LEATHER, MATT, POLISHED, SATIN, Canvas
from gan_lab.data.catalogue.kinds.cut import around, line, panel, roughen, sheet, stitches
from gan_lab.data.catalogue.palette import HIDES, METALS, Colour, dim, linear, pick
from gan_lab.data.catalogue.surfaces import Array, curve, flat, polygon, round_off, stroke

DIALS = ((244, 244, 242), (26, 28, 34), (30, 52, 92), (40, 80, 66), (226, 214, 190))


@dataclass
class _Face:
    metal: Colour
    dial: Colour
    outline: Array  # [60, 2], the case by minutes, radius 1
    r: float
    sub: bool  # a small second dial
    dots: bool
    hour: float
    minute: float


def watch(canvas: Canvas, rng: np.random.Generator) -> None:
    """Paint a wristwatch laid flat: strap of leather, cloth or steel, case, dial and hands."""
    metal, dial = pick(rng, METALS), pick(rng, DIALS)
    strap, hide = rng.integers(3), pick(rng, HIDES)
    r, wide = rng.uniform(0.2, 0.24), rng.uniform(0.095, 0.115)
    square, sub = rng.random() < 0.25, bool(rng.random() < 0.4)
    hour, minute = rng.uniform(0, 2 * np.pi), rng.uniform(0, 2 * np.pi)
    outline = around(60)
    if square:
        outline = np.sign(outline) * np.abs(outline) ** 0.42 * (0.82, 0.95)
    face = _Face(metal, dial, outline, r, sub, bool(rng.random() < 0.3), hour, minute)
    for s in (-1, 1):
        if strap == 2:
            _links(canvas, s, r, wide, metal)
        else:
            _strap(canvas, s, r, wide, hide, metal, leather=strap == 0)
    for s in (-1, 1):
        for m in (-1, 1):
            line(canvas, [(m * wide * 1.08, s * r * 0.75), (m * wide * 1.08, s * r * 1.12)], 0.035, metal, POLISHED)
    edge = r * (0.84 if square else 1.0)
    line(canvas, [(edge, 0), (edge + 0.03, 0)], 0.05, metal, BRUSHED)
    # the case with its dial, and the small second one
    panel(canvas, outline * r, 0.03, 0, metal, POLISHED, 0.02, 0.6)
    panel(canvas, outline * r * 0.93, 0.03, 0.5, metal, BRUSHED)
    sheet(canvas, outline * r * 0.83, 0, dim(dial, 0.4), MATT)
    panel(canvas, outline * r * 0.81, 0.06, 0.75, dial, MATT)
    if sub:
        panel(canvas, outline * r * 0.2 + (0, -r * 0.36), 0.02, 0.6, dim(dial, 0.8), MATT)
    _hands(canvas, face)
    glare = np.array([(-0.62, 0.28), (-0.2, 0.66), (0.1, 0.7), (-0.66, 0.0)]) * r
    canvas.paint(flat(polygon(canvas.place(glare))), (1.0, 1.0, 1.0), MATT, opacity=0.1)


def _links(canvas: Canvas, s: int, r: float, wide: float, metal: Colour) -> None:
    """Paint half a steel strap: brushed links outside, polished ones in the middle."""
    for columns, finish in ((((-1.0, -0.4), (0.4, 1.0)), BRUSHED), (((-0.37, 0.37),), POLISHED)):
        links = []
        for k in range(9):
            y, w = s * (r * 0.8 + 0.038 * k), wide * (1.02 - 0.025 * k)
            for x0, x1 in columns:
                links.append(np.array([(w * x0, y), (w * x1, y), (w * x1, y + s * 0.034), (w * x0, y + s * 0.034)]))
        canvas.paint(round_off(polygon(*map(canvas.place, links)), 0.014 * canvas.unit, 0.25), metal, finish)


def _strap(canvas: Canvas, s: int, r: float, wide: float, hide: Colour, metal: Colour, leather: bool) -> None:
    """Paint half a strap of leather or cloth, with the holes below and the buckle above."""
    end = s * 0.52
    half = [(wide, s * r * 0.7), (wide * 0.95, s * 0.32), (wide * 0.84, end * 0.95), (wide * 0.4, end)]
    side = curve([*half, *((-x, y) for x, y in half[::-1])], 6)
    patch = round_off(polygon(canvas.place(side)), 0.035 * canvas.unit, 0.2).tilt(0.0, 0.25 * s)
    roughen(patch, textures.grain(), canvas.grid(patch), 1.2 if leather else 3.0, 0.09)
    canvas.paint(patch, hide, LEATHER if leather else CLOTH)
    if leather:
        for m in (-1, 1):
            seam = [(m * wide * 0.78, s * r * 1.1), (m * wide * 0.7, end * 0.93)]
            stitches(canvas, seam, dim(hide, 1.6, 0.1), 0.007, 0.022)
    if s < 0:
        holes = [canvas.place([(0, y), (0.002, y)]) for y in (-0.36, -0.395, -0.43, -0.465)]
        canvas.paint(flat(stroke(0.018 * canvas.unit, *holes)), linear(16, 14, 14), MATT)
    else:
        line(canvas, [(-wide, 0.5), (-wide, 0.555), (wide, 0.555), (wide, 0.5)], 0.022, metal, POLISHED, 0.006)


def _hands(canvas: Canvas, face: _Face) -> None:
    r, dark = face.r, sum(face.dial) < 1
    ink = linear(232, 230, 222) if dark else linear(30, 30, 34)
    for quarter, inner, width in ((True, 0.62, 0.022), (False, 0.68, 0.022 if face.dots else 0.012)):
        hours = [p * r for k, p in enumerate(face.outline[::5]) if (k % 3 == 0) == quarter]
        marks = [canvas.place(np.array([p * 0.74, p * (0.735 if face.dots else inner)])) for p in hours]
        canvas.paint(round_off(stroke(width * canvas.unit, *marks), 0.012 * canvas.unit), ink, SATIN)
    if face.sub:
        line(canvas, [(0, -r * 0.36), (r * 0.1, -r * 0.26)], 0.008, ink, SATIN)
    for angle, reach, width in ((face.hour, 0.42, 0.026), (face.minute, 0.66, 0.018)):
        way = np.array([np.sin(angle), np.cos(angle)]) * r
        line(canvas, np.array([way * -0.1, way * reach]), width, face.metal if dark else ink, SATIN, 0.006)
    line(canvas, [(0, 0), (0.001, 0)], 0.03, face.metal, POLISHED)
