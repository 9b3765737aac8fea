"""Arrays of pixels: degradations, traditional methods, adjustments, cut-outs and similarity, in numpy and OpenCV."""

from gan_lab.imaging.adjust import Adjustment
from gan_lab.imaging.alpha import fill_hidden, over_white
from gan_lab.imaging.combinators import Compose, OneOf, Several, Sometimes
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
from gan_lab.imaging.ground import WhiteGround, white_ground
from gan_lab.imaging.profile import DefectProfile, Degraded, LightProfile, PoorLight, Reduction
from gan_lab.imaging.similarity import dhash, near_duplicate_groups
from gan_lab.imaging.traditional import traditional_methods

__all__ = [
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
    "WebP",
    "WhiteGround",
    "dhash",
    "fill_hidden",
    "near_duplicate_groups",
    "over_white",
    "traditional_methods",
    "white_ground",
]

#: What a configuration may describe, one in a checkpoint from elsewhere among them; see gan_lab/config/targets.py.
LOADABLE = frozenset(
    {
        "JPEG",
        "Blur",
        "ColourCast",
        "Compose",
        "DefectProfile",
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
        "WebP",
    }
)
