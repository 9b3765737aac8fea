"""Two kinds of light, by a surface's normal."""

from __future__ import annotations

import numpy as np
import pytest

from gan_lab.data.catalogue.light import SIDE, VARIANTS, Domain, light


@pytest.mark.parametrize("domain", ["studio", "snapshot"])
def test_what_faces_the_lamp_is_brighter_than_what_turns_away(domain: Domain) -> None:
    for variant in range(VARIANTS):
        lamp = light(domain, variant)
        right, up, _ = lamp.key
        assert np.linalg.norm(lamp.key) == pytest.approx(1)
        there, away = (
            lamp.diffuse[
                int((1 - sign * up * 0.8) * (SIDE - 1) / 2), int((1 + sign * right * 0.8) * (SIDE - 1) / 2)
            ].mean()
            for sign in (1, -1)
        )
        assert there > 1.2 * away


def test_a_room_is_darker_and_warmer_than_a_studio() -> None:
    studio, room = (light(domain, 0).diffuse.mean((0, 1)) for domain in ("studio", "snapshot"))
    assert room.mean() < studio.mean()
    assert room[0] / room[2] > 1.1 * studio[0] / studio[2]


def test_polished_mirrors_are_sharper_than_dull_ones_and_coats_are_brightest_at_the_outline() -> None:
    lamp = light("studio", 1)
    sharpness = [np.abs(np.diff(mirror, axis=1)).max() for mirror in lamp.metal]
    assert sharpness[0] > sharpness[1] > sharpness[2]
    assert lamp.grazing[SIDE // 2, SIDE // 2, 0] < 0.01
    assert lamp.grazing[SIDE // 2, 0, 0] > 0.9
