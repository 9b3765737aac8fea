"""What a file says beside its pixels, gathered from any format."""

from __future__ import annotations

import struct
from pathlib import Path

from gan_lab.photo_files import read_photo, write_photo
from tests.photo_files.samples import (
    chunk,
    exif_block,
    exif_of,
    iptc_record,
    picture_8,
    png_16,
)


def test_png_exif_of_imagemagick_is_understood(tmp_path: Path) -> None:
    block = b"Exif\0\0" + exif_block(6)
    record = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(iptc_record("A", "B"))) + iptc_record("A", "B")
    text = b""
    for name, data in ((b"exif", block), (b"iptc", record)):
        digits = b"\n" + name + b"\n%8d\n" % len(data) + data.hex().encode() + b"\n"
        text += chunk(b"tEXt", b"Raw profile type " + name + b"\0" + digits)
    photo = read_photo(png_16(tmp_path / "x.png", picture_8(), 2, before=text, depth=8))
    assert photo.pixels.shape == (40, 24, 3)
    assert photo.metadata.iptc == iptc_record("A", "B")
    assert photo.metadata.text == {}
    write_photo(tmp_path / "y.jpg", photo)
    assert exif_of(tmp_path / "y.jpg")[0x010F] == "Maker"
