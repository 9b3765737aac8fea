"""What happens to product photos: noise, blur, JPEG, lost resolution, poor light, colour casts and damage.

Every degradation is a callable `degradation(image, rng)`: uint8 [H, W, C] in [0, 255] (C = 1 or 3) and a
`np.random.Generator` give a uint8 image of the same shape; the input is not written to, and the same generator state
gives the same result. A range is a pair (low, high) from which each call draws uniformly; a number alone is fixed.
`Compose`, `Sometimes` and `OneOf` (`gan_lab.imaging.combinators`) put them together.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import cv2
import numpy as np
from PIL import Image

from gan_lab.errors import UserError
from gan_lab.imaging.light import from_light, to_levels, to_light
from gan_lab.imaging.ranges import Range, as_log_range, as_range, as_whole_range, draw_log, draw_whole

Degradation = Callable[[np.ndarray, np.random.Generator], np.ndarray]


class GaussianNoise:
    """Add white Gaussian noise to the sRGB values, the convention of denoising benchmarks.

    Args:
        sigma: standard deviation in levels of 255.
    """

    def __init__(self, sigma: Range = (0, 25)) -> None:
        self.sigma = as_range("GaussianNoise.sigma", sigma, low=0)

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return the image with noise."""
        noise = rng.standard_normal(image.shape, dtype=np.float32) * np.float32(rng.uniform(*self.sigma))
        return to_levels(image + noise)


class SensorNoise:
    """Add a sensor's shot and read noise in linear light: variance = shot * light + read.

    Args:
        shot: variance per unit of light, where 1 is white; drawn uniformly in its logarithm.
        read: variance in the dark; drawn likewise.

    Source: the noise model of Brooks et al. 2019, arXiv:1811.11127, sec. 3.1. Differs from paper: read noise is drawn
    independently of shot noise, over a range that covers theirs.
    """

    def __init__(self, shot: Range = (1e-4, 1e-2), read: Range = (1e-6, 1e-4)) -> None:
        self.shot = as_log_range("SensorNoise.shot", shot)
        self.read = as_log_range("SensorNoise.read", read)

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return the image with noise."""
        return from_light(add_sensor_noise(to_light(image), draw_log(self.shot, rng), draw_log(self.read, rng), rng))


class LowLight:
    """Photograph the scene with too little light: darker in linear light, then shot and read noise.

    Noise belongs to the exposure: added after rounding to 8 bits it would meet shadows that are already flat.

    Args:
        stops: by how many powers of two the light is less.
        shot, read: as in `SensorNoise`; 0 for none.
    """

    def __init__(self, stops: Range = (1, 3), shot: Range = (1e-4, 2e-3), read: Range = (1e-6, 2e-5)) -> None:
        self.stops = as_range("LowLight.stops", stops, low=0)
        self.shot = as_log_range("LowLight.shot", shot)
        self.read = as_log_range("LowLight.read", read)

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return the image as taken in less light."""
        light = to_light(image) * np.float32(2 ** -rng.uniform(*self.stops))
        return from_light(add_sensor_noise(light, draw_log(self.shot, rng), draw_log(self.read, rng), rng))


class ColourCast:
    """Balance white wrongly: one gain per channel, in linear light. A grey image has no cast and comes back as it is.

    Args:
        gain: factor on the light of each channel.
    """

    def __init__(self, gain: Range = (0.7, 1.3)) -> None:
        self.gain = as_range("ColourCast.gain", gain, low=0)

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return the image with its channels out of balance."""
        if image.shape[2] == 1:
            return image
        return from_light(to_light(image) * rng.uniform(*self.gain, size=3).astype(np.float32))


class Blur:
    """Blur as a lens out of focus does, here with a Gaussian, in linear light.

    Args:
        sigma: the Gaussian's standard deviation in pixels.
    """

    def __init__(self, sigma: Range = (0.3, 2.5)) -> None:
        self.sigma = as_range("Blur.sigma", sigma, low=0)

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return the image out of focus."""
        sigma = rng.uniform(*self.sigma)
        if sigma == 0:  # to OpenCV 0 means "choose one"
            return image
        blurred = cv2.GaussianBlur(to_light(image), (0, 0), sigma, borderType=cv2.BORDER_REFLECT_101)
        return from_light(blurred.reshape(image.shape))


class MotionBlur:
    """Blur along a straight line, as a camera does that moves while the shutter is open, in linear light.

    Args:
        length: of the movement, in pixels.
        angle: its direction in degrees; 0 is along the rows.
    """

    def __init__(self, length: Range = (2, 12), angle: Range = (0, 180)) -> None:
        self.length = as_range("MotionBlur.length", length, low=0)
        self.angle = as_range("MotionBlur.angle", angle)

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return the image moved while exposed."""
        kernel = _line_kernel(rng.uniform(*self.length), math.radians(rng.uniform(*self.angle)))
        blurred = cv2.filter2D(to_light(image), -1, kernel, borderType=cv2.BORDER_REFLECT_101)
        return from_light(blurred.reshape(image.shape))


class JPEG:
    """Encode as JPEG and decode again, with chroma at half the resolution as cameras and shops save it.

    Args:
        quality: the encoder's quality, 1 to 100, drawn as a whole number.
    """

    def __init__(self, quality: Range = (20, 90)) -> None:
        self.quality = as_whole_range("JPEG.quality", quality, low=1, high=100)

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return the image after encoding and decoding."""
        options = [cv2.IMWRITE_JPEG_QUALITY, draw_whole(self.quality, rng)]
        if image.shape[2] == 1:
            return _through_codec(image, ".jpg", options, cv2.IMREAD_GRAYSCALE)[..., None]
        decoded = _through_codec(cv2.cvtColor(image, cv2.COLOR_RGB2BGR), ".jpg", options, cv2.IMREAD_COLOR)
        return cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB)


class WebP:
    """Encode as WebP and decode again.

    Args:
        quality: the encoder's quality, 1 to 100, drawn as a whole number.
    """

    def __init__(self, quality: Range = (20, 90)) -> None:
        self.quality = as_whole_range("WebP.quality", quality, low=1, high=100)

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return the image after encoding and decoding."""
        options = [cv2.IMWRITE_WEBP_QUALITY, draw_whole(self.quality, rng)]
        grey = image.shape[2] == 1  # the format has no grey
        blue_first = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR if grey else cv2.COLOR_RGB2BGR)
        decoded = _through_codec(blue_first, ".webp", options, cv2.IMREAD_COLOR)
        if grey:
            return cv2.cvtColor(decoded, cv2.COLOR_BGR2GRAY)[..., None]
        return cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB)


class LowResolution:
    """Shrink the image and enlarge it to its size again, each with a kernel drawn from those that programs use.

    All shrinking kernels average over the pixels that they merge, so the result lacks detail but is not aliased.

    Args:
        factor: by how much the sides shrink, at least 1.
    """

    shrinking = (Image.Resampling.BOX, Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS)
    enlarging = (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS)

    def __init__(self, factor: Range = (1, 4)) -> None:
        self.factor = as_range("LowResolution.factor", factor, low=1)

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return the image with the detail of a smaller one."""
        factor = rng.uniform(*self.factor)
        picture = Image.fromarray(image[..., 0] if image.shape[2] == 1 else image)
        small = (max(1, round(picture.width / factor)), max(1, round(picture.height / factor)))
        shrunk = picture.resize(small, self.shrinking[rng.integers(len(self.shrinking))])
        enlarged = shrunk.resize(picture.size, self.enlarging[rng.integers(len(self.enlarging))])
        return np.array(enlarged).reshape(image.shape)


class Holes:
    """Damage the image with scratches and blots, about two of the first for each of the second.

    Args:
        count: how many defects, drawn as a whole number.
        colour: what shows in them, R G B in [0, 255], to mark them for repair; None draws one colour for each defect.
    """

    thickness = (0.008, 0.024)  # of a scratch, as a share of the image's shorter side
    radius = (0.023, 0.063)  # of a blot, likewise

    def __init__(self, count: Range = (1, 9), colour: Sequence[int] | None = None) -> None:
        self.count = as_whole_range("Holes.count", count, low=0)
        self.colour = None if colour is None else tuple(int(level) for level in colour)
        if self.colour is not None and (len(self.colour) != 3 or not all(0 <= level <= 255 for level in self.colour)):
            raise UserError(f"Holes.colour={colour}: needs three numbers from 0 to 255, or null")

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return the image with defects painted over it."""
        damaged = image.copy()
        height, width, channels = image.shape
        side = min(height, width)
        for _ in range(draw_whole(self.count, rng)):
            colour = self.colour or tuple(rng.integers(0, 256, 3).tolist())
            paint = colour if channels == 3 else (round(float(np.dot(colour, (0.299, 0.587, 0.114)))),)
            start, end = (rng.uniform(0, (width, height)).astype(int).tolist() for _ in range(2))
            if rng.random() < 2 / 3:
                cv2.line(damaged, start, end, paint, max(1, round(side * rng.uniform(*self.thickness))))
            else:
                cv2.circle(damaged, start, max(1, round(side * rng.uniform(*self.radius))), paint, cv2.FILLED)
        return damaged


def _through_codec(image: np.ndarray, suffix: str, options: list[int], how: int) -> np.ndarray:
    written, code = cv2.imencode(suffix, image, options)
    decoded = cv2.imdecode(code, how) if written else None
    if decoded is None:
        raise ValueError(f"{suffix}: cannot encode an image of shape {list(image.shape)}")
    return decoded


def add_sensor_noise(light: np.ndarray, shot: float, read: float, rng: np.random.Generator) -> np.ndarray:
    """Return linear light, float32, with a sensor's noise: variance = shot * light + read."""
    variance = light * np.float32(shot) + np.float32(read)
    return light + np.sqrt(variance) * rng.standard_normal(light.shape, dtype=np.float32)


def _line_kernel(length: float, angle: float) -> np.ndarray:
    """Return the blur kernel of a straight movement: float32, odd sides, sum 1, each point split over four pixels."""
    centre = math.ceil(length / 2)
    along = np.linspace(-length / 2, length / 2, 4 * centre + 3)
    columns, rows = centre + along * math.cos(angle), centre + along * math.sin(angle)
    left, top = np.floor(columns).astype(int), np.floor(rows).astype(int)
    kernel = np.zeros((2 * centre + 1, 2 * centre + 1), np.float32)
    for down in (0, 1):
        for right in (0, 1):
            share = (1 - abs(rows - top - down)) * (1 - abs(columns - left - right))
            np.add.at(kernel, (np.minimum(top + down, 2 * centre), np.minimum(left + right, 2 * centre)), share)
    # Without empty rows and columns (a line is symmetric: the centre stays) OpenCV filters directly, not by FFT.
    solid = kernel > 1e-6
    kernel = kernel[solid.any(axis=1)][:, solid.any(axis=0)]
    return kernel / kernel.sum()
