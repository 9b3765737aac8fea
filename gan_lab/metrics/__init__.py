"""Measures of restored images against originals, and of generated sets against real ones."""

from gan_lab.metrics.colour import difference_2000
from gan_lab.metrics.generation import frechet_distance, inception_score, kernel_distance, precision_recall
from gan_lab.metrics.restoration import ciede2000, psnr, ssim, to_uint8

__all__ = [
    "ciede2000",
    "difference_2000",
    "frechet_distance",
    "inception_score",
    "kernel_distance",
    "precision_recall",
    "psnr",
    "ssim",
    "to_uint8",
]
