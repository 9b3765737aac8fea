"""Options that are a number or a range to draw from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from omegaconf import OmegaConf

from gan_lab.errors import UserError
from gan_lab.imaging.ranges import as_log_range, as_range, as_whole_range, draw_log, draw_whole


@pytest.mark.parametrize("given", [3, 3.0, (3, 3), [3, 3.0], OmegaConf.create([3, 3])])
def test_a_number_is_a_range_of_itself(given: Any) -> None:
    assert as_range("sigma", given) == (3.0, 3.0)


@pytest.mark.parametrize("given", [(2, 1), (1, 2, 3), (), "wide", None, (0, 11), -1, float("nan")])
def test_what_makes_no_sense_is_refused_with_its_limits(given: Any) -> None:
    with pytest.raises(UserError, match=r"^sigma=.*: needs a number, or a pair \[low, high\] within 0 to 10"):
        as_range("sigma", given, 0, 10)


def test_a_logarithm_has_no_0_but_for_none_at_all() -> None:
    assert as_log_range("strength", 0) == (0.0, 0.0)
    assert as_log_range("strength", (0.5, 2)) == (0.5, 2.0)
    with pytest.raises(UserError, match=r"^strength=\(0, 2\): is drawn in its logarithm"):
        as_log_range("strength", (0, 2))


def test_whole_ranges_hold_whole_numbers() -> None:
    assert as_whole_range("size", (3.0, 5), 1) == (3, 5)
    with pytest.raises(UserError, match=r"^size=2\.5: needs whole numbers"):
        as_whole_range("size", 2.5, 1)


def test_draws_reach_both_ends_and_are_even_in_their_kind() -> None:
    rng = np.random.default_rng(0)
    assert {draw_whole((2, 4), rng) for _ in range(50)} == {2, 3, 4}
    drawn = np.array([draw_log((0.01, 1), rng) for _ in range(2000)])
    assert 0.01 <= drawn.min() < 0.0105
    assert (drawn < 0.1).mean() == pytest.approx(0.5, abs=0.05)
    assert draw_log((0.0, 0.0), rng) == 0.0
