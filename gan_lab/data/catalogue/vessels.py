"""Round goods: mug, bottle, jar, plant in a pot, lamp."""

from __future__ import annotations

import numpy as np

from gan_lab.data.catalogue.canvas import GLOSSY, SATIN, Canvas, Colour, linear
from gan_lab.data.catalogue.surfaces import Patch, Points, curve, revolve, rounded, stroke

CERAMIC = ((236, 232, 224), (34, 52, 88), (178, 62, 48), (92, 128, 112), (214, 164, 62), (48, 48, 52), (188, 120, 120), (120, 150, 182))


def pick(rng: np.random.Generator, colours: tuple[tuple[int, int, int], ...]) -> Colour:
    """Return one of the colours, a little off, as linear light."""
    red, green, blue = np.clip(np.array(colours[rng.integers(len(colours))]) * rng.uniform(0.9, 1.06) + rng.uniform(-6, 6, 3), 4, 250)
    return linear(red, green, blue)


def turn(canvas: Canvas, profile: Points, soft: float = 0.012) -> Patch:
    """Return a surface of revolution standing at the product's base point."""
    return revolve(profile, canvas.origin, canvas.unit, canvas.pose.pitch, soft)


def mug(canvas: Canvas, rng: np.random.Generator) -> None:
    """Paint a mug with a handle."""
    colour = pick(rng, CERAMIC)
    height, radius, belly = rng.uniform(0.62, 0.85), rng.uniform(0.27, 0.34), rng.uniform(-0.03, 0.05)
    handle = curve([(radius * 0.9, height * 0.82), (radius + 0.17, height * 0.8), (radius + 0.21, height * 0.5),
                    (radius + 0.12, height * 0.24), (radius * 0.85, height * 0.2)])
    grip = stroke(canvas.place(handle), 0.075 * canvas.unit)
    canvas.paint(rounded(grip, 0.038 * canvas.unit), colour, GLOSSY)
    body = turn(canvas, curve([(radius * 0.86, 0), (radius + belly, height * 0.35), (radius, height * 0.7), (radius, height)]))
    canvas.paint(body, colour, GLOSSY)


def bottle(canvas: Canvas, rng: np.random.Generator) -> None:
    """Paint a bottle with a cap."""
    colour = pick(rng, CERAMIC)
    r = rng.uniform(0.17, 0.24)
    canvas.paint(turn(canvas, [(r, 0), (r, 0.62), (0.07, 0.8), (0.065, 0.95), (0.01, 0.95)], 0.03), colour, GLOSSY)
