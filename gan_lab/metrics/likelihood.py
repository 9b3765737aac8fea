"""How likely held-out images are under an autoencoder, with one decoder distribution for all that are compared."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

#: Images [N, C, H, W] in [-1, 1] to (mu, logvar), each [N, latents]; and such latents to images.
Encoder = Callable[[Tensor], tuple[Tensor, Tensor]]
Decoder = Callable[[Tensor], Tensor]

_LOG_2_PI = math.log(2 * math.pi)


class Evidence(NamedTuple):
    """An upper bound on the negative log likelihood of images.

    Attributes:
        nats: of an image, the mean over images; the density is that of values on the [0, 1] scale, so it can be negative.
        bits_per_dim: the same in bits for each of the C*H*W values. With 8 added it is that of values on the
            [0, 256) scale, which for images dequantised by uniform noise bounds the bits of an 8-bit value.
        standard_error: of `nats`, over images; NaN for a single one.
    """

    nats: float
    bits_per_dim: float
    standard_error: float


def negative_elbo(
    encoder: Encoder,
    decoder: Decoder,
    batches: Iterable[Tensor],
    *,
    sigma: float = 0.1,
    samples: int = 1,
    importance: bool = False,
    seed: int = 0,
) -> Evidence:
    """Return the negative evidence lower bound of images under a Gaussian decoder of one standard deviation.

    Models are compared under the distribution that is stated here, whatever loss and weight each was trained with:
    N(decoder(z), sigma^2) of every value, its normalising constant included, and the prior N(0, 1). Modules are put in
    evaluation mode meanwhile.

    Args:
        encoder: images [N, C, H, W] in [-1, 1] to (mu, logvar), each [N, latents].
        decoder: z [N, latents] to images in [-1, 1].
        batches: images [N, C, H, W] in [-1, 1], on the networks' device.
        sigma: the standard deviation on the [0, 1] scale.
        samples: draws of z for each image.
        importance: weigh the draws by their importance, which bounds the likelihood more tightly the more there are;
            else the draws' bounds are averaged, with the KL divergence in closed form.
        seed: of the draws. Those for image i depend on the seed and on i alone, not on the batches.

    Raises:
        ValueError: `sigma` is not above 0, `samples` below 1, or there are no images.

    Source: Kingma & Welling 2014, arXiv:1312.6114, eq. 3; Burda et al. 2016, arXiv:1509.00519, section 3 (importance).
    """
    if not sigma > 0 or samples < 1:
        raise ValueError(f"sigma={sigma}, samples={samples}: must be above 0, and at least 1")
    bounds: list[Tensor] = []
    values = count = 0
    for image in batches:
        bounds.append(compute_bounds(encoder, decoder, image, count, sigma, samples, importance, seed))
        values, count = image[0].numel(), count + len(image)
    if not bounds:
        raise ValueError("batches: there are no images")
    return summarise_bounds(torch.cat(bounds), values)


def compute_bounds(
    encoder: Encoder,
    decoder: Decoder,
    image: Tensor,
    first: int,
    sigma: float,
    samples: int,
    importance: bool,
    seed: int,
) -> Tensor:
    """Return the negative evidence lower bound of each image of a batch in nats, float64 [N].

    Args:
        encoder, decoder, sigma, samples, importance, seed: see `negative_elbo`.
        image: [N, C, H, W] in [-1, 1].
        first: the place of the batch's first image among all images, for its draws.
    """
    with _evaluation_mode(encoder, decoder):
        mu, logvar = (part.double() for part in encoder(image))
        # each image's from a generator of its own: [samples, N, latents]
        generators = (np.random.default_rng((seed, index)) for index in range(first, first + len(image)))
        drawn = [generator.standard_normal((samples, mu.shape[1])) for generator in generators]
        noise = torch.from_numpy(np.stack(drawn, axis=1)).to(image.device)
        terms = []
        for epsilon in noise:
            z = mu + epsilon * (0.5 * logvar).exp()
            rec = decoder(z.float())
            term = log_normal((image.double() + 1) / 2, (rec.double() + 1) / 2, 2 * math.log(sigma))
            if importance:
                zero = torch.zeros_like(z)
                term = term + log_normal(z, zero, zero) - log_normal(z, mu, logvar)
            terms.append(term)
        stacked = torch.stack(terms)  # [samples, N]
        if importance:
            return math.log(samples) - stacked.logsumexp(dim=0)
        return -stacked.mean(dim=0) - 0.5 * (1 + logvar - mu.square() - logvar.exp()).sum(dim=1)


def summarise_bounds(nats: Tensor, values: int) -> Evidence:
    """Return the mean of bounds in nats, float64 [N], and its error.

    Args:
        nats: negative evidence lower bounds.
        values: of an image: C*H*W.
    """
    mean, count = nats.mean().item(), len(nats)
    return Evidence(mean, mean / values / math.log(2), (nats.std() / count**0.5).item() if count > 1 else math.nan)


def log_normal(x: Tensor, mean: Tensor, logvar: Tensor | float) -> Tensor:
    """Return log N(x; mean, exp(logvar)) in nats, the sum over all but the first dimension: [N].

    Args:
        x: [N, ...].
        mean: likewise.
        logvar: likewise, or one number for all values.
    """
    variance = logvar.exp() if isinstance(logvar, Tensor) else math.exp(logvar)
    return -0.5 * (_LOG_2_PI + logvar + (x - mean).square() / variance).flatten(1).sum(dim=1)


@contextmanager
def _evaluation_mode(*networks: object) -> Iterator[None]:
    """Put those networks that are modules in evaluation mode, without gradients, and back."""
    modes = [(network, network.training) for network in networks if isinstance(network, nn.Module)]
    for module, _ in modes:
        module.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, mode in modes:
            module.train(mode)
