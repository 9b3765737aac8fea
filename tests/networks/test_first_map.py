from __future__ import annotations

import pytest

from gan_lab.errors import UserError
from gan_lab.networks.first_map import find_first_map, find_nearest_size
from gan_lab.options import ImageSize


@pytest.mark.parametrize(
    ("size", "shortest", "first"),
    [
        (64, 3, ((4, 4), 4)),
        (28, 3, ((7, 7), 2)),
        (48, 3, ((3, 3), 4)),
        (48, 4, ((6, 6), 3)),
        (96, 4, ((6, 6), 4)),
        (128, 1, ((1, 1), 7)),
        ((96, 64), 3, ((6, 4), 4)),
        ((96, 64), 1, ((3, 2), 5)),
        ((64, 96), 4, ((4, 6), 4)),
        ((64, 128), 4, ((4, 8), 4)),
        ((24, 16), 4, ((6, 4), 2)),
        ((40, 20), 1, ((10, 5), 2)),
        ((20, 40), 1, ((5, 10), 2)),
    ],
)
def test_the_map_has_the_aspect_ratio_of_the_image(
    size: ImageSize, shortest: int, first: tuple[tuple[int, int], int]
) -> None:
    assert find_first_map(size, shortest) == first


@pytest.mark.parametrize(
    ("size", "shortest", "written", "nearest"),
    [
        (8, 3, "8", "12"),
        (33, 4, "33", "32"),
        (50, 3, "50", "48"),
        ((100, 64), 4, r"\[100,64\]", r"\[96,64\]"),
        ((100, 64), 1, r"\[100,64\]", r"\[96,64\]"),
        ((1, 1), 3, "1", "12"),
    ],
)
def test_a_size_that_cannot_be_halved_is_refused_with_the_nearest_that_can(
    size: ImageSize, shortest: int, written: str, nearest: str
) -> None:
    with pytest.raises(UserError, match=rf"^data\.image_size={written}: .*; give for instance {nearest}$"):
        find_first_map(size, shortest)
    find_first_map(find_nearest_size(size, shortest), shortest)
