"""What surrounds a product: the studio's white sweep, or somebody's table, with the shadow that the product throws."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from gan_lab.data.catalogue import textures
from gan_lab.data.catalogue.canvas import Canvas
from gan_lab.data.catalogue.surfaces import Array


def shadows(canvas: Canvas, size: int, lying: bool, hard: bool) -> Array:
    """Return the share of light [size, size] that reaches the ground around the painted product."""
    cover = cv2.resize(canvas.alpha, (size, size), interpolation=cv2.INTER_AREA)
    x, y = canvas.origin[0] * size / canvas.size, canvas.origin[1] * size / canvas.size
    unit = canvas.unit * size / canvas.size
    kx, ky, _ = canvas.light.key
    if lying:
        reach = 0.055 if hard else 0.03
        shift = np.array([[1, 0, -kx * reach * unit], [0, 1, ky * reach * unit]], np.float32)
        thrown = cv2.warpAffine(cover, shift, (size, size))
        close = cv2.GaussianBlur(cover, (0, 0), 0.016 * unit + 0.4)
        soft = cv2.GaussianBlur(thrown, (0, 0), (0.014 if hard else 0.045) * unit + 0.3)
        return (1 - (0.35 if hard else 0.3) * close) * (1 - (0.6 if hard else 0.22) * soft)
    # A standing outline falls on the ground as an affine image of itself: the base stays, the height leans away from the lamp.
    lean, rise = (-kx * 0.85, 0.32) if hard else (-kx * 0.35, 0.16)
    ground = np.array([[1, -lean, lean * y], [0, rise, y * (1 - rise) - 0.01 * unit]], np.float32)
    thrown = cv2.warpAffine(cover, ground, (size, size))
    near = cv2.GaussianBlur(thrown, (0, 0), (0.02 if hard else 0.035) * unit + 0.3)
    far = cv2.GaussianBlur(thrown, (0, 0), (0.055 if hard else 0.12) * unit + 0.3)
    height = np.clip((y - np.arange(size, dtype=np.float32)[:, None]) / (0.3 * unit), 0, 1)
    fall = near * (1 - height) + far * height
    foot = np.array([[1, 0, 0], [0, 0.16, y * 0.84 + 0.012 * unit]], np.float32)
    contact = cv2.GaussianBlur(cv2.warpAffine(cover, foot, (size, size)), (0, 0), 0.016 * unit + 0.3)
    return (1 - (0.62 if hard else 0.3) * fall) * (1 - (0.6 if hard else 0.5) * contact)


def studio(size: int, rng: np.random.Generator) -> Array:
    """Return a seamless white ground, linear light [size, size, 3]."""
    y = np.linspace(0, 1, size, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, size, dtype=np.float32)[None, :]
    level = rng.uniform(0.86, 0.98)
    bright = level * (1 - 0.05 * np.abs(y - 0.55) - 0.035 * (x - rng.uniform(-0.3, 0.3)) ** 2 - 0.05 * (y - 0.7) ** 2)
    tint = np.array([1.0, 1.0, 1.0]) + rng.uniform(-0.012, 0.012, 3)
    return (bright[..., None] * tint).astype(np.float32)


def snapshot(size: int, rng: np.random.Generator, horizon: float, lying: bool) -> Array:
    """Return a room, linear light [size, size, 3]: a textured surface, a wall unless seen from above, and clutter."""
    grounds = textures.grounds()
    ground = grounds[rng.integers(len(grounds))]
    side = ground.shape[0]
    low = np.array([[0, 0], [side, 0], [side, side], [0, side]], np.float32)
    if lying:
        angle, zoom = rng.uniform(0, 2 * np.pi), rng.uniform(0.75, 1.3)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) * zoom * size
        corners = (low / side - 0.5) * 2 @ turn.T + size / 2
        view = cv2.getPerspectiveTransform(low, corners.astype(np.float32))
        picture = cv2.warpPerspective(ground, view, (size, size), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REFLECT)
    else:
        edge = horizon * size
        wide, skew = rng.uniform(0.9, 1.4) * size, rng.uniform(-0.3, 0.3) * size
        corners = np.array([[size / 2 - wide + skew, edge], [size / 2 + wide + skew, edge],
                            [size / 2 + 2.4 * wide, size * 1.15], [size / 2 - 2.4 * wide, size * 1.15]], np.float32)
        view = cv2.getPerspectiveTransform(low, corners)
        picture = cv2.warpPerspective(ground, view, (size, size), borderMode=cv2.BORDER_REFLECT)
    room = textures.to_linear(picture)
    if not lying:
        room[: int(horizon * size)] = _wall(size, int(horizon * size), rng)
    return room


def _wall(size: int, height: int, rng: np.random.Generator) -> Array:
    """Return what stands behind a table, out of focus: a wall with shelves, boxes and round things."""
    quarter = max(8, size // 2)
    tall = max(4, height // 2)
    base = rng.uniform(60, 190) * np.array([1, rng.uniform(0.86, 1), rng.uniform(0.66, 0.95)])
    wall = np.full((tall, quarter, 3), base, np.uint8)
    for _ in range(rng.integers(4, 10)):
        colour = tuple(int(c) for c in (rng.uniform(90, 150) + rng.uniform(-45, 45, 3)) * rng.uniform(0.25, 1.4))
        x, w, h = int(rng.uniform(-0.1, 1) * quarter), int(rng.uniform(0.05, 0.25) * quarter), int(rng.uniform(0.2, 0.9) * tall)
        if rng.random() < 0.7:
            cv2.rectangle(wall, (x, tall - h), (x + w, tall), colour, -1)
            cv2.rectangle(wall, (x + w * 2 // 3, tall - h), (x + w, tall), tuple(c * 3 // 4 for c in colour), -1)
        else:
            cv2.circle(wall, (x, tall - w), w, colour, -1)
    wall = cv2.GaussianBlur(wall, (0, 0), quarter * rng.uniform(0.012, 0.03))
    return textures.to_linear(cv2.resize(wall, (size, height)))


@cache
def _vignette(size: int) -> Array:
    grid = np.linspace(-1, 1, size, dtype=np.float32)
    return (grid[None, :] ** 2 + grid[:, None] ** 2)[..., None]


@cache
def _display_curve() -> NDArray[np.uint8]:
    return np.round(255 * np.linspace(0, 1, 4096) ** (1 / 2.2)).astype(np.uint8)


def develop(light: Array, snapshot: bool, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return a picture as a camera would give it, uint8, from linear light: a good exposure, or a poor one."""
    if snapshot:
        size = light.shape[0]
        cast = np.array([rng.uniform(1.0, 1.25), rng.uniform(0.92, 1.08), rng.uniform(0.55, 0.8)], np.float32)
        light = light * (cast * rng.uniform(0.5, 0.95)) * (1 - rng.uniform(0.12, 0.3) * _vignette(size))
        noise = rng.standard_normal(light.shape, np.float32)
        light = light + noise * np.sqrt(np.maximum(light, 0) * 0.00045 + 0.00001)
        light = light + np.float32(rng.uniform(0.0, 0.012))
    else:
        # A soft shoulder keeps highlights from clipping hard.
        light = np.where(light > 0.8, 0.8 + 0.2 * np.tanh((light - 0.8) / 0.25), light)
    return _display_curve()[np.clip(light * 4095, 0, 4095).astype(np.intp)]
