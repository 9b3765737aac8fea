"""The variational autoencoder's prior term."""

from __future__ import annotations

from torch import Tensor


def kl_divergence(mu: Tensor, logvar: Tensor) -> Tensor:
    """Return KL(N(mu, exp(logvar)) || N(0, 1)) in nats: the sum over latents, averaged over images, in fp32.

    Args:
        mu: [N, latents].
        logvar: [N, latents], the logarithm of the variance.

    Source: Kingma & Welling 2014, arXiv:1312.6114, appendix B.
    """
    mu, logvar = mu.float(), logvar.float()
    return -0.5 * (1 + logvar - mu.square() - logvar.exp()).sum(dim=1).mean()
