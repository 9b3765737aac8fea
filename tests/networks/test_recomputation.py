"""Activations that are computed again: nothing changes but the memory."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from gan_lab.networks import (
    DCGANDiscriminator,
    PatchDiscriminator,
    R3GANDiscriminator,
    ResnetGenerator,
    Restorer,
    UNetGenerator,
    recompute_activations,
)

NETWORKS: dict[str, tuple[Callable[[], nn.Module], int]] = {
    "instance norm": (lambda: ResnetGenerator(3, 8, blocks=2), 2),
    "batch norm": (lambda: ResnetGenerator(3, 8, blocks=2, norm="batch"), 2),
    "dropout": (lambda: UNetGenerator(image_size=32, channels=3, width=8), 9),
    "discriminator": (lambda: DCGANDiscriminator(image_size=32, channels=3, width=8), 3),
    "r3gan": (lambda: R3GANDiscriminator(image_size=32, channels=3, width=16, blocks=1), 4),
    "restorer": (Restorer, 8),
    "spectral norm": (lambda: PatchDiscriminator(channels=3, width=8, norm="none", spectral=True), 0),
}


def step(network: nn.Module, image: Tensor, penalty: bool) -> list[Tensor]:
    """Return the loss, the gradients and the buffers after a step; with a penalty, of a gradient's size."""
    torch.manual_seed(3)
    image = image.clone().requires_grad_()
    made = network(image)
    loss = made.square().mean()
    if penalty:
        (gradient,) = torch.autograd.grad(made.sum(), image, create_graph=True)
        loss = loss + gradient.square().sum()
    loss.backward()
    gradients = [parameter.grad for parameter in network.parameters() if parameter.grad is not None]
    assert image.grad is not None
    return [loss.detach(), *gradients, image.grad, *network.buffers()]


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("penalty", [False, True])
def test_a_step_is_the_same_bit_for_bit(name: str, penalty: bool) -> None:
    make, count = NETWORKS[name]
    torch.manual_seed(0)
    usual = make()
    other = copy.deepcopy(usual)
    assert recompute_activations(other) == count
    assert list(other.state_dict()) == list(usual.state_dict())
    image = torch.randn(2, 3, 64 if name == "spectral norm" else 32, 64 if name == "spectral norm" else 32)
    for one, two in zip(step(usual, image, penalty), step(other, image, penalty), strict=True):
        torch.testing.assert_close(two, one, rtol=0, atol=0)


def test_less_is_kept() -> None:
    kept = []
    image = torch.randn(1, 3, 32, 32)
    for recomputed in (False, True):
        network, held = ResnetGenerator(3, 8, blocks=6), {}
        if recomputed:
            recompute_activations(network)

        def pack(tensor: Tensor, held: dict[int, int] = held) -> Tensor:
            held[tensor.data_ptr()] = tensor.nbytes
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            network(image)
        kept.append(sum(held.values()))
    assert kept[1] < kept[0] / 2


def test_nothing_is_computed_again_without_gradients() -> None:
    network, calls = ResnetGenerator(3, 8, blocks=1), []
    network.body[0].layers.register_forward_pre_hook(lambda *_: calls.append(1))
    recompute_activations(network)
    with torch.no_grad():
        network(torch.randn(1, 3, 32, 32))
    assert len(calls) == 1
    network(torch.randn(1, 3, 32, 32)).sum().backward()
    assert len(calls) == 3
