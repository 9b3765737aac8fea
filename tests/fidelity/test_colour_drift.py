"""Colours compared on local means: what noise, rounding, clipping and JPEG leave uncertain is no drift."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from gan_lab.fidelity.colour_drift import as_lab, cells_of, colour_drift, jpeg_step, product_cells
from gan_lab.imaging import JPEG, GaussianNoise, LowLight
from gan_lab.imaging.light import from_light, to_light
from tests.fidelity.pictures import goods


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


def test_a_coloured_patch_on_grey_is_no_quantisation() -> None:
    """One colour is always near a multiple of some step."""
    picture = np.full((256, 256, 3), 120, np.uint8)
    picture[64:192, 64:192] = (180, 110, 90)
    assert jpeg_step(picture) == 0


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


def test_a_mean_that_clipping_moved_does_not_lead_the_light_astray() -> None:
    """Under a dark photo's noise most of a red cloth has no green left."""
    cloth = np.full((160, 160, 3), (105, 24, 40), np.uint8)
    cloth[:50, :50] = (200, 190, 170)
    cloth[100:, 100:] = (60, 20, 25)
    dark = LowLight((3, 3), shot=8e-4, read=1e-5)(cloth, np.random.default_rng(0))
    assert max(drift(dark, cloth)) < 3


@pytest.mark.parametrize(("size", "share"), [(60, 0.7), (10, 1.4)])
def test_a_veil_does_not_explain_what_happened_to_a_product_alone(size: int, share: float) -> None:
    """Its contrast with its ground fell, as no repair lays a veil; or rose, and it is too small to tell of a veil."""
    scene = np.full((160, 160, 3), 120, np.uint8)
    scene[80 - size : 80 + size, 80 - size : 80 + size] = (190, 70, 80)
    light = to_light(scene)
    ground = light[0, 0]
    after = from_light(ground + np.float32(share) * (light - ground))
    assert np.array_equal(after[0, 0], scene[0, 0])
    assert drift(scene, after)[0] > 3


def test_a_product_is_found_on_a_plain_ground() -> None:
    shade = np.linspace(225, 245, 200)[:, None, None]
    picture = np.broadcast_to(shade, (200, 200, 3)).astype(np.float32) / 255
    inside = cv2.circle(np.zeros((200, 200), np.uint8), (100, 110), 50, 1, cv2.FILLED).astype(bool)
    for colour in ((0.2, 0.3, 0.5), (0.82, 0.84, 0.76)):
        picture[inside] = colour
        assert (product_cells(as_lab(picture)) == inside).mean() > 0.97


def test_without_a_plain_ground_all_is_product() -> None:
    busy = np.random.default_rng(0).random((60, 60, 3)).astype(np.float32)
    plain = np.full((60, 60, 3), 0.5, np.float32)
    speckled = (0.55 + 0.3 * (busy - 0.5)).astype(np.float32)
    speckled[20:40, 20:40] = (0.1, 0.1, 0.5)
    for picture in (busy, plain, busy[:4, :4], speckled):
        assert product_cells(as_lab(picture)).all()
