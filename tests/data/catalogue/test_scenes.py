"""What a product does to its ground, and the camera."""

from __future__ import annotations

import numpy as np
import pytest

from gan_lab.data.catalogue import scenes

from .goods import SIZE, make_canvas

COVER = np.zeros((SIZE, SIZE), np.float32)
COVER[30:72, 36:60] = 1  # stands on the row of the base point


@pytest.mark.parametrize("lying", [True, False])
def test_a_shadow_is_darkest_at_the_product_and_deeper_in_a_room(lying: bool) -> None:
    soft, hard = (scenes.shadows(make_canvas(), COVER, lying, hard) for hard in (False, True))
    for light in (soft, hard):
        assert light.shape == (SIZE, SIZE)
        assert 0 < light.min() < 0.8
        assert light[2, 2] > 0.98  # far from it there is none
    assert hard.min() < soft.min()


def test_the_studios_ground_is_white_and_without_a_seam() -> None:
    ground = scenes.studio(64, np.random.default_rng(0))
    assert ground.min() > 0.8
    assert np.abs(np.diff(ground, axis=0)).max() < 0.01


def test_a_snapshot_is_noisy_and_off_colour_and_a_studio_photo_is_neither() -> None:
    grey = np.full((64, 64, 3), 0.3, np.float32)
    studio, snapshot = (scenes.develop(grey.copy(), poor, np.random.default_rng(0)) for poor in (False, True))
    assert studio.dtype == snapshot.dtype == np.uint8
    assert (studio == round(255 * 0.3 ** (1 / 2.2))).all()
    assert snapshot[..., 0].std() > 1
    assert snapshot[..., 0].mean() > snapshot[..., 2].mean() + 10
