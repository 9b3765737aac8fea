"""Colours compared on local means: what noise, rounding, clipping and JPEG leave uncertain is no drift."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from gan_lab.imaging import JPEG, GaussianNoise
from gan_lab.imaging.light import from_light, to_light
from gan_lab.jobs.colour_drift import as_lab, cells_of, colour_drift, jpeg_step, product_cells
from tests.jobs.pictures import goods


def drift(before: np.ndarray, after: np.ndarray, step: float = 0.0) -> tuple[float, float]:
    """Return the drift of two photos in 8 bits, the light that they share taken out."""
    first, second = (photo.astype(np.float32) / 255 for photo in (before, after))
    cells = cells_of(first, second, np.ones(before.shape[:2], np.float32), step)
    return colour_drift(cells, cells.fit(), np.ones_like(cells.counted))


@pytest.mark.parametrize(("quality", "step"), [(20, 43 / 8), (35, 24 / 8), (50, 17 / 8)])
def test_the_step_of_a_coarse_jpeg_is_found(quality: int, step: float) -> None:
    for picture in goods():
        assert jpeg_step(JPEG(quality)(picture, np.random.default_rng(0))) == pytest.approx(step, rel=0.1)


def test_other_pictures_have_no_step() -> None:
    noise = GaussianNoise(25)
    for number, picture in enumerate(goods()):
        for other in (
            picture,
            noise(picture, np.random.default_rng(number)),
            JPEG(92)(picture, np.random.default_rng(0)),
        ):
            assert jpeg_step(other) == 0
    assert jpeg_step(np.full((64, 64, 3), 77, np.uint8)) == 0
    assert jpeg_step(np.zeros((64, 64, 1), np.uint8)) == 0
    assert jpeg_step(np.zeros((15, 64, 3), np.uint8)) == 0


def test_what_quantisation_may_have_done_is_no_drift() -> None:
    before = goods()[0]
    after = before.copy()
    after[100:160, 100:160, 2] = np.clip(after[100:160, 100:160, 2].astype(int) + 10, 0, 255)
    assert drift(before, after)[0] > 1
    assert drift(before, after, step=43 / 8)[0] < 0.7 * drift(before, after)[0]


def test_lightness_is_no_hue() -> None:
    before = goods()[0]
    after = before.copy()
    part = slice(90, 170), slice(90, 170)
    lab = cv2.cvtColor(after[part].astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    lab[..., 0] += 12
    after[part] = np.clip(np.rint(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB) * 255), 0, 255)
    hue, whole = drift(before, after)
    assert hue < 2
    assert whole > 6


def test_what_clipping_hid_is_no_drift() -> None:
    scene = np.full((120, 120, 3), 120, np.uint8)
    scene[40:80, 40:80] = (250, 200, 190)
    exposed = from_light(to_light(scene) * np.array([1.6, 1, 1], np.float32))  # red is lost in the middle
    assert drift(exposed, scene)[0] < 1.0
    wrong = scene.copy()
    wrong[40:80, 40:80, 0] = 170  # darker than what the clipped value allows
    assert drift(exposed, wrong)[0] > 4


def test_a_product_is_found_on_a_plain_ground() -> None:
    shade = np.linspace(225, 245, 200)[:, None, None]
    picture = np.broadcast_to(shade, (200, 200, 3)).astype(np.float32) / 255
    inside = cv2.circle(np.zeros((200, 200), np.uint8), (100, 110), 50, 1, cv2.FILLED).astype(bool)
    picture[inside] = (0.2, 0.3, 0.5)
    assert (product_cells(as_lab(picture)) == inside).mean() > 0.97


def test_without_a_plain_ground_all_is_product() -> None:
    busy = np.random.default_rng(0).random((60, 60, 3)).astype(np.float32)
    plain = np.full((60, 60, 3), 0.5, np.float32)
    for picture in (busy, plain, busy[:4, :4]):
        assert product_cells(as_lab(picture)).all()
