"""Image files in and out, degradations, traditional methods and similarity: numpy, Pillow and OpenCV."""

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
from gan_lab.imaging.files import (
    IMAGE_SUFFIXES,
    UnreadableImage,
    find_images,
    grid,
    read_image,
    read_size,
    write_png,
)
from gan_lab.imaging.ground import WhiteGround, white_ground
from gan_lab.imaging.metadata import Metadata
from gan_lab.imaging.photo import PHOTO_SUFFIXES, Photo, read_photo, write_photo
from gan_lab.imaging.profile import DefectProfile, Degraded, LightProfile, PoorLight, Reduction
from gan_lab.imaging.provenance import ENHANCED, FILLED, GENERATED, Provenance, digital_source_type, read_provenance
from gan_lab.imaging.similarity import dhash, near_duplicate_groups
from gan_lab.imaging.traditional import traditional_methods

__all__ = [
    "ENHANCED",
    "FILLED",
    "GENERATED",
    "IMAGE_SUFFIXES",
    "JPEG",
    "PHOTO_SUFFIXES",
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
    "Metadata",
    "MotionBlur",
    "OneOf",
    "Photo",
    "PoorLight",
    "Provenance",
    "Reduction",
    "SensorNoise",
    "Several",
    "Sometimes",
    "UnreadableImage",
    "WebP",
    "WhiteGround",
    "dhash",
    "digital_source_type",
    "fill_hidden",
    "find_images",
    "grid",
    "near_duplicate_groups",
    "over_white",
    "read_image",
    "read_photo",
    "read_provenance",
    "read_size",
    "traditional_methods",
    "white_ground",
    "write_photo",
    "write_png",
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
