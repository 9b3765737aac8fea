"""Round goods: mug, bottle, jar, plant in a pot, lamp."""

from __future__ import annotations

import cv2
import numpy as np

from gan_lab.data.catalogue import prints
from gan_lab.data.catalogue.canvas import (
    BRUSHED,
    CLOTH,
    GLOSSY,
    MATT,
    POLISHED,
    SATIN,
    Canvas,
    Colour,
    Material,
    linear,
)
from gan_lab.data.catalogue.surfaces import Array, Patch, Points, curve, opening, polygon, revolve, rounded, stroke

Tints = tuple[tuple[int, int, int], ...]
CERAMIC: Tints = (
    (238, 234, 226),
    (34, 52, 88),
    (178, 62, 48),
    (92, 128, 112),
    (214, 164, 62),
    (46, 46, 50),
    (196, 132, 128),
    (120, 150, 182),
    (226, 216, 196),
)
PLASTIC: Tints = (
    (240, 240, 238),
    (30, 30, 34),
    (86, 150, 164),
    (222, 120, 96),
    (238, 206, 96),
    (150, 120, 170),
    (120, 160, 110),
)
METALS: Tints = ((226, 226, 228), (232, 200, 130), (222, 168, 140), (120, 122, 128))


def pick(rng: np.random.Generator, colours: Tints) -> Colour:
    """Return one of the colours, a little off, as linear light."""
    near = np.array(colours[rng.integers(len(colours))]) * rng.uniform(0.92, 1.05) + rng.uniform(-6, 6, 3)
    red, green, blue = np.clip(near, 4, 250)
    return linear(red, green, blue)


def turn(canvas: Canvas, profile: Points, soft: float = 0.012) -> Patch:
    """Return a surface of revolution standing at the product's base point."""
    return revolve(profile, canvas.origin, canvas.unit, canvas.pose.pitch, soft)


def mouth(canvas: Canvas, radius: float, height: float, depth: float) -> tuple[Patch, Array]:
    """Return the inside of the product's round mouth and the light that reaches it."""
    return opening(radius, height, depth, canvas.origin, canvas.unit, canvas.pose.pitch)


def bands(canvas: Canvas, patch: Patch, edges: list[float], colours: list[Colour]) -> Array:
    """Return colours [h, w, 3] that change at the given heights, from the bottom up."""
    assert patch.v is not None
    paint = np.empty((*patch.v.shape, 3), np.float32)
    paint[:] = colours[0]
    for edge, colour in zip(edges, colours[1:], strict=True):
        over = np.clip((patch.v - np.float32(edge)) * np.float32(canvas.unit / 2) + 0.5, 0, 1)[..., None]
        paint += (np.array(colour, np.float32) - paint) * over
    return paint


def wrap(
    canvas: Canvas, patch: Patch, low: float, high: float, turned: float, span: float, picture: Array
) -> tuple[Patch, Array]:
    """Return the part of a surface of revolution that a printed picture covers, and its colours [h, w, 3].

    Args:
        low, high: heights of the print's edges, in product units.
        turned: the angle of the print's middle, 0 looks at the viewer.
        span: the angle that the print takes in.
    """
    assert patch.u is not None and patch.v is not None
    rows = np.flatnonzero(((patch.v > low) & (patch.v < high) & (patch.alpha > 0.4)).any(1))
    cut = slice(int(rows[0]), int(rows[-1]) + 1) if len(rows) else slice(0, 0)
    u, v = patch.u[cut], patch.v[cut]
    x = (np.arcsin(u) - np.float32(turned)) / np.float32(span) + np.float32(0.5)
    y = (np.float32(high) - v) / np.float32(high - low)
    height, width = picture.shape[:2]
    colours = cv2.remap(picture, x * (width - 1), y * (height - 1), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    sharp_x, sharp_y = np.float32(canvas.unit * 0.2 * span), np.float32(canvas.unit * (high - low))
    inside = np.clip(np.minimum(x, 1 - x) * sharp_x, 0, 1) * np.clip(np.minimum(y, 1 - y) * sharp_y, 0, 1)
    part = Patch(patch.x, patch.y + cut.start, patch.alpha[cut] * inside, patch.nx[cut], patch.ny[cut], u, v)
    return part, colours


def mug(canvas: Canvas, rng: np.random.Generator) -> None:
    """Paint a mug with a handle, perhaps with coffee in it."""
    colour, other = pick(rng, CERAMIC), pick(rng, CERAMIC)
    height, radius, belly = rng.uniform(0.62, 0.88), rng.uniform(0.27, 0.35), rng.uniform(-0.03, 0.05)
    taper, thick = rng.uniform(0.7, 1.0), rng.uniform(0.07, 0.1)
    finish, decor = (GLOSSY, GLOSSY, SATIN)[rng.integers(3)], rng.integers(5)
    full, inner = rng.random() < 0.45, colour if rng.random() < 0.6 else linear(238, 234, 226)
    reach = rng.uniform(0.16, 0.22) * float(np.cos(canvas.pose.yaw))
    lift = -canvas.pose.pitch * 0.3 * float(np.sin(canvas.pose.yaw))
    handle = curve(
        [
            (radius * 0.85, height * 0.82 + lift),
            (radius + reach * 0.8, height * 0.8 + lift),
            (radius + reach, height * 0.5 + lift),
            (radius + reach * 0.55, height * 0.24 + lift),
            (radius * 0.8, height * 0.2 + lift),
        ]
    )
    grip = stroke(thick * canvas.unit, canvas.place(handle))
    canvas.paint(rounded(grip, thick * 0.5 * canvas.unit), colour if decor != 2 else other, finish)
    profile = curve(
        [
            (radius * taper * 0.96, 0),
            (radius * taper + belly, height * 0.2),
            (radius + belly, height * 0.55),
            (radius, height * 0.86),
            (radius, height),
        ]
    )
    profile = np.concatenate([profile, [(radius * 0.92, height)]])
    body = turn(canvas, profile)
    wall = turn(canvas, [(radius * taper * 0.9, -0.012), (radius * taper * 0.9, 0.01)], 0.003)
    canvas.paint(wall, linear(190, 176, 156), MATT)
    if decor == 1:
        edge = height * rng.uniform(0.3, 0.6)
        canvas.paint(body, bands(canvas, body, [edge], [other, colour]), finish)
    elif decor == 2:
        at = height * rng.uniform(0.55, 0.7)
        canvas.paint(
            body,
            bands(canvas, body, [at, at + 0.05, at + 0.08, at + 0.1], [colour, other, colour, other, colour]),
            finish,
        )
    else:
        canvas.paint(body, colour, finish)
    if decor == 3:
        picture, coverage = prints.emblem(rng)
        part, colours = wrap(
            canvas,
            body,
            height * 0.22,
            height * 0.78,
            -0.25 * canvas.pose.side + canvas.pose.yaw * 0.4,
            height * 0.6 / radius,
            np.dstack([picture, coverage]),
        )
        part.alpha = part.alpha * colours[..., 3]
        canvas.paint(part, np.ascontiguousarray(colours[..., :3]), finish)
    inside, light = mouth(canvas, radius * 0.93, height * 0.998, height * (0.2 if full else 0.85))
    assert inside.v is not None
    content = np.array(linear(52, 26, 12) if full else inner, np.float32)
    canvas.paint(
        inside,
        np.array(inner, np.float32) + (content - np.array(inner, np.float32)) * inside.v[..., None],
        finish,
        shade=light,
    )


def _glass(canvas: Canvas, body: Patch, tint: Colour, dense: float) -> None:
    """Paint a clear shell: tinted more where the wall is seen edge-on, with full highlights."""
    edge = np.sqrt(np.clip(body.nx**2 + np.minimum(body.ny, 0) ** 2, 0, 1))
    canvas.paint(body, tint, Material(1.5, 0), opacity=np.clip(dense + 0.75 * edge**4, 0, 0.95).astype(np.float32))


def bottle(canvas: Canvas, rng: np.random.Generator) -> None:
    """Paint a bottle: glass with something in it, a plastic one for the bath, or a steel flask."""
    style = rng.integers(3)
    r, tall = rng.uniform(0.16, 0.21), rng.uniform(0.95, 1.06)
    if style == 1:
        r, tall = rng.uniform(0.17, 0.23), rng.uniform(0.78, 0.95)
    shoulder, neck = tall * rng.uniform(0.55, 0.68), r * rng.uniform(0.3, 0.42)
    cap, colour = pick(rng, METALS if rng.random() < 0.5 else PLASTIC), pick(rng, PLASTIC)
    turned = canvas.pose.yaw * 0.45
    if style == 0:
        neck_at = tall * rng.uniform(0.72, 0.8)
        profile = np.concatenate(
            [
                [(r * 0.95, 0), (r, 0.02)],
                curve(
                    [(r, shoulder * 0.97), (r * 0.93, shoulder + 0.04), (neck * 1.15, neck_at), (neck, neck_at + 0.06)]
                ),
                [(neck, tall - 0.06)],
            ]
        )
        glass = ((40, 70, 44), (96, 54, 24), (200, 214, 214), (60, 96, 120))[rng.integers(4)]
        clear = sum(glass) > 500
        drink = pick(rng, ((226, 186, 70), (196, 90, 40), (150, 170, 60), (170, 40, 50)))
        body = turn(canvas, profile, 0.01)
        if clear:
            canvas.paint(
                turn(canvas, [(r * 0.9, 0.02), (r * 0.9, shoulder * 0.93)], 0.01), drink, SATIN, opacity=0.85, glow=0.25
            )
        _glass(canvas, body, linear(*glass), 0.12 if clear else 0.78)
        lid = turn(canvas, [(neck * 1.18, tall - 0.1), (neck * 1.18, tall), (0.002, tall)], 0.008)
        canvas.paint(lid, cap, BRUSHED if rng.random() < 0.5 else SATIN)
    elif style == 1:
        body = turn(
            canvas,
            [
                (r * 0.9, 0),
                (r, 0.04),
                (r, shoulder),
                (r * 0.92, shoulder + 0.06),
                (neck * 1.3, shoulder + 0.1),
                (neck * 1.3, shoulder + 0.13),
            ],
            0.02,
        )
        canvas.paint(body, colour, (SATIN, GLOSSY)[rng.integers(2)])
        if rng.random() < 0.5:
            lid = [(neck * 1.7, shoulder + 0.11), (neck * 1.7, tall - 0.02), (0.002, tall - 0.02)]
            canvas.paint(turn(canvas, lid, 0.01), cap, SATIN)
        else:
            canvas.paint(
                turn(
                    canvas,
                    [(neck * 1.5, shoulder + 0.11), (neck * 1.5, shoulder + 0.18), (0.002, shoulder + 0.18)],
                    0.01,
                ),
                cap,
                SATIN,
            )
            canvas.paint(turn(canvas, [(0.02, shoulder + 0.18), (0.02, tall)], 0.002), cap, SATIN)
            spout = curve([(-0.05, tall), (0.05, tall + 0.005), (0.15, tall - 0.01), (0.16, tall - 0.04)])
            canvas.paint(rounded(stroke(0.05 * canvas.unit, canvas.place(spout)), 0.025 * canvas.unit), cap, SATIN)
    else:
        body = turn(
            canvas,
            [(r * 0.9, 0), (r, 0.03), (r, shoulder + 0.08), (r * 0.62, shoulder + 0.2), (r * 0.6, tall - 0.15)],
            0.03,
        )
        steel = rng.random() < 0.4
        canvas.paint(body, pick(rng, METALS) if steel else pick(rng, CERAMIC), BRUSHED if steel else SATIN)
        canvas.paint(
            turn(
                canvas,
                [
                    (r * 0.64, tall - 0.17),
                    (r * 0.64, tall - 0.15),
                    (r * 0.64, tall - 0.02),
                    (r * 0.5, tall),
                    (0.002, tall),
                ],
                0.01,
            ),
            cap,
            SATIN,
        )
    if style != 2 or rng.random() < 0.5:
        low = shoulder * rng.uniform(0.1, 0.2)
        picture = prints.label(rng, 200, 170)
        part, colours = wrap(
            canvas, body, low, shoulder * rng.uniform(0.8, 0.92), turned, rng.uniform(1.7, 2.6), picture
        )
        canvas.paint(part, colours, MATT)


def jar(canvas: Canvas, rng: np.random.Generator) -> None:
    """Paint a jar of cream, a glass of food with a lid, or a tin with a label all round."""
    style = rng.integers(3)
    r, tall = rng.uniform(0.3, 0.36), rng.uniform(0.62, 0.85)
    turned = canvas.pose.yaw * 0.5
    lid_colour = pick(rng, METALS + PLASTIC[:3] + ((176, 130, 82),))
    lid_finish = (BRUSHED, SATIN)[rng.integers(2)]
    if style == 0:
        tall = rng.uniform(0.42, 0.55)
        body = turn(canvas, [(r * 0.92, 0), (r, 0.03), (r, tall * 0.76)], 0.02)
        canvas.paint(body, pick(rng, CERAMIC), (SATIN, GLOSSY)[rng.integers(2)])
        lid = turn(canvas, [(r * 1.02, tall * 0.66), (r * 1.02, tall), (0.002, tall + 0.005)], 0.01)
        low, high, span = tall * 0.1, tall * 0.58, 2.2
    elif style == 1:
        content = pick(
            rng, ((150, 24, 30), (214, 140, 28), (96, 112, 40), (86, 40, 70), (228, 190, 120), (110, 62, 34))
        )
        canvas.paint(
            turn(canvas, [(r * 0.86, 0.02), (r * 0.93, 0.05), (r * 0.93, tall * 0.78), (0.01, tall * 0.78)], 0.02),
            content,
            SATIN,
            glow=0.15,
        )
        body = turn(
            canvas, [(r * 0.9, 0), (r, 0.05), (r, tall * 0.78), (r * 0.84, tall * 0.86), (r * 0.84, tall * 0.92)], 0.02
        )
        _glass(canvas, body, linear(206, 216, 212), 0.06)
        lid = turn(canvas, [(r * 0.93, tall * 0.86), (r * 0.93, tall), (0.002, tall + 0.004)], 0.008)
        low, high, span = tall * 0.2, tall * 0.66, rng.uniform(1.6, 2.4)
    else:
        body = turn(canvas, [(r, 0), (r, tall)], 0.006)
        canvas.paint(body, linear(200, 200, 204), BRUSHED)
        lid = turn(
            canvas,
            [
                (r * 1.01, tall * 0.975),
                (r * 1.01, tall),
                (r * 0.95, tall),
                (r * 0.94, tall - 0.012),
                (0.002, tall - 0.012),
            ],
            0.004,
        )
        lid_colour, lid_finish = linear(214, 214, 218), BRUSHED
        low, high, span = tall * 0.05, tall * 0.95, 3.6
    canvas.paint(lid, lid_colour, lid_finish)
    picture = prints.label(rng, 260, int(260 * (high - low) / (span * r)))
    part, colours = wrap(canvas, body, low, high, turned, span, picture)
    canvas.paint(part, colours, SATIN if style == 2 else MATT)


def _leaf(
    canvas: Canvas,
    root: tuple[float, float],
    tip: tuple[float, float],
    wide: float,
    bend: float,
    colour: Colour,
    shade: float,
) -> None:
    """Paint one leaf in two halves that meet at the vein, each facing its own way."""
    a, b = np.array(root), np.array(tip)
    along = b - a
    across = np.array([-along[1], along[0]])
    length = max(1e-6, float(np.hypot(*along)))
    across = across / length
    middle = a + along * 0.5 + across * bend
    spine = curve([a, middle, b], 7)
    t = np.linspace(0, 1, len(spine))
    width = (wide * np.sin(np.pi * t**0.8) ** 0.8)[:, None] * across
    for side, bright in ((1, shade), (-1, shade * 0.84)):
        edge = np.concatenate([spine, (spine + side * width)[::-1]])
        patch = rounded(polygon(canvas.place(edge)), wide * canvas.unit * 0.8, 0.6)
        patch.tilt(0.35 * side * across[0] * canvas.pose.side, 0.25 * side * across[1] + 0.2)
        canvas.paint(patch, colour, Material(0.7, 1), shade=bright)


def plant(canvas: Canvas, rng: np.random.Generator) -> None:
    """Paint a plant in a pot: upright blades, round leaves on stalks, or a cactus."""
    style = rng.integers(3)
    r, tall = rng.uniform(0.2, 0.26), rng.uniform(0.32, 0.42)
    foot, colour = r * rng.uniform(0.62, 0.95), pick(rng, (*CERAMIC, (186, 104, 70), (178, 96, 62), (150, 150, 146)))
    finish = (MATT, MATT, GLOSSY)[rng.integers(3)]
    body = turn(
        canvas, [(foot, 0), (r * 0.97, tall * 0.8), (r * 1.06, tall * 0.8), (r * 1.06, tall), (r * 0.96, tall)], 0.008
    )
    if rng.random() < 0.3:
        canvas.paint(body, bands(canvas, body, [tall * 0.4], [pick(rng, CERAMIC), colour]), finish)
    else:
        canvas.paint(body, colour, finish)
    inside, light = mouth(canvas, r * 0.97, tall, 0.05)
    assert inside.v is not None
    soil = np.array(linear(62, 44, 32), np.float32)
    canvas.paint(
        inside,
        np.array(colour, np.float32) + (soil - np.array(colour, np.float32)) * inside.v[..., None],
        MATT,
        shade=light,
    )
    green = pick(rng, ((70, 118, 62), (52, 96, 66), (104, 140, 70), (88, 124, 98)))
    base = tall - 0.03
    if style == 0:
        for k in range(11):
            x, lean = rng.uniform(-0.6, 0.6) * r, rng.uniform(-0.2, 0.2)
            depth = 1 - k / 11
            root = (x, base + (depth - 0.5) * 0.08)
            _leaf(
                canvas,
                root,
                (x + lean + x * 0.7, base + rng.uniform(0.36, 0.66)),
                rng.uniform(0.035, 0.05),
                rng.uniform(-0.05, 0.05),
                green,
                1.05 - 0.45 * depth,
            )
    elif style == 1:
        for k in range(13):
            angle = rng.uniform(-1.35, 1.35) if k < 9 else rng.uniform(-0.6, 0.6)
            reach = rng.uniform(0.26, 0.5)
            end = (0.95 * reach * np.sin(angle), base + 0.05 + reach * np.cos(angle) * 0.95)
            stalk = canvas.place(
                curve([(rng.uniform(-0.05, 0.05), base), (end[0] * 0.35, base + (end[1] - base) * 0.6), end], 5)
            )
            canvas.paint(
                rounded(stroke(0.014 * canvas.unit, stalk), 0.007 * canvas.unit),
                (green[0] * 0.8, green[1] * 0.8, green[2] * 0.6),
                MATT,
            )
            droop = angle + rng.uniform(-0.5, 0.5) + np.sign(angle) * 0.5
            size = rng.uniform(0.17, 0.25)
            tip = (end[0] + size * np.sin(droop), end[1] + size * np.cos(droop))
            _leaf(canvas, end, tip, size * rng.uniform(0.34, 0.46), 0.0, green, 0.72 + 0.03 * k)
    else:
        top = base + rng.uniform(0.3, 0.5)
        wide = r * rng.uniform(0.55, 0.75)
        ball = turn(
            canvas,
            curve(
                [
                    (wide * 0.6, base),
                    (wide, base + (top - base) * 0.45),
                    (wide * 0.72, base + (top - base) * 0.86),
                    (0.01, top),
                ]
            ),
        )
        assert ball.u is not None
        ribs = np.sin(np.arcsin(ball.u) * 11)
        ball.nx = np.clip(ball.nx + 0.35 * np.cos(np.arcsin(ball.u) * 11) * np.sqrt(1 - ball.u**2), -1, 1).astype(
            np.float32
        )
        canvas.paint(ball, green, MATT, shade=(0.82 + 0.2 * ribs).astype(np.float32))


def lamp(canvas: Canvas, rng: np.random.Generator) -> None:
    """Paint a table lamp: a china body or a metal stick under a cloth shade, or a glass mushroom."""
    style = rng.integers(3)
    foot, top = rng.uniform(0.15, 0.2), rng.uniform(0.95, 1.05)
    metal, colour, cloth = (
        pick(rng, METALS),
        pick(rng, CERAMIC),
        pick(rng, ((242, 234, 214), (226, 214, 190), (60, 66, 78), (196, 96, 74), (150, 170, 160))),
    )
    lit = rng.random() < 0.6
    glow = 0.5 if lit else 0.08
    if style == 2:
        canvas.paint(
            turn(canvas, [(foot * 1.1, 0), (foot * 1.05, 0.05), (0.07, 0.1), (0.055, 0.5)], 0.03), colour, GLOSSY
        )
        r = rng.uniform(0.3, 0.38)
        dome = turn(
            canvas,
            np.concatenate([[(r * 0.9, 0.52)], curve([(r, 0.56), (r * 0.92, 0.72), (r * 0.6, 0.84), (0.01, 0.89)])]),
            0.012,
        )
        canvas.paint(dome, linear(248, 238, 220) if lit else colour, GLOSSY, glow=0.45 if lit else 0.0)
        return
    wide, narrow, low = rng.uniform(0.3, 0.37), rng.uniform(0.17, 0.3), top - rng.uniform(0.36, 0.44)
    if style == 0:
        belly = rng.uniform(0.13, 0.19)
        canvas.paint(turn(canvas, [(foot * 0.8, 0), (foot * 0.8, 0.025), (0.002, 0.03)], 0.006), metal, BRUSHED)
        canvas.paint(
            turn(canvas, curve([(foot * 0.5, 0.03), (belly, 0.2), (belly * 0.7, 0.38), (0.03, 0.5), (0.03, low)])),
            colour,
            GLOSSY,
        )
    else:
        canvas.paint(
            turn(canvas, [(foot, 0), (foot, 0.03), (0.02, 0.045), (0.016, 0.06), (0.016, low + 0.1)], 0.006),
            metal,
            POLISHED,
        )
    shade = turn(canvas, [(wide, low), (narrow, top)], 0.003)
    assert shade.u is not None and shade.v is not None
    weave = 1 + 0.03 * np.sin(np.arcsin(shade.u) * 130) + 0.03 * np.sin(shade.v * 400)
    warm = np.clip(1 - np.abs(shade.v - (low + top) / 2) / (top - low), 0.4, 1)
    canvas.paint(
        shade,
        np.ones((*weave.shape, 1), np.float32) * np.array(cloth, np.float32),
        CLOTH,
        glow=glow,
        shade=(weave * warm ** (0.6 if lit else 0.1)).astype(np.float32),
    )
    inside, light = mouth(canvas, narrow * 0.97, top, top - low)
    canvas.paint(inside, cloth, MATT, glow=0.8 if lit else 0.2, shade=light)
    canvas.paint(turn(canvas, [(0.02, top - 0.02), (0.02, top + 0.03), (0.002, top + 0.03)], 0.008), metal, POLISHED)
