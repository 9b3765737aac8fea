"""Faults that the fidelity guard must catch, made on good photos: a hue, a logo, a text, a texture, a pattern.

Each fault takes a good photo uint8 [H, W, 3] and a generator, and gives (what the product is, what a bad repair makes of
it). What the guard is shown as `before` is the first of the two, degraded in any way.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from gan_lab.imaging.light import to_levels
from gan_lab.metrics.colour import difference_2000

Pixels = NDArray[np.uint8]
Fault = Callable[[Pixels, np.random.Generator], tuple[Pixels, Pixels]]

HUE = 6.0  # CIEDE2000
SHIFT = 3.0  # pixels
WARP, WARP_WIDTH = 2.0, 4.0  # pixels: how far letters are bent, and over what length
CONTRAST = 12.0  # levels, root mean square, of textures and patterns
BRANDS = ("LOUISE", "NORDIC", "SPORT 84", "ATELIER", "Rivera", "Original", "MAISON")


def hue(photo: Pixels, rng: np.random.Generator) -> tuple[Pixels, Pixels]:
    """Turn the hue in an ellipse by `HUE`; where there is next to no chroma, tint it."""
    inside = ellipse(photo, rng, 0.12)
    lab = as_lab(photo)
    sure = inside[..., 0] > 0.9
    way, sign = rng.uniform(0, 2 * math.pi), rng.choice([-1, 1])
    coloured = np.hypot(lab[sure, 1], lab[sure, 2]).mean() > 12

    def turned(amount: float) -> Pixels:
        to = lab.copy()
        if coloured:
            cos, sin = math.cos(sign * amount), math.sin(sign * amount)
            to[..., 1], to[..., 2] = cos * lab[..., 1] - sin * lab[..., 2], sin * lab[..., 1] + cos * lab[..., 2]
        else:
            to[..., 1:] += 20 * amount * np.array([math.cos(way), math.sin(way)], np.float32)
        return to_levels(cv2.cvtColor(to, cv2.COLOR_LAB2RGB) * 255)

    low, high = 0.0, 2.0
    for _ in range(14):
        amount = (low + high) / 2
        reached = difference_2000(*(torch.from_numpy(x[sure]).double() for x in (lab, as_lab(turned(amount))))).mean()
        low, high = (amount, high) if reached < HUE else (low, amount)
    return photo, mixed(photo, turned(low), inside)


def moved_logo(photo: Pixels, rng: np.random.Generator) -> tuple[Pixels, Pixels]:
    """Print a word, and print it `SHIFT` pixels away."""
    ink, colour = word(photo, rng)
    return painted(photo, ink, colour), painted(photo, shifted(ink, rng), colour)


def mangled_text(photo: Pixels, rng: np.random.Generator) -> tuple[Pixels, Pixels]:
    """Print a word, and print it bent as generators bend letters."""
    ink, colour = word(photo, rng)
    return painted(photo, ink, colour), painted(photo, bent(ink, rng), colour)


def other_letters(photo: Pixels, rng: np.random.Generator) -> tuple[Pixels, Pixels]:
    """Print a word, and print it with half of its letters replaced."""
    place = rng.integers(1 << 30)
    ink, colour = word(photo, np.random.default_rng(place))
    other, _ = word(photo, np.random.default_rng(place), spoil=rng)
    return painted(photo, ink, colour), painted(photo, other, colour)


def moved_part(photo: Pixels, rng: np.random.Generator) -> tuple[Pixels, Pixels]:
    """Move the part of the photo that has the most structure by `SHIFT` pixels."""
    height, width = photo.shape[:2]
    grey = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY).astype(np.float32)
    energy = cv2.GaussianBlur((grey - cv2.GaussianBlur(grey, (0, 0), 4)) ** 2, (0, 0), 0.05 * min(height, width))
    inner = np.zeros_like(energy)
    rim = round(0.15 * min(height, width))
    inner[rim:-rim, rim:-rim] = energy[rim:-rim, rim:-rim]
    y, x = np.unravel_index(inner.argmax(), inner.shape)
    inside = ellipse(photo, rng, 0.1, (float(x), float(y)))
    return photo, mixed(photo, shifted(photo, rng), inside)


def invented_texture(photo: Pixels, rng: np.random.Generator) -> tuple[Pixels, Pixels]:
    """Lay a weave or a grain over a part of the product."""
    return photo, to_levels(photo + ellipse(photo, rng, 0.15) * weave(photo, rng))


def smeared_pattern(photo: Pixels, rng: np.random.Generator) -> tuple[Pixels, Pixels]:
    """Give a part of the product a woven pattern, and smear it out."""
    plain, patterned = invented_texture(photo, rng)
    return patterned, plain


FAULTS: dict[str, Fault] = {
    "local hue": hue,
    "moved logo": moved_logo,
    "mangled text": mangled_text,
    "other letters": other_letters,
    "moved part": moved_part,
    "invented texture": invented_texture,
    "smeared pattern": smeared_pattern,
}


def ellipse(
    photo: Pixels, rng: np.random.Generator, size: float, centre: tuple[float, float] | None = None
) -> NDArray[np.float32]:
    """Return a soft-edged ellipse near the middle, [H, W, 1] in [0, 1]; its half axes are a share of the sides."""
    height, width = photo.shape[:2]
    x, y = centre or (rng.uniform(0.3, 0.7) * width, rng.uniform(0.3, 0.7) * height)
    rows, columns = np.mgrid[:height, :width]
    inside = ((columns - x) / (size * width)) ** 2 + ((rows - y) / (size * height)) ** 2 < 1
    return cv2.GaussianBlur(inside.astype(np.float32), (0, 0), 2)[..., None]


def word(
    photo: Pixels, rng: np.random.Generator, spoil: np.random.Generator | None = None
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Return a brand's ink, [H, W, 1] in [0, 1], and a colour that stands out where it is; `spoil` changes letters."""
    height, width = photo.shape[:2]
    scale = rng.uniform(0.45, 0.8) * min(height, width) / 256
    letters = list(rng.choice(BRANDS))
    x, y = int(rng.uniform(0.25, 0.4) * width), int(rng.uniform(0.4, 0.7) * height)
    if spoil is not None:
        for place in spoil.choice(len(letters), len(letters) // 2, replace=False):
            letters[place] = spoil.choice([letter for letter in "XKWBQZE" if letter != letters[place]])
    ink = np.zeros((height, width), np.uint8)
    thickness = max(1, round(2 * scale * rng.uniform(0.7, 1.3)))
    cv2.putText(ink, "".join(letters), (x, y), cv2.FONT_HERSHEY_SIMPLEX, scale, 255, thickness, cv2.LINE_AA)
    letter = round(24 * scale)
    around = np.median(photo[y - letter : y, x : x + 4 * letter], axis=(0, 1))
    towards = 255.0 if around.mean() < 128 else 0.0
    colour = around + np.sign(towards - around.mean()) * rng.uniform(50, 110)
    return ink.astype(np.float32)[..., None] / 255, np.clip(colour, 0, 255)


def painted(photo: Pixels, ink: NDArray[np.float32], colour: NDArray[np.float64]) -> Pixels:
    return to_levels(photo + ink * (colour - photo))


def mixed(photo: Pixels, other: Pixels, share: NDArray[np.float32]) -> Pixels:
    return to_levels(photo + share * (other.astype(np.float32) - photo))


def shifted(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    angle = rng.uniform(0, 2 * math.pi)
    move = np.array([[1, 0, SHIFT * math.cos(angle)], [0, 1, SHIFT * math.sin(angle)]], np.float32)
    size = image.shape[1::-1]
    return cv2.warpAffine(image, move, size, borderMode=cv2.BORDER_REFLECT).reshape(image.shape)


def bent(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    height, width = image.shape[:2]
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    for grid in (rows, columns):
        field = cv2.GaussianBlur(rng.standard_normal((height, width)).astype(np.float32), (0, 0), WARP_WIDTH)
        grid += WARP * field / field.std()
    return cv2.remap(image, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT).reshape(image.shape)


def weave(photo: Pixels, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return stripes, a check or a grain with a period of 4 to 9 pixels: [H, W, 1] in levels around 0."""
    height, width = photo.shape[:2]
    period, angle = rng.uniform(4, 9), rng.uniform(0, math.pi)
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    along = (columns * math.cos(angle) + rows * math.sin(angle)) * 2 * math.pi / period
    across = (rows * math.cos(angle) - columns * math.sin(angle)) * 2 * math.pi / period
    grain = rng.standard_normal((height, width)).astype(np.float32)
    grain = cv2.GaussianBlur(grain, (0, 0), 1.2) - cv2.GaussianBlur(grain, (0, 0), 2.5)
    pattern = (np.sin(along), np.sin(along) + np.sin(across), grain)[rng.integers(3)]
    return (CONTRAST * pattern / pattern.std())[..., None]


def as_lab(photo: Pixels) -> NDArray[np.float32]:
    return cv2.cvtColor(photo.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
