from __future__ import annotations

import math

import pytest
import skimage.metrics
import torch

from gan_lab.losses import (
    binary_cross_entropy,
    feature_matching,
    gradient_difference,
    l1,
    mse,
    negative_psnr,
    ssim_loss,
)


def test_l1() -> None:
    assert l1(torch.tensor([[[[1.0, -1.0]]]]), torch.tensor([[[[0.5, 1.0]]]])).item() == pytest.approx(1.25)
    assert l1(torch.zeros(1).bfloat16(), torch.ones(1).bfloat16()).dtype == torch.float32


def test_mse() -> None:
    assert mse(torch.tensor([[[[1.0, -1.0]]]]), torch.tensor([[[[0.5, 1.0]]]])).item() == pytest.approx(4.25 / 2)
    assert mse(torch.zeros(1).bfloat16(), torch.ones(1).bfloat16()).dtype == torch.float32


def test_binary_cross_entropy_by_hand() -> None:
    pred, gt = torch.tensor([[[[0.0, -0.5]]]]), torch.tensor([[[[1.0, 0.0]]]])  # 0.5 of 1, and 0.25 of 0.5
    by_hand = (math.log(2) - (math.log(0.25) + math.log(0.75)) / 2) / 2
    assert binary_cross_entropy(pred, gt).item() == pytest.approx(by_hand)
    # it is least where the images are equal, and that is no 0
    grey = torch.zeros(1, 1, 2, 2, requires_grad=True)
    loss = binary_cross_entropy(grey, torch.zeros(1, 1, 2, 2))
    loss.backward()
    assert loss.item() == pytest.approx(math.log(2))
    assert grey.grad is not None
    assert grey.grad.abs().max() < 1e-6


def test_binary_cross_entropy_under_autocast_and_at_the_ends() -> None:
    pred = torch.tensor([[[[1.0, -1.0, 1.01]]]], requires_grad=True)  # a bfloat16 image may leave its range by rounding
    with torch.autocast("cpu", torch.bfloat16):
        loss = binary_cross_entropy(pred, torch.tensor([[[[1.0, 1.0, 1.0]]]]))
    loss.backward()
    assert loss.isfinite()
    assert pred.grad is not None
    assert pred.grad.isfinite().all()


def test_negative_psnr_counts_each_image_alike() -> None:
    gt = torch.zeros(2, 1, 4, 4)
    pred = gt + torch.tensor([0.2, 0.02]).view(2, 1, 1, 1)  # of a peak of 2: 20 dB and 40 dB
    assert negative_psnr(pred, gt, cap=90).item() == pytest.approx(-30, abs=0.01)
    assert negative_psnr(gt, gt, cap=45).item() == pytest.approx(-45)
    assert negative_psnr(pred[1:], gt[1:], cap=40).item() == pytest.approx(-37, abs=0.02)  # halfway to the cap


def test_gradient_difference() -> None:
    pred = torch.tensor([[0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]).view(1, 1, 2, 3)
    gt = torch.zeros(1, 1, 2, 3)
    across, down = (1 + 1 + 0 + 0) / 4, (0 + 1 + 0) / 3
    assert gradient_difference(pred, gt).item() == pytest.approx(across + down)
    assert gradient_difference(pred + 0.3, pred).item() == pytest.approx(0, abs=1e-6)  # brightness alone costs nothing
    assert gradient_difference(-pred, pred).item() == pytest.approx(2 * (across + down))  # an inverted edge does


def test_ssim_against_skimage() -> None:
    generator = torch.Generator().manual_seed(0)
    gt = torch.rand(2, 3, 40, 33, generator=generator) * 2 - 1
    gt = torch.nn.functional.avg_pool2d(gt, 3, 1, 1)
    pred = (0.8 * gt + 0.2 * torch.randn(gt.shape, generator=generator)).clamp(-1, 1)
    expected = [
        skimage.metrics.structural_similarity(
            (a.numpy() + 1) / 2,
            (b.numpy() + 1) / 2,
            channel_axis=0,
            data_range=1.0,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
        )
        for a, b in zip(pred, gt, strict=True)
    ]
    assert 1 - ssim_loss(pred, gt).item() == pytest.approx(sum(expected) / 2, abs=1e-5)
    assert 0.2 < expected[0] < 0.9


def test_ssim_ends_and_gradient() -> None:
    generator = torch.Generator().manual_seed(0)
    gt = torch.rand(1, 1, 16, 16, generator=generator) * 2 - 1
    assert ssim_loss(gt, gt).item() == pytest.approx(0, abs=1e-6)
    assert ssim_loss(-gt, gt).item() > 1
    pred = (gt + 0.1).requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        loss = ssim_loss(pred.bfloat16(), gt.bfloat16())
    assert loss.dtype == torch.float32
    loss.backward()
    assert pred.grad.abs().sum() > 0


def test_feature_matching() -> None:
    real = [torch.zeros(1, 2, 4, 4, requires_grad=True), torch.ones(1, 1, 2, 2, requires_grad=True)]
    fake = [torch.ones(1, 2, 4, 4, requires_grad=True), torch.full((1, 1, 2, 2), 4.0, requires_grad=True)]
    loss = feature_matching(real, fake)
    assert loss.item() == pytest.approx((1 + 3) / 2)  # each map counts alike, however large
    loss.backward()
    assert all(feature.grad is None for feature in real)
    assert all(feature.grad.abs().sum() > 0 for feature in fake)
    with pytest.raises(ValueError, match="argument 2 is shorter"):
        feature_matching(real, fake[:1])
