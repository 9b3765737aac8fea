"""Brightness, contrast, saturation and sharpness, by factors of which 1 changes nothing.

White stays white and black stays black: the curves of brightness and contrast have fixed ends, saturation goes no
further than a colour can, and sharpening ends at white and black. (Only softening, a sharpness below 1, mixes them with
their neighbours.) Brightness, contrast and saturation keep the hue: all three channels move together.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from gan_lab.errors import UserError

Pixels = NDArray[Any]
Values = NDArray[np.float32]

LIMITS = {"brightness": (0.2, 5.0), "contrast": (0.2, 5.0), "saturation": (0.0, 5.0), "sharpness": (0.0, 5.0)}

_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)  # Rec. 709, on the encoded values
_SHARPENED_SIGMA = 1.0  # in pixels
_HALO = 4  # rows around a strip that its sharpening needs: OpenCV's kernel for this sigma has 9
_STRIP = 1 << 20  # pixels computed at a time


@dataclass(frozen=True)
class Adjustment:
    """Adjust pictures by four factors; a callable, and pure.

    Args:
        brightness: factor on the odds v / (1 - v) of the luma v in [0, 1], 0.2 to 5: near black it multiplies the value.
        contrast: factor on the logarithm of those odds, 0.2 to 5: the slope at middle grey, which stays.
        saturation: factor on each channel's distance from the luma, 0 (grey) to 5, as far as all channels stay in range.
        sharpness: 1 + the share of the finest detail (beyond a Gaussian blur of sigma 1 pixel) that is added, 0 to 5.

    Raises:
        UserError: a factor is out of its range.
    """

    brightness: float = 1.0
    contrast: float = 1.0
    saturation: float = 1.0
    sharpness: float = 1.0

    def __post_init__(self) -> None:
        for name, (low, high) in LIMITS.items():
            factor = getattr(self, name)
            number = isinstance(factor, int | float) and not isinstance(factor, bool)
            if not number or not low <= factor <= high:
                raise UserError(f"adjust.{name}={factor}: needs a factor from {low:g} to {high:g}; 1 changes nothing")

    @property
    def changes_nothing(self) -> bool:
        """Return whether every factor is 1."""
        return all(getattr(self, field.name) == 1 for field in fields(self))

    def __call__(self, pixels: Pixels) -> Pixels:
        """Return the adjusted picture, computed in float32 and rounded once, in strips of bounded memory.

        Args:
            pixels: uint8 or uint16 [H, W, C], C = 1 or 3, sRGB or grey.

        Returns:
            Likewise, a new array; `pixels` itself where every factor is 1.
        """
        if self.changes_nothing:
            return pixels
        white = np.float32(np.iinfo(pixels.dtype).max)
        adjusted = np.empty_like(pixels)
        height, width, _ = pixels.shape
        rows = max(1, _STRIP // width)
        for top in range(0, height, rows):
            above, end = min(top, _HALO), min(top + rows, height)
            values = self._adjust(pixels[top - above : end + _HALO].astype(np.float32) / white)
            values = values[above : above + end - top].clip(0, 1)
            adjusted[top:end] = np.rint(values * white).astype(pixels.dtype)
        return adjusted

    def _adjust(self, values: Values) -> Values:
        """Return the values in [0, 1] of a strip, adjusted: float32 [h, W, C]; sharpening may leave the range."""
        if values.shape[2] == 3:
            if self.brightness != 1 or self.contrast != 1:
                luma = _luma(values)
                values = _with_luma(values, luma, self._curve(luma))
            if self.saturation != 1:
                values = _saturate(values, self.saturation)
        else:
            values = self._curve(values)
        if self.sharpness == 1:
            return values
        blurred: Any = cv2.GaussianBlur(values, (0, 0), _SHARPENED_SIGMA, borderType=cv2.BORDER_REFLECT_101)
        return values + np.float32(self.sharpness - 1) * (values - blurred.reshape(values.shape))

    def _curve(self, luma: Values) -> Values:
        """Return the luma after brightness, then contrast: the odds become (brightness * odds) ** contrast."""
        for_it = self.brightness * luma
        bright = for_it / (for_it + (1 - luma))
        if self.contrast == 1:
            return bright
        for_it, against = (np.power(share, np.float32(self.contrast)) for share in (bright, 1 - bright))
        return for_it / (for_it + against)


def _luma(values: Values) -> Values:
    red, green, blue = (values[..., channel, None] * weight for channel, weight in enumerate(_LUMA))
    return red + green + blue  # in this order the rounded weights sum to 1 exactly


def _with_luma(values: Values, before: Values, after: Values) -> Values:
    """Return colours with another luma: brought nearer to black or away from it; mixed with white where that clips."""
    highest = values.max(axis=2, keepdims=True)
    factor = after / np.maximum(before, np.float32(1e-12))
    possible = np.minimum(factor, 1 / np.maximum(highest, np.float32(1e-12)))
    reached = before * possible
    white = np.clip((after - reached) / np.maximum(1 - reached, np.float32(1e-6)), 0, 1)
    scaled = values * possible
    return scaled + white * (1 - scaled)


def _saturate(values: Values, factor: float) -> Values:
    """Return colours at `factor` times their distance from grey, or as far as all three channels stay in [0, 1]."""
    luma = _luma(values)
    chroma = values - luma
    room_above = (1 - luma) / np.maximum(chroma.max(axis=2, keepdims=True), np.float32(1e-6))
    room_below = luma / np.maximum(-chroma.min(axis=2, keepdims=True), np.float32(1e-6))
    possible = np.minimum(room_above, room_below)
    return luma + chroma * np.minimum(np.float32(factor), possible)
