"""Colours of goods, as linear light."""

from __future__ import annotations

import numpy as np

Colour = tuple[float, float, float]
Tints = tuple[tuple[int, int, int], ...]

CERAMIC: Tints = ((238, 234, 226), (34, 52, 88), (178, 62, 48), (92, 128, 112), (214, 164, 62), (46, 46, 50),
                  (196, 132, 128), (120, 150, 182), (226, 216, 196))
PLASTIC: Tints = ((240, 240, 238), (30, 30, 34), (86, 150, 164), (222, 120, 96), (238, 206, 96), (150, 120, 170),
                  (120, 160, 110))
METALS: Tints = ((226, 226, 228), (232, 200, 130), (222, 168, 140), (120, 122, 128))
DYES: Tints = ((240, 240, 238), (44, 44, 49), (44, 60, 98), (150, 44, 48), (108, 124, 96), (196, 166, 122),
               (150, 176, 200), (226, 190, 70), (130, 130, 136), (222, 160, 158))
HIDES: Tints = ((120, 70, 38), (60, 40, 32), (28, 27, 29), (168, 108, 62), (140, 34, 38), (44, 62, 82),
                (210, 192, 164), (70, 86, 66))


def linear(red: float, green: float, blue: float) -> Colour:
    """Return a display colour in [0, 255] as linear light in [0, 1]."""
    return ((red / 255) ** 2.2, (green / 255) ** 2.2, (blue / 255) ** 2.2)


def pick(rng: np.random.Generator, colours: Tints) -> Colour:
    """Return one of the display colours, a little off, as linear light."""
    near = np.array(colours[rng.integers(len(colours))]) * rng.uniform(0.92, 1.05) + rng.uniform(-6, 6, 3)
    red, green, blue = np.clip(near, 4, 250).tolist()
    return linear(red, green, blue)


def dim(colour: Colour, share: float, lift: float = 0.0) -> Colour:
    """Return a share of a colour, perhaps lifted towards white."""
    red, green, blue = colour
    return (min(1.0, red * share + lift), min(1.0, green * share + lift), min(1.0, blue * share + lift))
