"""What a repair changed of a product, in figures: of any size, depth and shape."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from gan_lab.fidelity.figures import measure_fidelity
from gan_lab.fidelity.guard import Thresholds, failures
from gan_lab.imaging.light import from_light, to_light
from tests.fidelity.pictures import goods
from tests.fidelity.test_guard import FAULTS, STRUCTURE, objections


def test_whites_that_burn_out_are_caught() -> None:
    dim = from_light(to_light(goods()[0]) * np.float32(0.4))
    burnt = np.where(dim.min(axis=2, keepdims=True) > 150, 255, dim).astype(np.uint8)
    assert 0.1 < (burnt == 255).mean() < 0.9
    assert "clipped whites" in objections(dim, burnt)
    brighter = from_light(to_light(dim) * np.float32(3))  # the light alone may take a ground to white
    assert (brighter == 255).mean() > 0.1
    assert measure_fidelity(dim, brighter)["clipped_whites"] < 0.01
    assert measure_fidelity(brighter, brighter)["clipped_whites"] == 0


def test_sixteen_bits_give_the_figures_of_eight() -> None:
    before, after = FAULTS["local hue"](goods()[0], np.random.default_rng(0))
    wide = measure_fidelity(before.astype(np.uint16) * 257, after.astype(np.uint16) * 257)
    assert wide == pytest.approx(measure_fidelity(before, after), rel=1e-3, abs=1e-4)


@pytest.mark.parametrize("size", [(1, 1), (1, 3), (2, 2), (9, 5), (20, 3000), (2000, 24)])
@pytest.mark.parametrize("channels", [1, 3])
def test_any_shape_is_measured(size: tuple[int, int], channels: int) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (*size, channels), dtype=np.uint8)
    figures = measure_fidelity(picture, picture)
    assert all(math.isfinite(value) for value in figures.values())
    assert failures(figures, Thresholds()) == []
    measure_fidelity(picture, np.repeat(np.repeat(picture, 2, axis=0), 2, axis=1))


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_plain_picture_has_nothing_to_lose(level: int) -> None:
    plain = np.full((64, 64, 3), level, np.uint8)
    assert objections(plain, plain) == set()
    assert objections(plain, plain, ignore=np.ones((64, 64), bool)) == set()


def test_fine_print_of_a_large_photo_is_looked_at() -> None:
    """At a tenth of its size nothing of it would be left."""
    before = np.full((4000, 4000, 3), 200, np.uint8)
    after = before.copy()
    for photo, shift in ((before, 0), (after, 3)):
        for line in range(6):
            where = (3000 + shift, 1000 + 16 * line)
            cv2.putText(photo, "100 % cotton, made in Portugal", where, cv2.FONT_HERSHEY_SIMPLEX, 0.4, (60, 60, 60), 1)
    assert objections(before, before) == set()
    assert objections(before, after) & STRUCTURE


def test_what_is_no_repair_is_refused() -> None:
    photo = np.zeros((8, 8, 3), np.uint8)
    for after in (photo[:7], photo[..., :1], photo.astype(np.uint16), np.zeros((8, 16, 3), np.uint8), photo / 255):
        with pytest.raises(ValueError, match=r"is no repair of|expected uint8"):
            measure_fidelity(photo, after)


def test_the_product_decides_the_colour_drift() -> None:
    before = goods()[0]
    after = before.copy()
    after[100:130, 100:130] = np.clip(after[100:130, 100:130].astype(int) - 40, 0, 255)
    product = np.zeros(before.shape[:2], bool)
    product[90:140, 90:140] = True
    everywhere = np.ones_like(product)
    assert measure_fidelity(before, after, foreground=product)["colour_drift"] > 6
    assert measure_fidelity(before, after, foreground=everywhere)["colour_drift"] < 6
