"""T-shirts."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from gan_lab.data.catalogue import prints, textures
from gan_lab.data.catalogue.canvas import CLOTH, MATT, Canvas
from gan_lab.data.catalogue.kinds.cut import line, roughen, sheet, square, stitches
from gan_lab.data.catalogue.palette import DYES, Colour, dim, linear, pick
from gan_lab.data.catalogue.surfaces import Array, Points, curve, flat, polygon, round_off, stroke


@dataclass
class _Cloth:
    colour: Colour
    stripes: Colour | None
    width: float
    folds: Array

    def drape(self, canvas: Canvas, grid: tuple[Array, Array]) -> tuple[Array, Array]:
        """Return where on the map of folds each pixel lies."""
        return grid[0] * canvas.pose.side + np.float32(0.5), 0.5 - grid[1]

    def lay(self, canvas: Canvas, outline: Points, edge: float) -> None:
        """Paint a piece of the cloth."""
        placed = polygon(canvas.place(outline))
        canvas.darken(placed, 0.012, 0.35)
        patch = round_off(placed, edge * canvas.unit, 0.35)
        grid = canvas.grid(patch)
        roughen(patch, self.folds, self.drape(canvas, grid), 0.9, 0.15)
        paint: Colour | Array = self.colour
        if self.stripes:
            ground, other = np.array(self.colour, np.float32), np.array(self.stripes, np.float32)
            wave = np.abs((grid[1] / np.float32(self.width)) % 1 - 0.5)
            paint = ground + (other - ground) * np.clip((wave - 0.26) * 60, 0, 1)[..., None]
        canvas.paint(patch, paint, CLOTH)


def t_shirt(canvas: Canvas, rng: np.random.Generator) -> None:
    """Paint a T-shirt laid flat: plain, striped, or with a print on the chest."""
    colour, other = pick(rng, DYES), pick(rng, DYES)
    decor, slim, sleeve = rng.integers(4), rng.uniform(0.27, 0.32), rng.uniform(0.2, 0.27)
    folds, seed = textures.folds()[rng.integers(6)], int(rng.integers(1 << 30))
    cloth = _Cloth(colour, other if decor == 1 else None, rng.uniform(0.07, 0.12), folds)
    neck, deep = rng.uniform(0.1, 0.13), rng.uniform(0.07, 0.14)
    thread = dim(colour, 0.6)
    back = [(-neck, 0.44), (0, 0.455), (neck, 0.44), (neck * 0.8, 0.36), (0, 0.46 - deep), (-neck * 0.8, 0.36)]
    sheet(canvas, curve(back, closed=True), -0.3, colour, CLOTH, 0.62)
    tag = stroke(0.02 * canvas.unit, canvas.place([(-0.02, 0.415), (0.02, 0.415)]))
    canvas.paint(flat(tag), linear(230, 230, 226), MATT)
    for s in (-1, 1):
        arm = np.array([(0.2, 0.42), (slim + 0.05, 0.35), (slim + sleeve * 0.75, 0.16), (slim + sleeve * 0.3, 0.06),
                        (slim - 0.03, 0.2)]) * (s, 1)
        cloth.lay(canvas, np.concatenate([curve(arm[:3], 5), arm[3:]]), 0.06)
        stitches(canvas, arm[2:4] + (arm[0] - arm[2]) * 0.07, thread, 0.005, 0.014)
    scoop = [(1, 0.0), (0.72, 0.7), (0, 1), (-0.72, 0.7), (-1, 0.0)]
    throat = curve([(neck * x, 0.455 - deep * y) for x, y in scoop], 6)
    half = np.concatenate([
        curve([(slim * 1.0, -0.47), (slim * 0.97, -0.2), (slim * 0.95, 0.05), (slim * 0.99, 0.2)], 6),
        curve([(slim * 1.0, 0.22), (slim * 1.04, 0.36), (0.2, 0.43), (neck, 0.455)], 6),
    ])
    hem = curve([(-slim, -0.47), (0, -0.485), (slim, -0.47)], 6)
    cloth.lay(canvas, np.concatenate([half, throat, (half * (-1, 1))[::-1], hem]), 0.1)
    line(canvas, throat[2:-2] * (0.985, 1) - (0, 0.006), 0.03, other if decor == 3 else dim(colour, 0.93), CLOTH)
    stitches(canvas, hem + np.array([0, 0.028]), thread, 0.005, 0.014)
    if decor >= 2:
        _chest(canvas, cloth, *prints.emblem(np.random.default_rng(seed)))


def _chest(canvas: Canvas, cloth: _Cloth, picture: Array, coverage: Array) -> None:
    """Paint a print that lies in the cloth's folds."""
    reach, height = 0.19, 0.12
    patch = square(canvas, (0, height), reach)
    x, y = canvas.grid(patch)
    roughen(patch, cloth.folds, cloth.drape(canvas, (x, y)), 0.9, 0.1)
    side = np.float32(picture.shape[0] / (2 * reach))
    at = ((x + np.float32(reach)) * side, (np.float32(height + reach) - y) * side)
    patch.alpha = cv2.remap(coverage, *at, cv2.INTER_LINEAR) * 0.93
    canvas.paint(patch, cv2.remap(picture, *at, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), CLOTH)
