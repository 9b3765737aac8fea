"""PNG with 16 bits a channel, and TIFF, written row by row: Pillow writes neither of RGB, OpenCV neither with metadata."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gan_lab.errors import UserError
from gan_lab.imaging.bit_depth import split_rows
from gan_lab.photo_files import exif as exif_module
from gan_lab.photo_files.ifd import BYTE, LONG, SHORT, UNDEFINED, Block, Directory, Field, Order, layout, numbers
from gan_lab.photo_files.metadata import Extras

_PNG = b"\x89PNG\r\n\x1a\n"
_DEFLATE, _HORIZONTAL, _STRAIGHT_ALPHA = 8, 2, 2


def write_png_16(file: IO[bytes], pixels: NDArray[np.uint16], alpha: NDArray[np.uint16] | None, options: Any) -> None:
    """Write a PNG with 16 bits a channel.

    Args:
        file: to write to.
        pixels: uint16 [H, W, 1 or 3].
        alpha: uint16 [H, W]; None for an opaque picture.
        options: of Pillow's PNG writer, for everything but the pixels.
    """
    height, width, channels = pixels.shape
    kind = (0 if channels == 1 else 2) + (4 if alpha is not None else 0)
    file.write(_PNG + _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0)))
    stand_in = io.BytesIO()
    Image.new("L" if channels == 1 else "RGB", (1, 1)).save(stand_in, "PNG", **options)
    for name, data in _chunks(stand_in.getvalue()):
        if name not in (b"IHDR", b"IDAT", b"IEND"):
            file.write(_chunk(name, data))
    packer = zlib.compressobj(6)
    above = np.zeros((1, width * (channels + (alpha is not None)) * 2), np.uint8)
    for rows in split_rows(pixels):
        raw = _samples(pixels, alpha, rows).astype(">u2").view(np.uint8).reshape(-1, above.shape[1])
        if packed := packer.compress(_filter_rows(raw, above, pixel_bytes=above.shape[1] // width)):
            file.write(_chunk(b"IDAT", packed))
        above = raw[-1:]
    file.write(_chunk(b"IDAT", packer.flush()) + _chunk(b"IEND", b""))


def write_tiff(file: IO[bytes], pixels: NDArray[Any], alpha: NDArray[Any] | None, extras: Extras) -> None:
    """Write a TIFF of one page, deflated with horizontal prediction.

    Args:
        file: to write to, at its beginning; it can be read and sought in.
        pixels: uint8 or uint16 [H, W, 1 or 3].
        alpha: of the same type, [H, W]; None for an opaque picture.
        extras: what goes along.

    Raises:
        UserError: it would be longer than 4 GB.
    """
    described: Directory = {}
    order: Order = "<"
    if extras.exif:
        block = Block(bytearray(extras.exif))
        described, order = exif_module.extract_descriptions(block), block.order
    file.write((b"II*\0" if order == "<" else b"MM\0*") + bytes(4))
    strips = split_rows(pixels)
    places, lengths = [], []
    for rows in strips:
        samples = _samples(pixels, alpha, rows)
        samples[:, 1:] -= samples[:, :-1].copy()
        packed = zlib.compress(samples.astype(samples.dtype.newbyteorder(order)).tobytes(), 6)
        places.append(file.tell())
        lengths.append(len(packed))
        file.write(packed + bytes(len(packed) % 2))
    at = file.tell()
    if at > 2**32 - 2**24:
        raise UserError("format=tiff: a TIFF holds at most 4 GB; choose png")
    fields = {**described, **_tiff_fields(pixels, alpha, extras, order)}
    fields |= {273: numbers(order, LONG, *places), 279: numbers(order, LONG, *lengths)}
    fields[278] = numbers(order, LONG, strips[0].stop)
    file.write(layout(fields, order, at))
    file.seek(4)
    file.write(struct.pack(order + "L", at))


def _tiff_fields(
    pixels: NDArray[Any], alpha: NDArray[Any] | None, extras: Extras, order: Order
) -> dict[int, Field | Directory]:
    height, width, channels = pixels.shape
    samples = channels + (alpha is not None)
    fields: dict[int, Field | Directory] = {
        256: numbers(order, LONG, width),
        257: numbers(order, LONG, height),
        258: numbers(order, SHORT, *[pixels.dtype.itemsize * 8] * samples),
        259: numbers(order, SHORT, _DEFLATE),
        262: numbers(order, SHORT, 1 if channels == 1 else 2),
        274: numbers(order, SHORT, 1),
        277: numbers(order, SHORT, samples),
        284: numbers(order, SHORT, 1),
        317: numbers(order, SHORT, _HORIZONTAL),
    }
    if alpha is not None:
        fields[338] = numbers(order, SHORT, _STRAIGHT_ALPHA)
    if extras.dpi:
        fields |= exif_module.resolution(extras.dpi, order)
    for tag, kind, data in ((700, BYTE, extras.xmp), (33723, UNDEFINED, extras.iptc), (34675, UNDEFINED, extras.icc)):
        if data:
            fields[tag] = Field(kind, len(data), data)
    return fields


def _samples(pixels: NDArray[Any], alpha: NDArray[Any] | None, rows: slice) -> NDArray[Any]:
    """Return a copy of some rows with their alpha, [rows, W, samples]."""
    return pixels[rows].copy() if alpha is None else np.dstack((pixels[rows], alpha[rows]))


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(_PNG)
    while at < len(png):
        (length,) = struct.unpack_from(">I", png, at)
        yield png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        at += length + 12


def _filter_rows(raw: NDArray[np.uint8], above: NDArray[np.uint8], pixel_bytes: int) -> bytes:
    """Return rows with the better of PNG's filters Sub (1) and Up (2) each, by the smallest sum of differences.

    Args:
        raw: uint8 [rows, bytes of a row].
        above: uint8 [1, bytes of a row], the row before the first.
        pixel_bytes: how far a pixel is from its left neighbour.
    """
    sub = raw.copy()
    sub[:, pixel_bytes:] -= raw[:, :-pixel_bytes]
    up = raw - np.concatenate((above, raw[:-1]))
    costs = [np.abs(one.view(np.int8).astype(np.int16)).sum(axis=1) for one in (sub, up)]
    better = (costs[1] < costs[0])[:, None]
    return np.concatenate((np.where(better, np.uint8(2), np.uint8(1)), np.where(better, up, sub)), axis=1).tobytes()
