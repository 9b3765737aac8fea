"""Training steps without a framework, over gan_lab's networks: plain, as tutorials and papers' repositories do, and tuned.

Plain: fp32, NCHW, eager, Adam as it comes, every forward made where the algorithm names it; D's weight gradients are computed
in G's update and thrown away, where the original does so (CycleGAN's code freezes D); spectral norm is torch's. Tuned: in the
precision and memory layout that it is timed to be fastest in, fused Adam, a frozen D in G's update, forwards shared between
the updates, one call for batches that a network may see together, and gan_lab's spectral norm. Losses, and penalties on a
gradient, are fp32 in both.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations, parametrize

from gan_lab.hardware import Way, cast_to


class Loop:
    """What the steps share.

    Args:
        model: a model of gan_lab, whose networks are trained.
        batch: as its datamodule gives it, on the device.
        way: of computing, for a loop as fast as we can make it; None for a plain one.
        compiled: compile the networks, each for its fixed shapes.

    Attributes:
        batched: a tuned loop gives a network the batches that it may see together in one call.
        shared: a tuned loop makes a fake once for both updates.
    """

    batched = shared = True

    def __init__(self, model: Any, batch: dict[str, Tensor], way: Way | None, compiled: bool) -> None:
        self.model, self.batch, self.way, self.tuned = model, batch, way, way is not None
        if way is None:
            with_torchs_spectral_norm(model)
        self.device = next(iter(batch.values())).device
        last = way is not None and way.channels_last
        model.to(self.device, **({"memory_format": torch.channels_last} if last else {}))
        if compiled:
            for network in model.list_trainable_networks():
                network.compile(dynamic=False)
        self.optimizers: dict[str, torch.optim.Adam] = {}

    def __call__(self) -> None:
        raise NotImplementedError

    def cast(self) -> AbstractContextManager[Any]:
        return cast_to(torch.float32 if self.way is None else self.way.dtype, self.device)

    @contextmanager
    def frozen(self, *networks: nn.Module, always: bool = False) -> Iterator[None]:
        """Compute no weight gradients of networks, in a tuned step or always."""
        parameters = [p for network in networks for p in network.parameters() if self.tuned or always]
        for p in parameters:
            p.requires_grad_(False)
        yield
        for p in parameters:
            p.requires_grad_(True)

    def both(self, network: nn.Module, first: Tensor, second: Tensor, *, mixes: bool = False) -> list[Tensor]:
        """Return what a network makes of two batches: in one call, unless plain or the network `mixes` its images."""
        if self.tuned and self.batched and not mixes:
            return list(network(torch.cat([first, second.to(first.dtype)])).chunk(2))
        return [network(first), network(second)]

    def update(self, name: str, loss: Tensor) -> None:
        self.optimizers[name].zero_grad()
        loss.backward()
        self.optimizers[name].step()

    def adam(
        self, name: str, *networks: nn.Module, lr: float = 2e-4, betas: tuple[float, float] = (0.5, 0.999)
    ) -> None:
        parameters = [p for network in networks for p in network.parameters()]
        self.optimizers[name] = torch.optim.Adam(parameters, lr=lr, betas=betas, fused=self.tuned or None)


def with_torchs_spectral_norm(model: nn.Module) -> None:
    """Replace gan_lab's spectral norm by torch's, which computes the same."""
    for layer in list(model.modules()):
        if parametrize.is_parametrized(layer, "weight"):
            parametrize.remove_parametrizations(layer, "weight")
            parametrizations.spectral_norm(layer)


class GANLoop(Loop):
    """One update of D, with R1 and R2 where the model has penalties, and one of G."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.adam("g", self.model.generator)
        self.adam("d", self.model.discriminator)
        self.mixes = mixes(self.model.discriminator)

    def __call__(self) -> None:
        model, adversarial, real = self.model, self.model.adversarial, self.batch["image"]
        with self.cast():
            fake = self.fake()
            judged = self.both(model.discriminator, real, fake.detach(), mixes=self.mixes)
        loss = adversarial.discriminator(*(logits.float() for logits in judged))
        if model.penalties:
            loss = loss + self.zero_centred(real, fake.detach().float())
        self.update("d", loss)
        with self.frozen(model.discriminator):
            with self.cast():
                made = fake if self.tuned and self.shared else self.fake()
                if adversarial.relativistic:
                    logits = self.both(model.discriminator, made, real, mixes=self.mixes)
                else:
                    logits = [model.discriminator(made)]
            self.update("g", adversarial.generator(*(each.float() for each in logits)))

    def fake(self) -> Tensor:
        return self.model.generator(torch.randn(len(self.batch["image"]), self.model.latents, device=self.device))

    def zero_centred(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return R1 + R2 with a weight of 1 each: of both batches in one pass, where tuned."""
        views = [torch.cat([real, fake])] if self.tuned else [real, fake]
        total = torch.zeros((), device=self.device)
        for view in views:
            images = view.clone().requires_grad_()
            # `.forward`: a compiled call has no double backward
            logits = self.model.discriminator.forward(images)
            (gradient,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
            total = total + gradient.square().sum() / len(real)
        return total


class VAELoop(Loop):
    """One update of both networks."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.adam("both", self.model.encoder, self.model.decoder, lr=1e-3, betas=(0.9, 0.999))

    def __call__(self) -> None:
        image = self.batch["image"]
        with self.cast():
            mu, logvar = self.model.encoder(image)
            rec = self.model.decoder(mu + torch.randn_like(mu) * (0.5 * logvar).exp())
        mu, logvar = mu.float(), logvar.float()
        kl = -0.5 * (1 + logvar - mu.square() - logvar.exp()).sum(1).mean()
        self.update("both", F.mse_loss(rec.float(), image) + self.model.lambda_kl * kl)


class EnhancerLoop(Loop):
    """One update of D, one of G by L1 and D: SRGAN's step, the fake made once."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.adam("g", self.model.generator)
        self.adam("d", self.model.discriminator, lr=4e-5)
        self.mixes = mixes(self.model.discriminator)

    def __call__(self) -> None:
        model, adversarial = self.model, self.model.adversarial
        lq, gt = self.batch["lq"], self.batch["gt"]
        with self.cast():
            pred = model.generator(lq)
            judged = self.both(model.discriminator, gt, pred.detach(), mixes=self.mixes)
        self.update("d", adversarial.discriminator(*(logits.float() for logits in judged)))
        with self.frozen(model.discriminator):
            with self.cast():
                logits = model.discriminator(pred)
            fooled = adversarial.generator(logits.float())
            self.update("g", model.lambda_l1 * F.l1_loss(pred.float(), gt) + model.lambda_adversarial * fooled)


class CycleGANLoop(Loop):
    """One update of both generators, one of both discriminators; no image pool. Instance norm does not mix images."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.adam("g", self.model.generator_AB, self.model.generator_BA)
        self.adam("d", self.model.discriminator_A, self.model.discriminator_B)

    def __call__(self) -> None:
        ab, ba = self.model.generator_AB, self.model.generator_BA
        da, db = self.model.discriminator_A, self.model.discriminator_B
        a, b = self.batch["A"], self.batch["B"]
        with self.frozen(da, db, always=True):
            with self.cast():
                fake_b, same_b = self.both(ab, a, b)
                fake_a, same_a = self.both(ba, b, a)
                back_a, back_b = ba(fake_b), ab(fake_a)
                fooled = square(db(fake_b), 1) + square(da(fake_a), 1)
            cycle = F.l1_loss(back_a.float(), a) + F.l1_loss(back_b.float(), b)
            identity = F.l1_loss(same_b.float(), b) + F.l1_loss(same_a.float(), a)
            self.update("g", fooled + 10 * cycle + 5 * identity)
        loss = torch.zeros((), device=self.device)
        with self.cast():
            for d, real, fake in ((da, a, fake_a), (db, b, fake_b)):
                judged_real, judged_fake = self.both(d, real, fake.detach())
                loss = loss + 0.5 * (square(judged_real, 1) + square(judged_fake, 0))
        self.update("d", loss)


def mixes(network: nn.Module) -> bool:
    """Tell whether a network's result for an image hangs on the others of its batch, by batch norm."""
    return any(isinstance(layer, nn.modules.batchnorm._BatchNorm) for layer in network.modules())


def square(logits: Tensor, target: float) -> Tensor:
    return (logits.float() - target).square().mean()
