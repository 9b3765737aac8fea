"""Goods with flat faces or a face: chair, watch, book."""

from __future__ import annotations

import cv2
import numpy as np

from gan_lab.data.catalogue import prints, textures
from gan_lab.data.catalogue.canvas import (
    BRUSHED,
    CLOTH,
    LEATHER,
    MATT,
    POLISHED,
    SATIN,
    Canvas,
    Colour,
    Material,
    linear,
)
from gan_lab.data.catalogue.surfaces import Array, Mask, curve, flat, polygon, rounded, stroke
from gan_lab.data.catalogue.vessels import METALS, pick
from gan_lab.data.catalogue.wear import DYES, HIDES, line, roughen, stitches

Corner = tuple[float, float, float]


def face(
    canvas: Canvas,
    corners: list[Corner],
    normal: Corner,
    colour: Colour | Array,
    material: Material,
    shade: float = 1.0,
    edge: float = 0.0,
) -> None:
    """Paint a plane face if it looks at the viewer.

    Args:
        corners: the face's outline, for a picture from its upper left clockwise.
        normal: its direction, product axes.
        colour: linear, or a picture [h, w, 3] that is spread over the four corners.
        edge: how far the border is rounded off, in product units.
    """
    nx, ny, nz = canvas.facing(*normal)
    if nz <= 0.01:
        return
    points = canvas.project(corners)
    placed = polygon(points)
    patch = rounded(placed, max(1.0, edge * canvas.unit), 0.3) if edge else flat(placed)
    patch.tilt(nx, ny)
    if isinstance(colour, np.ndarray):
        height, width = colour.shape[:2]
        source = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
        view = cv2.getPerspectiveTransform(source, (points - (patch.x, patch.y)).astype(np.float32))
        colour = cv2.warpPerspective(
            colour, view, patch.alpha.shape[::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
    canvas.paint(patch, colour, material, shade=shade)


def box(
    canvas: Canvas,
    low: Corner,
    high: Corner,
    colour: Colour | Array,
    material: Material,
    edge: float = 0.0,
    shade: float = 1.0,
    taper: float = 0.0,
) -> None:
    """Paint the three visible faces of a box between two corners; `taper` narrows its foot."""
    (x0, y0, z0), (x1, y1, z1) = low, high
    t = taper
    a, b, c, d = (x0 + t, y0, z0 + t), (x1 - t, y0, z0 + t), (x1 - t, y0, z1 - t), (x0 + t, y0, z1 - t)
    e, f, g, h = (x0, y1, z0), (x1, y1, z0), (x1, y1, z1), (x0, y1, z1)
    for corners, normal, light in (
        ([e, h, d, a], (-1, 0, 0), 0.86),
        ([g, f, b, c], (1, 0, 0), 0.86),
        ([h, g, c, d], (0, 0, 1), 0.96),
        ([e, f, g, h], (0, 1, 0), 1.0),
    ):
        face(canvas, corners, normal, colour, material, shade * light, edge)  # type: ignore[arg-type]


def chair(canvas: Canvas, rng: np.random.Generator) -> None:
    """Paint a chair: wood with slats or a panel and perhaps a cushion, or an upholstered armchair."""
    style, board = rng.integers(3), textures.boards()[rng.integers(4)]
    cloth = pick(rng, (*DYES[1:], *HIDES[:3], (196, 186, 168)))
    wide, seat, deep, tall = (
        rng.uniform(0.24, 0.28),
        rng.uniform(0.4, 0.46),
        rng.uniform(0.23, 0.26),
        rng.uniform(0.9, 1.02),
    )
    start = int(rng.integers(200))
    wood = np.ascontiguousarray(board[start : start + 200, :400])
    upright = np.ascontiguousarray(np.rot90(wood))
    tone: Colour = tuple(float(c) for c in wood.mean((0, 1)))  # type: ignore[assignment]
    slats, leg = int(rng.integers(3, 6)), rng.uniform(0.03, 0.042)
    cushion = rng.random() < 0.6
    if style == 2:
        _armchair(canvas, cloth, tone, tall * 0.84, leather=rng.random() < 0.4)
        return
    front = float(np.cos(canvas.pose.yaw)) > 0
    assert front
    for x in (-wide, wide - leg):
        box(canvas, (x, 0, -deep), (x + leg, tall, -deep + leg), upright, SATIN, taper=0.004, shade=0.9)
    for k in range(2):
        y = seat * (0.35 + 0.3 * k)
        box(
            canvas,
            (-wide + leg, y, -deep + 0.006),
            (wide - leg, y + 0.022, -deep + leg - 0.006),
            wood,
            SATIN,
            shade=0.6,
        )
    if style == 0:
        for k in range(slats):
            y = seat + 0.13 + (tall - seat - 0.13) * k / slats
            box(
                canvas,
                (-wide + leg * 0.6, y, -deep + 0.008),
                (wide - leg * 0.6, y + (tall - seat - 0.15) / slats * 0.6, -deep + leg - 0.01),
                wood,
                SATIN,
                0.006,
            )
    else:
        box(
            canvas,
            (-wide + leg * 0.4, seat + 0.2, -deep + 0.005),
            (wide - leg * 0.4, tall + 0.01, -deep + leg),
            wood if not cushion else cloth,
            SATIN if not cushion else CLOTH,
            0.012,
        )
    apron = seat - 0.075
    for x in (-wide, wide - leg):
        box(
            canvas,
            (x + 0.004, apron, -deep + leg),
            (x + leg - 0.004, seat - 0.02, deep - leg),
            upright,
            SATIN,
            shade=0.8,
        )
    for x in (-wide, wide - leg) if canvas.pose.yaw < 0 else (wide - leg, -wide):
        box(canvas, (x, 0, deep - leg), (x + leg, seat - 0.02, deep), upright, SATIN, taper=0.006)
    box(
        canvas,
        (-wide + leg, apron, deep - leg + 0.004),
        (wide - leg, seat - 0.02, deep - 0.004),
        wood,
        SATIN,
        shade=0.78,
    )
    out = 0.014
    box(canvas, (-wide - out, seat - 0.03, -deep + leg * 0.4), (wide + out, seat, deep + out), wood, SATIN, 0.006)
    if cushion:
        box(
            canvas,
            (-wide + 0.012, seat, -deep + leg + 0.01),
            (wide - 0.012, seat + 0.04, deep - 0.006),
            cloth,
            CLOTH,
            0.022,
        )


def _armchair(canvas: Canvas, cloth: Colour, wood: Colour, tall: float, leather: bool) -> None:
    wide, deep, seat, arm, foot = 0.4, 0.3, 0.34, 0.11, 0.1
    material = LEATHER if leather else CLOTH
    for x in (-wide + 0.04, wide - 0.08):
        for z in (-deep + 0.03, deep - 0.07):
            box(canvas, (x, 0, z), (x + 0.04, foot + 0.02, z + 0.04), wood, SATIN, taper=0.008)
    box(canvas, (-wide + arm * 0.5, foot, -deep), (wide - arm * 0.5, tall, -deep + 0.15), cloth, material, 0.05)
    box(
        canvas,
        (-wide + arm * 0.6, foot, -deep + 0.13),
        (wide - arm * 0.6, seat - 0.1, deep - 0.015),
        cloth,
        material,
        0.02,
        0.9,
    )
    far, near = (
        ((-wide, -wide + arm), (wide - arm, wide))
        if canvas.pose.yaw < 0
        else ((wide - arm, wide), (-wide, -wide + arm))
    )
    box(canvas, (far[0], foot, -deep + 0.02), (far[1], seat + 0.17, deep), cloth, material, 0.035, 0.95)
    box(
        canvas,
        (-wide + arm, seat - 0.1, -deep + 0.14),
        (wide - arm, seat + 0.03, deep + 0.012),
        cloth,
        material,
        0.04,
        1.05,
    )
    box(canvas, (near[0], foot, -deep + 0.02), (near[1], seat + 0.17, deep), cloth, material, 0.035)


def watch(canvas: Canvas, rng: np.random.Generator) -> None:
    """Paint a wristwatch laid flat: strap of leather, cloth or steel, case, dial and hands."""
    metal, dial = (
        pick(rng, METALS),
        pick(rng, ((244, 244, 242), (26, 28, 34), (30, 52, 92), (40, 80, 66), (226, 214, 190))),
    )
    strap, hide = rng.integers(3), pick(rng, HIDES)
    r, wide = rng.uniform(0.2, 0.24), rng.uniform(0.095, 0.115)
    square, sub = rng.random() < 0.25, rng.random() < 0.4
    hour, minute = rng.uniform(0, 2 * np.pi), rng.uniform(0, 2 * np.pi)
    dots = rng.random() < 0.3
    thread = tuple(min(1.0, c * 1.6 + 0.1) for c in hide)
    for s in (-1, 1):
        end = s * 0.52
        if strap == 2:
            for x0, x1, finish in ((0.4, 1.0, BRUSHED), (-0.37, 0.37, POLISHED)):
                links = []
                for k in range(9):
                    y, w = s * (r * 0.8 + 0.038 * k), wide * (1.02 - 0.025 * k)
                    for m in (-1, 1) if x0 > 0 else (1,):
                        links.append(
                            np.array(
                                [
                                    (m * w * x0, y),
                                    (m * w * x1, y),
                                    (m * w * x1, y + s * 0.034),
                                    (m * w * x0, y + s * 0.034),
                                ]
                            )
                        )
                canvas.paint(rounded(polygon(*map(canvas.place, links)), 0.014 * canvas.unit, 0.25), metal, finish)
            continue
        side = curve(
            [
                (wide, s * r * 0.7),
                (wide * 0.95, s * 0.32),
                (wide * 0.84, end * 0.95),
                (wide * 0.4, end),
                (-wide * 0.4, end),
                (-wide * 0.84, end * 0.95),
                (-wide * 0.95, s * 0.32),
                (-wide, s * r * 0.7),
            ],
            6,
        )
        patch = rounded(polygon(canvas.place(side)), 0.035 * canvas.unit, 0.2)
        patch.tilt(0.0, 0.25 * s)
        roughen(patch, textures.grain(), canvas.grid(patch), 1.2 if strap == 0 else 3.0, 0.09)
        canvas.paint(patch, hide, LEATHER if strap == 0 else CLOTH)
        if strap == 0:
            for m in (-1, 1):
                stitches(
                    canvas,
                    np.array([(m * wide * 0.78, s * r * 1.1), (m * wide * 0.7, end * 0.93)]),
                    thread,
                    0.007,
                    0.022,
                )  # type: ignore[arg-type]
        if s < 0:
            holes = [np.array([(0, y), (0.002, y)]) for y in (-0.36, -0.395, -0.43, -0.465)]
            canvas.paint(flat(stroke(0.018 * canvas.unit, *map(canvas.place, holes))), linear(16, 14, 14), MATT)
        else:
            buckle = np.array([(-wide, 0.5), (-wide, 0.555), (wide, 0.555), (wide, 0.5)])
            line(canvas, buckle, 0.022, metal, POLISHED, 0.006)
    ring = np.stack([np.cos(np.arange(60) * np.pi / 30), np.sin(np.arange(60) * np.pi / 30)], 1)
    if square:
        ring = np.sign(ring) * np.abs(ring) ** 0.42 * (0.82, 0.95)

    def disc(radius: float) -> Mask:
        return polygon(canvas.place(ring * radius))

    for s in (-1, 1):
        for m in (-1, 1):
            line(canvas, [(m * wide * 1.08, s * r * 0.75), (m * wide * 1.08, s * r * 1.12)], 0.035, metal, POLISHED)
    line(canvas, [(r * (0.84 if square else 1.0), 0), (r * (0.84 if square else 1.0) + 0.03, 0)], 0.05, metal, BRUSHED)
    canvas.darken(disc(r), 0.02, 0.6)
    canvas.paint(rounded(disc(r), 0.03 * canvas.unit), metal, POLISHED)
    canvas.paint(rounded(disc(r * 0.93), 0.03 * canvas.unit, 0.5), metal, BRUSHED)
    canvas.paint(flat(disc(r * 0.83)), tuple(c * 0.4 for c in dial), MATT)  # type: ignore[arg-type]
    canvas.paint(rounded(disc(r * 0.81), 0.06 * canvas.unit, 0.75), dial, MATT)
    ink = linear(232, 230, 222) if sum(dial) < 1 else linear(30, 30, 34)
    hours = ring[::5] * r
    for quarter, long, width in ((True, 0.62, 0.022), (False, 0.68, 0.022 if dots else 0.012)):
        marks = [
            np.array([p * 0.74, p * (0.735 if dots else long)]) for k, p in enumerate(hours) if (k % 3 == 0) == quarter
        ]
        canvas.paint(rounded(stroke(width * canvas.unit, *map(canvas.place, marks)), 0.012 * canvas.unit), ink, SATIN)
    if sub:
        small = polygon(canvas.place(ring * r * 0.2 + (0, -r * 0.36)))
        canvas.paint(rounded(small, 0.02 * canvas.unit, 0.6), tuple(c * 0.8 for c in dial), MATT)  # type: ignore[arg-type]
        line(canvas, [(0, -r * 0.36), (r * 0.1, -r * 0.26)], 0.008, ink, SATIN)
    for angle, reach, width in ((hour, 0.42, 0.026), (minute, 0.66, 0.018)):
        way = np.array([np.sin(angle), np.cos(angle)]) * r
        line(canvas, np.array([way * -0.1, way * reach]), width, metal if sum(dial) < 1 else ink, SATIN, 0.006)
    line(canvas, np.array([[0, 0], [0.001, 0]]), 0.03, metal, POLISHED)
    glare = polygon(canvas.place(np.array([(-0.62, 0.28), (-0.2, 0.66), (0.1, 0.7), (-0.66, 0.0)]) * r))
    canvas.paint(flat(glare), (1.0, 1.0, 1.0), MATT, opacity=0.1)


def book(canvas: Canvas, rng: np.random.Generator) -> None:
    """Paint a bound book that stands a little turned, cover to the viewer."""
    picture, base = prints.cover(rng)
    wide, tall, thick = rng.uniform(0.3, 0.36), rng.uniform(0.85, 0.98), rng.uniform(0.06, 0.16)
    spine = np.full((256, 40, 3), 0, np.float32)
    spine[:] = linear(*base)
    spine[30:36], spine[210:216] = linear(236, 226, 200), linear(236, 226, 200)
    spine[80:170, 14:26] = linear(236, 226, 200)
    finish, jacket = (SATIN, MATT)[rng.integers(2)], 0.012
    rows = np.full((40, 200, 3), linear(238, 230, 212), np.float32)
    rows *= 0.8 + 0.2 * np.random.default_rng((int(thick * 1e6), 5)).random((40, 1, 1), np.float32)
    pages = np.ascontiguousarray(np.rot90(rows))
    z = thick / 2
    face(
        canvas,
        [(-wide, tall, -z), (wide, tall, -z), (wide, tall, -z - jacket), (-wide, tall, -z - jacket)],
        (0, 1, 0),
        linear(*base),
        finish,
    )
    inner = tall - 0.014
    face(
        canvas,
        [(-wide, inner, -z), (wide - 0.012, inner, -z), (wide - 0.012, inner, z), (-wide, inner, z)],
        (0, 1, 0),
        rows,
        MATT,
        0.9,
    )
    face(
        canvas,
        [(wide - 0.012, inner, z), (wide - 0.012, inner, -z), (wide - 0.012, 0.01, -z), (wide - 0.012, 0.01, z)],
        (1, 0, 0),
        pages,
        MATT,
        0.85,
    )
    face(
        canvas,
        [(wide, tall, -z), (wide, tall, -z - jacket), (wide, 0, -z - jacket), (wide, 0, -z)],
        (1, 0, 0),
        linear(*base),
        finish,
    )
    face(
        canvas,
        [(-wide, tall, -z - jacket), (-wide, tall, z + jacket), (-wide, 0, z + jacket), (-wide, 0, -z - jacket)],
        (-1, 0, 0),
        spine,
        finish,
        edge=0.01,
    )
    face(
        canvas,
        [(wide, tall, z + jacket), (wide, tall, z), (wide, 0, z), (wide, 0, z + jacket)],
        (1, 0, 0),
        linear(*base),
        finish,
    )
    face(
        canvas,
        [(-wide, tall, z + jacket), (wide, tall, z + jacket), (wide, tall, z), (-wide, tall, z)],
        (0, 1, 0),
        linear(*base),
        finish,
    )
    face(
        canvas,
        [(-wide, tall, z + jacket), (wide, tall, z + jacket), (wide, 0, z + jacket), (-wide, 0, z + jacket)],
        (0, 0, 1),
        picture,
        finish,
        edge=0.006,
    )
