"""The light that two photos differ by: exposure, white balance, veil; whatever else differs."""

from __future__ import annotations

import numpy as np
import pytest

from gan_lab.fidelity.light_fit import LightFit, decode, encode, fit_light


def samples(count: int = 3000) -> np.ndarray:
    return np.random.default_rng(0).uniform(0.15, 0.6, (count, 3)).astype(np.float32)


def lit(before: np.ndarray, gain: list[float], veil: float) -> np.ndarray:
    return encode(np.array(gain) * (decode(before) - veil)).astype(np.float32)


@pytest.mark.parametrize(
    ("gain", "veil"), [([1, 1, 1], 0), ([2.2, 1.8, 2.0], 0.01), ([0.6, 0.5, 0.4], 0), ([1.3, 1.2, 1.1], 0.03)]
)
def test_the_light_is_found(gain: list[float], veil: float) -> None:
    before = samples()
    after = lit(before, gain, veil)
    fit = fit_light(before, after)
    np.testing.assert_allclose(fit.gain, gain, rtol=0.02)
    assert fit.veil == pytest.approx(veil, abs=2e-3)
    unclipped = (after > 0.01) & (after < 0.98)
    assert np.abs(fit(before) - after)[unclipped].max() < 0.01
    assert fit.stops == pytest.approx(np.log2(gain).mean(), abs=0.03)


def test_a_veil_is_not_made_of_nothing() -> None:
    """Where all is about as bright, a veil and a gain can stand for each other."""
    rng = np.random.default_rng(0)
    before = rng.uniform(0.55, 0.65, (3000, 3)).astype(np.float32)
    after = before + rng.normal(0, 0.004, before.shape).astype(np.float32) - 0.02 * (before - 0.6)
    fit = fit_light(before, after)
    assert fit.veil == 0
    np.testing.assert_allclose(fit.gain, 1, rtol=0.01)


def test_a_third_that_changed_otherwise_does_not_count() -> None:
    before = samples()
    after = lit(before, [1.5, 1.4, 1.6], 0)
    after[:1000, 0] *= 1.2
    after[:1000, 2] *= 0.8
    np.testing.assert_allclose(fit_light(before, np.minimum(after, 1)).gain, [1.5, 1.4, 1.6], rtol=0.02)


def test_clipped_samples_do_not_count() -> None:
    before = samples()
    after = lit(before, [1.5, 1.5, 1.5], 0)
    clipped = np.zeros_like(before)
    before[:1800, 1] += 0.1
    clipped[:1800, 1] = 0.3
    np.testing.assert_allclose(fit_light(before, after, clipped).gain, 1.5, rtol=0.02)
    assert fit_light(before, after).gain[1] < 1.4


def test_a_channel_that_tells_nothing_follows_the_others() -> None:
    before = samples()
    before[:, 2] = 0
    after = lit(before, [2, 2, 2], 0)
    np.testing.assert_allclose(fit_light(before, after).gain, 2, rtol=0.02)


@pytest.mark.parametrize("level", [0.0, 1.0])
def test_without_any_light_nothing_is_taken_out(level: float) -> None:
    fit = fit_light(np.full((9, 3), level, np.float32), np.full((9, 3), level, np.float32))
    assert (fit.gain == 1).all()
    assert fit.veil == 0


def test_light_is_clipped_where_it_ends() -> None:
    fit = LightFit(np.array([4.0, 1.0, 1.0]), 0.1)
    np.testing.assert_allclose(fit(np.array([0.9, 0.9, 0.2], np.float32)), [1, encode(decode(0.9) - 0.1), 0], atol=1e-6)
