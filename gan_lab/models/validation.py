"""Figures that several methods take of held-out batches while they train."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import torch
from torch import Tensor

from gan_lab.metrics import kernel_distance
from gan_lab.models.batches import Batch
from gan_lab.networks import RandomVGG
from gan_lab.rng import draw_seeded_noise


class Generates(Protocol):
    """A model that makes images of latents."""

    latents: int

    @property
    def device(self) -> torch.device: ...

    def generate(self, z: Tensor, label: Tensor | None = None) -> Tensor: ...


def measure_random_vgg_distance(model: Generates, batches: Iterable[Batch]) -> dict[str, float]:
    """Return the kernel distance between held-out images and as many samples, in a `RandomVGG` embedding.

    Nothing where there is but one image: a single one has no distribution.
    """
    embed = RandomVGG().to(model.device)
    real, fake = [], []
    for index, batch in enumerate(batches):
        image = batch["image"].to(model.device)
        label = batch["label"].to(model.device)
        z = draw_seeded_noise(len(image), model.latents, seed=index).to(model.device)
        real.append(embed(image))
        fake.append(embed(model.generate(z, label)))
    f_real, f_fake = torch.cat(real), torch.cat(fake)
    return {"val/kid_random_vgg": kernel_distance(f_real, f_fake, subsets=None)[0]} if len(f_real) > 1 else {}
