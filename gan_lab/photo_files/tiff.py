"""TIFF files by what their samples mean: those of 16 bits, and those that Pillow does not know or mistakes."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin

from gan_lab.imaging.bit_depth import split_rows
from gan_lab.photo_files.access import UnreadableImage, unlimited_size
from gan_lab.photo_files.bigtiff import map_file
from gan_lab.photo_files.ifd import LONG, SHORT, Block, numbers
from gan_lab.photo_files.sixteen_bit import decode_file
from gan_lab.photo_files.tiff_kinds import (
    BITS,
    BLACK_IS_MOST,
    COLOURS,
    GREY,
    PHOTOMETRIC,
    PLANES,
    RGB,
    SAMPLES,
    choose_picture,
    describe_tiff,
    find_tiff_kind,
    refuse_meaningless,
)

_WIDTH, _HEIGHT, _ORIENTATION, _PREDICTOR = 256, 257, 274, 317
_STRIP_OFFSETS, _STRIP_COUNTS, _TILE_WIDTH, _TILE_OFFSETS, _TILE_COUNTS = 273, 279, 322, 324, 325
_PLACES = {_STRIP_OFFSETS, _STRIP_COUNTS, _TILE_OFFSETS, _TILE_COUNTS}
_NEEDED = _PLACES | {*range(256, 260), PHOTOMETRIC, 266, SAMPLES, 278, PLANES, _PREDICTOR, _TILE_WIDTH, 323}
_LOSSY = (6, 7, 34892)  # compressions by JPEG
_MOST_SAMPLES = 16


class Tiff:
    """A TIFF file, at its first whole picture.

    libtiff, through Pillow for 8 bits and OpenCV for 16, only unpacks the samples: to it the file is shown, in a private
    copy-on-write map, as a grey picture of all samples side by side. So planes, predictors, inverted greys and alpha are
    understood in one place, whichever version of these there is.

    Args:
        path: names the file in errors.
        block: its directories, in a private map that may be changed.

    Attributes:
        kind: what its samples are.
        size: width and height, as stored.
        orientation: as in EXIF.
        notes: what a user should know of which picture it is.

    Raises:
        ValueError: a directory is damaged.
    """

    def __init__(self, path: Path, block: Block) -> None:
        self.path = path
        self.block = block
        self.notes = choose_picture(block)
        self.kind = find_tiff_kind(block)
        self.size = self._number(_WIDTH, 0), self._number(_HEIGHT, 0)
        self.orientation = self._number(_ORIENTATION, 1)
        self._hidden = block.first not in block.list_directories()

    @property
    def deep(self) -> bool:
        """Whether it has 16 bits a channel, grey or RGB, that Pillow would read as 8."""
        return self._fits and self.kind.bits[0] == 16 and self.kind.photometric in (BLACK_IS_MOST, GREY, RGB)

    @property
    def odd(self) -> bool:
        """Whether Pillow does not know it, or takes it for what it is not, and this class reads it."""
        kind = self.kind
        bits = kind.bits if len(kind.bits) == kind.samples else kind.bits[:1] * kind.samples
        key = (b"II" if self.block.order == "<" else b"MM", kind.photometric, (1,), 1, bits, kind.extra)
        unknown = key not in TiffImagePlugin.OPEN_INFO or (self.block.big and self.block.order == ">") or self._hidden
        mixed_up = kind.planes and (kind.samples > COLOURS.get(kind.photometric, 0) or bits[0] == 16)
        inverted = kind.photometric == BLACK_IS_MOST and bits[0] == 16
        return self._fits and (unknown or mixed_up or inverted)

    @property
    def _fits(self) -> bool:
        kind = self.kind
        return (
            set(kind.bits) in ({8}, {16})
            and kind.format == 1
            and COLOURS.get(kind.photometric, _MOST_SAMPLES + 1) <= kind.samples <= _MOST_SAMPLES
            and kind.compression not in _LOSSY
        )

    def refuse_meaningless(self) -> None:
        """Raise ValueError where decoders would take the samples for what they are not."""
        refuse_meaningless(self.block, self.kind)
        if self._hidden and not self._fits:
            raise ValueError(f"its whole picture lies in a sub-directory and is {describe_tiff(self.block)}")

    def read(self) -> NDArray[Any]:
        """Return all samples as they are stored: uint8 or uint16 [H, W, samples].

        The map is changed: it shows the file no longer.

        Raises:
            UnreadableImage: it is damaged.
        """
        (width, height), first = self.size, self.block.first
        tiled, predicted = self._number(_TILE_WIDTH, 0), self._number(_PREDICTOR, 1) == 2
        planes = self.kind.samples if self.kind.planes else 1
        across, bits = self.kind.samples // planes, self.kind.bits[0]
        struct.pack_into(self.block.order + "L", self.block.data, 4, first)
        self.block.keep(first, _NEEDED)
        for tag, value in {BITS: bits, SAMPLES: 1, PHOTOMETRIC: GREY, PLANES: 1, _PREDICTOR: 1}.items():
            self.block.replace(first, tag, numbers(self.block.order, SHORT, value))
        self.block.replace(first, _WIDTH, numbers(self.block.order, LONG, width * across))
        self.block.replace(first, _TILE_WIDTH, numbers(self.block.order, LONG, tiled * across))
        entries = self.block.entries(first)
        found: list[NDArray[Any]] = []
        for plane in range(planes):
            for tag in _PLACES & entries.keys() if planes > 1 else ():
                each = entries[tag].count // planes
                self.block.show_part(first, tag, entries[tag], each * plane, each)
            pixels = self._decode() if bits == 8 else decode_file(self.path, np.frombuffer(self.block.data, np.uint8))
            if pixels.dtype != f"u{bits // 8}" or pixels.shape != (height, width * across):
                raise UnreadableImage(self.path, f"a {bits}-bit TIFF of an unusual kind")
            found.append(pixels.reshape(height, width, across))
            if predicted:
                _undo_prediction(found[-1], tiled)
        return found[0] if planes == 1 else np.concatenate(found, axis=2)

    def _decode(self) -> NDArray[np.uint8]:
        """Return the grey picture of 8 bits that the map shows; OpenCV reads no unpacked tiles from memory."""
        with unlimited_size, Image.open(io.BytesIO(self.block.data), formats=["TIFF"]) as picture:
            return np.array(picture)

    def _number(self, tag: int, default: int) -> int:
        return next(iter(self.block.numbers(self.block.first, tag)), default)


def open_tiff(path: Path, part: IO[bytes] | None = None) -> Tiff | None:
    """Return a TIFF file; None where it is of another format, or cannot be walked; arguments as in `map_file`.

    Raises:
        ValueError: its samples are nothing that can be shown.
    """
    block = map_file(path, part)
    if block is None:
        return None
    try:
        tiff = Tiff(path, block)
    except ValueError:
        return None
    tiff.refuse_meaningless()
    return tiff


def _undo_prediction(samples: NDArray[Any], tile_width: int) -> None:
    """Add up differences along the rows, modulo their bits, afresh in each tile."""
    width = samples.shape[1]
    for rows in split_rows(samples):
        for left in range(0, width, tile_width or width):
            part = samples[rows, left : left + (tile_width or width)]
            np.add.accumulate(part, axis=1, dtype=samples.dtype, out=part)
