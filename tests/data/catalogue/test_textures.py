"""Drawn materials: the same in every process."""

from __future__ import annotations

import numpy as np
import pytest

from gan_lab.data.catalogue import textures


def test_noise_has_features_of_the_size_that_is_asked_for() -> None:
    fine, coarse = (textures.noise(np.random.default_rng(0), 128, 128, size, size) for size in (4, 32))
    for field in (fine, coarse):
        assert field.std() == pytest.approx(1, abs=1e-4)
    assert np.abs(np.diff(fine, axis=1)).mean() > 4 * np.abs(np.diff(coarse, axis=1)).mean()


def test_display_values_become_linear_light() -> None:
    np.testing.assert_allclose(textures.to_linear(np.array([0, 255, 128], np.uint8)), [0, 1, (128 / 255) ** 2.2])


def test_grain_lies_along_the_plank() -> None:
    picture = textures.wood(3, (90, 60, 40), (180, 130, 90)).astype(np.float32)
    assert np.abs(np.diff(picture, axis=0)).mean() > 2 * np.abs(np.diff(picture, axis=1)).mean()
    np.testing.assert_array_equal(textures.wood(3, (90, 60, 40), (180, 130, 90)), picture)


def test_slopes_have_unit_deviation_and_leather_no_tilt() -> None:
    for slopes in (textures.grain(), *textures.folds()):
        assert slopes.std() == pytest.approx(1, abs=1e-3)
    assert np.abs(textures.grain().mean((0, 1))).max() < 0.01


def test_floors_and_tables_differ_from_each_other() -> None:
    means = [ground.mean((0, 1)) for ground in (*textures.floors(), *textures.table_tops())]
    assert min(np.abs(a - b).max() for i, a in enumerate(means) for b in means[:i]) > 3
