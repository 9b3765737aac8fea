"""A picture taken apart into colours and alpha."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_lab.photo_files import read_photo
from tests.photo_files.samples import (
    far,
    icc_chunk,
    lab_in_srgb,
    picture_8,
    png_16,
    save,
    table_profile,
)


def test_two_colours_of_one_bit_are_grey(tmp_path: Path) -> None:
    image = (picture_8()[..., 0] > 99).astype(np.uint8) * 255
    for suffix in (".png", ".tif", ".bmp"):
        Image.fromarray(image).convert("1", dither=Image.Dither.NONE).save(tmp_path / f"x{suffix}")
        np.testing.assert_array_equal(read_photo(tmp_path / f"x{suffix}").pixels[..., 0], image)


@pytest.mark.parametrize("suffix", [".png", ".gif", ".tif", ".bmp"])
def test_a_palette_is_resolved(tmp_path: Path, suffix: str) -> None:
    indices = (np.arange(24 * 40).reshape(24, 40) % 200).astype(np.uint8)
    palette = np.random.default_rng(0).integers(0, 256, (256, 3)).astype(np.uint8)
    flat = Image.fromarray(indices).convert("P")
    flat.putpalette(palette.tobytes())
    flat.save(tmp_path / f"x{suffix}")
    np.testing.assert_array_equal(read_photo(tmp_path / f"x{suffix}").pixels, palette[indices])


def test_alpha_is_taken_apart_and_hidden_colour_with_it(tmp_path: Path) -> None:
    image = np.dstack((picture_8(), np.arange(24 * 40).reshape(24, 40) % 256)).astype(np.uint8)
    for suffix, options in ((".png", {}), (".tif", {}), (".webp", {"lossless": True, "exact": True})):
        photo = read_photo(save(tmp_path / f"x{suffix}", image, **options))
        np.testing.assert_array_equal(photo.pixels, image[..., :3])
        np.testing.assert_array_equal(photo.alpha, image[..., 3])
    pair = Image.merge("LA", (Image.fromarray(image[..., 0]), Image.fromarray(image[..., 3])))
    pair.save(tmp_path / "la.png")
    photo = read_photo(tmp_path / "la.png")
    np.testing.assert_array_equal(photo.pixels, image[..., :1])
    np.testing.assert_array_equal(photo.alpha, image[..., 3])


def test_a_transparent_colour_or_palette_entry_becomes_alpha(tmp_path: Path) -> None:
    image = np.zeros((2, 3, 3), np.uint8)
    image[0, 0], image[1, 2] = (9, 8, 7), (200, 100, 50)
    hidden = np.array([[0, 255, 255], [255, 255, 255]])
    save(tmp_path / "rgb.png", image, transparency=(9, 8, 7))
    save(tmp_path / "l.png", image[..., :1], transparency=9)
    flat = Image.fromarray(np.array([[3, 0, 0], [0, 0, 1]], np.uint8)).convert("P")
    flat.putpalette([0, 0, 0, 200, 100, 50, 1, 1, 1, 9, 8, 7])
    flat.save(tmp_path / "one.png", transparency=3)
    flat.save(tmp_path / "one.gif", transparency=3)
    flat.save(tmp_path / "many.png", transparency=bytes((255, 100, 255, 0)))
    for name in ("rgb.png", "l.png", "one.png", "one.gif"):
        np.testing.assert_array_equal(read_photo(tmp_path / name).alpha, hidden)
    many = read_photo(tmp_path / "many.png")
    np.testing.assert_array_equal(many.alpha, [[0, 255, 255], [255, 255, 100]])
    assert many.pixels[1, 2].tolist() == [200, 100, 50]


def test_a_profile_of_tables_is_converted_and_for_16_bits_says_that_it_took_8(tmp_path: Path) -> None:
    corners = {
        corner: (100 * sum(corner) / 3, 0, 20 * corner[0] - 20 * corner[2])
        for corner in itertools.product((0, 1), repeat=3)
    }
    profile = table_profile(b"RGB ", corners)
    expected = lab_in_srgb(100 / 3, 0, 20)
    photo = read_photo(save(tmp_path / "x.png", np.array([[[255, 0, 0]]], np.uint8), icc_profile=profile))
    assert far(photo.pixels[0, 0], expected) <= 2
    deep = read_photo(png_16(tmp_path / "x.png", np.array([[[65535, 0, 0]]]), 2, before=icc_chunk(profile)))
    assert far(deep.pixels[0, 0], expected * 257) <= 2 * 257
    assert any("with 8 bits" in note for note in deep.metadata.notes)


@pytest.mark.parametrize("suffix", [".jpg", ".tif"])
def test_cmyk_becomes_rgb_with_its_profile_and_without(tmp_path: Path, suffix: str) -> None:
    inks = np.zeros((16, 48, 4), np.uint8)
    inks[:, 16:32] = (0, 255, 0, 0)
    inks[:, 32:] = (0, 0, 0, 255)
    corners = dict.fromkeys(itertools.product((0, 1), repeat=4), (50.0, 40.0, 5.0))
    corners |= {one: (0.0, 0.0, 0.0) for one in corners if one[3] or sum(one) == 3} | {(0, 0, 0, 0): (100.0, 0.0, 0.0)}
    options = {"quality": 95, "subsampling": 0} if suffix == ".jpg" else {}
    page = Image.frombytes("CMYK", (48, 16), inks.tobytes())
    page.save(tmp_path / f"with{suffix}", icc_profile=table_profile(b"CMYK", corners), **options)
    photo = read_photo(tmp_path / f"with{suffix}")
    patches = photo.pixels[8, 8::16]
    assert far(patches, [[255] * 3, lab_in_srgb(50, 40, 5), [0] * 3]) <= 4
    assert photo.metadata.profiled
    page.save(tmp_path / f"without{suffix}", **options)
    plain = read_photo(tmp_path / f"without{suffix}")
    assert far(plain.pixels[8, 8::16], [[255] * 3, [255, 0, 255], [0] * 3]) <= 4
    assert any("CMYK" in note for note in plain.metadata.notes)
    assert not plain.metadata.profiled
