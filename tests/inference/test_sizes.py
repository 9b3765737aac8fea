"""How large a result is to be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from gan_lab.errors import UserError
from gan_lab.inference.enhancement import enhance_photo, photo_of
from gan_lab.inference.restoration import Networks, Restoration, Wish, add_smaller_scales
from gan_lab.inference.sizes import check_scale, plan_size
from gan_lab.networks.restorer import enlarge


@pytest.mark.parametrize(
    ("scale", "whole", "size"),
    [
        (1, 1, (30, 40)),
        (1.0, 1, (30, 40)),
        (2, 2, (60, 80)),
        (1.5, 2, (45, 60)),
        (2.51, 3, (75, 100)),
        (4, 4, (120, 160)),
        ("to:40", 1, (30, 40)),
        ("to:41", 2, (31, 41)),
        ("to:160", 4, (120, 160)),
        ("to:20", 1, (15, 20)),
    ],
)
def test_a_factor_or_a_longer_side_gives_a_size(scale: Any, whole: int, size: tuple[int, int]) -> None:
    assert plan_size(scale, 30, 40) == (whole, size)
    assert plan_size(scale, 40, 30) == (whole, size[::-1])
    assert check_scale(scale) in (None, whole)


@pytest.mark.parametrize("scale", [0.5, 0, 4.1, True, None, "2", "to:", "to:-5", "to:3", "to:1e3", float("nan")])
def test_what_is_no_size_is_refused(scale: Any) -> None:
    with pytest.raises(UserError, match=r"^scale=.*: needs a number from 1 to 4, or to:<pixels> of the longer side"):
        check_scale(scale)


def test_what_would_have_to_be_enlarged_too_much_is_refused() -> None:
    with pytest.raises(UserError, match=r"^scale=to:161: .* has 40 pixels, .* 4 times at most; ask for 160 or less$"):
        plan_size("to:161", 30, 40)


@pytest.mark.parametrize("scale", [1.5, 2.25, "to:37", "to:100", "to:16"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_results_have_that_size_and_alpha_with_them(scale: Any, dtype: Any) -> None:
    networks = Networks(
        enlarge=add_smaller_scales({4: lambda image: enlarge(image, 4)}), restore=lambda image, _: image
    )
    ramp = np.linspace(0, np.iinfo(dtype).max, 40)[None, :, None] * np.ones((30, 1, 4))
    photo = photo_of(ramp.astype(dtype))
    made = enhance_photo(Restoration(networks, torch.device("cpu")), photo, Wish(scale=scale))
    size = plan_size(scale, 30, 40)[1]
    assert made.photo.pixels.shape == (*size, 3)
    assert made.photo.alpha is not None
    assert made.photo.alpha.shape == size
    assert made.photo.pixels.dtype == made.photo.alpha.dtype == dtype
    for row in (
        made.photo.pixels[size[0] // 2, :, 0],
        made.photo.alpha[size[0] // 2],
    ):  # a ramp still, of the same ends
        expected = np.linspace(0, np.iinfo(dtype).max, size[1])
        assert np.abs(row[1:-1] - expected[1:-1]).max() < 0.03 * np.iinfo(dtype).max


def test_a_longer_side_takes_the_next_factor_that_there_is() -> None:
    restoration = Restoration(Networks(enlarge={2: lambda image: enlarge(image, 2)}), torch.device("cpu"))
    photo = photo_of(np.full((30, 40, 3), 90, np.uint8))
    assert enhance_photo(restoration, photo, Wish(scale="to:20")).photo.pixels.shape == (15, 20, 3)
    both = {factor: lambda image, factor=factor: enlarge(image, factor) for factor in (2, 4)}
    assert Restoration(Networks(enlarge=both), torch.device("cpu")).plan_size("to:20", 30, 40)[0] == 2
    with pytest.raises(
        UserError, match=r"^scale=to:100: this photo would have to be enlarged 3 times, .* has scale=1, 2; "
    ):
        enhance_photo(restoration, photo, Wish(scale="to:100"))


@pytest.mark.parametrize(
    ("correct", "said"), [("defects", "restorer; use correct=all$"), ("light", "corrector; use correct=all$")]
)
def test_advice_names_what_there_is(correct: Any, said: str) -> None:
    restoration = Restoration(Networks(enlarge={2: lambda image: enlarge(image, 2)}), torch.device("cpu"))
    with pytest.raises(UserError, match=said):
        restoration.check(Wish(correct=correct, scale=2))


def test_the_networks_themselves_take_whole_scales_alone() -> None:
    restoration = Restoration(Networks(enlarge={2: lambda image: enlarge(image, 2)}), torch.device("cpu"))
    restoration.check(Wish(scale=1.5))
    restoration.check(Wish(scale="to:2000"))
    with pytest.raises(UserError, match=r"^scale=2.5: this model does not enlarge so; it has scale=1, 2$"):
        restoration.check(Wish(scale=2.5))
    with pytest.raises(ValueError, match=r"expected a whole scale, got 1.5"):
        restoration(np.zeros((8, 8, 3), np.uint8), Wish(scale=1.5))
