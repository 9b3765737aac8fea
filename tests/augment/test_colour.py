from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from gan_lab.augment import colour

P0, P1 = torch.tensor(0.0), torch.tensor(1.0)


def pictures(n: int = 3, channels: int = 3) -> Tensor:
    return torch.rand(n, channels, 5, 7, generator=torch.Generator().manual_seed(0)) * 2 - 1


def grey(x: Tensor) -> Tensor:
    return x.mean(1, keepdim=True)


def per_image(values: list[float]) -> Tensor:
    return torch.tensor(values).view(-1, 1, 1, 1)


def test_brightness_contrast_and_saturation_by_their_formulas() -> None:
    x, values = pictures(), [0.5, 1.0, 1.7]
    s = per_image(values)
    torch.testing.assert_close(colour.recolour(x, colour.brightness(torch.tensor(values))), x + s)
    torch.testing.assert_close(colour.recolour(x, colour.contrast(torch.tensor(values))), x * s)
    expected = grey(x) + s * (x - grey(x))
    torch.testing.assert_close(colour.recolour(x, colour.saturation(torch.tensor(values))), expected)


def test_luma_flip_keeps_colour_and_is_its_own_inverse() -> None:
    x = pictures()
    matrix = colour.luma_flip(torch.tensor([1, 0, 1]))
    flipped = colour.recolour(x, matrix)
    sign = per_image([-1.0, 1.0, -1.0])
    torch.testing.assert_close(flipped, x - grey(x) + sign * grey(x))
    torch.testing.assert_close(colour.recolour(flipped, matrix), x)


def test_hue_turns_about_the_luma_axis() -> None:
    """A third of a circle takes red to green, green to blue; any angle keeps grey and the distance from it."""
    x = pictures()
    third = colour.recolour(x, colour.hue(torch.full((3,), 2 * math.pi / 3)))
    torch.testing.assert_close(third, x.roll(1, 1))
    turned = colour.recolour(x, colour.hue(torch.tensor([0.3, -1.0, 2.0])))
    torch.testing.assert_close(grey(turned), grey(x))
    torch.testing.assert_close((turned - grey(x)).norm(dim=1), (x - grey(x)).norm(dim=1))
    cosine = torch.nn.functional.cosine_similarity(turned - grey(x), x - grey(x), dim=1)
    torch.testing.assert_close(cosine, torch.tensor([0.3, -1.0, 2.0]).cos().view(3, 1, 1).expand_as(cosine))


def test_grey_images_keep_to_light() -> None:
    x = pictures(channels=1)
    ones = torch.ones(3)
    torch.testing.assert_close(colour.recolour(x, colour.brightness(0.3 * ones)), x + 0.3)
    torch.testing.assert_close(colour.recolour(x, colour.contrast(1.5 * ones)), x * 1.5)
    torch.testing.assert_close(colour.recolour(x, colour.luma_flip(ones)), -x)
    torch.testing.assert_close(colour.recolour(x, colour.hue(ones)), x)
    torch.testing.assert_close(colour.recolour(x, colour.saturation(3 * ones)), x)


def test_a_grey_image_is_what_three_equal_channels_would_be() -> None:
    torch.manual_seed(0)
    x, matrix = pictures(channels=1), colour.draw_colour(3, P1)
    torch.testing.assert_close(
        colour.recolour(x, matrix), grey(colour.recolour(x.expand(-1, 3, -1, -1), matrix)), rtol=1e-4, atol=1e-5
    )


def test_other_channels_are_refused() -> None:
    with pytest.raises(ValueError, match="4 channels"):
        colour.recolour(torch.zeros(1, 4, 2, 2), colour.brightness(torch.zeros(1)))


def test_identities_change_nothing() -> None:
    x = pictures()
    zeros, ones = torch.zeros(3), torch.ones(3)
    for matrix in (
        colour.brightness(zeros),
        colour.contrast(ones),
        colour.luma_flip(zeros),
        colour.hue(zeros),
        colour.saturation(ones),
        colour.draw_colour(3, P0),
    ):
        assert torch.equal(matrix, torch.eye(4).expand(3, 4, 4))
        assert torch.equal(colour.recolour(x, matrix), x)


def test_strengths_are_the_papers() -> None:
    """Of the composed matrix: what it does to the luma axis and across it."""
    torch.manual_seed(0)
    matrix = colour.draw_colour(40000, P1)
    luma = matrix[:, :3, :3].sum((1, 2)) / 3  # contrast, times -1 for half of them
    assert (luma < 0).float().mean().item() == pytest.approx(0.5, abs=0.01)
    assert luma.abs().log2().std().item() == pytest.approx(0.5, rel=0.02)
    assert luma.abs().log2().mean().item() == pytest.approx(0, abs=0.01)
    light = matrix[:, :3, 3].mean(1) / luma
    assert light.std().item() == pytest.approx(0.2, rel=0.02)
    across = torch.linalg.det(matrix[:, :3, :3]).abs() / luma.abs()  # (contrast * saturation)^2
    strength = across.log2() / 2 - luma.abs().log2()
    assert strength.std().item() == pytest.approx(1, rel=0.02)
    assert strength.mean().item() == pytest.approx(0, abs=0.02)
    # the hue's angle, from the trace of the rotation that is left across the axis
    chroma = matrix[:, :3, :3] - luma[:, None, None] / 3
    red = torch.tensor([2.0, -1.0, -1.0]) / math.sqrt(6)
    cosine = (chroma @ red) @ red / across.sqrt()
    assert cosine.mean().item() == pytest.approx(0, abs=0.01)  # uniform on the whole circle
    assert cosine.square().mean().item() == pytest.approx(0.5, abs=0.01)


def test_each_transformation_occurs_with_p_by_itself() -> None:
    torch.manual_seed(0)
    matrix = colour.draw_colour(40000, torch.tensor(0.3))
    luma = matrix[:, :3, :3].sum((1, 2)) / 3
    lit, contrasted, flipped = matrix[:, :3, 3].mean(1).abs() > 1e-6, (luma.abs() - 1).abs() > 1e-5, luma < 0
    assert lit.float().mean().item() == pytest.approx(0.3, abs=0.01)
    assert contrasted.float().mean().item() == pytest.approx(0.3, abs=0.01)
    assert flipped.float().mean().item() == pytest.approx(0.15, abs=0.01)
    assert (lit & contrasted).float().mean().item() == pytest.approx(0.09, abs=0.01)
    untouched = (matrix == torch.eye(4)).flatten(1).all(1)
    assert untouched.float().mean().item() == pytest.approx(0.7**4 * 0.85, abs=0.01)


def test_gradients() -> None:
    torch.manual_seed(0)
    matrix = colour.draw_colour(2, P1)
    for channels in (1, 3):
        x = torch.randn(2, channels, 2, 3, dtype=torch.float64, requires_grad=True)
        assert torch.autograd.gradcheck(lambda x: colour.recolour(x, matrix), x)
        assert torch.autograd.gradgradcheck(lambda x: colour.recolour(x, matrix).square(), x)
