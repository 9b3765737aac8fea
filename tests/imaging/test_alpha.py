"""Transparency: what lies under it, and what must not come out from under it."""

from __future__ import annotations

import numpy as np
import pytest

from gan_lab.imaging import alpha as alpha_module
from gan_lab.imaging import fill_hidden, over_white


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
def test_hidden_pixels_take_the_nearest_visible_colour(kind: type, channels: int) -> None:
    rng = np.random.default_rng(0)
    most = np.iinfo(kind).max
    pixels = rng.integers(0, most, (30, 41, channels)).astype(kind)
    alpha = np.where(rng.random((30, 41)) < 0.04, rng.integers(1, most, (30, 41)), 0).astype(kind)
    filled = fill_hidden(pixels, alpha)
    seen = np.argwhere(alpha > 0)
    np.testing.assert_array_equal(filled[alpha > 0], pixels[alpha > 0])
    exact = 0
    for row, column in np.argwhere(alpha == 0):
        distances = np.hypot(*(seen - (row, column)).T)
        colours = pixels[tuple(seen[distances < distances.min() * 1.06 + 1e-6].T)]  # the distances are fixed-point ones
        assert (colours == filled[row, column]).all(axis=1).any()
        exact += (pixels[tuple(seen[distances.argmin()])] == filled[row, column]).all()
    assert exact > 0.9 * (alpha == 0).sum()


def test_the_input_is_not_changed_and_nothing_is_done_where_nothing_is_to_do() -> None:
    pixels = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    before = pixels.copy()
    alpha = np.full((4, 4), 255, np.uint8)
    assert fill_hidden(pixels, None) is pixels
    assert fill_hidden(pixels, alpha) is pixels
    assert fill_hidden(pixels, np.zeros_like(alpha)) is pixels
    alpha[0] = 0
    assert fill_hidden(pixels, alpha)[0].tolist() == before[1].tolist()
    np.testing.assert_array_equal(pixels, before)


def test_a_large_picture_is_filled_band_by_band(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = np.zeros((60, 8, 3), np.uint8)
    pixels[:] = 99
    pixels[20:24] = np.arange(20, 24)[:, None, None]
    alpha = np.zeros((60, 8), np.uint8)
    alpha[20:24] = 1
    whole = fill_hidden(pixels, alpha)
    assert whole[:, 0, 0].tolist() == [20] * 21 + [21, 22] + [23] * 37
    monkeypatch.setattr(alpha_module, "_BAND", 8 * 5)
    monkeypatch.setattr(alpha_module, "_MARGIN", 6)
    banded = fill_hidden(pixels, alpha)
    np.testing.assert_array_equal(banded[10:30], whole[10:30])  # within reach
    assert banded[:5].max() == banded[55:].max() == 22  # 21.5, rounded: the mean of what is seen


def test_over_white_is_exact_at_both_ends_and_right_between() -> None:
    for kind in (np.uint8, np.uint16):
        most = np.iinfo(kind).max
        pixels = np.array([[[0], [most // 3], [most]]], kind)
        assert over_white(pixels, np.full((1, 3), most, kind)).tolist() == pixels.tolist()
        assert over_white(pixels, np.zeros((1, 3), kind)).tolist() == [[[most]] * 3]
        half = over_white(pixels, np.full((1, 3), most // 5, kind))
        assert half.tolist() == [[[most - most // 5], [most - (most - most // 3) // 5], [most]]]
