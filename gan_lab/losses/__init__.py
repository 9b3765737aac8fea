"""Losses: adversarial, penalties, reconstruction, perceptual, and the variational prior."""

from gan_lab.losses.adversarial import Hinge, LeastSquares, NonSaturating, Wasserstein
from gan_lab.losses.kl import kl_divergence
from gan_lab.losses.penalties import R1, GradientPenalty, gradient_penalty, r1_penalty
from gan_lab.losses.perceptual import Perceptual
from gan_lab.losses.reconstruction import feature_matching, gradient_difference, l1, negative_psnr, ssim_loss

__all__ = [
    "R1",
    "GradientPenalty",
    "Hinge",
    "LeastSquares",
    "NonSaturating",
    "Perceptual",
    "Wasserstein",
    "feature_matching",
    "gradient_difference",
    "gradient_penalty",
    "kl_divergence",
    "l1",
    "negative_psnr",
    "r1_penalty",
    "ssim_loss",
]
