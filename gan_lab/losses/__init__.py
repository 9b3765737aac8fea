"""Losses: adversarial, penalties, reconstruction, perceptual, and the variational prior."""

from gan_lab.losses.adversarial import Hinge, LeastSquares, NonSaturating, Wasserstein
from gan_lab.losses.kl import free_bits, kl_divergence, kl_per_latent
from gan_lab.losses.penalties import R1, GradientPenalty, gradient_penalty, r1_penalty
from gan_lab.losses.perceptual import Perceptual
from gan_lab.losses.reconstruction import (
    binary_cross_entropy,
    feature_matching,
    gradient_difference,
    l1,
    mse,
    negative_psnr,
    ssim_loss,
)

__all__ = [
    "R1",
    "GradientPenalty",
    "Hinge",
    "LeastSquares",
    "NonSaturating",
    "Perceptual",
    "Wasserstein",
    "binary_cross_entropy",
    "feature_matching",
    "free_bits",
    "gradient_difference",
    "gradient_penalty",
    "kl_divergence",
    "kl_per_latent",
    "l1",
    "mse",
    "negative_psnr",
    "r1_penalty",
    "ssim_loss",
]
