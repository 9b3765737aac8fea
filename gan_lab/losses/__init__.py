"""Losses: adversarial, penalties, consistency, reconstruction, perceptual, and the variational prior."""

from gan_lab.losses.adversarial import Hinge, LeastSquares, NonSaturating, RelativisticPairing, Wasserstein
from gan_lab.losses.consistency import ConsistencyRegularisation, FlipAndShift
from gan_lab.losses.contrastive import patch_nce
from gan_lab.losses.drifting import drifting_loss
from gan_lab.losses.kl import free_bits, kl_divergence, kl_per_latent
from gan_lab.losses.penalties import R1, R2, GradientPenalty, gradient_penalty, zero_centred_penalty
from gan_lab.losses.perceptual import LitePerceptual, Perceptual, PerceptualFeatures, make_perceptual
from gan_lab.losses.reconstruction import (
    attention_loss,
    binary_cross_entropy,
    feature_matching,
    gradient_difference,
    l1,
    masked_l1,
    mse,
    negative_psnr,
    ssim_loss,
    weighted_l1,
)

__all__ = [
    "R1",
    "R2",
    "ConsistencyRegularisation",
    "FlipAndShift",
    "GradientPenalty",
    "Hinge",
    "LeastSquares",
    "LitePerceptual",
    "NonSaturating",
    "Perceptual",
    "PerceptualFeatures",
    "RelativisticPairing",
    "Wasserstein",
    "attention_loss",
    "binary_cross_entropy",
    "drifting_loss",
    "feature_matching",
    "free_bits",
    "gradient_difference",
    "gradient_penalty",
    "kl_divergence",
    "kl_per_latent",
    "l1",
    "make_perceptual",
    "masked_l1",
    "mse",
    "negative_psnr",
    "patch_nce",
    "ssim_loss",
    "weighted_l1",
    "zero_centred_penalty",
]

#: What a configuration may describe, one in a checkpoint from elsewhere among them; see gan_lab/config/targets.py.
LOADABLE = frozenset(
    {
        "R1",
        "R2",
        "ConsistencyRegularisation",
        "FlipAndShift",
        "GradientPenalty",
        "Hinge",
        "LeastSquares",
        "NonSaturating",
        "RelativisticPairing",
        "Wasserstein",
    }
)
