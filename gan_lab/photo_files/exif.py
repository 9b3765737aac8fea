"""EXIF kept through an edit: what the new pixels make untrue is put right, and the rest stays byte for byte."""

from __future__ import annotations

import contextlib

from gan_lab.photo_files.ifd import ASCII, LONG, RATIONAL, SHORT, Block, Directory, Field, Order, layout, numbers

ORIENTATION, X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 0x0112, 0x011A, 0x011B, 0x0128
_WIDTH, _HEIGHT, _PIXEL_WIDTH, _PIXEL_HEIGHT = 0x0100, 0x0101, 0xA002, 0xA003
_EXIF, _GPS, _INTEROPERABILITY = 0x8769, 0x8825, 0xA005
_COLOUR_SPACE, _SRGB, _INTEROPERABILITY_INDEX = 0xA001, 1, 0x0001
_RELATED_WIDTH, _RELATED_HEIGHT = 0x1001, 0x1002  # of the picture, once more
_THUMBNAIL = ((0x0201, 0x0202), (0x0111, 0x0117))  # where a thumbnail's bytes are and how many: JPEG, or bare strips
_INCH, _CENTIMETRE = 2, 3

#: What a TIFF file's own directory says of the picture, and not of how the file holds it.
_DESCRIPTIVE = {
    *(0x010D, 0x010E, 0x010F, 0x0110, 0x0131, 0x0132, 0x013B, 0x013C, 0x4746, 0x4749, 0x8298),
    *(0x9C9B, 0x9C9C, 0x9C9D, 0x9C9E, 0x9C9F),
}


def fit_exif(exif: bytes, size: tuple[int, int], srgb: bool = False, drop_gps: bool = False) -> bytes:
    """Return an EXIF block that fits new pixels; what it does not touch keeps its place, so maker's notes stay readable.

    Args:
        exif: from `upright`.
        size: the new width and height in pixels.
        srgb: the colours were converted to sRGB, whatever the camera's colour space was.
        drop_gps: wipe the place where the photo was taken.

    Raises:
        ValueError: it is damaged beyond reading.
    """
    block = Block(bytearray(exif))
    block.replace(block.first, _WIDTH, numbers(block.order, LONG, size[0]))
    block.replace(block.first, _HEIGHT, numbers(block.order, LONG, size[1]))
    if drop_gps:
        _drop_gps(block)
    with contextlib.suppress(ValueError):  # these are details that a damaged directory may keep
        _fit_details(block, size, srgb)
    return bytes(block.data)


def upright(exif: bytes) -> bytes:
    """Return an EXIF block whose picture has been turned upright, and without the thumbnail.

    Args:
        exif: from the byte-order mark on.

    Raises:
        ValueError: it is damaged beyond reading.
    """
    block = Block(bytearray(exif))
    block.replace(block.first, ORIENTATION, numbers(block.order, SHORT, 1))
    _drop_thumbnail(block)
    return bytes(block.data)


def has_thumbnail(exif: bytes) -> bool:
    """Return whether an EXIF block has a thumbnail.

    Raises:
        ValueError: it is damaged beyond reading.
    """
    block = Block(bytearray(exif))
    return block.next(block.first) != 0


def extract_descriptions(block: Block) -> dict[int, Field | Directory]:
    """Return the descriptive part of a TIFF structure: its tags, and the EXIF and GPS directories.

    Raises:
        ValueError: its first directory is damaged.
    """
    kept: dict[int, Field | Directory] = {}
    for directory in dict.fromkeys((block.head, block.first)):  # where the picture is not the first one
        kept |= block.fields(directory, _DESCRIPTIVE)
        for pointer in (_EXIF, _GPS):
            with contextlib.suppress(ValueError):
                if inside := _inside(block, directory, pointer):
                    kept[pointer] = inside
    return kept


def from_tiff(block: Block) -> bytes | None:
    """Return a TIFF file's description as an EXIF block; None where it says nothing of its picture."""
    kept = extract_descriptions(block)
    return _block(kept, block.order) if kept else None


def with_resolution(dpi: tuple[float, float]) -> bytes:
    """Return an EXIF block that says nothing but the resolution in dots per inch: WebP has no other place for it."""
    return _block(resolution(dpi, "<"), "<")


def resolution(dpi: tuple[float, float], order: Order) -> dict[int, Field | Directory]:
    """Return the fields of a directory that tell a resolution in dots per inch."""
    return {
        X_RESOLUTION: numbers(order, RATIONAL, round(dpi[0] * 1000), 1000),
        Y_RESOLUTION: numbers(order, RATIONAL, round(dpi[1] * 1000), 1000),
        RESOLUTION_UNIT: numbers(order, SHORT, _INCH),
    }


def resolution_of(block: Block) -> tuple[float, float] | None:
    """Return a block's resolution in dots per inch; None where it names none, or no unit."""
    unit = block.numbers(block.first, RESOLUTION_UNIT) or (_INCH,)
    x, y = (block.rational(block.first, tag) for tag in (X_RESOLUTION, Y_RESOLUTION))
    if not x or not y or unit[0] not in (_INCH, _CENTIMETRE):
        return None
    scale = 2.54 if unit[0] == _CENTIMETRE else 1.0
    return x * scale, y * scale


def _block(directory: Directory, order: Order) -> bytes:
    return (b"II*\0\x08\0\0\0" if order == "<" else b"MM\0*\0\0\0\x08") + layout(directory, order, 8)


def _inside(block: Block, offset: int, pointer: int) -> dict[int, Field | Directory]:
    """Return the directory that a tag points to, with the interoperability directory in it; empty where there is none."""
    where = block.numbers(offset, pointer)
    if len(where) != 1:
        return {}
    fields: dict[int, Field | Directory] = dict(block.fields(where[0]))
    if fields.pop(_INTEROPERABILITY, None) and pointer == _EXIF:
        with contextlib.suppress(ValueError):
            if deeper := _inside(block, where[0], _INTEROPERABILITY):
                fields[_INTEROPERABILITY] = deeper
    return fields


def _fit_details(block: Block, size: tuple[int, int], srgb: bool) -> None:
    for where in block.numbers(block.first, _EXIF)[:1]:
        block.replace(where, _PIXEL_WIDTH, numbers(block.order, LONG, size[0]))
        block.replace(where, _PIXEL_HEIGHT, numbers(block.order, LONG, size[1]))
        if srgb:
            block.replace(where, _COLOUR_SPACE, numbers(block.order, SHORT, _SRGB))
        for deeper in block.numbers(where, _INTEROPERABILITY)[:1]:
            block.replace(deeper, _RELATED_WIDTH, numbers(block.order, LONG, size[0]))
            block.replace(deeper, _RELATED_HEIGHT, numbers(block.order, LONG, size[1]))
            if srgb:
                block.replace(deeper, _INTEROPERABILITY_INDEX, Field(ASCII, 4, b"R98\0"))


def _drop_gps(block: Block) -> None:
    for where in block.numbers(block.first, _GPS)[:1]:
        block.wipe_directory(where)
    block.remove(block.first, _GPS)


def _drop_thumbnail(block: Block) -> None:
    where = block.next(block.first)
    block.end(block.first)
    table_end = block.first + 2 + 12 * len(block.entries(block.first)) + 4
    with contextlib.suppress(ValueError):
        for starts, sizes in _THUMBNAIL if where else ():
            for start, size in zip(block.numbers(where, starts), block.numbers(where, sizes), strict=False):
                if start < 8 or block.first - size < start < table_end:
                    continue  # a damaged pointer must not cost the directory
                at_the_end = len(block.data) - start <= size + 1  # where cameras put it
                block.wipe(start, size)
                if at_the_end and isinstance(block.data, bytearray):
                    del block.data[start:]
