"""Shapes cut from a sheet."""

from __future__ import annotations

import numpy as np
import pytest

from gan_lab.data.catalogue.canvas import CLOTH, MATT
from gan_lab.data.catalogue.kinds.cut import around, line, panel, roughen, sheet, square, stitches
from gan_lab.data.catalogue.surfaces import flat, polygon

from ..goods import find_painted_box, make_canvas

OUTLINE = [(-0.3, 0.0), (0.3, 0.0), (0.3, 0.6), (-0.3, 0.6)]
GREY = (0.5, 0.5, 0.5)


def test_a_panel_and_a_sheet_cover_their_outline() -> None:
    for paint in (
        lambda canvas: panel(canvas, OUTLINE, 0.05, 0.3, GREY, CLOTH),
        lambda canvas: sheet(canvas, OUTLINE, 0.1, GREY, MATT),
    ):
        canvas = make_canvas()
        paint(canvas)
        assert find_painted_box(canvas) == pytest.approx((34, 43, 62, 72), abs=1)


def test_a_panel_throws_its_shadow_on_what_is_below() -> None:
    plain, shaded = make_canvas(), make_canvas()
    for canvas, shadow in ((plain, 0.0), (shaded, 0.05)):
        sheet(canvas, [(-0.6, -0.2), (0.6, -0.2), (0.6, 1.0), (-0.6, 1.0)], 0.0, GREY, MATT)
        panel(canvas, OUTLINE, 0.05, 0.3, GREY, MATT, shadow=shadow)
    assert shaded.colour[58, 65].sum() < 0.95 * plain.colour[58, 65].sum()


def test_a_cord_and_its_stitches_follow_their_points() -> None:
    cord, seam = make_canvas(), make_canvas()
    points = [(-0.4, 0.3), (0.4, 0.3)]
    line(cord, points, 0.08, GREY, MATT)
    assert find_painted_box(cord) == pytest.approx((28, 56, 67, 59), abs=2)
    stitches(seam, points, GREY, width=0.03, every=0.1)
    along = seam.alpha[57] > 0.5
    assert 6 <= (np.diff(along.astype(int)) == 1).sum() <= 8  # gaps between them


def test_a_bumpy_surface_keeps_its_outline() -> None:
    canvas = make_canvas()
    patch = flat(polygon(canvas.place(OUTLINE)))
    slopes = np.random.default_rng(0).standard_normal((32, 32, 2)).astype(np.float32)
    rough = roughen(patch, slopes, canvas.grid(patch), 1.0, 0.1)
    assert rough.nx.std() == pytest.approx(0.1, rel=0.3)
    assert rough.alpha is patch.alpha


def test_a_square_is_never_turned_and_a_circle_is_round() -> None:
    patch = square(make_canvas(roll=0.4), (0.0, 0.0), 0.25)
    widths = (patch.alpha > 0.5).sum(1)
    assert set(widths[widths > 0]) == {(widths > 0).sum()} == {25}
    np.testing.assert_allclose(np.hypot(*around(7).T), 1)
    np.testing.assert_allclose(around(7).mean(0), 0, atol=1e-12)
