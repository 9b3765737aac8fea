"""Structure lost and invented, told from noise, blur and sharpening."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from gan_lab.fidelity.structure_drift import DETAIL, EDGES, Band, Change, Crop, changes


def stripes(contrast: float, period: float = 7.0) -> np.ndarray:
    """Return a plain surface with a patch of stripes in its middle, float32 in levels."""
    columns = np.mgrid[:160, :160][1]
    surface = np.full((160, 160), 120, np.float32)
    surface[50:110, 50:110] += contrast * np.sin(2 * np.pi / period * columns[50:110, 50:110])
    return surface.astype(np.float32)


def noise(sigma: float) -> np.ndarray:
    return np.random.default_rng(0).normal(0, sigma, (160, 160)).astype(np.float32)


def detail(before: np.ndarray, after: np.ndarray) -> Change:
    return changes([Crop(before, after)], [DETAIL])[0]


@pytest.mark.parametrize("sigma", [0, 10])
def test_lost_and_invented_are_told_apart(sigma: float) -> None:
    plain, striped = stripes(0), stripes(20)
    gone = detail(striped + noise(sigma), plain)
    new = detail(plain + noise(sigma), striped)
    assert gone.lost > 0.3 > 3 * gone.invented
    assert new.invented > 0.3 > 3 * new.lost
    kept = detail(striped + noise(sigma), striped)
    assert max(kept) < 0.1


def test_moved_structure_is_lost_and_invented() -> None:
    found = detail(stripes(20), np.roll(stripes(20), 3, axis=1))
    assert min(found) > 0.5


def test_structure_turned_inside_out_is_invented() -> None:
    assert detail(stripes(20), stripes(-20)).invented > 0.5


@pytest.mark.parametrize("sigma", [5, 25, 40])
def test_noise_is_no_structure(sigma: float) -> None:
    assert (
        max(max(change) for change in changes([Crop(stripes(20) + noise(sigma), stripes(20))], [DETAIL, EDGES])) < 0.15
    )


def test_coarse_noise_is_no_structure_either() -> None:
    coarse = cv2.GaussianBlur(noise(40), (0, 0), 1.0)
    assert detail(stripes(20) + coarse, stripes(20)).lost < 0.15


def test_noise_may_hang_on_the_brightness() -> None:
    scene = stripes(20)
    scene[:, 80:] += 80
    noisy = scene.copy()
    noisy[:, 80:] += noise(30)[:, 80:]
    assert max(detail(noisy, scene)) < 0.15
    faded = scene.copy()
    faded[:, :80] = 120
    assert detail(noisy, faded).lost > 0.2


def test_stronger_structure_is_no_invention_and_weaker_is_a_loss() -> None:
    frame = cv2.rectangle(np.zeros((160, 160), np.float32), (10, 10), (150, 150), 80, 3)
    assert max(detail(stripes(10) + frame, stripes(20) + frame)) < 0.05
    assert detail(stripes(10) + frame, stripes(60) + frame).invented > 0.2
    assert detail(stripes(20), stripes(5)).lost > 0.3
    assert changes([Crop(stripes(20), stripes(0))], [DETAIL])[0].lost > 0.5


def test_a_photo_that_became_sharper_may_show_more() -> None:
    sharp = np.full((160, 160), 60, np.float32)
    cv2.rectangle(sharp, (20, 20), (140, 140), 200, 2)  # type: ignore[call-overload]
    textured = sharp + stripes(12) - 120
    soft = cv2.GaussianBlur(sharp, (0, 0), 1.5)
    assert detail(soft, textured).invented < 0.6 * detail(sharp, textured).invented


def test_a_pattern_that_is_smeared_out_everywhere_is_no_noise() -> None:
    scene = np.full((160, 160), 120, np.float32)
    scene[:, 30:] += 20 * np.sin(2 * np.pi / 7 * np.mgrid[:160, :130][1])
    found = detail(scene + noise(4), np.full_like(scene, 120))
    assert found.lost > 0.3


def test_the_worst_crop_counts() -> None:
    good, bad = Crop(stripes(20), stripes(20)), Crop(stripes(0), stripes(20))
    assert changes([good, bad], [DETAIL])[0].invented == pytest.approx(changes([bad, good], [DETAIL])[0].invented)
    assert changes([good, bad], [DETAIL])[0].invented > 0.3


@pytest.mark.parametrize("band", [DETAIL, EDGES, Band(1.0, 5.0, 8.0)])
def test_white_noise_has_the_variance_that_a_band_says(band: Band) -> None:
    white = np.random.default_rng(1).normal(0, 1, (600, 600)).astype(np.float32)
    assert band.of(white).var() == pytest.approx(band.noise, rel=0.05)


def test_a_band_says_what_it_keeps_of_a_pattern() -> None:
    columns = np.mgrid[:200, :200][1].astype(np.float32)
    kept = max(DETAIL.of(np.sqrt(200) * np.sin(2 * np.pi / period * columns)).var() for period in np.arange(4, 16, 0.5))
    assert kept == pytest.approx(DETAIL.contrast, rel=0.05)
