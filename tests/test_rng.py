"""The global random number generators: taken, put back, and left alone."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch

from gan_lab.rng import draw_seeded_noise, get_rng_state, preserve_rng, set_rng_state


def test_rng_state_comes_back_from_plain_containers() -> None:
    def draw() -> list[float]:
        return [*torch.rand(3).tolist(), np.random.rand(), random.random()]

    state = get_rng_state()
    first = draw()
    assert draw() != first
    set_rng_state(state)
    assert draw() == first


def test_preserve_rng() -> None:
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    with preserve_rng():
        torch.rand(100)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("state", [("MT19938", 624, 0), ("MT19937", 623, 0), ("MT19937", 624, 625)])
def test_a_state_that_is_none_of_numpys_is_refused(state: tuple[str, int, int]) -> None:
    name, keys, position = state
    with pytest.raises(ValueError, match="no state of numpy's generator"):
        set_rng_state(get_rng_state() | {"numpy": [name, torch.zeros(keys), position, 0, 0.0]})


def test_seeded_noise_takes_nothing_from_the_global_generators() -> None:
    state = torch.get_rng_state()
    assert torch.equal(draw_seeded_noise(4, 3, seed=1), draw_seeded_noise(4, 3, seed=1))
    assert not torch.equal(draw_seeded_noise(4, 3, seed=1), draw_seeded_noise(4, 3, seed=2))
    assert torch.equal(torch.get_rng_state(), state)
