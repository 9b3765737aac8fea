"""The perceptual distance: it sees what pixels do not, at any size, and keeps within its range."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from gan_lab.networks import PerceptualDistance
from gan_lab.networks.efficientnet_lite import Version
from tests.evaluation.shapes import shapes


def blur_and_darken(images: Tensor) -> tuple[Tensor, Tensor]:
    """Return images blurred, and darker by what leaves each the same PSNR."""
    padded = functional.pad(images, (2, 2, 2, 2), mode="replicate")
    blurred = functional.avg_pool2d(padded, 5, stride=1)
    return blurred, images - (blurred - images).square().mean(dim=(1, 2, 3), keepdim=True).sqrt()


@pytest.mark.parametrize("version", [0, 2])
@pytest.mark.parametrize("size", [16, 64])
def test_a_blur_is_farther_than_a_change_of_brightness_that_pixels_cannot_tell_from_it(
    version: Version, size: int
) -> None:
    images = shapes(4, size)
    blurred, darker = blur_and_darken(images)
    error = [(each - images).square().mean(dim=(1, 2, 3)) for each in (blurred, darker)]
    torch.testing.assert_close(*error)
    distance = PerceptualDistance(version)
    assert (distance(blurred, images) > 2 * distance(darker, images)).all()


def test_it_is_the_mean_over_scales_of_squared_distances_of_directions() -> None:
    distance = PerceptualDistance(0)
    pred, gt = shapes(2, 64), shapes(2, 64, seed=1)
    expected = torch.zeros(2)
    for one, other in zip(distance.network.extract_stages(pred), distance.network.extract_stages(gt), strict=True):
        expected += 2 * (1 - functional.cosine_similarity(one, other, dim=1)).mean(dim=(1, 2)) / 5
    torch.testing.assert_close(distance(pred, gt), expected, rtol=1e-4, atol=1e-5)
    assert (distance(pred, pred) == 0).all()


@pytest.mark.parametrize("shape", [(1, 16, 16), (3, 16, 40), (3, 96, 64), (1, 3, 50)])
def test_grey_small_and_oblong_images_are_compared(shape: tuple[int, ...]) -> None:
    channels, height, width = shape
    gt = torch.rand(2, *shape, generator=torch.Generator().manual_seed(0)) * 2 - 1
    distance = PerceptualDistance(0)
    found = distance(gt.flip(-1), gt)
    assert found.shape == (2,)
    assert ((found > 0) & (found < 4)).all()
    if channels == 1:
        torch.testing.assert_close(found, distance(gt.flip(-1).expand(-1, 3, -1, -1), gt.expand(-1, 3, -1, -1)))
    large = functional.interpolate(gt, [side * 64 // min(height, width) for side in (height, width)], mode="bilinear")
    if min(height, width) < 64 and 64 % min(height, width) == 0:
        torch.testing.assert_close(found, distance(large.flip(-1), large), rtol=1e-3, atol=1e-4)


def test_images_of_one_colour_have_finite_gradients() -> None:
    pred = torch.zeros(1, 3, 32, 32, requires_grad=True)
    PerceptualDistance(0)(pred, torch.zeros(1, 3, 32, 32)).sum().backward()
    assert pred.grad is not None
    assert pred.grad.isfinite().all()
