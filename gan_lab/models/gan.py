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
from gan_lab.losses import ConsistencyRegularisation, NonSaturating
from gan_lab.metrics import kernel_distance
from gan_lab.models.adversary import (
    Adversarial,
    Penalty,
    adapt,
    certainty,
    detached,
    discriminator_terms,
    each,
    generator_term,
    judge_of,
    named_penalties,
    penalty_terms,
    tell_progress,
)
from gan_lab.models.base import Batch, Loss, ManualModule, OptimizerFactory, Schedule, Terms, evaluating
from gan_lab.models.probe import Probe
from gan_lab.networks import ExponentialMovingAverage, RandomVGG


class GAN(ManualModule):
    """Train a generator against a discriminator by alternating updates.

    Args:
        generator: G(z, label) -> [N, C, H, W] in [-1, 1]; has `latents`, the length of z.
        discriminator: D(x, label) -> logits.
        generator_optimizer: makes G's optimiser from its parameters.
        discriminator_optimizer: likewise for D.
        adversarial: the loss of both sides; non-saturating cross-entropy unless given.
        penalties: penalties on D's gradient by name, added up; each runs in fp32, uncompiled, and is logged by its name.
        penalty_schedule: factor on their weights as a function of the share of the budget spent, in [0, 1].
        consistency: keep D's logits where they are when an augmentation moves an image.
        augment: what is done to every image, real or fake, before D sees it in either turn; images [N, C, H, W] to the
            same, differentiable. A part of it that has `progress` is told the share of the budget spent; one with
            `adaptive` set has `p`, its strength, and after D's turn gets `observe(certainty, images)`: how far D puts each
            real image above its boundary (above its fake, for a relativistic loss), and how many images that step stood for.
        n_critic: updates of D for one of G.
        ema_half_life: images after which a weight's share in the averaged generator has halved; None for no averaging.
        classes: number of classes of a conditional GAN; 0 for none.
        class_names: their names, in the labels' order.
        options: of `ManualModule`.

    Raises:
        UserError: G is conditional and `classes` is 0.

    Source: Goodfellow et al. 2014, arXiv:1406.2661, algorithm 1; Radford et al. 2016, arXiv:1511.06434.
    """

    batch_kind = "images"
    task = "generation"
    monitor = ("val/kid_random_vgg", "min")

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        generator_optimizer: OptimizerFactory,
        discriminator_optimizer: OptimizerFactory,
        adversarial: Adversarial | None = None,
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
        super().__init__(**options)
        if conditional and classes < 2:
            raise UserError(
                f"model: a conditional GAN needs labels, and the data has {classes} classes. Put the photos into one folder "
                "per class under data.root, or choose an unconditional model (model=dcgan)"
            )
        if n_critic < 1:
            raise UserError(f"model.n_critic={n_critic}: needs at least 1")
        self.generator = generator
        self.discriminator = discriminator
        self.generator_ema = ExponentialMovingAverage(generator, ema_half_life) if ema_half_life else None
        self.generator_optimizer = generator_optimizer
        self.discriminator_optimizer = discriminator_optimizer
        self.adversarial: Adversarial = adversarial or NonSaturating()
        self.penalties = named_penalties(penalties)
        self.penalty_schedule = penalty_schedule
        self.consistency = consistency
        self.augment = augment
        self.n_critic = n_critic
        self.conditional = conditional
        self.classes = classes
        self.class_names = list(class_names or [])
        self.latents = int(generator.latents)  # type: ignore[arg-type]

    # ------------------------------------------------------------------------------------------------ the method

    def step(self, batch: Batch) -> Terms:
        generator_optimizer, discriminator_optimizer = self.optimizer_list()
        generator_turn = self.every(self.n_critic)
        draw = self.draw(batch, shared_fake=self.micro_batches == 1, differentiable=generator_turn)
        tell_progress(self.augment, self.progress)
        judged = self.minimize(discriminator_optimizer, self.discriminator_loss, draw)
        terms = judged.terms | adapt(self, self.augment, judged.images["certainty"])
        if generator_turn:
            update = self.minimize(generator_optimizer, self.generator_loss, draw)
            terms |= update.terms
            if self.generator_ema is not None and update.stepped:
                self.generator_ema.update(self.generator, images=self.images_seen(draw["real"]) * self.n_critic)
        return terms

    def draw(self, batch: Batch, shared_fake: bool = False, differentiable: bool = True) -> Batch:
        """Make the random choices of one step: z and, when both updates may share it, the fake that z becomes.

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

    def discriminator_loss(self, draw: Batch) -> Loss:
        """Tell real from fake, plus the penalties and the consistency; hand out how sure D is of real images."""
        label, fake = draw["label"], draw["fake"]
        if fake is None:
            with torch.no_grad():
                fake = self.generator(draw["z"], label)
        real, fake = self.augmented(draw["real"]), self.augmented(fake.detach())
        views = [real, fake]
        if self.consistency is not None:
            with torch.no_grad():
                views += [self.consistency.augment(view) for view in (real, fake)]
        logits_real, logits_fake, *moved = each(self.discriminator, *views, label=label)
        loss = self.adversarial.discriminator(logits_real, logits_fake)
        boundary, relativistic = self.adversarial.boundary, self.adversarial.relativistic
        terms = {"loss_d": loss} | discriminator_terms(logits_real, logits_fake, boundary, relativistic)
        if self.consistency is not None:
            terms["consistency"] = self.consistency(logits_real, logits_fake, *moved)
            loss = loss + terms["consistency"]
        # Differs from StyleGAN2-ADA: by the images as D sees them, so an augmentation need not be differentiable twice.
        # `.forward`: a compiled call has no double backward, so the penalties run eager
        eager = lambda x: self.discriminator.forward(x, label)  # noqa: E731
        factor = 1.0 if self.penalty_schedule is None else self.penalty_schedule(self.progress)
        penalty, penalties = penalty_terms(self, self.penalties, eager, real, fake, factor)
        sure = certainty(self.adversarial, logits_real, logits_fake)
        return loss + penalty, detached(terms | penalties), {"certainty": sure}

    def generator_loss(self, draw: Batch) -> Loss:
        """Make fakes that D takes for real."""
        fake = draw["fake"] if draw["fake"] is not None else self.generator(draw["z"], draw["label"])
        judge = lambda x: self.discriminator(self.augmented(x), draw["label"])  # noqa: E731
        loss = generator_term(self.adversarial, judge, fake, draw["real"])
        return loss, {"loss_g": loss.detach()}

    def augmented(self, images: Tensor) -> Tensor:
        """Return images as D sees them, in either turn; what is shown or measured never passes here."""
        return images if self.augment is None else self.augment(images)

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
        with evaluating(self.sampler):
            return self.sampler(z, label if self.conditional else None).float()

    def sample_grid(self, batch: Batch) -> tuple[Tensor, int]:
        z = seeded_noise(64, self.latents).to(self.device)
        return self.generate(z, torch.arange(64, device=self.device) % max(1, self.classes)), 8

    def validate(self, batches: Iterable[Batch]) -> dict[str, float]:
        """Return the kernel distance between held-out images and as many samples, in a seeded random embedding."""
        return random_vgg_distance(self, batches)

    def probe(self, batch: Batch) -> list[Probe]:
        """Show as many samples as there are photos, from seeded noise."""
        real = batch["image"].to(self.device)
        label = batch["label"].to(self.device) if self.conditional else None
        z = seeded_noise(len(real), self.latents).to(self.device)
        return [Probe(self.generate(z, label), real, judge=judge_of(self.discriminator, label))]


def random_vgg_distance(model: Any, batches: Iterable[Batch]) -> dict[str, float]:
    """Return the kernel distance of `model.generate` to the real images of `batches`, in a `RandomVGG` embedding.

    Nothing where there is but one image: a single one has no distribution.
    """
    embed = RandomVGG().to(model.device)
    real, fake = [], []
    for index, batch in enumerate(batches):
        image = batch["image"].to(model.device)
        label = batch["label"].to(model.device)
        z = seeded_noise(len(image), model.latents, seed=index).to(model.device)
        real.append(embed(image))
        fake.append(embed(model.generate(z, label)))
    f_real, f_fake = torch.cat(real), torch.cat(fake)
    return {"val/kid_random_vgg": kernel_distance(f_real, f_fake, subsets=None)[0]} if len(f_real) > 1 else {}


def seeded_noise(n: int, latents: int, seed: int = 0) -> Tensor:
    """Return normal noise [n, latents] that leaves the global generators alone; the same on every device."""
    return torch.randn(n, latents, generator=torch.Generator().manual_seed(seed))
