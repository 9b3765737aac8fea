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
from gan_lab.models.base import Loss, OptimizerFactory, Terms
from gan_lab.models.batches import Batch
from gan_lab.models.probe import Probe
from gan_lab.models.validation import ComparesSets, compare_samples
from gan_lab.networks import ExponentialMovingAverage, evaluation_mode
from gan_lab.rng import draw_seeded_noise


class FeatureMemory:
    """The features of the photos that were seen last: the more there are, the nearer lies one to a sample.

    The features are a frozen network's, so that they do not age.

    Args:
        size: photos, at most; never fewer than a batch.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.groups: list[Tensor] | None = None

    def add(self, groups: Sequence[Tensor]) -> list[Tensor]:
        """Return groups [P, M, D] of the photos seen last, these [P, N, D] among them, which are kept for the next time."""
        kept = [None] * len(groups) if self.groups is None else self.groups
        self.groups = [
            group if old is None else torch.cat([old, group], dim=1)[:, -max(self.size, group.shape[1]) :]
            for old, group in zip(kept, groups, strict=True)
        ]
        return self.groups


class Drifting(ComparesSets):
    """Move samples along the field in which photos attract and other samples repel.

    Args:
        generator: G(z) -> [N, C, H, W] in [-1, 1]; has `latents`, the length of z.
        features: images to groups of features, frozen; see `gan_lab.networks.FeatureGroups`.
        optimizer: makes the optimiser from G's parameters.
        samples: that G makes in an iteration, whatever the number of photos in a batch.
        temperatures: see `gan_lab.losses.drifting`.
        memory: photos, the last ones seen, towards which samples move in an iteration; those of its batch alone are
            computed anew.
        ema_half_life: samples after which a weight's share in the averaged generator has halved; None for no averaging.
        options: of `ComparesSets` and `ManualModule`.

    Raises:
        UserError: fewer than two samples for each micro-batch, a temperature that is not above 0, or a memory below 0.

    Source: Deng et al. 2026, arXiv:2602.04770.
    Differs from paper: unconditional; a classifier's features of pixels, not an autoencoder's of latents.
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
        memory: int = 256,
        ema_half_life: float | None = 10_000,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if samples < 2:
            raise UserError(f"model.samples={samples}: a sample needs another one to move away from; give at least 2")
        if samples % self.micro_batches or samples < 2 * self.micro_batches:
            raise UserError(
                f"model.micro_batches={self.micro_batches}: leaves parts of {samples} samples uneven or alone; give a divisor "
                f"of model.samples={samples} that leaves at least 2 in each"
            )
        if not temperatures or min(temperatures) <= 0:
            raise UserError(f"model.temperatures={list(temperatures)}: needs numbers above 0, one at least")
        if memory < 0:
            raise UserError(f"model.memory={memory}: needs photos, 0 for those of the batch alone")
        self.generator = generator
        self.features = features
        self.optimizer = optimizer
        self.samples = samples
        self.temperatures = tuple(temperatures)
        self.memory = FeatureMemory(memory)
        self.generator_ema = ExponentialMovingAverage(generator, ema_half_life) if ema_half_life else None
        self.latents = int(generator.latents)  # type: ignore[arg-type]

    # ------------------------------------------------------------------------------------------------ the method

    def step(self, batch: Batch) -> Terms:
        (optimizer,) = self.optimizer_list()
        z = torch.randn(self.samples, self.latents, device=self.device)
        with torch.no_grad():
            photos = self.memory.add(self.describe(batch["image"]))

        loss_fn = lambda inputs: self.drifting_loss(inputs["z"], photos)  # noqa: E731
        update = self.minimize(optimizer, loss_fn, {"z": z})

        if self.generator_ema is not None and update.stepped:
            self.generator_ema.update(self.generator, images=self.count_images(z))
        return update.terms

    def describe(self, images: Tensor) -> list[Tensor]:
        """Return the groups of features of images [N, C, H, W] in [-1, 1]."""
        with self.full_precision():
            groups: list[Tensor] = self.features(images)
            return groups

    def drifting_loss(self, z: Tensor, photos: Sequence[Tensor]) -> Loss:
        """Return how far samples of z are from where the field drives them."""
        loss, drift = drifting_loss(self.describe(self.generator(z)), photos, self.temperatures)
        return Loss(loss, {"loss_g": loss, "drift": drift})

    def configure_optimizers(self) -> list[Optimizer]:
        return [self.optimizer(self.generator.parameters())]

    def rank_state(self) -> dict[str, Any]:
        groups = self.memory.groups
        return {"memory": None if groups is None else [group.cpu() for group in groups]}

    def load_rank_state(self, state: dict[str, Any]) -> None:
        groups = state["memory"]
        self.memory.groups = None if groups is None else [group.to(self.device) for group in groups]

    # ------------------------------------------------------------------------------------------------ using it

    @property
    def sampler(self) -> nn.Module:
        """Return the generator to make images with: the averaged one where there is one."""
        return self.generator if self.generator_ema is None else self.generator_ema

    @torch.no_grad()
    def generate(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """Return images [N, C, H, W] in [-1, 1] for z [N, latents]; labels are not used."""
        with evaluation_mode(self.sampler):
            return self.render(z)

    def render(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """Return the images of `generate`, with a graph back to z; the networks' mode does not change."""
        images: Tensor = self.sampler(z).float()
        return images

    def sample_grid(self, batch: Batch) -> tuple[Tensor, int]:
        return self.generate(draw_seeded_noise(64, self.latents).to(self.device)), 8

    def validate(self, batches: Iterable[Batch]) -> dict[str, float]:
        """Return how as many samples compare with held-out images; see `compare_samples`."""
        return compare_samples(self, batches)

    def probe(self, batch: Batch) -> list[Probe]:
        """Show as many samples as there are photos, from seeded noise."""
        real = batch["image"].to(self.device)
        return [Probe(self.generate(draw_seeded_noise(len(real), self.latents).to(self.device)), real)]
