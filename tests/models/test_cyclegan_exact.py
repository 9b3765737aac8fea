"""CycleGAN's step against a second statement of it, which shares no code with the first: networks, losses, pool, updates.

Written after the paper (Zhu et al. 2017, arXiv:1703.10593, section 3 and appendix 7) and what its authors' code does where
the paper is silent: biases in front of instance norm, one optimiser for both generators and one for both discriminators,
D's loss halved, D's turn after G's. Both run in fp64, but that ours hands its fakes to D in fp32: what is left between them
is that rounding.
"""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback
from torch import Tensor, nn
from torch.nn import functional as F

from gan_lab.models import CycleGAN
from gan_lab.networks import PatchDiscriminator, ResnetGenerator
from tests.models.fitting import fit

WIDTH, BLOCKS, SIZE, ITERATIONS, RATE = 6, 2, 32, 3, 0.01
CYCLE, IDENTITY = 10.0, 0.5


class Block(nn.Module):
    """Two 3x3 convolutions, reflected, normed, added to their input."""

    def __init__(self, c: int) -> None:
        super().__init__()
        half = [[nn.ReflectionPad2d(1), nn.Conv2d(c, c, 3), nn.InstanceNorm2d(c)] for _ in range(2)]
        self.layers = nn.Sequential(*half[0], nn.ReLU(), *half[1])

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)


def resnet(w: int) -> nn.Sequential:
    layers: list[nn.Module] = [nn.ReflectionPad2d(3), nn.Conv2d(3, w, 7), nn.InstanceNorm2d(w), nn.ReLU()]
    for i in (w, 2 * w):
        layers += [nn.Conv2d(i, 2 * i, 3, 2, 1), nn.InstanceNorm2d(2 * i), nn.ReLU()]
    layers += [Block(4 * w) for _ in range(BLOCKS)]
    for i in (4 * w, 2 * w):
        layers += [nn.ConvTranspose2d(i, i // 2, 3, 2, 1, 1), nn.InstanceNorm2d(i // 2), nn.ReLU()]
    return nn.Sequential(*layers, nn.ReflectionPad2d(3), nn.Conv2d(w, 3, 7), nn.Tanh())


def patch(w: int) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Conv2d(3, w, 4, 2, 1), nn.LeakyReLU(0.2)]
    for i, o, stride in ((w, 2 * w, 2), (2 * w, 4 * w, 1)):
        layers += [nn.Conv2d(i, o, 4, stride, 1), nn.InstanceNorm2d(o), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Conv2d(4 * w, 1, 4, 1, 1))


def twin(made: nn.Sequential, ours: nn.Module) -> nn.Sequential:
    """Give a network the weights of ours: its parameters in order, but for biases in front of a norm, which ours lacks."""
    made.double()
    values = iter(ours.parameters())
    for layer in made.modules():
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
            with torch.no_grad():
                layer.weight.copy_(next(values))
                layer.bias.copy_(torch.zeros_like(layer.bias) if normed(made, layer) else next(values))  # type: ignore
    assert next(values, None) is None
    return made


def normed(network: nn.Module, layer: nn.Module) -> bool:
    """Tell whether an instance norm follows a layer."""
    return any(
        one is layer and isinstance(after, nn.InstanceNorm2d)
        for sequence in network.modules()
        if isinstance(sequence, nn.Sequential)
        for one, after in itertools.pairwise(sequence)
    )


def kept(network: nn.Module) -> list[Tensor]:
    """Return the parameters that ours has too, in its order."""
    return [
        value
        for layer in network.modules()
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d))
        for value in ([layer.weight] if normed(network, layer) else [layer.weight, layer.bias])
    ]


def photos(iteration: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(iteration)
    made = torch.rand(2, 1, 3, SIZE, SIZE, generator=generator, dtype=torch.float64) * 2 - 1
    return {"A": made[0] * 0.7 + 0.2, "B": made[1] * 0.5 - 0.3}


class SeedEachIteration(Callback):
    """Let the pools draw the same, whatever else draws meanwhile."""

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        torch.manual_seed(batch_idx)


class Restated:
    """Two generators, two discriminators, and a step."""

    def __init__(self, ours: CycleGAN, pool_size: int) -> None:
        self.G, self.F = twin(resnet(WIDTH), ours.generator_AB), twin(resnet(WIDTH), ours.generator_BA)
        self.D_A, self.D_B = twin(patch(WIDTH), ours.discriminator_A), twin(patch(WIDTH), ours.discriminator_B)
        self.pool_size = pool_size
        self.past: dict[str, list[Tensor]] = {"A": [], "B": []}
        of = lambda *networks: torch.optim.SGD(itertools.chain(*(n.parameters() for n in networks)), RATE)  # noqa: E731
        self.optimizer_G, self.optimizer_D = of(self.G, self.F), of(self.D_A, self.D_B)

    def pooled(self, side: str, fake: Tensor) -> Tensor:
        """Return the fake, or at even odds an older one in exchange for it."""
        past = self.past[side]
        if len(past) < self.pool_size:
            past.append(fake)
            return fake
        if self.pool_size == 0:
            return fake
        fresh, index = torch.randint(2, ()), int(torch.randint(self.pool_size, ()))
        if fresh:
            return fake
        old, past[index] = past[index], fake
        return old

    def step(self, a: Tensor, b: Tensor) -> dict[str, float]:
        fake_b, fake_a = self.G(a), self.F(b)
        rec_a, rec_b = self.F(fake_b), self.G(fake_a)
        on_b, on_a = self.D_B(fake_b), self.D_A(fake_a)
        terms = {
            "loss_g_AB": F.mse_loss(on_b, torch.ones_like(on_b)),
            "loss_g_BA": F.mse_loss(on_a, torch.ones_like(on_a)),
            "loss_cycle_A": F.l1_loss(rec_a, a),
            "loss_cycle_B": F.l1_loss(rec_b, b),
            "loss_identity_A": F.l1_loss(self.F(a), a),
            "loss_identity_B": F.l1_loss(self.G(b), b),
        }
        loss = terms["loss_g_AB"] + terms["loss_g_BA"] + CYCLE * (terms["loss_cycle_A"] + terms["loss_cycle_B"])
        loss = loss + CYCLE * IDENTITY * (terms["loss_identity_A"] + terms["loss_identity_B"])
        self.optimizer_G.zero_grad()
        loss.backward()
        self.optimizer_G.step()

        self.optimizer_D.zero_grad()
        for side, D, real, fake in (("A", self.D_A, a, fake_a), ("B", self.D_B, b, fake_b)):
            on_real, on_fake = D(real), D(self.pooled(side, fake.detach()))
            loss_d = 0.5 * (F.mse_loss(on_real, torch.ones_like(on_real)) + on_fake.square().mean())
            loss_d.backward()
            terms[f"loss_d_{side}"] = loss_d
        self.optimizer_D.step()
        return {name: float(term.detach()) for name, term in terms.items()}


@pytest.mark.parametrize("pool_size", [0, 1])
def test_losses_gradients_and_weights_are_those_of_the_paper(pool_size: int) -> None:
    torch.manual_seed(0)
    sgd: Any = lambda parameters: torch.optim.SGD(parameters, RATE)  # noqa: E731
    ours = CycleGAN(
        lambda: ResnetGenerator(width=WIDTH, blocks=BLOCKS),
        lambda: PatchDiscriminator(width=WIDTH, layers=2),
        sgd,
        sgd,
        lambda_cycle=CYCLE,
        lambda_identity=IDENTITY,
        pool_size=pool_size,
    ).double()
    with torch.no_grad():  # at 0.02 nothing would differ from a mean
        for value in ours.parameters():
            value.copy_(0.2 * torch.randn_like(value))
    restated = Restated(ours, pool_size)
    before = [value.detach().clone() for value in ours.parameters()]

    logged = fit(ours, photos, ITERATIONS, SeedEachIteration())
    for iteration in range(ITERATIONS):
        torch.manual_seed(iteration)
        terms = restated.step(*photos(iteration).values())
        assert {name: logged[iteration][name] for name in terms} == pytest.approx(terms, rel=1e-5), iteration

    pairs = [(ours.generator_AB, restated.G), (ours.generator_BA, restated.F)]
    pairs += [(ours.discriminator_A, restated.D_A), (ours.discriminator_B, restated.D_B)]
    mine = [value.detach() for network, _ in pairs for value in network.parameters()]
    theirs = [value.detach() for _, network in pairs for value in kept(network)]
    # what plain gradient descent moved is the sum of the gradients
    moved = torch.cat([(value - old).flatten() for value, old in zip(theirs, before, strict=True)])
    apart = torch.cat([(x - y).flatten() for x, y in zip(mine, theirs, strict=True)])
    assert moved.norm() > 0.1
    assert apart.norm() < 1e-4 * moved.norm()
