"""The profile of product photos: what an enhancer is trained to undo, drawn anew for each image.

A profile is called like a degradation and gives a `Degraded`: what the model sees, what it shall make of it, and the
mask of holes. Light and defects are kept apart: a restorer learns to remove defects under any light and to leave the
light alone; a light corrector learns the light and sees the defects as they come.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image

from gan_lab.errors import UserError
from gan_lab.imaging.degradations import Degradation, Holes, add_sensor_noise
from gan_lab.imaging.light import from_light, to_light
from gan_lab.imaging.ranges import Range, as_log_range, as_range, draw_log
from gan_lab.options import format_value, join_sides

Pixels = np.ndarray


class Degraded(NamedTuple):
    """What a profile makes of a good photo.

    Attributes:
        lq: what the model sees, uint8 [H, W, C].
        gt: what it shall make of it, uint8 [S * H, S * W, C] for an enlargement by S.
        mask: uint8 [H, W, 1], 255 in holes; None where the profile has none.
        seen: uint8 [H, W, C], what the model judges by, where that is not `lq` itself; else None.
    """

    lq: Pixels
    gt: Pixels
    mask: Pixels | None = None
    seen: Pixels | None = None


class PoorLight:
    """Take the photo in another light: exposure, white balance, a veil, and the sensor's noise that goes with it.

    Args:
        kinds: shares of: under-exposure alone (dark), a cast with a little under-exposure, and all at once.
        stops: by how much a dark photo is under-exposed, in powers of two.
        gain: of each channel in a cast.
        exposure: common factor on the light in a cast, and where all comes at once.
        veil: light that is laid over the picture where all comes at once, as a share of white; half of them have none.
        shot, read: noise of dark photos, as in `SensorNoise`.
    """

    def __init__(
        self,
        kinds: Sequence[float] = (0.35, 0.35, 0.3),
        stops: Range = (0.3, 3.2),
        gain: Range = (0.65, 1.35),
        exposure: Range = (0.4, 1.05),
        veil: Range = (0.0, 0.08),
        shot: Range = (1e-4, 2e-3),
        read: Range = (1e-6, 3e-5),
    ) -> None:
        shares = np.array([float(share) for share in kinds])
        if shares.shape != (3,) or shares.min() < 0 or shares.sum() <= 0:
            raise UserError(f"PoorLight.kinds={list(shares)}: needs three shares: dark, cast, all at once")
        self.kinds = shares / shares.sum()
        self.stops = as_range("PoorLight.stops", stops)
        self.gain = as_range("PoorLight.gain", gain, low=0.1)
        self.exposure = as_range("PoorLight.exposure", exposure, low=0.05)
        self.veil = as_range("PoorLight.veil", veil, low=0, high=0.5)
        self.shot = as_log_range("PoorLight.shot", shot)
        self.read = as_log_range("PoorLight.read", read)

    def draw(self, rng: np.random.Generator) -> LightChange:
        """Draw one light."""
        kind = int(rng.choice(3, p=self.kinds))
        gain, veil, noise = np.ones(3), 0.0, (0.0, 0.0)
        if kind == 0:
            gain *= 2 ** -rng.uniform(*self.stops)
            noise = (draw_log(self.shot, rng), draw_log(self.read, rng))
        else:
            gain = rng.uniform(*self.gain, 3) * rng.uniform(*self.exposure)
            if kind == 2:
                gain = np.sqrt(gain / gain.mean()) * gain.mean()
                veil = rng.uniform(*self.veil) * float(rng.random() < 0.5)
                if rng.random() < 0.5:
                    noise = (draw_log(self.shot, rng), draw_log(self.read, rng))
        return LightChange(gain.astype(np.float32), float(veil), noise)


class LightChange(NamedTuple):
    """One light: factor per channel, veil as a share of white, (shot, read) noise; in linear light."""

    gain: np.ndarray
    veil: float = 0.0
    noise: tuple[float, float] = (0.0, 0.0)

    def apply(self, image: Pixels, rng: np.random.Generator | None = None) -> Pixels:
        """Return the image in this light, uint8 [H, W, C]; with noise where there is a generator to draw it from."""
        gain = self.gain if image.shape[2] == 3 else self.gain.mean(keepdims=True)
        light = to_light(image) * (gain * np.float32(1 - self.veil)) + np.float32(self.veil)
        if rng is not None and max(self.noise) > 0:
            light = add_sensor_noise(light, *self.noise, rng)
        return from_light(light)

    def undo(self, image: Pixels, error: np.ndarray) -> Pixels:
        """Return the image with this light undone but for a factor `error` per channel, uint8 [H, W, C]."""
        gain = self.gain * error if image.shape[2] == 3 else (self.gain * error).mean(keepdims=True)
        light = np.maximum(to_light(image) - np.float32(self.veil), 0) / (gain * np.float32(1 - self.veil))
        return from_light(light)


class DefectProfile:
    """Pairs for a restorer: defects under any light, to be removed without a change of that light.

    Args:
        defects: what happens to the photo beside its light.
        light: the light that it is taken in.
        lit: share of the photos that get such a light.
        undone: share of those whose light is corrected, not quite exactly, before the restorer sees them: that is how
            an enhancer works, light first.
        error: how wrong that correction is, as a standard deviation of each channel's gain in its logarithm.
        holes: damage that comes with a mask; None for none, and then there is no mask.
        holed: share of the photos that have it.
        clean: share of the photos that have neither defects nor light.
    """

    def __init__(
        self,
        defects: Degradation,
        light: PoorLight | None = None,
        lit: float = 0.5,
        undone: float = 0.8,
        error: float = 0.15,
        holes: Holes | None = None,
        holed: float = 0.1,
        clean: float = 0.08,
    ) -> None:
        self.defects, self.light, self.holes = defects, light, holes
        self.lit = lit if light is not None else 0.0
        self.undone, self.error, self.holed, self.clean = undone, error, holed, clean
        _check_shares(self, "lit", "undone", "holed", "clean")

    def __call__(self, image: Pixels, rng: np.random.Generator) -> Degraded:
        """Return the restorer's input and its target."""
        lq, gt = image, image
        if rng.random() >= self.clean:
            if rng.random() < self.lit:
                lq, gt = self._in_light(image, rng)
            else:
                lq = self.defects(image, rng)
        if self.holes is None:
            return Degraded(lq, gt)
        mask = np.zeros((*image.shape[:2], 1), np.uint8)
        if rng.random() < self.holed:
            mask = hole_mask(self.holes, image.shape[:2], rng)
            lq = fill_holes(lq if rng.random() < 0.5 else gt, mask)  # half of the holes are in otherwise good photos
        return Degraded(lq, gt, mask)

    def _in_light(self, image: Pixels, rng: np.random.Generator) -> tuple[Pixels, Pixels]:
        assert self.light is not None
        change = self.light.draw(rng)
        if rng.random() < 0.5:  # the camera's and the shop's defects come after the light, a copy's before it
            lq = change.apply(image, rng)
            if rng.random() < 0.6:
                lq = self.defects(lq, rng)
        else:
            lq = change.apply(self.defects(image, rng), rng)
        gt = change.apply(image)
        if rng.random() < self.undone:
            error = np.exp(rng.normal(0, self.error, 3)).astype(np.float32)
            lq, gt = change.undo(lq, error), change.undo(gt, error)
        return lq, gt


class LightProfile:
    """Pairs for a light corrector: thumbnails of photos in poor light and in their own.

    The corrector judges by a thumbnail with defects, as it will in use, but corrects one without: noise that is clipped at
    black lifts the shadows, and to take that back is the restorer's business, not the light's.

    Args:
        light: the light.
        defects: what happens to the photo beside its light.
        defective: share of the photos that have defects.
        clean: share of the photos whose light is good already. A larger share makes a more cautious corrector.
        holes: damage that has been filled by a first guess; None for none.
        holed: share of the photos that have it.
        side: of the thumbnails, in pixels.
    """

    def __init__(
        self,
        light: PoorLight,
        defects: Degradation,
        defective: float = 0.4,
        clean: float = 0.25,
        holes: Holes | None = None,
        holed: float = 0.1,
        side: int = 32,
    ) -> None:
        self.light, self.defects, self.holes = light, defects, holes
        self.defective, self.clean, self.holed, self.side = defective, clean, holed, side
        _check_shares(self, "defective", "clean", "holed")

    def __call__(self, image: Pixels, rng: np.random.Generator) -> Degraded:
        """Return the three thumbnails, uint8 [side, side, C]."""
        lq = seen = image
        if rng.random() >= self.clean:
            change = self.light.draw(rng)
            lq, seen = change.apply(image), change.apply(image, rng)
        if rng.random() < self.defective:
            seen = self.defects(seen, rng)
        if self.holes is not None and rng.random() < self.holed:
            seen = fill_holes(seen, hole_mask(self.holes, image.shape[:2], rng))
        return Degraded(self._thumbnail(lq), self._thumbnail(image), seen=self._thumbnail(seen))

    def _thumbnail(self, image: Pixels) -> Pixels:
        reduced = cv2.resize(image, (self.side, self.side), interpolation=cv2.INTER_AREA)
        return reduced.reshape(self.side, self.side, image.shape[2])


class Reduction:
    """Pairs for an enlargement: the photo at a half or a quarter of its size, mostly by the bicubic kernel.

    Args:
        scale: 2 or 4.
        defects: what happens to the small photo; None for nothing.
        defective: share of the photos to which it happens.
        others: share of the photos that are reduced by another kernel than the bicubic.
    """

    kernels = (Image.Resampling.BOX, Image.Resampling.BILINEAR, Image.Resampling.HAMMING, Image.Resampling.LANCZOS)

    def __init__(
        self, scale: int = 2, defects: Degradation | None = None, defective: float = 0.2, others: float = 0.15
    ) -> None:
        if scale not in (2, 4):
            raise UserError(f"Reduction.scale={scale}: needs 2 or 4")
        self.scale, self.defects, self.defective, self.others = scale, defects, defective, others
        _check_shares(self, "defective", "others")

    def __call__(self, image: Pixels, rng: np.random.Generator) -> Degraded:
        """Return the small photo and the photo."""
        kernel = Image.Resampling.BICUBIC
        if rng.random() < self.others:
            kernel = self.kernels[rng.integers(len(self.kernels))]
        height, width, channels = image.shape
        if height % self.scale or width % self.scale:
            size = format_value(join_sides(height, width))
            raise UserError(
                f"data.image_size={size}: needs a multiple of the enlargement, {self.scale}, on either side"
            )
        picture = Image.fromarray(image[..., 0] if channels == 1 else image)
        small = np.array(picture.resize((width // self.scale, height // self.scale), kernel))
        small = small.reshape(height // self.scale, width // self.scale, channels)
        if self.defects is not None and rng.random() < self.defective:
            small = self.defects(small, rng)
        return Degraded(small, image)


def hole_mask(holes: Holes, shape: tuple[int, int], rng: np.random.Generator) -> Pixels:
    """Return uint8 [H, W, 1], 255 where `holes` damages a picture of this shape."""
    damaged = holes(np.zeros((*shape, 1), np.uint8), rng)
    return np.where(damaged > 0, 255, 0).astype(np.uint8)


def fill_holes(image: Pixels, mask: Pixels) -> Pixels:
    """Return the image with a first guess in its holes, continued from their rims; what a restorer starts from.

    Args:
        image: uint8 or uint16 [H, W, C]; the guess has 8 bits, the rest stays as it is.
        mask: uint8 [H, W, 1], above 0 in holes.

    Source: Bertalmio et al. 2001, doi:10.1109/CVPR.2001.990497 (OpenCV's Navier-Stokes inpainting).
    """
    if not mask.any():
        return image
    step = np.iinfo(image.dtype).max // 255
    if mask.all():
        return np.full_like(image, 128 * step)
    known = np.ascontiguousarray((image // step).astype(np.uint8))
    guess = cv2.inpaint(known, np.ascontiguousarray(mask[..., 0]), 3, cv2.INPAINT_NS).reshape(image.shape)
    return np.where(mask > 0, guess.astype(image.dtype) * step, image)


def _check_shares(profile: object, *options: str) -> None:
    """Refuse what is no share of the photos."""
    for option in options:
        value = getattr(profile, option)
        if not 0 <= value <= 1:
            raise UserError(f"{type(profile).__name__}.{option}={value}: needs a share from 0 to 1")
