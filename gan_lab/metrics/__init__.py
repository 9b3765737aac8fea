"""Measures of restored images against originals, of generated sets against real ones, and of likelihood.

The functions take whole sets. The classes are torchmetrics' metrics: updated batch by batch, reduced over processes, and
logged by any LightningModule. They are imported when they are first used, because torchmetrics takes a second to import.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from gan_lab.metrics.colour import difference_2000
from gan_lab.metrics.copies import Memorisation, memorisation, nearest_neighbours
from gan_lab.metrics.generation import (
    density_coverage,
    frechet_distance,
    inception_score,
    kernel_distance,
    precision_recall,
)
from gan_lab.metrics.intervals import Interval, interval_of_mean, interval_of_share, jackknife, jackknives
from gan_lab.metrics.likelihood import Evidence, negative_elbo
from gan_lab.metrics.restoration import ciede2000, ciede2000_map, from_uint8, perceptual_distance, psnr, ssim, to_uint8

if TYPE_CHECKING:
    from gan_lab.metrics.codes import CodePerplexity
    from gan_lab.metrics.evidence import NegativeELBO
    from gan_lab.metrics.inception import FrechetDistance, GivenFeatures, InceptionScore, KernelDistance
    from gan_lab.metrics.means import (
        ImageMean,
        MeanCIEDE2000,
        MeanPerceptualDistance,
        MeanPSNR,
        MeanSSIM,
        WeightedMean,
    )
    from gan_lab.metrics.sets import DensityCoverage, JackknifeIntervals, MemorisationShare, PrecisionRecall

__all__ = [
    "CodePerplexity",
    "DensityCoverage",
    "Evidence",
    "FrechetDistance",
    "GivenFeatures",
    "ImageMean",
    "InceptionScore",
    "Interval",
    "JackknifeIntervals",
    "KernelDistance",
    "MeanCIEDE2000",
    "MeanPSNR",
    "MeanPerceptualDistance",
    "MeanSSIM",
    "Memorisation",
    "MemorisationShare",
    "NegativeELBO",
    "PrecisionRecall",
    "WeightedMean",
    "ciede2000",
    "ciede2000_map",
    "density_coverage",
    "difference_2000",
    "frechet_distance",
    "from_uint8",
    "inception_score",
    "interval_of_mean",
    "interval_of_share",
    "jackknife",
    "jackknives",
    "kernel_distance",
    "memorisation",
    "nearest_neighbours",
    "negative_elbo",
    "perceptual_distance",
    "precision_recall",
    "psnr",
    "ssim",
    "to_uint8",
]

#: The modules of the classes.
_MODULES = {
    "codes": ["CodePerplexity"],
    "evidence": ["NegativeELBO"],
    "inception": ["FrechetDistance", "GivenFeatures", "InceptionScore", "KernelDistance"],
    "means": ["ImageMean", "MeanCIEDE2000", "MeanPSNR", "MeanPerceptualDistance", "MeanSSIM", "WeightedMean"],
    "sets": ["DensityCoverage", "JackknifeIntervals", "MemorisationShare", "PrecisionRecall"],
}


def __getattr__(name: str) -> Any:
    for module, names in _MODULES.items():
        if name in names:
            return getattr(importlib.import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
