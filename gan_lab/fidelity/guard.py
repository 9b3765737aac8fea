"""The fidelity guard: measures what a repair did to the product, and lowers its strength until that is little enough."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from gan_lab.errors import UserError
from gan_lab.fidelity.figures import Pixels, measure_fidelity
from gan_lab.imaging.profile import fill_holes

Verdict = Literal["accept", "softened", "kept"]

#: The shares of a repair that are tried when the whole is refused.
STRENGTHS = (0.75, 0.5, 0.25)


@dataclass(frozen=True)
class Thresholds:
    """What a repair may change at most; see `measure` for the figures.

    Attributes:
        hue_drift: CIEDE2000 without lightness, in the window where it is largest.
        colour_drift: CIEDE2000 that 99 % of the product stay below.
        edge_drift: 0 is none, 1 is a strong shape moved, gone, or from nothing.
        detail_lost: likewise, of fine detail that is gone or moved.
        detail_invented: likewise, of fine detail that was not there; less so where the whole photo became sharper.
        clipped_whites: share of the photo that became white.

    Raises:
        UserError: one is not a number above 0.
    """

    hue_drift: float = 3.5
    colour_drift: float = 6.0
    edge_drift: float = 0.1
    detail_lost: float = 0.14
    detail_invented: float = 0.16
    clipped_whites: float = 0.03

    def __post_init__(self) -> None:
        for name, value in dataclasses.asdict(self).items():
            if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
                raise UserError(f"guard.{name}={value}: needs a number above 0; inf never objects")


@dataclass(frozen=True)
class Guarded:
    """A repair as far as it may go.

    Attributes:
        pixels: the result, of the size and type of the repair.
        verdict: "accept": the repair; "softened": between the photo and the repair; "kept": the photo.
        strength: share of the repair in the result: 1, between, or 0.
        figures: of the result; of the refused repair where the photo was kept.
        reasons: what was wrong with the repair at full strength.
    """

    pixels: Pixels
    verdict: Verdict
    strength: float
    figures: dict[str, float]
    reasons: tuple[str, ...] = ()


def guard(
    before: Pixels,
    after: Pixels,
    thresholds: Thresholds | None = None,
    *,
    foreground: NDArray[np.generic] | None = None,
    ignore: NDArray[np.generic] | None = None,
) -> Guarded:
    """Return the repair if it leaves the product as it is, else a weaker one that does, else the photo.

    Args:
        before: the photo, see `measure`.
        after: its repair.
        thresholds: None for the defaults.
        foreground: see `measure`.
        ignore: see `measure`.

    Raises:
        ValueError: the two do not belong together.
    """
    thresholds = thresholds or Thresholds()
    figures = measure_fidelity(before, after, foreground=foreground, ignore=ignore)
    reasons = tuple(failures(figures, thresholds))
    if not reasons:
        return Guarded(after, "accept", 1.0, figures)
    # with a first guess in the photo's holes: a weaker repair shall not show half of a scratch
    whole = before if ignore is None else fill_holes(before, (ignore != 0)[..., None].astype(np.uint8))
    start = resize_to_shape(whole, after.shape[:2])
    weaker = np.empty_like(after)  # one for all trials: each is as large as the photo
    for strength in STRENGTHS:
        blend(start, after, strength, out=weaker)
        softer = measure_fidelity(before, weaker, foreground=foreground, ignore=ignore)
        if not failures(softer, thresholds):
            return Guarded(weaker, "softened", strength, softer, reasons)
    kept = before.copy() if before.shape == after.shape else resize_to_shape(before, after.shape[:2])
    return Guarded(kept, "kept", 0.0, figures, reasons)


def failures(figures: dict[str, float], thresholds: Thresholds) -> list[str]:
    """Return in words which figures exceed their threshold, the worst first."""
    limits = dataclasses.asdict(thresholds)
    wrong = [(figures[name] / limit, name, limit) for name, limit in limits.items() if figures[name] > limit]
    return [f"{name.replace('_', ' ')} {figures[name]:.3g} above {limit:g}" for _, name, limit in sorted(wrong)[::-1]]


def blend(before: Pixels, after: Pixels, strength: float, out: Pixels | None = None) -> Pixels:
    """Return a mixture of two photos of one size, in `out` if given: 0 is the first, 1 the second; rounded once."""
    out = np.empty_like(after) if out is None else out
    rows = max(1, (1 << 22) // max(1, after[0].size))
    for top in range(0, len(after), rows):
        part = slice(top, top + rows)
        mixed = before[part] + np.float32(strength) * (after[part].astype(np.float32) - before[part])
        out[part] = np.rint(mixed)
    return out


def resize_to_shape(pixels: Pixels, shape: tuple[int, ...]) -> Pixels:
    """Return a photo enlarged to [H, W] with Lanczos' filter; itself where it has that size."""
    height, width = shape[:2]
    if pixels.shape[:2] == (height, width):
        return pixels
    large = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_LANCZOS4)
    return large.reshape(height, width, pixels.shape[2])  # type: ignore[return-value]
