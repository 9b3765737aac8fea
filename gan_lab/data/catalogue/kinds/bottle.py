"""Bottles: of glass with a drink, of plastic for the bath, flasks."""

from __future__ import annotations

import numpy as np

from gan_lab.data.catalogue import prints
from gan_lab.data.catalogue.canvas import BRUSHED, GLOSSY, MATT, SATIN, Canvas
from gan_lab.data.catalogue.kinds.cut import line
from gan_lab.data.catalogue.kinds.turned import glass, stand, turn, wrap
from gan_lab.data.catalogue.palette import CERAMIC, METALS, PLASTIC, Colour, linear, pick
from gan_lab.data.catalogue.surfaces import Turned, curve


def bottle(canvas: Canvas, rng: np.random.Generator) -> None:
    """Paint a bottle: glass with something in it, a plastic one for the bath, or a steel flask."""
    style = rng.integers(3)
    r, tall = rng.uniform(0.16, 0.21), rng.uniform(0.95, 1.06)
    if style == 1:
        r, tall = rng.uniform(0.17, 0.23), rng.uniform(0.78, 0.95)
    shoulder = tall * rng.uniform(0.55, 0.68)
    neck = r * rng.uniform(0.3, 0.42)
    cap = pick(rng, METALS if rng.random() < 0.5 else PLASTIC)
    body = (_of_glass, _of_plastic, _flask)[style](canvas, rng, r, tall, shoulder, neck, cap)
    if style != 2 or rng.random() < 0.5:
        low, high, span = shoulder * rng.uniform(0.1, 0.2), shoulder * rng.uniform(0.8, 0.92), rng.uniform(1.7, 2.6)
        part, colours = wrap(canvas, body, low, high, canvas.pose.yaw * 0.45, span, prints.label(rng, 200, 170))
        canvas.paint(part, colours, MATT)


def _of_glass(
    canvas: Canvas, rng: np.random.Generator, r: float, tall: float, shoulder: float, neck: float, cap: Colour
) -> Turned:
    at = tall * rng.uniform(0.72, 0.8)
    slope = curve([(r, shoulder * 0.97), (r * 0.93, shoulder + 0.04), (neck * 1.15, at), (neck, at + 0.06)])
    tint = ((40, 70, 44), (96, 54, 24), (200, 214, 214), (60, 96, 120))[rng.integers(4)]
    clear = sum(tint) > 500
    drink = pick(rng, ((226, 186, 70), (196, 90, 40), (150, 170, 60), (170, 40, 50)))
    body = turn(canvas, np.concatenate([[(r * 0.95, 0), (r, 0.02)], slope, [(neck, tall - 0.06)]]), 0.01)
    if clear:
        level = turn(canvas, [(r * 0.9, 0.02), (r * 0.9, shoulder * 0.93)], 0.01)
        canvas.paint(level, drink, SATIN, opacity=0.85, glow=0.25)
    glass(canvas, body, linear(*tint), 0.12 if clear else 0.78)
    lid = [(neck * 1.18, tall - 0.1), (neck * 1.18, tall), (0.002, tall)]
    stand(canvas, lid, 0.008, cap, BRUSHED if rng.random() < 0.5 else SATIN)
    return body


def _of_plastic(
    canvas: Canvas, rng: np.random.Generator, r: float, tall: float, shoulder: float, neck: float, cap: Colour
) -> Turned:
    slope = [(r, shoulder), (r * 0.92, shoulder + 0.06), (neck * 1.3, shoulder + 0.1), (neck * 1.3, shoulder + 0.13)]
    body = turn(canvas, [(r * 0.9, 0), (r, 0.04), *slope], 0.02)
    canvas.paint(body, pick(rng, PLASTIC), (SATIN, GLOSSY)[rng.integers(2)])
    if rng.random() < 0.5:
        lid = [(neck * 1.7, shoulder + 0.11), (neck * 1.7, tall - 0.02), (0.002, tall - 0.02)]
        stand(canvas, lid, 0.01, cap, SATIN)
        return body
    collar = [(neck * 1.5, shoulder + 0.11), (neck * 1.5, shoulder + 0.18), (0.002, shoulder + 0.18)]
    stand(canvas, collar, 0.01, cap, SATIN)
    stand(canvas, [(0.02, shoulder + 0.18), (0.02, tall)], 0.002, cap, SATIN)
    spout = curve([(-0.05, tall), (0.05, tall + 0.005), (0.15, tall - 0.01), (0.16, tall - 0.04)])
    line(canvas, spout, 0.05, cap, SATIN)
    return body


def _flask(
    canvas: Canvas, rng: np.random.Generator, r: float, tall: float, shoulder: float, neck: float, cap: Colour
) -> Turned:
    throat = max(neck, r * 0.6)
    slope = [(r, shoulder + 0.08), (throat * 1.03, shoulder + 0.2), (throat, tall - 0.15)]
    body = turn(canvas, [(r * 0.9, 0), (r, 0.03), *slope], 0.03)
    steel = rng.random() < 0.4
    canvas.paint(body, pick(rng, METALS if steel else CERAMIC), BRUSHED if steel else SATIN)
    lid = [(throat * 1.06, tall - 0.17), (throat * 1.06, tall - 0.15), (throat * 1.06, tall - 0.02), (r * 0.5, tall),
           (0.002, tall)]
    stand(canvas, lid, 0.01, cap, SATIN)
    return body
