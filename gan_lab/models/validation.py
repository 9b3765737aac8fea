"""Figures that several methods take of held-out batches while they train."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import torch
from torch import Tensor

from gan_lab import metrics
from gan_lab.models.batches import Batch
from gan_lab.networks import RandomVGG
from gan_lab.rng import draw_seeded_noise


class Generates(Protocol):
    """A model that makes images of latents."""

    latents: int

    @property
    def device(self) -> torch.device: ...

    def generate(self, z: Tensor, label: Tensor | None = None) -> Tensor: ...


# Every process validates on the same images (callbacks.Validation), so none of these metrics gathers those of the others:
# each image would count once for each process.


def make_kernel_distance(device: torch.device) -> metrics.KernelDistance:
    """Return an empty kernel distance in a seeded random embedding."""
    return metrics.KernelDistance(RandomVGG(), sync_on_compute=False).to(device)


def make_mean(device: torch.device) -> metrics.WeightedMean:
    """Return an empty mean."""
    return metrics.WeightedMean(sync_on_compute=False).to(device)


def measure_random_vgg_distance(model: Generates, batches: Iterable[Batch]) -> dict[str, float]:
    """Return the kernel distance between held-out images and as many samples, in a `RandomVGG` embedding.

    Nothing where there is but one image: a single one has no distribution.
    """
    distance = make_kernel_distance(model.device)
    for index, batch in enumerate(batches):
        image = batch["image"].to(model.device)
        label = batch["label"].to(model.device)
        z = draw_seeded_noise(len(image), model.latents, seed=index).to(model.device)
        distance.update(image, real=True)
        distance.update(model.generate(z, label), real=False)
    return {"val/kid_random_vgg": float(distance.compute())} if distance.smallest > 1 else {}
