"""From a photo back to the latent of a generator that has no encoder."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from gan_lab.inference.latents import draw_latents
from gan_lab.networks import RandomVGG

#: Steps of the search, and random images of which it starts from the nearest.
STEPS, STARTS = 300, 64
_RATE = 0.1
#: Weights beside the mean squared error of pixels: of the features' mean absolute error, and of z's mean square.
_FEATURES, _PRIOR = 0.1, 0.01


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

    Close in pixels, and in the mean features of a random VGG. Adam moves z from the nearest of some random images, at a
    rate that falls to 0, and is held back from latents that the prior hardly draws.

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
    embed = RandomVGG().to(image.device)
    with torch.no_grad():
        features = embed(image)
        starts = draw_latents(model.latents, seed, range(STARTS)).to(image.device)
        labels = torch.tensor([classes[i % len(classes)] for i in range(STARTS)], device=image.device)
        random = model.generate(starts, labels)
        apart = torch.cdist(image.flatten(1), random.flatten(1)).square() / image[0].numel()
        apart += _FEATURES * torch.cdist(features, embed(random), p=1) / features.shape[1]  # [N, STARTS]
    nearest = apart.argmin(dim=1)
    z, label = starts[nearest].clone().requires_grad_(True), labels[nearest]
    optimizer = torch.optim.Adam([z], lr=_RATE)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = _RATE * 0.5 * (1 + math.cos(math.pi * step / steps))
        found = model.render(z, label)
        loss = (found - image).square().mean(dim=(1, 2, 3)) + _PRIOR * z.square().mean(dim=1)
        loss = loss + _FEATURES * (embed(found) - features).abs().mean(dim=1)
        (z.grad,) = torch.autograd.grad(loss.sum(), [z])  # and none of the weights
        optimizer.step()
        tick()
    return z.detach(), label
