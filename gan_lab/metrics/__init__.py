"""Measures of restored images against originals, of generated sets against real ones, and of likelihood."""

from gan_lab.metrics.colour import difference_2000
from gan_lab.metrics.generation import frechet_distance, inception_score, kernel_distance, precision_recall
from gan_lab.metrics.likelihood import Evidence, negative_elbo
from gan_lab.metrics.restoration import ciede2000, psnr, ssim, to_uint8

__all__ = [
    "Evidence",
    "ciede2000",
    "difference_2000",
    "frechet_distance",
    "inception_score",
    "kernel_distance",
    "negative_elbo",
    "precision_recall",
    "psnr",
    "ssim",
    "to_uint8",
]
