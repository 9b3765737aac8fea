"""The fixed protocol of the enhancement figures: held-out product photos, degraded by seeds that hang on their place.

A photo is reduced to a shorter side of 288, so that its own JPEG blocks and noise are not taken for the truth, and its
middle 256x256 are cut out. Each task degrades it in one way, drawn from the CRC-32 of "<place in the list>/<task>".
"""

from __future__ import annotations

import glob
import io
import os
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from gan_lab.imaging.light import to_levels

Pixels = NDArray[np.uint8]

REDUCED, SIDE = 288, 256
HOLE_COLOUR = (255, 0, 255)


@dataclass(frozen=True)
class Degraded:
    """What a method is given: pixels uint8 [h, w, 3], where they are missing (uint8 [h, w], 255) and how much to enlarge."""

    pixels: Pixels
    mask: Pixels | None = None
    scale: int = 1


@dataclass(frozen=True)
class Truth:
    """An original: uint8 [256, 256, 3], and its place in the full list of photos, on which all its seeds hang."""

    pixels: Pixels
    place: int


def find_photos(folder: Path) -> list[tuple[int, Path]]:
    """Return the .jpg files below a folder with their places, sorted by the text of their path."""
    pattern = os.path.join(glob.escape(str(folder)), "**", "*.jpg")
    return list(enumerate(map(Path, sorted(glob.glob(pattern, recursive=True)))))


def read_truth(place: int, path: Path) -> Truth:
    """Return the original of a photo, reduced and cropped."""
    with Image.open(path) as file:
        picture = ImageOps.exif_transpose(file).convert("RGB")
    factor = REDUCED / min(picture.size)
    size = (round(picture.width * factor), round(picture.height * factor))
    reduced = picture.resize(size, Image.Resampling.LANCZOS)
    return Truth(np.asarray(ImageOps.fit(reduced, (SIDE, SIDE), Image.Resampling.LANCZOS)), place)


def degrade(truth: Truth, task: str) -> Degraded:
    """Return a photo as the task has it; always the same for the same photo at the same place."""
    seed = zlib.crc32(f"{truth.place:03d}.png/{task}/v1".encode())
    return TASKS[task](truth.pixels, np.random.default_rng(seed))


def _noise(pixels: Pixels, rng: np.random.Generator) -> Degraded:
    return Degraded(to_levels(pixels + rng.normal(0, 25, pixels.shape)))


def _jpeg(pixels: Pixels, rng: np.random.Generator) -> Degraded:
    return Degraded(_through_jpeg(pixels, 20))


def _dark(pixels: Pixels, rng: np.random.Generator) -> Degraded:
    """Under-expose by two to three stops; shot and read noise in linear light, before the 8 bits."""
    light = _light(pixels) * rng.uniform(0.12, 0.25)
    light = light + rng.normal(0, 1, light.shape) * np.sqrt(light * 0.0008 + 1e-5)
    return Degraded(to_levels(_encoded(light) * 255))


def _cast(pixels: Pixels, rng: np.random.Generator) -> Degraded:
    """Balance white wrongly by up to 30 % a channel, half a stop under."""
    light = _light(pixels) * rng.uniform(0.7, 1.3, 3)
    return Degraded(to_levels(_encoded(light * rng.uniform(0.6, 0.9)) * 255))


def _holes(pixels: Pixels, rng: np.random.Generator) -> Degraded:
    """Paint six scratches and three blots over it; the mask is where they were drawn."""
    height, width, _ = pixels.shape
    drawn = Image.new("L", (width, height))
    pen = ImageDraw.Draw(drawn)
    for _ in range(6):
        ends = rng.uniform(0, width, 4).tolist()
        pen.line(ends, fill=255, width=int(rng.uniform(2, 6)))
    for _ in range(3):
        x, y = rng.uniform(20, width - 20, 2)
        radius = rng.uniform(6, 16)
        pen.ellipse([x - radius, y - radius, x + radius, y + radius], fill=255)
    mask = np.array(drawn)
    damaged = pixels.copy()
    damaged[mask > 0] = HOLE_COLOUR
    return Degraded(damaged, mask=mask)


def _mixed(pixels: Pixels, rng: np.random.Generator) -> Degraded:
    """Take the photo as it comes: blur, lost resolution, exposure, cast, noise and JPEG, one after the other."""
    height, width, _ = pixels.shape
    picture = Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.2)))
    share = rng.uniform(0.5, 1)
    small = picture.resize((int(width * share), int(height * share)), Image.Resampling.BILINEAR)
    soft = np.asarray(small.resize((width, height), Image.Resampling.BICUBIC))
    values = _encoded(_light(soft) * rng.uniform(0.45, 1) * rng.uniform(0.85, 1.15, 3)) * 255
    noisy = to_levels(values + rng.normal(0, rng.uniform(3, 14), values.shape))
    return Degraded(_through_jpeg(noisy, int(rng.uniform(35, 85))))


def _reduced_by(scale: int) -> Callable[[Pixels, np.random.Generator], Degraded]:
    def reduce(pixels: Pixels, rng: np.random.Generator) -> Degraded:
        size = (pixels.shape[1] // scale, pixels.shape[0] // scale)
        return Degraded(np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC)), scale=scale)

    return reduce


def _clean(pixels: Pixels, rng: np.random.Generator) -> Degraded:
    return Degraded(pixels)


TASKS: dict[str, Callable[[Pixels, np.random.Generator], Degraded]] = {
    "noise25": _noise,
    "jpeg20": _jpeg,
    "dark": _dark,
    "cast": _cast,
    "holes": _holes,
    "mixed": _mixed,
    "sr2": _reduced_by(2),
    "sr4": _reduced_by(4),
    "clean": _clean,
}


def _through_jpeg(pixels: Pixels, quality: int) -> Pixels:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer).convert("RGB"))


def _light(pixels: Pixels) -> NDArray[np.float64]:
    """Return the linear light in full precision: the tables of `gan_lab.imaging.light` would change a level here and there."""
    values = pixels / 255.0
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def _encoded(light: NDArray[np.float64]) -> NDArray[np.float64]:
    light = np.clip(light, 0, 1)
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
