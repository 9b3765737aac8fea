"""Measures of restored images against originals, and of generated sets against real ones."""

from gan_lab.metrics.colour import difference_2000
from gan_lab.metrics.copies import Memorisation, memorisation, nearest_neighbours
from gan_lab.metrics.generation import (
    density_coverage,
    frechet_distance,
    inception_score,
    kernel_distance,
    precision_recall,
)
from gan_lab.metrics.intervals import Interval, jackknife
from gan_lab.metrics.restoration import ciede2000, psnr, ssim, to_uint8

__all__ = [
    "Interval",
    "Memorisation",
    "ciede2000",
    "density_coverage",
    "difference_2000",
    "frechet_distance",
    "inception_score",
    "jackknife",
    "kernel_distance",
    "memorisation",
    "nearest_neighbours",
    "precision_recall",
    "psnr",
    "ssim",
    "to_uint8",
]
