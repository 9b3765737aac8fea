"""A snapshot's ground, and what stands and lies about."""

from __future__ import annotations

import numpy as np
import pytest

from gan_lab.data.catalogue.rooms import snapshot


@pytest.mark.parametrize(("lying", "floor"), [(True, False), (False, True), (False, False)])
def test_a_room_is_drawn_by_its_own_numbers(lying: bool, floor: bool) -> None:
    first, again, other = (snapshot(64, np.random.default_rng(seed), 0.4, lying, floor) for seed in (0, 0, 1))
    assert (first.shape, first.dtype) == ((64, 64, 3), np.float32)
    assert 0 <= first.min() < first.max() <= 1
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).mean() > 0.01


def test_above_the_horizon_a_wall_stands_out_of_focus() -> None:
    def roughness(part: np.ndarray) -> float:
        return float(np.abs(np.diff(part, axis=1)).mean() / part.mean())

    rooms = [snapshot(128, np.random.default_rng(seed), 0.5, False, True) for seed in range(6)]
    assert np.mean([roughness(room[:60]) for room in rooms]) < np.mean([roughness(room[90:]) for room in rooms])
