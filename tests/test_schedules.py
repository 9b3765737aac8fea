"""Factors by the share of the budget that is spent."""

from __future__ import annotations

import pytest

from gan_lab.schedules import burn_in, cosine, linear_decay


@pytest.mark.parametrize(("progress", "factor"), [(0.0, 1.0), (0.5, 1.0), (0.75, 0.5), (1.0, 0.0)])
def test_linear_decay(progress: float, factor: float) -> None:
    assert linear_decay(0.5)(progress) == pytest.approx(factor)


@pytest.mark.parametrize(("progress", "value"), [(0.0, 0.9), (0.1, 0.945), (0.2, 0.99), (0.7, 0.99)])
def test_burn_in(progress: float, value: float) -> None:
    assert burn_in(0.9, 0.99)(progress) == pytest.approx(value)
    assert burn_in(0.9, 0.99, share=1.0)(0.25) == pytest.approx(0.9 + 0.09 * (1 - 0.5**0.5) / 2)


@pytest.mark.parametrize(("progress", "factor"), [(0.0, 0.01), (0.1, 0.5), (0.2, 1.0), (0.6, 0.55), (1.0, 0.1)])
def test_cosine(progress: float, factor: float) -> None:
    assert cosine(warm_up=0.2, floor=0.1)(progress) == pytest.approx(factor)
