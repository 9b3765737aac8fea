"""Means over images as torchmetrics' metrics: updated batch by batch, reduced over processes."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchmetrics.metric import Metric
from torchmetrics.utilities.data import dim_zero_cat

from gan_lab.metrics.intervals import Interval, interval_of_mean
from gan_lab.metrics.restoration import PSNR_CAP, ciede2000, perceptual_distance, psnr, ssim
from gan_lab.networks import PerceptualDistance


class ImageMean(Metric):
    """The mean over images of a figure of pairs of images; a subclass defines `measure`."""

    full_state_update = False
    is_differentiable = False
    values: list[Tensor] | Tensor

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.add_state("values", [], dist_reduce_fx="cat")

    def measure(self, pred: Tensor, gt: Tensor) -> Tensor:
        """Return the figure of each pair, float64 [N]."""
        raise NotImplementedError

    def update(self, pred: Tensor, gt: Tensor) -> None:
        """Measure a batch.

        Args:
            pred: uint8 [N, C, H, W].
            gt: likewise.
        """
        assert isinstance(self.values, list)
        self.values.append(self.measure(pred, gt))

    def compute(self) -> Tensor:
        """Return the mean, a float64 scalar."""
        return dim_zero_cat(self.values).mean()

    def compute_deviation(self) -> float:
        """Return the standard deviation over the images of this process."""
        return float(dim_zero_cat(self.values).std(correction=0))

    def compute_interval(self) -> Interval:
        """Return the mean with its 95 % interval, of the images of this process.

        Raises:
            ValueError: there are fewer than 2 images.
        """
        return interval_of_mean(dim_zero_cat(self.values).tolist())


class MeanPSNR(ImageMean):
    """The mean peak signal-to-noise ratio in dB, on 8 bits.

    Differs from torchmetrics' PeakSignalNoiseRatio, which gives the same ratios with `dim=(1, 2, 3)` and `data_range=255`:
    a pair of equal images counts as `cap` dB there is, and not as infinity.

    Args:
        cap: dB of an image at most.
        options: of `torchmetrics.Metric`.
    """

    higher_is_better = True

    def __init__(self, cap: float = PSNR_CAP, **options: Any) -> None:
        super().__init__(**options)
        self.cap = cap

    def measure(self, pred: Tensor, gt: Tensor) -> Tensor:
        """Return the capped ratio of each pair, float64 [N]."""
        return psnr(pred, gt).clamp(max=self.cap)


class MeanSSIM(ImageMean):
    """The mean structural similarity, on 8 bits.

    Differs from torchmetrics' StructuralSimilarityIndexMeasure, whose uniform windows have no sample covariance and reach
    beyond the image; these figures are scikit-image's.
    """

    higher_is_better = True

    def measure(self, pred: Tensor, gt: Tensor) -> Tensor:
        """Return the similarity of each pair, float64 [N]."""
        return ssim(pred, gt)


class MeanCIEDE2000(ImageMean):
    """The mean CIEDE2000 colour difference, on 8 bits."""

    higher_is_better = False

    def measure(self, pred: Tensor, gt: Tensor) -> Tensor:
        """Return the mean difference of each pair's pixels, float64 [N]."""
        return ciede2000(pred, gt)


class MeanPerceptualDistance(ImageMean):
    """The mean distance in the features of an EfficientNet-Lite, on 8 bits; not LPIPS.

    Args:
        network: what measures.
        options: of `torchmetrics.Metric`.
    """

    higher_is_better = False

    def __init__(self, network: PerceptualDistance, **options: Any) -> None:
        super().__init__(**options)
        self.networks = (network,)  # in a tuple, so that it is not the metric's own module

    def measure(self, pred: Tensor, gt: Tensor) -> Tensor:
        """Return the distance of each pair, float64 [N], on the images' device."""
        return perceptual_distance(self.networks[0], pred, gt)


class WeightedMean(Metric):
    """The weighted mean of values, NaN where one of them is.

    torchmetrics' MeanMetric either drops NaN, or with `nan_strategy="disable"` the weights (1.9).
    """

    full_state_update = False
    is_differentiable = False
    total: Tensor
    weight: Tensor

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.add_state("total", torch.zeros(()), dist_reduce_fx="sum")
        self.add_state("weight", torch.zeros(()), dist_reduce_fx="sum")

    def update(self, values: Tensor, weight: float = 1.0) -> None:
        """Add values of any shape, each of one weight."""
        self.total = self.total + (values.detach().float() * weight).sum()
        self.weight = self.weight + weight * values.numel()

    def compute(self) -> Tensor:
        """Return the mean, a float32 scalar."""
        return self.total / self.weight
