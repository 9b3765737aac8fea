"""What a JPEG 2000 file says beside its pixels, which Pillow does not read: colour profile, EXIF, XMP and IPTC."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import IO, Any

_EXIF = b"JpgTiffExif->JP2"
_XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_IPTC = bytes.fromhex("33c7a4d2b81d4723a0baf1a3e097ad38")
_IPTC_RESOURCE = 0x0404
#: Longer boxes than this are no metadata, in bytes.
_LONGEST = 2**26
#: Boxes that are looked at, at most: a file may hold any number of empty ones.
_MOST = 1000


def read_extras(file: IO[bytes]) -> dict[Any, Any]:
    """Return profile, EXIF, XMP and IPTC of a JP2 file as Pillow names those of a JPEG; {} for a bare codestream.

    Source: ITU-T T.800, annex I; where two boxes are of one kind the first counts.
    """
    place = file.tell()
    try:
        file.seek(0)
        if file.read(12) != b"\0\0\0\x0cjP  \r\n\x87\n":
            return {}
        found: dict[Any, Any] = {}
        for kind, content in _list_boxes(file):
            if kind == b"uuid":
                name, body = content[:16], content[16:]
                if name == _EXIF:
                    found.setdefault("exif", body)
                elif name == _XMP:
                    found.setdefault("xmp", body)
                elif name == _IPTC:
                    found.setdefault("photoshop", {_IPTC_RESOURCE: body})
            elif content[:1] in (b"\2", b"\3"):  # a colour specification that is an ICC profile
                found.setdefault("icc_profile", content[3:])
        return found
    finally:
        file.seek(place)


def _list_boxes(file: IO[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Yield kind and content of a file's boxes of metadata and colour, those in its header box among them."""
    for _ in range(_MOST):
        head = file.read(8)
        if len(head) < 8:
            return
        length, kind = struct.unpack(">I4s", head)
        start = 8
        if length == 1:
            (length,), start = struct.unpack(">Q", file.read(8).rjust(8, b"\0")), 16
        if kind == b"jp2h":  # its boxes follow
            continue
        if length < start:  # to the end of the file: that is the picture
            return
        if kind in (b"uuid", b"colr") and length - start <= _LONGEST:
            yield kind, file.read(length - start)
        else:
            file.seek(length - start, 1)
