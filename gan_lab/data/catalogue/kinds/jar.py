"""Jars of cream, preserves in glasses, tins."""

from __future__ import annotations

import numpy as np

from gan_lab.data.catalogue import prints
from gan_lab.data.catalogue.canvas import BRUSHED, GLOSSY, MATT, SATIN, Canvas
from gan_lab.data.catalogue.kinds.turned import glass, stand, turn, wrap
from gan_lab.data.catalogue.palette import CERAMIC, METALS, PLASTIC, linear, pick

FOOD = ((150, 24, 30), (214, 140, 28), (96, 112, 40), (86, 40, 70), (228, 190, 120), (110, 62, 34))


def jar(canvas: Canvas, rng: np.random.Generator) -> None:
    """Paint a jar of cream, a glass of food with a lid, or a tin with a label all round."""
    style = rng.integers(3)
    r, tall = rng.uniform(0.3, 0.36), rng.uniform(0.62, 0.85)
    lid_colour = pick(rng, (*METALS, *PLASTIC[:3], (176, 130, 82)))
    lid_finish = (BRUSHED, SATIN)[rng.integers(2)]
    if style == 0:
        tall = rng.uniform(0.42, 0.55)
        body = turn(canvas, [(r * 0.92, 0), (r, 0.03), (r, tall * 0.76)], 0.02)
        canvas.paint(body, pick(rng, CERAMIC), (SATIN, GLOSSY)[rng.integers(2)])
        stand(canvas, [(r * 1.02, tall * 0.66), (r * 1.02, tall), (0.002, tall + 0.005)], 0.01, lid_colour, lid_finish)
        low, high, span = tall * 0.1, tall * 0.58, 2.2
    elif style == 1:
        content = [(r * 0.86, 0.02), (r * 0.93, 0.05), (r * 0.93, tall * 0.78), (0.01, tall * 0.78)]
        canvas.paint(turn(canvas, content, 0.02), pick(rng, FOOD), SATIN, glow=0.15)
        wall = [(r * 0.9, 0), (r, 0.05), (r, tall * 0.78), (r * 0.84, tall * 0.86), (r * 0.84, tall * 0.92)]
        body = turn(canvas, wall, 0.02)
        glass(canvas, body, linear(206, 216, 212), 0.06)
        stand(canvas, [(r * 0.93, tall * 0.86), (r * 0.93, tall), (0.002, tall + 0.004)], 0.008, lid_colour, lid_finish)
        low, high, span = tall * 0.2, tall * 0.66, rng.uniform(1.6, 2.4)
    else:
        body = turn(canvas, [(r, 0), (r, tall)], 0.006)
        canvas.paint(body, linear(200, 200, 204), BRUSHED)
        sunk = [(r * 0.94, tall - 0.012), (0.002, tall - 0.012)]
        rim = [(r * 1.01, tall * 0.975), (r * 1.01, tall), (r * 0.95, tall), *sunk]
        stand(canvas, rim, 0.004, linear(214, 214, 218), BRUSHED)
        low, high, span = tall * 0.05, tall * 0.95, 3.6
    picture = prints.label(rng, 260, int(260 * (high - low) / (span * r)))
    part, colours = wrap(canvas, body, low, high, canvas.pose.yaw * 0.5, span, picture)
    canvas.paint(part, colours, SATIN if style == 2 else MATT)
