"""Generative adversarial networks that draw images from noise, with or without labels.

DCGAN, the MLP GAN, cGAN, LSGAN, SNGAN, WGAN-GP and R3GAN are one class with other networks, loss and penalties: see
conf/model/.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from gan_lab.errors import UserError
from gan_lab.losses import ConsistencyRegularisation
from gan_lab.models.adversarial import AdversarialLoss, AdversarialModule, Penalty, make_judge
from gan_lab.models.base import Loss, OptimizerFactory, Terms
from gan_lab.models.batches import Batch
from gan_lab.models.class_rows import check_classes
from gan_lab.models.probe import Probe
from gan_lab.models.validation import ComparesSets, compare_samples
from gan_lab.networks import ExponentialMovingAverage, call_jointly, evaluation_mode
from gan_lab.rng import draw_seeded_noise
from gan_lab.schedules import Schedule


class GAN(ComparesSets, AdversarialModule):
    """Train a generator against a discriminator by alternating updates.

    Args:
        generator: G(z, label) -> [N, C, H, W] in [-1, 1]; has `latents`, the length of z.
        discriminator: D(x, label) -> logits.
        generator_optimizer: makes G's optimiser from its parameters.
        discriminator_optimizer: likewise for D.
        adversarial, penalties, penalty_schedule, augment: see `AdversarialModule`.
        consistency: keep D's logits where they are when an augmentation moves an image.
        n_critic: updates of D for one of G.
        ema_half_life: images after which a weight's share in the averaged generator has halved; None for no averaging.
        classes: number of classes of a conditional GAN; 0 for none.
        class_names: their names, in the labels' order.
        options: of `AdversarialModule` and `ComparesSets`.

    Raises:
        UserError: G is conditional and `classes` is 0.

    Source: Goodfellow et al. 2014, arXiv:1406.2661, algorithm 1; Radford et al. 2016, arXiv:1511.06434.
    """

    batch_kind = "images"
    task = "generation"

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        generator_optimizer: OptimizerFactory,
        discriminator_optimizer: OptimizerFactory,
        adversarial: AdversarialLoss | None = None,
        penalties: Mapping[str, Penalty | None] | None = None,
        penalty_schedule: Schedule | None = None,
        consistency: ConsistencyRegularisation | None = None,
        augment: nn.Module | None = None,
        n_critic: int = 1,
        ema_half_life: float | None = 10_000,
        conditional: bool = False,
        classes: int = 0,
        class_names: list[str] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(
            adversarial=adversarial,
            penalties=penalties,
            penalty_schedule=penalty_schedule,
            augment=augment,
            **options,
        )
        check_classes(conditional, classes, otherwise="model=dcgan")
        if n_critic < 1:
            raise UserError(f"model.n_critic={n_critic}: needs at least 1")
        self.generator = generator
        self.discriminator = discriminator
        self.generator_ema = ExponentialMovingAverage(generator, ema_half_life) if ema_half_life else None
        self.generator_optimizer = generator_optimizer
        self.discriminator_optimizer = discriminator_optimizer
        self.consistency = consistency
        self.n_critic = n_critic
        self.conditional = conditional
        self.classes = classes
        self.class_names = list(class_names or [])
        self.latents = int(generator.latents)  # type: ignore[arg-type]

    # ------------------------------------------------------------------------------------------------ the method

    def step(self, batch: Batch) -> Terms:
        generator_optimizer, discriminator_optimizer = self.optimizer_list()
        generator_turn = self.is_due(self.n_critic)
        inputs = self.draw_inputs(batch, shared_fake=self.micro_batches == 1, differentiable=generator_turn)

        judgement = self.minimize(discriminator_optimizer, self.discriminator_loss, inputs)
        terms = judgement.terms | self.adapt_augment(judgement.outputs["margin"])

        if generator_turn:
            update = self.minimize(generator_optimizer, self.generator_loss, inputs)
            terms |= update.terms
            if self.generator_ema is not None and update.stepped:
                self.generator_ema.update(self.generator, images=self.count_images(inputs["real"]) * self.n_critic)
        return terms

    def draw_inputs(self, batch: Batch, shared_fake: bool = False, differentiable: bool = True) -> Batch:
        """Make the random choices of one step: z and, when both updates may share it, the fake G(z).

        A shared fake is made before either update switches parameters off, and keeps its graph for G's update.
        """
        real = batch["image"]
        label = batch["label"] if self.conditional else None
        z = torch.randn(len(real), self.latents, device=real.device)
        fake = None
        if shared_fake:
            with torch.set_grad_enabled(differentiable):
                fake = self.generator(z, label)
        return {"real": real, "label": label, "z": z, "fake": fake}

    def discriminator_loss(self, inputs: Batch) -> Loss:
        """Tell real from fake, plus the penalties and the consistency; return D's margin on real images beside it."""
        label, fake = inputs["label"], inputs["fake"]
        if fake is None:
            with torch.no_grad():
                fake = self.generator(inputs["z"], label)
        real, fake = self.apply_augment(inputs["real"]), self.apply_augment(fake.detach())
        seen = [real, fake]
        if self.consistency is not None:
            with torch.no_grad():
                seen += [self.consistency.augment(images) for images in (real, fake)]
        logits_real, logits_fake, *moved = call_jointly(self.discriminator, *seen, label=label)

        loss = self.adversarial.discriminator(logits_real, logits_fake)
        figures, margin = self.measure_discriminator(logits_real, logits_fake)
        terms = {"loss_d": loss} | figures
        if self.consistency is not None:
            terms["consistency"] = self.consistency(logits_real, logits_fake, *moved)
            loss = loss + terms["consistency"]
        # Differs from StyleGAN2-ADA: by the images as D sees them, so an augmentation need not be differentiable twice.
        # `.forward`: a compiled call has no double backward, so the penalties run eager
        judge = lambda images: self.discriminator.forward(images, label)  # noqa: E731
        penalty, penalties = self.compute_penalty(judge, real, fake)
        return Loss(loss + penalty, terms | penalties, {"margin": margin})

    def generator_loss(self, inputs: Batch) -> Loss:
        """Make fakes that D takes for real."""
        label = inputs["label"]
        fake = inputs["fake"] if inputs["fake"] is not None else self.generator(inputs["z"], label)
        judge = lambda images: self.discriminator(self.apply_augment(images), label)  # noqa: E731
        loss = self.compute_adversarial_term(judge, fake, inputs["real"])
        return Loss(loss, {"loss_g": loss})

    def configure_optimizers(self) -> list[Optimizer]:
        return [
            self.generator_optimizer(self.generator.parameters()),
            self.discriminator_optimizer(self.discriminator.parameters()),
        ]

    # ------------------------------------------------------------------------------------------------ using it

    @property
    def sampler(self) -> nn.Module:
        """Return the generator to make images with: the averaged one where there is one."""
        return self.generator if self.generator_ema is None else self.generator_ema

    @torch.no_grad()
    def generate(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """Return images [N, C, H, W] in [-1, 1] for z [N, latents], by the averaged generator where there is one."""
        with evaluation_mode(self.sampler):
            return self.render(z, label)

    def render(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """Return the images of `generate`, with a graph back to z; the networks' mode does not change."""
        images: Tensor = self.sampler(z, label if self.conditional else None).float()
        return images

    def sample_grid(self, batch: Batch) -> tuple[Tensor, int]:
        z = draw_seeded_noise(64, self.latents).to(self.device)
        return self.generate(z, torch.arange(64, device=self.device) % max(1, self.classes)), 8

    def validate(self, batches: Iterable[Batch]) -> dict[str, float]:
        """Return how as many samples compare with held-out images; see `compare_samples`."""
        return compare_samples(self, batches)

    def probe(self, batch: Batch) -> list[Probe]:
        """Show as many samples as there are photos, from seeded noise."""
        real = batch["image"].to(self.device)
        label = batch["label"].to(self.device) if self.conditional else None
        z = draw_seeded_noise(len(real), self.latents).to(self.device)
        return [Probe(self.generate(z, label), real, judge=make_judge(self.discriminator, label))]
