"""PNG with 16 bits a channel, which Pillow reads as 8, by OpenCV."""

from __future__ import annotations

from pathlib import Path
from typing import IO, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from gan_lab.imaging.bit_depth import split_rows
from gan_lab.photo_files.access import UnreadableImage


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
