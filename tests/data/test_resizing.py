from __future__ import annotations

import numpy as np
import pytest

from gan_lab.data.resizing import count_most_pixels, find_reading_sizes, fit_size, pad_to_size, resize


@pytest.mark.parametrize(
    ("size", "kept"),
    [
        ((400, 600), (72, 108)),
        ((600, 400), (108, 72)),
        ((70, 140), (70, 140)),
        ((32, 48), (64, 96)),
        ((64, 64), (64, 64)),
    ],
)
def test_photos_are_kept_a_little_larger_than_the_crop(size: tuple[int, int], kept: tuple[int, int]) -> None:
    assert tuple(find_reading_sizes(np.array([size]), 64, "crop")[0]) == kept


def test_no_reading_size_is_below_the_crop() -> None:
    sizes = np.random.default_rng(0).integers(1, 3000, (500, 2))
    assert find_reading_sizes(sizes, 64, "crop").min() == 64


def test_padding_keeps_the_whole_photo_on_white() -> None:
    square = pad_to_size(np.zeros((20, 40, 3), dtype=np.uint8), 64)
    assert square.shape == (64, 64, 3)
    assert square[16:48].max() == 0
    assert square[:16].min() == square[48:].min() == 255


@pytest.mark.parametrize(
    ("size", "shorter_side", "kept"),  # (width, height), for images 96 high and 64 wide
    [
        ((400, 600), None, (72, 108)),
        ((1200, 800), None, (162, 108)),
        ((300, 900), None, (72, 216)),
        ((70, 100), None, (70, 100)),
        ((32, 32), None, (96, 96)),
        ((400, 600), 128, (128, 192)),
        ((1200, 800), 128, (288, 192)),
    ],
)
def test_photos_are_kept_to_cover_an_image_that_is_no_square(
    size: tuple[int, int], shorter_side: int | None, kept: tuple[int, int]
) -> None:
    assert tuple(find_reading_sizes(np.array([size]), (96, 64), "crop", shorter_side)[0]) == kept


def test_no_side_is_below_that_of_an_image_and_no_photo_is_distorted() -> None:
    sizes = np.random.default_rng(0).integers(200, 3000, (500, 2))
    kept = find_reading_sizes(sizes, (96, 64), "crop")
    assert (kept >= (64, 96)).all()
    assert ((kept <= (73, 109)).any(axis=1)).all()
    np.testing.assert_allclose(kept[:, 0] / kept[:, 1], sizes[:, 0] / sizes[:, 1], rtol=0.02)


def test_a_whole_photo_on_white_in_an_image_that_is_no_square() -> None:
    assert tuple(find_reading_sizes(np.array([(1200, 800)]), (96, 64), "pad")[0]) == (64, 96)
    assert fit_size(1200, 800, (96, 64)) == (64, 43)
    assert fit_size(200, 800, (96, 64)) == (24, 96)
    padded = pad_to_size(np.zeros((20, 40, 3), dtype=np.uint8), (96, 64))
    assert padded.shape == (96, 64, 3)
    assert padded[32:64].max() == 0
    assert padded[:32].min() == padded[64:].min() == 255


def test_strips_are_told_by_their_pixels() -> None:
    assert count_most_pixels(64) == 32 * 72 * 72
    assert count_most_pixels((96, 64)) == 32 * 108 * 72
    assert count_most_pixels((96, 64), 128) == 32 * 192 * 128


def test_resizing_keeps_a_plain_colour_and_the_grey_axis() -> None:
    assert np.array_equal(resize(np.full((50, 70, 3), 255, dtype=np.uint8), 20, 30), np.full((30, 20, 3), 255))
    assert resize(np.zeros((50, 70, 1), dtype=np.uint8), 20, 30).shape == (30, 20, 1)


def test_sixteen_bits_are_resized_as_eight_are() -> None:
    eight = np.random.default_rng(0).integers(0, 256, (50, 70, 3)).astype(np.uint8)
    sixteen = resize(eight.astype(np.uint16) * 257, 20, 30)
    assert sixteen.dtype == np.uint16
    np.testing.assert_allclose(sixteen / 257, resize(eight, 20, 30), atol=1)


def test_resizing_averages_rather_than_samples() -> None:
    stripes = np.tile(np.array([0, 255], dtype=np.uint8), (64, 32))[:, :, None]
    assert abs(int(resize(stripes, 8, 8)[4, 4, 0]) - 128) < 5
