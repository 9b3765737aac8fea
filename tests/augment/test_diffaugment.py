from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from gan_lab.augment import DiffAugment
from gan_lab.errors import UserError

OFF = {"brightness": 0.0, "saturation": 0.0, "contrast": 0.0, "translation": 0.0, "cutout": 0.0}


def only(**strengths: float) -> DiffAugment:
    return DiffAugment(**(OFF | strengths))


def pictures(n: int = 500, channels: int = 3, height: int = 8, width: int = 8) -> Tensor:
    return torch.rand(n, channels, height, width, generator=torch.Generator().manual_seed(1)) * 2 - 1


def test_brightness_adds_one_number_an_image() -> None:
    torch.manual_seed(0)
    x = pictures()
    added = only(brightness=0.5)(x) - x
    each = added[:, :1, :1, :1]
    torch.testing.assert_close(added, each.expand_as(added))
    assert -0.5 <= each.min() < -0.45
    assert 0.45 < each.max() <= 0.5
    assert each.mean().item() == pytest.approx(0, abs=0.04)


def test_saturation_scales_the_distance_from_grey() -> None:
    torch.manual_seed(0)
    x = pictures()
    grey = x.mean(1, keepdim=True)
    out = only(saturation=1.0)(x)
    factor = factors(out - grey, x - grey)
    assert 0 <= factor.min() < 0.05
    assert 1.95 < factor.max() <= 2
    torch.testing.assert_close(out.mean(1, keepdim=True), grey)


def test_contrast_scales_the_distance_from_the_images_mean() -> None:
    torch.manual_seed(0)
    x = pictures()
    mean = x.mean((1, 2, 3), keepdim=True)
    factor = factors(only(contrast=0.5)(x) - mean, x - mean)
    assert 0.5 <= factor.min() < 0.55
    assert 1.45 < factor.max() <= 1.5


def factors(out: Tensor, x: Tensor) -> Tensor:
    """Return the one factor of each image, [N, 1, 1, 1]."""
    factor = (out * x).sum((1, 2, 3), keepdim=True) / x.square().sum((1, 2, 3), keepdim=True)
    torch.testing.assert_close(out, factor * x, rtol=1e-4, atol=1e-5)
    return factor


def test_one_pass_is_the_papers_three() -> None:
    """Brightness, saturation, contrast, one after the other, by the same draws."""
    x = pictures()
    torch.manual_seed(0)
    out = only(brightness=0.5, saturation=1.0, contrast=0.5)(x)
    torch.manual_seed(0)
    b, s, c = (torch.rand(3, len(x), 1, 1, 1) * 2 - 1).unbind()
    y = x + 0.5 * b
    y = (y - y.mean(1, keepdim=True)) * (1 + s) + y.mean(1, keepdim=True)
    mean = y.mean((1, 2, 3), keepdim=True)
    torch.testing.assert_close(out, (y - mean) * (1 + 0.5 * c) + mean, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("height", "width"), [(16, 16), (24, 16)])
def test_translation_moves_whole_pixels_and_fills_with_grey(height: int, width: int) -> None:
    torch.manual_seed(0)
    x = pictures(300, 2, height, width)
    out = only(translation=0.125)(x)
    largest_y, largest_x = height // 8, width // 8
    seen = set()
    for image, moved in zip(x, out, strict=True):
        matches = []
        for dy in range(-largest_y, largest_y + 1):
            for dx in range(-largest_x, largest_x + 1):
                padded = torch.nn.functional.pad(image, (largest_x, largest_x, largest_y, largest_y))
                top, left = largest_y - dy, largest_x - dx
                if torch.equal(padded[:, top : top + height, left : left + width], moved):
                    matches.append((dy, dx))
        assert len(matches) == 1
        seen.update(matches)
    assert len(seen) == (2 * largest_y + 1) * (2 * largest_x + 1)


@pytest.mark.parametrize("side", [16, 14])
def test_cutout_clears_one_square_whose_centre_lies_anywhere(side: int) -> None:
    torch.manual_seed(0)
    x = torch.ones(400, 3, side, side)
    gone = only(cutout=0.5)(x) == 0
    assert torch.equal(gone, gone[:, :1].expand_as(gone))
    rows, columns = gone[:, 0].any(2), gone[:, 0].any(1)
    assert torch.equal(gone[:, 0], rows[:, :, None] & columns[:, None])
    for stretch in (rows, columns):
        assert stretch.sum(1).max() == side // 2
        assert (
            stretch.sum(1).min() == (side // 2 + 1) // 2
        )  # half of the square outside, when its centre is on the border
        assert (stretch.int().diff(dim=1) == 1).sum(1).max() <= 1  # one piece
        starts = {tuple(row.nonzero()[[0, -1], 0].tolist()) for row in stretch}
        assert len(starts) == side + 1 - side // 2 % 2


def test_images_have_their_own_draws_and_calls_theirs() -> None:
    torch.manual_seed(0)
    augment = DiffAugment()
    x = pictures(1, 3, 16, 16).expand(32, -1, -1, -1)
    once, again = augment(x), augment(x)
    assert len(torch.unique(once.flatten(1), dim=0)) == 32
    assert not torch.equal(once, again)
    torch.manual_seed(0)
    assert torch.equal(augment(x), once)


def test_grey_images_have_no_saturation() -> None:
    torch.manual_seed(0)
    x = pictures(4, 1)
    torch.testing.assert_close(only(saturation=1.0)(x), x)
    assert DiffAugment()(x).shape == x.shape


def test_gradients() -> None:
    """Whatever is drawn, the result is linear in the images: gradcheck, with the draws held fixed."""
    augment = DiffAugment(translation=0.25)

    def seeded(x: Tensor) -> Tensor:
        torch.manual_seed(0)
        return augment(x)

    x = torch.randn(2, 3, 4, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(seeded, x, fast_mode=True)
    assert torch.autograd.gradgradcheck(lambda x: seeded(x).square(), x, fast_mode=True)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_the_dtype_is_the_images_own(dtype: torch.dtype) -> None:
    x = pictures(4).to(dtype)
    torch.manual_seed(0)
    with torch.autocast("cpu", torch.bfloat16):
        out = DiffAugment()(x)
    assert out.dtype == dtype
    torch.manual_seed(0)
    expected = DiffAugment()(x.float())
    torch.testing.assert_close(out.float(), expected.to(dtype).float(), rtol=0, atol=1e-6)


def test_it_is_not_adaptive_and_has_no_state() -> None:
    assert not DiffAugment.adaptive
    assert not DiffAugment().state_dict()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"brightness": -0.1}, r"model.augment.brightness=-0.1: needs a number from 0 \(off\) to 1"),
        ({"cutout": 2}, "model.augment.cutout=2"),
        ({"translation": 1.5}, "model.augment.translation=1.5"),
        (OFF, "model.augment=null"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        DiffAugment(**options)
