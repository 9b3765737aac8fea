"""JPEG 2000, with what Pillow does not read of it."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
from PIL import Image

from gan_lab.photo_files import read_image, read_photo
from tests.fixtures.heif import make_muted_picture, p3_profile
from tests.photo_files.samples import exif_block, iptc_record, xmp_packet
from tests.photo_files.test_formats import in_srgb


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", len(content) + 8, kind) + content


def jp2(path: Path, colr: bytes | None = None, *boxes: bytes) -> Path:
    """Write the picture as JPEG 2000 without loss, with another colour box and further boxes before the pixels."""
    file = io.BytesIO()
    Image.fromarray(make_muted_picture()).save(file, "JPEG2000", irreversible=False)
    data = file.getvalue()
    start, at = data.index(b"jp2h") - 4, data.index(b"colr") - 4
    (header,), (old,) = struct.unpack_from(">I", data, start), struct.unpack_from(">I", data, at)
    inner = (
        data[start + 8 : at] + (box(b"colr", colr) if colr else data[at : at + old]) + data[at + old : start + header]
    )
    path.write_bytes(data[:start] + box(b"jp2h", inner) + b"".join(boxes) + data[start + header :])
    return path


def test_jpeg_2000_comes_with_its_profile_and_metadata(tmp_path: Path) -> None:
    uuids = {
        b"JpgTiffExif->JP2": exif_block(orientation=1),
        bytes.fromhex("be7acfcb97a942e89c71999491e3afac"): xmp_packet('photoshop:Credit="An agency"'),
        bytes.fromhex("33c7a4d2b81d4723a0baf1a3e097ad38"): iptc_record("Somebody", "Mine"),
    }
    boxes = [box(b"uuid", name + content) for name, content in uuids.items()]
    path = jp2(tmp_path / "a.jp2", b"\2\0\0" + p3_profile(), *boxes)
    photo = read_photo(path)
    assert np.abs(photo.pixels - in_srgb()).max() <= 2
    assert photo.metadata.profiled
    assert b"A photographer" in photo.metadata.exif
    assert b"An agency" in photo.metadata.xmp
    assert b"Somebody" in photo.metadata.iptc
    np.testing.assert_array_equal(read_image(path), photo.pixels)


def test_plain_jpeg_2000_is_what_was_written(tmp_path: Path) -> None:
    np.testing.assert_array_equal(read_photo(jp2(tmp_path / "a.jp2")).pixels, make_muted_picture())
    Image.fromarray(make_muted_picture()).save(tmp_path / "a.j2k", irreversible=False)  # a bare codestream
    np.testing.assert_array_equal(read_photo(tmp_path / "a.j2k").pixels, make_muted_picture())
