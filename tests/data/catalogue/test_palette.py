"""Colours of goods, as linear light."""

from __future__ import annotations

import numpy as np
import pytest

from gan_lab.data.catalogue.palette import DYES, dim, linear, pick


def test_display_colours_become_linear_light() -> None:
    assert linear(0, 51, 255) == pytest.approx((0, 0.2**2.2, 1))
    assert linear(51, 255, 0) == pytest.approx((0.2**2.2, 1, 0))
    assert linear(255, 0, 51) == pytest.approx((1, 0, 0.2**2.2))


def test_a_colour_is_near_one_of_the_palette() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        found = np.array(pick(rng, DYES)) ** (1 / 2.2) * 255
        assert min(np.abs(found - dye).max() for dye in np.array(DYES)) < 0.08 * 255 + 6.5
    assert pick(np.random.default_rng(1), DYES) == pick(np.random.default_rng(1), DYES)


def test_a_lift_ends_at_white() -> None:
    assert dim((0.2, 0.4, 1.0), 0.5, 0.6) == (pytest.approx(0.7), pytest.approx(0.8), 1.0)
