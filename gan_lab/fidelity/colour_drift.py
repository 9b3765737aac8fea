"""How far colours moved between a photo and its repair, beyond what the photo itself leaves uncertain."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from gan_lab.fidelity.light_fit import Floats, LightFit, fit_light
from gan_lab.imaging.light import decode, encode
from gan_lab.imaging.traditional import estimate_noise
from gan_lab.metrics.colour import difference_2000

#: Pixels of a cell's side, and the Gaussian window's standard deviation in cells: 12 pixels, over which noise of
#: sigma 25 averages out to half a level.
CELL, WINDOW = 4, 3.0
#: From how many windows in a row and a column on every second stands for its neighbours in the percentile of the whole change.
MANY, EVERY = 64, 2
#: Of a cell, below which it does not count.
LEAST_WEIGHT = 0.2
#: Levels of 255 by which rounding, and a noise that is not quite even, may move a window's mean.
ROUNDING = 0.7
#: By how much of the noise's standard deviation the clipping of a value at black or white moves its mean at most.
CLIPPING = 0.4
#: Steps of the mean chroma of a JPEG block, in eighths of a level, that are looked for; finer ones do no harm.
STEPS = range(10, 61)
#: Values that must occur: the few colours of a drawing are near multiples of something by chance.
DISTINCT = 4
BLOCK = 16
#: By what share of a step a value may be off: half of it, and more where two steps meet in one channel.
QUANTISATION = 0.6


@dataclass(frozen=True)
class Cells:
    """Two photos as grids of local means.

    Attributes:
        before: float32 [h, w, C] in [0, 1].
        after: likewise.
        black: share of the values of `before` that are clipped at 0, [h, w, C].
        white: share of those clipped at 1, likewise.
        unsure: by how much the values of `before` may be off, as a share of white, likewise.
        counted: which cells count, bool [h, w].
    """

    before: Floats
    after: Floats
    black: Floats
    white: Floats
    unsure: Floats
    counted: NDArray[np.bool_]

    def fit(self) -> LightFit:
        """Return the light that leads from one to the other."""
        if not self.counted.any():
            return LightFit(np.ones(self.before.shape[2]), 0.0)
        clipped = self.black + self.white
        return fit_light(self.before[self.counted], self.after[self.counted], clipped[self.counted])

    def cancel_clipping(self, fit: LightFit) -> Floats:
        """Return `after` as it may be compared with `before` in its light: what clipping hid is no change."""
        after, lit = decode(self.after), decode(fit(self.before))
        black, white = (decode(fit(np.full(lit.shape[2], level, np.float32))) for level in (0, 1))
        above = np.minimum(np.maximum(after - lit, 0), self.white * (1 - white))
        below = np.minimum(np.maximum(lit - after, 0), self.black * black)
        return encode(after - above + below).astype(np.float32)


def cells_of(before: Floats, after: Floats, weight: Floats, block_step: float) -> Cells:
    """Return the local means of two photos.

    Args:
        before: float32 [H, W, C] in [0, 1], sRGB or grey.
        after: likewise.
        weight: float32 [H, W] in [0, 1]: how much a pixel counts.
        block_step: of the JPEG that `before` came from, see `jpeg_step`.
    """
    cell_weight = _cells(weight)
    share = _smooth(cell_weight)
    black, white = (_smooth(_cells(clipped.astype(np.float32))) for clipped in (before <= 0, before >= 1))
    noise = sample_noise(before)
    unsure = np.float32(np.hypot(ROUNDING, QUANTISATION * block_step) / 255) + np.float32(CLIPPING * noise) * (
        black + white
    )

    def means(values: Floats) -> Floats:
        # noise is evened out as it is, over a cell; what is larger than a cell in light, where light is added
        light = decode(_cells(values)) * cell_weight[..., None]
        return encode(_smooth(light) / np.maximum(share, 1e-3)[..., None]).astype(np.float32)

    return Cells(means(before), means(after), black, white, unsure, share > LEAST_WEIGHT)


def colour_drift(cells: Cells, fit: LightFit, foreground: NDArray[np.bool_]) -> tuple[float, float]:
    """Return the largest change of hue and chroma in any window, and the 99th percentile of the whole change.

    Args:
        cells: of the two photos.
        fit: the light that is taken out.
        foreground: the cells of the product, over which the percentile is taken, bool [h, w].

    Returns:
        Both as CIEDE2000, less (in quadrature) what the uncertainty of the first photo's values makes of it.
    """
    if not cells.counted.any():
        return 0.0, 0.0
    lab, after = as_lab(fit(cells.before)), as_lab(cells.cancel_clipping(fit))
    same_lightness = np.concatenate([lab[..., :1], after[..., 1:]], axis=-1)
    hue = difference(lab, same_lightness) ** 2
    every = EVERY if min(cells.counted.shape) >= MANY else 1
    thin = np.zeros_like(cells.counted)
    thin[::every, ::every] = cells.counted[::every, ::every]
    thin = thin if thin.any() else cells.counted
    unsure = _measure_uncertainty(cells, fit, lab, thin)
    largest = (hue[thin] - unsure).max()
    may_be_larger = cells.counted & (hue > max(largest, 0))
    if may_be_larger.any():
        largest = (hue[may_be_larger] - _measure_uncertainty(cells, fit, lab, may_be_larger)).max()
    whole = np.sqrt(np.maximum(difference(lab[thin], after[thin]) ** 2 - unsure, 0))
    product = foreground[thin]
    return float(np.sqrt(max(largest, 0))), float(np.percentile(whole[product] if product.any() else whole, 99))


def _measure_uncertainty(cells: Cells, fit: LightFit, lab: Floats, at: NDArray[np.bool_]) -> Floats:
    """Return the squared CIEDE2000 difference, [n], that the first photo's values may be off by in the windows `at`."""
    total = np.zeros(int(at.sum()), np.float32)
    for channel in range(cells.before.shape[2]):
        moved = cells.before[at]
        moved[:, channel] += cells.unsure[at, channel]
        total += difference(lab[at], as_lab(fit(moved)[None])[0]) ** 2
    return total


def sample_noise(pixels: np.ndarray) -> float:
    """Return the standard deviation of the noise in the unit of the pixels, from every second pair of rows; 0 for one row."""
    height, width, channels = pixels.shape
    if min(height, width) < 2:
        return 0.0
    if height < 4:
        return estimate_noise(pixels)
    pairs = pixels[: height // 4 * 4].reshape(height // 4, 4, width, channels)[:, :2]
    return estimate_noise(pairs.reshape(-1, width, channels))


def jpeg_step(pixels: np.ndarray) -> float:
    """Return the step in levels of 255 that a JPEG's coarse quantisation left in the mean chroma of its blocks.

    Whole areas may be off by half of it: at quality 20 that is a CIEDE2000 of 3 to 4 on grey.

    Args:
        pixels: uint8 or uint16 [H, W, C]; the grid of blocks starts at the first pixel.

    Returns:
        0 where there is no such step, or a fine one.
    """
    height, width, channels = pixels.shape
    if channels == 1 or min(height, width) < BLOCK:
        return 0.0
    rows, columns = height // BLOCK, width // BLOCK
    even = pixels[: rows * BLOCK, : columns * BLOCK].astype(np.float32) * (255 / np.iinfo(pixels.dtype).max)
    red, green, blue = np.moveaxis(cv2.resize(even, (columns, rows), interpolation=cv2.INTER_AREA), -1, 0)
    chroma = 8 * np.stack([-0.1687 * red - 0.3313 * green + 0.5 * blue, 0.5 * red - 0.4187 * green - 0.0813 * blue])
    best = (0.5, 0)  # the mean distance from a multiple, as a share of what unquantised values would have; the step
    for step in STEPS:
        coloured = chroma[np.abs(chroma) > step / 2]  # grey is near nothing's multiple
        nearest = np.rint(coloured / step)
        if len(np.unique(nearest)) > 1 and len(np.unique(np.rint(coloured))) >= DISTINCT:
            best = min(best, (4 * float(np.abs(coloured / step - nearest).mean()), step))
    return best[1] / 8


def product_cells(lab: Floats) -> NDArray[np.bool_]:
    """Return where the product is on a plain ground, bool [h, w]; everywhere where the ground is not plain.

    Args:
        lab: a grid of CIELAB colours, [h, w, 3].
    """
    height, width = lab.shape[:2]
    everywhere = np.ones((height, width), bool)
    ring = max(1, round(0.04 * min(height, width)))
    if min(height, width) < 8:
        return everywhere
    border = everywhere.copy()
    border[ring:-ring, ring:-ring] = False
    y, x = np.mgrid[:height, :width] / max(height, width)
    design = np.stack([np.ones_like(x), x, y], axis=-1)  # the ground may darken towards a side
    places, colours = design[border], lab[border]
    ground = np.ones(len(places), bool)
    for _ in range(3):
        plane = np.linalg.lstsq(places[ground], colours[ground], rcond=None)[0]
        distance = np.linalg.norm(colours - places @ plane, axis=-1)
        spread = float(np.median(distance))
        ground = distance <= max(2.0, 2 * spread)
    if spread > 6:
        return everywhere
    product = (np.linalg.norm(lab - design @ plane, axis=-1) > max(8.0, 4 * spread)).astype(np.uint8)
    product = cv2.morphologyEx(product, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)).astype(bool)
    return product if 0.03 < product.mean() < 0.95 else everywhere


def as_lab(values: Floats) -> Floats:
    """Return sRGB or grey values [h, w, C] in [0, 1] as CIELAB, [h, w, 3]."""
    colours = np.repeat(values, 3, axis=2) if values.shape[2] == 1 else values
    return cv2.cvtColor(np.ascontiguousarray(colours, np.float32), cv2.COLOR_RGB2LAB)  # type: ignore[return-value]


def difference(lab_1: Floats, lab_2: Floats) -> Floats:
    """Return the CIEDE2000 difference of two arrays of CIELAB colours, [..., 3] -> [...]."""
    both = (torch.from_numpy(np.ascontiguousarray(lab, np.float32)) for lab in (lab_1, lab_2))
    return difference_2000(*both).numpy()


def _cells(values: Floats) -> Floats:
    """Return the mean of each cell: [H, W] or [H, W, C] -> [ceil(H / CELL), ceil(W / CELL), ...]."""
    height, width = values.shape[:2]
    size = -(-width // CELL), -(-height // CELL)
    cells = cv2.resize(values, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cells, np.float32).reshape(size[1], size[0], *values.shape[2:])


def _smooth(cells: np.ndarray) -> Floats:
    """Return means over Gaussian windows."""
    smooth = cv2.GaussianBlur(cells, (0, 0), WINDOW, borderType=cv2.BORDER_REFLECT_101)
    return np.asarray(smooth, np.float32).reshape(cells.shape)
