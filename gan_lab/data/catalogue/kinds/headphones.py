"""Headphones."""

from __future__ import annotations

import numpy as np

from gan_lab.data.catalogue import textures
from gan_lab.data.catalogue.canvas import BRUSHED, GLOSSY, LEATHER, MATT, POLISHED, SATIN, Canvas
from gan_lab.data.catalogue.kinds.cut import around, line, panel, roughen, stitches
from gan_lab.data.catalogue.palette import METALS, dim, pick
from gan_lab.data.catalogue.surfaces import Array, curve, polygon, round_off

SHELLS = ((28, 28, 30), (236, 234, 230), (190, 190, 196), (40, 58, 96), (150, 50, 50), (206, 178, 148), (90, 110, 96))
PADS = ((36, 34, 34), (96, 66, 46), (70, 70, 74), (206, 196, 180))


def headphones(canvas: Canvas, rng: np.random.Generator) -> None:
    """Paint headphones laid flat: headband, metal yokes, padded cups."""
    shell, pad = pick(rng, SHELLS), pick(rng, PADS)
    metal, finish = pick(rng, METALS), (SATIN, GLOSSY, MATT)[rng.integers(3)]
    wide, tall, thick = rng.uniform(0.3, 0.35), rng.uniform(0.42, 0.48), rng.uniform(0.06, 0.085)
    plate, spin = rng.random() < 0.5, rng.uniform(-0.2, 0.2)
    half = [(wide + 0.01, -0.08), (wide, 0.12), (wide * 0.76, 0.33)]
    arc = curve([*((-x, y) for x, y in half), (0, tall), *half[::-1]], 9)
    line(canvas, arc, 0.022, metal, POLISHED)
    crown = arc[12:-12]
    line(canvas, crown * 0.93, thick * 0.9, pad, LEATHER)
    line(canvas, crown, thick, shell, finish, 0.008)
    stitches(canvas, crown * 0.985, dim(shell, 1.5, 0.05), 0.005, 0.016)
    for s in (-1, 1):
        cushion = polygon(canvas.place(_oval(s, spin, wide - 0.055, 0.105, 0.2)))
        canvas.darken(cushion, 0.02, 0.5)
        patch = round_off(cushion, 0.075 * canvas.unit, 0.05)
        canvas.paint(roughen(patch, textures.grain(), canvas.grid(patch), 1.0, 0.07), pad, LEATHER)
        panel(canvas, _oval(s, spin, wide + 0.035, 0.115, 0.185), 0.08, 0.05, shell, finish, 0.016, 0.6)
        inlay, look = (metal, BRUSHED) if plate else (dim(shell, 0.8), finish)
        panel(canvas, _oval(s, spin, wide + 0.05, 0.07, 0.125), 0.02, 0.4, inlay, look, 0.006)
        yoke = np.array([(wide + 0.005, 0.02), (wide + 0.075, -0.02), (wide + 0.12, -0.12), (wide + 0.115, -0.2)])
        line(canvas, curve(yoke * (s, 1)), 0.024, metal, POLISHED, 0.008)
        line(canvas, [(s * (wide + 0.004), 0.12), (s * (wide + 0.008), 0.0)], 0.05, shell, finish, 0.006)


def _oval(side: int, spin: float, x: float, a: float, b: float) -> Array:
    """Return the outline of a part of an ear cup, which leans with the whole cup."""
    lean = side * (0.12 + spin)
    turn = np.array([[np.cos(lean), -np.sin(lean)], [np.sin(lean), np.cos(lean)]])
    return (around(40) * (a, b)) @ turn.T + (side * x, -0.2)
