"""Somebody's table, floor or wall behind a snapshot, with what stands and lies about."""

from __future__ import annotations

import cv2
import numpy as np

from gan_lab.data.catalogue import textures
from gan_lab.data.catalogue.surfaces import Array, soften

Shade = tuple[int, int, int]


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
    edge = int(horizon * size)
    if lying:
        angle, zoom = rng.uniform(0, 2 * np.pi), rng.uniform(0.75, 1.3) * size
        corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) @ _turn(angle) * zoom + size / 2
    else:
        wide, skew = rng.uniform(0.9, 1.4) * size, rng.uniform(-0.3, 0.3) * size
        low = size * 1.15 - edge
        corners = np.array([(skew - wide, 0), (skew + wide, 0), (2.4 * wide, low), (-2.4 * wide, low)])
        corners[:, 0] += size / 2
    side = ground.shape[0]
    whole = np.array([[0, 0], [side, 0], [side, side], [0, side]], np.float32)
    view = cv2.getPerspectiveTransform(whole, corners.astype(np.float32))
    # Only what lies below the horizon: near the vanishing line the picture would repeat without end.
    picture = cv2.warpPerspective(ground, view, (size, size if lying else size - edge), borderMode=cv2.BORDER_REFLECT)
    if lying:
        _litter(picture, rng)
        return textures.to_linear(cv2.blur(picture, (2, 2)))
    strip = picture[: size // 5]
    strip[:] = soften(strip, size / 130)
    picture = np.concatenate([_wall(size, edge, rng), picture])
    if not floor:
        for s in (-1, 1) if rng.random() < 0.6 else (1 if rng.random() < 0.5 else -1,):
            _bystander(picture, edge, s, rng)
    rim = picture[max(0, edge - 3) : edge + 3]
    rim[:] = cv2.blur(rim, (1, 3))
    return textures.to_linear(picture)


def _turn(angle: float) -> Array:
    """Return the matrix that turns row vectors by an angle in radians."""
    return np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])


def _draw_colour(rng: np.random.Generator) -> Shade:
    """Return the display colour of some household thing."""
    level, tone = rng.uniform(25, 205), rng.uniform(-1, 1, 3)
    red, green, blue = np.clip(level * (1 + 0.2 * (tone - tone.mean())) + (8, 0, -8), 8, 235).astype(int).tolist()
    return red, green, blue


def _darken(colour: Shade, share: float) -> Shade:
    return int(colour[0] * share), int(colour[1] * share), int(colour[2] * share)


def _wall(size: int, height: int, rng: np.random.Generator) -> Array:
    """Draw the far end of a room, out of focus, uint8 [height, size, 3]: a wall, a shelf, boxes and round things."""
    wide, tall = max(8, size // 2), max(4, height // 2)
    paint = rng.uniform(60, 185) * np.array([1, rng.uniform(0.9, 1), rng.uniform(0.75, 0.95)])
    wall = np.full((tall, wide, 3), paint, np.uint8)
    if rng.random() < 0.5:
        shelf = int(rng.uniform(0.2, 0.6) * tall)
        cv2.rectangle(wall, (0, shelf), (wide, shelf + max(2, tall // 14)), _draw_colour(rng), -1)
    for _ in range(rng.integers(4, 10)):
        colour = _draw_colour(rng)
        x, w = (rng.uniform((-0.1, 0.04), (1, 0.2)) * wide).astype(int).tolist()
        h = int(rng.uniform(0.2, 0.9) * tall)
        if rng.random() < 0.75:
            cv2.rectangle(wall, (x, tall - h), (x + w, tall), colour, -1)
            cv2.rectangle(wall, (x + w * 2 // 3, tall - h), (x + w, tall), _darken(colour, 0.7), -1)
        else:
            cv2.circle(wall, (x, tall - w // 2), w // 2 + 1, colour, -1)
    wall = soften(wall, wide * rng.uniform(0.014, 0.03))
    return cv2.resize(wall, (size, height), interpolation=cv2.INTER_LINEAR)


def _bystander(picture: Array, edge: int, side: int, rng: np.random.Generator) -> None:
    """Draw a jar or tin that stands on the table behind the product, a little out of focus."""
    size = picture.shape[0]
    colour, band = _draw_colour(rng), np.float32(rng.uniform(0.5, 1.5))
    w, h = int(size * rng.uniform(0.1, 0.22)), int(size * rng.uniform(0.14, 0.4))
    x = int(size * (0.5 + side * rng.uniform(0.28, 0.48))) - w // 2
    foot = min(size - 1, edge + int(size * rng.uniform(0.04, 0.14)))
    reach = size // 25
    left, right = max(0, x - w // 2 - reach), min(size, x + w + w // 2 + reach)
    top = max(0, foot - h - reach)
    part = picture[top : foot + reach, left:right]
    if part.shape[1] < 4:
        return
    middle = (x + w // 2 - left, foot - top)
    dark = np.full(part.shape[:2], 255, np.uint8)
    cv2.ellipse(dark, (middle[0] + w // 6, middle[1]), (w * 2 // 3, max(2, w // 6)), 0, 0, 360, 110, -1)
    part[:] = cv2.multiply(part, cv2.cvtColor(soften(dark, size / 50), cv2.COLOR_GRAY2BGR), scale=1 / 255)
    mask = np.zeros(part.shape[:2], np.uint8)
    cv2.rectangle(mask, (x - left, max(0, foot - h) - top), (x - left + w, middle[1]), 255, -1)
    cv2.ellipse(mask, middle, (w // 2, max(1, w // 9)), 0, 0, 360, 255, -1)
    cover = soften(mask, size / 90).astype(np.float32)[..., None] / 255
    across = np.linspace(-1.2, 1.2, part.shape[1], dtype=np.float32)
    round_light = np.clip(1.15 - 0.55 * (across - 0.35 * side) ** 2, 0.25, 1.2)
    body = np.repeat(round_light[None, :, None] * np.array(colour, np.float32), part.shape[0], 0)
    body[int(part.shape[0] * 0.35) : int(part.shape[0] * 0.7)] *= band
    part[:] = (part * (1 - cover) + np.clip(body, 0, 255) * cover).astype(np.uint8)


def _litter(picture: Array, rng: np.random.Generator) -> None:
    """Draw what lies about around a product seen from above: papers, plates, pens, cables."""
    size = picture.shape[0]
    start = rng.uniform(0, 2 * np.pi)
    red, green, blue = picture.mean((0, 1)).tolist()
    shadow = _darken((red, green, blue), 0.45)
    for k in range(int(rng.integers(2, 5))):
        angle = start + k * 1.7 + rng.uniform(-0.4, 0.4)
        middle = size * (0.5 + rng.uniform(0.46, 0.62) * np.array([np.cos(angle), np.sin(angle)]))
        draw = (_paper, _plate, _pen, _cable)[rng.integers(4)]
        colour, long, turned = _draw_colour(rng), size * rng.uniform(0.2, 0.34), _turn(rng.uniform(0, np.pi))
        draw(picture, middle + size * 0.013, turned, long, shadow, True)
        draw(picture, middle, turned, long, colour, False)


def _shape(picture: Array, points: Array, colour: Shade, width: float = 0.0) -> None:
    """Draw a filled outline, or with a width an open line, from points in pixels."""
    line = [np.round(points * 8).astype(np.int32)]
    if width:
        cv2.polylines(picture, line, False, colour, max(1, int(width)), cv2.LINE_AA, 3)
    else:
        cv2.fillPoly(picture, line, colour, cv2.LINE_AA, 3)


def _paper(picture: Array, middle: Array, turned: Array, long: float, colour: Shade, plain: bool) -> None:
    sheet = np.array([(-0.5, -0.67), (0.5, -0.67), (0.5, 0.67), (-0.5, 0.67)]) * long
    paper: Shade = colour if plain or sum(colour) % 5 < 2 else (226, 222, 210)
    _shape(picture, sheet @ turned + middle, paper)
    for row in () if plain else range(-4, 5):
        text = np.array([(-0.38, row * 0.13), (0.18 if row % 3 == 0 else 0.38, row * 0.13)]) * long
        _shape(picture, text @ turned + middle, _darken(paper, 0.6), picture.shape[0] / 160)


def _plate(picture: Array, middle: Array, turned: Array, long: float, colour: Shade, plain: bool) -> None:
    at = (int(middle[0]), int(middle[1]))
    for radius, light in ((0.6, 1.0), (0.44, 0.86), (0.42, 0.96))[: 1 if plain else 3]:
        cv2.circle(picture, at, int(long * radius), _darken(colour, light), -1, cv2.LINE_AA)


def _pen(picture: Array, middle: Array, turned: Array, long: float, colour: Shade, plain: bool) -> None:
    _shape(picture, np.array([(-0.9, 0), (0.9, 0)]) * long @ turned + middle, colour, picture.shape[0] * 0.028)
    if not plain:
        shine = np.array([(-0.8, 0), (0.8, 0)]) * long @ turned + middle - picture.shape[0] * 0.004
        _shape(picture, shine, _darken(colour, 1.2), picture.shape[0] * 0.01)


def _cable(picture: Array, middle: Array, turned: Array, long: float, colour: Shade, plain: bool) -> None:
    t = np.linspace(-1, 1, 24)
    wave = np.stack([t, 0.25 * np.sin(t * 4)], 1) * (long * 0.9)
    _shape(picture, wave @ turned + middle, colour, picture.shape[0] * 0.012)
