"""What a repair did to edges and fine detail: structure that it lost or moved, and structure that it invented.

A photo's noise is no structure, so the two are compared as random signals: in a band of frequencies, window by window,
by their variances and their covariance, after the noise's own share of the first photo's variance is taken off.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from gan_lab.fidelity.light_fit import Floats

#: A window's means are kept at every fourth pixel.
STRIDE = 4
#: Contrast in levels of 255 (root mean square) at which a change of a plain surface counts for a half.
CONTRAST = 10.0
#: By how much a structure hides changes of it: share of its own variance.
MASKING = 0.3
#: By how much noise hides structure that is lost, and structure that is invented: multiples of the noise's variance.
HIDING_LOSS, HIDING_INVENTION = 7.0, 2.5
#: How much stronger a repair may show a structure that is there: deblurred, sharpened. A repair that makes the whole
#: photo sharper shows detail that was hidden: what it invents counts less, by this power of its usual gain. (What it
#: loses counts less by the gain itself: sharp and soft structure are not quite of one shape.)
GAIN, LENIENCE = 3.0, 2
#: Variance of what rounding to 8 bits leaves, and the largest share of coarse noise in the finest.
ROUNDING, COARSEST = 0.3, 100.0


@dataclass(frozen=True)
class Band:
    """Frequencies between two Gaussians, and the window in which they are compared; standard deviations in pixels."""

    fine: float
    coarse: float
    window: float

    def of(self, luma: Floats) -> Floats:
        """Return a photo's part in this band."""
        return _blur(luma, self.fine) - _blur(luma, self.coarse)

    @property
    def noise(self) -> float:
        """Variance that white noise of variance 1 has in this band."""
        a, b = self.fine**2, self.coarse**2
        return float((1 / a + 1 / b - 4 / (a + b)) / (4 * np.pi))

    @property
    def contrast(self) -> float:
        """Variance that a pattern of `CONTRAST` keeps in this band where the band is most sensitive."""
        w = np.linspace(0.01, np.pi, 500)
        return float(
            (CONTRAST * (np.exp(-((w * self.fine) ** 2) / 2) - np.exp(-((w * self.coarse) ** 2) / 2)).max()) ** 2
        )


DETAIL = Band(1.0, 2.5, 6.0)
EDGES = Band(1.6, 3.6, 10.0)


class Crop(NamedTuple):
    """A part of two photos: luma in levels of 255, float32 [h, w], the first in the light of the second."""

    before: Floats
    after: Floats


class Change(NamedTuple):
    """The largest change in any window: 0 is none; about 1 is a strong pattern from nothing, or gone."""

    lost: float
    invented: float


def changes(crops: Sequence[Crop], bands: Sequence[Band]) -> list[Change]:
    """Return the largest changes over all crops, for each band.

    Args:
        crops: of one pair of photos at one scale: they share the noise.
        bands: in which to compare.
    """
    white = _Noise(crops)
    noise = [white(_means(crop.after, STRIDE)) for crop in crops]
    found = []
    for band in bands:
        windows = [_windows(band, crop, own) for crop, own in zip(crops, noise, strict=True)]
        scale = _coarseness(windows, band.noise * 2 * ROUNDING)
        parts = [_Structure(each, each.noise * scale) for each in windows]
        both, signal = sum(float(part.both.sum()) for part in parts), sum(float(part.signal.sum()) for part in parts)
        # how much stronger the repair shows the photo's structure, 1 to `GAIN`; strong structure decides
        sharper = float(np.clip(both / max(signal, 1e-3), 1, GAIN))
        lost = max(part.measure_loss(band.contrast) for part in parts) / sharper
        invented = max(part.measure_invention(band.contrast) for part in parts) / sharper**LENIENCE
        found.append(Change(lost, invented))
    return found


class _Windows(NamedTuple):
    """Means over windows: variances in a band, covariance, and the variance that white noise would have there."""

    before: Floats
    after: Floats
    both: Floats
    noise: Floats

    @property
    def difference(self) -> Floats:
        return self.before + self.after - 2 * self.both


def _windows(band: Band, crop: Crop, noise: Floats) -> _Windows:
    first, second = band.of(crop.before), band.of(crop.after)
    return _Windows(
        before=_means(first * first, band.window),
        after=_means(second * second, band.window),
        both=_means(first * second, band.window),
        noise=band.noise * noise,
    )


def _coarseness(windows: Sequence[_Windows], least: float) -> float:
    """Return how much more noise there is in a band than white noise would have: resizing and compression change it.

    The calmest windows of the first photo tell, and so does the usual difference from the second, which has no structure;
    where the noise is above `least`, for a clipped ground has none.
    """
    noise, before, difference = (
        np.concatenate([getattr(each, part).ravel() for each in windows]) for part in ("noise", "before", "difference")
    )
    noisy = noise > least
    if noisy.mean() < 0.05:
        noisy[:] = True
    calm = np.quantile(before[noisy] / noise[noisy], 0.1) / 0.8
    usual = np.median(difference[noisy] / noise[noisy])
    return float(min(calm, usual, COARSEST))


class _Structure:
    """Windows of a band with the noise's variance taken off."""

    def __init__(self, windows: _Windows, noise: Floats) -> None:
        self.noise, self.after, self.both = noise, windows.after, windows.both
        self.signal = np.maximum(windows.before - noise, 0)

    def measure_loss(self, contrast: float) -> float:
        """Return the largest part of the photo's structure that the repair does not show, or more weakly."""
        share = np.clip(self.both / np.maximum(self.after, 1e-3), 0, 1)
        rest = self.signal - 2 * share * self.both + share**2 * self.after
        return float((rest / (MASKING * (self.signal + self.after) + contrast + HIDING_LOSS * self.noise)).max())

    def measure_invention(self, contrast: float) -> float:
        """Return the largest part of the repair's structure that is not the photo's; stronger is no other."""
        gain = np.clip(self.both / np.maximum(self.signal, 1e-3), 0, GAIN)
        rest = self.after - 2 * gain * self.both + gain**2 * self.signal
        shown = np.maximum(gain, 1) ** 2 * self.signal + self.after
        return float((rest / (MASKING * shown + contrast + HIDING_INVENTION * self.noise)).max())


class _Noise:
    """The variance of white noise by brightness, from the finest diagonal differences between two photos.

    Source: Donoho and Johnstone 1994, doi:10.1093/biomet/81.3.425, the median absolute deviation over 0.6745.
    """

    bins, samples = 8, 40_000

    def __init__(self, crops: Sequence[Crop]) -> None:
        fine = np.concatenate([_diagonal(crop.before - crop.after).ravel() for crop in crops])
        level = np.concatenate([_shrink_by_half(crop.after).ravel() for crop in crops])
        every = max(1, len(level) // self.samples)
        fine, level = fine[::every], level[::every]
        order = np.array_split(np.argsort(level), self.bins if len(level) >= 64 * self.bins else 1)
        self.levels = [float(level[part].mean()) for part in order] if len(level) else [0.0]
        self.variances = [float(np.median(np.abs(fine[part])) / 0.6745) ** 2 for part in order] if len(level) else [0.0]

    def __call__(self, level: Floats) -> Floats:
        """Return the variance at each level."""
        return np.maximum(np.interp(level, self.levels, self.variances), ROUNDING).astype(np.float32)


def _diagonal(values: Floats) -> Floats:
    height, width = values.shape[0] // 2 * 2, values.shape[1] // 2 * 2
    values = values[:height, :width]
    corners = values[::2, ::2] - values[1::2, ::2] - values[::2, 1::2] + values[1::2, 1::2]
    return np.asarray(corners / 2, np.float32)


def _shrink_by_half(luma: Floats) -> Floats:
    """Return the local brightness at the places of `_diagonal`."""
    height, width = luma.shape[0] // 2, luma.shape[1] // 2
    if not height or not width:
        return np.empty((height, width), np.float32)
    return _blur(_shrink(luma[: 2 * height, : 2 * width], width, height), 2.0)


def _means(values: Floats, window: float) -> Floats:
    """Return means over Gaussian windows at every `STRIDE`-th pixel."""
    height, width = values.shape
    return _blur(_shrink(values, -(-width // STRIDE), -(-height // STRIDE)), window / STRIDE)


def _blur(values: Floats, sigma: float) -> Floats:
    side = 2 * round(3 * sigma) + 1
    smooth = cv2.GaussianBlur(values, (side, side), sigma, borderType=cv2.BORDER_REFLECT_101)
    return np.asarray(smooth, np.float32).reshape(values.shape)


def _shrink(values: Floats, width: int, height: int) -> Floats:
    small = cv2.resize(values, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32).reshape(height, width)
