"""16 bits a channel, which Pillow reads as 8: PNG by OpenCV, TIFF by OpenCV with the meaning of the samples read here."""

from __future__ import annotations

from pathlib import Path
from typing import IO, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from gan_lab.imaging.bit_depth import split_rows
from gan_lab.photo_files.access import UnreadableImage
from gan_lab.photo_files.ifd import LONG, SHORT, Block, numbers

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 256, 257, 258, 259, 262
_STRIP_OFFSETS, _SAMPLES, _STRIP_COUNTS, _PLANES, _PREDICTOR = 273, 277, 279, 284, 317
_TILE_WIDTH, _TILE_OFFSETS, _TILE_COUNTS, _EXTRA, _FORMAT = 322, 324, 325, 338, 339
_PLACES = {_STRIP_OFFSETS, _STRIP_COUNTS, _TILE_OFFSETS, _TILE_COUNTS}
_NEEDED = _PLACES | {*range(256, 260), _PHOTOMETRIC, 266, _SAMPLES, 278, _PLANES, _PREDICTOR, _TILE_WIDTH, 323}
_BLACK_IS_65535, _GREY, _RGB = 0, 1, 2
_PREMULTIPLIED, _STRAIGHT = 1, 2


def read_png16(path: Path, transparent: int | tuple[int, ...] | None) -> tuple[NDArray[np.uint16], Any]:
    """Return a 16-bit PNG's colours and alpha as they are stored.

    Args:
        path: the file; its header says 16 bits.
        transparent: the grey, or the colour, that the file declares transparent; None where it declares none.

    Returns:
        uint16 [H, W, 1 or 3], and uint16 [H, W] or None.

    Raises:
        UnreadableImage: it is damaged.
    """
    with path.open("rb") as file:
        colour_type = file.read(26)[25]
        check_chunks(path, file)
    pixels = decode_file(path, np.memmap(path, np.uint8, "r"))
    grey = colour_type in (0, 4)
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    alpha = np.ascontiguousarray(pixels[..., 3]) if colour_type in (4, 6) and pixels.shape[2] == 4 else None
    colours = np.empty((*pixels.shape[:2], 1 if grey else 3), np.uint16)
    for rows in split_rows(pixels):  # OpenCV's order is BGR
        colours[rows] = pixels[rows, :, :1] if grey else pixels[rows, :, 2::-1]
    if transparent is not None and colour_type in (0, 2):
        alpha = np.where((colours == np.array(transparent)).all(axis=-1), 0, 65535).astype(np.uint16)
    return colours, alpha


def check_chunks(path: Path, file: IO[bytes]) -> None:
    """Follow a PNG's chunks to the end: OpenCV makes room for what a chunk says that it has, 4 GB in a file of 3 KB.

    Raises:
        UnreadableImage: one has more than the file.
    """
    position, size = 8, path.stat().st_size
    while position < size:
        file.seek(position)
        head = file.read(8)
        position += 12 + int.from_bytes(head[:4], "big")
        if position > size:
            raise UnreadableImage(path, "damaged, or cut short: a part of it has more bytes than the file")
        if head[4:] == b"IEND":
            return


class Tiff16:
    """A TIFF file with 16-bit samples, grey or RGB, with or without alpha, in any of TIFF's lossless compressions.

    libtiff, through OpenCV, only unpacks the samples: to it the file is shown, in a private copy-on-write map, as a
    grey picture of all samples side by side. So planes, predictors, inverted greys and alpha are understood in one
    place, whichever version of OpenCV there is.

    Args:
        path: the file.
        block: its directories, in a private map that may be changed.
    """

    def __init__(self, path: Path, block: Block) -> None:
        self._path = path
        self._block = block
        self._first = block.first
        self.size = self._number(_WIDTH, 0), self._number(_HEIGHT, 0)  # as stored

    @property
    def fits(self) -> bool:
        """Whether this class can read it: whole 16-bit samples, grey or RGB, not JPEG inside."""
        bits = self._block.numbers(self._first, _BITS)
        photometric, samples = self._number(_PHOTOMETRIC, -1), self._number(_SAMPLES, 1)
        return (
            bool(bits)
            and set(bits) == {16}
            and set(self._block.numbers(self._first, _FORMAT)) <= {1}
            and photometric in (_BLACK_IS_65535, _GREY, _RGB)
            and (3 if photometric == _RGB else 1) <= samples <= 8
            and self._number(_COMPRESSION, 1) not in (6, 7, 34892)
        )

    def read(self) -> tuple[NDArray[np.uint16], NDArray[np.uint16] | None]:
        """Return the colours and the alpha, as stored but for inverted greys and premultiplied colours, which are undone.

        The map is changed: it shows the file no longer.

        Returns:
            uint16 [H, W, 1 or 3], and uint16 [H, W] or None.

        Raises:
            UnreadableImage: it is damaged.
        """
        extra = self._block.numbers(self._first, _EXTRA)
        channels = 3 if self._number(_PHOTOMETRIC, _GREY) == _RGB else 1
        inverted = self._number(_PHOTOMETRIC, _GREY) == _BLACK_IS_65535
        predicted = self._number(_PREDICTOR, 1) == 2
        samples = self._samples(predicted)
        has_alpha = samples.shape[2] > channels and bool(extra) and extra[0] in (_PREMULTIPLIED, _STRAIGHT)
        alpha = np.ascontiguousarray(samples[..., channels]) if has_alpha else None
        colours = samples if samples.shape[2] == channels else np.ascontiguousarray(samples[..., :channels])
        if inverted:
            np.subtract(65535, colours, out=colours)
        if alpha is not None and extra[0] == _PREMULTIPLIED:
            for rows in split_rows(colours):
                share = np.maximum(alpha[rows, :, None], 1).astype(np.float32) / 65535
                colours[rows] = np.rint(np.minimum(colours[rows] / share, 65535))
        return colours, alpha

    def _samples(self, predicted: bool) -> NDArray[np.uint16]:
        """Return all samples, [H, W, samples]."""
        width, height = self.size
        count, tiled = self._number(_SAMPLES, 1), self._number(_TILE_WIDTH, 0)
        planes = count if self._number(_PLANES, 1) == 2 else 1
        across = count // planes
        self._block.keep(self._first, _NEEDED)
        for tag, value in {_BITS: 16, _SAMPLES: 1, _PHOTOMETRIC: _GREY, _PLANES: 1, _PREDICTOR: 1}.items():
            self._block.replace(self._first, tag, numbers(self._block.order, SHORT, value))
        self._block.replace(self._first, _WIDTH, numbers(self._block.order, LONG, width * across))
        self._block.replace(self._first, _TILE_WIDTH, numbers(self._block.order, LONG, tiled * across))
        entries = self._block.entries(self._first)
        found: list[NDArray[np.uint16]] = []
        for plane in range(planes):
            for tag in _PLACES & entries.keys() if planes > 1 else ():
                each = entries[tag].count // planes
                self._block.show_part(self._first, tag, entries[tag], each * plane, each)
            pixels = decode_file(self._path, np.frombuffer(self._block.data, np.uint8))
            if pixels.dtype != np.uint16 or pixels.shape != (height, width * across):
                raise UnreadableImage(self._path, "a 16-bit TIFF of an unusual kind")
            found.append(pixels.reshape(height, width, across))
            if predicted:
                _undo_prediction(found[-1], tiled)
        return found[0] if planes == 1 else np.concatenate(found, axis=2)

    def _number(self, tag: int, default: int) -> int:
        return next(iter(self._block.numbers(self._first, tag)), default)


def sixteen_bit_tiff(path: Path, block: Block) -> Tiff16 | None:
    """Return a TIFF file that `Tiff16` can read; None where it is of another kind, or damaged."""
    try:
        tiff = Tiff16(path, block)
        return tiff if tiff.fits else None
    except ValueError:
        return None


def decode_file(path: Path, data: NDArray[np.uint8]) -> NDArray[Any]:
    """Return an image file's pixels as OpenCV has them: [H, W] or [H, W, C], BGR(A), 8 or 16 bits.

    Args:
        path: names the file in the error.
        data: its bytes.

    Raises:
        UnreadableImage: it is damaged.
    """
    try:
        pixels = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    except cv2.error:
        pixels = None
    if pixels is None:
        raise UnreadableImage(path, "damaged, cut short, or packed in a way that OpenCV does not know")
    return pixels


def _undo_prediction(samples: NDArray[np.uint16], tile_width: int) -> None:
    """Add up differences along the rows, modulo 65536, afresh in each tile."""
    width = samples.shape[1]
    for rows in split_rows(samples):
        for left in range(0, width, tile_width or width):
            part = samples[rows, left : left + (tile_width or width)]
            np.add.accumulate(part, axis=1, dtype=np.uint16, out=part)
