"""8 and 16 bits."""

from __future__ import annotations

import numpy as np

from gan_lab.imaging.bit_depth import split_rows, to_8_bits, to_16_bits


def test_16_bits_are_rounded_to_the_nearest_of_8() -> None:
    values = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    np.testing.assert_array_equal(to_8_bits(values), np.rint(values / 257))


def test_bands_of_rows_cover_an_array_once_and_hold_a_million_pixels_at_most() -> None:
    tall = np.empty((5000, 700), np.uint8)
    bands = split_rows(tall)
    assert len(bands) == 4
    assert max(tall[rows].size for rows in bands) <= 1 << 20
    assert [row for rows in bands for row in range(*rows.indices(5000))] == list(range(5000))
    assert split_rows(np.empty((2, 3_000_000), np.uint8)) == [slice(0, 1), slice(1, 2)]


def test_8_bits_go_to_16_and_back_unchanged() -> None:
    values = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert to_16_bits(values).max() == 65535
    np.testing.assert_array_equal(to_8_bits(to_16_bits(values)), values)
