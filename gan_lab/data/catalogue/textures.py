"""Drawn materials: wood, weave, tiles, leather grain, made once per process from fixed seeds."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from gan_lab.data.catalogue.surfaces import Array

SIDE = 512
#: Linear light of each display value.
_LINEAR: Array = ((np.arange(256) / 255) ** 2.2).astype(np.float32)


def to_linear(picture: Array) -> Array:
    """Return display values uint8 as linear light in [0, 1]."""
    return _LINEAR[picture]


def noise(rng: np.random.Generator, height: int, width: int, wide: float, tall: float) -> Array:
    """Return smooth noise [height, width] of unit deviation with features of the given pixel sizes."""
    cells = (max(2, int(width / wide)), max(2, int(height / tall)))
    coarse = rng.standard_normal((cells[1], cells[0]), np.float32)
    field = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return field / max(1e-6, float(field.std()))


def _colours(field: Array, *stops: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Return a field in [0, 1] as colours between the stops, uint8."""
    at = np.linspace(0, 1, len(stops))
    table = np.array(stops, np.float64)
    levels = np.stack([np.interp(np.linspace(0, 1, 256), at, table[:, c]) for c in range(3)], -1)
    return np.round(levels).astype(np.uint8)[(np.clip(field, 0, 1) * 255).astype(np.intp)]


def wood(seed: int, dark: tuple[int, int, int], pale: tuple[int, int, int], planks: int = 5) -> NDArray[np.uint8]:
    """Return planks with grain along x, uint8 [SIDE, SIDE, 3]."""
    rng = np.random.default_rng((seed, 11))
    rows = np.linspace(0, 1, SIDE, dtype=np.float32)[:, None]
    bend = noise(rng, SIDE, SIDE, 160, 40) * 0.35 + noise(rng, SIDE, SIDE, 300, 90) * 0.9
    field = (
        0.66
        + 0.09 * np.sin(rows * 44 + bend * 4)
        + 0.06 * noise(rng, SIDE, SIDE, 60, 2.5)
        + 0.06 * noise(rng, SIDE, SIDE, 130, 5)
    )
    tall = SIDE // planks
    for plank in range(planks):
        part = slice(plank * tall, (plank + 1) * tall)
        if planks > 1:
            field[part] = np.roll(field[part], int(rng.integers(SIDE)), 1) + rng.uniform(-0.1, 0.1)
            field[plank * tall : plank * tall + 2] -= 0.4
    return _colours(field.astype(np.float32), tuple(c // 3 for c in dark), dark, pale)  # type: ignore[arg-type]


def _tiles(seed: int, tile: tuple[int, int, int], grout: tuple[int, int, int], count: int) -> NDArray[np.uint8]:
    rng = np.random.default_rng((seed, 12))
    field = 0.75 + 0.06 * noise(rng, SIDE, SIDE, 40, 40) + 0.05 * noise(rng, SIDE, SIDE, 9, 9)
    shades = cv2.resize(
        rng.uniform(-0.12, 0.12, (count, count)).astype(np.float32), (SIDE, SIDE), interpolation=cv2.INTER_NEAREST
    )
    picture = _colours(field + shades, (0, 0, 0), tile)
    for k in range(count + 1):
        at = k * SIDE // count
        cv2.line(picture, (at, 0), (at, SIDE), grout, 5)
        cv2.line(picture, (0, at), (SIDE, at), grout, 5)
    return picture


def _cloth(seed: int, colour: tuple[int, int, int], other: tuple[int, int, int]) -> NDArray[np.uint8]:
    rng = np.random.default_rng((seed, 13))
    grid = np.arange(SIDE, dtype=np.float32)
    check = ((grid // 43 % 2)[None, :] + (grid // 43 % 2)[:, None]) / 2
    field = 0.15 + 0.7 * check + 0.09 * noise(rng, SIDE, SIDE, 2, 2) + 0.08 * noise(rng, SIDE, SIDE, 90, 60)
    return _colours(field, other, colour)


def _carpet(seed: int, colour: tuple[int, int, int]) -> NDArray[np.uint8]:
    rng = np.random.default_rng((seed, 14))
    field = (
        0.6
        + 0.1 * noise(rng, SIDE, SIDE, 2.2, 2.2)
        + 0.03 * noise(rng, SIDE, SIDE, 12, 12)
        + 0.05 * noise(rng, SIDE, SIDE, 120, 120)
    )
    return _colours(field, (0, 0, 0), colour)


def _stone(seed: int, colour: tuple[int, int, int], vein: tuple[int, int, int]) -> NDArray[np.uint8]:
    rng = np.random.default_rng((seed, 15))
    bend = noise(rng, SIDE, SIDE, 90, 60) + 0.5 * noise(rng, SIDE, SIDE, 30, 30)
    field = np.clip(np.abs(bend) * 1.5, 0, 1) * 0.35 + 0.6 + 0.025 * noise(rng, SIDE, SIDE, 3, 3)
    return _colours(field, (0, 0, 0), vein, colour)


@cache
def floors() -> tuple[NDArray[np.uint8], ...]:
    """Return the floors of rooms, uint8 [SIDE, SIDE, 3]: planks, tiles, carpet."""
    return (
        wood(1, (96, 60, 34), (168, 118, 72)),
        wood(2, (70, 44, 30), (120, 80, 52), 4),
        wood(3, (150, 120, 88), (206, 178, 140), 6),
        wood(4, (104, 84, 66), (160, 140, 118), 7),
        _tiles(5, (196, 190, 176), (120, 112, 100), 5),
        _tiles(6, (140, 92, 70), (90, 80, 70), 6),
        _carpet(9, (150, 128, 108)),
        _carpet(10, (104, 112, 120)),
    )


@cache
def table_tops() -> tuple[NDArray[np.uint8], ...]:
    """Return the surfaces of tables alone, uint8 [SIDE, SIDE, 3]: checked cloth, stone."""
    return (
        _cloth(7, (214, 208, 196), (150, 60, 56)),
        _cloth(8, (204, 208, 212), (74, 96, 130)),
        _stone(11, (200, 196, 188), (120, 112, 104)),
        _stone(12, (90, 88, 86), (52, 50, 50)),
    )


@cache
def boards() -> tuple[Array, ...]:
    """Return furniture wood, linear light [SIDE, SIDE, 3]: beech, oak, walnut, black stain."""
    return tuple(
        to_linear(wood(20 + k, dark, pale, 1))
        for k, (dark, pale) in enumerate(
            (
                ((196, 148, 100), (232, 192, 146)),
                ((168, 118, 70), (208, 162, 108)),
                ((84, 50, 32), (132, 86, 56)),
                ((30, 28, 28), (52, 48, 46)),
            )
        )
    )


@cache
def grain() -> Array:
    """Return leather's bumps as slopes to the right and up, [SIDE, SIDE, 2], of unit deviation."""
    rng = np.random.default_rng((1, 16))
    height = noise(rng, SIDE, SIDE, 5, 5) + 0.5 * noise(rng, SIDE, SIDE, 9, 9)
    slopes = np.stack([-cv2.Sobel(height, cv2.CV_32F, 1, 0), cv2.Sobel(height, cv2.CV_32F, 0, 1)], -1)
    return np.ascontiguousarray(slopes / slopes.std())


@cache
def folds() -> tuple[Array, ...]:
    """Return cloth's folds as slopes to the right and up, [SIDE // 2, SIDE // 2, 2] each, of unit deviation."""
    made = []
    side = SIDE // 2
    for seed in range(6):
        rng = np.random.default_rng((seed, 17))
        bend = noise(rng, side, side, 90, 90)
        grid = np.linspace(-1, 1, side, dtype=np.float32)
        height = noise(rng, side, side, 110, 130) * 0.7
        for _ in range(7):
            angle, at = rng.uniform(-0.9, 0.9), rng.uniform(-0.9, 0.9)
            across = grid[None, :] * np.cos(angle) + grid[:, None] * np.sin(angle) - at + 0.07 * bend
            along = grid[:, None] * np.cos(angle) - grid[None, :] * np.sin(angle) - rng.uniform(-0.6, 0.8)
            wide = rng.uniform(0.03, 0.08)
            ridge = np.exp(-((across / wide) ** 2) - (along / rng.uniform(0.3, 0.8)) ** 2)
            height = (height + rng.uniform(0.25, 0.6) * ridge).astype(np.float32)
        slopes = np.stack([-cv2.Sobel(height, cv2.CV_32F, 1, 0), cv2.Sobel(height, cv2.CV_32F, 0, 1)], -1)
        made.append(np.ascontiguousarray(slopes / slopes.std()))
    return tuple(made)
