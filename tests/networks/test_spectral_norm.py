from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from gan_lab.networks import spectral_normalise

LAYERS = {
    "convolution": lambda: nn.Conv2d(3, 8, 4),
    "one by one": lambda: nn.Conv2d(5, 8, 1),
    "transposed convolution": lambda: nn.ConvTranspose2d(3, 8, 4),
    "linear": lambda: nn.Linear(6, 9),
    "embedding": lambda: nn.Embedding(7, 5),
}


def both(make: Callable[[], nn.Module]) -> tuple[nn.Module, nn.Module]:
    """Return a layer with spectral norm by us and by torch, from the same weights and draws."""
    torch.manual_seed(0)
    ours = make()
    theirs = copy.deepcopy(ours)
    torch.manual_seed(1)
    spectral_normalise(ours)
    torch.manual_seed(1)
    parametrizations.spectral_norm(theirs)
    return ours, theirs


def close(ours: nn.Module, theirs: nn.Module) -> None:
    """Check states by name, and gradients."""
    states = ours.state_dict(), theirs.state_dict()
    assert states[0].keys() == states[1].keys()
    for name, tensor in states[0].items():
        torch.testing.assert_close(tensor, states[1][name], msg=lambda text, name=name: f"{name}: {text}")
    gradients = [dict(layer.named_parameters())["parametrizations.weight.original"].grad for layer in (ours, theirs)]
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("name", LAYERS)
def test_it_is_torchs_over_some_steps(name: str, layout: torch.memory_format) -> None:
    ours, theirs = both(LAYERS[name])
    ours.to(memory_format=layout)  # theirs stays as it is: what is kept has one order, whatever the layout
    optimizers = [torch.optim.SGD(layer.parameters(), lr=0.1) for layer in (ours, theirs)]
    shape = theirs.parametrizations.weight.original.shape
    for step in range(4):
        target = torch.randn(shape, generator=torch.Generator().manual_seed(step))
        for layer, optimizer in zip((ours, theirs), optimizers, strict=True):
            optimizer.zero_grad()
            # two uses before one gradient, as in D(real) - D(fake)
            (layer.weight * target).sum().add((layer.weight - target).square().sum()).backward()
        close(ours, theirs)
        for optimizer in optimizers:
            optimizer.step()


def test_the_largest_singular_value_is_one() -> None:
    layer = nn.Conv2d(4, 6, 3)
    spectral_normalise(layer)
    for _ in range(300):
        weight = layer.weight
    assert torch.linalg.matrix_norm(weight.flatten(1), 2).item() == pytest.approx(1, abs=1e-4)


def test_evaluation_changes_nothing() -> None:
    layer = nn.Conv2d(4, 6, 3)
    spectral_normalise(layer)
    layer.eval()
    before = copy.deepcopy(layer.state_dict())
    first, second = layer.weight, layer.weight
    assert torch.equal(first, second)
    assert all(torch.equal(tensor, before[name]) for name, tensor in layer.state_dict().items())


def test_the_estimate_is_fp32_under_autocast() -> None:
    one, other = both(lambda: nn.Linear(60, 90))
    spectral_normalise(other := nn.Linear(60, 90))
    other.load_state_dict(one.state_dict())
    with torch.autocast("cpu", torch.bfloat16):
        within = one.weight
    assert torch.equal(within, other.weight)


@pytest.mark.parametrize("name", LAYERS)
def test_the_gradient_is_that_of_the_function(name: str) -> None:
    torch.manual_seed(0)
    layer = LAYERS[name]().double()
    spectral_normalise(layer)
    layer.eval()  # u and v as they are, and constants: what the paper differentiates
    norm = layer.parametrizations.weight[0]
    weight = layer.parametrizations.weight.original.detach().clone().requires_grad_()
    assert torch.autograd.gradcheck(norm, (weight,))
