"""The catalogue's pictures by number."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from gan_lab.data.catalogue import goods, scenes, vessels, wear
from gan_lab.data.catalogue.canvas import Canvas, Pose
from gan_lab.data.catalogue.light import VARIANTS, Domain, light

Painter = Callable[[Canvas, np.random.Generator], None]

# name -> (painter, whether it lies on the ground and is seen from above, the unit's share of the picture, usual height in units)
_GOODS: dict[str, tuple[Painter, bool, float, float]] = {
    "mug": (vessels.mug, False, 0.84, 0.76),
    "bottle": (vessels.bottle, False, 0.82, 0.98),
    "jar": (vessels.jar, False, 0.88, 0.66),
    "plant": (vessels.plant, False, 0.82, 0.84),
    "lamp": (vessels.lamp, False, 0.84, 0.98),
    "t-shirt": (wear.t_shirt, True, 0.84, 0),
    "sneaker": (wear.sneaker, False, 0.88, 0.5),
    "handbag": (wear.handbag, False, 0.84, 0.88),
    "chair": (goods.chair, False, 0.84, 0.9),
    "watch": (goods.watch, True, 0.9, 0),
    "book": (goods.book, False, 0.84, 0.92),
    "headphones": (wear.headphones, True, 0.86, 0),
}
KINDS: tuple[str, ...] = tuple(_GOODS)
VIEWS = 2


def product_of(index: int) -> int:
    """Return the number of the product in a picture: consecutive pictures are the views of one product."""
    return index // VIEWS


def kind_of(index: int) -> int:
    """Return the position in `KINDS` of the product in a picture."""
    return product_of(index) % len(KINDS)


def _pose(index: int, unit: float, tall: float) -> Pose:
    rng = np.random.default_rng((index, 2))
    scale = unit * rng.uniform(0.88, 1.04)
    return Pose(
        x=0.5 + rng.uniform(-0.035, 0.035),
        y=0.5 + scale * tall * 0.5 + (rng.uniform(-0.01, 0.03) if tall else 0.0),
        unit=scale,
        yaw=rng.uniform(0.25, 0.7) * (1 if rng.random() < 0.5 else -1),
        pitch=rng.uniform(0.2, 0.42) if tall else 0.0,
        roll=rng.uniform(-0.15, 0.15) if not tall else 0.0,
        side=1 if rng.random() < 0.5 else -1,
    )


def draw(index: int, domain: Domain, size: int = 256) -> NDArray[np.uint8]:
    """Draw a product photo; the same index in the other domain shows the same product in the same pose.

    Args:
        index: which picture, from 0 without end; the bytes depend on nothing but the arguments.
        domain: "studio" (white ground, soft even light) or "snapshot" (cluttered ground, poor light, noise).
        size: the side in pixels.

    Returns:
        uint8 [size, size, 3], RGB.

    Raises:
        ValueError: an unknown domain, a negative index, or a size below 16.
    """
    if domain not in ("studio", "snapshot") or index < 0 or size < 16:
        raise ValueError(
            f"draw(index={index!r}, domain={domain!r}, size={size!r}): 'studio' or 'snapshot', index >= 0, size >= 16"
        )
    hard = domain == "snapshot"
    paint, lying, unit, tall = _GOODS[KINDS[kind_of(index)]]
    rng = np.random.default_rng((index, 3, hard))
    canvas = Canvas(2 * size, light(domain, int(rng.integers(VARIANTS))), _pose(index, unit, tall))
    paint(canvas, np.random.default_rng((product_of(index), 1)))
    horizon = max(0.08, canvas.origin[1] / canvas.size - rng.uniform(0.22, 0.4))
    ground = (
        scenes.snapshot(size, rng, horizon, lying, floor=paint is goods.chair) if hard else scenes.studio(size, rng)
    )
    front = cv2.resize(canvas.colour, (size, size), interpolation=cv2.INTER_AREA)
    cover = cv2.resize(canvas.alpha, (size, size), interpolation=cv2.INTER_AREA)
    rest = scenes.shadows(canvas, cover, lying, hard) * (1 - cover)
    picture = ground * cv2.merge((rest, rest, rest)) + front
    return scenes.develop(picture, hard, rng)
