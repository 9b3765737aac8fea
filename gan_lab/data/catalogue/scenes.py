"""What a product does to its ground, the studio's white ground, and the camera."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

from gan_lab.data.catalogue.canvas import Canvas
from gan_lab.data.catalogue.surfaces import Array, soften


def shadows(canvas: Canvas, cover: Array, lying: bool, hard: bool) -> Array:
    """Return the share of light [size, size] that reaches the ground around a product that covers `cover` of it."""
    full = cover.shape[0]
    size = max(8, full // 2)  # soft things lose nothing at half the size
    cover = cv2.resize(cover, (size, size), interpolation=cv2.INTER_AREA)
    y = canvas.origin[1] * size / canvas.size
    unit = canvas.unit * size / canvas.size
    kx, ky, _ = canvas.light.key
    if lying:
        reach = 0.055 if hard else 0.03
        shift = np.array([[1, 0, -kx * reach * unit], [0, 1, ky * reach * unit]], np.float32)
        thrown = cv2.warpAffine(cover, shift, (size, size))
        close = soften(cover, 0.016 * unit + 0.4)
        soft = soften(thrown, (0.014 if hard else 0.045) * unit + 0.3)
        return _enlarge((1 - (0.35 if hard else 0.3) * close) * (1 - (0.6 if hard else 0.22) * soft), full)
    # A standing outline falls on the ground as an affine image of itself: its foot stays, its top leans from the lamp.
    lean, rise = (-kx * 1.15, 0.27) if hard else (-kx * 0.35, 0.16)
    ground = np.array([[1, -lean, lean * y], [0, rise, y * (1 - rise) - 0.01 * unit]], np.float32)
    thrown = cv2.warpAffine(cover, ground, (size, size))
    near = soften(thrown, (0.02 if hard else 0.035) * unit + 0.3)
    far = soften(thrown, (0.055 if hard else 0.12) * unit + 0.3)
    height = np.clip((y - np.arange(size, dtype=np.float32)[:, None]) / (0.3 * unit), 0, 1)
    fall = near * (1 - height) + far * height
    foot = np.array([[1, 0, 0], [0, 0.16, y * 0.84 + 0.012 * unit]], np.float32)
    contact = soften(cv2.warpAffine(cover, foot, (size, size)), 0.016 * unit + 0.3)
    return _enlarge((1 - (0.66 if hard else 0.3) * fall) * (1 - (0.6 if hard else 0.5) * contact), full)


def _enlarge(picture: Array, size: int) -> Array:
    return cv2.resize(picture.astype(np.float32), (size, size), interpolation=cv2.INTER_LINEAR)


def studio(size: int, rng: np.random.Generator) -> Array:
    """Return a seamless white ground, linear light [size, size, 3]."""
    y = np.linspace(0, 1, size, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, size, dtype=np.float32)[None, :]
    level = rng.uniform(0.95, 1.05)
    bright = level * (1 - 0.05 * np.abs(y - 0.55) - 0.035 * (x - rng.uniform(-0.3, 0.3)) ** 2 - 0.05 * (y - 0.7) ** 2)
    return cv2.merge([(bright * (1 + rng.uniform(-0.01, 0.01))).astype(np.float32) for _ in range(3)])


@cache
def _vignette(size: int) -> Array:
    grid = np.linspace(-1, 1, size, dtype=np.float32)
    return grid[None, :] ** 2 + grid[:, None] ** 2


@cache
def _grain(size: int) -> Array:
    """Return a sheet of sensor noise of unit deviation, larger than a picture, to cut pieces from."""
    return np.random.default_rng((size, 18)).standard_normal((size * 2, size * 2, 3), np.float32)


def develop(light: Array, snapshot: bool, rng: np.random.Generator) -> Array:
    """Return a picture as a camera would give it, uint8, from linear light: a good exposure, or a poor one."""
    if snapshot:
        size = light.shape[0]
        cast = np.array([rng.uniform(1.0, 1.22), rng.uniform(0.94, 1.08), rng.uniform(0.6, 0.84)], np.float32)
        gain = np.float32(rng.uniform(0.62, 1.1)) * (1 - np.float32(rng.uniform(0.12, 0.3)) * _vignette(size))
        light = light * cv2.merge([np.float32(c) * gain for c in cast])
        y, x = rng.integers(size, size=2)
        deviation = cv2.sqrt(np.maximum(light, 0) * np.float32(0.0004) + np.float32(1e-5))
        light += _grain(size)[y : y + size, x : x + size] * deviation
        light += np.float32(rng.uniform(0.0, 0.012))
    else:
        # Highlights from 0.94 on are held back.
        light = np.minimum(light, np.float32(0.45) * light + np.float32(0.517))
    return cv2.convertScaleAbs(cv2.pow(np.maximum(light, 0), 1 / 2.2), alpha=255)
