"""Plants in pots."""

from __future__ import annotations

import numpy as np

from gan_lab.data.catalogue.canvas import GLOSSY, MATT, Canvas, Material
from gan_lab.data.catalogue.kinds.cut import line
from gan_lab.data.catalogue.kinds.turned import bands, fill, turn
from gan_lab.data.catalogue.palette import CERAMIC, Colour, linear, pick
from gan_lab.data.catalogue.surfaces import curve, polygon, round_off


def plant(canvas: Canvas, rng: np.random.Generator) -> None:
    """Paint a plant in a pot: upright blades, round leaves on stalks, or a cactus."""
    style = rng.integers(3)
    r, tall = rng.uniform(0.2, 0.26), rng.uniform(0.32, 0.42)
    foot, colour = r * rng.uniform(0.62, 0.95), pick(rng, (*CERAMIC, (186, 104, 70), (178, 96, 62), (150, 150, 146)))
    finish = (MATT, MATT, GLOSSY)[rng.integers(3)]
    wall = [(foot, 0), (r * 0.97, tall * 0.8), (r * 1.06, tall * 0.8), (r * 1.06, tall), (r * 0.96, tall)]
    body = turn(canvas, wall, 0.008)
    if rng.random() < 0.3:
        canvas.paint(body, bands(canvas, body, [tall * 0.4], [pick(rng, CERAMIC), colour]), finish)
    else:
        canvas.paint(body, colour, finish)
    fill(canvas, r * 0.97, tall, 0.05, colour, linear(62, 44, 32), MATT)
    green = pick(rng, ((70, 118, 62), (52, 96, 66), (104, 140, 70), (88, 124, 98)))
    (_blades, _bush, _cactus)[style](canvas, rng, r, tall - 0.03, green)


def _leaf(
    canvas: Canvas, root: tuple[float, float], tip: tuple[float, float], wide: float, bend: float,
    colour: Colour, shade: float,
) -> None:
    """Paint one leaf in two halves that meet at the vein, each facing its own way."""
    a, b = np.array(root), np.array(tip)
    along = b - a
    across = np.array([-along[1], along[0]]) / max(1e-6, float(np.hypot(*along)))
    spine = curve(np.stack([a, a + along * 0.5 + across * bend, b]), 7)
    t = np.linspace(0, 1, len(spine))
    width = (wide * np.sin(np.pi * t**0.8) ** 0.8)[:, None] * across
    for side, bright in ((1, shade), (-1, shade * 0.84)):
        edge = np.concatenate([spine, (spine + side * width)[::-1]])
        patch = round_off(polygon(canvas.place(edge)), wide * canvas.unit * 0.8, 0.6)
        patch.tilt(0.35 * side * across[0] * canvas.pose.side, 0.25 * side * across[1] + 0.2)
        canvas.paint(patch, colour, Material(0.7, 1), shade=bright)


def _blades(canvas: Canvas, rng: np.random.Generator, r: float, base: float, green: Colour) -> None:
    for k in range(11):
        x, lean = rng.uniform(-0.6, 0.6) * r, rng.uniform(-0.2, 0.2)
        depth = 1 - k / 11
        tip = (x + lean + x * 0.7, base + rng.uniform(0.36, 0.66))
        wide, bend = rng.uniform(0.035, 0.05), rng.uniform(-0.05, 0.05)
        _leaf(canvas, (x, base + (depth - 0.5) * 0.08), tip, wide, bend, green, 1.05 - 0.45 * depth)


def _bush(canvas: Canvas, rng: np.random.Generator, r: float, base: float, green: Colour) -> None:
    for k in range(13):
        angle = rng.uniform(-1.35, 1.35) if k < 9 else rng.uniform(-0.6, 0.6)
        reach = rng.uniform(0.26, 0.5)
        end = (0.95 * reach * np.sin(angle), base + 0.05 + reach * np.cos(angle) * 0.95)
        stalk = curve([(rng.uniform(-0.2, 0.2) * r, base), (end[0] * 0.35, base + (end[1] - base) * 0.6), end], 5)
        line(canvas, stalk, 0.014, (green[0] * 0.8, green[1] * 0.8, green[2] * 0.6), MATT)
        droop = angle + rng.uniform(-0.5, 0.5) + np.sign(angle) * 0.5
        size = rng.uniform(0.17, 0.25)
        tip = (end[0] + size * np.sin(droop), end[1] + size * np.cos(droop))
        _leaf(canvas, end, tip, size * rng.uniform(0.34, 0.46), 0.0, green, 0.72 + 0.03 * k)


def _cactus(canvas: Canvas, rng: np.random.Generator, r: float, base: float, green: Colour) -> None:
    high, wide = rng.uniform(0.3, 0.5), r * rng.uniform(0.55, 0.75)
    side = np.array([(wide * 0.6, 0), (wide, high * 0.45), (wide * 0.72, high * 0.86), (0.01, high)])
    ball = turn(canvas, curve(side + np.array([0, base])))
    around = np.arcsin(ball.u) * 11
    ball.nx = np.clip(ball.nx + 0.35 * np.cos(around) * np.sqrt(1 - ball.u**2), -1, 1).astype(np.float32)
    canvas.paint(ball, green, MATT, shade=(0.82 + 0.2 * np.sin(around)).astype(np.float32))
