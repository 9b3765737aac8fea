"""Image files in and out: colours, alpha, depth, metadata and provenance are read and written back."""

from gan_lab.photo_files.formats import IMAGE_SUFFIXES
from gan_lab.photo_files.images import UnreadableImage, grid, read_image, read_size, write_png
from gan_lab.photo_files.listing import Listing, list_folder
from gan_lab.photo_files.metadata import Metadata
from gan_lab.photo_files.photo import PHOTO_SUFFIXES, Photo, read_photo, write_photo
from gan_lab.photo_files.provenance import (
    ENHANCED,
    FILLED,
    GENERATED,
    Provenance,
    digital_source_type,
    read_provenance,
)

__all__ = [
    "ENHANCED",
    "FILLED",
    "GENERATED",
    "IMAGE_SUFFIXES",
    "PHOTO_SUFFIXES",
    "Listing",
    "Metadata",
    "Photo",
    "Provenance",
    "UnreadableImage",
    "digital_source_type",
    "grid",
    "list_folder",
    "read_image",
    "read_photo",
    "read_provenance",
    "read_size",
    "write_photo",
    "write_png",
]
