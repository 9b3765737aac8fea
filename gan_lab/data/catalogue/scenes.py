"""What surrounds a product: the studio's white sweep, or somebody's table, with the shadow that the product throws."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from gan_lab.data.catalogue import textures
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
    # A standing outline falls on the ground as an affine image of itself: the base stays, the height leans away from the lamp.
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


def snapshot(size: int, rng: np.random.Generator, horizon: float, lying: bool, floor: bool) -> Array:
    """Return a room, linear light [size, size, 3]: a textured surface and clutter.

    Args:
        size: the picture's side in pixels.
        rng: draws everything.
        horizon: the share of the picture above the surface's far edge.
        lying: seen from above, so that there is no far edge and no wall.
        floor: the surface is no table, nothing small stands on it.
    """
    grounds = textures.floors() if floor else textures.floors() + textures.table_tops()
    ground = grounds[rng.integers(len(grounds))]
    side = ground.shape[0]
    low = np.array([[0, 0], [side, 0], [side, side], [0, side]], np.float32)
    if lying:
        angle, zoom = rng.uniform(0, 2 * np.pi), rng.uniform(0.75, 1.3)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) * zoom * size
        corners = (low / side - 0.5) * 2 @ turn.T + size / 2
        view = cv2.getPerspectiveTransform(low, corners.astype(np.float32))
        picture = cv2.warpPerspective(ground, view, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    else:
        edge = horizon * size
        wide, skew = rng.uniform(0.9, 1.4) * size, rng.uniform(-0.3, 0.3) * size
        corners = np.array(
            [
                [size / 2 - wide + skew, edge],
                [size / 2 + wide + skew, edge],
                [size / 2 + 2.4 * wide, size * 1.15],
                [size / 2 - 2.4 * wide, size * 1.15],
            ],
            np.float32,
        )
        view = cv2.getPerspectiveTransform(low, corners)
        picture = cv2.warpPerspective(ground, view, (size, size), borderMode=cv2.BORDER_REFLECT)
    if lying:
        _litter(picture, rng)
        return textures.to_linear(cv2.blur(picture, (2, 2)))
    edge = int(horizon * size)
    far = picture[edge : edge + size // 5]
    far[:] = soften(far, size / 130)
    picture[:edge] = _wall(size, edge, rng)
    if not floor:
        _bystanders(picture, edge, rng)
    rim = picture[max(0, edge - 3) : edge + 3]
    rim[:] = cv2.blur(rim, (1, 3))
    return textures.to_linear(picture)


def _muted(rng: np.random.Generator) -> tuple[int, int, int]:
    """Return the display colour of some household thing."""
    level, tone = rng.uniform(25, 205), rng.uniform(-1, 1, 3)
    red, green, blue = np.clip(level * (1 + 0.2 * (tone - tone.mean())) + (8, 0, -8), 8, 235)
    return int(red), int(green), int(blue)


def _darker(colour: tuple[int, int, int], share: float) -> tuple[int, int, int]:
    return int(colour[0] * share), int(colour[1] * share), int(colour[2] * share)


def _wall(size: int, height: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return what stands far behind a table, out of focus: a wall, a shelf, boxes and round things."""
    wide, tall = max(8, size // 2), max(4, height // 2)
    wall = np.full(
        (tall, wide, 3), rng.uniform(60, 185) * np.array([1, rng.uniform(0.9, 1), rng.uniform(0.75, 0.95)]), np.uint8
    )
    if rng.random() < 0.5:
        shelf = int(rng.uniform(0.2, 0.6) * tall)
        cv2.rectangle(wall, (0, shelf), (wide, shelf + max(2, tall // 14)), _muted(rng), -1)
    for _ in range(rng.integers(4, 10)):
        colour = _muted(rng)
        x, w, h = (
            int(rng.uniform(-0.1, 1) * wide),
            int(rng.uniform(0.04, 0.2) * wide),
            int(rng.uniform(0.2, 0.9) * tall),
        )
        if rng.random() < 0.75:
            cv2.rectangle(wall, (x, tall - h), (x + w, tall), colour, -1)
            cv2.rectangle(wall, (x + w * 2 // 3, tall - h), (x + w, tall), _darker(colour, 0.7), -1)
        else:
            cv2.circle(wall, (x, tall - w // 2), w // 2 + 1, colour, -1)
    wall = soften(wall, wide * rng.uniform(0.014, 0.03))
    return cv2.resize(wall, (size, height), interpolation=cv2.INTER_LINEAR)


def _bystanders(picture: NDArray[np.uint8], edge: int, rng: np.random.Generator) -> None:
    """Draw things that stand on the table behind the product, a little out of focus."""
    size = picture.shape[0]
    for side in (-1, 1) if rng.random() < 0.6 else (int(rng.choice((-1, 1))),):
        colour = _muted(rng)
        w, h = int(size * rng.uniform(0.1, 0.22)), int(size * rng.uniform(0.14, 0.4))
        x = int(size * (0.5 + side * rng.uniform(0.28, 0.48))) - w // 2
        foot = min(size - 1, edge + int(size * rng.uniform(0.04, 0.14)))
        low = max(0, foot - h)
        reach = size // 25
        left, right = max(0, x - w // 2 - reach), min(size, x + w + w // 2 + reach)
        if right - left < 4:
            continue
        part = picture[max(0, low - reach) : foot + reach, left:right]
        origin = (left, max(0, low - reach))
        dark = cv2.ellipse(
            np.full(part.shape[:2], 255, np.uint8),
            (x + w // 2 - origin[0] + w // 6, foot - origin[1]),
            (w * 2 // 3, max(2, w // 6)),
            0,
            0,
            360,
            110,
            -1,
        )
        part[:] = cv2.multiply(part, cv2.cvtColor(soften(dark, size / 50), cv2.COLOR_GRAY2BGR), scale=1 / 255)
        mask = np.zeros(part.shape[:2], np.uint8)
        box = ((x - origin[0], low - origin[1]), (x + w - origin[0], foot - origin[1]))
        cv2.rectangle(mask, *box, 255, -1)
        cv2.ellipse(mask, (x + w // 2 - origin[0], foot - origin[1]), (w // 2, max(1, w // 9)), 0, 0, 360, 255, -1)
        cover = soften(mask, size / 90).astype(np.float32)[..., None] / 255
        across = np.linspace(-1.2, 1.2, part.shape[1], dtype=np.float32)
        body = np.clip(1.15 - 0.55 * (across - 0.35 * side) ** 2, 0.25, 1.2)[None, :, None] * np.array(
            colour, np.float32
        )
        stripe = slice(int(part.shape[0] * 0.35), int(part.shape[0] * 0.7))
        body = np.repeat(body, part.shape[0], 0)
        body[stripe] *= np.float32(rng.uniform(0.5, 1.5))
        part[:] = np.clip(part * (1 - cover) + np.clip(body, 0, 255) * cover, 0, 255).astype(np.uint8)


def _litter(picture: NDArray[np.uint8], rng: np.random.Generator) -> None:
    """Draw what lies about around a product seen from above: papers, plates, pens, a cable."""
    size = picture.shape[0]
    start = rng.uniform(0, 2 * np.pi)
    for k in range(int(rng.integers(2, 5))):
        angle = start + k * 1.7 + rng.uniform(-0.4, 0.4)
        x, y = (size * (0.5 + rng.uniform(0.46, 0.62) * np.array([np.cos(angle), np.sin(angle)]))).tolist()
        kind, turned, colour = rng.integers(4), rng.uniform(0, 180), _muted(rng)
        long = size * rng.uniform(0.2, 0.34)

        def put(
            dx: float,
            dy: float,
            tint: tuple[int, int, int],
            kind: int = int(kind),
            at: tuple[float, float] = (x, y),
            turned: float = turned,
            long: float = long,
        ) -> None:
            middle = (at[0] + dx, at[1] + dy)
            if kind == 0:
                corners = cv2.boxPoints((middle, (long, long * 1.35), turned))
                cv2.fillPoly(picture, [np.round(corners * 8).astype(np.int32)], tint, cv2.LINE_AA, 3)
            elif kind == 1:
                cv2.circle(picture, (int(middle[0]), int(middle[1])), int(long * 0.6), tint, -1, cv2.LINE_AA)
            else:
                t = np.linspace(-1, 1, 24)
                wave = 0.25 * np.sin(t * 4) if kind == 3 else 0 * t
                way = np.stack([t, wave], 1) * long * 0.9
                sin, cos = np.sin(np.deg2rad(turned)), np.cos(np.deg2rad(turned))
                line = way @ np.array([[cos, sin], [-sin, cos]]) + middle
                cv2.polylines(
                    picture,
                    [np.round(line * 8).astype(np.int32)],
                    False,
                    tint,
                    max(1, int(size * (0.012 if kind == 3 else 0.028))),
                    cv2.LINE_AA,
                    3,
                )

        shadow = _darker(tuple(int(c) for c in picture.mean((0, 1))), 0.45)  # type: ignore[arg-type]
        put(size * 0.012, size * 0.014, shadow)
        if kind == 0:
            colour = (226, 222, 210) if rng.random() < 0.6 else colour
        put(0, 0, colour)
        if kind == 0:
            for row in range(-4, 5):
                sin, cos = np.sin(np.deg2rad(turned)), np.cos(np.deg2rad(turned))
                a = np.array([[-0.38, row * 0.13], [0.38 - 0.2 * (row % 3 == 0), row * 0.13]]) * long @ np.array(
                    [[cos, sin], [-sin, cos]]
                ) + (x, y)
                cv2.polylines(
                    picture,
                    [np.round(a * 8).astype(np.int32)],
                    False,
                    _darker(colour, 0.6),
                    max(1, size // 160),
                    cv2.LINE_AA,
                    3,
                )
        elif kind == 1:
            cv2.circle(picture, (int(x), int(y)), int(long * 0.44), _darker(colour, 0.86), -1, cv2.LINE_AA)
            cv2.circle(picture, (int(x), int(y)), int(long * 0.42), _darker(colour, 0.96), -1, cv2.LINE_AA)
        elif kind == 2:
            put(-size * 0.004, -size * 0.004, _darker(colour, 1.15), 3 - 1, (x, y), turned, long * 0.8)


@cache
def _vignette(size: int) -> Array:
    grid = np.linspace(-1, 1, size, dtype=np.float32)
    return grid[None, :] ** 2 + grid[:, None] ** 2


@cache
def _grain(size: int) -> Array:
    """Return a sheet of sensor noise of unit deviation, larger than a picture, to cut pieces from."""
    return np.random.default_rng((size, 18)).standard_normal((size * 2, size * 2, 3), np.float32)


def develop(light: Array, snapshot: bool, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return a picture as a camera would give it, uint8, from linear light: a good exposure, or a poor one."""
    if snapshot:
        size = light.shape[0]
        cast = np.array([rng.uniform(1.0, 1.22), rng.uniform(0.94, 1.08), rng.uniform(0.6, 0.84)], np.float32)
        gain = np.float32(rng.uniform(0.62, 1.1)) * (1 - np.float32(rng.uniform(0.12, 0.3)) * _vignette(size))
        light = light * cv2.merge([np.float32(c) * gain for c in cast])
        y, x = rng.integers(size, size=2)
        light += _grain(size)[y : y + size, x : x + size] * cv2.sqrt(
            np.maximum(light, 0) * np.float32(0.0004) + np.float32(1e-5)
        )
        light += np.float32(rng.uniform(0.0, 0.012))
    else:
        np.minimum(
            light, np.float32(0.45) * light + np.float32(0.517), out=light
        )  # highlights from 0.94 on are held back
    return cv2.convertScaleAbs(cv2.pow(np.maximum(light, 0), 1 / 2.2), alpha=255)
