"""Surfaces of revolution at a product's base point."""

from __future__ import annotations

import numpy as np
import pytest

from gan_lab.data.catalogue.canvas import MATT
from gan_lab.data.catalogue.kinds.turned import bands, fill, glass, stand, turn, wrap

from ..goods import find_painted_box, make_canvas

CUP = [(0.3, 0.0), (0.3, 0.8)]
RED, BLUE, GREY = (0.8, 0.0, 0.0), (0.0, 0.0, 0.8), (0.5, 0.5, 0.5)


def test_a_cup_stands_on_the_base_point() -> None:
    canvas = make_canvas()
    stand(canvas, CUP, 0.0, GREY, MATT)
    assert find_painted_box(canvas) == pytest.approx((34, 34, 62, 72), abs=2)


def test_bands_change_at_their_heights() -> None:
    canvas = make_canvas()
    body = turn(canvas, CUP, 0.0)
    colours = bands(canvas, body, [0.4], [RED, BLUE])
    middle = body.alpha.shape[1] // 2
    for row in np.flatnonzero(body.alpha[:, middle] > 0.9):
        if abs(body.v[row, middle] - 0.4) > 0.05:
            assert colours[row, middle].argmax() == (0 if body.v[row, middle] < 0.4 else 2)


def test_a_print_lies_between_its_heights_and_around_its_angle() -> None:
    canvas = make_canvas()
    body = turn(canvas, CUP, 0.0)
    picture = np.zeros((8, 8, 3), np.float32)
    picture[:4, :, 0] = picture[4:, :, 2] = 1  # red above, blue below
    part, colours = wrap(canvas, body, 0.2, 0.6, 0.0, 1.0, picture)
    assert colours.shape == (*part.alpha.shape, 3)
    middle = part.alpha.shape[1] // 2
    assert (colours[2, middle].argmax(), colours[-3, middle].argmax()) == (0, 2)
    print_ = part.alpha > 0.5
    heights = body.v[part.y - body.y :][: len(part.alpha)][print_]
    assert heights.min() > 0.18
    assert heights.max() < 0.62
    half = np.ptp(np.nonzero(print_)[1]) / 2 / (0.3 * canvas.unit)
    assert half == pytest.approx(np.sin(0.5), abs=0.08)
    turned, _ = wrap(canvas, body, 0.2, 0.6, 0.8, 1.0, np.ones((8, 8, 3), np.float32))
    assert np.nonzero(turned.alpha > 0.5)[1].mean() > np.nonzero(print_)[1].mean() + 5


def test_a_mouth_shows_its_filling_and_glass_what_is_behind() -> None:
    canvas = make_canvas(pitch=0.5)
    fill(canvas, 0.3, 0.8, 0.1, RED, BLUE, MATT)
    assert canvas.colour[canvas.alpha > 0.9].sum(0).argmax() == 2
    clear = make_canvas()
    glass(clear, turn(clear, CUP, 0.0), GREY, 0.2)
    row = 55
    assert clear.alpha[row, 48] == pytest.approx(0.2, abs=0.02)
    assert clear.alpha[row, 35] > 0.4  # seen edge-on
