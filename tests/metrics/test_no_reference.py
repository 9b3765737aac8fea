"""Figures of an image on its own."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from gan_lab.metrics.no_reference import estimate_noise, measure_sharpness


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("sigma", [2.0, 8.0, 20.0])
def test_noise_is_found_on_a_smooth_image(channels: int, sigma: float) -> None:
    ramp = np.linspace(60, 190, 256)[None, :, None] + np.linspace(-20, 20, 256)[:, None, None]
    noise = np.random.default_rng(0).normal(0, sigma, (256, 256, 1))  # the same in all channels, so luma has it whole
    pixels = (ramp + noise).round().clip(0, 255).repeat(channels, axis=2).astype(np.uint8)
    assert estimate_noise(pixels) == pytest.approx(sigma, rel=0.06)


def test_a_smooth_image_has_no_noise() -> None:
    assert estimate_noise(np.full((8, 9, 3), 77, np.uint8)) == 0


def test_sharpness_is_the_slope_of_the_steepest_places() -> None:
    ramp = np.broadcast_to(np.arange(0, 250, 5, dtype=np.uint8)[None, :, None], (50, 50, 3))
    assert measure_sharpness(np.ascontiguousarray(ramp)) == pytest.approx(5, rel=0.01)
    edge = np.zeros((50, 50, 1), np.uint8)
    edge[:, 25:] = 200
    sharp, blurred = measure_sharpness(edge), measure_sharpness(cv2.GaussianBlur(edge, (0, 0), 2)[..., None])
    assert sharp == pytest.approx(100)  # half of the step on either side of it
    assert blurred < 0.5 * sharp
