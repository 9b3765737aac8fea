"""Goods to wear and carry: T-shirt, sneaker, handbag, headphones."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

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
from gan_lab.data.catalogue.surfaces import Array, Mask, Patch, Points, curve, flat, polygon, rounded, stroke
from gan_lab.data.catalogue.vessels import METALS, Tints, pick

DYES: Tints = (
    (240, 240, 238),
    (44, 44, 49),
    (44, 60, 98),
    (150, 44, 48),
    (108, 124, 96),
    (196, 166, 122),
    (150, 176, 200),
    (226, 190, 70),
    (130, 130, 136),
    (222, 160, 158),
)
HIDES: Tints = (
    (120, 70, 38),
    (60, 40, 32),
    (28, 27, 29),
    (168, 108, 62),
    (140, 34, 38),
    (44, 62, 82),
    (210, 192, 164),
    (70, 86, 66),
)


def roughen(patch: Patch, slopes: Array, grid: tuple[Array, Array], zoom: float, depth: float) -> Patch:
    """Tilt a patch's normals by a map of slopes [n, n, 2] laid over the product, `zoom` repeats in a unit."""
    side = np.float32(slopes.shape[0] * zoom)
    bumps = cv2.remap(
        slopes,
        grid[0] * side,
        grid[1] * side,
        cv2.INTER_LINEAR if zoom < 1 else cv2.INTER_NEAREST,
        borderMode=cv2.BORDER_WRAP,
    )
    return patch.tilt(bumps[..., 0] * np.float32(depth), bumps[..., 1] * np.float32(depth))


def line(canvas: Canvas, points: Points, width: float, colour: Colour, material: Material, lift: float = 0.0) -> None:
    """Paint a round cord along product points; with `lift` it throws a shadow on what is below."""
    placed = stroke(width * canvas.unit, canvas.place(points))
    if lift:
        canvas.darken(placed, lift, 0.5, 0, -lift * 0.6)
    canvas.paint(rounded(placed, max(1.0, width * canvas.unit * 0.5)), colour, material)


def stitches(
    canvas: Canvas, points: NDArray[np.floating], colour: Colour, width: float = 0.008, every: float = 0.022
) -> None:
    """Paint a seam of single stitches along product points."""
    along = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    ends = np.arange(0, along[-1] - every * 0.5, every)
    at = [
        np.stack([np.interp(ends + d, along, points[:, 0]), np.interp(ends + d, along, points[:, 1])], 1)
        for d in (0, every * 0.6)
    ]
    pairs = np.stack([canvas.place(at[0]), canvas.place(at[1])], 1)
    canvas.paint(flat(stroke(width * canvas.unit, *pairs), 0, 0.2), colour, MATT)


def t_shirt(canvas: Canvas, rng: np.random.Generator) -> None:
    """Paint a T-shirt laid flat: plain, striped, or with a print on the chest."""
    colour, other = pick(rng, DYES), pick(rng, DYES)
    decor, slim, sleeve = rng.integers(4), rng.uniform(0.27, 0.32), rng.uniform(0.2, 0.27)
    folds = textures.folds()[rng.integers(6)]
    seed = int(rng.integers(1 << 30))
    stripe = rng.uniform(0.07, 0.12)
    neck = rng.uniform(0.1, 0.13)
    deep = rng.uniform(0.07, 0.14)

    def cloth(outline: NDArray[np.floating], edge: float) -> None:
        placed = polygon(canvas.place(outline))
        canvas.darken(placed, 0.012, 0.35)
        patch = rounded(placed, edge * canvas.unit, 0.35)
        grid = canvas.grid(patch)
        roughen(patch, folds, (grid[0] * canvas.pose.side + np.float32(0.5), 0.5 - grid[1]), 0.9, 0.15)
        paint: Colour | Array = colour
        if decor == 1:
            over = np.clip((np.abs((grid[1] / np.float32(stripe)) % 1 - 0.5) - 0.26) * 60, 0, 1)[..., None]
            paint = np.array(colour, np.float32) + (np.array(other, np.float32) - np.array(colour, np.float32)) * over
        canvas.paint(patch, paint, CLOTH)

    back = curve(
        [(-neck, 0.44), (0, 0.455), (neck, 0.44), (neck * 0.8, 0.36), (0, 0.46 - deep), (-neck * 0.8, 0.36)],
        closed=True,
    )
    canvas.paint(flat(polygon(canvas.place(back)), 0, -0.3), colour, CLOTH, shade=0.62)
    canvas.paint(
        flat(stroke(0.02 * canvas.unit, canvas.place([(-0.02, 0.415), (0.02, 0.415)]))), linear(230, 230, 226), MATT
    )
    for s in (-1, 1):
        arm = [
            (s * 0.2, 0.42),
            (s * (slim + 0.05), 0.35),
            (s * (slim + sleeve * 0.75), 0.16),
            (s * (slim + sleeve * 0.3), 0.06),
            (s * (slim - 0.03), 0.2),
        ]
        cloth(np.concatenate([curve(arm[:3], 5), np.array(arm[3:])]), 0.06)
        hem = np.array([arm[2], arm[3]]) + (np.array(arm[0]) - np.array(arm[2])) * 0.07
        stitches(canvas, hem, tuple(c * 0.6 for c in colour), 0.005, 0.014)  # type: ignore[arg-type]
    right = curve([(slim * 1.0, -0.47), (slim * 0.97, -0.2), (slim * 0.95, 0.05), (slim * 0.99, 0.2)], 6)
    shoulder = curve([(slim * 1.0, 0.22), (slim * 1.04, 0.36), (0.2, 0.43), (neck, 0.455)], 6)
    throat = curve(
        [
            (neck, 0.455),
            (neck * 0.72, 0.455 - deep * 0.7),
            (0, 0.455 - deep),
            (-neck * 0.72, 0.455 - deep * 0.7),
            (-neck, 0.455),
        ],
        6,
    )
    half = np.concatenate([right, shoulder])
    hem = curve([(-slim, -0.47), (0, -0.485), (slim, -0.47)], 6)
    cloth(np.concatenate([half, throat, (half * (-1, 1))[::-1], hem]), 0.1)
    line(
        canvas,
        throat[2:-2] * (0.985, 1) - (0, 0.006),
        0.03,
        other if decor == 3 else tuple(c * 0.93 for c in colour),
        CLOTH,
    )  # type: ignore[arg-type]
    stitches(canvas, hem + (0, 0.028), tuple(c * 0.6 for c in colour), 0.005, 0.014)  # type: ignore[arg-type]
    if decor >= 2:
        picture, coverage = prints.emblem(np.random.default_rng(seed))
        middle, reach = (canvas.place([(0, 0.12)])[0], 0.19)
        r = reach * canvas.unit
        box = np.array([[-r, -r], [r, -r], [r, r], [-r, r]]) + middle
        patch = flat(polygon(box))
        x, y = canvas.grid(patch)
        roughen(patch, folds, (x * canvas.pose.side + np.float32(0.5), 0.5 - y), 0.9, 0.1)
        side = picture.shape[0] / (2 * reach)
        at = ((x + np.float32(reach)) * np.float32(side), (np.float32(0.12 + reach) - y) * np.float32(side))
        patch.alpha = cv2.remap(coverage, *at, cv2.INTER_LINEAR) * 0.93
        canvas.paint(patch, cv2.remap(picture, *at, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), CLOTH)


def sneaker(canvas: Canvas, rng: np.random.Generator) -> None:
    """Paint a sneaker from the side: sole, upper, toe cap, laces and a stripe."""
    upper, other, trim = pick(rng, DYES), pick(rng, DYES), pick(rng, DYES)
    white, high = linear(238, 236, 228), rng.uniform(0.0, 0.1)
    sole_colour = white if rng.random() < 0.7 else (linear(196, 146, 92) if rng.random() < 0.5 else other)
    cap_colour = (upper, white, other)[rng.integers(3)]
    leather, style = rng.random() < 0.5, rng.integers(3)
    finish = LEATHER if leather else CLOTH
    thick = rng.uniform(0.075, 0.1)
    grain = textures.grain()
    inner = curve(
        [(-0.36, 0.42 + high), (-0.24, 0.45 + high), (-0.1, 0.43 + high * 0.8), (-0.12, 0.36), (-0.34, 0.36)],
        closed=True,
    )
    canvas.paint(rounded(polygon(canvas.place(inner)), 0.03 * canvas.unit), trim, CLOTH, shade=0.42)
    outline = curve(
        [
            (-0.485, 0.06),
            (-0.475, 0.2),
            (-0.46, 0.34 + high * 0.7),
            (-0.44, 0.44 + high),
            (-0.375, 0.445 + high),
            (-0.335, 0.37 + high),
            (-0.24, 0.34 + high * 0.9),
            (-0.12, 0.375 + high * 0.9),
            (-0.06, 0.42 + high * 0.8),
            (0.0, 0.375 + high * 0.5),
            (0.14, 0.28),
            (0.28, 0.232),
            (0.41, 0.21),
            (0.485, 0.14),
            (0.49, 0.06),
        ]
    )
    tongue = curve(
        [
            (-0.11, 0.38 + high),
            (-0.125, 0.45 + high),
            (-0.09, 0.485 + high),
            (-0.04, 0.47 + high * 0.9),
            (0.03, 0.37 + high * 0.4),
            (-0.04, 0.33),
        ],
        closed=True,
    )
    canvas.paint(rounded(polygon(canvas.place(tongue)), 0.03 * canvas.unit), upper, CLOTH, shade=0.9)
    placed = polygon(canvas.place(outline))
    canvas.darken(placed, 0.015, 0.4)
    body = rounded(placed, 0.11 * canvas.unit, 0.1)
    body.tilt(0.0, 0.12)
    grid = canvas.grid(body)
    roughen(body, grain, grid, 1.5 if leather else 3.0, 0.03 if leather else 0.08)
    canvas.paint(body, upper, finish)

    def overlay(points: Points, colour: Colour, edge: float = 0.016, closed: bool = True) -> None:
        shape = curve(points, 7, closed=closed)
        part_mask = polygon(canvas.place(shape))
        canvas.darken(part_mask, 0.008, 0.4)
        part = rounded(part_mask, edge * canvas.unit, 0.45)
        top, left = part.y - body.y, part.x - body.x
        y0, x0 = max(0, top), max(0, left)
        y1, x1 = (
            min(body.alpha.shape[0], top + part.alpha.shape[0]),
            min(body.alpha.shape[1], left + part.alpha.shape[1]),
        )
        there, here = (slice(y0, y1), slice(x0, x1)), (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))
        alpha = np.zeros_like(part.alpha)
        alpha[here] = part.alpha[here] * body.alpha[there]
        part.alpha = alpha
        right, up = np.zeros_like(alpha), np.zeros_like(alpha)
        right[here], up[here] = body.nx[there] * 0.8, body.ny[there] * 0.8
        part.tilt(right, up)
        canvas.paint(part, colour, LEATHER)

    overlay([(0.25, 0.02), (0.27, 0.14), (0.33, 0.25), (0.52, 0.22), (0.55, 0.02)], cap_colour)
    overlay([(-0.55, 0.02), (-0.56, 0.3), (-0.46, 0.3 + high), (-0.38, 0.26), (-0.33, 0.14), (-0.28, 0.02)], other)
    overlay(
        [
            (-0.1, 0.42 + high),
            (0.0, 0.43),
            (0.16, 0.28),
            (0.3, 0.235),
            (0.26, 0.18),
            (0.12, 0.2),
            (-0.02, 0.27),
            (-0.13, 0.34),
        ],
        cap_colour if style else upper,
    )
    if style == 0:
        overlay([(-0.3, 0.2), (-0.18, 0.11), (0.0, 0.14), (0.2, 0.24), (0.02, 0.185), (-0.16, 0.165)], trim, 0.02)
    elif style == 1:
        for k in range(3):
            x = -0.16 + 0.085 * k
            overlay([(x, 0.08), (x + 0.045, 0.08), (x + 0.12, 0.25), (x + 0.075, 0.27)], trim, 0.012)
    else:
        overlay([(-0.2, 0.12), (-0.03, 0.12), (0.02, 0.2), (-0.05, 0.26), (-0.18, 0.22)], trim, 0.02)
    line(
        canvas,
        curve(
            [
                (-0.445, 0.44 + high),
                (-0.37, 0.44 + high),
                (-0.33, 0.365 + high),
                (-0.24, 0.335 + high * 0.9),
                (-0.12, 0.375 + high * 0.9),
            ]
        ),
        0.035,
        trim,
        CLOTH,
        0.008,
    )
    lace = white if sum(upper) < 2 else trim
    for k in range(5):
        t = k / 4
        x, y = -0.075 + 0.26 * t, 0.43 + high * 0.7 - 0.185 * t - high * 0.6 * t
        line(
            canvas,
            curve([(x - 0.045, y - 0.07), (x - 0.01, y - 0.012), (x + 0.03, y + 0.012)], 4),
            0.028,
            lace,
            CLOTH,
            0.006,
        )
    base = curve([(-0.5, 0.02), (-0.508, thick), (-0.49, thick + 0.035)], 4)
    toe = curve([(0.4, thick + 0.012), (0.49, thick + 0.03), (0.515, thick), (0.5, 0.03), (0.44, 0.0)], 5)
    edge = np.concatenate(
        [base, curve([(-0.3, thick + 0.01), (0.0, thick - 0.012), (0.25, thick - 0.005)], 6), toe, [(-0.46, 0.0)]]
    )
    placed = polygon(canvas.place(edge))
    canvas.darken(placed, 0.014, 0.45)
    canvas.paint(rounded(placed, 0.035 * canvas.unit, 0.15), sole_colour, SATIN)
    seam = np.concatenate([curve([(-0.49, thick * 0.62), (0.0, thick * 0.52), (0.5, thick * 0.62)], 8)])
    canvas.paint(
        flat(stroke(0.008 * canvas.unit, canvas.place(seam))),
        tuple(c * 0.6 for c in (trim if style == 1 else sole_colour)),
        MATT,
    )  # type: ignore[arg-type]
    tread = np.array([(-0.495, 0.03), (-0.46, -0.002), (0.44, -0.002), (0.5, 0.03)])
    canvas.paint(flat(polygon(canvas.place(tread)), 0, -0.7), tuple(c * 0.62 for c in sole_colour), MATT)  # type: ignore[arg-type]
    stitches(
        canvas,
        curve([(-0.32, 0.14), (-0.37, 0.245), (-0.44, 0.285 + high * 0.8)], 8),
        tuple(min(1.0, c * 0.6 + 0.1) for c in other),
        0.005,
        0.014,
    )  # type: ignore[arg-type]


def handbag(canvas: Canvas, rng: np.random.Generator) -> None:
    """Paint a handbag: leather with a flap and a buckle, a tote, or a bag with a zip."""
    hide, metal, style = pick(rng, HIDES), pick(rng, ((226, 190, 110), (214, 214, 218))), rng.integers(3)
    low, top, tall = rng.uniform(0.37, 0.43), rng.uniform(0.29, 0.36), rng.uniform(0.5, 0.62)
    thread = tuple(min(1.0, c * 1.3 + 0.06) for c in hide)
    handle_colour = pick(rng, HIDES) if style == 1 else hide
    reach, arch = rng.uniform(0.13, 0.18), rng.uniform(0.26, 0.36)
    grain, zoom = textures.grain(), rng.uniform(1.0, 1.7)
    canvas_bag = style == 1 and rng.random() < 0.6
    cloth_colour = pick(rng, ((222, 208, 180), (236, 232, 222), (70, 84, 104))) if canvas_bag else hide
    seed = int(rng.integers(1 << 30))

    def handle(dx: float, dy: float, dark: float, lift: float) -> None:
        arc = curve(
            [
                (-reach + dx, tall - 0.06 + dy),
                (-reach * 0.96 + dx, tall + arch * 0.55 + dy),
                (dx, tall + arch + dy),
                (reach * 0.96 + dx, tall + arch * 0.55 + dy),
                (reach + dx, tall - 0.06 + dy),
            ],
            9,
        )
        line(canvas, arc, 0.045, tuple(c * dark for c in handle_colour), LEATHER, lift)  # type: ignore[arg-type]

    def panel(
        points: NDArray[np.floating],
        colour: Colour,
        edge: float,
        tilt: float = 0.0,
        shadow: float = 0.012,
        dark: float = 1.0,
    ) -> None:
        placed = polygon(canvas.place(points))
        canvas.darken(placed, shadow, 0.55, 0, -shadow * 0.5)
        patch = rounded(placed, edge * canvas.unit, 0.25)
        patch.tilt(tilt * canvas.pose.side, 0.0)
        roughen(patch, grain, canvas.grid(patch), zoom if not canvas_bag else 2.6, 0.06)
        canvas.paint(patch, colour, CLOTH if canvas_bag and colour is cloth_colour else LEATHER, shade=dark)

    depth = 0.09 + 0.07 * abs(float(np.sin(canvas.pose.yaw)))
    handle(depth * 0.5, 0.035, 0.55, 0.0)
    gusset = np.array(
        [
            (low - 0.04, 0.01),
            (low + depth, 0.055),
            (low + depth * 0.7, tall * 0.5),
            (top + depth, tall + 0.02),
            (top - 0.05, tall),
        ]
    )
    panel(gusset, cloth_colour, 0.03, 0.65, dark=0.7)
    rim = np.array(
        [(-top + 0.01, tall - 0.01), (-top + depth * 0.9, tall + 0.03), (top + depth, tall + 0.025), (top, tall - 0.01)]
    )
    canvas.paint(flat(polygon(canvas.place(rim)), 0, 0.5), tuple(c * 0.55 for c in hide), MATT)  # type: ignore[arg-type]
    front = np.concatenate(
        [
            curve([(-low + 0.03, 0.0), (0, -0.006), (low - 0.03, 0.0)], 5),
            curve([(low, 0.03), (low - 0.004, tall * 0.4), (top + 0.012, tall * 0.86), (top - 0.015, tall)], 6),
            curve([(0, tall - 0.012), (-top + 0.015, tall)], 4),
            curve([(-top - 0.012, tall * 0.86), (-low + 0.004, tall * 0.4), (-low, 0.03)], 6),
        ]
    )
    panel(front, cloth_colour, 0.07)
    if style == 0:
        flap_low = tall * rng.uniform(0.36, 0.5)
        flap = np.concatenate(
            [
                curve([(-top - 0.02, tall + 0.012), (0, tall + 0.02), (top + 0.02, tall + 0.012)], 6),
                curve(
                    [
                        (top + 0.028, tall * 0.78),
                        (top - 0.02, flap_low + 0.08),
                        (0, flap_low),
                        (-top + 0.02, flap_low + 0.08),
                        (-top - 0.028, tall * 0.78),
                    ],
                    8,
                ),
            ]
        )
        panel(flap, hide, 0.035, 0.0, 0.022)
        stitches(
            canvas,
            curve(
                [
                    (top + 0.0, tall * 0.8),
                    (top - 0.045, flap_low + 0.1),
                    (0, flap_low + 0.025),
                    (-top + 0.045, flap_low + 0.1),
                    (-top, tall * 0.8),
                ],
                8,
            ),
            thread,
        )  # type: ignore[arg-type]
        lock = np.array(
            [(-0.045, flap_low - 0.02), (0.045, flap_low - 0.02), (0.045, flap_low + 0.055), (-0.045, flap_low + 0.055)]
        )
        mask = polygon(canvas.place(lock))
        canvas.darken(mask, 0.01, 0.6, 0, -0.006)
        canvas.paint(rounded(mask, 0.018 * canvas.unit, 0.2), metal, POLISHED)
        line(canvas, [(-0.014, flap_low + 0.018), (0.014, flap_low + 0.018)], 0.016, metal, BRUSHED, 0.004)
    else:
        stitches(canvas, np.array([(-top + 0.03, tall - 0.03), (top - 0.03, tall - 0.03)]), thread)  # type: ignore[arg-type]
        if style == 1:
            if canvas_bag:
                foot = np.concatenate(
                    [front[front[:, 1] < tall * 0.2], [(low - 0.002, tall * 0.24), (-low + 0.002, tall * 0.24)]]
                )
                around = np.argsort(np.arctan2(foot[:, 0], foot[:, 1] - tall * 0.1))
                panel(foot[around], hide, 0.02)
            picture, coverage = prints.emblem(np.random.default_rng(seed))
            r = 0.13 * canvas.unit
            middle = canvas.place([(0, tall * 0.52)])[0]
            patch = flat(polygon(np.array([[-r, -r], [r, -r], [r, r], [-r, r]]) + middle))
            size = patch.alpha.shape[::-1]
            patch.alpha = patch.alpha * cv2.resize(coverage, size, interpolation=cv2.INTER_AREA) * 0.9
            canvas.paint(patch, cv2.resize(picture, size, interpolation=cv2.INTER_AREA), MATT)
        else:
            for s in (-1, 1):
                strap = np.array(
                    [
                        (s * reach - 0.032, 0.0),
                        (s * reach + 0.032, 0.0),
                        (s * reach + 0.032, tall),
                        (s * reach - 0.032, tall),
                    ]
                )
                panel(strap, hide, 0.02, 0.0, 0.008, 0.88)
            line(canvas, [(-top + 0.05, tall * 0.93), (top - 0.05, tall * 0.93)], 0.02, metal, BRUSHED, 0.006)
            tag = np.array(
                [
                    (top - 0.07, tall * 0.92),
                    (top - 0.04, tall * 0.92),
                    (top - 0.035, tall * 0.76),
                    (top - 0.075, tall * 0.76),
                ]
            )
            panel(tag, hide, 0.012)
    handle(0, 0, 1.0, 0.012)
    for s in (-1, 1):
        ring = canvas.place([(s * reach, tall - 0.055)])
        stud = polygon(
            ring
            + 0.024 * canvas.unit * np.stack([np.cos(np.arange(16) * np.pi / 8), np.sin(np.arange(16) * np.pi / 8)], 1)
        )
        canvas.darken(stud, 0.008, 0.5)
        canvas.paint(rounded(stud, 0.024 * canvas.unit), metal, POLISHED)


def headphones(canvas: Canvas, rng: np.random.Generator) -> None:
    """Paint headphones laid flat: headband, metal yokes, padded cups."""
    shell = pick(
        rng,
        ((28, 28, 30), (236, 234, 230), (190, 190, 196), (40, 58, 96), (150, 50, 50), (206, 178, 148), (90, 110, 96)),
    )
    pad = pick(rng, ((36, 34, 34), (96, 66, 46), (70, 70, 74), (206, 196, 180)))
    metal, finish = pick(rng, METALS), (SATIN, Material(1.0, 0), MATT)[rng.integers(3)]
    wide, tall, thick = rng.uniform(0.3, 0.35), rng.uniform(0.42, 0.48), rng.uniform(0.06, 0.085)
    plate_metal, spin = rng.random() < 0.5, rng.uniform(-0.2, 0.2)
    arc = curve(
        [
            (-wide - 0.01, -0.08),
            (-wide, 0.12),
            (-wide * 0.76, 0.33),
            (0, tall),
            (wide * 0.76, 0.33),
            (wide, 0.12),
            (wide + 0.01, -0.08),
        ],
        9,
    )
    line(canvas, arc, 0.022, metal, POLISHED)
    crown = arc[12:-12]
    line(canvas, crown * (0.93, 0.93), thick * 0.9, pad, LEATHER)
    line(canvas, crown, thick, shell, finish, 0.008)
    stitches(canvas, crown * (0.985, 0.985), tuple(min(1.0, c * 1.5 + 0.05) for c in shell), 0.005, 0.016)  # type: ignore[arg-type]
    turn = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    ring = np.stack([np.cos(turn), np.sin(turn)], 1)
    for s in (-1, 1):
        lean = s * (0.12 + spin)
        rot = np.array([[np.cos(lean), -np.sin(lean)], [np.sin(lean), np.cos(lean)]])

        def oval(x: float, y: float, a: float, b: float, s: int = s, rot: NDArray[np.floating] = rot) -> Mask:
            return polygon(canvas.place((ring * (a, b)) @ rot.T + (s * x, y)))

        cushion = oval(wide - 0.055, -0.2, 0.105, 0.2)
        canvas.darken(cushion, 0.02, 0.5)
        patch = rounded(cushion, 0.075 * canvas.unit, 0.05)
        canvas.paint(roughen(patch, textures.grain(), canvas.grid(patch), 1.0, 0.07), pad, LEATHER)
        cup = oval(wide + 0.035, -0.2, 0.115, 0.185)
        canvas.darken(cup, 0.016, 0.6)
        canvas.paint(rounded(cup, 0.08 * canvas.unit, 0.05), shell, finish)
        plate = oval(wide + 0.05, -0.2, 0.07, 0.125)
        canvas.darken(plate, 0.006, 0.5)
        canvas.paint(
            rounded(plate, 0.02 * canvas.unit, 0.4),
            metal if plate_metal else tuple(c * 0.8 for c in shell),
            BRUSHED if plate_metal else finish,
        )  # type: ignore[arg-type]
        fork = [
            (s * (wide + 0.005), 0.02),
            (s * (wide + 0.075), -0.02),
            (s * (wide + 0.12), -0.12),
            (s * (wide + 0.115), -0.2),
        ]
        line(canvas, curve(fork), 0.024, metal, POLISHED, 0.008)
        line(canvas, [(s * (wide + 0.004), 0.12), (s * (wide + 0.008), 0.0)], 0.05, shell, finish, 0.006)
