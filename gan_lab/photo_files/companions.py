"""What a photo's file holds beside the picture, and no result does: to be said, and no longer spoken of in metadata."""

from __future__ import annotations

import mmap
import re
from functools import partial
from pathlib import Path

from PIL import Image

from gan_lab.photo_files.boxes import Statements
from gan_lab.photo_files.ifd import Block
from gan_lab.photo_files.stated_colour import BOXES
from gan_lab.photo_files.xmp import Packet

FILM, GAIN_MAP, DEPTH, THUMBNAIL = "film of a motion photo", "gain map", "depth map", "thumbnail"
LAYERS, STORAGE, CREDENTIALS = "Photoshop layers", "how the old file stored its pixels", "Content Credentials"

_GOOGLE, _ADOBE, _APPLE = "http://ns.google.com/photos/", "http://ns.adobe.com/", "http://ns.apple.com/"
_XMP, _TIFF, _EXIF = _ADOBE + "xap/1.0/", _ADOBE + "tiff/1.0/", _ADOBE + "exif/1.0/"
#: What properties of XMP speak of, by how their namespaces begin.
_NAMESPACES = {
    _GOOGLE + "1.0/container/": "list of what else is in the file",
    _ADOBE + "hdr-gain-map/": GAIN_MAP,
    _APPLE + "HDRGainMap/": GAIN_MAP,
    _GOOGLE + "1.0/depthmap/": DEPTH,
    _GOOGLE + "1.0/focus/": DEPTH,
    _GOOGLE + "dd/1.0/": DEPTH,
    _APPLE + "depthData/": DEPTH,
    _APPLE + "pixeldatainfo/": DEPTH,
    _GOOGLE + "1.0/image/": "picture before a camera's effect",
    _GOOGLE + "1.0/audio/": "sound",
    "http://ns.oplus.com/photos/": FILM,
    "http://ns.vivo.com/photos/": FILM,
    "http://ns.xiaomi.com/photos/": "data of a camera behind the picture",
}
_DIMENSIONS, _PANORAMA = _XMP + "sType/Dimensions#", _GOOGLE + "1.0/panorama/"
#: The same by the whole of their names.
_PROPERTIES = {
    (_XMP, "Thumbnails"): THUMBNAIL,
    (_ADOBE + "xmp/note/", "HasExtendedXMP"): "extended XMP",
    ("http://ns.adobe.com/photoshop/1.0/", "TextLayers"): LAYERS,
    ("http://purl.org/dc/terms/", "provenance"): CREDENTIALS,
    **dict.fromkeys(
        (
            *((_TIFF, name) for name in ("BitsPerSample", "Compression", "PhotometricInterpretation", "SamplesPerPixel")),
            *((_TIFF, name) for name in ("PlanarConfiguration", "YCbCrSubSampling", "YCbCrPositioning")),
            *((_EXIF, name) for name in ("ComponentsConfiguration", "CompressedBitsPerPixel")),
        ),
        STORAGE,
    ),
}  # fmt: skip
_FILM_NAMES = ("MotionPhoto", "MicroVideo")
#: Places in the picture, with where they say for which width and height they hold.
_MEASURED = (
    (_DIMENSIONS, "w", "h", "http://www.metadataworkinggroup.com/schemas/regions/", "regions (faces) of another size"),
    (_PANORAMA, "CroppedAreaImageWidthPixels", "CroppedAreaImageHeightPixels", _PANORAMA, "panorama of another size"),
)

_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")  # not a stuffed zero, a restart, or a fill byte
_END = 0xD9
_WITHOUT_LENGTH = {0x01, 0xD8, *range(0xD0, 0xD8)}
#: Photoshop's image resources: IPTC's record, its digest and the resolution are carried or made anew.
_CARRIED, _THUMBNAILS = {0x0404, 0x0425, 0x03ED}, {0x0409, 0x040C}
_PATHS = range(2000, 2999)
_TIFF_LAYERS, _TIFF_RESOURCES, _SUB_DIRECTORIES = 37724, 34377, 330


def remove_stale(packet: Packet, size: tuple[int, int]) -> set[str]:
    """Take out of an XMP packet what it says of things that are in the old file alone; return what these are.

    Args:
        packet: the photo's own.
        size: the new width and height in pixels.
    """
    gone = set(packet.remove_all(_kind_of_property))
    for namespace, width, height, begin, kind in _MEASURED:
        measured = [(value, str(size[0])) for value in packet.list_values(namespace, width)]
        measured += [(value, str(size[1])) for value in packet.list_values(namespace, height)]
        if any(value != side for value, side in measured):
            gone |= packet.remove_all(partial(_kind_by_namespace, begin=begin, kind=kind))
    return gone


def _kind_of_property(namespace: str, name: str) -> str | None:
    """Return the companion that a property of XMP describes and no result holds; None for any other property."""
    if name.startswith(_FILM_NAMES):
        return FILM
    begun = (kind for start, kind in _NAMESPACES.items() if namespace.startswith(start))
    return _PROPERTIES.get((namespace, name)) or next(begun, None)


def _kind_by_namespace(namespace: str, _: str, begin: str, kind: str) -> str | None:
    return kind if namespace.startswith(begin) else None


def find_companions(path: Path, picture: Image.Image) -> set[str]:
    """List the contents of a file beside its picture; for a TIFF see `tiff_companions`."""
    found: set[str] = set(picture.info.get(BOXES, Statements()).companions)
    resources = set(picture.info.get("photoshop") or {})
    if resources & _THUMBNAILS:
        found.add(THUMBNAIL)
    if resources & set(_PATHS):
        found.add("clipping path")
    if resources - _CARRIED - _THUMBNAILS - set(_PATHS):
        found.add("Photoshop's settings")
    if any(name == "APP11" and data[:2] == b"JP" for name, data in getattr(picture, "applist", ())):
        found.add(CREDENTIALS)
    if picture.format == "JPEG" and (kind := _kind_of_trailer(path)):
        found.add(kind)
    return found


def tiff_companions(block: Block) -> set[str]:
    """List the contents of a TIFF file beside the picture of its first directory."""
    kinds = {
        _TIFF_LAYERS: LAYERS,
        _TIFF_RESOURCES: "Photoshop's settings",
        _SUB_DIRECTORIES: "pictures in sub-directories",
    }
    return {kinds[tag] for tag in kinds.keys() & block.entries(block.first).keys()}


def _kind_of_trailer(path: Path) -> str | None:
    """Name the data behind the end of a JPEG's picture; None where there is none, or padding."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        end = _find_end(data)
        rest = data[end : end + 4096].lstrip(b"\0\xff") if end else b""
        if not rest:
            return None
        if b"ftyp" in rest[:32] or data.rfind(b"MotionPhoto_Data", end) >= 0:
            return FILM
        return "another picture behind it" if rest.startswith(b"\xd8") else "data behind the picture"


def _find_end(data: mmap.mmap) -> int:
    """Return where a JPEG's picture ends; 0 where no end is found."""
    at = 2
    while (found := _MARKER.search(data, at)) is not None:
        kind, at = data[found.start() + 1], found.end()
        if kind == _END:
            return at
        if kind not in _WITHOUT_LENGTH:
            at += int.from_bytes(data[at : at + 2], "big")
    return 0
