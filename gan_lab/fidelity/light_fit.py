"""The exposure and white balance that lead from one photo to another, taken out before the two are compared."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gan_lab.imaging.light import decode, encode

Floats = NDArray[np.float32]

#: sRGB values, as a share of white, beyond which a sample tells too little of its light.
DARKEST, BRIGHTEST = 0.004, 0.98
MOST_CLIPPED = 0.05
DIMMEST = 1e-3  # of gains
ITERATIONS, SAMPLES = 8, 1500
#: Distances, in sRGB as a share of white, below which samples agree, and at which they are as good as strangers.
AGREEMENT, STRANGENESS = 1.5 / 255, 3 / 255
#: Veils that are tried (a repair may take one off, and has no reason to lay one on); the disagreement without one, and
#: the share of it that is left, from which it is believed. Between a product and its plain ground, a veil could explain
#: a change of the product.
VEILS = np.geomspace(0.004, 0.2, 12)
SOME, WORTH = 0.05, 0.6


@dataclass(frozen=True)
class LightFit:
    """One gain per channel and one veil for all, in linear light: `gain * (light - veil)`.

    Attributes:
        gain: [C], above 0.
        veil: light that lies over the whole photo, as a share of white; 0 is none.
    """

    gain: NDArray[np.float64]
    veil: float

    def __call__(self, encoded: Floats) -> Floats:
        """Return sRGB values [..., C] in [0, 1] under the other light, clipped to [0, 1]."""
        return encode(self.gain * (decode(encoded) - self.veil)).astype(np.float32)

    @property
    def stops(self) -> float:
        """How much brighter it makes a photo, in powers of two."""
        return float(np.log2(self.gain).mean())


def fit_light(before: Floats, after: Floats, clipped: Floats | None = None) -> LightFit:
    """Return the light that most of a photo has in common with its repair; what differs otherwise has little weight.

    Args:
        before: sRGB samples without noise, [N, C] in [0, 1].
        after: likewise, of the same places.
        clipped: the share of a sample's pixels that are clipped, [N, C]: the mean of a clipped noise is not the light's.

    Returns:
        Weighted least squares, with weights that fall with the distance (Geman and McClure's). No change where every
        sample is black or clipped.
    """
    channels, every = before.shape[1], max(1, len(before) // SAMPLES)
    before, after = before[::every].astype(np.float64), after[::every].astype(np.float64)
    known = np.minimum(before, after) > DARKEST
    known &= np.maximum(before, after) < BRIGHTEST
    if clipped is not None:
        known &= clipped[::every] < MOST_CLIPPED
    if not known.any():
        return LightFit(np.ones(channels), 0.0)
    samples = _Samples(decode(before), decode(after), after, known)
    plain = samples.fit(0.0)
    before_it = samples.disagreement(plain)
    if before_it <= SOME:
        return samples.refine(plain)
    veiled = min((samples.fit(float(veil)) for veil in VEILS), key=samples.disagreement)
    for step in (0.3, 0.15, 0.07, 0.03, 0.015):
        tries = [samples.fit(veiled.veil * factor) for factor in (1 - step, 1 + step)]
        veiled = min(veiled, *tries, key=samples.disagreement)
    return samples.refine(veiled if samples.disagreement(veiled) < WORTH * before_it else plain)


class _Samples:
    """The same places of two photos: light, sRGB values, and which of them tell something, [N, C] each."""

    def __init__(self, light: np.ndarray, target: np.ndarray, encoded: np.ndarray, known: np.ndarray) -> None:
        self.light, self.target, self.encoded, self.known = light, target, encoded, known
        # by how much sRGB values rise with the light: errors count as they are seen
        steepness = np.where(target <= 0.0031308, 12.92, 1.055 / 2.4 * np.maximum(target, 0.0031308) ** (1 / 2.4 - 1))
        self.weights = steepness**2 * known
        self.some = known.any(axis=1)

    def fit(self, veil: float) -> LightFit:
        """Return the usual gains under a veil."""
        light = self.light - veil
        usable = self.known & (light > 1e-4)
        ratios = [self.target[at, c] / light[at, c] for c, at in enumerate(usable.T)]
        return LightFit(_complete_gains(np.array([np.median(each) if each.size else np.nan for each in ratios])), veil)

    def distance(self, fit: LightFit) -> np.ndarray:
        """Return how far each sample is from what the fit says, [N]."""
        error = (encode(fit.gain * (self.light - fit.veil)) - self.encoded) * self.known
        return np.sqrt((error**2).sum(axis=1) / np.maximum(self.known.sum(axis=1), 1))

    def disagreement(self, fit: LightFit) -> float:
        """Return the mean over the samples, where a stranger counts no more than 1."""
        squared = (self.distance(fit)[self.some] / STRANGENESS) ** 2
        return float((squared / (1 + squared)).mean())

    def refine(self, fit: LightFit) -> LightFit:
        """Return the gains of least squares, with weights that fall with the distance."""
        light = self.light - fit.veil
        for _ in range(ITERATIONS):
            distance = self.distance(fit)
            scale = max(AGREEMENT, 1.4826 * float(np.median(distance[self.some])))
            weights = self.weights / (1 + (distance / scale) ** 2)[:, None] ** 2
            squares, products = (weights * light**2).sum(axis=0), (weights * light * self.target).sum(axis=0)
            seen = squares > 1e-9 * weights.sum()
            gain = _complete_gains(np.where(seen, products / np.where(seen, squares, 1), np.nan))
            fit = LightFit(gain, fit.veil)
        return fit


def _complete_gains(gain: np.ndarray) -> NDArray[np.float64]:
    """Return gains, those of channels without data (NaN) as the others' mean."""
    known = gain[np.isfinite(gain)]
    return np.maximum(np.where(np.isfinite(gain), gain, known.mean() if known.size else 1.0), DIMMEST)
