"""Figures of an image on its own, where there is none to compare it with."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

#: The share of the steepest places whose mean says how sharp edges are.
STEEPEST = 0.02
_KERNEL = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)


def estimate_noise(pixels: NDArray[np.uint8]) -> float:
    """Return the standard deviation of noise in levels of 255, as if it were white and the image smooth.

    Texture counts as noise: compare results of one photo, not photos.

    Args:
        pixels: uint8 [H, W, C], sides of at least 3.

    Source: Immerkaer 1996, doi:10.1006/cviu.1996.0060.
    """
    residual = cv2.filter2D(_grey(pixels), cv2.CV_32F, _KERNEL)[1:-1, 1:-1]
    return float(np.abs(residual).mean() * math.sqrt(math.pi / 2) / 6)


def measure_sharpness(pixels: NDArray[np.uint8]) -> float:
    """Return how steep the steepest 2 % of places are: the mean of their gradients, in levels of 255 a pixel.

    Args:
        pixels: uint8 [H, W, C], sides of at least 3.
    """
    grey = _grey(pixels)
    across, down = (cv2.Sobel(grey, cv2.CV_32F, *order, ksize=3, scale=1 / 8) for order in ((1, 0), (0, 1)))
    steepness = np.hypot(across, down).ravel()
    count = max(1, round(STEEPEST * steepness.size))
    return float(np.partition(steepness, steepness.size - count)[-count:].mean())


def _grey(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return luma, float32 [H, W]."""
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY) if pixels.shape[2] == 3 else pixels[..., 0]
    return grey.astype(np.float32)
