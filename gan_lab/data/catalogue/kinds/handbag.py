"""Handbags."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from gan_lab.data.catalogue import prints, textures
from gan_lab.data.catalogue.canvas import BRUSHED, CLOTH, LEATHER, MATT, POLISHED, Canvas
from gan_lab.data.catalogue.kinds.cut import around, line, panel, roughen, sheet, square, stitches
from gan_lab.data.catalogue.palette import HIDES, Colour, dim, pick
from gan_lab.data.catalogue.surfaces import Array, Points, curve, polygon, round_off


@dataclass
class _Bag:
    hide: Colour
    metal: Colour
    low: float  # half the width at the foot, then at the top
    top: float
    tall: float
    handle: Colour
    reach: float  # half the distance of the handles' ends, then their height
    arch: float
    zoom: float
    cloth: Colour | None  # a body of canvas instead of leather

    def sew(
        self, canvas: Canvas, outline: Points, edge: float, tilt: float = 0.0, shadow: float = 0.012,
        shade: float = 1.0, body: bool = False,
    ) -> None:
        """Paint a panel of hide, or of the body's own stuff."""
        placed = polygon(canvas.place(outline))
        canvas.darken(placed, shadow, 0.55, 0, -shadow * 0.5)
        patch = round_off(placed, edge * canvas.unit, 0.25).tilt(tilt * canvas.pose.side, 0.0)
        roughen(patch, textures.grain(), canvas.grid(patch), 2.6 if self.cloth else self.zoom, 0.06)
        colour, material = (self.cloth, CLOTH) if body and self.cloth else (self.hide, LEATHER)
        canvas.paint(patch, colour, material, shade=shade)

    def carry(self, canvas: Canvas, dx: float, dy: float, shade: float, lift: float) -> None:
        """Paint a handle."""
        reach, foot, top = self.reach, self.tall - 0.06 + dy, self.tall + self.arch + dy
        bend = self.tall + self.arch * 0.55 + dy
        arc = [(-reach, foot), (-reach * 0.96, bend), (0, top), (reach * 0.96, bend), (reach, foot)]
        line(canvas, curve(arc, 9) + np.array([dx, 0]), 0.045, dim(self.handle, shade), LEATHER, lift)


def handbag(canvas: Canvas, rng: np.random.Generator) -> None:
    """Paint a handbag: leather with a flap and a buckle, a tote, or a bag with a zip."""
    hide, metal, style = pick(rng, HIDES), pick(rng, ((226, 190, 110), (214, 214, 218))), rng.integers(3)
    low, top, tall = rng.uniform(0.37, 0.43), rng.uniform(0.29, 0.36), rng.uniform(0.5, 0.62)
    handle = pick(rng, HIDES) if style == 1 else hide
    reach, arch, zoom = rng.uniform(0.13, 0.18), rng.uniform(0.26, 0.36), rng.uniform(1.0, 1.7)
    woven = style == 1 and rng.random() < 0.6
    cloth = pick(rng, ((222, 208, 180), (236, 232, 222), (70, 84, 104))) if woven else None
    seed = int(rng.integers(1 << 30))
    bag = _Bag(hide, metal, low, top, tall, handle, reach, arch, zoom, cloth)
    depth = 0.09 + 0.07 * abs(float(np.sin(canvas.pose.yaw)))
    bag.carry(canvas, depth * 0.5, 0.035, 0.55, 0.0)
    front = _body(canvas, bag, depth)
    if style == 0:
        _flap(canvas, bag, tall * rng.uniform(0.36, 0.5))
    else:
        stitches(canvas, [(-top + 0.03, tall - 0.03), (top - 0.03, tall - 0.03)], dim(hide, 1.3, 0.06))
        if style == 1:
            _tote(canvas, bag, front, *prints.emblem(np.random.default_rng(seed)))
        else:  # the zip, its pull and the folds beside it
            for s in (-1, 1):
                left, right = s * reach - 0.032, s * reach + 0.032
                fold = [(left, 0.0), (right, 0.0), (right, tall), (left, tall)]
                bag.sew(canvas, fold, 0.02, shadow=0.008, shade=0.88)
            line(canvas, [(-top + 0.05, tall * 0.93), (top - 0.05, tall * 0.93)], 0.02, metal, BRUSHED, 0.006)
            high, deep = tall * 0.92, tall * 0.76
            bag.sew(canvas, [(top - 0.07, high), (top - 0.04, high), (top - 0.035, deep), (top - 0.075, deep)], 0.012)
    bag.carry(canvas, 0, 0, 1.0, 0.012)
    for s in (-1, 1):
        stud = around(16) * 0.024 + (s * reach, tall - 0.055)
        panel(canvas, stud, 0.024, 0, metal, POLISHED, 0.008)


def _body(canvas: Canvas, bag: _Bag, depth: float) -> Array:
    """Paint the side, the dark inside and the front; return the front's outline."""
    low, top, tall = bag.low, bag.top, bag.tall
    gusset = [(low - 0.04, 0.01), (low + depth, 0.055), (low + depth * 0.7, tall * 0.5), (top + depth, tall + 0.02),
              (top - 0.05, tall)]
    bag.sew(canvas, gusset, 0.03, 0.65, shade=0.7, body=True)
    back = [(-top + depth * 0.9, tall + 0.03), (top + depth, tall + 0.025)]
    rim = [(-top + 0.01, tall - 0.01), *back, (top, tall - 0.01)]
    sheet(canvas, rim, 0.5, dim(bag.hide, 0.55), MATT)
    front = np.concatenate([
        curve([(-low + 0.03, 0.0), (0, -0.006), (low - 0.03, 0.0)], 5),
        curve([(low, 0.03), (low - 0.004, tall * 0.4), (top + 0.012, tall * 0.86), (top - 0.015, tall)], 6),
        curve([(0, tall - 0.012), (-top + 0.015, tall)], 4),
        curve([(-top - 0.012, tall * 0.86), (-low + 0.004, tall * 0.4), (-low, 0.03)], 6),
    ])
    bag.sew(canvas, front, 0.07, body=True)
    return front


def _flap(canvas: Canvas, bag: _Bag, low: float) -> None:
    top, tall = bag.top, bag.tall
    crease = curve([(-top - 0.02, tall + 0.012), (0, tall + 0.02), (top + 0.02, tall + 0.012)], 6)
    edge = curve([(top + 0.028, tall * 0.78), (top - 0.02, low + 0.08), (0, low), (-top + 0.02, low + 0.08),
                  (-top - 0.028, tall * 0.78)], 8)
    bag.sew(canvas, np.concatenate([crease, edge]), 0.035, shadow=0.022)
    right = [(top, tall * 0.8), (top - 0.045, low + 0.1)]
    seam = [*right, (0, low + 0.025), *((-x, y) for x, y in right[::-1])]
    stitches(canvas, curve(seam, 8), dim(bag.hide, 1.3, 0.06))
    lock = [(-0.045, low - 0.02), (0.045, low - 0.02), (0.045, low + 0.055), (-0.045, low + 0.055)]
    panel(canvas, lock, 0.018, 0.2, bag.metal, POLISHED, 0.01, 0.6, 0.006)
    line(canvas, [(-0.014, low + 0.018), (0.014, low + 0.018)], 0.016, bag.metal, BRUSHED, 0.004)


def _tote(canvas: Canvas, bag: _Bag, front: Array, picture: Array, coverage: Array) -> None:
    low, tall = bag.low, bag.tall
    if bag.cloth:
        border = [(low - 0.002, tall * 0.24), (-low + 0.002, tall * 0.24)]
        foot = np.concatenate([front[front[:, 1] < tall * 0.2], border])
        bag.sew(canvas, foot[np.argsort(np.arctan2(foot[:, 0], foot[:, 1] - tall * 0.1))], 0.02)
    patch = square(canvas, (0, tall * 0.52), 0.13)
    size = (patch.alpha.shape[1], patch.alpha.shape[0])
    patch.alpha = patch.alpha * cv2.resize(coverage, size, interpolation=cv2.INTER_AREA) * 0.9
    canvas.paint(patch, cv2.resize(picture, size, interpolation=cv2.INTER_AREA), MATT)
