"""Which files are photos, by their names and by how they begin, and what to do with those that cannot be read."""

from __future__ import annotations

import re
from pathlib import Path

#: Names of each format that is read, by the name that Pillow has for it.
NAMES = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".jfi"),
    "MPO": (".mpo",),
    "PNG": (".png", ".apng"),
    "WEBP": (".webp",),
    "TIFF": (".tif", ".tiff"),
    "BMP": (".bmp", ".dib"),
    "GIF": (".gif",),
    "AVIF": (".avif", ".avifs"),
    "HEIF": (".heic", ".heif", ".hif", ".heics", ".heifs"),
    "JPEG2000": (".jp2", ".j2k", ".jpx", ".jpf", ".j2c", ".jpc"),
}
IMAGE_SUFFIXES = tuple(suffix for names in NAMES.values() for suffix in names)


def _suffixes(names: str) -> tuple[str, ...]:
    return tuple(f".{name}" for name in names.split())


#: Of cameras; most of these files are TIFFs that begin with a small picture.
RAW_SUFFIXES = _suffixes(
    "3fr arw cr2 cr3 crw dcr dng erf fff iiq kdc mef mos mrw nef nrw orf pef ptx raf raw rw2 rwl sr2 srf srw x3f"
)
#: Photos of kinds that cannot be read.
UNREAD_SUFFIXES = (
    *RAW_SUFFIXES,
    *_suffixes("jxl psd psb xcf exr jxr wdp hdp tga pcx ppm pgm pbm pnm qoi bpg"),
)

#: What a raw file is; the name of its kind goes in.
RAW = "the raw file of a camera ({}), which cannot be read: develop it and save it as TIFF, PNG or JPEG"
_HEIF = "a HEIF photo that is damaged, or of a kind that cannot be read: save it as JPEG or PNG"
_AVIF = "an AVIF photo that is damaged, or of a kind that cannot be read: save it as JPEG or PNG"
_JPEG_XL = "a JPEG XL picture, which cannot be read: save it as JPEG or PNG (djxl does)"
_JPEG_2000 = "a JPEG 2000 picture that is damaged or cut short"
_TIFF = "a TIFF that is damaged, or of a kind that cannot be read: save it with 8 or 16 bits a channel"
_PHOTOSHOP = "a Photoshop document, which cannot be read: save it as TIFF or PNG"
_KIND = "a picture of a kind that cannot be read: save it as PNG, TIFF or JPEG"

#: What begins so is a photo of this kind, and cannot be read.
_UNREAD = {
    b"FUJIFILMCCD-RAW": RAW.format("RAF"),
    b"IIRO": RAW.format("ORF"),
    b"IIRS": RAW.format("ORF"),
    b"MMOR": RAW.format("ORF"),
    b"IIU\0": RAW.format("RW2"),
    b"\0MRM": RAW.format("MRW"),
    b"FOVb": RAW.format("X3F"),
    b"II\x1a\0\0\0HEAPCCDR": RAW.format("CRW"),
    b"\xff\x0a": _JPEG_XL,
    b"\0\0\0\x0cJXL \r\n\x87\n": _JPEG_XL,
    b"8BPS": _PHOTOSHOP,
    b"gimp xcf": "a GIMP document, which cannot be read: save it as TIFF or PNG",
    b"v/1\x01": _KIND,  # OpenEXR
    b"II\xbc": _KIND,  # JPEG XR
    b"qoif": _KIND,
    b"BPG\xfb": _KIND,
}
#: What begins so is an image that can be read, or was one; in lower case.
_READ = {
    b"\x89png": "a PNG that is damaged or cut short",
    b"\xff\xd8\xff": "a JPEG that is damaged or cut short",
    b"gif8": "a GIF that is damaged or cut short",
    b"riff": "a WebP that is damaged or cut short",
    b"ii*\0": _TIFF,
    b"mm\0*": _TIFF,
    b"ii+\0": _TIFF,
    b"mm\0+": _TIFF,
    b"\0\0\0\x0cjp  \r\n\x87\n": _JPEG_2000,
    b"\xff\x4f\xff\x51": _JPEG_2000,
}
_SUFFIXES = {
    b"\x89PNG": ".png",
    b"\xff\xd8\xff": ".jpg",
    b"GIF8": ".gif",
    **dict.fromkeys((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), ".tif"),
    b"\0\0\0\x0cjP  \r\n\x87\n": ".jp2",
    b"\xff\x4f\xff\x51": ".j2k",
}
_NO_PHOTO = {
    b"%pdf": "a PDF, not an image",
    b"<!doctype html": "a web page, not an image",
    b"<html": "a web page, not an image",
    b"<svg": "a vector drawing, not a photo",
}
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1")
_AVIF_BRANDS = (b"avif", b"avis")
#: Bytes that tell what a file is.
HEAD = 64


def has_suffix(name: str) -> bool:
    """Return whether a name ends in what says of which kind a file is: in `v1.2` and `no. 5` it does not."""
    return bool(re.fullmatch(r"\.\w*[A-Za-z]\w*", Path(name).suffix))


def is_heif(head: bytes) -> bool:
    """Return whether a file that begins so may be a HEIF photo (HEIC is one)."""
    return head[4:8] == b"ftyp" and head[8:12] in _HEIF_BRANDS


def is_photo(head: bytes) -> bool:
    """Return whether a file that begins so is a photo, of a kind that can be read or not."""
    return describe_unread(head) is not None or guess_suffix(head) is not None


def guess_suffix(head: bytes) -> str | None:
    """Return the suffix that a photo that begins so should have; None for one of a kind that cannot be read, or no photo."""
    if describe_unread(head) is not None:
        return None
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return ".webp"
    if head[:2] == b"BM" and head[6:10] == bytes(4):
        return ".bmp"
    if head[4:8] == b"ftyp":
        return ".avif" if head[8:12] in _AVIF_BRANDS else ".heic" if is_heif(head) else None
    return next((suffix for beginning, suffix in _SUFFIXES.items() if head.startswith(beginning)), None)


def describe_unread(head: bytes, suffix: str = "") -> str | None:
    """Describe a photo of a kind that cannot be read, and what to do, by its first bytes; None for any other file.

    Args:
        head: the first `HEAD` bytes.
        suffix: of its name: a raw file may begin as a TIFF does.
    """
    if head[:4] in (b"II*\0", b"MM\0*") and (suffix.lower() in RAW_SUFFIXES or head[8:10] == b"CR"):
        return RAW.format(suffix[1:].upper() if suffix.lower() in RAW_SUFFIXES else "CR2")
    if head[4:12] == b"ftypcrx ":
        return RAW.format("CR3")
    return next((what for beginning, what in _UNREAD.items() if head.startswith(beginning)), None)


def describe_file(head: bytes, suffix: str = "") -> str:
    """Describe a file that could not be opened as an image, by how it begins."""
    if (what := describe_unread(head, suffix)) is not None:
        return what
    if head[4:8] == b"ftyp" and head[8:12] in (*_HEIF_BRANDS, *_AVIF_BRANDS):
        return _HEIF if is_heif(head) else _AVIF
    if suffix.lower() in RAW_SUFFIXES:
        return RAW.format(suffix[1:].upper())
    start = head.lstrip().lower()
    for beginning, what in {**_READ, **_NO_PHOTO}.items():
        if start.startswith(beginning):
            return what
    return _KIND if suffix.lower() in UNREAD_SUFFIXES else "not an image in a format that can be read"
