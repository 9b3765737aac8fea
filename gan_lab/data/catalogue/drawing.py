"""The catalogue's pictures by number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from gan_lab.data.catalogue import rooms, scenes
from gan_lab.data.catalogue.canvas import Canvas, Pose
from gan_lab.data.catalogue.kinds.book import book
from gan_lab.data.catalogue.kinds.bottle import bottle
from gan_lab.data.catalogue.kinds.chair import chair
from gan_lab.data.catalogue.kinds.handbag import handbag
from gan_lab.data.catalogue.kinds.headphones import headphones
from gan_lab.data.catalogue.kinds.jar import jar
from gan_lab.data.catalogue.kinds.lamp import lamp
from gan_lab.data.catalogue.kinds.mug import mug
from gan_lab.data.catalogue.kinds.plant import plant
from gan_lab.data.catalogue.kinds.sneaker import sneaker
from gan_lab.data.catalogue.kinds.t_shirt import t_shirt
from gan_lab.data.catalogue.kinds.watch import watch
from gan_lab.data.catalogue.light import VARIANTS, Domain, light


@dataclass(frozen=True)
class _Goods:
    paint: Callable[[Canvas, np.random.Generator], None]
    unit: float  # as a share of the picture
    tall: float  # the usual height in units; 0: it lies on the ground and is seen from above
    floor: bool = False  # stands on the floor, not on a table


_GOODS: dict[str, _Goods] = {
    "mug": _Goods(mug, 0.84, 0.76),
    "bottle": _Goods(bottle, 0.82, 0.98),
    "jar": _Goods(jar, 0.88, 0.66),
    "plant": _Goods(plant, 0.82, 0.84),
    "lamp": _Goods(lamp, 0.84, 0.98),
    "t-shirt": _Goods(t_shirt, 0.84, 0),
    "sneaker": _Goods(sneaker, 0.88, 0.5),
    "handbag": _Goods(handbag, 0.84, 0.88),
    "chair": _Goods(chair, 0.84, 0.9, floor=True),
    "watch": _Goods(watch, 0.9, 0),
    "book": _Goods(book, 0.84, 0.92),
    "headphones": _Goods(headphones, 0.86, 0),
}
KINDS: tuple[str, ...] = tuple(_GOODS)
VIEWS = 2
SMALLEST = 16  # side of a picture, in pixels


def product_of(index: int) -> int:
    """Return the number of the product in a picture: consecutive pictures are the views of one product."""
    return index // VIEWS


def kind_of(index: int) -> int:
    """Return the position in `KINDS` of the product in a picture."""
    return product_of(index) % len(KINDS)


def _pose(index: int, goods: _Goods) -> Pose:
    rng = np.random.default_rng((index, 2))
    tall = goods.tall
    scale = goods.unit * rng.uniform(0.88, 1.04)
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
        ValueError: an unknown domain, a negative index, or a size below `SMALLEST`.
    """
    if domain not in ("studio", "snapshot") or index < 0 or size < SMALLEST:
        raise ValueError(
            f"draw(index={index!r}, domain={domain!r}, size={size!r}): 'studio' or 'snapshot', index >= 0, "
            f"size >= {SMALLEST}"
        )
    goods, hard = _GOODS[KINDS[kind_of(index)]], domain == "snapshot"
    lying = goods.tall == 0
    rng = np.random.default_rng((index, 3, hard))
    canvas = Canvas(2 * size, light(domain, int(rng.integers(VARIANTS))), _pose(index, goods))
    goods.paint(canvas, np.random.default_rng((product_of(index), 1)))
    if hard:
        horizon = max(0.08, canvas.origin[1] / canvas.size - rng.uniform(0.22, 0.4))
        ground = rooms.snapshot(size, rng, horizon, lying, goods.floor)
    else:
        ground = scenes.studio(size, rng)
    front = cv2.resize(canvas.colour, (size, size), interpolation=cv2.INTER_AREA)
    cover = cv2.resize(canvas.alpha, (size, size), interpolation=cv2.INTER_AREA)
    rest = scenes.shadows(canvas, cover, lying, hard) * (1 - cover)
    picture = ground * cv2.merge((rest, rest, rest)) + front
    return scenes.develop(picture, hard, rng)
