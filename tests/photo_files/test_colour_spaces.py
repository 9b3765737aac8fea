"""Colour spaces by number, as ICC profiles that another engine reads."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from gan_lab.photo_files.colour_spaces import ADOBE_RGB, CURVES, PRIMARIES, SRGB_CURVE, SRGB_POINTS, make_profile
from tests.photo_files.samples import adobe_in_srgb

CHART = np.stack(np.meshgrid(*[np.arange(0, 256, 51, dtype=np.uint8)] * 3), axis=-1).reshape(6, -1, 3)


def convert(profile: bytes, pixels: np.ndarray) -> np.ndarray:
    """Return pixels in sRGB, by LittleCMS."""
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    picture = Image.fromarray(pixels)
    intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
    made = ImageCms.profileToProfile(picture, source, ImageCms.createProfile("sRGB"), intent, outputMode="RGB")
    return np.asarray(made).astype(int)


def test_srgb_by_its_numbers_is_srgb() -> None:
    assert np.abs(convert(make_profile("sRGB", SRGB_POINTS, SRGB_CURVE, False), CHART) - CHART).max() <= 1


def test_adobe_rgb_is_converted_as_published() -> None:
    expected = adobe_in_srgb(CHART / 255) * 255
    assert np.abs(convert(make_profile("Adobe RGB", *ADOBE_RGB, False), CHART) - expected).max() <= 2


@pytest.mark.parametrize("number", PRIMARIES)
def test_white_is_white_in_every_space(number: int) -> None:
    name, points = PRIMARIES[number]
    profile = make_profile(name, points, CURVES[1], False)
    assert ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(profile))).strip() == name
    assert convert(profile, np.full((1, 1, 3), 255, np.uint8)).min() >= 254


def test_grey_takes_the_curve_alone() -> None:
    ramp = np.arange(256, dtype=np.uint8)[None]
    made = convert(make_profile("Gamma 1.8", SRGB_POINTS, (1.8,), True), ramp)
    linear = (ramp[0] / 255) ** 1.8
    expected = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055) * 255
    assert np.abs(made[0, :, 1] - expected).max() <= 2


@pytest.mark.parametrize(
    ("points", "curve", "why"),
    [
        (SRGB_POINTS, (0.01,), "gamma"),
        (SRGB_POINTS, (float("nan"),), "gamma"),
        (((0.3, 0.3), (0.1, 0.1), (0.2, 0.2), (0.4, 0.4)), (2.2,), "on a line"),
        (((0.3, 0.0), *SRGB_POINTS[1:]), (2.2,), "chromaticities"),
    ],
)
def test_what_is_no_colour_space_is_refused(points: Any, curve: Any, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        make_profile("x", points, curve, False)
