"""PNG with 16 bits and TIFF, written row by row."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from gan_lab.errors import UserError
from gan_lab.imaging import bit_depth
from gan_lab.photo_files import read_photo, write_photo
from gan_lab.photo_files.outputs import Extras
from gan_lab.photo_files.row_writers import write_tiff
from tests.photo_files.samples import (
    exif_block,
    photo_of,
    picture_8,
    picture_16,
    save,
)


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_tiff_is_written_in_its_exif_blocks_byte_order(tmp_path: Path, order: str) -> None:
    photo = photo_of(picture_16(), exif=exif_block(1, order=order), dpi=(72.5, 300.25))
    write_photo(tmp_path / "x.tif", photo)
    assert (tmp_path / "x.tif").read_bytes()[:2] == {"<": b"II", ">": b"MM"}[order]
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "x.tif"), picture_16())
    again = read_photo(tmp_path / "x.tif")
    assert again.metadata.dpi == (72.5, 300.25)
    for one in (again, read_photo(save(tmp_path / "y.png", picture_8(), exif=again.metadata.exif))):
        exif = Image.Exif()
        exif.load(one.metadata.exif)
        assert (exif[0x010F], exif.get_ifd(0x8825)[2]) == ("Maker", (52.0, 31.0, 12.25))


def test_large_pictures_are_written_in_bands_like_small_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    pixels, alpha = rng.integers(0, 65536, (50, 30, 3)).astype(np.uint16), np.full((50, 30), 7, np.uint16)
    pixels[10:] = pixels[10]
    monkeypatch.setattr(bit_depth, "_BAND", 30 * 7)  # 7 rows at a time
    for suffix in (".png", ".tif"):
        write_photo(tmp_path / f"x{suffix}", photo_of(pixels, alpha))
        with Image.open(tmp_path / f"x{suffix}") as picture:
            high = np.asarray(picture)
        np.testing.assert_array_equal(high, np.dstack((pixels, alpha)) >> 8)
        again = read_photo(tmp_path / f"x{suffix}")
        np.testing.assert_array_equal(again.pixels, pixels)
        np.testing.assert_array_equal(again.alpha, alpha)
    write_photo(tmp_path / "x.png", photo_of((pixels >> 8).astype(np.uint8), (alpha + 50).astype(np.uint8)))
    np.testing.assert_array_equal(read_photo(tmp_path / "x.png").pixels, pixels >> 8)


def test_a_16_bit_png_is_packed_by_what_its_rows_have_in_common(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)  # rows longer than deflate can look back: it finds nothing by itself
    columns = rng.integers(0, 65536, (1, 6000, 3)).astype(np.uint16).repeat(40, axis=0)
    rows = rng.integers(0, 65536, (40, 1, 3)).astype(np.uint16).repeat(6000, axis=1)
    for image in (columns, rows):
        write_photo(tmp_path / "x.png", photo_of(image))
        assert (tmp_path / "x.png").stat().st_size < image.nbytes / 20


class Long(io.BytesIO):
    def tell(self) -> int:
        return 2**32


def test_a_tiff_that_would_be_too_long_is_refused() -> None:
    with pytest.raises(UserError, match="holds at most 4 GB; choose png"):
        write_tiff(Long(), np.zeros((4, 4, 3), np.uint8), None, Extras())
