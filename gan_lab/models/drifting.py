"""Drifting: a generator whose samples move towards photos in the features of a frozen network; no discriminator."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from gan_lab.errors import UserError
from gan_lab.losses import drifting_loss
from gan_lab.losses.drifting import TEMPERATURES
from gan_lab.models.base import Loss, Monitor, OptimizerFactory, Terms
from gan_lab.models.batches import Batch
from gan_lab.models.probe import Probe
from gan_lab.models.validation import ComparesSets, compare_samples
from gan_lab.networks import ExponentialMovingAverage, evaluation_mode
from gan_lab.rng import draw_seeded_noise


class Drifting(ComparesSets):
    """Move samples along the field in which photos attract and other samples repel.

    Args:
        generator: G(z) -> [N, C, H, W] in [-1, 1]; has `latents`, the length of z.
        features: images to groups of features, frozen; see `gan_lab.networks.FeatureGroups`.
        optimizer: makes the optimiser from G's parameters.
        samples: that G makes in an iteration, whatever the number of photos in a batch.
        temperatures: see `gan_lab.losses.drifting`.
        ema_half_life: samples after which a weight's share in the averaged generator has halved; None for no averaging.
        options: of `ComparesSets` and `ManualModule`.

    Raises:
        UserError: fewer than two samples, or a temperature that is not above 0.

    Source: Deng et al. 2026, arXiv:2602.04770.
    Differs from paper: unconditional; features of ImageNet's classifier on pixels, for an autoencoder's on latents.
    """

    batch_kind = "images"
    task = "generation"
    first_optimizer = "optimizer"

    def __init__(
        self,
        generator: nn.Module,
        features: nn.Module,
        optimizer: OptimizerFactory,
        samples: int = 64,
        temperatures: Sequence[float] = TEMPERATURES,
        ema_half_life: float | None = 10_000,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if samples < 2:
            raise UserError(f"model.samples={samples}: a sample needs another one to move away from; give at least 2")
        if not temperatures or min(temperatures) <= 0:
            raise UserError(f"model.temperatures={list(temperatures)}: needs numbers above 0, one at least")
        self.generator = generator
        self.features = features
        self.optimizer = optimizer
        self.samples = samples
        self.temperatures = tuple(temperatures)
        self.generator_ema = ExponentialMovingAverage(generator, ema_half_life) if ema_half_life else None
        self.latents = int(generator.latents)  # type: ignore[arg-type]

    @property
    def monitor(self) -> Monitor:
        """Return the kernel distance in the features that the run validates in."""
        return self.kid_name, "min"

    # ------------------------------------------------------------------------------------------------ the method

    def step(self, batch: Batch) -> Terms:
        (optimizer,) = self.optimizer_list()
        z = torch.randn(self.samples, self.latents, device=self.device)
        with torch.no_grad(), self.full_precision():
            photos = self.features(batch["image"])

        update = self.minimize(optimizer, lambda inputs: self.drifting_loss(inputs["z"], photos), {"z": z})

        if self.generator_ema is not None and update.stepped:
            self.generator_ema.update(self.generator, images=self.count_images(z))
        return update.terms

    def drifting_loss(self, z: Tensor, photos: Sequence[Tensor]) -> Loss:
        """Return how far samples of z are from where the field drives them."""
        fake = self.generator(z)
        with self.full_precision():
            loss, drift = drifting_loss(self.features(fake.float()), photos, self.temperatures)
        return Loss(loss, {"loss_g": loss, "drift": drift})

    def configure_optimizers(self) -> list[Optimizer]:
        return [self.optimizer(self.generator.parameters())]

    # ------------------------------------------------------------------------------------------------ using it

    @property
    def sampler(self) -> nn.Module:
        """Return the generator to make images with: the averaged one where there is one."""
        return self.generator if self.generator_ema is None else self.generator_ema

    @torch.no_grad()
    def generate(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """Return images [N, C, H, W] in [-1, 1] for z [N, latents]; labels are not used."""
        with evaluation_mode(self.sampler):
            return self.sampler(z).float()

    def sample_grid(self, batch: Batch) -> tuple[Tensor, int]:
        return self.generate(draw_seeded_noise(64, self.latents).to(self.device)), 8

    def validate(self, batches: Iterable[Batch]) -> dict[str, float]:
        """Return how as many samples compare with held-out images; see `compare_samples`."""
        return compare_samples(self, batches)

    def probe(self, batch: Batch) -> list[Probe]:
        """Show as many samples as there are photos, from seeded noise."""
        real = batch["image"].to(self.device)
        return [Probe(self.generate(draw_seeded_noise(len(real), self.latents).to(self.device)), real)]
