"""The traditional methods that enhancement is compared with: each takes and gives back uint8 RGB [H, W, 3].

Their settings are the usual ones for 8-bit photos, the same for every image and defect; only the strength of
non-local means follows the image's own noise.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from gan_lab.imaging.light import from_light, to_levels, to_light

Method = Callable[[np.ndarray], np.ndarray]


def traditional_methods() -> dict[str, Method]:
    """Return the traditional methods by name, in the order in which a table should list them."""
    methods: tuple[Method, ...] = (
        mean_filter,
        median_filter,
        gaussian_filter,
        bilateral_filter,
        non_local_means,
        sharpening,
        histogram_equalisation,
        clahe,
        stretch,
        grey_world,
    )
    return {method.__name__: method for method in methods}


def mean_filter(image: np.ndarray) -> np.ndarray:
    """Replace each pixel by the mean of its 3x3 neighbourhood."""
    return cv2.blur(image, (3, 3))


def median_filter(image: np.ndarray) -> np.ndarray:
    """Replace each value by the median of its 3x3 neighbourhood."""
    return cv2.medianBlur(image, 3)


def gaussian_filter(image: np.ndarray) -> np.ndarray:
    """Smooth with a Gaussian of sigma 0.8 pixels."""
    return cv2.GaussianBlur(image, (0, 0), 0.8)


def bilateral_filter(image: np.ndarray) -> np.ndarray:
    """Smooth with a Gaussian in space (sigma 3) and in colour (sigma 40), which spares edges."""
    return cv2.bilateralFilter(image, 7, 40, 3)


def non_local_means(image: np.ndarray) -> np.ndarray:
    """Average each pixel with those whose surroundings look alike, as strongly as the image is noisy."""
    strength = max(1.0, 0.9 * estimate_noise(image))
    blue_first = np.ascontiguousarray(image[..., ::-1])  # it weighs luma and chroma, and takes blue for the first
    return np.ascontiguousarray(cv2.fastNlMeansDenoisingColored(blue_first, None, strength, strength, 5, 15)[..., ::-1])


def sharpening(image: np.ndarray) -> np.ndarray:
    """Add 0.6 of the difference to a blurred copy (sigma 1.5): unsharp masking."""
    values = image.astype(np.float32)
    return to_levels(values + 0.6 * (values - cv2.GaussianBlur(values, (0, 0), 1.5)))


def histogram_equalisation(image: np.ndarray) -> np.ndarray:
    """Spread the luma evenly over its range; the chroma stays."""
    luma, *chroma = cv2.split(cv2.cvtColor(image, cv2.COLOR_RGB2YCrCb))
    return cv2.cvtColor(cv2.merge([cv2.equalizeHist(luma), *chroma]), cv2.COLOR_YCrCb2RGB)


def clahe(image: np.ndarray) -> np.ndarray:
    """Equalise the lightness by tiles with contrast limited to 2 (CLAHE); the colour stays.

    8x8 tiles, but fewer in small images: OpenCV's limit turns tiles of less than some 16x16 pixels white.
    """
    tiles = min(8, max(1, min(image.shape[:2]) // 32))
    lightness, *colour = cv2.split(cv2.cvtColor(image, cv2.COLOR_RGB2LAB))
    lightness = cv2.createCLAHE(2.0, (tiles, tiles)).apply(lightness)
    return cv2.cvtColor(cv2.merge([lightness, *colour]), cv2.COLOR_LAB2RGB)


def stretch(image: np.ndarray) -> np.ndarray:
    """Stretch the values between the 0.5 % darkest and brightest to the full range, all channels alike."""
    low, high = np.percentile(image, (0.5, 99.5))
    return to_levels((image.astype(np.float32) - low) * (255 / max(1.0, high - low)))


def grey_world(image: np.ndarray) -> np.ndarray:
    """Balance the channels so that their means agree in linear light: the world is grey on average."""
    light = to_light(image)
    means = light.mean(axis=(0, 1))
    return from_light(light * (means.mean() / np.maximum(means, 1e-4)))


def estimate_noise(image: np.ndarray) -> float:
    """Return the standard deviation of the noise in levels of 255, the mean over the channels.

    The median of the finest diagonal Haar coefficients stands for the noise: edges are few among them.

    Source: Donoho and Johnstone 1994, doi:10.1093/biomet/81.3.425, the median absolute deviation over 0.6745.
    """
    height, width = image.shape[0] // 2 * 2, image.shape[1] // 2 * 2
    values = image[:height, :width].astype(np.float32)
    diagonal = (values[::2, ::2] - values[1::2, ::2] - values[::2, 1::2] + values[1::2, 1::2]) / 2
    return float(np.mean(np.median(np.abs(diagonal), axis=(0, 1))) / 0.6745)
