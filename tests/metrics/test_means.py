"""Means over images: batch by batch as for all images at once; torchmetrics' own figures where they are the same."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torchmetrics.image import PeakSignalNoiseRatio, StructuralSimilarityIndexMeasure

from gan_lab.metrics import MeanCIEDE2000, MeanPSNR, MeanSSIM, WeightedMean, ciede2000, interval_of_mean, psnr, ssim
from gan_lab.metrics.means import ImageMean


def pair(count: int = 5) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    gt = torch.randint(0, 256, (count, 3, 24, 20), generator=generator, dtype=torch.uint8)
    noise = torch.randn(gt.shape, generator=generator) * torch.linspace(1, 40, count).view(-1, 1, 1, 1)
    return (gt + noise).round().clamp(0, 255).byte(), gt


@pytest.mark.parametrize(
    ("metric", "function"),
    [(MeanPSNR(), psnr), (MeanSSIM(), ssim), (MeanCIEDE2000(), ciede2000)],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),  # no addresses: each process makes its own
)
def test_batches_give_the_mean_over_all_images(metric: ImageMean, function: Callable) -> None:
    pred, gt = pair()
    for rows in (slice(0, 2), slice(2, 5)):
        metric.update(pred[rows], gt[rows])
    values = function(pred, gt)
    assert metric.compute().dtype == torch.float64
    assert float(metric.compute()) == pytest.approx(float(values.mean()), rel=1e-12)
    assert metric.compute_deviation() == pytest.approx(float(values.std(correction=0)), rel=1e-12)
    assert metric.compute_interval().error == pytest.approx(interval_of_mean(values.tolist()).error, rel=1e-9)


def test_equal_images_count_as_the_cap() -> None:
    pred, gt = pair(2)
    for cap, metric in ((60.0, MeanPSNR()), (50.0, MeanPSNR(cap=50.0))):
        metric.update(torch.cat([pred, gt[:1]]), torch.cat([gt, gt[:1]]))
        assert float(metric.compute()) == pytest.approx(float((psnr(pred, gt).sum() + cap) / 3))


def test_the_ratio_is_torchmetrics_but_for_the_cap() -> None:
    pred, gt = pair()
    theirs = PeakSignalNoiseRatio(data_range=255.0, dim=(1, 2, 3))
    theirs.update(pred.float(), gt.float())
    ours = MeanPSNR()
    ours.update(pred, gt)
    assert float(ours.compute()) == pytest.approx(float(theirs.compute()), rel=1e-6)


def test_the_similarity_is_not_torchmetrics() -> None:
    """What keeps the function: these windows are scikit-image's, which has no counterpart there."""
    pred, gt = pair()
    theirs = StructuralSimilarityIndexMeasure(gaussian_kernel=False, kernel_size=7, data_range=255.0)
    theirs.update(pred.double(), gt.double())
    ours = MeanSSIM()
    ours.update(pred, gt)
    assert float(ours.compute()) != pytest.approx(float(theirs.compute()), rel=1e-4)


def test_a_weighted_mean_weighs_and_keeps_what_is_not_a_number() -> None:
    mean = WeightedMean()
    mean.update(torch.tensor(2.0), weight=3)
    mean.update(torch.tensor([4.0, 8.0]))
    assert float(mean.compute()) == pytest.approx((2 * 3 + 4 + 8) / 5)
    mean.update(torch.tensor(float("nan")))
    assert math.isnan(float(mean.compute()))
    mean.reset()
    mean.update(torch.tensor(1.5, requires_grad=True), weight=2)
    assert float(mean.compute()) == 1.5
