from __future__ import annotations

import numpy as np
import pytest

from gan_lab.imaging.light import from_light, to_levels, to_light

LEVELS = np.arange(256, dtype=np.uint8).reshape(1, -1, 1)


def test_every_level_comes_back() -> None:
    np.testing.assert_array_equal(from_light(to_light(LEVELS)), LEVELS)


@pytest.mark.parametrize(("level", "light"), [(0, 0.0), (10, 10 / 255 / 12.92), (188, 0.5029), (255, 1.0)])
def test_known_values(level: int, light: float) -> None:
    assert to_light(LEVELS)[0, level, 0] == pytest.approx(light, abs=1e-4)


def test_light_out_of_range_is_clipped() -> None:
    assert from_light(np.array([-0.5, 0, 1, 7], np.float32)).tolist() == [0, 0, 255, 255]


def test_levels_are_rounded_and_clipped() -> None:
    assert to_levels(np.array([-3, 0.4, 0.6, 254.6, 400])).tolist() == [0, 0, 1, 255, 255]
