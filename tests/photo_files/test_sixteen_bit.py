"""PNG with 16 bits a channel, value by value."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from gan_lab.photo_files import UnreadableImage, read_photo
from tests.photo_files.samples import (
    chunk,
    picture_16,
    png_16,
)


def test_16_bit_png_keeps_every_value(tmp_path: Path) -> None:
    image, alpha = picture_16(), np.arange(24 * 40, dtype=np.uint16).reshape(24, 40) * 68
    for kind, samples, channels in ((2, image, 3), (0, image[..., :1], 1)):
        photo = read_photo(png_16(tmp_path / "x.png", samples, kind))
        np.testing.assert_array_equal(photo.pixels, image[..., :channels])
        assert (photo.pixels.dtype, photo.alpha) == (np.uint16, None)
    for kind, colours in ((6, image), (4, image[..., :1])):
        photo = read_photo(png_16(tmp_path / "x.png", np.dstack((colours, alpha)), kind))
        np.testing.assert_array_equal(photo.pixels, colours)
        np.testing.assert_array_equal(photo.alpha, alpha)


def test_a_transparent_colour_of_16_bits_is_that_colour_alone(tmp_path: Path) -> None:
    image = picture_16()
    image[0, 1] = image[0, 0]
    image[0, 1, 2] ^= 1  # the same in its upper 8 bits
    mark = chunk(b"tRNS", struct.pack(">3H", *image[0, 0]))
    photo = read_photo(png_16(tmp_path / "x.png", image, 2, before=mark))
    assert photo.alpha[0, :2].tolist() == [0, 65535]
    grey = read_photo(png_16(tmp_path / "x.png", image[..., 2:], 0, before=chunk(b"tRNS", mark[12:14])))
    assert grey.alpha[0, :2].tolist() == [0, 65535]


def test_a_deep_png_whose_chunk_claims_gigabytes_is_refused_before_there_is_room_for_them(tmp_path: Path) -> None:
    path = png_16(tmp_path / "bomb.png", np.arange(48, dtype=np.uint16).reshape(6, 8), 0)
    content = path.read_bytes()
    at = content.index(b"IDAT") - 4
    path.write_bytes(content[:at] + struct.pack(">I", 0xFFFFFF1F) + content[at + 4 :])
    with pytest.raises(UnreadableImage, match="more bytes than the file"):
        read_photo(path)
    path.write_bytes(content + b"what comes after the end is nothing to a PNG")
    assert read_photo(path).pixels.shape == (6, 8, 1)
