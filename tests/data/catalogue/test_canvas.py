"""The sheet that products are painted on."""

from __future__ import annotations

import numpy as np
import pytest

from gan_lab.data.catalogue.canvas import GLOSSY, MATT
from gan_lab.data.catalogue.surfaces import flat, polygon

from .goods import SIZE, find_painted_box, make_canvas

SHEET = [(-0.25, 0.0), (0.25, 0.0), (0.25, 0.5), (-0.25, 0.5)]
RED = (0.8, 0.1, 0.1)


def test_a_product_stands_at_its_base_point_and_may_be_mirrored() -> None:
    np.testing.assert_allclose(make_canvas().place([(0, 0), (0.5, 1)]), [(48, 72), (72, 24)])
    np.testing.assert_allclose(make_canvas(side=-1).place([(0.5, 1)]), [(24, 24)])
    np.testing.assert_allclose(make_canvas(roll=np.pi / 2).place([(0, 1)]), [(0, 72)], atol=1e-9)


def test_pixels_of_a_patch_know_their_place_on_the_product() -> None:
    canvas = make_canvas(roll=0.3, pitch=0.2)
    (x, y) = canvas.place([(0.2, 0.4)])[0]
    patch = flat(polygon(canvas.place(SHEET)))
    right, up = canvas.grid(patch)
    at = (round(y) - patch.y, round(x) - patch.x)
    assert right[at] == pytest.approx(0.2, abs=0.02)
    assert up[at] == pytest.approx(0.4, abs=0.02)


def test_what_is_nearer_is_larger_and_what_is_turned_faces_aside() -> None:
    canvas = make_canvas()
    near, far = (np.ptp(canvas.project([(-0.5, 0, z), (0.5, 0, z)])[:, 0]) for z in (0.5, -0.5))
    assert near > canvas.unit > far
    assert make_canvas(yaw=np.pi / 2).facing(0, 0, 1) == pytest.approx((1, 0, 0))
    assert make_canvas(pitch=np.pi / 2).facing(0, 1, 0) == pytest.approx((0, 0, 1))


def test_a_surface_hides_what_lies_behind_as_far_as_it_is_opaque() -> None:
    canvas = make_canvas()
    patch = flat(polygon(canvas.place(SHEET)))
    canvas.paint(patch, RED, MATT)
    assert find_painted_box(canvas) == pytest.approx((36, 48, 60, 72), abs=1)
    inside = (60, 48)
    red = canvas.colour[inside].copy()
    assert red[0] > 4 * red[1]
    canvas.paint(patch, (0.1, 0.1, 0.8), MATT, opacity=0.5)
    assert red[1] < canvas.colour[inside][0] < red[0]
    canvas.paint(patch, (0.1, 0.1, 0.8), MATT)
    assert canvas.colour[inside][2] > 4 * canvas.colour[inside][0]
    assert canvas.alpha.max() == pytest.approx(1)


def test_gloss_and_glow_add_light_and_shade_takes_it() -> None:
    def paint(material, **options):  # type: ignore[no-untyped-def]
        canvas = make_canvas()
        canvas.paint(flat(polygon(canvas.place(SHEET))), RED, material, **options)
        return canvas.colour[60, 48].sum()

    assert paint(GLOSSY) > paint(MATT)
    assert paint(MATT, glow=1.0) > 1.5 * paint(MATT)
    assert paint(MATT, shade=0.5) == pytest.approx(0.5 * paint(MATT), rel=0.15)


def test_a_shadow_darkens_what_is_there_and_covers_nothing() -> None:
    canvas = make_canvas()
    placed = polygon(canvas.place(SHEET))
    canvas.paint(flat(placed), RED, MATT)
    before, alpha = canvas.colour.copy(), canvas.alpha.copy()
    canvas.darken(placed, 0.05, 0.5)
    assert canvas.colour[60, 48].sum() == pytest.approx(0.5 * before[60, 48].sum(), rel=0.1)
    np.testing.assert_array_equal(canvas.alpha, alpha)


def test_what_lies_beside_the_sheet_is_not_painted() -> None:
    canvas = make_canvas()
    canvas.paint(flat(polygon(canvas.place(SHEET) + 2 * SIZE)), RED, MATT)
    assert not canvas.alpha.any()
