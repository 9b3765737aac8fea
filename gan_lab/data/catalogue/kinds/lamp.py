"""Table lamps."""

from __future__ import annotations

import numpy as np

from gan_lab.data.catalogue.canvas import BRUSHED, CLOTH, GLOSSY, MATT, POLISHED, Canvas
from gan_lab.data.catalogue.kinds.turned import stand, turn
from gan_lab.data.catalogue.palette import CERAMIC, METALS, Colour, linear, pick
from gan_lab.data.catalogue.surfaces import curve, opening

SHADES = ((242, 234, 214), (226, 214, 190), (60, 66, 78), (196, 96, 74), (150, 170, 160))


def lamp(canvas: Canvas, rng: np.random.Generator) -> None:
    """Paint a table lamp: a china body or a metal stick under a cloth shade, or a glass mushroom."""
    style = rng.integers(3)
    foot, top = rng.uniform(0.15, 0.2), rng.uniform(0.95, 1.05)
    metal, colour, cloth = pick(rng, METALS), pick(rng, CERAMIC), pick(rng, SHADES)
    lit = rng.random() < 0.6
    if style == 2:
        stand(canvas, [(foot * 1.1, 0), (foot * 1.05, 0.05), (0.07, 0.1), (0.055, 0.5)], 0.03, colour, GLOSSY)
        r = rng.uniform(0.3, 0.38)
        dome = curve([(r, 0.56), (r * 0.92, 0.72), (r * 0.6, 0.84), (0.01, 0.89)])
        shell = turn(canvas, np.concatenate([[(r * 0.9, 0.52)], dome]))
        canvas.paint(shell, linear(248, 238, 220) if lit else colour, GLOSSY, glow=0.45 if lit else 0.0)
        return
    wide, narrow, low = rng.uniform(0.3, 0.37), rng.uniform(0.17, 0.3), top - rng.uniform(0.36, 0.44)
    if style == 0:
        belly = rng.uniform(0.13, 0.19)
        stand(canvas, [(foot * 0.8, 0), (foot * 0.8, 0.025), (0.002, 0.03)], 0.006, metal, BRUSHED)
        gourd = curve([(foot * 0.5, 0.03), (belly, 0.2), (belly * 0.7, 0.38), (0.03, 0.5), (0.03, low)])
        stand(canvas, gourd, 0.012, colour, GLOSSY)
    else:
        stick = [(foot, 0), (foot, 0.03), (0.02, 0.045), (0.016, 0.06), (0.016, low + 0.1)]
        stand(canvas, stick, 0.006, metal, POLISHED)
    _shade(canvas, wide, narrow, low, top, cloth, lit)
    stand(canvas, [(0.02, top - 0.02), (0.02, top + 0.03), (0.002, top + 0.03)], 0.008, metal, POLISHED)


def _shade(canvas: Canvas, wide: float, narrow: float, low: float, top: float, cloth: Colour, lit: bool) -> None:
    """Paint a cone of woven cloth, glowing most at half height if the lamp is lit, and its inside."""
    cone = turn(canvas, [(wide, low), (narrow, top)], 0.003)
    weave = 1 + 0.03 * np.sin(np.arcsin(cone.u) * 130) + 0.03 * np.sin(cone.v * 400)
    warm = np.clip(1 - np.abs(cone.v - (low + top) / 2) / (top - low), 0.4, 1)
    light = (weave * warm ** (0.6 if lit else 0.1)).astype(np.float32)
    canvas.paint(cone, cloth, CLOTH, glow=0.5 if lit else 0.08, shade=light)
    inside, reach = opening(narrow * 0.97, top, top - low, canvas.origin, canvas.unit, canvas.pose.pitch)
    canvas.paint(inside, cloth, MATT, glow=0.8 if lit else 0.2, shade=reach)
