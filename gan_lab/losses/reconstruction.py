"""Losses between a predicted image and its ground truth, all scalars in fp32."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional


def l1(pred: Tensor, gt: Tensor) -> Tensor:
    """Return the mean absolute difference of two [N, C, H, W] images."""
    return functional.l1_loss(pred.float(), gt.float())


def masked_l1(pred: Tensor, gt: Tensor, mask: Tensor) -> Tensor:
    """Return the mean absolute difference of two [N, C, H, W] images where a mask [N, 1, H, W] is 1, averaged over images.

    However small its product is, a photo counts as much as another. Where a mask is 0 throughout, 0.
    """
    difference = (pred.float() - gt.float()).abs().mean(dim=1, keepdim=True)
    inside = (difference * mask).sum(dim=(1, 2, 3)) / mask.sum(dim=(1, 2, 3)).clamp(min=1)
    return inside.mean()


def weighted_l1(pred: Tensor, gt: Tensor, weight: Tensor) -> Tensor:
    """Return the mean of the absolute difference of two [N, C, H, W] images times a weight [N, 1, H, W]."""
    return ((pred.float() - gt.float()).abs() * weight).mean()


def attention_loss(logits: Tensor, product: Tensor) -> Tensor:
    """Return the binary cross-entropy between where a generator draws and where the product is not.

    Args:
        logits: of the share that is drawn, [N, 1, H, W].
        product: 1 where it is, [N, 1, H, W]; a photo on which it is nowhere, since none was found, counts for nothing.
    """
    found = product.amax(dim=(1, 2, 3), keepdim=True).expand_as(product)
    return functional.binary_cross_entropy_with_logits(logits.float(), 1 - product, weight=found)


def mse(pred: Tensor, gt: Tensor) -> Tensor:
    """Return the mean squared difference of two [N, C, H, W] images."""
    return functional.mse_loss(pred.float(), gt.float())


def binary_cross_entropy(pred: Tensor, gt: Tensor) -> Tensor:
    """Return the mean over values of -(x log p + (1 - x) log(1 - p)), with both images mapped to [0, 1].

    It is the continuous Bernoulli's negative logarithm without its normalising constant, which depends on p: no
    likelihood of values between 0 and 1, and not to be compared with one. Equal images give gt's entropy, not 0.

    Args:
        pred: [N, C, H, W] in [-1, 1].
        gt: likewise.

    Source: Loaiza-Ganem & Cunningham 2019, arXiv:1907.06845, section 3.
    """
    with torch.autocast(pred.device.type, enabled=False):  # torch refuses this loss under autocast
        p, x = ((image.float().clamp(-1, 1) + 1) / 2 for image in (pred, gt))
        return functional.binary_cross_entropy(p, x)


def negative_psnr(pred: Tensor, gt: Tensor, cap: float = 50.0) -> Tensor:
    """Return minus the PSNR in dB, averaged over the images; what comes close to `cap` is hardly asked to be better.

    Each image counts alike, however badly it was degraded: with a mean error the worst ones would rule.

    Args:
        pred: [N, C, H, W] in [-1, 1].
        gt: likewise.
        cap: dB that equal images get.
    """
    error = (pred.float() - gt.float()).square().mean(dim=(1, 2, 3)) / 4  # of a peak of 1
    return 10 * torch.log10(error + 10 ** (-cap / 10)).mean()


def gradient_difference(pred: Tensor, gt: Tensor) -> Tensor:
    """Return the mean absolute difference between the two images' finite differences, across plus down.

    Args:
        pred: [N, C, H, W] in [-1, 1].
        gt: likewise.

    Source: Mathieu et al. 2016, arXiv:1511.05440, eq. 6 with alpha = 1.
    Differs from paper: differences keep their sign (an edge in the wrong direction costs) and are averaged, not summed.
    """
    error = pred.float() - gt.float()  # the difference is linear: of the error, or between the two, is the same
    return error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean()


def ssim_loss(pred: Tensor, gt: Tensor) -> Tensor:
    """Return 1 - SSIM, in [0, 2], averaged over pixels, channels and images.

    The window is the paper's Gaussian, 11x11 with sigma 1.5; borders that it does not cover are left out.

    Args:
        pred: [N, C, H, W] in [-1, 1], sides of at least 11.
        gt: likewise.

    Source: Wang et al. 2004, "Image quality assessment: from error visibility to structural similarity", eq. 13.
    """
    import kornia  # here: it takes half a second to import, and few commands use it

    # SSIM's luminance term is made for [0, 1]: zero is black there, not mid-grey.
    pred, gt = (pred.float() + 1) / 2, (gt.float() + 1) / 2
    return 1 - kornia.metrics.ssim(pred, gt, window_size=11, max_val=1.0, padding="valid").mean()


def feature_matching(features_real: Sequence[Tensor], features_fake: Sequence[Tensor]) -> Tensor:
    """Return the mean absolute difference of two lists of feature maps, averaged over the maps.

    Args:
        features_real: a discriminator's feature maps for real images; no gradient flows back into them.
        features_fake: those for the generator's images, of the same shapes.

    Source: Wang et al. 2018, arXiv:1711.11585, eq. 4.
    """
    terms = [l1(fake, real.detach()) for real, fake in zip(features_real, features_fake, strict=True)]
    return torch.stack(terms).mean()
