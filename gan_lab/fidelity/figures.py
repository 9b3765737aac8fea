"""The figures of the fidelity guard: what a repair did to a photo, in bounded time and memory."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from gan_lab.fidelity.colour_drift import CELL, as_lab, cells_of, colour_drift, jpeg_step, product_cells, sample_noise
from gan_lab.fidelity.light_fit import Floats, LightFit
from gan_lab.fidelity.structure_drift import DETAIL, EDGES, Change, Crop, changes

Pixels = NDArray[np.uint8] | NDArray[np.uint16]

#: Larger photos are measured on a copy reduced to it, and on as many pieces of `TILE` pixels at their own size.
SIDE = 1024
TILES, TILE = 8, 256
#: The part of a photo in which the blocks of its JPEG are looked for, in pixels.
BLOCKS = 1024
#: sRGB value, as a share of white, from which a place may become white.
NEARLY_WHITE = 0.97
LUMA = (0.299, 0.587, 0.114)


def measure_fidelity(
    before: Pixels,
    after: Pixels,
    foreground: NDArray[np.generic] | None = None,
    ignore: NDArray[np.generic] | None = None,
) -> dict[str, float]:
    """Return how far a repair altered a photo, once the best exposure, white balance and veil are taken out.

    Args:
        before: uint8 or uint16 [H, W, C], sRGB or grey.
        after: of the same type, and of the same size or a whole number of times as large.
        foreground: [H, W], true (not 0) on the product; None to find it on a plain ground, else the whole photo.
        ignore: [H, W], true (not 0) where the photo had holes that the repair filled.

    Returns:
        hue_drift, colour_drift: see `colour_drift.colour_drift`. edge_drift, detail_lost, detail_invented: the largest
        `structure_drift.Change` in any window. clipped_whites: the share of pixels with a channel at white that the light
        alone would not have put there. exposure_stops: the light that was taken out.

    Raises:
        ValueError: the two do not belong together.
    """
    scale = _check(before, after)
    height, width = before.shape[:2]
    shrink = min(1.0, SIDE / max(height, width))
    size = max(1, round(width * shrink)), max(1, round(height * shrink))
    first, second = (_floats(_resize(photo, size)) for photo in (before, after))
    weight = _weight(ignore, size)
    cells = cells_of(first, second, weight, jpeg_step(before[:BLOCKS, :BLOCKS]))
    fit = cells.fit()
    if foreground is None:
        product = product_cells(as_lab(fit(cells.before)))
    else:
        grid = cells.counted.shape
        product = _resize((foreground != 0).astype(np.float32)[..., None], grid[::-1])[..., 0] > 0.5
    hue, colour = colour_drift(cells, fit, product)
    luma = _Luma(fit, before.shape[2])
    whole = luma.crop(first, second, weight)
    detail, edges = changes([whole], (DETAIL, EDGES))
    if shrink < 1:
        tiles = [luma.crop(*part) for part in _tiles(before, after, ignore, scale, whole.before)]
        detail, edges = (
            Change(*map(max, pair)) for pair in zip((detail, edges), changes(tiles, (DETAIL, EDGES)), strict=True)
        )
    return {
        "hue_drift": hue,
        "colour_drift": colour,
        "edge_drift": max(edges),
        "detail_lost": detail.lost,
        "detail_invented": detail.invented,
        "clipped_whites": _measure_clipping(before, after, weight, fit, cells.before, scale),
        "exposure_stops": fit.stops,
    }


class _Luma:
    """Brings parts of two photos to luma in the light of the second."""

    steps = 1 << 14

    def __init__(self, fit: LightFit, channels: int) -> None:
        levels = np.repeat(np.linspace(0, 1, self.steps, dtype=np.float32)[:, None], channels, axis=1)
        self.weights = np.array(LUMA if channels == 3 else (1.0,), np.float32) * 255
        self.table = fit(levels) * self.weights

    def crop(self, before: Floats, after: Floats, weight: Floats) -> Crop:
        """Return both as luma in levels; what does not count is the same in both."""
        steps = (before * (self.steps - 1) + 0.5).astype(np.uint16)
        first = sum(self.table[:, channel][steps[..., channel]] for channel in range(steps.shape[2]))
        second = after @ self.weights
        return Crop(second + weight * (first - second), second)


def _tiles(
    before: Pixels, after: Pixels, ignore: NDArray[np.generic] | None, scale: int, luma: Floats
) -> Iterator[tuple[Floats, Floats, Floats]]:
    """Yield the pieces of a large photo that hold the most structure, at its own size.

    Args:
        before: the photo.
        after: the repair.
        ignore: see `measure_fidelity`.
        scale: of the repair.
        luma: of the reduced photo, which tells where the structure is.
    """
    height, width = before.shape[:2]
    rows, columns = max(1, height // TILE), max(1, width // TILE)
    activity = cv2.resize(EDGES.of(luma) ** 2, (columns, rows), interpolation=cv2.INTER_AREA).reshape(rows, columns)
    for index in np.argsort(-activity, axis=None, kind="stable")[:TILES]:
        row, column = divmod(int(index), columns)
        top, left = row * height // rows, column * width // columns
        part = before[top : top + TILE, left : left + TILE]
        size = part.shape[1], part.shape[0]
        repaired = after[top * scale : (top + size[1]) * scale, left * scale : (left + size[0]) * scale]
        hidden = None if ignore is None else ignore[top : top + TILE, left : left + TILE]
        yield _floats(part), _floats(_resize(repaired, size)), _weight(hidden, size)


def _measure_clipping(before: Pixels, after: Pixels, weight: Floats, fit: LightFit, means: Floats, scale: int) -> float:
    """Return the share of pixels with a channel at white that the light alone would have left below."""
    every = max(1, -(-max(before.shape[:2]) // SIDE))
    first, second = before[::every, ::every], after[:: every * scale, :: every * scale]
    white = np.iinfo(after.dtype).max
    became = (second == white) & (first < white)
    if not became.any():
        return 0.0
    places = became.any(axis=2)
    size = first.shape[1], first.shape[0]
    around = _resize(fit(means), size)[places]
    own = fit(np.linspace(0, 1, 256, dtype=np.float32)[:, None].repeat(first.shape[2], axis=1))
    steps = first if first.dtype == np.uint8 else (_floats(first) * 255 + 0.5).astype(np.uint8)
    green = first.shape[2] // 2
    noise = sample_noise(own[:, green][steps[..., green, None]])
    lit = np.take_along_axis(own, steps[places], axis=0)
    new = became[places] & (np.maximum(lit, around) < NEARLY_WHITE - 0.6 * noise)
    counted = _resize(weight[..., None], size)[..., 0] > 0.5
    return float((new.any(axis=1) & counted[places]).sum() / places.size)


def _weight(ignore: NDArray[np.generic] | None, size: tuple[int, int]) -> Floats:
    """Return how much each pixel counts, float32 [height, width] in [0, 1]; the rim of a hole counts as hole."""
    if ignore is None:
        return np.ones(size[::-1], np.float32)
    holes = cv2.dilate((ignore != 0).astype(np.uint8), np.ones((2 * CELL - 1, 2 * CELL - 1), np.uint8))
    return 1 - _resize(holes[..., None].astype(np.float32), size)[..., 0]


def _resize(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return [H, W, C] averaged down, or interpolated up, to (width, height)."""
    if pixels.shape[1::-1] == size:
        return pixels
    smaller = pixels.shape[1] >= size[0] and pixels.shape[0] >= size[1]
    how = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return cv2.resize(pixels, size, interpolation=how).reshape(size[1], size[0], pixels.shape[2])


def _floats(pixels: np.ndarray) -> Floats:
    """Return uint8 or uint16 as float32 in [0, 1]."""
    return pixels.astype(np.float32) / np.float32(np.iinfo(pixels.dtype).max)


def _check(before: np.ndarray, after: np.ndarray) -> int:
    """Return how many times as large the second is.

    Raises:
        ValueError: the two do not belong together.
    """
    for photo in (before, after):
        if (
            photo.dtype not in (np.uint8, np.uint16)
            or photo.ndim != 3
            or photo.shape[2] not in (1, 3)
            or not photo.size
        ):
            raise ValueError(f"expected uint8 or uint16 [H, W, 1 or 3], got {photo.dtype} {list(photo.shape)}")
    scale = after.shape[0] // before.shape[0]
    whole = (before.shape[0] * scale, before.shape[1] * scale, before.shape[2])
    if scale < 1 or after.shape != whole or before.dtype != after.dtype:
        raise ValueError(
            f"{after.dtype} {list(after.shape)} is no repair of {before.dtype} {list(before.shape)}: "
            "it must have the type, the channels, and a whole number of times the sides"
        )
    return scale
