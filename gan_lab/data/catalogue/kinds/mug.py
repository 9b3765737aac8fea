"""Mugs."""

from __future__ import annotations

import numpy as np

from gan_lab.data.catalogue import prints
from gan_lab.data.catalogue.canvas import GLOSSY, MATT, SATIN, Canvas
from gan_lab.data.catalogue.kinds.cut import line
from gan_lab.data.catalogue.kinds.turned import bands, fill, stand, turn, wrap
from gan_lab.data.catalogue.palette import CERAMIC, linear, pick
from gan_lab.data.catalogue.surfaces import curve


def mug(canvas: Canvas, rng: np.random.Generator) -> None:
    """Paint a mug with a handle, perhaps with coffee in it."""
    colour, other = pick(rng, CERAMIC), pick(rng, CERAMIC)
    height, radius, belly = rng.uniform(0.62, 0.88), rng.uniform(0.27, 0.35), rng.uniform(-0.03, 0.05)
    taper, thick = rng.uniform(0.7, 1.0), rng.uniform(0.07, 0.1)
    finish, decor = (GLOSSY, GLOSSY, SATIN)[rng.integers(3)], rng.integers(5)
    full, inner = rng.random() < 0.45, colour if rng.random() < 0.6 else linear(238, 234, 226)
    reach = rng.uniform(0.16, 0.22) * float(np.cos(canvas.pose.yaw))
    lift = -canvas.pose.pitch * 0.3 * float(np.sin(canvas.pose.yaw))
    handle = curve([
        (radius * 0.85, height * 0.82 + lift), (radius + reach * 0.8, height * 0.8 + lift),
        (radius + reach, height * 0.5 + lift), (radius + reach * 0.55, height * 0.24 + lift),
        (radius * 0.8, height * 0.2 + lift),
    ])
    line(canvas, handle, thick, colour if decor != 2 else other, finish)
    foot = radius * taper
    stand(canvas, [(foot * 0.9, -0.012), (foot * 0.9, 0.01)], 0.003, linear(190, 176, 156), MATT)
    bulge = [(foot + belly, height * 0.2), (radius + belly, height * 0.55)]
    wall = curve([(foot * 0.96, 0), *bulge, (radius, height * 0.86), (radius, height)])
    body = turn(canvas, np.concatenate([wall, [(radius * 0.92, height)]]))
    if decor == 1:
        canvas.paint(body, bands(canvas, body, [height * rng.uniform(0.3, 0.6)], [other, colour]), finish)
    elif decor == 2:
        at = height * rng.uniform(0.55, 0.7)
        rings = bands(canvas, body, [at, at + 0.05, at + 0.08, at + 0.1], [colour, other, colour, other, colour])
        canvas.paint(body, rings, finish)
    else:
        canvas.paint(body, colour, finish)
    if decor == 3:
        picture = np.dstack(prints.emblem(rng))
        turned = canvas.pose.yaw * 0.4 - 0.25 * canvas.pose.side
        part, colours = wrap(canvas, body, height * 0.22, height * 0.78, turned, height * 0.6 / radius, picture)
        part.alpha = part.alpha * colours[..., 3]
        canvas.paint(part, np.ascontiguousarray(colours[..., :3]), finish)
    depth, content = (0.2, linear(52, 26, 12)) if full else (0.85, inner)
    fill(canvas, radius * 0.93, height * 0.998, height * depth, inner, content, finish)
