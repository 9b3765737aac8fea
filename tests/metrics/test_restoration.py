from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from skimage.color import deltaE_ciede2000, rgb2lab
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch import Tensor

from gan_lab.metrics import ciede2000, psnr, ssim, to_uint8

METRICS = [psnr, ssim, ciede2000]


def pairs(channels: int) -> tuple[np.ndarray, np.ndarray]:
    """Three images [3, 40, 52, C] and their copies with little, some and much noise."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[0:40, 0:52]
    waves = [np.sin(rows / 5 + phase) * np.cos(columns / 7 - phase) for phase in range(channels)]
    gt = np.stack([128 + 90 * np.stack(waves, axis=-1)] * 3)
    pred = gt + rng.normal(0, 1, gt.shape) * np.array([2, 12, 60]).reshape(3, 1, 1, 1)
    return pred.clip(0, 255).astype(np.uint8), gt.astype(np.uint8)


def tensor(images: np.ndarray) -> Tensor:
    return torch.from_numpy(images).permute(0, 3, 1, 2)


def reference(metric: Callable, pred: np.ndarray, gt: np.ndarray) -> float:
    if metric is psnr:
        return peak_signal_noise_ratio(gt, pred, data_range=255)
    if metric is ssim:
        return structural_similarity(gt, pred, data_range=255, channel_axis=2)
    pred, gt = (np.repeat(image, 3, axis=2) if image.shape[2] == 1 else image for image in (pred, gt))
    return deltaE_ciede2000(rgb2lab(gt), rgb2lab(pred)).mean()


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("metric", METRICS)
def test_each_agrees_with_scikit_image(metric: Callable, channels: int) -> None:
    pred, gt = pairs(channels)
    expected = [reference(metric, *images) for images in zip(pred, gt, strict=True)]
    values = metric(tensor(pred), tensor(gt))
    assert values.dtype == torch.float64
    assert values.tolist() == pytest.approx(expected, rel=2e-4)
    assert len({round(value, 2) for value in expected}) == 3


@pytest.mark.parametrize(("metric", "perfect"), [(psnr, float("inf")), (ssim, 1.0), (ciede2000, 0.0)])
def test_equal_images_are_perfect(metric: Callable, perfect: float) -> None:
    image = tensor(pairs(3)[1])
    assert metric(image, image.clone()).tolist() == pytest.approx([perfect] * 3)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    "pred",
    [torch.zeros(1, 3, 8, 8), torch.zeros(1, 1, 8, 8, dtype=torch.uint8), torch.zeros(3, 8, 8, dtype=torch.uint8)],
)
def test_what_cannot_be_compared_is_refused(metric: Callable, pred: Tensor) -> None:
    with pytest.raises(ValueError, match="uint8"):
        metric(pred, torch.zeros(1, 3, 8, 8, dtype=torch.uint8))


def test_ssim_refuses_images_smaller_than_its_window() -> None:
    small = torch.zeros(1, 3, 6, 40, dtype=torch.uint8)
    with pytest.raises(ValueError, match="7x7"):
        ssim(small, small)


def test_to_uint8_rounds_and_clamps() -> None:
    step = 2 / 255
    values = torch.tensor([-9, -1, -1 + 0.4 * step, -1 + 0.6 * step, 1 - 0.4 * step, 1, 9]).requires_grad_()
    assert to_uint8(values).tolist() == [0, 0, 0, 1, 255, 255, 255]


def test_every_level_survives_the_way_to_floats_and_back() -> None:
    levels = torch.arange(256, dtype=torch.uint8)
    assert torch.equal(to_uint8(levels.float() / 127.5 - 1), levels)
    assert torch.equal(to_uint8((levels.double() / 127.5 - 1).float()), levels)
