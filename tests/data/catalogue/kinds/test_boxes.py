"""Plane faces and boxes in space."""

from __future__ import annotations

import numpy as np
import pytest

from gan_lab.data.catalogue.canvas import MATT
from gan_lab.data.catalogue.kinds.boxes import box, face

from ..goods import find_painted_box, make_canvas

WHITE = (0.8, 0.8, 0.8)


def test_a_face_that_looks_away_is_not_painted() -> None:
    canvas = make_canvas()
    corners = [(-0.3, 0.6, 0.0), (0.3, 0.6, 0.0), (0.3, 0.0, 0.0), (-0.3, 0.0, 0.0)]
    face(canvas, corners, (0, 0, -1), WHITE, MATT)
    assert not canvas.alpha.any()
    face(canvas, corners, (0, 0, 1), WHITE, MATT)
    assert find_painted_box(canvas) == pytest.approx((34, 43, 62, 72), abs=1)


def test_a_picture_is_spread_from_the_upper_left_corner() -> None:
    canvas = make_canvas()
    picture = np.zeros((2, 2, 3), np.float32)
    picture[0, 0], picture[1, 1] = (1, 0, 0), (0, 0, 1)
    corners = [(-0.3, 0.6, 0.0), (0.3, 0.6, 0.0), (0.3, 0.0, 0.0), (-0.3, 0.0, 0.0)]
    face(canvas, corners, (0, 0, 1), picture, MATT)
    assert canvas.colour[45, 36].argmax() == 0
    assert canvas.colour[70, 60].argmax() == 2


def test_of_a_box_seen_from_above_at_an_angle_three_sides_show_in_their_own_light() -> None:
    canvas = make_canvas(yaw=0.6, pitch=0.4)
    box(canvas, (-0.3, 0.0, -0.3), (0.3, 0.5, 0.3), WHITE, MATT)
    levels = np.round(canvas.colour.sum(2)[canvas.alpha > 0.99], 2)
    values, counts = np.unique(levels, return_counts=True)
    assert (counts > 50).sum() == 3, dict(zip(values, counts, strict=True))
