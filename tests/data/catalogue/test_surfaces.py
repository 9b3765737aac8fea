"""Pieces of surface: what they cover, and where they face."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from gan_lab.data.catalogue.surfaces import curve, flat, opening, polygon, revolve, round_off, soften, stroke

SQUARE = np.array([(10.0, 20.0), (40.0, 20.0), (40.0, 60.0), (10.0, 60.0)])


def test_an_outline_covers_its_area_in_its_place() -> None:
    x, y, mask = polygon(SQUARE)
    assert mask.sum() / 255 == pytest.approx(31 * 41, rel=0.03)  # the pen draws the outline, too
    rows, columns = np.nonzero(mask > 127)
    assert (columns.min() + x, rows.min() + y) == (10, 20)


def test_a_line_is_as_wide_as_it_is_said() -> None:
    _, _, mask = stroke(6.0, np.array([(10.0, 10.0), (60.0, 10.0)]))
    assert (mask > 127).any(1).sum() == pytest.approx(6, abs=1)


def test_a_smooth_line_passes_through_its_points() -> None:
    points = np.array([(0.0, 0.0), (1.0, 2.0), (3.0, 1.0)])
    line = curve(points, steps=4)
    assert len(line) == 9
    np.testing.assert_allclose(line[::4], points, atol=1e-12)
    assert len(curve(points, steps=4, closed=True)) == 12


def test_a_cushion_faces_outwards_at_its_edge_and_the_viewer_in_the_middle() -> None:
    patch = round_off(polygon(SQUARE), 8.0)
    height, width = patch.alpha.shape
    middle = (height // 2, width // 2)
    assert abs(patch.nx[middle]) < 0.05
    assert patch.nx[middle[0], 4] < -0.3
    assert patch.nx[middle[0], width - 5] > 0.3
    assert patch.ny[4, middle[1]] > 0.3  # up, where rows count down


def test_a_tilt_stops_short_of_edge_on() -> None:
    patch = flat(polygon(SQUARE)).tilt(0.3, 0.0)
    np.testing.assert_allclose(patch.nx, 0.3, atol=1e-6)
    patch.tilt(5.0, 5.0)
    np.testing.assert_allclose(cv2.magnitude(patch.nx, patch.ny), 0.9, atol=1e-6)


def test_of_a_patch_that_hangs_over_the_canvas_the_inner_part_is_kept() -> None:
    patch = flat(polygon(SQUARE - (30, 30)))
    inner = patch.inside(20)
    assert (inner.x, inner.y) == (0, 0)
    np.testing.assert_array_equal(inner.alpha, patch.alpha[-patch.y : 20 - patch.y, -patch.x :][:20])
    assert flat(polygon(SQUARE + 500)).inside(20).alpha.size == 0


def test_a_cylinder_seen_from_the_side_is_a_rectangle_with_round_light() -> None:
    turned = revolve([(0.5, 0.0), (0.5, 1.0)], (100.0, 150.0), 80.0, 0.0, soft=0.0)
    rows, columns = np.nonzero(turned.alpha > 0.5)
    assert columns.max() - columns.min() == pytest.approx(80, abs=3)
    assert rows.max() - rows.min() == pytest.approx(80, abs=4)
    row = turned.alpha.shape[0] // 2
    middle = turned.alpha.shape[1] // 2
    assert abs(turned.nx[row, middle]) < 0.05
    assert turned.nx[row, middle - 30] == pytest.approx(-0.75, abs=0.05)
    assert turned.v[rows.min() + 5, middle] > turned.v[rows.max() - 5, middle]


def test_into_a_mouth_less_light_falls_the_deeper_it_is() -> None:
    shallow, deep = (opening(0.4, 0.5, depth, (100.0, 150.0), 80.0, 0.4)[1] for depth in (0.1, 0.9))
    assert shallow.mean() > deep.mean() > 0.12


def test_softening_keeps_the_sum_and_spreads_it() -> None:
    picture = np.zeros((61, 61), np.float32)
    picture[30, 30] = 1
    blurred = soften(picture, 4.0)
    assert blurred.sum() == pytest.approx(1, abs=1e-4)
    deviation = np.sqrt((blurred.sum(0) * (np.arange(61) - 30) ** 2).sum())
    assert deviation == pytest.approx(4, rel=0.15)
