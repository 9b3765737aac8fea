"""Animations: pictures in turn, over and over, in one file with its provenance."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gan_lab.errors import UserError
from gan_lab.photo_files.provenance import Provenance, record_provenance
from gan_lab.photo_files.xmp import Packet
from gan_lab.storage import write_atomically

#: Milliseconds to which a format rounds a picture's time; GIF counts in hundredths of a second.
_TICKS = {".webp": 1, ".gif": 10}
#: Players of GIF slow down what is shown for less.
_SHORTEST = 20
_GIF_XMP = b"\x21\xff\x0bXMP DataXMP"
#: Wherever a reader that takes the packet for blocks of a GIF lands in this, it is led to the end.
_GIF_XMP_END = bytes((1, *range(255, -1, -1), 0))


def write_animation(
    path: Path, frames: Sequence[NDArray[np.uint8]], fps: float, provenance: Provenance | None = None
) -> None:
    """Write pictures as an animation that loops for ever, whole or not at all.

    Neighbouring pictures that are equal may be kept as one that is shown for longer.

    Args:
        path: a .webp (24 bits a pixel, quality 90) or .gif (256 colours a picture) file; its folder is made.
        frames: uint8 [H, W, C] each, all of one shape.
        fps: pictures in a second, rounded to a time that the format has.
        provenance: the record to put in; None for none. Pillow does not read it from a GIF; ExifTool does.

    Raises:
        UserError: the suffix is another.
    """
    suffix = path.suffix.lower()
    if suffix not in _TICKS:
        raise UserError(
            f"{path}: an animation cannot be written as {path.suffix or 'a file without suffix'}; choose .webp or .gif"
        )
    tick = _TICKS[suffix]
    duration = max(_SHORTEST, round(1000 / fps / tick) * tick)
    first, *others = (Image.fromarray(frame[..., 0] if frame.shape[2] == 1 else frame) for frame in frames)
    options: dict[str, Any] = {"save_all": True, "append_images": others, "duration": duration, "loop": 0}
    packet = b"" if provenance is None else _packet(provenance)
    encoded = io.BytesIO()  # of a full disk, some encoders do not tell
    if suffix == ".webp":
        first.save(encoded, "WEBP", quality=90, method=4, xmp=packet, **options)
        content = encoded.getvalue()
    else:
        first.save(encoded, "GIF", **options)
        content = _with_xmp(encoded.getvalue(), packet) if packet else encoded.getvalue()
    with write_atomically(path) as file:
        file.write(content)


def _packet(provenance: Provenance) -> bytes:
    packet = Packet()
    record_provenance(packet, provenance)
    return bytes(packet)


def _with_xmp(gif: bytes, packet: bytes) -> bytes:
    """Return a GIF with a packet in front of its pictures. Source: Adobe, XMP specification part 3, section 1.1.2."""
    flags = gif[10]
    start = 13 + (3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0)  # after the header and the common palette
    return gif[:start] + _GIF_XMP + packet + _GIF_XMP_END + gif[start:]
