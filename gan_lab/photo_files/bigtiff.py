"""BigTIFF, with its 64-bit places, turned into TIFF where it stands, so that one code reads both."""

from __future__ import annotations

import mmap
import struct
from contextlib import nullcontext
from pathlib import Path
from typing import IO

import numpy as np

from gan_lab.photo_files.ifd import SIZES, Block, Order

_SHORTER = {16: 4, 17: 9, 18: 13}  # types of 8 bytes, and their like of 4
_POINTERS = (330, 0x8769, 0x8825, 0xA005)  # tags of directories in a directory
_HEADS: dict[bytes, Order] = {b"II+\0\x08\0\0\0": "<", b"MM\0+\0\x08\0\0": ">"}
_MOST = 10_000  # directories


def map_file(path: Path, part: IO[bytes] | None = None) -> Block | None:
    """Return a TIFF file's directories in a private map of the file; None where it is no TIFF that can be walked.

    Args:
        path: the file.
        part: what to read where the image is a part of a larger file.
    """
    with path.open("rb") if part is None else nullcontext(part) as file:
        position = file.tell()
        head = file.read(8)
        file.seek(position)
        if head[:4] not in (b"II*\0", b"MM\0*") and head not in _HEADS:
            return None
        data: bytearray | mmap.mmap
        if part is None:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        else:
            data = bytearray(file.read())
            file.seek(position)
    try:
        if head in _HEADS:
            _shorten(data)
        return Block(data, big=head in _HEADS)
    except ValueError:
        return None


def _shorten(data: bytearray | mmap.mmap) -> None:
    """Make a TIFF of a BigTIFF: directories and values take less room there, so each stays where it is.

    Args:
        data: the whole file, in memory that may be changed.

    Raises:
        ValueError: it is damaged, or larger than TIFF can be (4 GB).
    """
    order = _HEADS[bytes(data[:8])]
    if len(data) >= 2**32:
        raise ValueError("a BigTIFF of more than 4 GB")
    try:
        (first,) = struct.unpack_from(order + "Q", data, 8)
        done: set[int] = set()
        waiting = [first]
        while waiting and len(done) < _MOST:
            if (offset := waiting.pop()) and offset not in done:
                done.add(offset)
                waiting += _shorten_directory(data, order, offset)
        data[:8] = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "L", first)
    except (struct.error, IndexError) as error:
        raise ValueError("it ends too early") from error


def _shorten_directory(data: bytearray | mmap.mmap, order: Order, offset: int) -> list[int]:
    """Rewrite a directory, and return where those are that it points to."""
    (count,) = struct.unpack_from(order + "Q", data, offset)
    end = offset + 8 + 20 * count
    if end + 8 > len(data) or count > 65535:
        raise ValueError("a directory reaches beyond the file")
    (following,) = struct.unpack_from(order + "Q", data, end)
    found, beyond, table = [following], b"", struct.pack(order + "H", count)
    room = offset + 2 + 12 * count + 4  # what the shorter entries leave free takes the values of 5 to 8 bytes
    for index in range(count):
        tag, kind, values = struct.unpack_from(order + "HHQ", data, offset + 8 + 20 * index)
        at = offset + 8 + 20 * index + 12
        size = (8 if kind in _SHORTER else SIZES.get(kind, 1)) * values
        place = at if size <= 8 else struct.unpack_from(order + "Q", data, at)[0]
        if place + size > len(data):
            raise ValueError("a value reaches beyond the file")
        if kind in _SHORTER:
            numbers = np.frombuffer(bytes(data[place : place + size]), order + "u8")
            kind, raw = _SHORTER[kind], numbers.astype(order + "u4").tobytes()
        else:
            raw = bytes(data[place : place + size]) if size <= 8 else b""
        if tag in _POINTERS:
            found += [int(one) for one in np.frombuffer(raw, order + "u4")] if kind in (4, 13) else []
        if size <= 8 and len(raw) > 4:
            place, beyond = room + len(beyond), beyond + raw
        elif size > 8 and raw:
            data[place : place + len(raw)] = raw
        value = raw.ljust(4, b"\0") if len(raw) <= 4 and (raw or size <= 4) else struct.pack(order + "L", place)
        table += struct.pack(order + "HHL", tag, kind, values) + value
    whole = table + struct.pack(order + "L", following) + beyond
    data[offset : offset + len(whole)] = whole
    return found
