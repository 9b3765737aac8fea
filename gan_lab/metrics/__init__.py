"""Measures of restored images against originals, of generated sets against real ones, and of likelihood."""

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
from gan_lab.metrics.restoration import ciede2000, ciede2000_map, psnr, ssim, to_uint8

__all__ = [
    "Evidence",
    "Interval",
    "Memorisation",
    "ciede2000",
    "ciede2000_map",
    "density_coverage",
    "difference_2000",
    "frechet_distance",
    "inception_score",
    "interval_of_mean",
    "interval_of_share",
    "jackknife",
    "jackknives",
    "kernel_distance",
    "memorisation",
    "nearest_neighbours",
    "negative_elbo",
    "precision_recall",
    "psnr",
    "ssim",
    "to_uint8",
]
