"""What an image file says beside its pixels, gathered from any format so that any other can carry it."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

from gan_lab.photo_files import exif as exif_module
from gan_lab.photo_files.boxes import Statements
from gan_lab.photo_files.companions import THUMBNAIL, tiff_companions
from gan_lab.photo_files.ifd import Block
from gan_lab.photo_files.stated_colour import BOXES, read_stated_colour
from gan_lab.photo_files.xmp import Packet

_IPTC_RESOURCE = 0x0404  # of Photoshop's image resources
_TIFF_XMP, _TIFF_IPTC, _TIFF_ICC = 700, 33723, 34675
_BY_LINE, _COPYRIGHT = (2, 80), (2, 116)
_RAW = "Raw profile type "
_NOT_TEXT = ("XML:com.adobe.xmp", _RAW)


@dataclass(frozen=True)
class Metadata:
    """What came with a photo.

    Args:
        format: of the content, as Pillow names it: JPEG, MPO, PNG, WEBP, TIFF, BMP, GIF, AVIF, HEIF or JPEG2000.
        dpi: resolution across and down in dots per inch; None where the file names none.
        exif: an EXIF block from its byte-order mark on, its orientation reset and its thumbnail gone; None for none.
        xmp: an XMP packet; None for none.
        iptc: an IPTC-IIM record; None for none.
        text: comments, and PNG's texts by keyword.
        profiled: the file said what its colours are, by a profile or otherwise, so what is written shall have a profile.
        notes: what a user should know of how the photo was read.
        companions: what else was in the file, and goes into no other.
    """

    format: str
    dpi: tuple[float, float] | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None
    text: Mapping[str, str] = field(default_factory=dict)
    profiled: bool = False
    notes: tuple[str, ...] = ()
    companions: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Extras:
    """What goes into a file beside the pixels; None where there is nothing.

    Args:
        icc: a colour profile.
        exif: an EXIF block from its byte-order mark on.
        xmp: an XMP packet.
        iptc: an IPTC-IIM record.
        dpi: resolution across and down.
        text: comments and texts by keyword.
    """

    icc: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None
    dpi: tuple[float, float] | None = None
    text: Mapping[str, str] = field(default_factory=dict)


def metadata_of(picture: Image.Image, notes: tuple[str, ...] = (), companions: Set[str] = frozenset()) -> Metadata:
    """Return the metadata of a picture that Pillow has loaded (PNG has some after its pixels); not for TIFF.

    Args:
        picture: the picture.
        notes: what a user should know already.
        companions: what its file holds beside it.
    """
    info = picture.info
    text = {key: str(value) for key, value in getattr(picture, "text", {}).items() if not key.startswith(_NOT_TEXT)}
    if comment := info.get("comment"):
        text["Comment"] = _decode_text(comment) if isinstance(comment, bytes) else str(comment)
    photoshop, colour = info.get("photoshop") or {}, read_stated_colour(picture)
    boxes = info.get(BOXES, Statements())
    depth = max(boxes.depth, info.get("bit_depth", 8))  # this one pi-heif knows
    if depth > 8 and not picture.mode.startswith("I"):
        notes += (f"its {depth} bits a channel were read as 8",)
    return _drop_damaged(
        Metadata(
            format=picture.format or "",
            dpi=_dpi(info.get("dpi")),
            exif=info.get("exif") or _raw_profile(info.get(_RAW + "exif")) or _raw_profile(info.get(_RAW + "APP1")),
            xmp=xmp_of(picture),
            iptc=photoshop.get(_IPTC_RESOURCE) or _raw_profile(info.get(_RAW + "iptc")),
            text=text,
            profiled=colour.stated,
            notes=notes + colour.notes,
            companions=frozenset(companions),
        )
    )


def tiff_metadata(block: Block, notes: tuple[str, ...] = ()) -> tuple[Metadata, bytes | None]:
    """Return the metadata of a TIFF file, and its colour profile, None for none."""
    tags = {_TIFF_XMP, _TIFF_IPTC, _TIFF_ICC}
    fields = block.fields(block.head, tags) | block.fields(block.first, tags)  # where the picture is not the first one
    xmp, iptc, profile = (fields[tag].raw if tag in fields else None for tag in (_TIFF_XMP, _TIFF_IPTC, _TIFF_ICC))
    known = Metadata(
        format="TIFF",
        dpi=_dpi(exif_module.resolution_of(block)),
        exif=exif_module.from_tiff(block),
        xmp=xmp,
        iptc=iptc,
        profiled=bool(profile),
        notes=notes,
        companions=frozenset(tiff_companions(block)),
    )
    return _drop_damaged(known), profile


def xmp_of(picture: Image.Image) -> bytes | None:
    """Return the XMP packet of a picture that Pillow has opened; None for none."""
    packet = picture.info.get("xmp") or picture.info.get("XML:com.adobe.xmp")
    if isinstance(packet, str):
        packet = packet.encode()
    return packet or None


def rights(metadata: Metadata) -> dict[str, str]:
    """Return who made a photo and whose it is ("creator", "rights"), from its IPTC record and its texts."""
    record = _datasets(metadata.iptc or b"")
    found = {
        "creator": _decode_text(record.get(_BY_LINE, b"")) or metadata.text.get("Author", ""),
        "rights": _decode_text(record.get(_COPYRIGHT, b"")) or metadata.text.get("Copyright", ""),
    }
    return {name: value for name, value in found.items() if value}


def _drop_damaged(known: Metadata) -> Metadata:
    """Leave out what is damaged, and say so; a damaged block must neither lose the picture nor be handed on."""
    values: dict[str, Any] = vars(known) | {"dpi": known.dpi}
    notes = list(known.notes)
    if known.exif is not None:
        block = known.exif.removeprefix(b"Exif\0\0").removeprefix(b"Exif\0\0")
        try:
            values["exif"] = exif_module.upright(block)
            if exif_module.has_thumbnail(block):
                values["companions"] |= {THUMBNAIL}
            values["dpi"] = known.dpi or _dpi(exif_module.resolution_of(Block(bytearray(block))))
        except ValueError as error:
            values["exif"] = None
            notes.append(f"its EXIF block is damaged ({error}): left out")
    if known.xmp is not None:
        try:
            Packet(known.xmp)
        except ValueError as error:
            values["xmp"] = None
            notes.append(f"its XMP packet is damaged ({error}): left out")
    return Metadata(**values | {"notes": tuple(notes)})


def _dpi(value: Any) -> tuple[float, float] | None:
    try:
        x, y = (float(one) for one in value)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return (x, y) if all(math.isfinite(one) and 0 < one < 1e6 for one in (x, y)) else None


def _raw_profile(text: Any) -> bytes | None:
    """Return the bytes of a profile that ImageMagick wrote into PNG's texts: a name, a length, hexadecimal digits."""
    try:
        data = bytes.fromhex("".join(str(text).split()[2:]))
    except ValueError:
        return None
    if data.startswith(b"8BIM") and len(data) > 12 and struct.unpack(">H", data[4:6])[0] == _IPTC_RESOURCE:
        data = data[12:]  # its name is empty: two bytes, and four for the length
    return data or None


def _datasets(record: bytes) -> dict[tuple[int, int], bytes]:
    """Return an IPTC-IIM record's data sets by number, of a repeated one the first."""
    found: dict[tuple[int, int], bytes] = {}
    at = 0
    while at + 5 <= len(record) and record[at] == 0x1C:
        (size,) = struct.unpack_from(">H", record, at + 3)
        if size & 0x8000:  # an extended length: of pictures inside, not of what is asked for here
            break
        found.setdefault((record[at + 1], record[at + 2]), record[at + 5 : at + 5 + size])
        at += 5 + size
    return found


def _decode_text(text: bytes) -> str:
    """Return a text that may be UTF-8 or Latin-1: what says which is seldom right, and UTF-8 is seldom so by chance."""
    try:
        return text.decode().strip("\0 ")
    except UnicodeDecodeError:
        return text.decode("latin-1").strip("\0 ")
