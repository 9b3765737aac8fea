"""EXIF kept through an edit, made true, and never the photo's undoing."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image

from gan_lab.photo_files import Photo, digital_source_type, read_photo, write_photo
from gan_lab.photo_files import exif as exif_module
from gan_lab.photo_files.metadata import Metadata
from tests.photo_files.samples import (
    exif_block,
    exif_of,
    full,
    picture_8,
    save,
    tiff_16,
)
from tests.photo_files.test_photo_metadata import SUFFIXES


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_sizes_and_colour_space_tell_of_the_new_pixels(tmp_path: Path, order: str, suffix: str) -> None:
    photo = read_photo(full(tmp_path / "x.jpg", orientation=6, order=order))
    assert photo.pixels.shape == (40, 24, 3)
    large = Photo(np.zeros((80, 48, 3), np.uint8), None, replace(photo.metadata, profiled=False))
    write_photo(tmp_path / f"y{suffix}", large)
    exif = exif_of(tmp_path / f"y{suffix}")
    inside = exif.get_ifd(0x8769)
    assert (exif.get(0x0112, 1), inside[0xA002], inside[0xA003], inside[0xA001]) == (1, 48, 80, 65535)
    converted = Photo(large.pixels, None, Metadata("JPEG", exif=photo.metadata.exif, profiled=True))
    assert exif.get_ifd(0xA005)[1] == "R03"
    write_photo(tmp_path / f"y{suffix}", converted)
    exif = exif_of(tmp_path / f"y{suffix}")
    assert (exif.get_ifd(0x8769)[0xA001], exif.get_ifd(0xA005)[1]) == (1, "R98")


def test_the_old_thumbnail_is_gone_to_the_last_byte(tmp_path: Path) -> None:
    thumbnail = b"\xff\xd8 the old picture \xff\xd9" * 9
    for order in ("<", ">"):
        photo = read_photo(full(tmp_path / "x.jpg", thumbnail=thumbnail, order=order))
        assert thumbnail in (tmp_path / "x.jpg").read_bytes()
        for suffix in SUFFIXES:
            write_photo(tmp_path / f"y{suffix}", photo)
            data = (tmp_path / f"y{suffix}").read_bytes()
            assert b"the old picture" not in data
            assert exif_of(tmp_path / f"y{suffix}")[0x010F] == "Maker"
        assert not exif_of(tmp_path / "y.jpg").get_ifd(ExifTags.IFD.IFD1)
    assert len(photo.metadata.exif) < len(exif_block(1, thumbnail=thumbnail)) - len(thumbnail) + 2
    inside = exif_module.upright(exif_block(1, thumbnail=thumbnail) + b"more after it")
    assert b"the old picture" not in inside
    assert inside.endswith(b"more after it")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "block",
    [
        b"II*\x00\xff\xff\xff\xff garbage",
        b"nothing at all",
        b"",
        exif_block(6)[:30],
        b"MM\0*\0\0\0\x08\xff\xff",
        exif_block(1)[:8] + b"\0\1\x01\x12\0\3\0\0\0\1\0\1\0\0" + b"\0\0\0\x08" + b"\0" * 9,  # its next is itself
    ],
)
@pytest.mark.parametrize("made", [".jpg", ".webp"])
def test_damaged_exif_does_not_lose_the_picture(tmp_path: Path, block: bytes, made: str) -> None:
    photo = read_photo(save(tmp_path / f"x{made}", picture_8(), exif=b"Exif\0\0" + block))
    assert sorted(photo.pixels.shape) == [3, 24, 40]
    for suffix in SUFFIXES:
        write_photo(tmp_path / f"y{suffix}", photo, drop_gps=True)
        assert read_photo(tmp_path / f"y{suffix}").pixels.shape == photo.pixels.shape
    if block[:2] != b"MM" and block:
        assert any("EXIF block is damaged" in note for note in photo.metadata.notes)
        assert photo.metadata.exif is None


def test_a_thumbnail_that_is_said_to_lie_over_the_directory_does_not_take_it_along() -> None:
    whole = exif_block(6, thumbnail=b"old" * 30)
    place = struct.pack(">L", len(whole) - 90)
    for start in (0, 10):
        exif = Image.Exif()
        exif.load(exif_module.upright(whole.replace(place, struct.pack(">L", start))))
        assert (exif[0x010F], exif[0x0112]) == ("Maker", 1)


@pytest.mark.filterwarnings("ignore")
def test_no_exif_block_however_damaged_raises_anything_but_value_error() -> None:
    rng = np.random.default_rng(0)
    fitted = 0
    for order in ("<", ">"):
        whole = np.frombuffer(exif_block(6, thumbnail=b"old" * 30, order=order), np.uint8)
        for _ in range(400):
            damaged = whole.copy()
            damaged[rng.integers(0, len(whole), 4)] = rng.integers(0, 256, 4)
            block = damaged.tobytes()[: rng.integers(1, len(whole) + 1)]
            try:
                exif_module.fit_exif(exif_module.upright(block), (7, 9), True, True)
                fitted += 1
            except ValueError:
                continue
    assert fitted > 100


def test_a_tiffs_own_directory_becomes_exif(tmp_path: Path) -> None:
    tags = [(270, 2, 0, "Schuh", True), (315, 2, 0, "Zoe", True), (33432, 2, 0, "A shop", True)]
    photo = read_photo(tiff_16(tmp_path / "x.tif", picture_8().astype(np.uint16), extratags=tags, software="Scanner"))
    write_photo(tmp_path / "y.jpg", photo)
    exif = exif_of(tmp_path / "y.jpg")
    assert {tag: exif[tag] for tag in (270, 305, 315, 33432)} == {
        270: "Schuh",
        305: "Scanner",
        315: "Zoe",
        33432: "A shop",
    }
    assert 256 not in exif
    assert digital_source_type(tmp_path / "y.jpg") is None
