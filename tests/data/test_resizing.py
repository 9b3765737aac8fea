from __future__ import annotations

import numpy as np
import pytest

from gan_lab.data.resizing import find_reading_sizes, pad_to_square, resize


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
    square = pad_to_square(np.zeros((20, 40, 3), dtype=np.uint8), 64)
    assert square.shape == (64, 64, 3)
    assert square[16:48].max() == 0
    assert square[:16].min() == square[48:].min() == 255


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
