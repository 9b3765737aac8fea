"""ICC profiles: 16-bit colours through matrix and curves, and profiles for what is written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_lab.photo_files import outputs as outputs_module
from gan_lab.photo_files import read_photo
from tests.photo_files.samples import (
    adobe_profile,
    encode,
    far,
    grey_profile,
    icc_chunk,
    matrix_profile,
    png_16,
    save,
)


def test_the_profile_names_no_moment_of_its_making() -> None:
    assert outputs_module.srgb_profile()[24:36] == bytes.fromhex("07e800010001000000000000")


@pytest.mark.parametrize("sixteen", [False, True])
def test_white_black_and_grey_stay_neutral_through_a_profile(tmp_path: Path, sixteen: bool) -> None:
    levels = np.array([[[0] * 3, [255] * 3, [128] * 3]], np.uint16)
    for profile in (adobe_profile(), matrix_profile(1.0), matrix_profile(1.0, nudge=-60)):  # makers' numbers miss white
        if sixteen:
            photo = read_photo(png_16(tmp_path / "x.png", levels * 257, 2, before=icc_chunk(profile)))
        else:
            photo = read_photo(save(tmp_path / "x.png", levels.astype(np.uint8), icc_profile=profile))
        most = 65535 if sixteen else 255
        assert photo.pixels[0, :2].tolist() == [[0] * 3, [most] * 3]
        assert np.ptp(photo.pixels[0, 2].astype(int)) <= most / 255 * (0.01 if sixteen else 1)


def test_a_grey_profile_is_converted_and_grey_stays_grey(tmp_path: Path) -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(1, 256, 1)
    expected = encode((levels / 255) ** 1.8) * 255
    photo = read_photo(save(tmp_path / "x.png", levels, icc_profile=grey_profile(1.8)))
    assert photo.pixels.shape == levels.shape
    assert far(photo.pixels, expected) <= 1.6  # so exact is Pillow's engine
    deep = read_photo(
        png_16(tmp_path / "x.png", levels.astype(np.uint16) * 257, 0, before=icc_chunk(grey_profile(1.8)))
    )
    assert far(deep.pixels, expected * 257) <= 20
    assert far(expected, levels) > 10
    pair = Image.merge("LA", (Image.fromarray(levels[..., 0]), Image.fromarray(levels[..., 0])))
    pair.save(tmp_path / "la.png", icc_profile=grey_profile(1.8))
    transparent = read_photo(tmp_path / "la.png")
    np.testing.assert_array_equal(transparent.pixels, photo.pixels)
    np.testing.assert_array_equal(transparent.alpha, levels[..., 0])
