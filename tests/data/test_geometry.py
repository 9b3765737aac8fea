from __future__ import annotations

import numpy as np
import pytest

from gan_lab.data.geometry import CENTRE, Augmentation, Cut
from gan_lab.errors import UserError


def ramp(height: int, width: int) -> np.ndarray:
    """Return an image whose channels say where a pixel came from: x, y, 0."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x, y, np.zeros_like(x)], axis=2).astype(np.uint8)


def test_the_centre_cut_copies_the_middle_pixels() -> None:
    cut = CENTRE.apply(ramp(40, 60), 32)
    assert np.array_equal(cut, ramp(40, 60)[4:36, 14:46])


@pytest.mark.parametrize(("x", "y", "row", "column"), [(0, 0, 0, 0), (1, 1, 8, 28), (1, 0, 0, 28)])
def test_a_cut_reaches_the_corners(x: float, y: float, row: int, column: int) -> None:
    cut = Cut(x=x, y=y).apply(ramp(40, 60), 32)
    assert tuple(cut[0, 0, :2]) == (column, row)


def test_flip_mirrors_left_and_right() -> None:
    photo = ramp(32, 32)
    assert np.array_equal(Cut(flip=True).apply(photo, 32), photo[:, ::-1])


def test_scale_enlarges_about_the_window() -> None:
    cut = Cut(scale=2.0).apply(ramp(40, 40), 32).astype(int)
    # 32 pixels now show 16 of the photo, the middle ones: 12 to 28.
    assert abs(cut[:, 0, 0].mean() - 12) < 1
    assert abs(cut[:, -1, 0].mean() - 27) < 1


def test_a_scale_below_one_shows_more_as_far_as_there_is_photo() -> None:
    cut = Cut(scale=0.5).apply(ramp(40, 40), 32).astype(int)
    assert cut[0, 0, 0] <= 1
    assert cut[0, -1, 0] >= 38


def test_rotation_turns_counter_clockwise_about_the_middle() -> None:
    photo = np.zeros((33, 33, 1), dtype=np.uint8)
    photo[14:19, 26:31] = 255  # to the right
    turned = Cut(rotation=90).apply(photo, 33)
    assert turned[2:7, 14:19].mean() > 250  # now above
    assert turned.shape == (33, 33, 1)


def test_a_cut_may_be_higher_than_wide() -> None:
    assert np.array_equal(CENTRE.apply(ramp(40, 60), (32, 16)), ramp(40, 60)[4:36, 22:38])
    assert np.array_equal(Cut(x=1, y=0, flip=True).apply(ramp(40, 60), (32, 16)), ramp(40, 60)[:32, 44:][:, ::-1])
    # each side may be the one of which there is just enough
    assert np.array_equal(CENTRE.apply(ramp(33, 60), (33, 7)), ramp(33, 60)[:, 26:33])
    assert np.array_equal(CENTRE.apply(ramp(60, 7), (33, 7)), ramp(60, 7)[14:47])


@pytest.mark.parametrize("scale", [0.5, 2.0])
def test_scale_keeps_the_aspect_ratio(scale: float) -> None:
    cut = Cut(scale=scale).apply(ramp(60, 90), (48, 32)).astype(int)
    down, across = cut[-1, 0, 1] - cut[0, 0, 1], cut[0, -1, 0] - cut[0, 0, 0]
    assert abs(down / 47 - across / 31) < 0.06
    assert abs(across / 31 - max(1 / scale, 0.5) if scale > 1 else down - 59) < 1.5


def test_rotation_is_about_the_middle_of_a_cut_that_is_no_square() -> None:
    photo = np.zeros((41, 21, 1), dtype=np.uint8)
    photo[18:23, 16:21] = 255  # to the right
    turned = Cut(rotation=90).apply(photo, (41, 21))
    assert turned.shape == (41, 21, 1)
    assert turned[10:15, 8:13].mean() > 250  # now above


def test_off_means_the_centre_cut() -> None:
    still = Augmentation(flip=0, crop=False)
    assert still.draw(np.random.default_rng(0)) == CENTRE


def test_switching_one_option_leaves_the_others_draws() -> None:
    plain = Augmentation().draw(np.random.default_rng(4))
    turning = Augmentation(rotation=10).draw(np.random.default_rng(4))
    assert (plain.x, plain.y, plain.flip) == (turning.x, turning.y, turning.flip)
    assert plain.rotation == 0 != turning.rotation


def test_draws_fill_their_ranges() -> None:
    rng = np.random.default_rng(0)
    cuts = [Augmentation(flip=0.25, scale=(0.8, 1.25), rotation=7).draw(rng) for _ in range(2000)]
    assert 0.2 < np.mean([cut.flip for cut in cuts]) < 0.3
    scales, angles = [cut.scale for cut in cuts], [cut.rotation for cut in cuts]
    assert 0.8 <= min(scales) < 0.81
    assert 1.24 < max(scales) <= 1.25
    assert -7 <= min(angles) < -6.9
    assert 6.9 < max(angles) <= 7


@pytest.mark.parametrize("options", [{"flip": 1.5}, {"scale": (0.0, 1.0)}, {"scale": (1.2, 0.8)}, {"rotation": -1}])
def test_nonsense_is_refused_by_name(options: dict[str, object]) -> None:
    with pytest.raises(UserError, match=f"data.{next(iter(options))}"):
        Augmentation(**options)  # type: ignore[arg-type]
