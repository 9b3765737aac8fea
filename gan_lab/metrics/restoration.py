"""How close a restored image is to the original, image by image, on 8-bit sRGB after rounding."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from gan_lab.metrics.colour import difference_2000
from gan_lab.networks import PerceptualDistance

#: dB that stand for "equal": an infinite value would leave no mean. 60 dB is an error of a quarter of a level.
PSNR_CAP = 60.0


def to_uint8(images: Tensor) -> Tensor:
    """Return images as they would be saved: float [N, C, H, W] in [-1, 1] -> uint8 in [0, 255], rounded and clamped."""
    return ((images.detach().float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)


def from_uint8(pixels: Tensor) -> Tensor:
    """Return images uint8 as float32 in [-1, 1], of the same shape."""
    return pixels.float().div(127.5).sub(1)


def psnr(pred: Tensor, gt: Tensor) -> Tensor:
    """Return the peak signal-to-noise ratio in dB, for a peak of 255; infinite where the images are equal.

    Args:
        pred: uint8 [N, C, H, W].
        gt: likewise.

    Returns:
        float64 [N].

    Raises:
        ValueError: the images are not uint8, or their shapes differ.
    """
    pred, gt = _check_pair(pred, gt)
    return 10 * torch.log10(255**2 / (pred - gt).square().mean(dim=(1, 2, 3)))


def ssim(pred: Tensor, gt: Tensor) -> Tensor:
    """Return the structural similarity, the mean over the channels and over every window that lies within the image.

    The windows are uniform, 7x7, with sample covariance: what scikit-image computes by default for `data_range=255`.
    Windows with Gaussian weights, as in the paper, give other figures: do not mix the two in one table.

    Args:
        pred: uint8 [N, C, H, W], H and W at least 7.
        gt: likewise.

    Returns:
        float64 [N] in [-1, 1].

    Raises:
        ValueError: the images are not uint8, smaller than a window, or their shapes differ.

    Source: Wang et al. 2004, doi:10.1109/TIP.2003.819861, eq. 13.
    """
    window = 7
    pred, gt = _check_pair(pred, gt)
    if min(pred.shape[-2:]) < window:
        raise ValueError(f"ssim: images of {list(pred.shape[-2:])} are smaller than its {window}x{window} window")

    def local_mean(values: Tensor) -> Tensor:
        return functional.avg_pool2d(functional.avg_pool2d(values, (window, 1), stride=1), (1, window), stride=1)

    sample = window**2 / (window**2 - 1)
    mean_x, mean_y = local_mean(pred), local_mean(gt)
    variance_x = sample * (local_mean(pred * pred) - mean_x * mean_x)
    variance_y = sample * (local_mean(gt * gt) - mean_y * mean_y)
    covariance = sample * (local_mean(pred * gt) - mean_x * mean_y)
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    luminance = (2 * mean_x * mean_y + c1) / (mean_x * mean_x + mean_y * mean_y + c1)
    structure = (2 * covariance + c2) / (variance_x + variance_y + c2)
    return (luminance * structure).mean(dim=(1, 2, 3))


def ciede2000(pred: Tensor, gt: Tensor) -> Tensor:
    """Return the mean over the pixels of the CIEDE2000 colour difference, float64 [N]; about 1 is just noticeable.

    Args:
        pred: uint8 [N, C, H, W], sRGB for C = 3, grey for C = 1.
        gt: likewise.

    Raises:
        ValueError: the images are not uint8, or their shapes differ.
    """
    return ciede2000_map(pred, gt).mean(dim=(1, 2))


def ciede2000_map(pred: Tensor, gt: Tensor) -> Tensor:
    """Return the CIEDE2000 colour difference of each pixel, float64 [N, H, W]; see `ciede2000`."""
    pred, gt = _check_pair(pred, gt)
    from kornia.color import rgb_to_lab  # here: it takes half a second to import, and few commands use it

    labs = [rgb_to_lab((image / 255).expand(-1, 3, -1, -1)).movedim(1, -1) for image in (pred, gt)]
    return difference_2000(*labs)


@torch.no_grad()
def perceptual_distance(network: PerceptualDistance, pred: Tensor, gt: Tensor) -> Tensor:
    """Return the distance in the features of an EfficientNet-Lite, float64 [N] in [0, 4]; see `PerceptualDistance`.

    Args:
        network: what measures, on any device.
        pred: uint8 [N, C, H, W] of 1 or 3 channels.
        gt: likewise.

    Raises:
        ValueError: the images are not uint8, or their shapes differ.
    """
    pred, gt = _check_pair(pred, gt)
    device = next(network.parameters()).device
    distances: Tensor = network(*(from_uint8(image.to(device)) for image in (pred, gt)))
    return distances.double().to(pred.device)


def _check_pair(pred: Tensor, gt: Tensor) -> tuple[Tensor, Tensor]:
    """Return both as float64, after a check that they can be compared."""
    if pred.dtype != torch.uint8 or gt.dtype != torch.uint8 or pred.shape != gt.shape or pred.ndim != 4:
        found = f"{pred.dtype} {list(pred.shape)} and {gt.dtype} {list(gt.shape)}"
        raise ValueError(f"expected two uint8 tensors [N, C, H, W] of one shape (see to_uint8), got {found}")
    return pred.double(), gt.double()
