"""Generative adversarial networks that draw images from noise, with or without labels.

DCGAN, the MLP GAN, cGAN, LSGAN, SNGAN and WGAN-GP are one class with other networks, loss and penalty: see conf/model/.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Optimizer

from gan_lab.errors import UserError
from gan_lab.losses import NonSaturating
from gan_lab.metrics import kernel_distance
from gan_lab.models.base import Batch, Loss, ManualModule, OptimizerFactory, Terms, evaluating
from gan_lab.networks import ExponentialMovingAverage, RandomVGG


class Adversarial(Protocol):
    """The two sides of an adversarial game; `boundary` is the logit at which D is undecided."""

    boundary: float

    def discriminator(self, logits_real: Tensor, logits_fake: Tensor) -> Tensor: ...

    def generator(self, logits_fake: Tensor) -> Tensor: ...


class Penalty(Protocol):
    """A penalty on D's gradient: `weight` times a call's scalar is added to D's loss. It runs in fp32."""

    weight: float

    def __call__(self, discriminator: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor) -> Tensor: ...


class GAN(ManualModule):
    """Train a generator against a discriminator by alternating updates.

    Args:
        generator: G(z, label) -> [N, C, H, W] in [-1, 1]; has `latents`, the length of z.
        discriminator: D(x, label) -> logits.
        generator_optimizer: makes G's optimiser from its parameters.
        discriminator_optimizer: likewise for D.
        adversarial: the loss of both sides; non-saturating cross-entropy unless given.
        penalty: a penalty on D's gradient; runs in fp32, uncompiled.
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
        penalty: Penalty | None = None,
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
        self.penalty = penalty
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
        terms = self.minimize(discriminator_optimizer, self.discriminator_loss, draw).terms
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
        """Tell real from fake, plus the penalty."""
        real, label, fake = draw["real"], draw["label"], draw["fake"]
        if fake is None:
            with torch.no_grad():
                fake = self.generator(draw["z"], label)
        fake = fake.detach()
        logits_real, logits_fake = each(self.discriminator, real, fake, label=label)
        loss = self.adversarial.discriminator(logits_real, logits_fake)
        terms = {"loss_d": loss} | discriminator_terms(logits_real, logits_fake, self.adversarial.boundary)
        if self.penalty is not None:
            # `.forward`: a compiled call has no double backward, so the penalty runs eager
            terms["penalty"] = self.penalty(lambda x: self.discriminator.forward(x, label), real, fake)
            loss = loss + self.penalty.weight * terms["penalty"]
        return loss, detached(terms)

    def generator_loss(self, draw: Batch) -> Loss:
        """Make fakes that D takes for real."""
        fake = draw["fake"] if draw["fake"] is not None else self.generator(draw["z"], draw["label"])
        loss = self.adversarial.generator(self.discriminator(fake, draw["label"]))
        return loss, {"loss_g": loss.detach()}

    def configure_optimizers(self) -> list[Optimizer]:
        return [
            self.generator_optimizer(self.generator.parameters()),
            self.discriminator_optimizer(self.discriminator.parameters()),
        ]

    # ------------------------------------------------------------------------------------------------ using it

    @torch.no_grad()
    def generate(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """Return images [N, C, H, W] in [-1, 1] for z [N, latents], by the averaged generator where there is one."""
        generator: nn.Module = self.generator if self.generator_ema is None else self.generator_ema
        with evaluating(generator):
            return generator(z, label if self.conditional else None).float()

    def sample_grid(self, batch: Batch) -> tuple[Tensor, int]:
        z = seeded_noise(64, self.latents).to(self.device)
        return self.generate(z, torch.arange(64, device=self.device) % max(1, self.classes)), 8

    def validate(self, batches: Iterable[Batch]) -> dict[str, float]:
        """Return the kernel distance between held-out images and as many samples, in a seeded random embedding."""
        return random_vgg_distance(self, batches)


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
    return {"val/kid_random_vgg": kernel_distance(f_real, f_fake)[0]} if len(f_real) > 1 else {}


def each(network: nn.Module, *batches: Tensor, label: Tensor | None = None) -> list[Tensor]:
    """Return what a network makes of several batches of one size: in one call, which is faster, where that is the same.

    Batch norm would mix the batches. Spectral norm needs the single call when compiled: its power iteration changes in
    place what the backward pass of an earlier call has kept.

    Args:
        network: called with a batch, and with labels if given.
        batches: [N, C, H, W] each.
        label: int64 [N], the same for every batch; None for none.
    """
    if any(isinstance(layer, nn.modules.batchnorm._BatchNorm) for layer in network.modules()):
        return [network(batch) if label is None else network(batch, label) for batch in batches]
    together = torch.cat(batches)
    out = network(together) if label is None else network(together, label.repeat(len(batches)))
    return list(out.chunk(len(batches)))


def detached(terms: Terms) -> Terms:
    """Return the terms without their graphs, as they are logged."""
    return {name: term.detach() for name, term in terms.items()}


def seeded_noise(n: int, latents: int, seed: int = 0) -> Tensor:
    """Return normal noise [n, latents] that leaves the global generators alone; the same on every device."""
    return torch.randn(n, latents, generator=torch.Generator().manual_seed(seed))


def discriminator_terms(logits_real: Tensor, logits_fake: Tensor, boundary: float = 0.0) -> Terms:
    """Return D's accuracy and cross-entropy and its mean logits, all detached.

    Args:
        logits_real: D(real), any shape.
        logits_fake: D(fake), any shape.
        boundary: the logit at which D is undecided.
    """
    real, fake = logits_real.detach().float() - boundary, logits_fake.detach().float() - boundary
    return {
        "accuracy_d": 0.5 * ((real > 0).float().mean() + (fake < 0).float().mean()),
        "cross_entropy_d": 0.5 * (F.softplus(-real).mean() + F.softplus(fake).mean()),
        "logits_real": real.mean() + boundary,
        "logits_fake": fake.mean() + boundary,
    }
