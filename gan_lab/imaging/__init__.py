"""Image files in and out, degradations, traditional methods and similarity: numpy, Pillow and OpenCV."""

from gan_lab.imaging.adjust import Adjustment
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
    WebP,
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
from gan_lab.imaging.profile import DefectProfile, Degraded, LightProfile, PoorLight, Reduction, Several
from gan_lab.imaging.similarity import dhash, near_duplicate_groups
from gan_lab.imaging.traditional import traditional_methods

__all__ = [
    "IMAGE_SUFFIXES",
    "JPEG",
    "Adjustment",
    "Blur",
    "ColourCast",
    "Compose",
    "DefectProfile",
    "Degradation",
    "Degraded",
    "GaussianNoise",
    "Holes",
    "LightProfile",
    "LowLight",
    "LowResolution",
    "MotionBlur",
    "OneOf",
    "PoorLight",
    "Reduction",
    "SensorNoise",
    "Several",
    "Sometimes",
    "UnreadableImage",
    "WebP",
    "dhash",
    "find_images",
    "grid",
    "near_duplicate_groups",
    "read_image",
    "read_size",
    "traditional_methods",
    "write_png",
]
