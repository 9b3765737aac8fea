"""Image files in and out, degradations, traditional methods and similarity: numpy, Pillow and OpenCV."""

from gan_lab.imaging.combinators import Compose, OneOf, Sometimes
from gan_lab.imaging.degradations import (
    JPEG,
    Blur,
    ColourCast,
    Degradation,
    GaussianNoise,
    Holes,
    LowLight,
    LowResolution,
    MotionBlur,
    SensorNoise,
)
from gan_lab.imaging.files import (
    IMAGE_SUFFIXES,
    UnreadableImage,
    find_images,
    grid,
    read_image,
    read_size,
    write_png,
)

__all__ = [
    "IMAGE_SUFFIXES",
    "JPEG",
    "Blur",
    "ColourCast",
    "Compose",
    "Degradation",
    "GaussianNoise",
    "Holes",
    "LowLight",
    "LowResolution",
    "MotionBlur",
    "OneOf",
    "SensorNoise",
    "Sometimes",
    "UnreadableImage",
    "find_images",
    "grid",
    "read_image",
    "read_size",
    "write_png",
]
