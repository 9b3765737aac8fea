"""The variational autoencoder's prior term."""

from __future__ import annotations

from torch import Tensor


def kl_per_latent(mu: Tensor, logvar: Tensor) -> Tensor:
    """Return KL(N(mu, exp(logvar)) || N(0, 1)) of each latent in nats, averaged over images: [latents] float32.

    Args:
        mu: [N, latents].
        logvar: [N, latents], the logarithm of the variance.

    Source: Kingma & Welling 2014, arXiv:1312.6114, appendix B.
    """
    mu, logvar = mu.float(), logvar.float()
    return -0.5 * (1 + logvar - mu.square() - logvar.exp()).mean(dim=0)


def kl_divergence(mu: Tensor, logvar: Tensor) -> Tensor:
    """Return KL(N(mu, exp(logvar)) || N(0, 1)) in nats: the sum over latents, averaged over images, in fp32.

    Args:
        mu: [N, latents].
        logvar: [N, latents], the logarithm of the variance.

    Source: Kingma & Welling 2014, arXiv:1312.6114, appendix B.
    """
    return kl_per_latent(mu, logvar).sum()


def free_bits(kl: Tensor, floor: float) -> Tensor:
    """Return the sum of KL terms of which each is charged `floor` at least, so that below it information is free.

    A latent below the floor has no gradient, and no reason to fall to the prior. The mean over images is what is held
    to the floor, not each image: it depends on the (micro-)batch.

    Args:
        kl: [latents] in nats, averaged over images.
        floor: nats of each latent; 0 gives the plain sum.

    Source: Kingma et al. 2016, arXiv:1606.04934, appendix C.8, with a group for each latent.
    """
    return kl.clamp(min=floor).sum() if floor > 0 else kl.sum()
