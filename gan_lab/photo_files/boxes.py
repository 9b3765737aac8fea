"""The boxes of AVIF, HEIF and JPEG 2000 files: what they say of the main picture's colours, depth and companions."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO

_MOST = 1 << 22  # bytes of a box that is read: headers take some kilobytes, a colour profile up to a megabyte
_FULL = 4  # bytes of version and flags before what a full box holds


@dataclass
class Statements:
    """What a file's boxes say of its main picture.

    Attributes:
        cicp: its code points of H.273: primaries, transfer, matrix, and 1 for the full range; None where there are none.
        depth: bits a channel; 0 where that is not said.
        companions: the kinds of the other pictures and data in the file, as the boxes call them.
    """

    cicp: tuple[int, int, int, int] | None = None
    depth: int = 0
    companions: set[str] = field(default_factory=set)


def read_statements(file: IO[bytes]) -> Statements:
    """Return the statements in the boxes of a file; an empty one where it has none, or damaged ones.

    Args:
        file: open for reading; its position is left where it was.
    """
    position = file.tell()
    found = Statements()
    try:
        file.seek(0)
        for kind, body in _walk_file(file):
            if kind == b"meta":
                _read_meta(body[_FULL:], found)
            elif kind == b"jp2h":
                for header in (data for name, data in _walk(body) if name == b"ihdr"):
                    found.depth = (header[10] & 0x7F) + 1
            elif kind in (b"mpvd", b"sefd"):
                found.companions.add("film of a motion photo")
    except (struct.error, IndexError):  # decoders are less forgiving, and it is they who refuse a file
        pass
    finally:
        file.seek(position)
    return found


def _walk_file(file: IO[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Yield kind and content of the outermost boxes; of a long one, which is pixels, the content is empty."""
    while len(head := file.read(8)) == 8:
        size, kind = struct.unpack(">I4s", head)
        length = size - 8
        if size == 1:
            length = struct.unpack(">Q", file.read(8))[0] - 16
        start = file.tell()
        wanted = kind in (b"meta", b"jp2h") and length <= _MOST
        yield kind, file.read(length if size else _MOST) if wanted else b""
        if size == 0 or length < 0:
            return
        file.seek(start + length)


def _walk(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        size = size or len(data) - at
        if size < 8:
            return
        yield kind, data[at + 8 : at + size]
        at += size


def _read_meta(meta: bytes, found: Statements) -> None:
    boxes = dict(_walk(meta))
    parts = list(_walk(boxes.get(b"iprp", b"")))
    properties = [one for kind, body in parts if kind == b"ipco" for one in _walk(body)]
    main = _read_number(boxes.get(b"pitm", b""))
    for index in _list_properties(dict(parts).get(b"ipma", b""), main):
        kind, body = properties[index - 1]
        if kind == b"colr" and body[:4] == b"nclx":
            primaries, transfer, matrix, flags = struct.unpack_from(">3HB", body, 4)
            found.cicp = primaries, transfer, matrix, flags >> 7
        elif kind == b"pixi":
            found.depth = max(body[_FULL + 1 :], default=0)
    for kind, body in properties:
        if kind == b"auxC":
            name = body[_FULL:].split(b"\0")[0].decode("latin-1")
            found.companions |= {what for word, what in _AUXILIARY.items() if word in name.lower()}
    for kind, body in _walk(boxes.get(b"iinf", b"")[_FULL + (4 if boxes.get(b"iinf", b"")[:1] > b"\0" else 2) :]):
        if kind == b"infe" and b"tmap" in body[:16]:
            found.companions.add("gain map")
    if any(kind == b"thmb" for kind, _ in _walk(boxes.get(b"iref", b"")[_FULL:])):
        found.companions.add("thumbnail")


#: What the names of auxiliary pictures contain, and what these are; transparency, the other kind, is kept.
_AUXILIARY = {
    "gainmap": "gain map",
    "depth": "depth map",
    "disparity": "depth map",
    "auxid:2": "depth map",
    "matte": "mask of a camera",
}


def _read_number(pitm: bytes) -> int:
    return int(struct.unpack_from(">I" if pitm[:1] > b"\0" else ">H", pitm, _FULL)[0]) if pitm else 0


def _list_properties(ipma: bytes, item: int) -> list[int]:
    """Return the numbers, from 1 on, of the properties that belong to an item."""
    if not ipma:
        return []
    version, wide = ipma[0], ipma[3] & 1
    (count,) = struct.unpack_from(">I", ipma, _FULL)
    at = _FULL + 4
    for _ in range(count):
        number, entries = struct.unpack_from(">IB" if version else ">HB", ipma, at)
        at += 5 if version else 3
        own = struct.unpack_from(f">{entries}{'H' if wide else 'B'}", ipma, at)
        at += entries * (2 if wide else 1)
        if number == item:
            return [each & (0x7FFF if wide else 0x7F) for each in own if each & (0x7FFF if wide else 0x7F)]
    return []
