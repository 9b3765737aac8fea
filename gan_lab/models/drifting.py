"""Drifting: a generator whose samples move towards photos in a frozen network's features, where a discriminator may join."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from gan_lab.errors import UserError
from gan_lab.losses import Hinge, drifting_loss
from gan_lab.losses.drifting import TEMPERATURES
from gan_lab.models.adversarial import AdversarialLoss, AdversarialModule
from gan_lab.models.base import Loss, OptimizerFactory, Terms
from gan_lab.models.batches import Batch
from gan_lab.models.probe import Probe
from gan_lab.models.validation import ComparesSets, compare_samples
from gan_lab.networks import ExponentialMovingAverage, FeatureGroups, evaluation_mode
from gan_lab.options import check_weights
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


class Drifting(ComparesSets, AdversarialModule):
    """Move samples along the field in which photos attract and other samples repel.

    With a discriminator the two take turns as well: the field says where samples lie among photos, and the discriminator
    what is wrong at a place.

    Args:
        generator: G(z) -> [N, C, H, W] in [-1, 1]; has `latents`, the length of z.
        features: images to groups of features, frozen; see `gan_lab.networks.FeatureGroups`.
        optimizer: makes the optimiser from G's parameters.
        discriminator: judges the stages of `features`; see `gan_lab.networks.FeatureDiscriminator`. None for none.
        discriminator_optimizer: makes D's optimiser from its parameters.
        adversarial: the loss of both sides, averaged over the stages; hinge unless given.
        lambda_adversarial: weight of G's side beside the drifting loss.
        samples: that G makes in an iteration, whatever the number of photos in a batch.
        temperatures: see `gan_lab.losses.drifting`.
        memory: photos, the last ones seen, towards which samples move in an iteration; those of its batch alone are
            computed anew.
        ema_half_life: samples after which a weight's share in the averaged generator has halved; None for no averaging.
        options: of `ComparesSets` and `ManualModule`.

    Raises:
        UserError: fewer than two samples for each micro-batch, a temperature that is not above 0, a memory or a weight below
            0, or a discriminator without an optimiser.

    Source: Deng et al. 2026, arXiv:2602.04770; Sauer et al. 2021, arXiv:2111.01007, for D.
    Differs from paper: unconditional; a classifier's features of pixels, not an autoencoder's of latents; D is no part of it.
    """

    augmentable = False
    batch_kind = "images"
    task = "generation"
    first_optimizer = "optimizer"

    def __init__(
        self,
        generator: nn.Module,
        features: FeatureGroups,
        optimizer: OptimizerFactory,
        discriminator: nn.Module | None = None,
        discriminator_optimizer: OptimizerFactory | None = None,
        adversarial: AdversarialLoss | None = None,
        lambda_adversarial: float = 0.2,
        samples: int = 64,
        temperatures: Sequence[float] = TEMPERATURES,
        memory: int = 256,
        ema_half_life: float | None = 10_000,
        **options: Any,
    ) -> None:
        super().__init__(adversarial=adversarial or Hinge(), **options)
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
        check_weights(lambda_adversarial=lambda_adversarial)
        if discriminator is not None and discriminator_optimizer is None:
            raise UserError(
                "model.discriminator_optimizer=null: the discriminator needs one; give it, or model.discriminator=null"
            )
        if self.penalties:
            raise UserError(
                f"model.penalties={list(self.penalties)}: drifting's discriminator is held by its spectral norm alone; "
                "leave them out"
            )
        if self.adversarial.relativistic:
            raise UserError(
                f"model.adversarial={type(self.adversarial).__name__}: compares a sample with its photo, and here it has "
                "none; take gan_lab.losses.Hinge"
            )
        self.generator = generator
        self.discriminator = discriminator
        self.discriminator_optimizer = discriminator_optimizer
        self.lambda_adversarial = lambda_adversarial
        self.features = features
        self.optimizer = optimizer
        self.samples = samples
        self.temperatures = tuple(temperatures)
        self.memory = FeatureMemory(memory)
        self.generator_ema = ExponentialMovingAverage(generator, ema_half_life) if ema_half_life else None
        self.latents = int(generator.latents)  # type: ignore[arg-type]

    # ------------------------------------------------------------------------------------------------ the method

    def step(self, batch: Batch) -> Terms:
        generator_optimizer, *discriminator_optimizer = self.optimizer_list()
        z = torch.randn(self.samples, self.latents, device=self.device)
        with torch.no_grad():
            stages = self.extract_stages(batch["image"])
            photos = self.memory.add(self.features.group(batch["image"], stages))

        loss_fn = lambda inputs: self.generator_loss(inputs["z"], photos)  # noqa: E731
        update = self.minimize(generator_optimizer, loss_fn, {"z": z})
        terms = update.terms

        for optimizer in discriminator_optimizer:  # one, or none
            inputs = pair_stages(stages, list(update.outputs.values()))
            terms |= self.minimize(optimizer, self.discriminator_loss, inputs).terms

        if self.generator_ema is not None and update.stepped:
            self.generator_ema.update(self.generator, images=self.count_images(z))
        return terms

    def extract_stages(self, images: Tensor) -> list[Tensor]:
        """Return the stages of the frozen network for images [N, C, H, W] in [-1, 1]."""
        with self.full_precision():
            stages: list[Tensor] = self.features.extract_stages(images)
            return stages

    def generator_loss(self, z: Tensor, photos: Sequence[Tensor]) -> Loss:
        """Return how far samples of z are from where the field drives them, and what D says of them.

        The samples' stages are handed on to D's turn: they are the costly part of an iteration.
        """
        fake = self.generator(z)
        stages = self.extract_stages(fake)
        with self.full_precision():
            drifting, drift = drifting_loss(self.features.group(fake, stages), photos, self.temperatures)
            if self.discriminator is None:
                return Loss(drifting, {"loss_g": drifting, "drift": drift})
            adversarial = average([self.adversarial.generator(logits) for logits in self.discriminator(stages)])
        total = drifting + self.lambda_adversarial * adversarial
        terms = {"loss_g": total, "drift": drift, "loss_drifting": drifting, "loss_adversarial": adversarial}
        return Loss(total, terms, {f"stage_{index}": stage for index, stage in enumerate(stages)})

    def discriminator_loss(self, inputs: Batch) -> Loss:
        """Tell photos' stages from those of as many samples; see `pair_stages`."""
        assert self.discriminator is not None
        real, fake = ([inputs[f"{side}_{index}"] for index in range(len(inputs) // 2)] for side in ("real", "fake"))
        with self.full_precision():
            pairs = list(zip(self.discriminator(real), self.discriminator(fake), strict=True))
            loss = average([self.adversarial.discriminator(*pair) for pair in pairs])
            figures = [self.measure_discriminator(*pair)[0] for pair in pairs]
        return Loss(loss, {"loss_d": loss} | {name: average([each[name] for each in figures]) for name in figures[0]})

    def configure_optimizers(self) -> list[Optimizer]:
        optimizers = [self.optimizer(self.generator.parameters())]
        if self.discriminator is not None:
            assert self.discriminator_optimizer is not None
            optimizers.append(self.discriminator_optimizer(self.discriminator.parameters()))
        return optimizers

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
        judge = None if self.discriminator is None else self.judge
        return [Probe(self.generate(draw_seeded_noise(len(real), self.latents).to(self.device)), real, judge=judge)]

    def judge(self, images: Tensor) -> Tensor:
        """Return D's mean logit [N] of each image [N, C, H, W] in [-1, 1], over all places and stages."""
        assert self.discriminator is not None
        with evaluation_mode(self.discriminator):
            logits = self.discriminator(self.extract_stages(images))
        return torch.stack([each.float().mean(dim=(1, 2, 3)) for each in logits]).mean(dim=0)


def pair_stages(photos: Sequence[Tensor], made: Sequence[Tensor]) -> Batch:
    """Return as many rows of the stages of photos as of those of samples, as "real_0", "fake_0" and so on."""
    rows = min(len(photos[0]), len(made[0]))
    sides = {"real": photos, "fake": made}
    return {f"{side}_{index}": stage[:rows] for side, stages in sides.items() for index, stage in enumerate(stages)}


def average(values: Sequence[Tensor]) -> Tensor:
    """Return the mean of scalars."""
    return torch.stack(list(values)).mean()
