"""Training steps without a framework, over gan_lab's networks: plain, as tutorials and papers' repositories do, and tuned.

Plain: fp32, NCHW, eager, Adam as it comes, every forward made where the algorithm names it, the discriminator's weight
gradients computed in G's update and thrown away. Tuned: channels last, bf16 where the hardware multiplies it, fused Adam,
a frozen D in G's update, forwards shared between the updates, and one call for batches that a network may see together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Step = Callable[[], None]


class Loop:
    """What the steps share.

    Args:
        model: a model of gan_lab, whose networks are trained.
        batch: as its datamodule gives it, on the device.
        tuned: as fast as we can, or plain.
        compiled: compile the networks, each for its fixed shapes.
    """

    def __init__(self, model: Any, batch: dict[str, Tensor], tuned: bool, compiled: bool) -> None:
        self.model, self.batch, self.tuned = model, batch, tuned
        self.device = next(iter(batch.values())).device
        model.to(self.device, **({"memory_format": torch.channels_last} if tuned else {}))
        if compiled:
            for network in model.compilable():
                network.compile(dynamic=False)
        self.optimizers: dict[str, torch.optim.Adam] = {}

    def cast(self) -> AbstractContextManager[Any]:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.tuned)

    @contextmanager
    def frozen(self, *networks: nn.Module) -> Iterator[None]:
        """Compute no weight gradients of networks, in a tuned step."""
        parameters = [p for network in networks for p in network.parameters() if self.tuned]
        for p in parameters:
            p.requires_grad_(False)
        yield
        for p in parameters:
            p.requires_grad_(True)

    def update(self, name: str, loss: Tensor) -> None:
        self.optimizers[name].zero_grad()
        loss.backward()
        self.optimizers[name].step()

    def adam(
        self, name: str, *networks: nn.Module, lr: float = 2e-4, betas: tuple[float, float] = (0.5, 0.999)
    ) -> None:
        parameters = [p for network in networks for p in network.parameters()]
        self.optimizers[name] = torch.optim.Adam(parameters, lr=lr, betas=betas, fused=self.tuned or None)


class GANLoop(Loop):
    """One update of D, one of G."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.adam("g", self.model.generator)
        self.adam("d", self.model.discriminator)

    def fake(self) -> Tensor:
        return self.model.generator(torch.randn(len(self.batch["image"]), self.model.latents, device=self.device))

    def __call__(self) -> None:
        model, adversarial = self.model, self.model.adversarial
        with self.cast():
            fake = self.fake()
            real, made = model.discriminator(self.batch["image"]), model.discriminator(fake.detach())
        self.update("d", adversarial.discriminator(real.float(), made.float()))
        with self.frozen(model.discriminator):
            with self.cast():
                logits = model.discriminator(fake if self.tuned else self.fake())
            self.update("g", adversarial.generator(logits.float()))


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


class CycleGANLoop(Loop):
    """One update of both generators, one of both discriminators; no image pool."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.adam("g", self.model.generator_AB, self.model.generator_BA)
        self.adam("d", self.model.discriminator_A, self.model.discriminator_B)

    def both(self, network: nn.Module, first: Tensor, second: Tensor) -> list[Tensor]:
        """Return what a network makes of two batches: instance norm does not mix images, so one call is the same."""
        if not self.tuned:
            return [network(first), network(second)]
        return list(network(torch.cat([first, second])).chunk(2))

    def __call__(self) -> None:
        ab, ba = self.model.generator_AB, self.model.generator_BA
        da, db = self.model.discriminator_A, self.model.discriminator_B
        a, b = self.batch["A"], self.batch["B"]
        with self.frozen(da, db):
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
                judged_real, judged_fake = self.both(d, real, fake.detach().float())
                loss = loss + 0.5 * (square(judged_real, 1) + square(judged_fake, 0))
        self.update("d", loss)


def square(logits: Tensor, target: float) -> Tensor:
    return (logits.float() - target).square().mean()
