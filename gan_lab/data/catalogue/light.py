"""Two kinds of light, baked into small maps from a surface's normal to the light that it sends to the viewer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from gan_lab.data.catalogue.surfaces import Array

Domain = Literal["studio", "snapshot"]
SIDE = 80
VARIANTS = 6
ROUGHNESS = (0.0, 2.5, 7.0)  # blur of the mirrored surroundings in map pixels: polished, satin, dull


@dataclass
class Lamp:
    """What a surface sends to the viewer by its normal, linear light.

    Attributes:
        diffuse: [SIDE, SIDE, 3], from a white matt surface.
        cloth: the same with a pale bloom of fibres along outlines.
        metal: from bare metal, one map per roughness.
        coat: from a clear glossy coat, one map per roughness.
        grazing: [SIDE, SIDE, 1], 0 where the surface faces the viewer, 1 at its outline.
        key: the direction of the main light (right, up, towards the viewer).
    """

    diffuse: Array
    cloth: Array
    metal: tuple[Array, ...]
    coat: tuple[Array, ...]
    grazing: Array
    key: tuple[float, float, float]


def _unit(x: float, y: float, z: float) -> NDArray[np.float64]:
    v = np.array([x, y, z], np.float64)
    return v / np.linalg.norm(v)


def _smooth(x: NDArray[np.floating], low: float, high: float) -> NDArray[np.floating]:
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def _panel(
    r: NDArray[np.float64], towards: NDArray[np.float64], wide: float, tall: float, edge: float
) -> NDArray[np.floating]:
    """Return how much of the reflected rays `r` meets a rectangular lamp in a direction."""
    right = np.cross([0.0, 1.0, 0.0], towards)
    right /= np.linalg.norm(right)
    up = np.cross(towards, right)
    ahead = np.maximum(r @ towards, 1e-3)
    a, b = np.abs(r @ right) / ahead, np.abs(r @ up) / ahead
    return _smooth(-a, -wide, -wide + edge) * _smooth(-b, -tall, -tall + edge) * (r @ towards > 0)


@cache
def light(domain: Domain, variant: int) -> Lamp:
    """Return one of the `VARIANTS` lights of a domain: an even white studio, or a badly lit room."""
    rng = np.random.default_rng((variant, 7, domain == "studio"))
    grid = np.linspace(-1, 1, SIDE)
    nx, ny = np.meshgrid(grid, -grid)
    far = np.maximum(np.hypot(nx, ny), 1.0)
    nx, ny = nx / far * 0.9999, ny / far * 0.9999
    n = np.stack([nx, ny, np.sqrt(np.maximum(1 - nx**2 - ny**2, 0))], -1)
    r = 2 * n[..., 2:] * n - np.array([0.0, 0.0, 1.0])
    diffuse, room, key = _studio(n, r, rng) if domain == "studio" else _room(n, r, rng)
    grazing = (1 - n[..., 2:]) ** 4
    mirrors = [cv2.GaussianBlur(room, (0, 0), rough) if rough else room for rough in ROUGHNESS]
    return Lamp(
        diffuse.astype(np.float32),
        (diffuse * (1 + 0.5 * grazing) + 0.012).astype(np.float32),
        tuple((mirror * 0.85 + diffuse * 0.18).astype(np.float32) for mirror in mirrors),
        # Schlick's approximation, held back at the outline where a real edge is never quite sharp.
        tuple((mirror * (0.045 + 0.6 * grazing)).astype(np.float32) for mirror in mirrors),
        grazing.astype(np.float32),
        (float(key[0]), float(key[1]), float(key[2])),
    )


def _studio(n: NDArray, r: NDArray, rng: np.random.Generator) -> tuple[NDArray, NDArray, NDArray]:
    side = 1 if rng.random() < 0.5 else -1
    key = _unit(side * rng.uniform(0.5, 0.8), rng.uniform(0.6, 0.9), 0.75)
    wrap = np.clip((n @ key + 0.35) / 1.35, 0, 1)[..., None]
    fill = np.clip((n @ _unit(-side * 0.9, 0.2, 0.5) + 0.4) / 1.4, 0, 1)[..., None]
    floor = np.clip(0.5 - 0.5 * n[..., 1:2], 0, 1)
    diffuse = 0.2 + 0.56 * wrap + 0.2 * fill + 0.16 * floor
    diffuse = diffuse * np.array([1.0, 0.995, 0.985])
    around = 0.28 + 0.55 * _smooth(-r[..., 1], 0.0, 0.6) + 0.5 * _smooth(-r[..., 2], 0.1, 0.9)
    around += 3.4 * _panel(r, _unit(side * 0.85, 0.55, 0.55), 0.45, 0.75, 0.1)
    around += 1.5 * _panel(r, _unit(-side * 1.0, 0.25, 0.25), 0.22, 1.1, 0.08)
    around += 1.3 * _panel(r, _unit(0.0, 1.0, 0.25), 0.9, 0.35, 0.15)
    return diffuse, around[..., None] * np.ones(3), key


def _room(n: NDArray, r: NDArray, rng: np.random.Generator) -> tuple[NDArray, NDArray, NDArray]:
    side = 1 if rng.random() < 0.5 else -1
    key = _unit(side * rng.uniform(0.55, 0.95), rng.uniform(0.55, 0.9), rng.uniform(0.3, 0.6))
    direct = np.clip(n @ key, 0, 1)[..., None] * np.array([1.0, 0.84, 0.6])
    sky = np.clip(0.5 + 0.5 * n[..., 1:2], 0, 1) * np.array([0.8, 1.0, 0.85])
    bounce = np.clip(0.5 - 0.6 * n[..., 1:2], 0, 1) * np.array([1.0, 0.72, 0.45])
    diffuse = 0.05 + 0.72 * direct + 0.2 * sky + 0.1 * bounce
    around = 0.1 * np.ones(3) + 0.22 * _smooth(-r[..., 1], 0.0, 0.5)[..., None] * np.array([1.0, 0.7, 0.4])
    around = around + 6.0 * _panel(r, key, 0.16, 0.16, 0.06)[..., None] * np.array([1.0, 0.85, 0.6])
    pane = _unit(-side * 0.9, 0.35, 0.5)
    window = _panel(r, pane, 0.36, 0.5, 0.04)
    right = np.cross([0.0, 1.0, 0.0], pane)
    bars = _smooth(np.abs(r @ right), 0.02, 0.05) * _smooth(np.abs(r[..., 1] - 0.35), 0.02, 0.05)
    return diffuse, around + 2.0 * (window * bars)[..., None] * np.array([0.75, 1.0, 0.9]), key
