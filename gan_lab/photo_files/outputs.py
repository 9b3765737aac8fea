"""The formats that photos are written in, and what each can carry."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from gan_lab.photo_files import exif as exif_module
from gan_lab.photo_files.companions import remove_stale
from gan_lab.photo_files.icc import grey_profile, srgb_profile
from gan_lab.photo_files.metadata import Extras, Metadata, rights
from gan_lab.photo_files.provenance import Provenance, record_provenance
from gan_lab.photo_files.row_writers import write_png_16, write_tiff
from gan_lab.photo_files.xmp import DC, Packet

_LARGE_ALPHA = 1 << 25  # pixels
#: Of zlib; of photos 2.4 times as fast as its usual 6, for 3 % more bytes.
_PNG_LEVEL = 3
_SEGMENT = 65533  # bytes in a JPEG segment after its length
_XMP_HEAD, _EXIF_HEAD = b"http://ns.adobe.com/xap/1.0/\0", b"Exif\0\0"
_IPTC_HEAD = b"Photoshop 3.0\x008BIM\x04\x04\0\0"


Writer = Callable[[IO[bytes], NDArray[Any], "NDArray[Any] | None", Extras, int], None]


@dataclass(frozen=True)
class Output:
    """A format to write.

    Args:
        name: for messages.
        write: takes the file, pixels [H, W, C], alpha [H, W] or None, the extras and the quality.
        longest: the most pixels of a side.
        most: the most pixels in all.
        deep: it has 16 bits a channel.
        alpha: it has transparency.
        grey: it has grey pictures; else grey becomes RGB.
        iptc: it has a place for an IPTC-IIM record.
        segment: the most bytes of each kind of metadata; None for no such limit.
    """

    name: str
    write: Writer
    longest: int
    most: int = 2**62
    deep: bool = False
    alpha: bool = True
    grey: bool = True
    iptc: bool = True
    segment: int | None = None


def carry_metadata(
    metadata: Metadata, output: Output, shape: tuple[int, ...], provenance: Provenance | None, drop_gps: bool
) -> tuple[Extras, list[str]]:
    """Return the metadata of a photo that a format carries, made to fit its pixels, and notes of the rest.

    Args:
        metadata: as it came with the photo.
        output: the format.
        shape: [H, W, C] of the pixels.
        provenance: the record to put in; None for none.
        drop_gps: leave out where the photo was taken.
    """
    notes: list[str] = []
    gone = set(metadata.companions)
    size = (shape[1], shape[0])
    icc = None
    if metadata.profiled:
        icc = grey_profile() if shape[2] == 1 and output.grey else srgb_profile()
    exif = _exif(metadata, output, size, drop_gps, notes)
    xmp = _xmp(metadata, output, size, provenance, drop_gps, notes, gone)
    iptc = metadata.iptc if output.iptc else None
    if metadata.iptc and (iptc is None or (output.segment and len(iptc) + 64 > output.segment)):
        iptc = None
        notes.append(f"{output.name} has no place for the IPTC record: left out, but for creator and rights")
    if gone:
        notes.append(f"left out, with what the metadata say of it: {', '.join(sorted(gone))}")
    text = {key: value for key, value in metadata.text.items() if not (drop_gps and "gps" in key.lower())}
    return Extras(icc, exif, xmp, iptc, metadata.dpi, text), notes


def _exif(metadata: Metadata, output: Output, size: tuple[int, int], drop_gps: bool, notes: list[str]) -> bytes | None:
    if metadata.exif is None:
        return exif_module.with_resolution(metadata.dpi) if metadata.dpi and output.name == "WebP" else None
    try:
        block = exif_module.fit_exif(metadata.exif, size, metadata.profiled, drop_gps)
    except ValueError as error:
        notes.append(f"its EXIF block is damaged ({error}): left out")
        return None
    if output.segment and len(block) + len(_EXIF_HEAD) > output.segment:
        notes.append(f"its EXIF block is longer than {output.name} can hold: left out")
        return None
    return block


def _xmp(
    metadata: Metadata,
    output: Output,
    size: tuple[int, int],
    provenance: Provenance | None,
    drop_gps: bool,
    notes: list[str],
    gone: set[str],
) -> bytes | None:
    """Return the packet: the photo's own with what is new in it; the new alone where the format cannot hold both.

    What it said of other things in the old file, which the new one does not hold, goes to `gone` instead.
    """
    homeless = (metadata.iptc and not output.iptc) or (metadata.text and output.name != "PNG")
    owners = rights(metadata) if homeless else {}
    if metadata.xmp is None and provenance is None and not owners:
        return None
    try:
        packet = Packet(metadata.xmp)
    except ValueError as error:
        notes.append(f"its XMP packet is damaged ({error}): replaced")
        packet = Packet()
    packet.fit(size, metadata.profiled, drop_gps)
    gone |= remove_stale(packet, size)
    data = _with_news(packet, owners, provenance)
    if output.segment and len(data) + len(_XMP_HEAD) > output.segment:
        notes.append(f"its XMP packet is longer than {output.name} can hold: replaced")
        data = _with_news(Packet(), owners, provenance)
    return data


def _with_news(packet: Packet, owners: Mapping[str, str], provenance: Provenance | None) -> bytes:
    for name, kind, language in (("creator", "Seq", None), ("rights", "Alt", "x-default")):
        if name in owners and packet.get(DC, name) is None:
            packet.set_list(DC, "dc", name, kind, {owners[name]: language})
    if provenance is not None:
        record_provenance(packet, provenance)
    return bytes(packet)


def _picture(pixels: NDArray[np.uint8], alpha: NDArray[np.uint8] | None = None, grey: bool = True) -> Image.Image:
    if pixels.shape[2] == 1 and grey:
        one = Image.fromarray(pixels[..., 0])
        return one if alpha is None else Image.merge("LA", (one, Image.fromarray(alpha)))
    if alpha is None:
        return Image.fromarray(pixels if pixels.shape[2] == 3 else np.repeat(pixels, 3, axis=2))
    layers = np.empty((*alpha.shape, 4), np.uint8)
    layers[..., :3] = pixels
    layers[..., 3] = alpha
    return Image.fromarray(layers)


def _present(**options: Any) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _write_jpeg(
    file: IO[bytes], pixels: NDArray[Any], alpha: NDArray[Any] | None, extras: Extras, quality: int
) -> None:
    segments = b""
    if extras.xmp:
        segments += _segment(0xE1, _XMP_HEAD + extras.xmp)
    if extras.iptc:
        resource = _IPTC_HEAD + struct.pack(">I", len(extras.iptc)) + extras.iptc + bytes(len(extras.iptc) % 2)
        segments += _segment(0xED, resource)
    dpi = extras.dpi if extras.dpi and max(extras.dpi) <= 65535 else None
    comment = extras.text.get("Comment", "").encode()[:_SEGMENT] or None
    exif = _EXIF_HEAD + extras.exif if extras.exif else None
    options = _present(icc_profile=extras.icc, exif=exif, comment=comment, dpi=dpi, extra=segments or None)
    _picture(pixels).save(file, "JPEG", quality=quality, subsampling=0, **options)


def _segment(marker: int, data: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(data) + 2) + data


def _write_png(file: IO[bytes], pixels: NDArray[Any], alpha: NDArray[Any] | None, extras: Extras, quality: int) -> None:
    options = _png_options(extras)
    if pixels.dtype == np.uint8:
        _picture(pixels, alpha).save(file, "PNG", compress_level=_PNG_LEVEL, **options)
    else:
        write_png_16(file, pixels, alpha, options)


def _png_options(extras: Extras) -> dict[str, Any]:
    texts = PngImagePlugin.PngInfo()
    for key, value in extras.text.items():
        texts.add_text(key, value)
    if extras.iptc:  # where ImageMagick puts it, and others look for it
        digits = extras.iptc.hex()
        lines = [digits[start : start + 72] for start in range(0, len(digits), 72)]
        texts.add_text("Raw profile type iptc", "\n".join(["\niptc", f"{len(extras.iptc):8}", *lines, ""]), zip=True)
    if extras.xmp:
        texts.add_itxt("XML:com.adobe.xmp", extras.xmp.decode())
    return _present(pnginfo=texts, icc_profile=extras.icc, exif=extras.exif, dpi=extras.dpi)


def _write_webp(
    file: IO[bytes], pixels: NDArray[Any], alpha: NDArray[Any] | None, extras: Extras, quality: int
) -> None:
    options = _present(icc_profile=extras.icc, exif=extras.exif, xmp=extras.xmp)
    large = alpha is not None and alpha.size > _LARGE_ALPHA  # libwebp's search would take 35 bytes a pixel, else 20
    _picture(pixels, alpha, grey=False).save(file, "WEBP", quality=quality, method=0 if large else 4, **options)


def _write_avif(
    file: IO[bytes], pixels: NDArray[Any], alpha: NDArray[Any] | None, extras: Extras, quality: int
) -> None:
    options = _present(icc_profile=extras.icc, exif=extras.exif, xmp=extras.xmp)
    _picture(pixels, alpha, grey=False).save(file, "AVIF", quality=quality, subsampling="4:4:4", **options)


def _write_tiff(
    file: IO[bytes], pixels: NDArray[Any], alpha: NDArray[Any] | None, extras: Extras, quality: int
) -> None:
    write_tiff(file, pixels, alpha, extras)


_JPEG = Output("JPEG", _write_jpeg, 65500, alpha=False, segment=_SEGMENT)
_TIFF = Output("TIFF", _write_tiff, 2**31 - 1, deep=True)

#: By suffix; of AVIF as much as common decoders take.
OUTPUTS = {
    **dict.fromkeys((".jpg", ".jpeg", ".jpe", ".jfif"), _JPEG),
    ".png": Output("PNG", _write_png, 2**31 - 1, deep=True),
    ".webp": Output("WebP", _write_webp, 16383, grey=False, iptc=False),
    ".tif": _TIFF,
    ".tiff": _TIFF,
    ".avif": Output("AVIF", _write_avif, 32768, 2**28, grey=False, iptc=False),
}
